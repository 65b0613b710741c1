//! Whole sessions: what is typed, and what then stands on the screen.

extern crate std;

use super::*;
use crate::fake::Step;
use crate::fake_system::{FakeWorld, channel, qube};
use crate::terminal::Printed;
use ipc_proto_ctl_api::{AuditEntry, AuditVerdict, Verdict};
use ipc_proto_types::{Label, Text};
use std::boxed::Box;
use std::format;
use std::string::String;
use std::vec::Vec;

mod asking;
mod call;
mod cloning;
mod converting;
mod disposable;
mod document;
mod entries;
mod files;
mod keys;
mod links;
mod paging;
mod report;
mod rows;
mod vault;
mod writing;

const GREETING: &str = "Skep 0.1.0 — 3 qubes. Type 'help'.\n";

/// Runs a session to its end.
fn run(world: &mut FakeWorld, colour: Colour) {
    let mut room = Box::new(Room::new());
    Session::new(world, &mut room, colour).run();
}

/// Plays a session: types the lines one after the other, each with its Enter.
fn play(world: &mut FakeWorld, lines: &[&str]) -> String {
    for line in lines {
        world.terminal.script.push_back(Step::Type(format!("{line}\r").into_bytes()));
    }
    run(world, Colour::Never);
    let text = world.terminal.text();
    let text = text.strip_suffix("skep>\n").unwrap_or(&text);
    match text.split_once('\n') {
        Some((greeting, rest)) if greeting.starts_with("Skep ") => rest.into(),
        _ => text.into(),
    }
}

/// Plays a session in a world made ready by `prepare`, and compares the screen, line by line.
fn check_in(prepare: impl FnOnce(&mut FakeWorld), lines: &[&str], expected: &[&str]) -> FakeWorld {
    let mut world = FakeWorld::new();
    prepare(&mut world);
    let shown = play(&mut world, lines);
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(shown, expected);
    world
}

fn check(lines: &[&str], expected: &[&str]) -> FakeWorld {
    check_in(|_| (), lines, expected)
}

/// A vault that is open, with the passphrase "pass".
fn opened(world: &mut FakeWorld) {
    let mut machine = world.machine.borrow_mut();
    let vault = machine.vault("vault");
    vault.passphrase = Some("pass".into());
    vault.open = true;
}

#[test]
fn the_first_line_says_what_this_is() {
    let mut world = FakeWorld::new();
    run(&mut world, Colour::Never);
    assert_eq!(world.terminal.text(), format!("{GREETING}skep>\n"));
}

#[test]
fn a_machine_whose_devices_reach_all_memory_says_so_at_every_start() {
    let mut world = FakeWorld::new();
    world.dma_unprotected = true;
    run(&mut world, Colour::Never);
    let text = world.terminal.text();
    assert!(text.starts_with(&format!("{GREETING}Warning: there is no IOMMU.")), "{text}");
}

#[test]
fn the_stack_is_wiped_after_every_command_however_it_ended() {
    let mut world = FakeWorld::new();
    let _ = play(&mut world, &["qubes", "", "nonsense", "ls"]);
    assert_eq!(world.terminal.scrubs, 4);
}

#[test]
fn qubes_are_listed_with_label_state_and_counts() {
    check(
        &["qubes"],
        &[
            "skep> qubes",
            "NAME    LABEL       STATE      GEN   MEMORY    EXITS      IN     OUT REFUSED",
            "console ★ green     waiting      1    1 MiB       10       3       4       0",
            "vault   ◆ vault     waiting      1   68 MiB       10       3       4       0",
            "echo    ● untrusted waiting      1    1 MiB       10       3       4       0",
        ],
    );
}

#[test]
fn a_text_goes_to_another_qube_and_its_answer_comes_back_harmless() {
    check(
        &["say echo \"grüße\"", "say echo 'a\\b'", "say nobody hi"],
        &[
            "skep> say echo \"grüße\"",
            "echo: grüße",
            "skep> say echo 'a\\b'",
            "echo: a\\b",
            "skep> say nobody hi",
            "This console has no channel to an echo service of 'nobody'.",
        ],
    );
}

