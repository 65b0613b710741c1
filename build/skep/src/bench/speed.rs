//! What checking, decoding and encoding messages costs, beside plain postcard and rkyv's checked access to the same messages.
//!
//! The program `tests-speed` does the work, under callgrind, which counts instructions and writes one file for each mark the
//! program passes. Which count belongs to what, the program says itself, a line for each three marks. Nothing depends on
//! the machine but its C library, whose copying is counted for everybody alike.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Figures;
use crate::builder::{binary, build_packages};
use crate::failure::{Failure, Outcome};
use crate::report::Report;
use crate::workspace::Workspace;

/// The program, and its function that callgrind waits for.
const PROGRAM: &str = "tests-speed";
const MARK: &str = "tests_speed::mark";
/// How many times more the second run of an operation does it than the first.
const MORE_ROUNDS: f64 = 10.0;
/// What an empty operation is called; its cost is that of the loop.
const NOTHING: &str = "nothing nothing";
/// The table's columns.
const OPERATIONS: [&str; 8] = [
    "validate",
    "decode",
    "validate+decode",
    "postcard-decode",
    "encode",
    "postcard-encode",
    "rkyv-access",
    "rkyv-encode",
];

/// Builds, runs under callgrind, twice; figures named `speed.MESSAGE.OPERATION`, in instructions.
///
/// # Errors
/// When callgrind does not run, its counts make no sense, or two runs differ.
pub(super) fn measure(workspace: &Workspace, report: Report) -> Outcome<Figures> {
    report.step("build the messages' measurements", || build_packages(workspace, &[PROGRAM]))?;
    let first = report.step("measure messages", || run(workspace))?;
    let second = report.step("measure messages again", || run(workspace))?;
    super::figures::same("messages", &first, &second)?;
    Ok(first)
}

fn run(workspace: &Workspace) -> Outcome<Figures> {
    let (said, counts) = count(workspace, PROGRAM, MARK)?;
    figures(&said, &counts)
}

/// Runs a program of the package under callgrind; what it said, and the count of each part up to a mark, from 1.
///
/// # Errors
/// When callgrind does not run.
pub(super) fn count(
    workspace: &Workspace,
    program: &str,
    mark: &str,
) -> Outcome<(String, BTreeMap<usize, f64>)> {
    let folder = workspace.output().join(program);
    // The files of the last run would be taken for those of this one.
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| Failure::of(folder.display(), &error))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| Failure::of(folder.display(), &error))?;
    let mut command = Command::new("valgrind");
    command.args(["-q", "--tool=callgrind", "--callgrind-out-file=counts"]);
    command.arg(format!("--dump-after={mark}")).arg(binary(workspace, PROGRAM, program));
    let output = command.current_dir(&folder).stdin(Stdio::null()).output();
    let output = output.map_err(|error| Failure::of("valgrind", &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::failed(format!("valgrind ended with {}\n{}", output.status, said.trim_end())));
    }
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), read_counts(&folder)?))
}

/// Count of each part, numbered from 1.
fn read_counts(folder: &Path) -> Outcome<BTreeMap<usize, f64>> {
    let mut counts = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| Failure::of(folder.display(), &error))? {
        let path = entry.map_err(|error| Failure::of(folder.display(), &error))?.path();
        let text = std::fs::read(&path).map_err(|error| Failure::of(path.display(), &error))?;
        let text = String::from_utf8_lossy(&text);
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let number = (line("part:").map(str::parse), line("summary:").map(str::parse));
        // The last file has no part: it is what came after the last mark.
        if let (Some(Ok(part)), Some(Ok(count))) = number {
            counts.insert(part, count);
        }
    }
    Ok(counts)
}

/// Pairs what the program said with the counts.
fn figures(said: &str, counts: &BTreeMap<usize, f64>) -> Outcome<Figures> {
    let names: Vec<&str> = said.lines().collect();
    let mut costs = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        // Three marks each: before, after the few rounds, after the many.
        let count = |mark: usize| counts.get(&(index * 3 + mark)).copied();
        let (Some(few), Some(many)) = (count(2), count(3)) else {
            let found = format!("callgrind counted {} parts", counts.len());
            return Err(Failure::failed(format!("{found}\n  expected: three for each of {}", names.len())));
        };
        costs.insert(*name, (many - few) / MORE_ROUNDS);
    }
    let Some(nothing) = costs.remove(NOTHING) else {
        return Err(Failure::failed(format!("`{PROGRAM}` did not measure `{NOTHING}`")));
    };
    let named = |(name, cost): (&str, f64)| (format!("speed.{}", name.replace(' ', ".")), cost - nothing);
    Ok(costs.into_iter().map(named).collect())
}

/// The table: a line for each message, a column for each operation.
pub(super) fn rows(raw: &Figures) -> Vec<Vec<String>> {
    let mut rows =
        vec![[&["instructions"][..], &OPERATIONS].concat().into_iter().map(str::to_owned).collect()];
    let parts = raw.keys().filter_map(|name| name.strip_prefix("speed.")?.split_once('.'));
    let mut messages: Vec<&str> = parts.map(|(message, _)| message).collect();
    // Short ones first; the length stands at the end of the name.
    messages
        .sort_by_key(|name| (name.rsplit('-').next().and_then(|length| length.parse::<u32>().ok()), *name));
    messages.dedup();
    for message in messages {
        let cost = |operation: &&str| raw.get(&format!("speed.{message}.{operation}"));
        let cell = |operation: &&str| {
            cost(operation).map_or("?".to_owned(), |cost| super::figures::number(cost.round()))
        };
        rows.push([message.to_owned()].into_iter().chain(OPERATIONS.iter().map(cell)).collect());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_what_more_rounds_cost_more_without_the_loop() {
        let counts = [7.0, 100.0, 150.0, 9.0, 1_000.0, 1_950.0].into_iter().enumerate();
        let counts = counts.map(|(index, count)| (index + 1, count)).collect();
        let figures = figures("nothing nothing\nbytes-64 decode\n", &counts).unwrap();
        assert_eq!(figures, Figures::from([("speed.bytes-64.decode".to_owned(), 90.0)]));
        let table = rows(&figures);
        assert_eq!(table[1][..3], ["bytes-64", "?", "90"]);
    }

    #[test]
    fn a_count_that_is_missing_is_an_error() {
        let counts = [(1, 1.0), (2, 1.0)].into_iter().collect();
        let message = figures("nothing nothing\n", &counts).unwrap_err().message;
        assert_eq!(message, "callgrind counted 2 parts\n  expected: three for each of 1");
    }
}
