//! `skep bench`: figures against their targets, counted in instructions, so every run gives the same.
//!
//! The qube `perf` of the system `bench` does one task a run and says `bench: name=value` in its log; a QEMU plugin counts
//! the supervisor's instructions, exit by exit, and says `plugin: name=value`. Every task runs twice, and a figure that
//! differs is an error. A missed target is said plainly, but is no error of this command: the table is the answer.

mod boot;
mod disk;
mod figures;
mod net;
mod open;
mod project;
mod speed;
mod vault;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use build_manifest::System;
use object::{Object as _, ObjectSegment as _};

use crate::builder::{Built, pack, read_system};
use crate::failure::{Failure, Outcome};
use crate::needs::Task;
use crate::qemu::{Boot, Clock, End, Machine, PROGRAM, Serial};
use crate::report::Report;
use crate::workspace::{Workspace, cargo};
use crate::{builder, doctor, table};

pub use figures::{Figures, parse};

/// The system that measures, and the qube in it that does.
const SYSTEM: &str = "bench";
const QUBE: &str = "perf";
/// The system in which a disposable is started.
const START: &str = "bench-start";
/// The package of the plugin and the file it becomes.
const PLUGIN: (&str, &str) = ("tests-perf-plugin", "libtests_perf_plugin.so");
/// The machine's memory.
const MEMORY_MIB: u64 = 256;
/// A run takes seconds; this is for one that hangs.
const PATIENCE: Duration = Duration::from_secs(600);

/// Name of each run and what `perf` is told. Two lengths of the same task give what one call costs.
const RUNS: [(&str, &str); 4] = [
    ("call1", "task=call count=1000"),
    ("call2", "task=call count=2000"),
    ("stream", "task=stream count=1000"),
    ("idle", "task=idle"),
];

/// How much to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// The network alone.
    Network,
    /// What takes a minute or two.
    Usual,
    /// All of it: a vault of 10,000 entries takes minutes.
    Long,
}

/// Builds, runs, compares, prints, and writes JSON to `target/skep/bench.json` (returned).
///
/// # Errors
/// When a run does not end well or two runs of the same differ.
pub fn bench(workspace: &Workspace, length: Length, report: Report) -> Outcome<PathBuf> {
    if let Some(project) = &workspace.project {
        return project::bench(workspace, project, report);
    }
    doctor::ensure(&[Task::Build, Task::Run, Task::Measure], report)?;
    report.step("build the counter", || build_plugin(workspace))?;
    if length == Length::Network {
        let mut raw = net::measure(workspace, report)?;
        for (name, value) in &raw {
            println!("{name} {value:.6} a byte");
        }
        let open = open::measure(workspace, report)?;
        for (name, value) in &open {
            println!("{name} {}", figures::number(*value));
        }
        raw.extend(open);
        return write(workspace, "bench-net.json", &figures::results(&raw), &raw);
    }
    let built = builder::build(workspace, SYSTEM, None, report)?;
    let mut raw = Figures::new();
    for (name, args) in RUNS {
        let first = report.step(&format!("measure {name}"), || measure(workspace, name, args))?;
        let second = report.step(&format!("measure {name} again"), || measure(workspace, name, args))?;
        figures::same(name, &first, &second)?;
        raw.extend(first.into_iter().map(|(figure, value)| (format!("{name}.{figure}"), value)));
    }
    let (first, second) = (start(workspace, report)?, start(workspace, report)?);
    figures::same(START, &first, &second)?;
    raw.extend(first.into_iter().map(|(figure, value)| (format!("start.{figure}"), value)));
    raw.extend(boot::measure(workspace, report)?);
    raw.extend(speed::measure(workspace, report)?);
    raw.extend(vault::measure(workspace, length, report)?);
    raw.extend(disk::measure(workspace, report)?);
    raw.extend(net::measure(workspace, report)?);
    raw.extend(open::measure(workspace, report)?);
    let lines =
        build_tidy::supervisor_lines(&workspace.root).map_err(|error| Failure::of("supervisor", &error))?;
    raw.insert("supervisor.lines".into(), f64::from(lines));
    raw.insert("supervisor.bytes".into(), memory_of(&built)?);
    let results = figures::results(&raw);
    for line in table::lines(&figures::rows(&results), &[1, 2, 3]) {
        println!("{line}");
    }
    println!();
    for line in table::lines(&speed::rows(&raw), &[1, 2, 3, 4, 5, 6, 7, 8]) {
        println!("{line}");
    }
    println!();
    for line in table::lines(&vault::rows(&raw), &[1, 2, 3]) {
        println!("{line}");
    }
    println!("{} runs, each twice, identical", RUNS.len() + 3 + vault::runs(length).count() + 1);
    println!(
        "{} runs with a disk and one with a network, each twice, alike; two of a stream, five times",
        disk::RUNS.len()
    );
    write(workspace, "bench.json", &results, &raw)
}

