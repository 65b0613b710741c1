//! `skep fuzz`: coverage-guided fuzzing of everything that reads what an outsider wrote.
//!
//! One engine, libFuzzer, on every toolchain: its instrumentation is LLVM's and works on stable. With a nightly toolchain
//! AddressSanitizer watches as well; which it is, is said. The oracles are in `tests/oracles`, the targets in `tests/fuzz`;
//! what a run finds stays under `target/skep/fuzz`, and becomes part of the tree only on request (`--keep`).
//! Not here: what must hold on an input.

mod campaign;
mod desk;
mod engine;
mod outside;
mod progress;

use std::path::PathBuf;
use std::time::Duration;

pub use campaign::{Campaign, Ended, Run};
pub use engine::{Engine, Wanted};
pub use progress::{Figures, read_line};

use crate::doctor;
use crate::failure::{Failure, Outcome};
use crate::needs::Task;
use crate::report::Report;
use crate::table;
use crate::workspace::Workspace;
use desk::Desk;

/// What to fuzz, and for how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// A target, a service, or a project's service; all targets when there is none.
    pub target: Option<String>,
    /// How long each target runs.
    pub seconds: u64,
    /// How many run at once.
    pub jobs: usize,
    /// With which toolchain.
    pub engine: Wanted,
    /// Only say which targets there are.
    pub list: bool,
    /// Only run this input.
    pub replay: Option<PathBuf>,
    /// Make what was found part of the committed corpus.
    pub keep: bool,
    /// The crate of a service outside this project.
    pub service: Option<PathBuf>,
}

/// How long an input may take, in seconds. The slowest, a whole simulated system, takes a few milliseconds.
const INPUT_SECONDS: u64 = 10;
/// Most memory of a target in MiB, shadow memory of a sanitizer not counted: what leaks or grows ends here.
const MEMORY_MIB: u64 = 2048;

/// How many targets run at once unless told otherwise: one a processor.
#[must_use]
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Fuzzes.
///
/// # Errors
/// An unknown target, a failed build, or a target that found something.
pub fn fuzz(workspace: &Workspace, options: &Options, report: Report) -> Outcome<()> {
    doctor::ensure(&[Task::Build, Task::Fuzz], report)?;
    let engine = Engine::find(options.engine)?;
    let declared = match &options.service {
        Some(folder) => Some(folder.clone()),
        None => declared(workspace, options.target.as_deref())?,
    };
    if let Some(folder) = declared {
        return outside::fuzz(workspace, &folder, &engine, options, report);
    }
    let desk = Desk::build(workspace, report)?;
    let known = desk.targets()?;
    if options.list {
        let rows: Vec<Vec<String>> =
            known.iter().map(|target| vec![target.name.clone(), target.about.clone()]).collect();
        table::lines(&rows, &[]).iter().for_each(|line| println!("{line}"));
        return Ok(());
    }
    let names = chosen(&known, options.target.as_deref())?;
    report.say(&format!("engine: {engine}"));
    let folder = engine.build(workspace, &names, report)?;
    if let Some(input) = &options.replay {
        return replay(&desk, &folder, &names, input);
    }
    let campaign = Campaign {
        binaries: folder,
        output: workspace.output().join("fuzz"),
        duration: Duration::from_secs(options.seconds),
        jobs: options.jobs.max(1),
        input_seconds: INPUT_SECONDS,
        memory_mib: MEMORY_MIB,
        report,
    };
    for name in &names {
        desk.prepare(name, &campaign.committed(name), &campaign.dictionary(name))?;
    }
    let runs = campaign.run(&names)?;
    if options.keep {
        keep(&desk, &campaign, &names)?;
    }
    conclude(&desk, &runs)
}

/// The crate of a service that the user's project declares, or a system of this tree of the same name: the one that a word
/// names, the first when there is no word.
fn declared(workspace: &Workspace, word: Option<&str>) -> Outcome<Option<PathBuf>> {
    let path = match word {
        _ if workspace.project.is_some() => workspace.system("")?,
        Some(word) => workspace.root.join(format!("build/systems/{word}.toml")),
        None => return Ok(None),
    };
    if !path.is_file() {
        return Ok(None);
    }
    let crates = build_manifest::service_crates(&path);
    let crates = crates.map_err(|problems| Failure::wrong(problems.to_string()))?;
    let named = crates.into_iter().find(|one| word.is_none_or(|word| one.service == word));
    Ok(named.map(|one| one.folder))
}

/// How long each target runs in a test of everything, in seconds: what a change broke is mostly found while the corpus loads.
const BRIEF_SECONDS: u64 = 12;

