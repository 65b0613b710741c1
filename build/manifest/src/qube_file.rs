//! `qube.toml`: what one qube is.

use std::path::{Path, PathBuf};

use ipc_proto_types::{Label, QubeName};

use crate::problem::{At, Problem, Source, tidy_path};
use crate::section::{Section, parse, type_name};
use crate::system::{Device, Restart};

/// What a name must look like, in messages.
pub(crate) const NAME_RULE: &str = "a name: 1 to 16 of a-z, 0-9 and -, beginning with a letter";
/// Longest argument text, rules included, in bytes; it must fit the info page.
pub(crate) const ARGS_MAX: usize = 2048;

/// A `qube.toml`, read but not yet placed in a system.
#[derive(Debug, Clone)]
pub(crate) struct QubeFile {
    pub(crate) folder: PathBuf,
    pub(crate) name: At<QubeName>,
    pub(crate) label: Label,
    pub(crate) memory: At<u64>,
    pub(crate) stack: Option<u64>,
    pub(crate) package: String,
    pub(crate) binary: String,
    pub(crate) serves: Vec<At<String>>,
    pub(crate) calls: Vec<At<String>>,
    /// What the system has it call besides; these stand in the system file.
    pub(crate) calls_also: Vec<At<String>>,
    pub(crate) tags: Vec<String>,
    pub(crate) args: String,
    pub(crate) restart: Restart,
    /// What the system says of it as a disposable.
    pub(crate) family: Option<QubeName>,
    pub(crate) opened_for: Option<At<String>>,
    pub(crate) devices: Vec<Device>,
    /// It may drive its PCI function where there is no IOMMU.
    pub(crate) dma_unprotected: bool,
    /// Services that are no part of Skep, with the folders of the crates that declare them.
    pub(crate) services: Vec<(At<String>, PathBuf)>,
    /// The file itself, for problems found later.
    pub(crate) path: PathBuf,
}

/// Reads `folder/qube.toml`; `None` with the reasons in `problems`.
pub(crate) fn read(folder: &Path, problems: &mut Vec<Problem>) -> Option<QubeFile> {
    let path = folder.join("qube.toml");
    let mut source = match Source::read(&path) {
        Ok(source) => source,
        Err(mut problem) => {
            problem.fix = Some("create it, or correct the path under `qubes`".into());
            problems.push(problem);
            return None;
        }
    };
    let text = source.text.clone();
    let qube = parse(&text, &mut source).and_then(|document| {
        let mut section = Section::new("a qube", &document, 0, &mut source);
        let qube = read_keys(&mut section, folder);
        section.finish();
        qube
    });
    let clean = source.problems.is_empty();
    problems.append(&mut source.problems);
    qube.filter(|_| clean)
}

fn read_keys(section: &mut Section<'_, '_>, folder: &Path) -> Option<QubeFile> {
    let name = required_name(section);
    let label = section.required("label", "work");
    let label = read_label(section, label);
    let memory = section.required("memory", "2MiB");
    let memory = section.size(memory);
    let stack = section.text("stack");
    let stack = section.size(stack).map(|stack| stack.value);
    let package = section.text("package").map(|package| package.value).or_else(|| package_name(folder));
    let binary = section.text("binary").map(|binary| binary.value);
    let (serves, calls) = (section.texts("serves"), section.texts("calls"));
    let tags = section.texts("tags");
    let args = section.text("args");
    let args = read_args(section, args).unwrap_or_default();
    let restart = section.text("restart");
    let restart = read_restart(section, restart).unwrap_or(Restart::Always);
    let devices = read_devices(section);
    let dma = section.text("dma");
    let protections =
        |word: &str| ["protected", "unprotected"].contains(&word).then(|| word == "unprotected");
    let dma = section.parsed(
        dma,
        protections,
        "\"protected\" (by an IOMMU, else it does not start) or \"unprotected\"",
    );
    let services = read_services(section, folder);
    if package.is_none() {
        let found = "no `package`, and no Cargo.toml with one beside it";
        section.source.problem(
            0,
            found,
            "the cargo package of the qube",
            Some("add `package = \"...\"`".into()),
        );
    }
    let package = package?;
    Some(QubeFile {
        folder: folder.to_owned(),
        path: section.source.path.clone(),
        name: name?,
        label: label?,
        memory: memory?,
        stack,
        binary: binary.unwrap_or_else(|| package.clone()),
        package,
        serves,
        calls,
        calls_also: Vec::new(),
        tags: tags.into_iter().map(|tag| tag.value).collect(),
        args,
        restart,
        family: None,
        opened_for: None,
        devices,
        dma_unprotected: dma.is_some_and(|dma| dma.value),
        services,
    })
}

