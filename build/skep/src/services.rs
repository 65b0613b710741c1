//! The services of a system that are no part of Skep: asked of the crates that declare them.
//!
//! The tool cannot link a crate it has not seen. So it writes a small program that does, `target/skep/services`, builds it
//! for this machine and reads what it prints: one dossier a service (`build_manifest::Dossier`). Cargo knows when nothing
//! changed; then this takes a fraction of a second.
//!
//! Their schemas are locked, too: in `schemas.lock` beside the system's file, or in Skep's own lock for a system of Skep's.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use build_manifest::{Catalogue, Dossier, ServiceCrate, service_crates};
use ipc_proto_wire::Service;

use crate::failure::{Failure, Outcome};
use crate::workspace::{Workspace, cargo};

/// The lock of a project, beside its system file.
const LOCK: &str = "schemas.lock";
/// Skep's own.
const HOME_LOCK: &str = "ipc-proto/spec/schemas.lock";
/// What parts the dossiers.
const MARK: &str = "== service ";

/// The catalogue for the system in `path`: `builtin`, and the services that its qubes name.
///
/// # Errors
/// A manifest that cannot be read, a crate that does not build or declares another service, a schema that changed under an
/// old version.
pub fn catalogue(workspace: &Workspace, path: &Path, builtin: Catalogue) -> Outcome<Catalogue> {
    let crates = service_crates(path).map_err(|problems| Failure::wrong(problems.to_string()))?;
    if crates.is_empty() {
        return Ok(builtin);
    }
    let services = declared(workspace, &crates)?;
    lock(&lock_path(workspace, path), &services)?;
    let has_twin = |name: &str| {
        let told = crates.iter().find(|one| one.service == name).map(place).unwrap_or_default();
        Failure::wrong(format!(
            "{told}: a second service named `{name}`\n  expected: a name of its own; Skep has one of this name, or another qube \
             declares it from another crate\n  fix: name it otherwise in #[service(name = \"...\")]"
        ))
    };
    builtin.with(&services).map_err(has_twin)
}

