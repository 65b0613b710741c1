//! `unsafe` lives in named rooms; everything else forbids it.

use std::path::Path;

use crate::Fault;
use crate::rust;
use crate::tree::File;

/// The rooms.
pub(crate) const ROOMS: [&str; 5] =
    ["supervisor/x86", "supervisor/svm", "unikernels/rt", "tests/perf-plugin", "tests/hostile-qube"];
/// What the root of every other crate says.
const FORBID: &str = "#![forbid(unsafe_code)]";

pub(crate) fn check(files: &[File], faults: &mut Vec<Fault>) {
    for file in files.iter().filter(|file| file.is_rust() && !in_room(&file.path)) {
        let code = rust::code(&file.text);
        for at in rust::words(&code, "unsafe") {
            faults.push(Fault {
                file: file.path.clone(),
                line: rust::line(&code, at),
                found: "`unsafe` outside the rooms".into(),
                fix: format!("put it behind a safe function of one of {}", ROOMS.join(", ")),
            });
        }
        if is_root(&file.path) && !code.contains(FORBID) {
            faults.push(Fault {
                file: file.path.clone(),
                line: 1,
                found: "a crate that does not forbid unsafe code".into(),
                fix: format!("add `{FORBID}` after the `//!` header"),
            });
        }
    }
}

fn in_room(path: &Path) -> bool {
    ROOMS.iter().any(|room| path.starts_with(room))
}

/// `src/lib.rs` and `src/main.rs`.
fn is_root(path: &Path) -> bool {
    path.ends_with("src/lib.rs") || path.ends_with("src/main.rs")
}
