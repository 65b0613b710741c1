//! QEMU: its command line, and what its end means.
//!
//! QEMU 7.2's own emulator runs everything, SVM and nested paging included; `/dev/kvm` is never used, so a system behaves
//! the same on every machine. When this process dies, however it dies, QEMU dies with it (`setpriv --pdeathsig`).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::builder::Built;
use crate::failure::{Failure, Outcome};

/// The emulator.
pub const PROGRAM: &str = "qemu-system-x86_64";
/// The processor: one with SVM and nested paging, without what the emulator cannot do and would complain about.
const CPU: &str =
    "EPYC,+svm,+npt,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-nrip-save,-xsavec";
/// What the supervisor writes to the exit device when a user powers the system off; QEMU ends with `2 * value + 1`.
const POWEROFF_STATUS: i32 = 2 * 0x10 + 1;
/// Lines of the supervisor's log shown when a system does not end well.
const LOG_LINES: usize = 15;
/// Memory a system needs beside its qubes and its image: the supervisor, its tables, the firmware.
const SUPERVISOR_MIB: u64 = 16;
/// Memory of a machine whose system needs less, in MiB.
const USUAL_MIB: u64 = 512;

/// How a machine starts.
#[derive(Debug, Clone)]
pub enum Boot {
    /// QEMU loads the supervisor itself (PVH).
    Kernel {
        /// The supervisor.
        kernel: PathBuf,
        /// The system image.
        image: PathBuf,
    },
    /// From a CD, by SeaBIOS.
    Bios(PathBuf),
    /// From a CD, by UEFI firmware.
    Uefi {
        /// The CD.
        iso: PathBuf,
        /// The firmware's code.
        firmware: PathBuf,
    },
}

/// Where the serial line of the terminal goes.
#[derive(Debug, Clone)]
pub enum Serial {
    /// To this process's own terminal; Ctrl-A X leaves.
    Terminal,
    /// To standard input and output as they are, for a program on the other side.
    Stdio,
    /// To a new pseudo-terminal or socket, in QEMU's own words for a character device.
    Device(String),
}

/// How time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// As it does outside.
    Real,
    /// One nanosecond an instruction, skipping idle time, from a fixed date: every run is the same.
    Counted,
    /// As counted, at 16 nanoseconds an instruction: a machine so slow that what adapts to it does the least it may.
    CountedSlowly,
    /// As counted slowly while a qube runs, and as it does outside while all wait: for what waits for somebody outside, and must
    /// not depend on how busy the host is.
    Paced,
}

/// A machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// What it starts.
    pub boot: Boot,
    /// Its memory in MiB.
    pub memory_mib: u64,
    /// Its terminal.
    pub serial: Serial,
    /// The supervisor's log.
    pub log: PathBuf,
    /// Its time.
    pub clock: Clock,
    /// More arguments of QEMU.
    pub extra: Vec<OsString>,
}

impl Machine {
    /// The command that runs it.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", PROGRAM]);
        command.args([
            "-nodefaults",
            "-no-user-config",
            "-machine",
            "q35",
            "-accel",
            self.accelerator(),
            "-cpu",
            CPU,
        ]);
        command.args([
            "-smp",
            "1",
            "-m",
            &format!("{}M", self.memory_mib),
            "-display",
            "none",
            "-nic",
            "none",
        ]);
        command.args(["-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]);
        let count = match self.clock {
            Clock::Real => None,
            Clock::Counted => Some("shift=0,sleep=off"),
            Clock::CountedSlowly => Some("shift=4,sleep=off"),
            Clock::Paced => Some("shift=4,sleep=on"),
        };
        if let Some(count) = count {
            command.args(["-icount", count, "-rtc", "base=2026-01-01,clock=vm", "-seed", "1"]);
        }
        command.arg("-debugcon").arg(joined("file:", &self.log, ""));
        command.args(["-global", "isa-debugcon.iobase=0xe9"]);
        self.add_serial(&mut command);
        self.add_boot(&mut command);
        command.args(&self.extra);
        command
    }

    fn accelerator(&self) -> &'static str {
        match self.clock {
            Clock::Real => "tcg",
            Clock::Counted | Clock::CountedSlowly | Clock::Paced => "tcg,thread=single",
        }
    }

    fn add_serial(&self, command: &mut Command) {
        let device = match &self.serial {
            Serial::Terminal => "stdio,id=terminal,mux=on,signal=off".to_owned(),
            Serial::Stdio => "stdio,id=terminal,signal=off".to_owned(),
            Serial::Device(device) => format!("{device},id=terminal"),
        };
        command.args(["-chardev", &device, "-serial", "chardev:terminal", "-monitor", "none"]);
    }