/// The services that these crates declare, in their order.
fn declared(workspace: &Workspace, crates: &[ServiceCrate]) -> Outcome<Vec<&'static Service>> {
    let folder = workspace.output().join("services");
    write_program(workspace, &folder, crates)?;
    let mut cargo = cargo(&folder);
    // The project's own target folder: what its tests need is built already.
    let target = workspace.project.as_ref().map_or(&workspace.target, |project| &project.target);
    cargo.args(["run", "--quiet"]).arg("--target-dir").arg(target);
    let output = cargo.output().map_err(|error| Failure::of("cargo", &error))?;
    if !output.status.success() {
        return Err(Failure::failed(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let dossiers: Vec<&str> = text.split(MARK).skip(1).collect();
    let services = dossiers.iter().map(|dossier| Dossier(dossier).service());
    let services: Result<Vec<_>, _> = services.collect();
    let services = services.map_err(|error| Failure::failed(error.to_string()))?;
    for (service, wanted) in services.iter().zip(crates) {
        if service.name != wanted.service {
            return Err(Failure::wrong(format!(
                "{}: the crate {} declares the service `{}`, not `{}`\n  fix: write `{} = ...` here, or change \
                 #[service(name = \"...\")] in the crate",
                place(wanted),
                wanted.folder.display(),
                service.name,
                wanted.service,
                service.name
            )));
        }
    }
    if services.len() == crates.len() { Ok(services) } else { Err(Failure::failed("a service said nothing")) }
}

fn place(one: &ServiceCrate) -> String {
    format!("{}:{}:{}", one.file.display(), one.at.line, one.at.column)
}

/// Writes the program that says what the services are, where it is not written already.
fn write_program(workspace: &Workspace, folder: &Path, crates: &[ServiceCrate]) -> Outcome<()> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut manifest = String::from(
        "# Written by cargo skep.\n[package]\nname = \"services\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n",
    );
    let mut program = String::from("//! Says what the services are. Written by cargo skep.\n\nfn main() {\n");
    let wire = workspace.root.join("ipc-proto/wire");
    let _ = writeln!(manifest, "ipc-proto-wire = {{ path = {:?} }}", wire);
    for (number, one) in crates.iter().enumerate() {
        let path = absolute(&one.folder);
        let _ = writeln!(manifest, "service{number} = {{ package = {:?}, path = {path:?} }}", one.package);
        let _ = writeln!(program, "    say(&service{number}::SERVICE);");
    }
    program += &SAY.replace("MARK", MARK);
    let sources = folder.join("src");
    std::fs::create_dir_all(&sources).map_err(|error| Failure::of(sources.display(), &error))?;
    update(&folder.join("Cargo.toml"), &manifest)?;
    update(&sources.join("main.rs"), &program)?;
    // The versions that the project has.
    let from = workspace.project.as_ref().map_or(&workspace.root, |project| &project.root).join("Cargo.lock");
    let to = folder.join("Cargo.lock");
    if from.is_file() && !to.is_file() {
        std::fs::copy(&from, &to).map_err(|error| Failure::of(to.display(), &error))?;
    }
    Ok(())
}

const SAY: &str = r#"}

fn say(service: &ipc_proto_wire::Service) {
    let ipc_proto_wire::Service { name, version, request_max, reply_max, message_max, .. } = service;
    print!("MARK{name} {version} {request_max} {reply_max} {message_max} ");
    for byte in service.table {
        print!("{byte:02x}");
    }
    print!("\n{}", ipc_proto_wire::canonical(name, service.methods).as_str());
}
"#;

/// Writes a file, unless it says that already: cargo looks at its time.
fn update(path: &Path, text: &str) -> Outcome<()> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    std::fs::write(path, text).map_err(|error| Failure::of(path.display(), &error))
}

fn lock_path(workspace: &Workspace, system: &Path) -> PathBuf {
    let system = std::path::absolute(system).unwrap_or_else(|_| system.to_owned());
    match system.parent() {
        Some(folder) if !system.starts_with(&workspace.root) => folder.join(LOCK),
        _ => workspace.root.join(HOME_LOCK),
    }
}

/// Holds the services against the lock; adds the versions that are not in it yet, and says so.
fn lock(path: &Path, services: &[&'static Service]) -> Outcome<()> {
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(&here).unwrap_or(path);
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::of(shown.display(), &error)),
    };
    let catalogue = Catalogue::of(services.to_vec());
    catalogue.check_lock(shown, &text).map_err(|changed| {
        let told: Vec<String> = changed.iter().map(ToString::to_string).collect();
        Failure::wrong(told.join("\n"))
    })?;
    let missing: Vec<&Service> = catalogue.not_in_lock(&text).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut text = text;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for Service { name, version, id, .. } in missing {
        let _ = writeln!(text, "{name} {version} {id}");
        eprintln!(
            "  locked service `{name}` version {version} in {}: keep that file with your sources",
            shown.display()
        );
    }
    std::fs::write(path, text).map_err(|error| Failure::of(shown.display(), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_version_is_added_to_the_lock_and_a_changed_schema_is_refused() {
        let path = std::env::temp_dir().join(format!("skep-lock-{}", std::process::id()));
        let echo = &Catalogue::builtin().find("echo").unwrap();
        lock(&path, &[echo]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("echo 1 {}\n", echo.id));
        lock(&path, &[echo]).unwrap();
        let other = Box::leak(Box::new(Service { id: ipc_proto_types::SchemaId([7; 16]), ..**echo }));
        let told = lock(&path, &[other]).unwrap_err().message;
        assert!(told.contains(":1: the schema of service `echo`") && told.contains("version = 2"), "{told}");
        let newer = Box::leak(Box::new(Service { version: 2, ..*other }));
        lock(&path, &[newer]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
