//! Files of the specification that are made from the code: compared in a test, rewritten with `UPDATE=1`.

use std::path::PathBuf;
use std::{env, fs};

/// How to rewrite the files.
pub const UPDATE: &str = "UPDATE=1 cargo test -p tests-conformance";

/// A file below `ipc-proto/spec`.
#[must_use]
pub fn spec(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../ipc-proto/spec").join(name)
}

/// Whether the files are to be rewritten.
#[must_use]
pub fn updating() -> bool {
    env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// The content of a file; empty when there is none.
#[must_use]
pub fn read(name: &str) -> String {
    fs::read_to_string(spec(name)).unwrap_or_default()
}

/// Writes a file.
///
/// # Panics
/// The file can't be written.
pub fn write(name: &str, content: &str) {
    let path = spec(name);
    let folder = path.parent().expect("a file has a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, content))
        .expect("the specification can be written");
}

/// Demands that a file has this content, or gives it to it when updating.
///
/// # Panics
/// The file has another content.
pub fn expect(name: &str, content: &str) {
    if updating() {
        write(name, content);
    }
    let found = read(name);
    let differs = found.lines().zip(content.lines()).position(|(found, wanted)| found != wanted);
    assert!(
        found == content,
        "ipc-proto/spec/{name} is stale from line {}: run {UPDATE} and look at the difference",
        differs.unwrap_or(0) + 1
    );
}
