//! The tool as a person types it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::{Command, Output};

fn skep(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-skep"));
    command.args(arguments).current_dir(root).env("NO_COLOR", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_command_has_help_with_examples() {
    for command in ["run", "test", "image", "iso", "bench", "tidy", "doctor", "inspect", "who-can-reach"] {
        let output = skep(&[command, "--help"]);
        let help = text(&output.stdout);
        assert!(output.status.success(), "{command}");
        assert!(help.contains("Examples:") && help.contains(&format!("cargo skep {command}")), "{help}");
    }
}

#[test]
fn who_can_reach_answers_from_the_manifest() {
    let output = skep(&["who-can-reach", "echo", "minimal"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "who can reach echo in minimal:\n  \
         ★ console (green)  echo.*  allowed  build/systems/minimal.toml:7\n"
    );
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest_and_code_2() {
    let cases = [
        (
            ["who-can-reach", "eco", "minimal"],
            "no qube `eco` in `minimal`\n  expected: one of console, echo\n  fix: write `echo`",
        ),
        (
            ["who-can-reach", "echo", "minmal"],
            "no system `minmal`: build/systems/minmal.toml is no file\n  expected: one of",
        ),
    ];
    for (arguments, expected) in cases {
        let output = skep(&arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains('\x1b'), "NO_COLOR is respected");
    }
    assert!(text(&skep(&["who-can-reach", "echo", "minmal"]).stderr).contains("fix: write `minimal`"));
    assert_eq!(skep(&["boot"]).status.code(), Some(2));
}

#[test]
fn a_wrong_manifest_is_answered_with_file_line_and_fix() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("broken.toml");
    std::fs::write(&path, "name = \"broken\"\nmemry = \"1MiB\"\nmemory = \"1MiB\"\nqubes = []\n").unwrap();
    let output = skep(&["image", path.to_str().unwrap()]);
    std::fs::remove_dir_all(&folder).unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("broken.toml:2:1: unknown key `memry` in a system"), "{said}");
    assert!(said.contains("fix: write `memory`"), "{said}");
}

#[test]
fn a_policy_difference_marks_new_ways_to_a_vault_and_can_fail_for_them() {
    let output = skep(&["policy", "diff", "minimal", "desktop"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("  new qube clock (▲ work)\n"), "{said}");
    assert!(
        said.contains("! console may now call vault.* of vault\n      this opens a way to vault\n"),
        "{said}"
    );
    let strict = skep(&["policy", "diff", "minimal", "desktop", "--deny-new-paths-to-vault"]);
    assert_eq!((strict.status.code(), text(&strict.stdout)), (Some(1), said));
    assert!(
        text(&strict.stderr).contains("a new way to vault, vault-personal, vault-work, work-write is open")
    );
    let closing = skep(&["policy", "diff", "desktop", "minimal", "--deny-new-paths-to-vault"]);
    assert_eq!(closing.status.code(), Some(0));
}

#[test]
fn a_system_out_of_git_is_compared_and_a_wrong_revision_is_named() {
    let same = skep(&["policy", "diff", "HEAD:minimal", "HEAD:minimal"]);
    assert_eq!(text(&same.stdout), "nothing changed about who may do what\n", "{}", text(&same.stderr));
    let wrong = skep(&["policy", "diff", "no-such-revision:minimal", "minimal"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("no revision `no-such-revision`"), "{}", text(&wrong.stderr));
}

#[test]
fn a_picture_goes_to_standard_output_or_a_file() {
    let dot = text(&skep(&["inspect", "--dot", "minimal"]).stdout);
    assert!(dot.contains("\"console\" -> \"echo\""), "{dot}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("picture-{}.svg", std::process::id()));
    let output = skep(&["inspect", "--svg", "minimal", "-o", path.to_str().unwrap()]);
    let picture = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(output.status.success() && picture.starts_with("<svg "), "{}", text(&output.stderr));
}
