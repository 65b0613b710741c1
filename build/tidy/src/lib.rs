//! The rules of the house, as a test.
//!
//! | rule | file |
//! |---|---|
//! | dependencies point down; only binaries link a room; packages are named after their paths and share the lints | `packages.rs` |
//! | `unsafe` only in the rooms, everything else forbids it | `rooms.rs` |
//! | `//!` first in every file; files and functions of a length one can read | `files.rs` |
//! | the supervisor stays small | `budget.rs` |
//! | nothing in the tree names a registry's host or a folder of somebody's machine | `words.rs` |
//!
//! [`check`] reads the tree and returns every breach with file, line and fix. Not here: what clippy and rustfmt check.
//! Source: DESIGN.md section 4, STYLE.md.

#![forbid(unsafe_code)]

mod budget;
mod files;
mod packages;
mod rooms;
mod rust;
mod tree;
mod words;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use budget::supervisor_lines;

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, from the root.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is there.
    pub found: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n  fix: {}", self.file.display(), self.line, self.found, self.fix)
    }
}

/// Checks the tree at `root` against all rules.
///
/// # Errors
/// When the tree cannot be read.
pub fn check(root: &Path) -> io::Result<Vec<Fault>> {
    let files = tree::read(root)?;
    let mut faults = Vec::new();
    packages::check(&files, &mut faults);
    rooms::check(&files, &mut faults);
    files::check(&files, &mut faults);
    budget::check(&files, &mut faults);
    words::check(&files, &mut faults);
    faults.sort();
    Ok(faults)
}
