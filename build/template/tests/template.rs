//! The template of this tree, rendered in every variant.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use build_template::{Answers, CALLABLE, File, Place, files, first_schema, put_inside, read};
use ipc_proto_derive::service;
use ipc_proto_types::{Label, Text};

/// The trait of the template, written out.
#[service(name = "guestbook", version = 1)]
pub trait Guestbook {
    /// As in the template.
    fn sign(&mut self, name: Text<64>) -> u32;
}

const SERVER_LINES_MAX: usize = 40;

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a root").to_owned()
}

fn template() -> Vec<File> {
    read(&home().join("unikernels/template")).expect("the template")
}

fn outside() -> Place {
    Place::Outside { home: PathBuf::from("/skep"), skep_version: None }
}

fn by_version() -> Place {
    Place::Outside { home: PathBuf::from("/skep"), skep_version: Some("0.1.0".into()) }
}

/// Every choice of calls: bit `n` of the number is service `n`.
fn choices() -> impl Iterator<Item = Vec<&'static str>> {
    (0..1_usize << CALLABLE.len())
        .map(|bits| (0..CALLABLE.len()).filter(|at| bits >> at & 1 == 1).map(|at| CALLABLE[at]).collect())
}

fn answers(name: &str, calls: Vec<&'static str>) -> Answers {
    Answers { name: name.into(), label: Label::Work, serves: name.into(), calls, memory: "2MiB".into() }
}

fn rendered(name: &str, calls: &[&'static str], place: &Place) -> Vec<File> {
    files(&template(), &answers(name, calls.to_vec()), place).expect("the template renders")
}

fn text<'a>(files: &'a [File], path: &str) -> &'a str {
    &files.iter().find(|file| file.path == Path::new(path)).expect(path).text
}

#[test]
fn every_variant_renders_and_leaves_nothing_of_the_template() {
    for place in [outside(), by_version(), Place::Inside] {
        for calls in choices() {
            for name in ["guestbook", "my-book"] {
                for file in rendered(name, &calls, &place) {
                    let (path, text) = (file.path.display(), &file.text);
                    assert!(!text.contains("{{") && !text.contains("{%"), "{path}: {text}");
                    assert!(!text.contains("\n\n\n") && text.ends_with('\n'), "{path} of {calls:?}: {text}");
                    assert!(!text.starts_with('\n'), "{path} of {calls:?}: {text}");
                }
            }
        }
    }
}

#[test]
fn no_server_is_longer_than_forty_lines() {
    for calls in choices() {
        let files = rendered("my-book", &calls, &outside());
        let lines = text(&files, "src/lib.rs").lines().count();
        assert!(lines <= SERVER_LINES_MAX, "{lines} lines for {calls:?}");
    }
}

#[test]
fn a_qube_that_calls_nobody_has_the_expected_files() {
    let files = rendered("my-book", &[], &outside());
    let paths: Vec<String> = files.iter().map(|file| file.path.display().to_string()).collect();
    let expected = [
        ".ci/run",
        ".gitignore",
        "Cargo.toml",
        "README.md",
        "api/Cargo.toml",
        "api/src/lib.rs",
        "clippy.toml",
        "qube/Cargo.toml",
        "qube/qube.toml",
        "qube/src/main.rs",
        "rust-toolchain.toml",
        "rustfmt.toml",
        "schemas.lock",
        "src/lib.rs",
        "system.toml",
        "tests/e2e.rs",
        "tests/host.rs",
    ];
    assert_eq!(paths, expected);
    assert!(files.iter().all(|file| file.is_program == (file.path == Path::new(".ci/run"))));
    assert_eq!(
        text(&files, "qube/qube.toml"),
        "# What the qube is. Who may talk to whom is the system's policy.\nname = \"my-book\"\nlabel = \"work\"\n\
         memory = \"2MiB\"\nserves = [\"my-book\"]\nrestart = \"always\"\n\n# Where its service is declared.\n\
         [services]\nmy-book = \"../api\"\n"
    );
    assert!(text(&files, "api/src/lib.rs").contains("pub trait MyBook {"));
    assert!(text(&files, "Cargo.toml").contains("ipc-proto-rpc = { path = \"/skep/ipc-proto/rpc\" }\n"));
}

#[test]
fn by_version_no_package_is_taken_from_a_folder_of_skep() {
    let files = rendered("my-book", &CALLABLE, &by_version());
    for manifest in ["Cargo.toml", "api/Cargo.toml", "qube/Cargo.toml"] {
        assert!(!text(&files, manifest).contains("/skep"), "{manifest}");
    }
    assert!(text(&files, "qube/Cargo.toml").contains("unikernels-rt = \"0.1.0\"\n"));
    let ours = std::fs::read_to_string(home().join("unikernels/rt/qube-build.rs")).expect("the build script");
    assert_eq!(text(&files, "qube/build.rs").trim_start(), ours, "the copy in the template is out of date");
}

#[test]
fn inside_the_tree_the_files_are_those_of_three_packages_of_it() {
    let files = rendered("my-book", &["clock"], &Place::Inside);
    let paths: Vec<String> = files.iter().map(|file| file.path.display().to_string()).collect();
    let expected = [
        "Cargo.toml",
        "api/Cargo.toml",
        "api/src/lib.rs",
        "qube/Cargo.toml",
        "qube/qube.toml",
        "qube/src/main.rs",
        "src/lib.rs",
        "src/peers.rs",
        "system.toml",
        "tests/e2e.rs",
        "tests/host.rs",
    ];
    assert_eq!(paths, expected);
    let root = text(&files, "Cargo.toml");
    assert!(root.contains("name = \"unikernels-my-book\"\n") && !root.contains("[workspace"), "{root}");
    assert!(root.contains("{ path = \"../../ipc-proto/rpc\" }"), "{root}");
    assert!(text(&files, "api/Cargo.toml").contains("{ path = \"../../../ipc-proto/rpc\" }"));
    assert!(text(&files, "qube/Cargo.toml").contains("build = \"../../../unikernels/rt/qube-build.rs\""));
    assert!(text(&files, "system.toml").contains("\"../../unikernels/my-book/qube\""));
}

#[test]
fn the_first_schema_is_the_one_of_the_trait() {
    assert_eq!(first_schema("guestbook"), SERVICE.id);
}

#[test]
fn inside_everything_is_put_in_its_place_or_nothing_is() {
    let scratch = std::env::temp_dir().join(format!("skep-template-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(scratch.join("unikernels")).expect("a folder");
    let manifest = "[workspace]\nmembers = [\n    \"unikernels/echo\",\n    \"vault-app/core\",\n]\n";
    std::fs::write(scratch.join("Cargo.toml"), manifest).expect("a file");
    let files = rendered("my-book", &[], &Place::Inside);
    // There is no build/systems yet: the second step fails, and the first is undone.
    assert!(put_inside(&scratch, "my-book", files.clone()).is_err());
    assert!(!scratch.join("unikernels/my-book").exists());
    assert_eq!(std::fs::read_to_string(scratch.join("Cargo.toml")).expect("a file"), manifest);
    std::fs::create_dir_all(scratch.join("build/systems")).expect("a folder");
    let made = put_inside(&scratch, "my-book", files).expect("it is put");
    assert!(made.iter().all(|path| scratch.join(path).is_file()), "{made:?}");
    let members = std::fs::read_to_string(scratch.join("Cargo.toml")).expect("a file");
    assert!(
        members.contains("echo\",\n    \"unikernels/my-book\",\n    \"unikernels/my-book/api\",\n"),
        "{members}"
    );
    std::fs::remove_dir_all(&scratch).expect("a folder to remove");
}
