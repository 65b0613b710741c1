//! A qube made by `skep new` passes its own tests as it is, outside of Skep's tree, with every service it can call.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use build_skep::new::{Options, new};
use build_template::{CALLABLE, Given};

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a root").to_owned()
}

/// Runs cargo in `folder`; it must pass and warn of nothing.
fn cargo(folder: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args(arguments).current_dir(folder).env_remove("CARGO_MANIFEST_DIR");
    // What Skep's own packages compile to is the same for all of these.
    cargo.env("CARGO_TARGET_DIR", home().join("target/new"));
    let output = cargo.output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
    assert!(!said.contains("warning"), "{arguments:?}: {said}");
}

fn made(name: &str, calls: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("skep-new-{}", std::process::id())).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let given = Given { calls: Some(calls.into()), ..Given::default() };
    let options =
        Options { name: name.into(), given, path: Some(folder.clone()), yes: true, ..Options::default() };
    new(&home(), &options).expect("a qube");
    folder
}

/// Not `--all`, which looks into Skep's own packages too.
fn is_formatted(folder: &Path, name: &str) {
    let (api, qube) = (format!("{name}-api"), format!("{name}-qube"));
    cargo(folder, &["fmt", "--check", "--package", name, "--package", &api, "--package", &qube]);
}

fn passes_its_own_tests(name: &str, calls: &str) {
    let folder = made(name, calls);
    is_formatted(&folder, name);
    cargo(&folder, &["clippy", "--quiet", "--all-targets", "--", "--deny", "warnings"]);
    let qube = format!("{name}-qube");
    cargo(
        &folder,
        &["clippy", "--quiet", "--profile", "metal", "--package", &qube, "--", "--deny", "warnings"],
    );
    cargo(&folder, &["test", "--quiet"]);
    std::fs::remove_dir_all(&folder).expect("a folder to remove");
}

#[test]
fn a_qube_that_calls_nobody_passes_its_own_tests() {
    passes_its_own_tests("guestbook", "");
}

#[test]
fn a_qube_that_calls_the_clock_passes_its_own_tests() {
    passes_its_own_tests("a-book", "clock");
}

#[test]
fn a_qube_that_calls_everybody_passes_its_own_tests() {
    passes_its_own_tests("zoo-book-abcdefg", &CALLABLE.join(","));
}

#[test]
fn every_choice_of_calls_is_formatted() {
    for bits in 0..1_usize << CALLABLE.len() {
        let calls: Vec<&str> =
            (0..CALLABLE.len()).filter(|at| bits >> at & 1 == 1).map(|at| CALLABLE[at]).collect();
        let folder = made("a", &calls.join(","));
        is_formatted(&folder, "a");
        std::fs::remove_dir_all(&folder).expect("a folder to remove");
    }
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let folder = made("taken", "");
    let options =
        Options { name: "taken".into(), path: Some(folder.clone()), yes: true, ..Options::default() };
    let told = new(&home(), &options).expect_err("it is taken").message;
    assert!(told.contains("fix: choose another name"), "{told}");
    std::fs::remove_dir_all(&folder).expect("a folder to remove");
}
