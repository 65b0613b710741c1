//! Packages: named after their paths, under the common lints, and with dependencies that only point down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::Fault;
use crate::rooms::ROOMS;
use crate::tree::File;

/// Which areas an area may depend on. `tests` may depend on all.
const LAYERS: [(&str, &[&str]); 6] = [
    ("ipc-proto", &["ipc-proto"]),
    ("supervisor", &["ipc-proto", "supervisor"]),
    ("unikernels", &["ipc-proto", "unikernels"]),
    ("vault-app", &["ipc-proto", "unikernels", "vault-app"]),
    ("netvm", &["ipc-proto", "unikernels", "netvm"]),
    ("build", &["ipc-proto", "build", "netvm/firewall", "supervisor/image", "supervisor/policy"]),
];
/// Folders whose packages are no members of the workspace.
const OUTSIDE: [&str; 2] = ["unikernels/template", "tests/fuzz"];

/// One package.
struct Package {
    manifest: PathBuf,
    folder: PathBuf,
    name: String,
    /// Names and lines of its dependencies that are not only for tests.
    dependencies: Vec<(String, usize)>,
    shares_lints: bool,
    has_features: bool,
    is_binary: bool,
}

pub(crate) fn check(files: &[File], faults: &mut Vec<Fault>) {
    let packages: Vec<Package> = files.iter().filter_map(|file| read(file, files)).collect();
    let folders: BTreeMap<&str, &Path> =
        packages.iter().map(|package| (package.name.as_str(), package.folder.as_path())).collect();
    for package in &packages {
        check_form(package, faults);
        for (name, line) in &package.dependencies {
            if let Some(folder) = folders.get(name.as_str()) {
                check_dependency(package, name, folder, *line, faults);
            }
        }
    }
}

fn read(file: &File, files: &[File]) -> Option<Package> {
    let folder = file.path.parent()?.to_owned();
    if !file.path.ends_with("Cargo.toml") || OUTSIDE.iter().any(|outside| folder.starts_with(outside)) {
        return None;
    }
    let document = DeTable::parse(&file.text).ok()?.into_inner();
    let name = document.get("package")?.get_ref().get("name")?.get_ref().as_str()?.to_owned();
    let mut dependencies = Vec::new();
    for table in ["dependencies", "build-dependencies"] {
        if let Some(DeValue::Table(table)) = document.get(table).map(toml::Spanned::get_ref) {
            for key in table.keys() {
                let line = crate::rust::line(&file.text, key.span().start);
                dependencies.push((key.get_ref().clone().into_owned(), line));
            }
        }
    }
    let shares_lints =
        document.get("lints").and_then(|lints| lints.get_ref().get("workspace")?.get_ref().as_bool());
    Some(Package {
        is_binary: files.iter().any(|other| other.path == folder.join("src/main.rs")),
        manifest: file.path.clone(),
        folder,
        name,
        dependencies,
        shares_lints: shares_lints == Some(true),
        has_features: document.contains_key("features"),
    })
}

fn check_form(package: &Package, faults: &mut Vec<Fault>) {
    let mut fault = |found: String, fix: String| {
        faults.push(Fault { file: package.manifest.clone(), line: 1, found, fix });
    };
    let expected = package.folder.to_str().unwrap_or("").replace('/', "-");
    if package.name != expected {
        fault(format!("package `{}`", package.name), format!("name it after its path: `{expected}`"));
    }
    if !package.shares_lints {
        fault("a package without the common lints".into(), "add `[lints]` with `workspace = true`".into());
    }
    if package.has_features {
        fault("a package with features".into(), "vary by a type parameter or another package".into());
    }
}

fn check_dependency(package: &Package, name: &str, folder: &Path, line: usize, faults: &mut Vec<Fault>) {
    let mut fault = |found: String, fix: String| {
        faults.push(Fault { file: package.manifest.clone(), line, found, fix });
    };
    let layer = LAYERS.iter().find(|(area, _)| package.folder.starts_with(area));
    if let Some((area, allowed)) = layer
        && !allowed.iter().any(|below| folder.starts_with(below))
    {
        fault(format!("`{area}` depends on `{name}`"), format!("it may depend on {}", allowed.join(", ")));
    }
    let is_room = |folder: &Path| ROOMS.iter().any(|room| folder == Path::new(room));
    if is_room(folder) && !package.is_binary && !is_room(&package.folder) {
        let found = format!("`{}`, which is no binary, depends on the room `{name}`", package.name);
        fault(found, "only binaries wire: take a trait instead".into());
    }
}
