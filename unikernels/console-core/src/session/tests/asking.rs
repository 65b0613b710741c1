//! Sessions in which a vault asks whether a qube may sign.

use super::*;
use crate::question::GUARD_MS;
use crate::terminal::Asked;
use ipc_proto_types::{Bytes, QubeName};
use ipc_proto_vault_api::keys::{Answer, Question};

const SECONDS: u16 = 60;
const CHOICE: &str = "▲ work asks to sign with 'deploy': [o]nce, [m]inute, [n]o?";

pub(super) fn question(number: u32, qube: &str, comment: &str) -> Question {
    Question {
        number,
        qube: Text::truncated(qube),
        id: 255,
        comment: Text::truncated(comment),
        digest: Bytes::from([0xab; 32]),
        length: 312,
        seconds: SECONDS,
    }
}

/// A vault asks on behalf of a qube that works.
fn ask(world: &mut FakeWorld, number: u32) {
    let mut machine = world.machine.borrow_mut();
    machine.qubes.push(qube("work", Label::Work));
    machine.vault("vault").asks.push(number);
    drop(machine);
    let asked =
        Asked { vault: QubeName::new("vault").unwrap(), question: question(number, "work", "deploy") };
    world.terminal.script.push_back(Step::Ask(asked));
}

fn pass(world: &mut FakeWorld, ms: u64) {
    world.terminal.script.push_back(Step::Pass(ms));
}

fn keys(world: &mut FakeWorld, keys: &str) {
    world.terminal.script.push_back(Step::Type(keys.as_bytes().to_vec()));
}

/// Plays a session with an open vault; gives the rows after the greeting and what was answered.
fn play_asked(script: impl FnOnce(&mut FakeWorld)) -> (Vec<String>, Vec<(u32, Answer)>) {
    let mut world = FakeWorld::new();
    opened(&mut world);
    script(&mut world);
    let shown = play(&mut world, &[]);
    let answers = world.machine.borrow_mut().vault("vault").answers.clone();
    (shown.lines().map(String::from).collect(), answers)
}

fn details() -> [String; 2] {
    let hash = "ab".repeat(32);
    [
        "A signature with the key 00000000000000ff of vault (deploy) is asked for.".into(),
        format!("Its data has 312 bytes, SHA-256 {hash}."),
    ]
}

#[test]
fn a_person_at_the_prompt_is_asked_and_the_vault_gets_the_answer() {
    let answers = [
        ("o", Answer::Once, "work may sign that once."),
        ("m", Answer::Seconds(60), "work may sign with this key for 60 seconds."),
        ("n", Answer::No, "work may not sign."),
    ];
    for (letter, answer, said) in answers {
        let (shown, given) = play_asked(|world| {
            ask(world, 5);
            pass(world, 2 * GUARD_MS);
            keys(world, &format!("{letter}\r"));
        });
        let [first, second] = details();
        assert_eq!(shown, [&first, &second, &format!("{CHOICE} {letter}"), said]);
        assert_eq!(given, [(5, answer)]);
    }
}

#[test]
fn a_line_that_is_being_typed_is_neither_answer_nor_lost() {
    let (shown, given) = play_asked(|world| {
        keys(world, "ls --n");
        ask(world, 5);
        pass(world, GUARD_MS - 1);
        keys(world, "o");
        pass(world, GUARD_MS);
        // The question stands there now; what is typed on answers nothing.
        keys(world, "o\r");
        pass(world, GUARD_MS - 1);
        keys(world, "o\r");
        pass(world, GUARD_MS);
        keys(world, "n\r");
        keys(world, "pe\r");
    });
    let [first, second] = details();
    let rest = &shown[..5];
    assert_eq!(rest, [&first, &second, &format!("{CHOICE} n"), "work may not sign.", "skep> ls --nope"]);
    assert_eq!(given, [(5, Answer::No)]);
}

