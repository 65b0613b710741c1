//! A qube made by `skep new` passes its own tests as it is, outside of Skep's tree, with every service it can call.

#![forbid(unsafe_code)]

use build_skep::new::{Options, new};
use build_template::CALLABLE;
use tests_new::{cargo, home, is_formatted, made};

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
