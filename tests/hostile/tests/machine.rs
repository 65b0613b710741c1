//! What the attacks rely on: a system boots, is watched and ends; a machine that hangs is ended (`tests/harness`).

use std::io::{Read, Write};
use std::time::Duration;

use tests_harness::{Boot, Clock, Packed};

const SYSTEM: &str = r#"
name = "harness"
memory = "2MiB"
qubes = [{ path = "../../tests/perf-qube", args = "task=call count=3" }, "../../unikernels/echo"]
policy = '''
echo.*  perf  echo         allow
ctl.*   perf  @supervisor  allow
'''
[[channel]]
client = "perf"
server = "echo"
service = "echo"
[[channel]]
client = "perf"
server = "@supervisor"
service = "ctl"
"#;

#[test]
fn a_system_that_powers_off_ends_well_and_its_log_is_read() {
    let system = Packed::text(SYSTEM).expect("it packs");
    let counted = || {
        let machine = Boot::of(&system).clock(Clock::Counted).start().expect("QEMU starts");
        machine.finish().expect("it ends")
    };
    let ended = counted();
    assert!(ended.powered_off(), "{}", ended.tail());
    assert!(ended.log.iter().any(|line| line.ends_with("perf] bench: calls=3")), "{}", ended.tail());
    assert_eq!(counted().log, ended.log, "counted time repeats");
}

#[test]
fn a_machine_that_runs_on_is_ended_and_says_its_last_lines() {
    let system = Packed::text(&SYSTEM.replace("task=call", "task=idle")).expect("it packs");
    let late = Boot::of(&system).limit(Duration::from_secs(2)).start().expect("QEMU starts").finish();
    let message = late.expect_err("idle takes a minute").message;
    assert!(message.contains("still runs after 2 s"), "{message}");
    assert!(message.contains("perf generation 1 starts"), "{message}");
}

#[test]
fn what_is_typed_reaches_the_terminal_and_what_is_shown_comes_out() {
    let system = Packed::file("build/systems/minimal.toml").expect("it packs");
    let mut machine = Boot::of(&system).with_terminal().start().expect("QEMU starts");
    let mut terminal = machine.terminal().expect("it has one");
    let mut shown = Vec::new();
    // Keys typed before the prompt are nobody's.
    while !shown.ends_with(b"skep> ") {
        let mut byte = [0];
        terminal.read_exact(&mut byte).expect("it shows a prompt");
        shown.push(byte[0]);
    }
    terminal.write_all(b"poweroff\r").expect("it takes keys");
    terminal.read_to_end(&mut shown).expect("it shows something");
    let ended = machine.finish().expect("it ends");
    assert!(ended.powered_off(), "{}", ended.tail());
    assert!(String::from_utf8_lossy(&shown).contains("poweroff"), "keys are echoed");
}

#[test]
fn a_wrong_manifest_is_told_with_its_place() {
    let wrong = Packed::text(&SYSTEM.replace("2MiB", "1MiB")).expect_err("two qubes of 1 MiB each");
    assert!(wrong.message.contains("memory over budget"), "{wrong}");
}
