//! Who adds a method to a service is told by the compiler what else must change, before anything runs.

#![forbid(unsafe_code)]

use std::process::Command;

#[test]
fn a_method_that_the_server_lacks_is_named_by_the_compiler() {
    let folder = tests_new::made("growing", "");
    let trait_file = folder.join("api/src/lib.rs");
    let before = std::fs::read_to_string(&trait_file).expect("the trait");
    let method = "fn sign(&mut self, name: Text<64>) -> u32;";
    let after =
        before.replace(method, &format!("{method}\n    /// How many.\n    fn count(&mut self) -> u32;"));
    assert_ne!(before, after);
    std::fs::write(&trait_file, after).expect("a file");
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args(["check", "--quiet"]).current_dir(&folder).env_remove("CARGO_MANIFEST_DIR");
    cargo.env("CARGO_TARGET_DIR", tests_new::home().join("target/guide"));
    let output = cargo.output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    std::fs::remove_dir_all(&folder).expect("a folder to remove");
    assert!(!output.status.success());
    assert!(said.contains("not all trait items implemented, missing: `count`"), "{said}");
    assert!(said.contains("--> src/lib.rs:"), "{said}");
    assert_eq!(said.matches("error[").count(), 1, "one thing is missing, so one thing is said: {said}");
}
