//! Every file says first what it is, and no file or function is too long to be read at once.

use crate::Fault;
use crate::rust;
use crate::tree::File;

/// Most lines of a file.
const FILE_LINES_MAX: usize = 500;
/// Most lines of a function, from its name to its closing brace; those in test modules may be longer.
const FUNCTION_LINES_MAX: usize = 70;

pub(crate) fn check(files: &[File], faults: &mut Vec<Fault>) {
    for file in files.iter().filter(|file| file.is_rust()) {
        let mut fault = |line: usize, found: String, fix: &str| {
            faults.push(Fault { file: file.path.clone(), line, found, fix: fix.to_owned() });
        };
        // A file of the template may begin with the tag that says when it is made.
        let text =
            file.text.split_once("-%}\n").filter(|(tag, _)| tag.starts_with("{%") && !tag.contains('\n'));
        if !text.map_or(file.text.as_str(), |(_, text)| text).starts_with("//!") {
            let fix = "begin with `//!`: what it is, what it keeps, what it leaves to others";
            fault(1, "a file without a header".into(), fix);
        }
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            fault(FILE_LINES_MAX + 1, format!("{lines} lines; at most {FILE_LINES_MAX}"), "split it by noun");
        }
        for (line, name, length) in long_functions(&file.text) {
            let found = format!("`{name}` has {length} lines; at most {FUNCTION_LINES_MAX}");
            fault(line, found, "give its parts names of their own");
        }
    }
}

/// Line, name and length of every function that is too long and no test.
fn long_functions(source: &str) -> Vec<(usize, String, usize)> {
    let code = rust::code(source);
    let (tests, _) = rust::test_modules(&code);
    let outside = |at: &usize| !tests.iter().any(|block| block.contains(at));
    let mut long = Vec::new();
    for at in rust::words(&code, "fn").filter(outside) {
        let Some(block) = rust::block(&code, at) else { continue };
        let (first, last) = (rust::line(&code, at), rust::line(&code, block.end));
        let rest = code.get(at + 2..).unwrap_or("").trim_start();
        let name: String =
            rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        // A type such as `fn(u8) -> u8` has no name and no block of its own.
        if !name.is_empty() && last - first + 1 > FUNCTION_LINES_MAX {
            long.push((first, name, last - first + 1));
        }
    }
    long
}