#[test]
fn a_killed_vault_tells_its_caller_once_and_then_works_again() {
    check_in(
        opened,
        &["kill vault", "ls", "ls", "qubes"],
        &[
            "skep> kill vault",
            "vault is ended; it starts again as generation 2.",
            "skep> ls",
            "vault restarted (generation 2); what it held in memory is gone: run 'vault init'.",
            "skep> ls",
            "The vault has no passphrase yet: run 'vault init'.",
            "skep> qubes",
            "NAME    LABEL       STATE      GEN   MEMORY    EXITS      IN     OUT REFUSED",
            "console ★ green     waiting      1    1 MiB       10       3       4       0",
            "vault   ◆ vault     waiting      2   68 MiB       10       3       4       0",
            "        its last life ended: it was killed",
            "echo    ● untrusted waiting      1    1 MiB       10       3       4       0",
        ],
    );
}

#[test]
fn only_qubes_that_run_can_be_killed() {
    check_in(
        |world| world.machine.borrow_mut().qubes.push(qube("clock", Label::Grey)),
        &["kill vualt", "kill something-with-a-long-name", "kill bob", "kill clock", "kill clock"],
        &[
            "skep> kill vualt",
            "There is no qube 'vualt'. Did you mean 'vault'?",
            "skep> kill something-with-a-long-name",
            "There is no qube 'something-with-a-long-name'. Type 'qubes'.",
            "skep> kill bob",
            "There is no qube 'bob'. Type 'qubes'.",
            "skep> kill clock",
            "clock is ended.",
            "skep> kill clock",
            "clock is not running.",
        ],
    );
}

#[test]
fn who_can_reach_follows_the_running_channels() {
    check_in(
        |world| {
            let mut machine = world.machine.borrow_mut();
            machine.qubes.push(qube("hello", Label::Untrusted));
            machine.channels.push(channel(3, Some(0), "console", &[Verdict::Conditional]));
            machine.channels.push(channel(3, Some(1), "vault", &[Verdict::Deny; 11]));
        },
        &[
            "policy who-can-reach vault",
            "policy who-can-reach echo",
            "policy who-can-reach hello",
            "policy who-can-reach x",
        ],
        &[
            "skep> policy who-can-reach vault",
            "console          ★ green     directly",
            "    allow: vault.*",
            "hello            ● untrusted if console passes it on",
            "    depends on the arguments: console.*",
            "No other qube can reach vault.",
            "skep> policy who-can-reach echo",
            "console          ★ green     directly",
            "    allow: echo.say, echo.bytes",
            "    ask: echo.sunk",
            "hello            ● untrusted if console passes it on",
            "    depends on the arguments: console.*",
            "No other qube can reach echo.",
            "skep> policy who-can-reach hello",
            "No qube can reach hello.",
            "skep> policy who-can-reach x",
            "There is no qube 'x'. Type 'qubes'.",
        ],
    );
}

fn entry(sequence: u64, service: u8, method: u8, verdict: AuditVerdict) -> AuditEntry {
    let to = if service == 2 { 255 } else { 1 };
    AuditEntry {
        sequence,
        time_ns: sequence * 1_500_000_000,
        from: 0,
        to,
        service,
        method,
        verdict,
        why: 7,
        size: 64,
    }
}

#[test]
fn the_audit_shows_the_last_calls_oldest_first_with_names() {
    let world = check_in(
        |world| {
            let mut machine = world.machine.borrow_mut();
            for sequence in 1..=20 {
                machine.audit.push(entry(sequence, 2, 1, AuditVerdict::Allowed));
            }
            machine.audit.push(entry(21, 0, 9, AuditVerdict::Denied));
            machine.audit.push(entry(22, 255, 9, AuditVerdict::Refused));
        },
        &["audit 3 --all", "audit 3"],
        &[
            "skep> audit 3 --all",
            " NUMBER    SECONDS FROM             TO               CALL                  VERDICT  BYTES",
            "     20     30.000 console          supervisor       ctl.qube              allowed     64",
            "     21     31.500 console          vault            vault.show            denied      64",
            "     22     33.000 console          vault                                  refused     64  nobody to ask",
            "skep> audit 3",
            " NUMBER    SECONDS FROM             TO               CALL                  VERDICT  BYTES",
            "     21     31.500 console          vault            vault.show            denied      64",
            "     22     33.000 console          vault                                  refused     64  nobody to ask",
        ],
    );
    let calls = &world.machine.borrow().calls;
    // One page for the newest three, three pages to find that there are only two that are no questions.
    assert_eq!(calls.iter().filter(|call| *call == "ctl.audit").count(), 4);
    assert_eq!(calls.iter().filter(|call| *call == "ctl.qube").count(), 4, "names are asked for once");
}

