//! From the supervisor's entry to the terminal's first prompt, on the desktop, with time counted in instructions.
//!
//! The supervisor's log says when, counted from its entry: `[   0.012345 console] ready`. Once the prompt is there, the
//! system is powered off as a person would do it; when that line arrives differs from run to run and is not measured. The machine
//! has neither disk nor IOMMU, so its storage qube does not start: a disk of the emulator completes when it likes, and two boots
//! would differ.

use std::io::{Read, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};

use super::{Figures, wait};
use crate::builder::build;
use crate::failure::{Failure, Outcome};
use crate::qemu::{Boot, Clock, Machine, PROGRAM, Serial, memory_of};
use crate::report::Report;
use crate::workspace::Workspace;

/// The system with a terminal.
const SYSTEM: &str = "desktop";
/// What the terminal shows when it wants a line.
const PROMPT: &[u8] = b"skep> ";
/// What the console says in the log right after that, the first time.
const READY: &str = " console] ready";
/// Nanoseconds of a second; one instruction takes one.
const PER_SECOND: f64 = 1e9;

/// Boots twice; the figure `boot.instructions`, if the log has it.
///
/// # Errors
/// When the system does not boot to a prompt, or two boots differ.
pub(super) fn measure(workspace: &Workspace, report: Report) -> Outcome<Figures> {
    let built = build(workspace, SYSTEM, None, report)?;
    let log = workspace.output().join("bench-boot.log");
    let memory_mib = memory_of(&built, None)?;
    let machine = Machine {
        boot: Boot::Kernel { kernel: built.kernel, image: built.image },
        memory_mib,
        serial: Serial::Stdio,
        log: log.clone(),
        clock: Clock::Counted,
        extra: Vec::new(),
    };
    let boot = || -> Outcome<Figures> {
        let mut command = machine.command();
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        let mut child = child.map_err(|error| Failure::of(PROGRAM, &error))?;
        let talk = child
            .stdin
            .take()
            .zip(child.stdout.take())
            .map(|(to, from)| std::thread::spawn(move || power_off(to, from)));
        let end = wait(child, &log)?;
        drop(talk);
        end.explain(&log)?;
        let text = std::fs::read(&log).map_err(|error| Failure::of(log.display(), &error))?;
        Ok(ready_at(&String::from_utf8_lossy(&text))
            .map(|at| ("boot.instructions".to_owned(), at))
            .into_iter()
            .collect())
    };
    let first = report.step("measure boot", boot)?;
    let second = report.step("measure boot again", boot)?;
    super::figures::same("boot", &first, &second)?;
    Ok(first)
}

/// Waits for the prompt, types `poweroff`, and reads on, so that QEMU is never held up.
fn power_off(mut to: ChildStdin, mut from: ChildStdout) {
    let mut seen: Vec<u8> = Vec::new();
    let mut told = false;
    let mut bytes = [0; 256];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        seen.extend(bytes.get(..count).unwrap_or(&[]));
        if !told && seen.windows(PROMPT.len()).any(|window| window == PROMPT) {
            // A machine that is gone reads nothing; `wait` tells how it ended.
            let _ = to.write_all(b"poweroff\r");
            told = true;
        }
    }
}

/// Instructions until the console was ready.
fn ready_at(log: &str) -> Option<f64> {
    let line = log.lines().find(|line| line.contains(READY))?;
    let seconds = line.split(READY).next()?.trim_start_matches('[').trim();
    seconds.parse::<f64>().ok().map(|seconds| (seconds * PER_SECOND).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_prompt_is_found_with_its_time() {
        let log = "[   0.000880 skep] console generation 1 starts\n[   0.012345 console] ready\n";
        assert_eq!(ready_at(log), Some(12_345_000.0));
        assert_eq!(ready_at("[   0.000880 skep] console generation 1 starts\n"), None);
    }
}
