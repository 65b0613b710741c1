//! `skep`, run as `cargo skep`: reads its arguments and calls the library.

#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

use build_skep::needs::Task;
use build_skep::run::Options;
use build_skep::suite::Extent;
use build_skep::workspace::Workspace;
use build_skep::{
    Failure, Outcome, Report, Style, bench, builder, doctor, iso, new, picture, policy, reach, run, suite,
};
use clap::Parser;
use cli::{Arguments, Inspect, New, Question, Verb};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let report = Report::new(Style::detect(arguments.no_color));
    match act(arguments.command, report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{} {failure}", report.style.paint(31, "error:"));
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn act(verb: Verb, report: Report) -> Outcome<()> {
    let workspace = Workspace::find()?;
    match verb {
        Verb::Run { system, memory, log, extra } => {
            run::run(&workspace, &Options { system, memory_mib: memory, log, extra }, report)
        }
        Verb::New(arguments) => new::new(&workspace.root, &options_of(arguments)),
        Verb::Test { quick } => {
            suite::test(&workspace, if quick { Extent::Quick } else { Extent::Everything }, report)
        }
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
        Verb::Bench => {
            println!("written to {}", bench::bench(&workspace, report)?.display());
            Ok(())
        }
        Verb::Tidy => tidy(&workspace),
        Verb::Doctor { install: true } => {
            doctor::ensure(&Task::ALL, report)?;
            doctor::examine(report)
        }
        Verb::Doctor { install: false } => doctor::examine(report),
        Verb::Inspect(arguments) => inspect(&workspace, arguments),
        Verb::Policy { question: Question::Diff { old, new, deny_new_paths_to_vault } } => {
            let diff = policy::diff(&workspace, &old, &new)?;
            print!("{diff}");
            if deny_new_paths_to_vault { policy::deny_new_ways(&diff) } else { Ok(()) }
        }
        Verb::WhoCanReach { qube, system } => {
            print!("{}", reach::answer(&builder::read_system(&workspace, &system)?, &qube)?);
            Ok(())
        }
    }
}

fn options_of(arguments: New) -> new::Options {
    let New { name, label, serves, calls, memory, path, skep_version, yes } = arguments;
    let given = build_template::Given { label, serves, calls, memory };
    new::Options { name, given, path, skep_version, yes }
}

fn inspect(workspace: &Workspace, arguments: Inspect) -> Outcome<()> {
    let form = if arguments.dot { picture::Form::Dot } else { picture::Form::Svg };
    let system = arguments.system.as_deref().unwrap_or("desktop");
    picture::draw(&builder::read_system(workspace, system)?, form, arguments.output.as_deref())
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
