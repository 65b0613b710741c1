//! `cargo skep gdb`: one qube of a running system, its functions by name, and nobody else disturbed.

use std::io::{BufReader, Read};
use std::process::{Command, Stdio};

use tests_e2e::{Terminal, root, skep};

/// The qubes of the system `minimal`, built as a debugger wants them.
const PACKAGES: [&str; 2] = ["unikernels-console", "unikernels-echo"];

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
    let mut told = BufReader::new(gdb.stdout.take().expect("it is piped"));
    let before = until(&mut told, "ready\n");
    // Where it waited for a message, with its line, before it was stopped anywhere.
    assert!(before.contains("unikernels_rt::hypercall::call"), "{before}");
    assert!(t.command("say echo hi").contains("echo: hi"), "{}", t.seen);
    let stopped = until(&mut told, "nothing more");
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

/// What comes up to and with `text`, or all there is.
fn until(from: &mut impl Read, text: &str) -> String {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(text.as_bytes()) && matches!(from.read(&mut byte), Ok(1)) {
        seen.extend(byte);
    }
    String::from_utf8_lossy(&seen).into_owned()
}
