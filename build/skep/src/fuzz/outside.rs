//! A service outside this project: a small package is written under `target/skep/fuzz`, which puts the same oracles to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::{Campaign, Ended, Engine, INPUT_SECONDS, MEMORY_MIB, Options};
use crate::failure::{Failure, Outcome};
use crate::report::Report;
use crate::workspace::{Workspace, cargo};

/// The two targets of a service.
const TARGETS: [&str; 2] = ["message", "peers"];
/// With this variable set, a target writes corpus and dictionary to the folder it names, and ends.
const PREPARE: &str = "SKEP_FUZZ_PREPARE";

/// Fuzzes the service that the crate in `folder` declares.
pub(super) fn fuzz(
    workspace: &Workspace,
    folder: &Path,
    engine: &Engine,
    options: &Options,
    report: Report,
) -> Outcome<()> {
    if options.keep || options.list {
        return Err(Failure::wrong(
            "a service of your own has two targets, `message` and `peers`, and no committed corpus\n  fix: leave out --keep and --list",
        ));
    }
    let name = package_name(folder)?;
    report.say(&format!("engine: {engine}"));
    let output = workspace.output().join("fuzz").join(format!("service-{name}"));
    let package = output.join("package");
    write(workspace, folder, &name, &package)?;
    let targets = TARGETS.map(str::to_owned);
    let built = engine.build_package(&package, &output.join(engine.word()), &targets, report)?;
    if let Some(input) = &options.replay {
        return replay(&built, input);
    }
    let campaign = Campaign {
        binaries: built.clone(),
        output,
        duration: Duration::from_secs(options.seconds),
        jobs: options.jobs.max(1),
        input_seconds: INPUT_SECONDS,
        memory_mib: MEMORY_MIB,
        report,
    };
    prepare(&campaign, &built)?;
    let runs = campaign.run(&targets)?;
    let mut told = Vec::new();
    for run in &runs {
        let super::Figures { runs, a_second, edges, new } = run.figures;
        println!("{}: {runs} runs, {a_second} a second, {edges} edges, {new} new, {}", run.target, run.ended);
        if let Ended::Found { input, said } = &run.ended {
            let again =
                format!("cargo skep fuzz --service {} --replay {}", folder.display(), input.display());
            told.push(format!("{}: {said}\n  again: {again}", run.target));
        }
        if let Ended::Broken(said) = &run.ended {
            told.push(format!("{}: the engine did not work: {said}", run.target));
        }
    }
    if told.is_empty() { Ok(()) } else { Err(Failure::failed(told.join("\n"))) }
}

/// Runs one input. Which target it is of says the name it was found under.
fn replay(built: &Path, input: &Path) -> Outcome<()> {
    let name = input.file_name().unwrap_or_default().to_string_lossy();
    let is_of = |target: &&&str| name.starts_with(&format!("{target}-"));
    let target = TARGETS.iter().find(is_of).unwrap_or(&TARGETS[0]);
    if super::campaign::once(&built.join(target), input)?.success() {
        println!("{target} passes this input");
        return Ok(());
    }
    Err(Failure::failed(format!("{target} fails on {}", input.display())))
}

/// Has the target itself write its inputs to begin with: only it knows the service.
fn prepare(campaign: &Campaign, built: &Path) -> Outcome<()> {
    let folder = campaign.committed(TARGETS[0]);
    std::fs::create_dir_all(&folder).map_err(|error| Failure::of(folder.display(), &error))?;
    let mut command = std::process::Command::new(built.join(TARGETS[0]));
    let output = command.env(PREPARE, &folder).output().map_err(|error| Failure::of(TARGETS[0], &error))?;
    if !output.status.success() {
        return Err(Failure::failed(String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    let dictionary = folder.join("dictionary");
    std::fs::rename(&dictionary, campaign.dictionary(TARGETS[0]))
        .map_err(|error| Failure::of(dictionary.display(), &error))
}

/// The name of the package in a folder.
fn package_name(folder: &Path) -> Outcome<String> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        let fix = "name the folder of the crate with the `#[service]` trait";
        return Err(Failure::wrong(format!("{}: no such file\n  fix: {fix}", manifest.display())));
    }
    let mut command = cargo(folder);
    command.args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]);
    // From that folder: the path must not be read from there again.
    let output = command.arg("Cargo.toml").output().map_err(|error| Failure::of("cargo", &error))?;
    if !output.status.success() {
        return Err(Failure::failed(String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    let nonsense = || Failure::failed("`cargo metadata` said something unexpected");
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| nonsense())?;
    let wanted = absolute(folder)?.join("Cargo.toml");
    let packages = metadata["packages"].as_array().ok_or_else(nonsense)?;
    let package =
        packages.iter().find(|it| it["manifest_path"].as_str().is_some_and(|path| wanted == Path::new(path)));
    let name = package.and_then(|package| package["name"].as_str());
    name.map(str::to_owned).ok_or_else(|| Failure::wrong(format!("{}: no package", wanted.display())))
}

fn absolute(folder: &Path) -> Outcome<PathBuf> {
    folder.canonicalize().map_err(|error| Failure::of(folder.display(), &error))
}

/// Writes the package.
fn write(workspace: &Workspace, folder: &Path, name: &str, package: &Path) -> Outcome<()> {
    let root = &workspace.root;
    let service = absolute(folder)?;
    let krate = name.replace('-', "_");
    let bins =
        TARGETS.map(|target| format!("[[bin]]\nname = \"{target}\"\npath = \"{target}.rs\"\n")).join("\n");
    let manifest = format!(
        "[package]\nname = \"fuzz-of-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [workspace]\n\n[dependencies]\nlibfuzzer-sys = \"=0.4.13\"\n\
         tests-oracles = {{ path = \"{}\" }}\n{name} = {{ path = \"{}\" }}\n\n\
         [profile.release]\npanic = \"abort\"\ndebug = \"line-tables-only\"\n\n\
         [profile.release.package.libfuzzer-sys]\nopt-level = 1\n\n{bins}",
        root.join("tests/oracles").display(),
        service.display()
    );
    let message = format!(
        "//! Written by `cargo skep fuzz`: the messages of a service.\n#![no_main]\n\nuse {krate}::Wire;\n\n\
         libfuzzer_sys::fuzz_target!(\n    init: tests_oracles::desk::prepare_outside::<Wire>(\"{PREPARE}\"),\n    \
         |input: &[u8]| tests_oracles::message::<Wire>(input)\n);\n"
    );
    let peers = format!(
        "//! Written by `cargo skep fuzz`: client and server of a service.\n#![no_main]\n\n\
         libfuzzer_sys::fuzz_target!(|input: &[u8]| tests_oracles::peers_of::<{krate}::Wire>(input));\n"
    );
    std::fs::create_dir_all(package).map_err(|error| Failure::of(package.display(), &error))?;
    for (file, text) in [("Cargo.toml", manifest), ("message.rs", message), ("peers.rs", peers)] {
        let path = package.join(file);
        std::fs::write(&path, text).map_err(|error| Failure::of(path.display(), &error))?;
    }
    // The versions of this project, so that nothing is fetched twice.
    let lock = root.join("tests/fuzz/Cargo.lock");
    if lock.is_file() && !package.join("Cargo.lock").is_file() {
        std::fs::copy(&lock, package.join("Cargo.lock"))
            .map_err(|error| Failure::of(lock.display(), &error))?;
    }
    Ok(())
}