/// Runs every target for some seconds from the committed corpus, and leaves nothing behind; gives how many passed.
///
/// # Errors
/// A failed build, or a target that found something.
pub fn brief(workspace: &Workspace, report: Report) -> Outcome<u32> {
    doctor::ensure(&[Task::Build, Task::Fuzz], report)?;
    let engine = Engine::find(Wanted::Best)?;
    let desk = Desk::build(workspace, report)?;
    let names = chosen(&desk.targets()?, None)?;
    println!("engine: {engine}");
    let binaries = engine.build(workspace, &names, report)?;
    let (duration, jobs) = (Duration::from_secs(BRIEF_SECONDS), processors());
    let rounds = names.len().div_ceil(jobs) as u64;
    println!(
        "{} targets, {BRIEF_SECONDS} s each, {jobs} at a time: {} s",
        names.len(),
        rounds * BRIEF_SECONDS
    );
    let output = workspace.output().join("fuzz-brief");
    let (input_seconds, memory_mib) = (INPUT_SECONDS, MEMORY_MIB);
    let campaign = Campaign { binaries, output, duration, jobs, input_seconds, memory_mib, report };
    // Nothing of an earlier run that failed: this one starts from the committed corpus.
    let _ = std::fs::remove_dir_all(&campaign.output);
    for name in &names {
        desk.prepare(name, &campaign.committed(name), &campaign.dictionary(name))?;
    }
    let runs = campaign.run(&names)?;
    conclude(&desk, &runs)?;
    let _ = std::fs::remove_dir_all(&campaign.output);
    Ok(u32::try_from(runs.len()).unwrap_or(u32::MAX))
}

/// Lays out committed corpus and dictionary of these targets where a campaign looks for them.
///
/// # Errors
/// The oracles do not build, or a folder cannot be written.
pub fn lay_out(
    workspace: &Workspace,
    campaign: &Campaign,
    targets: &[String],
    report: Report,
) -> Outcome<()> {
    let desk = Desk::build(workspace, report)?;
    targets
        .iter()
        .try_for_each(|name| desk.prepare(name, &campaign.committed(name), &campaign.dictionary(name)))
}

/// The targets that a word names: a target, a service, or all.
fn chosen(known: &[desk::Known], word: Option<&str>) -> Outcome<Vec<String>> {
    let Some(word) = word else { return Ok(known.iter().map(|target| target.name.clone()).collect()) };
    let of_service = format!("message_{}", word.replace('-', "_"));
    if let Some(target) = known.iter().find(|target| target.name == word || target.name == of_service) {
        return Ok(vec![target.name.clone()]);
    }
    let names: Vec<&str> = known.iter().map(|target| target.name.as_str()).collect();
    let near = build_manifest::nearest(word, names.iter().copied());
    let hint = near.map(|near| format!("\n  fix: write `{near}`")).unwrap_or_default();
    let more = "a service of your own: `cargo skep fuzz --service FOLDER`";
    Err(Failure::wrong(format!(
        "no fuzz target `{word}`\n  expected: one of {}; {more}{hint}",
        names.join(", ")
    )))
}

/// Runs one input, as the fuzzer would.
fn replay(desk: &Desk, binaries: &std::path::Path, names: &[String], input: &std::path::Path) -> Outcome<()> {
    let [name] = names else {
        return Err(Failure::wrong("an input is of one target\n  fix: cargo skep fuzz TARGET --replay FILE"));
    };
    if !input.is_file() {
        return Err(Failure::wrong(format!("{}: no such file", input.display())));
    }
    print!("{}", desk.show(name, input)?);
    let status = campaign::once(&binaries.join(name), input)?;
    if status.success() {
        println!("{name} passes this input");
        return Ok(());
    }
    Err(Failure::failed(format!("{name} fails on {}", input.display())))
}

/// The inputs found, those that add nothing left out, become the committed corpus.
fn keep(desk: &Desk, campaign: &Campaign, names: &[String]) -> Outcome<()> {
    for name in names {
        let least = campaign.minimise(name)?;
        print!("{}", desk.keep(name, &least)?);
    }
    Ok(())
}

/// The summary; an error when anything was found.
fn conclude(desk: &Desk, runs: &[Run]) -> Outcome<()> {
    let mut rows = vec![["TARGET", "RUNS", "A SECOND", "EDGES", "NEW", ""].map(str::to_owned).to_vec()];
    for run in runs {
        let Figures { runs, a_second, edges, .. } = run.figures;
        let mut row = vec![run.target.clone()];
        row.extend([runs, a_second, edges, run.figures.new].map(|number| number.to_string()));
        row.push(run.ended.to_string());
        rows.push(row);
    }
    table::lines(&rows, &[1, 2, 3, 4]).iter().for_each(|line| println!("{line}"));
    let mut told = Vec::new();
    for run in runs {
        if let Ended::Broken(said) = &run.ended {
            told.push(format!("{}: the engine did not work: {said}", run.target));
        }
        let Ended::Found { input, said } = &run.ended else { continue };
        let shown = desk.show(&run.target, input).unwrap_or_default();
        told.push(format!(
            "{}: {said}\n{}  input: {}\n  fix: what it shows, then replay it: cargo skep fuzz {} --replay {}",
            run.target,
            indented(&shown),
            input.display(),
            run.target,
            input.display()
        ));
    }
    if told.is_empty() { Ok(()) } else { Err(Failure::failed(told.join("\n"))) }
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| all + "  " + line + "\n")
}
