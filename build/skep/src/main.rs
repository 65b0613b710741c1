//! `skep`, run as `cargo skep`: reads its arguments and calls the library.

#![forbid(unsafe_code)]

mod cli;

use std::ffi::OsString;
use std::process::ExitCode;

use build_skep::needs::Task;
use build_skep::run::{Debugger, Inspector, Options};
use build_skep::suite::Extent;
use build_skep::workspace::Workspace;
use build_skep::{
    Failure, Outcome, Report, Style, bench, builder, disk, doctor, fuzz, gdb, iso, look, new, nic, picture,
    policy, project, reach, run, suite,
};
use clap::Parser;
use cli::{Arguments, Fuzz, Inspect, New, Question, Toolchain, Verb};

fn main() -> ExitCode {
    let arguments = Arguments::parse_from(words());
    let report = Report::new(Style::detect(arguments.no_color));
    match act(arguments.command, report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{} {failure}", report.style.paint(31, "error:"));
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// The arguments; cargo puts the name of its subcommand first when it runs an installed `cargo-skep`.
fn words() -> impl Iterator<Item = OsString> {
    let is_cargos = std::env::args_os().nth(1).is_some_and(|word| word == "skep");
    let (first, rest) = (std::env::args_os().take(1), std::env::args_os().skip(1 + usize::from(is_cargos)));
    first.chain(rest)
}

fn act(verb: Verb, report: Report) -> Outcome<()> {
    let workspace = Workspace::find()?;
    match verb {
        Verb::Run {
            system,
            memory,
            log,
            inspect,
            gdb,
            disk,
            disk_size,
            disk_kind,
            nic,
            forward,
            iommu,
            extra,
        } => {
            let nic = nic::Options { kind: nic.into(), forwards: forward };
            let (kind, iommu) = (disk_kind.into(), iommu.into());
            let disk = disk::Options { file: disk, size_mib: disk_size, kind, iommu };
            let inspector = if inspect { Inspector::Present } else { Inspector::Absent };
            let debugger = if gdb { Debugger::Welcome } else { Debugger::None };
            let options = Options { system, memory_mib: memory, log, inspector, debugger, disk, nic, extra };
            run::run(&workspace, &options, report)
        }
        Verb::Gdb { qube, stdio, extra } => {
            gdb::gdb(&workspace, &gdb::Options { qube, stdio, extra }, report)
        }
        Verb::New(arguments) => new::new(&workspace.root, &options_of(arguments)),
        Verb::Test { quick, long } => test(&workspace, extent(quick, long), report),
        Verb::Image { system, output } => {
            doctor::ensure(&[Task::Build], report)?;
            let built = builder::build(&workspace, &system, output.as_deref(), report)?;
            println!("{} ({} KiB)", built.image.display(), built.image_size.div_ceil(1024));
            Ok(())
        }
        Verb::Iso { system, output } => {
            println!("{}", iso::iso(&workspace, &system, output.as_deref(), report)?.display());
            Ok(())
        }
        Verb::Bench { long, network } => {
            let length = length(long, network);
            println!("written to {}", bench::bench(&workspace, length, report)?.display());
            Ok(())
        }
        Verb::Tidy => tidy(&workspace),
        Verb::Doctor { install: true } => {
            doctor::ensure(&Task::ALL, report)?;
            doctor::examine(report)
        }
        Verb::Doctor { install: false } => doctor::examine(report),
        Verb::Fuzz(arguments) => fuzz::fuzz(&workspace, &campaign(arguments), report),
        Verb::Inspect(arguments) => inspect(&workspace, &arguments, report),
        Verb::Policy { question: Question::Diff { old, new, deny_new_paths_to_vault } } => {
            let diff = policy::diff(&workspace, &old, &new)?;
            print!("{diff}");
            if deny_new_paths_to_vault { policy::deny_new_ways(&diff) } else { Ok(()) }
        }
        Verb::Policy { question: Question::ImportQvm { file, qube } } => {
            print!("{}", policy::import_qvm(&file, &qube)?);
            Ok(())
        }
        Verb::WhoCanReach { qube, system } => {
            print!("{}", reach::answer(&builder::read_system(&workspace, &system)?, &qube)?);
            Ok(())
        }
    }
}

fn test(workspace: &Workspace, extent: Extent, report: Report) -> Outcome<()> {
    match &workspace.project {
        Some(project) => project::test(workspace, project, extent, report),
        None => suite::test(workspace, extent, report),
    }
}

const fn extent(quick: bool, long: bool) -> Extent {
    match (quick, long) {
        (true, _) => Extent::Quick,
        (false, true) => Extent::Long,
        (false, false) => Extent::Everything,
    }
}

const fn length(long: bool, network: bool) -> bench::Length {
    match (long, network) {
        (true, _) => bench::Length::Long,
        (_, true) => bench::Length::Network,
        _ => bench::Length::Usual,
    }
}

fn options_of(arguments: New) -> new::Options {
    let New { name, label, serves, calls, memory, path, skep_version, yes } = arguments;
    let given = build_template::Given { label, serves, calls, memory };
    new::Options { name, given, path, skep_version, yes }
}

fn inspect(workspace: &Workspace, arguments: &Inspect, report: Report) -> Outcome<()> {
    if arguments.dot || arguments.svg {
        let form = if arguments.dot { picture::Form::Dot } else { picture::Form::Svg };
        let system = arguments.system.as_deref().unwrap_or_default();
        return picture::draw(&builder::read_system(workspace, system)?, form, arguments.output.as_deref());
    }
    let form = match arguments.json {
        true => look::Form::Json(look::Limit {
            time: arguments.seconds.map(std::time::Duration::from_secs),
            count: arguments.count,
        }),
        false => look::Form::Screen,
    };
    let source = if arguments.no_messages { look::Source::Audit } else { look::Source::Copies };
    look::look(workspace, arguments.system.as_deref(), form, source, report)
}

fn campaign(arguments: Fuzz) -> fuzz::Options {
    let Fuzz { target, seconds, jobs, list, replay, keep, service, engine } = arguments;
    let jobs = jobs.unwrap_or_else(fuzz::processors);
    let engine = match engine {
        None => fuzz::Wanted::Best,
        Some(Toolchain::Stable) => fuzz::Wanted::Stable,
        Some(Toolchain::Nightly) => fuzz::Wanted::Nightly,
    };
    fuzz::Options { target, seconds, jobs, engine, list, replay, keep, service }
}

fn tidy(workspace: &Workspace) -> Outcome<()> {
    let faults =
        build_tidy::check(&workspace.root).map_err(|error| Failure::of("reading the tree", &error))?;
    if faults.is_empty() {
        println!("tidy");
        return Ok(());
    }
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Err(Failure::failed(format!("{} faults\n{}", faults.len(), lines.join("\n"))))
}
