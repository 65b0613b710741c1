//! A machine: started, watched, and ended whatever happens.

use std::ffi::OsString;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use build_skep::qemu::{self, Clock, Serial};
use build_skep::{Failure, Outcome};

use crate::packed::{Packed, scratch, workspace};

/// Status of a machine that its user powered off.
const POWERED_OFF: i32 = 33;
/// Between two looks at a machine.
const POLL: Duration = Duration::from_millis(10);
/// Lines of a log in a message.
const TAIL: usize = 30;
/// How long a machine may take unless told otherwise: a boot takes less than a second, but tests share a processor.
const LIMIT: Duration = Duration::from_secs(60);
/// Memory of a machine unless told otherwise.
const MEMORY_MIB: u64 = 256;

/// How to boot a system.
#[derive(Debug, Clone)]
pub struct Boot<'p> {
    packed: &'p Packed,
    memory_mib: u64,
    clock: Clock,
    limit: Duration,
    terminal: bool,
    extra: Vec<OsString>,
}

impl<'p> Boot<'p> {
    /// 256 MiB, real time, no terminal, one minute.
    #[must_use]
    pub fn of(packed: &'p Packed) -> Self {
        Self {
            packed,
            memory_mib: MEMORY_MIB,
            clock: Clock::Real,
            limit: LIMIT,
            terminal: false,
            extra: Vec::new(),
        }
    }

    /// With so much memory.
    #[must_use]
    pub fn memory_mib(mut self, memory_mib: u64) -> Self {
        self.memory_mib = memory_mib;
        self
    }

    /// With time counted in instructions ([`Clock::Counted`]): every run is the same.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// For so long at most.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// With the serial line as a socket; see [`Machine::terminal`].
    #[must_use]
    pub fn with_terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// With one more argument of QEMU.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.extra.push(argument.into());
        self
    }

    /// Starts the machine.
    ///
    /// # Errors
    /// When QEMU cannot be run.
    pub fn start(self) -> Outcome<Machine> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{}-{number}", self.packed.system.name, std::process::id());
        let folder = scratch(workspace()?)?;
        let log = folder.join(format!("{name}.log"));
        let socket = self.terminal.then(|| folder.join(format!("{name}.socket")));
        let serial = match &socket {
            Some(path) => format!("socket,path={},server=on,wait=off", path.display()),
            None => "null".to_owned(),
        };
        let machine = qemu::Machine {
            boot: qemu::Boot::Kernel { kernel: self.packed.kernel.clone(), image: self.packed.image.clone() },
            memory_mib: self.memory_mib,
            serial: Serial::Device(serial),
            log: log.clone(),
            clock: self.clock,
            extra: self.extra,
        };
        let mut command = machine.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| Failure::of(qemu::PROGRAM, &error))?;
        Ok(Machine { child, log, socket, started: Instant::now(), limit: self.limit })
    }
}

/// A running machine. Dropped, it ends.
#[derive(Debug)]
pub struct Machine {
    child: Child,
    log: PathBuf,
    socket: Option<PathBuf>,
    started: Instant,
    limit: Duration,
}

impl Machine {
    /// The serial line: what the terminal shows comes out, what is typed goes in. Reading from a machine that says nothing
    /// ends in an error after the time limit.
    ///
    /// # Errors
    /// When the machine was booted without, or does not open it in time.
    pub fn terminal(&mut self) -> Outcome<UnixStream> {
        let path = self.socket.clone().ok_or_else(|| Failure::wrong("booted without a terminal"))?;
        loop {
            match UnixStream::connect(&path) {
                Ok(stream) => {
                    let limited = stream.set_read_timeout(Some(self.limit));
                    return limited.map(|()| stream).map_err(|error| Failure::of(path.display(), &error));
                }
                Err(error) if self.is_late() => return Err(Failure::of(path.display(), &error)),
                Err(_) => sleep(POLL),
            }
        }
    }

    /// What the supervisor and the qubes have logged so far, line by line.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }

    /// Waits until a line of the log contains `text`; returns that line.
    ///
    /// # Errors
    /// When the machine ends or runs out of time first.
    pub fn expect(&mut self, text: &str) -> Outcome<String> {
        loop {
            let over = self.is_over()? || self.is_late();
            let log = self.log();
            if let Some(line) = log.iter().find(|line| line.contains(text)) {
                return Ok(line.clone());
            }
            if over {
                let why = format!("`{text}` was never logged");
                return Err(Failure::failed(format!("{why}; the last lines are\n{}", tail(&log))));
            }
            sleep(POLL);
        }
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// When the machine runs out of time. It is killed then.
    pub fn finish(mut self) -> Outcome<Ended> {
        while !self.is_over()? {
            if self.is_late() {
                let late = format!("the machine still runs after {} s", self.limit.as_secs());
                return Err(Failure::failed(format!("{late}; the last lines are\n{}", tail(&self.log()))));
            }
            sleep(POLL);
        }
        let status = self.child.wait().map_err(|error| Failure::of(qemu::PROGRAM, &error))?;
        let mut complaint = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            // Only more words for a message.
            let _ = std::io::Read::read_to_string(&mut errors, &mut complaint);
        }
        Ok(Ended { status: status.code(), log: self.log(), complaint })
    }

    /// Stops the machine dead, wherever it is, as a cut of the power does. Gives the whole lines that were logged until then:
    /// what is after the last newline is the beginning of a line, and may read as another one.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub fn cut_power(mut self) -> Outcome<Vec<String>> {
        if self.is_over()? {
            return Err(Failure::failed(format!("the machine ended by itself\n{}", tail(&self.log()))));
        }
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map_err(|error| Failure::of(qemu::PROGRAM, &error))?;
        // It may be cut before QEMU has even made its log.
        let bytes = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
        Ok(whole.lines().map(str::to_owned).collect())
    }

    fn is_over(&mut self) -> Outcome<bool> {
        let status = self.child.try_wait().map_err(|error| Failure::of(qemu::PROGRAM, &error))?;
        Ok(status.is_some())
    }

    fn is_late(&self) -> bool {
        self.started.elapsed() > self.limit
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Each may be over and gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for path in [Some(&self.log), self.socket.as_ref()].into_iter().flatten() {
            let _ = fs::remove_file(path);
        }
    }
}

/// How a machine ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Exit status of QEMU; `None` when a signal ended it.
    pub status: Option<i32>,
    /// Everything that was logged.
    pub log: Vec<String>,
    /// What QEMU itself complained of.
    pub complaint: String,
}

impl Ended {
    /// Whether the system was powered off, as it should be.
    #[must_use]
    pub fn powered_off(&self) -> bool {
        self.status == Some(POWERED_OFF)
    }

    /// Status, complaint and the last lines, for a message.
    #[must_use]
    pub fn tail(&self) -> String {
        format!("status {:?} {}\n{}", self.status, self.complaint.trim(), tail(&self.log))
    }
}

fn tail(log: &[String]) -> String {
    log.get(log.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n")
}
