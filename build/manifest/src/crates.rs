//! Which services of a system are no part of Skep, and where the crates are that declare them.
//!
//! Whoever reads a system asks this first, has those crates say what they declare (see [`crate::Dossier`]), and then loads the
//! system with a catalogue that knows them.

use std::path::{Path, PathBuf};

use crate::problem::{Position, Problem, Problems, Source};
use crate::{qube_file, system_file};

/// A crate that declares a service with `#[service]` and exports it as `SERVICE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCrate {
    /// Name of the service.
    pub service: String,
    /// Folder of the crate.
    pub folder: PathBuf,
    /// Its package.
    pub package: String,
    /// The `qube.toml` that names it.
    pub file: PathBuf,
    /// And where.
    pub at: Position,
}

/// The crates that the qubes of the system in `path` name under `[services]`, each once, in order of their services.
///
/// # Errors
/// Everything that keeps the system and its qubes from being read, and folders that hold no package.
pub fn service_crates(path: &Path) -> Result<Vec<ServiceCrate>, Problems> {
    let mut source = Source::read(path).map_err(|problem| Problems(vec![problem]))?;
    let mut problems = Vec::new();
    let file = system_file::read(&mut source, &mut problems);
    let mut crates: Vec<ServiceCrate> = Vec::new();
    for qube in file.iter().flat_map(|file| &file.qubes) {
        let qube = &qube.value;
        for (service, folder) in &qube.services {
            let Ok(mut file) = Source::read(&qube.path) else { continue };
            let at = file.position(service.span.start);
            let Some(package) = qube_file::package_name(folder) else {
                let found = format!("no package in {}", folder.display());
                let fix = format!("correct the folder of `{}`, from the folder of this file", service.value);
                file.problem(service.span.start, found, "the folder of the service's crate", Some(fix));
                problems.append(&mut file.problems);
                continue;
            };
            let service = service.value.clone();
            crates.push(ServiceCrate {
                service,
                folder: folder.clone(),
                package,
                file: qube.path.clone(),
                at,
            });
        }
    }
    problems.splice(0..0, source.problems);
    if !problems.is_empty() {
        return Err(Problems(unique(problems)));
    }
    crates.sort_by(|one, other| one.service.cmp(&other.service));
    crates.dedup_by(|one, other| one.service == other.service && one.folder == other.folder);
    Ok(crates)
}

fn unique(problems: Vec<Problem>) -> Vec<Problem> {
    let mut unique: Vec<Problem> = Vec::new();
    for problem in problems {
        if !unique.contains(&problem) {
            unique.push(problem);
        }
    }
    unique
}
