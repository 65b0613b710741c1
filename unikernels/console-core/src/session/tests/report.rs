//! The report when a qube ends badly.

extern crate std;

use super::*;
use ipc_proto_ctl_api::{EndReason, Ending, QubeState};

fn end(qube: u8, generation: u32, why: EndReason) -> Step {
    Step::End(Ending { qube, generation, why, log: 4, audit: 20 })
}

/// A machine in which echo, qube 2, has just panicked.
fn panicked(world: &mut FakeWorld) {
    let mut machine = world.machine.borrow_mut();
    machine.log = "old\n\
        [    3.250000 echo] generation 1: src/main.rs:12: index out of bounds: the len is \n\
        [    3.250000 echo] generation 1: 3 but the index is 7\n\
        [    3.250100 skep] echo generation 1 ended: it panicked\n"
        .into();
    for sequence in 1..=19 {
        let from = if sequence % 2 == 0 { 0 } else { 2 };
        let entry = entry(sequence, 3, 0, AuditVerdict::Allowed);
        machine.audit.push(AuditEntry { from, to: 2 - from, ..entry });
    }
    machine.audit.push(AuditEntry { from: 2, why: 0x82, ..entry(20, 255, 255, AuditVerdict::Refused) });
    machine.qubes[2].state = QubeState::Restarting;
}

fn play_ends(prepare: impl FnOnce(&mut FakeWorld), steps: Vec<Step>, lines: &[&str]) -> String {
    let mut world = FakeWorld::new();
    panicked(&mut world);
    prepare(&mut world);
    world.terminal.script.extend(steps);
    play(&mut world, lines)
}

#[test]
fn a_panic_is_reported_above_the_line_being_typed() {
    let typed = |text: &str| Step::Type(text.as_bytes().to_vec());
    let steps = std::vec![typed("cle"), end(2, 1, EndReason::Panicked), typed("ar\x15\r")];
    let shown = play_ends(|_| (), steps, &[]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "╭─ ● echo ended (generation 1): it panicked");
    assert_eq!(lines[1], "│ src/main.rs:12: index out of bounds: the len is 3 but the index is 7");
    assert_eq!(lines[2], "│ Its last messages; what was said is not kept, sizes only:");
    assert_eq!(lines.len(), 3 + 10 + 2, "{shown}");
    assert!(
        lines[3].starts_with("│ ") && lines[3].contains("from console          guestbook.sign"),
        "{shown}"
    );
    assert!(lines[12].contains("to   console") && lines[12].contains("allowed"), "{shown}");
    assert_eq!(lines[13], "╰─ It starts again as generation 2.");
    assert_eq!(lines[14], "skep>", "what was typed goes on where it was");
}

#[test]
fn an_end_that_was_asked_for_is_no_news() {
    let ends = [EndReason::Exit(0), EndReason::Killed];
    let steps = ends.map(|why| end(2, 1, why)).into();
    assert_eq!(play_ends(|_| (), steps, &["clear"]), "");
}

#[test]
fn a_qube_that_stays_ended_and_has_no_last_words_says_so() {
    let quiet = |world: &mut FakeWorld| {
        let mut machine = world.machine.borrow_mut();
        machine.log = "old\n[    3.250100 skep] echo generation 1 ended: forbidden memory\n".into();
        machine.audit.clear();
        machine.qubes[2].state = QubeState::Ended;
    };
    let shown = play_ends(quiet, std::vec![end(2, 1, EndReason::MemoryFault(0x1000))], &[]);
    assert_eq!(
        shown,
        "╭─ ● echo ended (generation 1): it touched memory it does not have, at 0x1000\n\
         │ It has sent and received no message lately.\n\
         ╰─ It stays ended.\n"
    );
}

#[test]
fn without_the_log_the_report_says_where_the_words_are() {
    let no_log = |world: &mut FakeWorld| world.missing = &["log"];
    let shown = play_ends(no_log, std::vec![end(2, 1, EndReason::Panicked)], &[]);
    assert!(
        shown.contains("│ Its last words are in the log, to which this console has no channel.\n"),
        "{shown}"
    );
    let denied = |world: &mut FakeWorld| world.machine.borrow_mut().denied = Some("log.read");
    let shown = play_ends(denied, std::vec![end(2, 1, EndReason::Panicked)], &[]);
    assert!(shown.contains("│ Its last words are in the log, which this console may not read.\n"), "{shown}");
}

#[test]
fn a_qube_that_may_not_be_asked_about_is_reported_by_its_number() {
    let denied = |world: &mut FakeWorld| world.machine.borrow_mut().denied = Some("ctl.qube");
    let shown = play_ends(denied, std::vec![end(2, 1, EndReason::Panicked)], &[]);
    assert_eq!(shown, "Qube number 2 ended (generation 1): it panicked.\n");
}

#[test]
fn a_crash_loop_gets_one_report_one_line_and_then_a_count() {
    let steps: Vec<Step> = (1..=50).map(|generation| end(2, generation, EndReason::Panicked)).collect();
    let shown = play_ends(|_| (), steps, &["say echo hi"]);
    assert_eq!(shown.matches("╭─").count(), 1, "{shown}");
    let after = shown.split_once("╰─ It starts again as generation 2.\n").unwrap().1;
    assert_eq!(
        after,
        "echo ended again: it panicked. More of its ends are only counted until the next command.\n\
         skep> say echo hi\n\
         echo ended 50 times since the last command; the last was generation 50: it panicked.\n\
         echo: hi\n"
    );
}

#[test]
fn the_next_command_makes_a_report_possible_again_and_other_qubes_have_their_own() {
    let steps = std::vec![
        end(2, 1, EndReason::Panicked),
        end(1, 1, EndReason::Exit(3)),
        Step::Type(b"\r".to_vec()),
        end(2, 2, EndReason::Panicked),
    ];
    let shown = play_ends(|_| (), steps, &[]);
    assert_eq!(shown.matches("╭─ ● echo ended").count(), 2, "{shown}");
    assert_eq!(shown.matches("╭─ ◆ vault ended (generation 1): it left with code 3").count(), 1, "{shown}");
}

#[test]
fn a_report_during_a_hidden_prompt_shows_nothing_of_the_secret() {
    let steps = std::vec![
        Step::Type(b"vault init\rhunter".to_vec()),
        end(2, 1, EndReason::Panicked),
        Step::Type(b"2\rhunter2\r".to_vec()),
    ];
    let shown = play_ends(|_| (), steps, &[]);
    assert!(!shown.contains("hunter") && shown.contains("╭─ ● echo"), "{shown}");
    assert!(
        shown.contains("The vault is open."),
        "the passphrase is what was typed before and after: {shown}"
    );
}
