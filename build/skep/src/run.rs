//! `skep run`: build a system, boot it, give the user its terminal.

use std::ffi::OsString;
use std::path::PathBuf;

use build_manifest::{Addition, Device, System};

use build_inspect::Registration;

use crate::builder::build_changed;
use crate::disk;
use crate::doctor;
use crate::failure::{Failure, Outcome};
use crate::needs::Task;
use crate::nic;
use crate::qemu::{Boot, Clock, End, Machine, Serial, memory_of};
use crate::report::{Report, Style};
use crate::run_file::{self, RunFile, Running};
use crate::terminal::SavedTerminal;
use crate::workspace::{Profile, Workspace};

/// What the terminal's owner is told when there is to be no colour.
const PLAIN_ARGUMENT: &str = "color=never";

/// Whether a system gets the inspector qube and its serial port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inspector {
    /// It runs as its manifest says.
    Absent,
    /// `skep inspect` can attach to it.
    Present,
}

/// What `skep run` was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The system: a name or a path.
    pub system: String,
    /// The machine's memory in MiB; `None` is what the system needs.
    pub memory_mib: Option<u64>,
    /// Where the supervisor's log goes; `None` is `target/skep/supervisor.log`.
    pub log: Option<PathBuf>,
    /// Whether somebody may look into it.
    pub inspector: Inspector,
    /// Whether a debugger may look at its qubes.
    pub debugger: Debugger,
    /// The disk, if a qube drives one.
    pub disk: disk::Options,
    /// The network card, if a qube drives one.
    pub nic: nic::Options,
    /// More arguments of QEMU.
    pub extra: Vec<OsString>,
}

/// Whether a debugger may look at qubes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Debugger {
    /// None; qubes are as fast as they can be.
    None,
    /// `skep gdb` can; qubes are built for it.
    Welcome,
}

/// Runs a system until it ends.
///
/// # Errors
/// Anything that kept it from starting, or an end that was no power-off.
pub fn run(workspace: &Workspace, options: &Options, report: Report) -> Outcome<()> {
    doctor::ensure(&[Task::Build, Task::Run], report)?;
    let colour = |system: &mut System| {
        let terminal = system.qubes.iter_mut().find(|qube| qube.devices.contains(&Device::Terminal));
        if let Some(terminal) = terminal.filter(|_| report.style == Style::Plain) {
            terminal.args = format!("{} {PLAIN_ARGUMENT}", terminal.args).trim_start().to_owned();
        }
    };
    let addition = (options.inspector == Inspector::Present).then(|| inspector(workspace));
    // Its image is one of its own: what is shipped never has an inspector.
    let image = addition.as_ref().map(|_| workspace.output().join("inspect.img"));
    let debugged = options.debugger == Debugger::Welcome;
    let profile = if debugged { Profile::Debugger } else { workspace.profile };
    let workspace = &Workspace { profile, ..workspace.clone() };
    let built =
        build_changed(workspace, &options.system, image.as_deref(), addition.as_ref(), colour, report)?;
    let memory_mib = memory_of(&built, options.memory_mib)?;
    let log = options.log.clone().unwrap_or_else(|| workspace.output().join("supervisor.log"));
    let registration = addition.map(|_| register(workspace, &built.system)).transpose()?;
    let home = workspace.project.as_ref().map_or(&workspace.root, |project| &project.root);
    let mut extra = registration.as_ref().map(second_serial).unwrap_or_default();
    extra.extend(disk::arguments(&built.system, home, &options.disk, report)?);
    extra.extend(nic::arguments(&built.system, &options.nic));
    extra.extend(options.extra.iter().cloned());
    let announced = debugged.then(|| announce(workspace, &built.system, &mut extra, report)).transpose()?;
    let machine = Machine {
        boot: Boot::Kernel { kernel: built.kernel, image: built.image },
        memory_mib,
        serial: Serial::Terminal,
        log: log.clone(),
        clock: Clock::Real,
        extra,
    };
    report.say(&format!("booting `{}`; every key goes to it, Ctrl-C too", built.system.name));
    if registration.is_some() {
        report.say("`cargo skep inspect` in another terminal looks into it");
    }
    report.say("to leave: type `poweroff`, or press Ctrl-A and then X\n");
    let end = {
        let _terminal = SavedTerminal::save();
        machine.command().status().map(End::from)
    };
    drop(announced);
    let end = end.map_err(|error| Failure::of(crate::qemu::PROGRAM, &error))?;
    if end == End::Quit {
        report.say("\nleft with Ctrl-A X; the system was not powered off");
    }
    end.explain(&log)
}

/// Gives QEMU a socket for a debugger, and says where it is.
fn announce(
    workspace: &Workspace,
    system: &System,
    extra: &mut Vec<OsString>,
    report: Report,
) -> Outcome<RunFile> {
    let name = system.name.as_str();
    let gdb = run_file::socket(workspace, name)?;
    extra.extend(["-gdb".into(), format!("unix:{},server=on,wait=off", gdb.display()).into()]);
    let path = std::path::absolute(&system.path).unwrap_or_else(|_| system.path.clone());
    let running = Running { system: path.display().to_string(), pid: std::process::id(), gdb };
    let announced = running.announce(workspace, name)?;
    report.say("for a debugger: `cargo skep gdb QUBE` in another terminal");
    Ok(announced)
}

/// The inspector qube, with its channel and rules that come before the system's own.
fn inspector(workspace: &Workspace) -> Addition {
    Addition {
        folder: workspace.root.join("unikernels/inspector"),
        calls: vec![("@supervisor".to_owned(), "ctl".to_owned())],
        policy: "ctl.* inspector @supervisor allow\n".to_owned(),
    }
}

/// Where running systems are found.
pub(crate) fn running(workspace: &Workspace) -> PathBuf {
    workspace.output().join("run")
}

fn register(workspace: &Workspace, system: &System) -> Outcome<Registration> {
    build_inspect::register(&running(workspace), system.name.as_str())
        .map_err(|trouble| Failure::failed(trouble.to_string()))
}

/// The second serial port, as a socket that waits for nobody.
fn second_serial(registration: &Registration) -> Vec<OsString> {
    let socket = registration.socket.display().to_string().replace(',', ",,");
    ["-chardev", &format!("socket,id=inspect,path={socket},server=on,wait=off"), "-serial", "chardev:inspect"]
        .map(OsString::from)
        .to_vec()
}
