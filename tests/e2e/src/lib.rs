//! The system as its user sees it: `cargo skep run` in a pseudo-terminal, keys typed, the screen read.
//!
//! Nothing here knows how Skep works inside. A session that is dropped ends its emulator.

#![forbid(unsafe_code)]

mod authority;
pub mod canary;
pub mod forge;
pub mod peer;
mod server;
pub mod wire;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rexpect::error::Error;
use rexpect::process::WaitStatus;
use rexpect::session::{Options, PtySession, spawn_with_options};

pub use authority::Authority;
pub use server::{Server, free_port, said};

/// Longest wait for anything on the screen, in milliseconds: deriving a key under emulation takes seconds.
const PATIENCE_MS: u64 = 120_000;

/// What the terminal shows when it waits for a command.
const PROMPT: &str = "skep> ";

/// Characters of a line that are shown in one piece, whatever the prompt: fewer than the screen has columns beside it.
const SHOWN_COLUMNS: usize = 60;

/// How often it is asked whether a passphrase may be tried: for some ten seconds, though a second is the rule.
const TRIES: u32 = 20;

/// Longest wait for a line of the log.
const LOGGED: Duration = Duration::from_secs(240);

/// One system at a time: they share files, and the machine has few processors.
static ONE: Mutex<()> = Mutex::new(());

/// Folder of the project.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

/// A folder of this name for what a test makes, empty.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn empty_folder(name: &str) -> PathBuf {
    let folder = root().join("target/e2e").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for what the test makes");
    folder
}

/// `cargo skep` with these arguments, in the project's folder.
#[must_use]
pub fn skep(arguments: &[&str]) -> Command {
    let mut command = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    command
        .arg("skep")
        .args(arguments)
        .current_dir(root())
        .env_remove("CARGO_MANIFEST_DIR")
        .env("TERM", "xterm");
    command
}

/// A QEMU of our own with the supervisor, for what `cargo skep run` would not do. Ends by itself after a minute.
#[must_use]
pub fn qemu(arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-m", "768M"]);
    command.args(["-display", "none", "-vga", "none", "-monitor", "none", "-no-reboot"]);
    command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]).args(arguments);
    command
}

/// Has QEMU, which listens for QMP at `socket`, write all memory to a file, and gives its bytes.
///
/// # Panics
/// When it does not.
#[must_use]
pub fn dump(socket: &Path, file: &Path) -> Vec<u8> {
    let mut out = UnixStream::connect(socket).expect("QEMU listens");
    let mut lines = BufReader::new(out.try_clone().expect("a second handle")).lines().map_while(Result::ok);
    let mut say = |command: String| {
        writeln!(out, "{command}").expect("QEMU listens");
        lines.by_ref().find(|line| line.contains("\"return\"") || line.contains("\"error\""))
    };
    let _ = say("{\"execute\": \"qmp_capabilities\"}".into());
    let summary = say("{\"execute\": \"query-memory-size-summary\"}".into()).unwrap_or_default();
    let size = summary.split_once("\"base-memory\": ").map_or("", |(_, rest)| rest);
    let size: String = size.chars().take_while(char::is_ascii_digit).collect();
    let arguments = format!("{{\"val\": 0, \"size\": {size}, \"filename\": \"{}\"}}", file.display());
    let answer = say(format!("{{\"execute\": \"pmemsave\", \"arguments\": {arguments}}}"));
    assert!(answer.as_ref().is_some_and(|line| line.contains("return")), "{answer:?}");
    let bytes = std::fs::read(file).expect("the dump");
    let _ = std::fs::remove_file(file);
    bytes
}

/// A terminal with a running system behind it.
pub struct Terminal {
    pty: PtySession,
    /// Everything the screen has shown so far, escapes included.
    pub seen: String,
    _alone: std::sync::MutexGuard<'static, ()>,
}

impl Terminal {
    /// Runs `command` in a pseudo-terminal and waits for the first prompt.
    ///
    /// # Panics
    /// When there is no prompt.
    #[must_use]
    pub fn open(command: Command) -> Self {
        Self::prepare(|| command)
    }

