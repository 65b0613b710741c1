//! `skep run`: build a system, boot it, give the user its terminal.

use std::ffi::OsString;
use std::path::PathBuf;

use build_manifest::{Device, System};

use crate::builder::build_changed;
use crate::doctor;
use crate::failure::{Failure, Outcome};
use crate::needs::Task;
use crate::qemu::{Boot, Clock, End, Machine, Serial, check_memory};
use crate::report::{Report, Style};
use crate::run_file::{self, Running};
use crate::terminal::SavedTerminal;
use crate::workspace::{Profile, Workspace};

/// What the terminal's owner is told when there is to be no colour.
const PLAIN_ARGUMENT: &str = "color=never";

/// What `skep run` was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The system: a name or a path.
    pub system: String,
    /// The machine's memory in MiB.
    pub memory_mib: u64,
    /// Where the supervisor's log goes; `None` is `target/skep/supervisor.log`.
    pub log: Option<PathBuf>,
    /// Whether a debugger may look at its qubes.
    pub debugger: Debugger,
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
    let debugged = options.debugger == Debugger::Welcome;
    let profile = if debugged { Profile::Debugger } else { workspace.profile };
    let workspace = &Workspace { profile, ..workspace.clone() };
    let built = build_changed(workspace, &options.system, None, colour, report)?;
    check_memory(&built, options.memory_mib)?;
    let log = options.log.clone().unwrap_or_else(|| workspace.output().join("supervisor.log"));
    let name = built.system.name.to_string();
    let mut extra = options.extra.clone();
    let mut announced = None;
    if debugged {
        let gdb = run_file::socket(workspace, &name)?;
        extra.extend(["-gdb".into(), format!("unix:{},server=on,wait=off", gdb.display()).into()]);
        let running = Running { system: options.system.clone(), pid: std::process::id(), gdb };
        announced = Some(running.announce(workspace, &name)?);
        report.say("for a debugger: `cargo skep gdb QUBE` in another terminal");
    }
    let machine = Machine {
        boot: Boot::Kernel { kernel: built.kernel, image: built.image },
        memory_mib: options.memory_mib,
        serial: Serial::Terminal,
        log: log.clone(),
        clock: Clock::Real,
        extra,
    };
    report.say(&format!("booting `{}`; every key goes to it, Ctrl-C too", built.system.name));
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
