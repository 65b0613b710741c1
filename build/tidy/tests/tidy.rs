//! The tree is tidy; and the rules that say so find what they are for.

use std::path::{Path, PathBuf};

use build_tidy::check;

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let faults = check(&root).expect("the tree can be read");
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), lines.join("\n"));
}

#[test]
fn the_supervisor_is_really_counted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let lines = build_tidy::supervisor_lines(&root).expect("the tree can be read");
    assert!((1_000..=9_410).contains(&lines), "{lines}");
}

/// A made-up tree: a right package `supervisor/good`, and these files.
fn faults(test: &str, files: &[(&str, &str)]) -> Vec<String> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().map_or(PathBuf::new(), Path::to_owned)).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write("supervisor/good/Cargo.toml", &manifest("supervisor-good", ""));
    write("supervisor/good/src/lib.rs", LIB);
    for (path, text) in files {
        write(path, text);
    }
    let faults = check(&root).expect("the tree can be read");
    std::fs::remove_dir_all(&root).expect("the folder was made above");
    faults.iter().map(ToString::to_string).collect()
}

const LIB: &str = "//! A crate.\n\n#![forbid(unsafe_code)]\n";

fn manifest(name: &str, dependencies: &str) -> String {
    format!("[package]\nname = \"{name}\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n{dependencies}")
}

#[test]
fn a_right_tree_has_no_faults() {
    assert_eq!(faults("right", &[]), Vec::<String>::new());
}

#[test]
fn unsafe_outside_the_rooms_is_found_with_its_line() {
    let file = "//! A file.\n// unsafe in a comment\nfn f() { let s = \"unsafe\"; }\nunsafe fn g() {}\n";
    let found = faults("unsafe", &[("supervisor/good/src/x.rs", file), ("supervisor/x86/src/y.rs", file)]);
    assert_eq!(
        found,
        ["supervisor/good/src/x.rs:4: `unsafe` outside the rooms\n  \
          fix: put it behind a safe function of one of supervisor/x86, supervisor/svm, unikernels/rt, \
          tests/perf-plugin, tests/hostile-qube"]
    );
}

#[test]
fn a_crate_that_does_not_forbid_unsafe_is_found() {
    let found = faults("forbid", &[("build/x/src/main.rs", "//! A tool.\nfn main() {}\n")]);
    assert_eq!(
        found,
        ["build/x/src/main.rs:1: a crate that does not forbid unsafe code\n  \
          fix: add `#![forbid(unsafe_code)]` after the `//!` header"]
    );
}

#[test]
fn a_file_without_a_header_and_one_too_long_are_found() {
    let long = format!("//! Long.\n{}", "\n".repeat(500));
    let found = faults("header", &[("build/a.rs", "fn f() {}\n"), ("build/b.rs", &long)]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("build/a.rs:1: a file without a header"));
    assert!(found[1].starts_with("build/b.rs:501: 501 lines; at most 500"));
}

#[test]
fn a_function_too_long_is_found_unless_it_is_a_test() {
    let body = "    x();\n".repeat(69);
    let long = format!(
        "//! Long.\nfn f() {{\n{body}}}\n#[cfg(test)]\nmod tests {{\n    fn g() {{\n{body}    }}\n}}\n"
    );
    let found = faults("function", &[("build/a.rs", &long)]);
    assert_eq!(
        found,
        ["build/a.rs:2: `f` has 71 lines; at most 70\n  fix: give its parts names of their own"]
    );
}

#[test]
fn a_dependency_that_points_up_is_found_with_its_line() {
    let up = manifest("ipc-proto-up", "serde = \"1\"\nsupervisor-good.path = \"../../supervisor/good\"\n");
    let found = faults("up", &[("ipc-proto/up/Cargo.toml", &up), ("ipc-proto/up/src/lib.rs", LIB)]);
    assert_eq!(
        found,
        [
            "ipc-proto/up/Cargo.toml:9: `ipc-proto` depends on `supervisor-good`\n  fix: it may depend on ipc-proto"
        ]
    );
}

#[test]
fn a_library_that_links_a_room_is_found_and_a_binary_is_not() {
    let room = manifest("supervisor-x86", "");
    let wired = "supervisor-x86.path = \"../x86\"\n";
    let found = faults(
        "room",
        &[
            ("supervisor/x86/Cargo.toml", &room),
            ("supervisor/pure/Cargo.toml", &manifest("supervisor-pure", wired)),
            ("supervisor/pure/src/lib.rs", LIB),
            ("supervisor/metal/Cargo.toml", &manifest("supervisor-metal", wired)),
            ("supervisor/metal/src/main.rs", LIB),
        ],
    );
    assert_eq!(
        found,
        [
            "supervisor/pure/Cargo.toml:8: `supervisor-pure`, which is no binary, depends on the room `supervisor-x86`\n  \
          fix: only binaries wire: take a trait instead"
        ]
    );
}

#[test]
fn a_package_without_lints_or_with_another_name_is_found() {
    let found = faults("form", &[("build/a/Cargo.toml", "[package]\nname = \"a\"\n[features]\nx = []\n")]);
    assert_eq!(
        found,
        [
            "build/a/Cargo.toml:1: a package with features\n  fix: vary by a type parameter or another package",
            "build/a/Cargo.toml:1: a package without the common lints\n  fix: add `[lints]` with `workspace = true`",
            "build/a/Cargo.toml:1: package `a`\n  fix: name it after its path: `build-a`",
        ]
    );
}

#[test]
fn a_host_or_a_folder_of_one_machine_is_found() {
    let host = concat!("see https://crates", ".io\n\nin /wo", "rk/main, not in net/wo", "rk/x\n");
    let found = faults("words", &[("docs/a.md", host)]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("docs/a.md:1:") && found[1].starts_with("docs/a.md:3:"));
}

#[test]
fn a_supervisor_over_its_budget_is_found() {
    let lines = "fn f() {}\n".repeat(450);
    let files: Vec<(String, String)> = (0..20)
        .map(|number| (format!("supervisor/good/src/f{number}.rs"), format!("//! F.\n{lines}")))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let found = faults("budget", &files);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("the supervisor has 9001 lines of Rust; at most 8992"), "{}", found[0]);
}
