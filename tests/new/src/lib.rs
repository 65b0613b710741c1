//! Qubes made by `skep new` in a scratch folder, and cargo run on them: what a person does first.
//!
//! It boots nothing, but it compiles much of Skep a second time, so it is among the tests that `--quick` leaves out.
//! Not here: the text of the template (`build/template`), booting (`tests/e2e`).

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use build_skep::new::{Options, new};
use build_template::Given;

/// Skep's own tree.
#[must_use]
pub fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a root").to_owned()
}

/// Runs cargo in `folder`; it must pass and warn of nothing.
///
/// # Panics
/// With what cargo said.
pub fn cargo(folder: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args(arguments).current_dir(folder).env_remove("CARGO_MANIFEST_DIR");
    // What Skep's own packages compile to is the same for all of these.
    cargo.env("CARGO_TARGET_DIR", home().join("target/new"));
    let output = cargo.output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
    assert!(!said.contains("warning"), "{arguments:?}: {said}");
}

/// Makes a qube in a scratch folder, with these calls and nothing else said.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn made(name: &str, calls: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("skep-new-{}", std::process::id())).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let given = Given { calls: Some(calls.into()), ..Given::default() };
    let options =
        Options { name: name.into(), given, path: Some(folder.clone()), yes: true, ..Options::default() };
    new(&home(), &options).expect("a qube");
    folder
}

/// Checks that the qube's three packages are formatted. Not `--all`, which looks into Skep's own packages too.
///
/// # Panics
/// When they are not.
pub fn is_formatted(folder: &Path, name: &str) {
    let (api, qube) = (format!("{name}-api"), format!("{name}-qube"));
    cargo(folder, &["fmt", "--check", "--package", name, "--package", &api, "--package", &qube]);
}
