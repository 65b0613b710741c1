//! From a system's name to a kernel and an image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use build_manifest::{Addition, Catalogue, System, load_with, unruled_channels};

use crate::failure::{Failure, Outcome};
use crate::report::Report;
use crate::services;
use crate::workspace::{Profile, SUPERVISOR, Workspace, cargo};

/// A system that can be booted.
#[derive(Debug, Clone)]
pub struct Built {
    /// What its manifest says.
    pub system: System,
    /// The supervisor, an ELF file with PVH and multiboot2 entries.
    pub kernel: PathBuf,
    /// The system image.
    pub image: PathBuf,
    /// Length of the image in bytes.
    pub image_size: u64,
}

/// Reads a system's manifest: a name such as `desktop`, or a path.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_system(workspace: &Workspace, name: &str) -> Outcome<System> {
    read_system_at(workspace, &workspace.system(name)?)
}

/// Reads the system in a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_system_at(workspace: &Workspace, path: &Path) -> Outcome<System> {
    read_system_with(workspace, path, None)
}

/// Reads the system in a file, with something added to it before it is checked.
pub(crate) fn read_system_with(
    workspace: &Workspace,
    path: &Path,
    addition: Option<&Addition>,
) -> Outcome<System> {
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(&here).unwrap_or(path);
    let builtin = Catalogue::builtin();
    check_schemas(workspace, &builtin)?;
    let catalogue = services::catalogue(workspace, shown, builtin)?;
    let system =
        load_with(shown, &catalogue, addition).map_err(|problems| Failure::wrong(problems.to_string()))?;
    match unruled_channels(&system) {
        problems if problems.0.is_empty() => Ok(system),
        problems => Err(Failure::wrong(problems.to_string())),
    }
}

/// A schema that changed without a new version stops the build, before anybody talks past anybody.
fn check_schemas(workspace: &Workspace, catalogue: &Catalogue) -> Outcome<()> {
    let path = workspace.root.join("ipc-proto/spec/schemas.lock");
    let lock = std::fs::read_to_string(&path).map_err(|error| Failure::of(path.display(), &error))?;
    catalogue.check_lock(Path::new("ipc-proto/spec/schemas.lock"), &lock).map_err(|changed| {
        let told: Vec<String> = changed.iter().map(ToString::to_string).collect();
        Failure::wrong(told.join("\n"))
    })?;
    check_released(workspace, catalogue)
}

/// So does one that breaks what a release spoke.
fn check_released(workspace: &Workspace, catalogue: &Catalogue) -> Outcome<()> {
    for release in entries(&workspace.root.join("ipc-proto/spec/released"))? {
        for path in entries(&release)? {
            let content =
                std::fs::read_to_string(&path).map_err(|error| Failure::of(path.display(), &error))?;
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let shown = path.strip_prefix(&workspace.root).unwrap_or(&path).display().to_string();
            let checked = catalogue.check_released(&shown, name, &content);
            checked.map_err(|broken| Failure::wrong(broken.to_string()))?;
        }
    }
    Ok(())
}