#[test]
fn nobody_is_asked_in_the_middle_of_a_passphrase_or_an_answer() {
    let (shown, given) = play_asked(|world| {
        world.machine.borrow_mut().vault("vault").open = false;
        keys(world, "unlock\r");
        ask(world, 5);
        pass(world, 5 * GUARD_MS);
        keys(world, "o\r");
        pass(world, 5 * GUARD_MS);
        keys(world, "unlock\r");
        pass(world, 5 * GUARD_MS);
        keys(world, "pass\r");
        pass(world, 2 * GUARD_MS);
        keys(world, "o\r");
    });
    let [first, second] = details();
    // The first 'o' is a wrong passphrase, after which the question is put; its answers 'unlock' and 'pass' are none.
    let deriving = "Deriving the key (Argon2id) ...";
    let wrong = "Wrong passphrase. The next attempt may come in 2 seconds.";
    let expected = [
        "skep> unlock",
        "Passphrase:",
        deriving,
        wrong,
        &first,
        &second,
        &format!("{CHOICE} o"),
        "The vault is locked: run 'unlock'.",
    ];
    assert_eq!(shown, expected);
    assert!(given.is_empty(), "a locked vault takes no answer");
}

#[test]
fn no_answer_in_time_is_a_no_and_the_line_comes_back() {
    let (shown, given) = play_asked(|world| {
        ask(world, 5);
        pass(world, u64::from(SECONDS) * 1_000);
        keys(world, "o\r");
    });
    let [first, second] = details();
    assert_eq!(shown[..5], [&first, &second, CHOICE, "Nobody answered.", "work may not sign."]);
    assert!(shown[5] == "skep> o" && shown[6].starts_with("Unknown command"), "{shown:?}");
    assert_eq!(given, [(5, Answer::No)]);
}

#[test]
fn a_question_that_is_over_before_it_could_be_put_is_told() {
    let (shown, given) = play_asked(|world| {
        keys(world, "rm x\r");
        keys(world, "vault key rm 00000000000000ff\r");
        ask(world, 5);
        pass(world, u64::from(SECONDS) * 1_000);
        keys(world, "n\r");
        pass(world, GUARD_MS);
    });
    assert_eq!(shown.last().unwrap(), "work asked to sign with 00000000000000ff, and nobody answered.");
    assert!(given.is_empty());
}

#[test]
fn what_others_print_leaves_a_choice_that_says_who_asks() {
    let (shown, given) = play_asked(|world| {
        ask(world, 5);
        pass(world, 2 * GUARD_MS);
        let text = Text::truncated("work asks to sign with 'harmless': [o]nce, [m]inute, [n]o?\x1b[2J");
        let from = QubeName::new("evil").unwrap();
        world.terminal.script.push_back(Step::Print(Printed { from, label: Label::Untrusted, text }));
        keys(world, "o\r");
    });
    let [first, second] = details();
    let printed =
        "[● evil] work asks to sign with 'harmless': [o]nce, [m]inute, [n]o?␛[2J".replace("● ", "●");
    assert_eq!(shown, [&first, &second, &printed, &format!("{CHOICE} o"), "work may sign that once."]);
    assert_eq!(given, [(5, Answer::Once)]);
}

#[test]
fn an_answer_to_what_is_not_asked_any_more_allows_nothing_and_says_so() {
    let (shown, given) = play_asked(|world| {
        ask(world, 5);
        world.machine.borrow_mut().vault("vault").asks.clear();
        pass(world, 2 * GUARD_MS);
        keys(world, "m\r");
    });
    assert_eq!(shown.last().unwrap(), "work does not ask any more; nothing is allowed.");
    assert_eq!(given, [(5, Answer::Seconds(60))]);
}

#[test]
fn a_key_with_a_long_or_hostile_name_fits_the_row_and_steers_nothing() {
    let (shown, _) = play_asked(|world| {
        let question = question(5, "sixteen-letters-", "\x1b[2Ja key with a name far longer than a row");
        let vault = QubeName::new("vault").unwrap();
        world.terminal.script.push_back(Step::Ask(Asked { vault, question }));
        pass(world, 2 * GUARD_MS);
        keys(world, "n\r");
    });
    assert_eq!(shown[1], "    | onger than a row) is asked for.", "{shown:?}");
    let row = &shown[3];
    assert!(row.starts_with("sixteen-letters- asks to sign with '␛[2Ja key"), "{row}");
    assert!(row.chars().count() < 80, "{row}");
}
