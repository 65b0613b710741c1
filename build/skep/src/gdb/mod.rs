//! `skep gdb NAME`: gdb on one qube of a system that `skep run --gdb` runs.
//!
//! gdb starts with a script that loads the qube's symbols and speaks to this same program (`--stdio`), which stands between
//! it and QEMU: QEMU's own view is of the whole machine, and cannot read a qube's memory. The machine stops while gdb holds
//! it, all qubes with it, and goes on when gdb leaves. Not here: how qubes are built for this (profile `gdb`).

mod lens;
mod machine;
mod packet;

use std::ffi::OsString;
use std::io::{stdin, stdout};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use object::{Object as _, ObjectSymbol as _};

use crate::builder::{binary, read_system, supervisor};
use crate::doctor;
use crate::failure::{Failure, Outcome};
use crate::needs::Task;
use crate::report::Report;
use crate::run_file::Running;
use crate::workspace::{Profile, Workspace};
use lens::Lens;
use machine::Machine;
use packet::{Incoming, pump};

/// What gdb is taught first.
const TEACH: &str = include_str!("qube.gdb");

/// What `skep gdb` was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The qube.
    pub qube: String,
    /// Speak gdb's protocol on standard input and output instead of starting gdb.
    pub stdio: bool,
    /// More arguments of gdb.
    pub extra: Vec<OsString>,
}

/// Starts gdb in place of this program, or serves one that was started.
///
/// # Errors
/// No system is running for a debugger, it has no such qube, or the connection broke.
pub fn gdb(workspace: &Workspace, options: &Options, report: Report) -> Outcome<()> {
    let workspace = &Workspace { profile: Profile::Debugger, ..workspace.clone() };
    let Some(running) = Running::all(workspace).into_iter().next() else {
        let fix = "run `cargo skep run --gdb` in another terminal";
        return Err(Failure::failed(format!("no system runs for a debugger\n  fix: {fix}")));
    };
    let system = read_system(workspace, &running.system)?;
    let names = || system.qubes.iter().map(|qube| qube.name.as_str());
    let Some(index) = names().position(|name| name == options.qube) else {
        let near = build_manifest::nearest(&options.qube, names());
        let hint = near.map(|near| format!("\n  fix: write `{near}`")).unwrap_or_default();
        let known = names().collect::<Vec<_>>().join(", ");
        let found = format!("no qube `{}` in the system that runs", options.qube);
        return Err(Failure::wrong(format!("{found}\n  expected: one of {known}{hint}")));
    };
    if options.stdio {
        return serve(&running.gdb, statics(&supervisor(workspace))?, index);
    }
    doctor::ensure(&[Task::Debug], report)?;
    let elf = binary(workspace, &system.qubes[index].package, &system.qubes[index].binary);
    let this = std::env::current_exe().map_err(|error| Failure::of("this program", &error))?;
    // A session of its own, so that Ctrl-C at the terminal reaches gdb alone, which passes it on as it should.
    let script = format!(
        "{TEACH}file '{}'\ntarget remote | exec setsid '{}' gdb {} --stdio\n",
        elf.display(),
        this.display(),
        options.qube
    );
    let path = running.gdb.with_file_name(format!("{}.gdbinit", options.qube));
    std::fs::write(&path, script).map_err(|error| Failure::of(path.display(), &error))?;
    let error = Command::new("gdb").arg("-q").arg("-x").arg(&path).args(&options.extra).exec();
    Err(Failure::of("gdb", &error))
}

/// Serves the gdb at standard input and output.
fn serve(socket: &Path, statics: (u64, u64), index: usize) -> Outcome<()> {
    let qemu = UnixStream::connect(socket).map_err(|error| Failure::of(socket.display(), &error))?;
    let copy = || qemu.try_clone().map_err(|error| Failure::of(socket.display(), &error));
    let from_qemu = listen(copy()?, copy()?, |_| {});
    // While the machine runs nobody listens but QEMU: an interrupt goes straight there, and so does the news that gdb left.
    let mut to_qemu = copy()?;
    let from_gdb = listen(stdin(), stdout(), move |incoming| {
        if matches!(incoming, Incoming::Interrupt | Incoming::End) {
            // Who is gone needs no stopping.
            let _ = std::io::Write::write_all(&mut to_qemu, &[3]);
        }
    });
    Lens::new(Machine::new(qemu, from_qemu, statics, index), stdout()).serve(&from_gdb)
}

/// A thread that takes packets apart, and where they come out.
fn listen(
    from: impl std::io::Read + Send + 'static,
    answers: impl std::io::Write + Send + 'static,
    mut first: impl FnMut(&Incoming) + Send + 'static,
) -> Receiver<Incoming> {
    let (to, receiver) = channel();
    std::thread::spawn(move || {
        pump(from, answers, &mut |incoming| {
            first(&incoming);
            to.send(incoming).is_ok()
        });
    });
    receiver
}

/// Where the supervisor's statics are: address and size.
fn statics(path: &Path) -> Outcome<(u64, u64)> {
    let bytes = std::fs::read(path).map_err(|error| Failure::of(path.display(), &error))?;
    let elf = object::File::parse(bytes.as_slice());
    let elf = elf.map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let is_it = |name: &str| name.contains("supervisor_metal") && name.contains("STATICS");
    let symbol = elf.symbols().find(|symbol| symbol.name().is_ok_and(is_it));
    let symbol = symbol.ok_or_else(|| Failure::failed(format!("no symbol STATICS in {}", path.display())))?;
    Ok((symbol.address(), symbol.size()))
}
