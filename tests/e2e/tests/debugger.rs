//! `cargo skep gdb`: one qube of a running system, its functions by name, and nobody else disturbed.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tests_e2e::{Terminal, root, skep};

/// The qubes of the system `minimal`, built as a debugger wants them.
const PACKAGES: [&str; 2] = ["unikernels-console", "unikernels-echo"];

/// Longest wait for a line of gdb's.
const PATIENCE: Duration = Duration::from_secs(120);

/// gdb on a qube, which does what the commands say and leaves.
fn gdb(qube: &str, commands: &[&str]) -> Command {
    let mut command = skep(&["gdb", qube, "--", "-batch"]);
    for one in commands {
        command.args(["-ex", one]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_breakpoint_in_a_running_qube_shows_file_line_and_callers_and_the_answer_comes_after_it() {
    // Nothing runs yet.
    let output = gdb("echo", &[]).output().expect("cargo runs");
    let told = String::from_utf8_lossy(&output.stderr);
    let expected = "no system runs for a debugger\n  fix: run `cargo skep run --gdb` in another terminal";
    assert!(!output.status.success() && told.contains(expected), "{told}");

    // What there is to build is built before patience counts.
    build("metal", &["supervisor-metal"]);
    build("gdb", &PACKAGES);

    let mut t = Terminal::open(skep(&["run", "minimal", "--no-color", "--gdb"]));
    let commands =
        ["qube-break say", "echo ready\\n", "continue", "backtrace 6", "print text.0.vec.len", "next"];
    let mut gdb = gdb("echo", &commands).spawn().expect("cargo runs");
    let mut told = Told::by(&mut gdb);
    let before = told.until("ready\n");
    // Where it waited for a message, with its line, before it was stopped anywhere.
    assert!(before.contains("unikernels_rt::hypercall::call"), "{before}");
    assert!(t.command("say echo hi").contains("echo: hi"), "{}", t.seen);
    let stopped = told.rest();
    assert!(gdb.wait().expect("gdb ends").success(), "{stopped}");
    assert!(stopped.contains("Breakpoint 1, unikernels_echo::{impl#0}::say"), "{stopped}");
    assert!(stopped.contains("unikernels/echo/src/main.rs:28"), "{stopped}");
    assert!(stopped.contains("ipc_proto_rpc::server::answer"), "{stopped}");
    assert!(stopped.contains("$1 = 2"), "{stopped}");

    // gdb is gone, and its breakpoints with it.
    assert!(t.command("say echo again").contains("echo: again"), "{}", t.seen);
    assert_eq!(t.power_off().0, 0);
}

/// Builds packages as `cargo skep run --gdb` does.
fn build(profile: &str, packages: &[&str]) {
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.current_dir(root()).args(["build", "--quiet", "--profile", profile]);
    cargo.args(packages.iter().flat_map(|package| ["--package", *package]));
    assert!(cargo.status().expect("cargo runs").success());
}

/// What gdb tells, on both of its streams. Shown when the test fails.
struct Told {
    lines: Receiver<String>,
    seen: String,
}

impl Told {
    fn by(gdb: &mut Child) -> Self {
        let (to, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(gdb.stdout.take().expect("it is piped")),
            Box::new(gdb.stderr.take().expect("it is piped")),
        ];
        for stream in streams {
            let to = to.clone();
            std::thread::spawn(move || {
                // Who no longer listens has failed already.
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = to.send(line + "\n");
                }
            });
        }
        Self { lines, seen: String::new() }
    }

    /// Everything so far, once `text` is in it.
    fn until(&mut self, text: &str) -> String {
        while !self.seen.contains(text) {
            let line = self.lines.recv_timeout(PATIENCE).expect("gdb goes on");
            self.seen += &line;
        }
        self.seen.clone()
    }

    /// Everything, once gdb has left.
    fn rest(&mut self) -> String {
        self.seen.extend(self.lines.iter());
        self.seen.clone()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.seen.extend(self.lines.try_iter());
            eprintln!("gdb told:\n{}", self.seen);
        }
    }
}
