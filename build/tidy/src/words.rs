//! Nothing in the tree names a registry's host or a folder of somebody's machine: the project builds anywhere, from any
//! registry its user has set up.

use crate::Fault;
use crate::tree::File;

/// What may not be named; split here, or this file would break its own rule.
const FORBIDDEN: [&str; 5] = [
    concat!("crates", ".io"),
    concat!("/wo", "rk/"),
    concat!("/tmp", "/w/"),
    concat!("/ro", "ot/"),
    concat!("/home", "/"),
];
/// Written by cargo, which names its index.
const LOCK: &str = "Cargo.lock";

pub(crate) fn check(files: &[File], faults: &mut Vec<Fault>) {
    for file in files.iter().filter(|file| !file.name().ends_with(LOCK)) {
        for (index, line) in file.text.lines().enumerate() {
            for word in FORBIDDEN.iter().filter(|word| names(line, word)) {
                faults.push(Fault {
                    file: file.path.clone(),
                    line: index + 1,
                    found: format!("`{word}`: a host or a folder of one machine"),
                    fix: "say it without: a relative path, or what it is for".into(),
                });
            }
        }
    }
}

/// Whether the line has the word; a path counts only where it begins.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !word.starts_with('/')
            || before.is_none_or(|before| !before.is_alphanumeric() && !"._-/}".contains(before))
    })
}