/// The key `name`, as a name.
pub(crate) fn required_name(section: &mut Section<'_, '_>) -> Option<At<QubeName>> {
    let name = section.required("name", "echo");
    section.parsed(name, |name| QubeName::new(name).ok(), NAME_RULE)
}

/// A label by its word.
pub(crate) fn read_label(section: &mut Section<'_, '_>, label: Option<At<String>>) -> Option<Label> {
    let words = Label::ALL.map(Label::word).join(", ");
    section.parsed(label, Label::from_word, &format!("a label: one of {words}")).map(|label| label.value)
}

/// Argument text that fits the info page and the terminal.
pub(crate) fn read_args(section: &mut Section<'_, '_>, args: Option<At<String>>) -> Option<String> {
    let fits = |args: &str| {
        let words = args.split(' ').filter(|word| !word.is_empty());
        let legal = words.into_iter().all(|word| word.contains('=') && !word.contains(char::is_control));
        (legal && args.len() <= ARGS_MAX).then(|| args.to_owned())
    };
    let expected = "`key=value` words separated by single spaces, at most 2048 bytes";
    section.parsed(args, fits, expected).map(|args| args.value)
}

/// `"always"` or `"never"`.
pub(crate) fn read_restart(section: &mut Section<'_, '_>, restart: Option<At<String>>) -> Option<Restart> {
    let parse = |word: &str| match word {
        "always" => Some(Restart::Always),
        "never" => Some(Restart::Never),
        _ => None,
    };
    section.parsed(restart, parse, "\"always\" or \"never\"").map(|restart| restart.value)
}

fn read_devices(section: &mut Section<'_, '_>) -> Vec<Device> {
    let mut devices = Vec::new();
    for device in section.texts("devices") {
        let expected = "a device: \"terminal\" (the first serial port), \"inspect\" (the second), \"disk\", \"nic\", a PCI function by class as \
                        \"pci-class:0108\" or by address as \"pci:00:04.0\"";
        let Some(device) = section.parsed(Some(device), Device::named, expected) else { continue };
        // Its runtime drives one.
        if let Some(first) = devices.first() {
            let found = format!("\"{}\" beside \"{}\"", device.value.word(), Device::word(*first));
            section.source.problem(device.span.start, found, "one device a qube", None);
        }
        devices.push(device.value);
    }
    devices
}

/// The table `[services]`: `guestbook = "../api"`.
fn read_services(section: &mut Section<'_, '_>, folder: &Path) -> Vec<(At<String>, PathBuf)> {
    let Some((value, span)) = section.value("services") else { return Vec::new() };
    let mut wrong = |at: usize, found: String| {
        let expected = "a table of services and the folders of their crates";
        section.source.problem(at, found, expected, Some("write `guestbook = \"../api\"`".into()));
    };
    let toml::de::DeValue::Table(table) = value else {
        wrong(span.start, format!("`services` is {}", type_name(value)));
        return Vec::new();
    };
    let mut services = Vec::new();
    for (name, crate_folder) in table.iter() {
        match crate_folder.get_ref().as_str() {
            Some(crate_folder) => {
                let name = At { value: name.get_ref().clone().into_owned(), span: name.span() };
                services.push((name, tidy_path(&folder.join(crate_folder))));
            }
            None => wrong(crate_folder.span().start, format!("`{}` without a folder", name.get_ref())),
        }
    }
    services
}

/// The package a folder's `Cargo.toml` declares.
pub(crate) fn package_name(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let document = toml::de::DeTable::parse(&text).ok()?.into_inner();
    let name = document.get("package")?.get_ref().get("name")?.get_ref().as_str()?;
    Some(name.to_owned())
}
