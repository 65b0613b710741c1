//! What a vault's operations cost, in the system `bench-vault` and, for the derivation of a key, in a process of this host.
//!
//! The machine is so slow that the vault, which measures it, chooses the least cost of a passphrase. The disk is memory behind the
//! storage qube's own code, with everything counted; a device of the emulator completes when it likes.

use super::{Figures, Length, figures, run, speed};
use crate::builder::{build, read_system};
use crate::failure::{Failure, Outcome};
use crate::qemu::Clock;
use crate::report::Report;
use crate::workspace::Workspace;

const SYSTEM: &str = "bench-vault";
/// A run: its name, what the client is told, and how many entries the vault has then.
type Run = (&'static str, &'static str, &'static str);
/// From the shortest to the longest, which takes minutes.
const RUNS: [Run; 3] = [
    ("vault0", "entries=0", "1"),
    ("vault1000", "entries=999", "1,000"),
    ("vault10000", "entries=9999", "10,000"),
];
/// Ticks of an instruction on that machine.
const TICKS: f64 = 16.0;
/// The program that derives a key on this host, and its function that callgrind waits for.
const PROGRAM: &str = "tests-speed-unlock";
const MARK: &str = "tests_speed_unlock::mark";

/// The table's lines: what, and the figure it is; `unlock` less the derivation is what opening takes.
const ROWS: [(&str, &str); 12] = [
    ("unlock: instructions from call to answer", "unlock"),
    ("of these opening: all but the derivation in a qube", "open"),
    ("show one entry by name: instructions", "show"),
    ("add one entry: instructions", "add"),
    ("writes of the vault for it", "add_block_writes"),
    ("bytes of these", "add_block_write_bytes"),
    ("reads of the vault for it", "add_block_reads"),
    ("flushes of the vault for it", "add_block_flushes"),
    ("writes of the disk for it", "add_disk_writes"),
    ("bytes of these", "add_disk_write_bytes"),
    ("reads of the disk for it", "add_disk_reads"),
    ("flushes of the disk for it", "add_disk_flushes"),
];

/// Builds and runs, everything twice. Figures named `vaultN.NAME`, and `linux.derive`.
///
/// # Errors
/// When a run does not end well, or two of the same differ.
pub(super) fn measure(workspace: &Workspace, length: Length, report: Report) -> Outcome<Figures> {
    build(workspace, SYSTEM, None, report)?;
    let mut raw = Figures::new();
    for (name, args, _) in runs(length) {
        let once =
            || run(workspace, read_system(workspace, SYSTEM)?, name, args, (Clock::CountedSlowly, &[]));
        let first = report.step(&format!("measure {name}"), once)?;
        let second = report.step(&format!("measure {name} again"), once)?;
        figures::same(name, &first, &second)?;
        raw.extend(first.into_iter().map(|(figure, value)| match figure.strip_suffix("_ticks") {
            Some(figure) => (format!("{name}.{figure}"), value / TICKS),
            None => (format!("{name}.{figure}"), value),
        }));
    }
    let first = report.step("measure a derivation on this host", || derivation(workspace))?;
    let second = report.step("measure it again", || derivation(workspace))?;
    figures::same("derivation", &first, &second)?;
    raw.extend(first);
    Ok(raw)
}

/// The runs of a measurement.
pub(super) fn runs(length: Length) -> impl Iterator<Item = Run> {
    let count = if length == Length::Long { RUNS.len() } else { RUNS.len() - 1 };
    RUNS.into_iter().take(count)
}

/// One derivation in a process: two of them, less one.
fn derivation(workspace: &Workspace) -> Outcome<Figures> {
    let (_, counts) = speed::count(workspace, PROGRAM, MARK)?;
    let (Some(one), Some(two)) = (counts.get(&2), counts.get(&3)) else {
        let found = format!("callgrind counted {} parts", counts.len());
        return Err(Failure::failed(format!("{found}\n  expected: three")));
    };
    Ok(Figures::from([("linux.derive".to_owned(), two - one)]))
}

/// The table: a line for each figure, a column for each size of the vault.
pub(super) fn rows(raw: &Figures) -> Vec<Vec<String>> {
    let measured = RUNS.iter().filter(|(run, ..)| raw.contains_key(&format!("{run}.unlock")));
    let measured: Vec<&Run> = measured.collect();
    let head =
        ["a vault of so many entries"].into_iter().chain(measured.iter().map(|(.., entries)| *entries));
    let mut rows = vec![head.map(str::to_owned).collect()];
    for (what, figure) in ROWS {
        let cell = |(run, ..): &&Run| {
            let of = |name: &str| raw.get(&format!("{run}.{name}")).copied();
            let value = match figure {
                "open" => of("unlock").zip(of("derive")).map(|(unlock, derive)| unlock - derive),
                name => of(name),
            };
            value.map_or("?".to_owned(), |value| figures::number(value.round()))
        };
        rows.push([what.to_owned()].into_iter().chain(measured.iter().map(cell)).collect());
    }
    rows
}
