//! `skep test` in a project outside of Skep's own tree: formatting, lints, host tests, its system, the tests that boot it.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::builder;
use crate::doctor;
use crate::failure::{Failure, Outcome};
use crate::needs::Task;
use crate::report::Report;
use crate::suite::Extent;
use crate::workspace::{Kind, Project, Workspace, cargo};

/// Runs everything there is to test in the project; what is quick first.
///
/// # Errors
/// When anything failed.
pub fn test(workspace: &Workspace, project: &Project, extent: Extent, report: Report) -> Outcome<()> {
    let tasks: &[Task] = if extent == Extent::Quick { &[Task::Build] } else { &[Task::Build, Task::Run] };
    doctor::ensure(tasks, report)?;
    let hosts: Vec<&str> = project.names(Kind::Host).chain(project.names(Kind::Qemu)).collect();
    if hosts.is_empty() {
        return Err(Failure::wrong("this project has no package that is tested on the host"));
    }
    // The system first: its manifests are checked, its services locked, before any test runs on them.
    report.step("check system.toml", || builder::read_system(workspace, ""))?;
    part("host tests", || run(project, &["test", "--quiet"], &hosts, &[]))?;
    let metal: Vec<&str> = project.names(Kind::Metal).collect();
    // Not `--all`, which looks into every package that is taken from a folder: Skep's own, too.
    part("formatting", || run(project, &["fmt", "--check"], &[hosts.as_slice(), &metal].concat(), &[]))?;
    part("lints of host packages", || {
        run(project, &["clippy", "--quiet", "--all-targets"], &hosts, &["--deny", "warnings"])
    })?;
    if !metal.is_empty() {
        part("lints of qubes", || {
            run(project, &["clippy", "--quiet", "--profile", "metal"], &metal, &["--deny", "warnings"])
        })?;
    }
    if extent >= Extent::Everything {
        builder::build(workspace, "", None, report)?;
        part("tests that boot it in QEMU", || run(project, &["test", "--quiet"], &hosts, &["--ignored"]))?;
    }
    report.say("everything passed");
    Ok(())
}

/// One part, with the time it took.
fn part(name: &str, run: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    println!("== {name}");
    let start = Instant::now();
    run()?;
    println!("   ok, {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// A cargo command whose output is the user's to see.
fn run(project: &Project, arguments: &[&str], packages: &[&str], last: &[&str]) -> Outcome<()> {
    let mut command: Command = cargo(&project.root);
    command.args(arguments).args(packages.iter().flat_map(|package| ["--package", *package]));
    if !last.is_empty() {
        command.arg("--").args(last);
    }
    let status = command.stdin(Stdio::null()).status().map_err(|error| Failure::of("cargo", &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::failed(format!("`cargo {}` failed; see above", arguments.join(" "))))
}