/// What is in a folder, sorted.
fn entries(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let read = std::fs::read_dir(folder).map_err(|error| Failure::of(folder.display(), &error))?;
    let mut paths: Vec<PathBuf> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

/// Builds everything a system needs and packs its image to `output`, by default `target/skep/NAME.img`.
///
/// # Errors
/// A wrong manifest, a failed build, or a qube that does not fit.
pub fn build(workspace: &Workspace, name: &str, output: Option<&Path>, report: Report) -> Outcome<Built> {
    build_changed(workspace, name, output, None, |_| {}, report)
}

/// As [`build`], with something added before the system is checked, and after a change to it: other arguments of a qube, say.
///
/// # Errors
/// As [`build`].
pub fn build_changed(
    workspace: &Workspace,
    name: &str,
    output: Option<&Path>,
    addition: Option<&Addition>,
    change: impl FnOnce(&mut System),
    report: Report,
) -> Outcome<Built> {
    let path = workspace.system(name)?;
    // Who named no system sees which file is meant.
    let shown =
        if name.is_empty() { path.file_name().unwrap_or_default().to_string_lossy() } else { name.into() };
    let mut system = report
        .step(&format!("check the manifest of {shown}"), || read_system_with(workspace, &path, addition))?;
    change(&mut system);
    build_parts(workspace, &system, report)?;
    let file = match workspace.profile {
        Profile::Metal => format!("{}.img", system.name),
        Profile::Debugger => format!("{}-gdb.img", system.name),
    };
    let output = output.map_or_else(|| workspace.output().join(file), Path::to_owned);
    let image_size = report.step("pack the image", || pack(workspace, &system, &output))?;
    Ok(Built { system, kernel: supervisor(workspace), image: output, image_size })
}

/// Builds the supervisor and every qube of a system.
pub(crate) fn build_parts(workspace: &Workspace, system: &System, report: Report) -> Outcome<()> {
    let packages = system.packages();
    let step = format!("build the supervisor and {} qube packages", packages.len());
    report.step(&step, || build_packages(workspace, &[&[SUPERVISOR], packages.as_slice()].concat()))
}

/// Builds freestanding packages, apart from everything else so that no feature of a host tool reaches them.
///
/// # Errors
/// What the compiler says.
pub fn build_packages(workspace: &Workspace, packages: &[&str]) -> Outcome<()> {
    let mut trees: BTreeMap<&Path, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let Some((root, _)) = workspace.owner(package) else { return Err(no_package(workspace, package)) };
        trees.entry(root).or_default().push(package);
    }
    for (root, packages) in trees {
        // The supervisor is always as it is shipped, also where a debugger looks on; and it is built by itself, so that no
        // feature that a qube asks of a library reaches it.
        let (supervisor, qubes): (Vec<&str>, Vec<&str>) =
            packages.iter().partition(|name| **name == SUPERVISOR);
        compile(root, Profile::Metal, &supervisor)?;
        compile(root, workspace.profile, &qubes)?;
    }
    Ok(())
}

/// Compiles packages of one tree.
fn compile(root: &Path, profile: Profile, packages: &[&str]) -> Outcome<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let mut cargo = cargo(root);
    cargo.args(["build", "--quiet", "--profile", profile.name()]);
    cargo.args(packages.iter().flat_map(|package| ["--package", *package]));
    let output = cargo.output().map_err(|error| Failure::of("cargo", &error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::failed(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()))
}

fn no_package(workspace: &Workspace, package: &str) -> Failure {
    let project = workspace.project.iter().flat_map(|project| &project.packages);
    let names = workspace.packages.iter().chain(project).map(|known| known.name.as_str());
    let near = build_manifest::nearest(package, names);
    let hint = near.map(|near| format!("\n  fix: write `{near}`")).unwrap_or_default();
    Failure::wrong(format!("no package `{package}` in this project{hint}"))
}

/// Where cargo puts the supervisor.
#[must_use]
pub fn supervisor(workspace: &Workspace) -> PathBuf {
    binary(workspace, SUPERVISOR, SUPERVISOR)
}

/// Where cargo puts a freestanding binary of a package.
#[must_use]
pub fn binary(workspace: &Workspace, package: &str, name: &str) -> PathBuf {
    let target = workspace.owner(package).map_or(workspace.target.as_path(), |(_, target)| target);
    let profile = if package == SUPERVISOR { Profile::Metal } else { workspace.profile };
    target.join(profile.name()).join(name)
}

/// Packs the image from binaries already built; returns its length.
///
/// # Errors
/// A qube that does not fit, or a file that cannot be read or written.
pub fn pack(workspace: &Workspace, system: &System, output: &Path) -> Outcome<u64> {
    let mut files = BTreeMap::new();
    for qube in &system.qubes {
        let path = binary(workspace, &qube.package, &qube.binary);
        let bytes = std::fs::read(&path).map_err(|error| Failure::of(path.display(), &error))?;
        files.insert(qube.binary.as_str(), bytes);
    }
    let image = build_image::pack(system, |qube| files.get(qube.binary.as_str()).map_or(&[], Vec::as_slice));
    let image = image.map_err(|error| Failure::wrong(format!("{}: {error}", system.path.display())))?;
    if let Some(folder) = output.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Failure::of(folder.display(), &error))?;
    }
    std::fs::write(output, &image).map_err(|error| Failure::of(output.display(), &error))?;
    Ok(image.len() as u64)
}