    /// The same for a command that needs something first, such as an image that is built or a blank disk: no other system
    /// runs while it is made, so none has the same file.
    ///
    /// # Panics
    /// When there is no prompt.
    #[must_use]
    pub fn prepare(command: impl FnOnce() -> Command) -> Self {
        let alone = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let options = Options::new().timeout_ms(Some(PATIENCE_MS));
        let pty = spawn_with_options(command(), options).expect("a pseudo-terminal");
        let mut terminal = Self { pty, seen: String::new(), _alone: alone };
        terminal.until(PROMPT);
        terminal
    }

    /// A system of `build/systems`, or a manifest, with a blank disk if it wants one.
    #[must_use]
    pub fn run(system: &str) -> Self {
        Self::run_with(system, &[])
    }

    /// The same with more arguments of `cargo skep run`.
    #[must_use]
    pub fn run_with(system: &str, arguments: &[&str]) -> Self {
        Self::prepare(|| {
            // What there is to build is built before patience counts.
            let image = root().join("target/e2e").join("first.img");
            let _ = std::fs::create_dir_all(image.parent().unwrap_or(&image));
            let built =
                skep(&["image", system, "-o", &image.to_string_lossy()]).output().expect("cargo runs");
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
            let disk = blank_disk("first");
            let mut command = skep(&["run", system, "--no-color", "--disk", &disk, "--disk-size", "256"]);
            command.args(arguments);
            command
        })
    }

    /// A system whose manifest is this text, with its paths from `tests/e2e/x` on, in this folder; and more arguments of
    /// `cargo skep run`.
    ///
    /// # Panics
    /// When it does not build.
    #[must_use]
    pub fn run_text(folder: &Path, text: &str, arguments: &[String]) -> Self {
        let manifest = folder.join("system.toml");
        std::fs::write(&manifest, text.replace("../..", &root().display().to_string()))
            .expect("the manifest");
        let (manifest, image) = (manifest.display().to_string(), folder.join("system.img"));
        Self::prepare(|| {
            let built =
                skep(&["image", &manifest, "-o", &image.to_string_lossy()]).output().expect("cargo runs");
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
            let mut command = skep(&["run", &manifest, "--no-color"]);
            command.args(arguments);
            command
        })
    }