    fn add_boot(&self, command: &mut Command) {
        match &self.boot {
            Boot::Kernel { kernel, image } => {
                command.arg("-kernel").arg(kernel).arg("-initrd").arg(image).args(["-vga", "none"]);
            }
            Boot::Bios(iso) => {
                command.arg("-cdrom").arg(iso).args(["-boot", "d", "-vga", "std"]);
            }
            Boot::Uefi { iso, firmware } => {
                let flash = joined("if=pflash,format=raw,readonly=on,file=", firmware, "");
                command.arg("-drive").arg(flash).arg("-cdrom").arg(iso).args(["-boot", "d", "-vga", "std"]);
            }
        }
    }
}

/// An argument with a path in it; QEMU wants commas in paths doubled.
fn joined(before: &str, path: &Path, after: &str) -> OsString {
    OsString::from(format!("{before}{}{after}", path.display().to_string().replace(',', ",,")))
}

/// The memory of the machine for a built system, in MiB: what is asked for, else what it needs and at least [`USUAL_MIB`].
///
/// # Errors
/// Says how much it needs when less is asked for.
pub fn memory_of(built: &Built, asked_mib: Option<u64>) -> Outcome<u64> {
    let qubes: u64 = built.system.qubes.iter().map(|qube| qube.memory).sum();
    let needs = (qubes + built.image_size).div_ceil(1 << 20) + SUPERVISOR_MIB;
    let memory_mib = asked_mib.unwrap_or(needs.max(USUAL_MIB));
    if memory_mib >= needs {
        return Ok(memory_mib);
    }
    let name = built.system.name;
    Err(Failure::wrong(format!(
        "`{name}` does not fit {memory_mib} MiB\n  expected: at least {needs} MiB\n  fix: --memory {needs}"
    )))
}

/// How a machine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The user powered it off.
    PowerOff,
    /// QEMU was told to quit (Ctrl-A X).
    Quit,
    /// Anything else.
    Broken(Option<i32>),
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> End {
        match status.code() {
            Some(POWEROFF_STATUS) => End::PowerOff,
            Some(0) => End::Quit,
            code => End::Broken(code),
        }
    }
}

impl End {
    /// Nothing for a good end, else what happened and the last lines of the supervisor's log.
    ///
    /// # Errors
    /// For an end that is not good.
    pub fn explain(self, log: &Path) -> Outcome<()> {
        let End::Broken(code) = self else { return Ok(()) };
        let what = match code {
            Some(1) => "QEMU could not start the machine, or the machine reset itself".to_owned(),
            Some(code) if code % 2 == 1 => {
                format!("the supervisor stopped the machine with code {:#x}", code / 2)
            }
            Some(code) => format!("QEMU ended with status {code}"),
            None => "QEMU was killed".to_owned(),
        };
        let text = std::fs::read(log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or(&[]);
        let told = match last {
            [] => "the supervisor said nothing".to_owned(),
            lines => {
                format!("the supervisor's last words ({}):\n    {}", log.display(), lines.join("\n    "))
            }
        };
        Err(Failure::failed(format!("the system did not end well: {what}\n  {told}")))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_power_off_is_a_good_end_and_everything_else_says_what_happened() {
        let end = |status: i32| End::from(ExitStatus::from_raw(status << 8));
        assert_eq!((end(33), end(0)), (End::PowerOff, End::Quit));
        let log = std::env::temp_dir().join(format!("skep-log-{}", std::process::id()));
        let lines: Vec<String> = (0..40).map(|line| format!("line {line}")).collect();
        std::fs::write(&log, lines.join("\n")).unwrap();
        let message = end(0x21 * 2 + 1).explain(&log).unwrap_err().message;
        std::fs::remove_file(&log).unwrap();
        assert!(message.contains("stopped the machine with code 0x21"), "{message}");
        assert!(message.contains("line 39") && message.contains("line 25") && !message.contains("line 24"));
        let killed = End::from(ExitStatus::from_raw(9));
        assert!(
            killed
                .explain(&log)
                .unwrap_err()
                .message
                .contains("QEMU was killed\n  the supervisor said nothing")
        );
    }

    #[test]
    fn a_comma_in_a_path_is_doubled_for_qemu() {
        assert_eq!(joined("file:", Path::new("/a,b/c"), ""), "file:/a,,b/c");
    }
}
