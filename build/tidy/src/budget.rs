//! The supervisor stays small enough to be read in a week.
//!
//! Counted: lines of Rust below `supervisor/` that are neither blank nor comment nor test. `supervisor/sim` is left out: it
//! is a bench for tests and never runs on a machine.
//!
//! The promise is 8,000 (`cargo skep bench` shows it against the count). It held until the supervisor learned to give PCI
//! functions to qubes behind an IOMMU of either vendor, which is 1,400 lines. What is checked here keeps it from growing on.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::Fault;
use crate::rust;
use crate::tree::{self, File};

/// Most lines of the supervisor: what it has, rounded up. Lower it with every line that goes.
const LINES_MAX: u32 = 8_992;
const SUPERVISOR: &str = "supervisor";
const NOT_COUNTED: &str = "supervisor/sim";

/// Lines of Rust in the supervisor.
///
/// # Errors
/// When the tree cannot be read.
pub fn supervisor_lines(root: &Path) -> io::Result<u32> {
    Ok(count(&tree::read(root)?).values().sum())
}

pub(crate) fn check(files: &[File], faults: &mut Vec<Fault>) {
    let counts = count(files);
    let total: u32 = counts.values().sum();
    if total > LINES_MAX {
        let largest = counts.iter().max_by_key(|(_, lines)| **lines);
        let largest = largest.map(|(file, _)| file.clone()).unwrap_or_default();
        faults.push(Fault {
            file: largest,
            line: 1,
            found: format!("the supervisor has {total} lines of Rust; at most {LINES_MAX}"),
            fix: "leave something out, or let a qube do it".into(),
        });
    }
}

/// Lines of each counted file.
fn count(files: &[File]) -> BTreeMap<PathBuf, u32> {
    let ours: Vec<&File> = files
        .iter()
        .filter(|file| {
            file.is_rust() && file.path.starts_with(SUPERVISOR) && !file.path.starts_with(NOT_COUNTED)
        })
        .filter(|file| !file.path.components().any(|part| part.as_os_str() == "tests"))
        .collect();
    let tests: Vec<PathBuf> = ours.iter().flat_map(|file| test_files(file)).collect();
    let counted = ours.into_iter().filter(|file| !tests.contains(&file.path));
    counted.map(|file| (file.path.clone(), lines_of(&file.text))).collect()
}

/// Where the test modules kept in files of their own are.
fn test_files(file: &File) -> Vec<PathBuf> {
    let (_, names) = rust::test_modules(&rust::code(&file.text));
    let folder = file.path.parent().unwrap_or(Path::new(""));
    let stem = file.path.file_stem().unwrap_or_default();
    let home = if ["lib", "main", "mod"].iter().any(|root| stem == *root) {
        folder.to_owned()
    } else {
        folder.join(stem)
    };
    names.iter().map(|name| home.join(format!("{name}.rs"))).collect()
}

fn lines_of(source: &str) -> u32 {
    let code = rust::code(source);
    let (tests, _) = rust::test_modules(&code);
    let mut start = 0;
    let mut lines = 0;
    for line in code.split_inclusive('\n') {
        let in_test = tests.iter().any(|block| block.contains(&start));
        lines += u32::from(!in_test && !line.trim().is_empty());
        start += line.len();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_comments_and_tests_do_not_count() {
        let source = "//! Header.\n\n/// Doc.\nfn a() {\n    b(); // why\n}\n\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n";
        assert_eq!(lines_of(source), 3);
    }

    #[test]
    fn test_modules_in_files_of_their_own_do_not_count() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let files = [
            file("supervisor/a/src/lib.rs", "mod one;\n#[cfg(test)]\nmod helper;\n"),
            file("supervisor/a/src/helper.rs", "fn x() {}\n"),
            file("supervisor/a/src/one.rs", "fn y() {}\n#[cfg(test)]\nmod two;\n"),
            file("supervisor/a/src/one/two.rs", "fn z() {}\n"),
            file("supervisor/a/tests/all.rs", "fn t() {}\n"),
            file("supervisor/sim/src/lib.rs", "fn s() {}\n"),
            file("build/x/src/lib.rs", "fn b() {}\n"),
        ];
        let counts = count(&files);
        assert_eq!(counts.len(), 2);
        // The attribute lines above a test module kept elsewhere do count; they are code.
        assert_eq!(counts.values().sum::<u32>(), 6);
    }
}
