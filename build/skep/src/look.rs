//! `skep inspect` of a system that runs: finds it, attaches, and shows it on the terminal or as JSON.

use std::io::IsTerminal;

use build_inspect::{Ink, SocketPort, Trouble, Watch, find, json, live, stop_flag};
pub use build_inspect::{Limit, Source};

use crate::failure::{Failure, Outcome};
use crate::report::{Report, Style};
use crate::run::running;
use crate::workspace::Workspace;

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// On this terminal, until its user leaves.
    Screen,
    /// As lines, until this limit or Ctrl-C.
    Json(Limit),
}

/// Looks into the running system of this name, or the only one.
///
/// # Errors
/// There is none, it does not answer, or it ended meanwhile.
pub fn look(
    workspace: &Workspace,
    system: Option<&str>,
    form: Form,
    source: Source,
    report: Report,
) -> Outcome<()> {
    if form == Form::Screen && !std::io::stdout().is_terminal() {
        let found = "standard output is no terminal";
        return Err(Failure::wrong(format!("{found}\n  expected: a terminal\n  fix: add --json")));
    }
    let run = find(&running(workspace), system).map_err(told)?;
    let stop = stop_flag().map_err(told)?;
    let stream = run.connect().map_err(told)?;
    let mut port = SocketPort::new(stream).map_err(|error| Failure::of(run.socket.display(), &error))?;
    port.settle();
    let mut watch = Watch::new(&mut port, source).map_err(told)?;
    let ended = match form {
        Form::Json(limit) => json(&mut watch, limit, &stop, &mut std::io::stdout().lock()),
        Form::Screen => {
            let ink = if report.style == Style::Colour { Ink::Colour } else { Ink::Plain };
            live(&mut watch, source == Source::Copies, ink, &stop)
        }
    };
    ended.map_err(|trouble| match trouble {
        Trouble::Ended => Failure::failed(format!("`{}` ended while it was looked at", run.system)),
        other => told(other),
    })
}

fn told(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::NoSystem(message) => Failure::wrong(message),
        other => Failure::failed(other.to_string()),
    }
}