fn write(workspace: &Workspace, name: &str, results: &figures::Outcomes, raw: &Figures) -> Outcome<PathBuf> {
    let path = workspace.output().join(name);
    let text = format!("{:#}\n", figures::to_json(results, raw));
    std::fs::write(&path, text).map_err(|error| Failure::of(path.display(), &error))?;
    Ok(path)
}

fn build_plugin(workspace: &Workspace) -> Outcome<()> {
    let mut cargo = cargo(&workspace.root);
    let output = cargo.args(["build", "--quiet", "--release", "--package", PLUGIN.0]).output();
    let output = output.map_err(|error| Failure::of("cargo", &error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::failed(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()))
}

/// One run of one task of our own.
fn measure(workspace: &Workspace, name: &str, args: &str) -> Outcome<Figures> {
    run(workspace, read_system(workspace, SYSTEM)?, name, args, (Clock::Counted, &[]))
}

/// Lives of a disposable.
fn start(workspace: &Workspace, report: Report) -> Outcome<Figures> {
    builder::build(workspace, START, None, report)?;
    let once =
        || run(workspace, read_system(workspace, START)?, "start", "task=start", (Clock::Counted, &[]));
    report.step("measure starts of a disposable", once)
}

/// One run of a system with the measuring qube in it.
fn run(
    workspace: &Workspace,
    mut system: System,
    name: &str,
    args: &str,
    (clock, devices): (Clock, &[&str]),
) -> Outcome<Figures> {
    let perf = system.qubes.iter_mut().find(|qube| qube.name == *QUBE);
    let perf = perf.ok_or_else(|| Failure::wrong(format!("no qube `{QUBE}` in the system that measures")))?;
    perf.args = args.to_owned();
    let file = |extension: &str| workspace.output().join(format!("{SYSTEM}-{name}.{extension}"));
    let (image, log, counts) = (file("img"), file("log"), file("counts"));
    pack(workspace, &system, &image)?;
    let plugin = workspace.target.join("release").join(PLUGIN.1);
    let machine = Machine {
        boot: Boot::Kernel { kernel: builder::supervisor(workspace), image },
        memory_mib: MEMORY_MIB,
        serial: Serial::Stdio,
        log: log.clone(),
        clock,
        extra: ["-plugin", &format!("file={}", plugin.display()), "-d", "plugin", "-D"]
            .map(Into::into)
            .into_iter()
            .chain([counts.clone().into_os_string()])
            .chain(devices.iter().map(Into::into))
            .collect(),
    };
    let mut command = machine.command();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn();
    let child = child.map_err(|error| Failure::of(PROGRAM, &error))?;
    wait(child, &log)?.explain(&log)?;
    let mut figures = Figures::new();
    for (path, mark) in [(&log, "bench: "), (&counts, "plugin: ")] {
        let text = std::fs::read(path).map_err(|error| Failure::of(path.display(), &error))?;
        let found = parse(&String::from_utf8_lossy(&text), mark);
        if found.is_empty() {
            let message =
                format!("no figure in {}\n  expected: lines like `{mark}name=value`", path.display());
            return Err(Failure::failed(message));
        }
        figures.extend(found);
    }
    Ok(figures)
}

/// Waits with patience; QEMU does not outlive it.
fn wait(mut child: Child, log: &Path) -> Outcome<End> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(End::from(status)),
            Ok(None) if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                let minutes = PATIENCE.as_secs() / 60;
                let found =
                    format!("the system `{SYSTEM}` did not power itself off within {minutes} minutes");
                return Err(Failure::failed(format!("{found}; its log is {}", log.display())));
            }
            Err(error) => return Err(Failure::of(PROGRAM, &error)),
        }
    }
}

/// Memory the supervisor takes once it is loaded.
fn memory_of(built: &Built) -> Outcome<f64> {
    let path = &built.kernel;
    let bytes = std::fs::read(path).map_err(|error| Failure::of(path.display(), &error))?;
    let elf = object::File::parse(bytes.as_slice());
    let elf = elf.map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let (low, high) = elf.segments().fold((u64::MAX, 0), |(low, high), segment| {
        (low.min(segment.address()), high.max(segment.address() + segment.size()))
    });
    let size = u32::try_from(high.saturating_sub(low)).unwrap_or(u32::MAX);
    Ok(f64::from(size))
}