#[test]
fn the_whole_audit_is_followed_back_to_its_beginning() {
    let mut world = FakeWorld::new();
    for sequence in 1..=100 {
        world.machine.borrow_mut().audit.push(entry(sequence, 2, 1, AuditVerdict::Allowed));
    }
    let shown = play(&mut world, &["audit 64 --all"]);
    assert_eq!(shown.lines().count(), 2 + 64);
    assert!(shown.lines().nth(2).unwrap().starts_with("     37 "), "{shown}");
    world.machine.borrow_mut().audit.truncate(5);
    world.terminal = crate::fake::Fake::default();
    assert_eq!(play(&mut world, &["audit --all"]).lines().count(), 2 + 5);
}

#[test]
fn log_clock_and_services_are_shown() {
    check_in(
        |world| world.machine.borrow_mut().log = "boot\nvault: \x1b[31mready\nlast".into(),
        &["log", "date", "services"],
        &[
            "skep> log",
            "boot",
            "vault: ␛[31mready",
            "last",
            "skep> date",
            "2026-01-01 00:00:00 UTC",
            "skep> services",
            "SERVICE          VERSION METHODS SCHEMA",
            "vault                  2      25 00000000000000000000000000000000",
            "echo                   1       4 11111111111111111111111111111111",
            "ctl                    3      12 22222222222222222222222222222222",
            "guestbook              1       5 33333333333333333333333333333333",
        ],
    );
}

#[test]
fn a_long_log_is_read_in_pieces_to_its_end() {
    let mut world = FakeWorld::new();
    world.machine.borrow_mut().log = (0..1_000).map(|i| format!("line {i}\n")).collect();
    let shown = play(&mut world, &["log"]);
    assert_eq!(shown.lines().count(), 1 + 1_000);
    assert!(shown.ends_with("line 999\n"));
}

#[test]
fn a_call_without_an_answer_is_a_sentence() {
    check_in(
        |world| world.machine.borrow_mut().denied = Some("echo.say"),
        &["say echo hi"],
        &["skep> say echo hi", "The policy denies this call to echo."],
    );
    check_in(
        |world| world.machine.borrow_mut().silent = Some("vault.status"),
        &["unlock"],
        &["skep> unlock", "vault did not answer within 60 seconds."],
    );
    check_in(
        |world| world.machine.borrow_mut().denied = Some("ctl.kill"),
        &["kill vault"],
        &["skep> kill vault", "The policy denies this call to the supervisor."],
    );
    check_in(
        |world| world.missing = &["vault", "clock", "log"],
        &["ls", "clock", "log"],
        &[
            "skep> ls",
            "This console has no channel to the service 'vault'.",
            "skep> clock",
            "This console has no channel to the service 'clock'.",
            "skep> log",
            "This console has no channel to the service 'log'.",
        ],
    );
}

#[test]
fn what_is_typed_wrong_is_said_and_the_next_prompt_follows() {
    check(
        &["qbues", "", "   ", "say echo \"x", "show"],
        &[
            "skep> qbues",
            "Unknown command 'qbues'. Did you mean 'qubes'?",
            "skep>",
            "skep>",
            "skep> say echo \"x",
            "A quote \" is opened and not closed.",
            "skep> show",
            "'vault show' needs the NAME of the entry.",
            "Usage: vault show NAME [--reveal]",
        ],
    );
}