    /// Waits until the log has a line with this text, and gives the log.
    ///
    /// # Panics
    /// When it has none for long.
    pub fn log_until(&mut self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let log = plain(&self.command("log"));
            if log.contains(text) {
                return log;
            }
            assert!(start.elapsed() < LOGGED, "no '{text}' in the log:\n{log}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// A system of a project elsewhere, with `folder` as the current folder.
    ///
    /// # Panics
    /// When it does not build.
    #[must_use]
    pub fn run_in(folder: impl AsRef<Path>, system: &str) -> Self {
        let skep = |arguments: &[&str]| {
            let mut command = skep(arguments);
            command.current_dir(folder.as_ref());
            command
        };
        let image = std::env::temp_dir().join(format!("skep-e2e-{}.img", std::process::id()));
        let built = skep(&["image", system, "-o", &image.to_string_lossy()]).output().expect("cargo runs");
        let _ = std::fs::remove_file(&image);
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self::open(skep(&["run", system, "--no-color"]))
    }

    /// Waits until `text` shows up and gives what came before it.
    ///
    /// # Panics
    /// When it does not; shows the screen.
    pub fn until(&mut self, text: &str) -> String {
        // The reader gives one character a byte, so that is what it must look for.
        let bytes: String = text.bytes().map(char::from).collect();
        match self.pty.exp_string(&bytes) {
            Ok(before) => {
                let before = utf8(&before);
                self.seen += &before;
                self.seen += text;
                before
            }
            Err(Error::Timeout { got, .. } | Error::EOF { got, .. }) => {
                panic!("no '{text}' on the screen after:\n{}\n--\n{got}", self.seen)
            }
            Err(error) => panic!("{error}; the screen so far:\n{}", self.seen),
        }
    }

    /// Types keys as they are.
    pub fn keys(&mut self, keys: &str) {
        self.pty.send(keys).expect("the terminal takes keys");
        self.pty.flush().expect("the terminal takes keys");
    }

    /// Types a command and gives what it showed, up to the next prompt, without the echo of the command. What somebody
    /// else printed before the echo is skipped.
    pub fn command(&mut self, command: &str) -> String {
        self.type_line(command);
        self.until(PROMPT)
    }

    fn type_line(&mut self, line: &str) {
        self.keys(&format!("{line}\r"));
        // Of a line that is longer than the screen is wide the end is shown.
        let shown = line.char_indices().rev().nth(SHOWN_COLUMNS - 1).map_or(0, |(at, _)| at);
        self.until(&line[shown..]);
        self.until("\n");
    }

    /// Types a command that asks for secrets, and these secrets; gives what was shown after the last.
    pub fn secret_command(&mut self, command: &str, secrets: &[&str]) -> String {
        self.type_line(command);
        for secret in secrets {
            self.until(": ");
            self.keys(&format!("{secret}\r"));
        }
        self.until(PROMPT)
    }

    /// Waits until a passphrase may be tried after a wrong one.
    ///
    /// # Panics
    /// When it may not be tried for too long.
    pub fn until_vault_may_be_tried(&mut self) {
        let pause = Duration::from_millis(500);
        let mut tries = 0..TRIES;
        let is_over = tries.any(|_| {
            std::thread::sleep(pause);
            plain(&self.command("call vault:vault.status")).contains("retry_after_ms: 0,")
        });
        assert!(is_over, "no passphrase may be tried:\n{}", self.seen);
    }

    /// Types a command that asks for secrets and then for lines of a file, and these; ends the file.
    pub fn paste_command(&mut self, command: &str, secrets: &[&str], lines: &[&str]) -> String {
        self.type_line(command);
        for secret in secrets {
            self.until(": ");
            self.keys(&format!("{secret}\r"));
        }
        self.until("a single dot");
        for line in lines {
            self.keys(&format!("{line}\r"));
        }
        self.keys(".\r");
        self.until(PROMPT)
    }

    /// Switches off, and gives the exit code of the command in the terminal.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn power_off(mut self) -> (i32, String) {
        self.keys("poweroff\r");
        let rest = self.pty.exp_eof().expect("the command ends after poweroff");
        self.seen += &utf8(&rest);
        match self.pty.process().wait() {
            Ok(WaitStatus::Exited(_, code)) => (code, self.seen),
            other => panic!("the command ended with {other:?}"),
        }
    }

    /// Waits for the end of the command without `poweroff`; gives its exit code.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn ended(mut self) -> i32 {
        self.pty.exp_eof().expect("the command ends");
        match self.pty.process().wait() {
            Ok(WaitStatus::Exited(_, code)) => code,
            other => panic!("the command ended with {other:?}"),
        }
    }
}

/// Where a disk of this name is made when a machine first wants it; one of an earlier run is gone.
#[must_use]
pub fn blank_disk(name: &str) -> String {
    let disk = root().join("target/e2e").join(format!("{name}-disk.img"));
    let _ = std::fs::remove_file(&disk);
    disk.display().to_string()
}

/// The text behind one character a byte, which is how the pseudo-terminal's reader gives it.
fn utf8(bytes: &str) -> String {
    let bytes: Vec<u8> = bytes.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a row of the console begins with that goes on with the one above.
const GOES_ON: &str = "\n    | ";

/// The text without terminal escapes and carriage returns, and with rows of one line joined.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut escape = false;
    for c in text.chars() {
        match c {
            '\x1b' => escape = true,
            '\r' => {}
            c if escape => escape = !(c.is_ascii_alphabetic() || c == '\x07' || c == '\\'),
            c => out.push(c),
        }
    }
    out.replace(GOES_ON, "")
}
