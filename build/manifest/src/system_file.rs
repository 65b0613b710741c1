//! `systems/NAME.toml`: which qubes, which channels, which policy.

use std::path::Path;

use ipc_proto_types::{Label, QUEUE_SIZE, QubeName};
use toml::de::{DeTable, DeValue};

use crate::disposable::Disposable;
use crate::problem::{At, Problem, Source, tidy_path};
use crate::qube_file::{self, NAME_RULE, QubeFile};
use crate::section::{Section, parse, type_name};
use crate::system::Restart;

/// Receive buffers of a channel end when the manifest does not say.
const DEPTH_DEFAULT: u64 = 8;

/// A system file, read: its own keys, and the qube files it names with their overrides applied.
#[derive(Debug)]
pub(crate) struct SystemFile {
    pub(crate) name: QubeName,
    pub(crate) memory: At<u64>,
    /// Each with the place where the system names it.
    pub(crate) qubes: Vec<At<QubeFile>>,
    pub(crate) channels: Vec<ChannelEntry>,
    pub(crate) policy: Option<At<String>>,
}

/// One `[[channel]]`.
#[derive(Debug, Clone)]
pub(crate) struct ChannelEntry {
    pub(crate) at: usize,
    pub(crate) client: At<String>,
    pub(crate) server: At<String>,
    pub(crate) service: At<String>,
    pub(crate) depth: u16,
}

/// What an entry under `qubes` changes about its `qube.toml`.
#[derive(Default)]
struct Overrides {
    name: Option<At<QubeName>>,
    label: Option<Label>,
    memory: Option<At<u64>>,
    args: Option<String>,
    restart: Option<Restart>,
    binary: Option<String>,
    tags: Option<Vec<String>>,
    /// Added to what its `qube.toml` lists: a console calls what its system has.
    calls_also: Vec<At<String>>,
    disposable: Option<Disposable>,
}

/// Reads the file's keys and every qube it names. Problems go into `source` and, for qube files, into `problems`.
pub(crate) fn read(source: &mut Source, problems: &mut Vec<Problem>) -> Option<SystemFile> {
    let text = source.text.clone();
    let document = parse(&text, source)?;
    let mut section = Section::new("a system", &document, 0, source);
    let name = qube_file::required_name(&mut section);
    let memory = section.required("memory", "64MiB");
    let memory = section.size(memory);
    let qubes = section.value("qubes");
    let channels = section.value("channel");
    let policy = section.text("policy");
    section.finish();
    let qubes = match qubes {
        Some((value, span)) => read_qubes(value, span.start, source, problems),
        None => {
            source.problem(0, "a system without `qubes`", "a list of folders, each with a qube.toml", None);
            Vec::new()
        }
    };
    let channels = channels.map(|(value, span)| read_channels(value, span.start, source)).unwrap_or_default();
    Some(SystemFile { name: name?.value, memory: memory?, qubes, channels, policy })
}

fn read_qubes(
    value: &DeValue<'_>,
    at: usize,
    source: &mut Source,
    problems: &mut Vec<Problem>,
) -> Vec<At<QubeFile>> {
    let DeValue::Array(items) = value else {
        source.problem(at, format!("`qubes` is {}", type_name(value)), "a list of folders", None);
        return Vec::new();
    };
    let home = source.path.parent().unwrap_or(Path::new("")).to_owned();
    let mut qubes = Vec::new();
    for item in items.iter() {
        let span = item.span();
        let (folder, overrides) = match item.get_ref() {
            DeValue::String(folder) => (Some(folder.clone().into_owned()), Overrides::default()),
            DeValue::Table(table) => read_instance(table, span.start, source),
            other => {
                let found = format!("an entry of `qubes` is {}", type_name(other));
                source.problem(span.start, found, "a folder, or { path = \"...\", name = \"...\" }", None);
                continue;
            }
        };
        let Some(folder) = folder else { continue };
        if let Some(mut qube) = qube_file::read(&tidy_path(&home.join(folder)), problems) {
            let disposable = overrides.apply(&mut qube);
            match disposable {
                Some(disposable) => qubes.extend(disposable.qubes(qube, &span, source)),
                None => qubes.push(At { value: qube, span }),
            }
        }
    }
    qubes
}

fn read_instance(table: &DeTable<'_>, at: usize, source: &mut Source) -> (Option<String>, Overrides) {
    let mut section = Section::new("an entry of `qubes`", table, at, source);
    let path = section.required("path", "../../unikernels/echo").map(|path| path.value);
    let name = section.text("name");
    let name = section.parsed(name, |name| QubeName::new(name).ok(), NAME_RULE);
    let label = section.text("label");
    let label = qube_file::read_label(&mut section, label);
    let memory = section.text("memory");
    let memory = section.size(memory);
    let args = section.text("args");
    let args = qube_file::read_args(&mut section, args);
    let restart = section.text("restart");
    let restart = qube_file::read_restart(&mut section, restart);
    let binary = section.text("binary").map(|binary| binary.value);
    let tags: Vec<String> = section.texts("tags").into_iter().map(|tag| tag.value).collect();
    let tags = table.contains_key("tags").then_some(tags);
    let calls_also = section.texts("calls_also");
    let disposable = Disposable::read(&mut section);
    section.finish();
    (path, Overrides { name, label, memory, args, restart, binary, tags, calls_also, disposable })
}

impl Overrides {
    /// Changes the qube; gives what makes it a disposable, if it is to be one.
    fn apply(self, qube: &mut QubeFile) -> Option<Disposable> {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut qube.name, self.name);
        set(&mut qube.label, self.label);
        set(&mut qube.memory, self.memory);
        set(&mut qube.args, self.args);
        set(&mut qube.restart, self.restart);
        set(&mut qube.binary, self.binary);
        set(&mut qube.tags, self.tags);
        let is_new = |service: &At<String>| qube.calls.iter().all(|listed| listed.value != service.value);
        qube.calls_also = self.calls_also.into_iter().filter(is_new).collect();
        self.disposable
    }
}

fn read_channels(value: &DeValue<'_>, at: usize, source: &mut Source) -> Vec<ChannelEntry> {
    let DeValue::Array(items) = value else {
        source.problem(
            at,
            format!("`channel` is {}", type_name(value)),
            "one `[[channel]]` for each channel",
            None,
        );
        return Vec::new();
    };
    let mut channels = Vec::new();
    for item in items.iter() {
        let DeValue::Table(table) = item.get_ref() else {
            source.problem(
                item.span().start,
                "not a table",
                "`[[channel]]` with client, server and service",
                None,
            );
            continue;
        };
        let mut section = Section::new("a channel", table, item.span().start, source);
        let client = section.required("client", "console");
        let server = section.required("server", "echo");
        let service = section.required("service", "echo");
        let depth = section.number("depth", 1, QUEUE_SIZE as u64).map_or(DEPTH_DEFAULT, |depth| depth.value);
        section.finish();
        if let (Some(client), Some(server), Some(service)) = (client, server, service) {
            let depth = u16::try_from(depth).unwrap_or(u16::MAX);
            channels.push(ChannelEntry { at: item.span().start, client, server, service, depth });
        }
    }
    channels
}