#[test]
fn an_over_long_line_is_not_run_and_comes_back_with_the_up_arrow() {
    let mut world = FakeWorld::new();
    let long = format!("say echo {}", "x".repeat(2_000));
    let shown = play(&mut world, &[&long, "\x1b[A\x15qubes"]);
    assert!(shown.contains(
        "That line has 2009 bytes; 1280 is the most. It was not run; the up arrow brings back what fits.\n"
    ));
    assert!(shown.contains("\nskep> qubes\nNAME"), "{shown}");
    assert!(!world.machine.borrow().calls.iter().any(|call| call == "echo.say"));
}

#[test]
fn the_longest_text_of_say_is_heard_and_every_row_of_it_says_who_speaks() {
    let mut world = FakeWorld::new();
    let text = "é".repeat(512);
    let shown = play(&mut world, &[&format!("say echo \"{text}\"")]);
    let rows: Vec<&str> = shown.lines().skip(1).collect();
    let said: String = rows.iter().map(|row| row.strip_prefix("echo: ").unwrap()).collect();
    assert_eq!(said, text);
    assert!(rows.iter().all(|row| row.chars().count() <= 79), "{shown}");
}

#[test]
fn help_names_every_command_and_explains_each() {
    let mut world = FakeWorld::new();
    let shown = play(&mut world, &["help", "help vault"]);
    for spec in spec::all() {
        assert!(shown.contains(&format!("  {:<16} {}\n", spec.name, spec.summary)), "{}", spec.name);
    }
    check(
        &["help kill"],
        &[
            "skep> help kill",
            "kill: end a qube.",
            "Usage: kill QUBE",
            "If its manifest says so it starts again, with a new generation and an empty memory. Whoever talks to it is told.",
        ],
    );
}

#[test]
fn ctrl_d_says_how_to_leave_and_poweroff_leaves() {
    let mut world = FakeWorld::new();
    world.terminal.script.push_back(Step::Type(b"\x04".to_vec()));
    let shown = play(&mut world, &["poweroff"]);
    assert_eq!(shown, "skep>\nType 'poweroff' to switch off.\nskep> poweroff\nSwitching off.\n");
    assert!(world.machine.borrow().off);
}

#[test]
fn qubes_print_above_the_line_and_between_prompts() {
    let mut world = FakeWorld::new();
    let printed = |text: &str| {
        let from = QubeName::new("hello").ok().unwrap();
        Step::Print(Printed { from, label: Label::Untrusted, text: Text::truncated(text) })
    };
    world.terminal.script.push_back(printed("hello\n"));
    world.terminal.script.push_back(Step::Type(b"vault init\r".to_vec()));
    world.terminal.script.push_back(printed("give me your \x1b[8mpassphrase"));
    world.terminal.script.push_back(Step::Type(b"\x03".to_vec()));
    let shown = play(&mut world, &[]);
    assert_eq!(
        shown,
        "[●hello] hello\nskep> vault init\n[●hello] give me your ␛[8mpassphrase\nNew passphrase: ^C\n\
         Given up; nothing was done.\n"
    );
}

#[test]
fn colours_are_sent_only_when_wanted() {
    for (colour, sent) in [(Colour::Never, 0), (Colour::Always, 6)] {
        let mut world = FakeWorld::new();
        world.terminal.script.push_back(Step::Type(b"qubes\r".to_vec()));
        run(&mut world, colour);
        assert_eq!(world.terminal.colours, sent);
    }
}

#[test]
fn no_bytes_whatever_can_break_a_session() {
    let mut state = 1_u64;
    for _ in 0..300 {
        let mut world = FakeWorld::new();
        opened(&mut world);
        let bytes = (0..400).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let words = b"\r\x1b[\xff\"' vault add ls --totp say echo x audit \xc3\xbc";
            match state >> 61 {
                0..=2 => state.to_be_bytes()[2],
                _ => words[usize::try_from(state >> 33).unwrap() % words.len()],
            }
        });
        let bytes = bytes.collect();
        world.terminal.script.push_back(Step::Type(bytes));
        // The fake panics at any byte a terminal might obey.
        run(&mut world, Colour::Always);
    }
}
