//! `call`: services the console is not built with, by their descriptions.

extern crate std;

use super::*;

const SIGN: &str = "sign(name: text<16>, message: text<64>, mood: none or Happy | Tired(u8)) -> ok(u32) or error(GuestError)";

#[test]
fn an_unknown_service_is_called_by_its_description() {
    let world = check(
        &[
            "call guestbook.sign Ada \"hello there\"",
            "call guestbook.sign mood=Tired(9) name=Bob message=x",
            "call guestbook.sign Eve hi",
            "call guestbook.read",
            "call guestbook.turn 0x10",
            "call echo.say grüße",
            "call ctl.kill nobody",
        ],
        &[
            "skep> call guestbook.sign Ada \"hello there\"",
            "ok(1)",
            "skep> call guestbook.sign mood=Tired(9) name=Bob message=x",
            "ok(2)",
            "skep> call guestbook.sign Eve hi",
            "error(Full)",
            "skep> call guestbook.read",
            r#"[{ name: "Ada", message: "hi \u{1b}[31m\"you\"" }]"#,
            "skep> call guestbook.turn 0x10",
            "Sent; nobody answers this one.",
            "skep> call echo.say grüße",
            "\"grüße\"",
            "skep> call ctl.kill nobody",
            "error(NoSuchQube)",
        ],
    );
    let machine = world.machine.borrow();
    assert_eq!(machine.guests, ["Ada: hello there None", "Bob: x Some(Tired(9))", "turned 16"]);
    let schemas = machine.calls.iter().filter(|call| *call == "ctl.schema").count();
    assert_eq!(
        schemas,
        2 + 2 + 6,
        "pages and an empty one, of guestbook, echo and ctl; a description is read once in a row"
    );
}

#[test]
fn typed_and_untyped_calls_of_one_channel_share_its_count() {
    check(
        &["say echo a", "call echo.say b", "say echo c"],
        &["skep> say echo a", "echo: a", "skep> call echo.say b", "\"b\"", "skep> say echo c", "echo: c"],
    );
}

#[test]
fn a_service_alone_lists_its_methods() {
    let id = crate::fake_guestbook::SERVICE.id;
    let first = format!("guestbook, schema {}", crate::call::Hex(&id.0));
    let sign = format!("  {SIGN}");
    check(
        &["call guestbook"],
        &[
            "skep> call guestbook",
            &first,
            &sign,
            "  read() -> [Entry, … at most 4]",
            "  open(key: secret text<16>) -> secret text<32>",
            "  oneway turn(pages: u16)",
            "  event signed(name: text<16>)",
        ],
    );
}

#[test]
fn what_is_wrong_with_a_call_is_said_with_what_was_meant() {
    let usage = format!("Usage: {SIGN}");
    check(
        &[
            "call",
            "call gestbook.sign x",
            "call nothing",
            "call guestbook.sing x",
            "call guestbook.nothing",
            "call guestbook.signed x",
            "call guestbook.sign Ada",
            "call guestbook.sign Ada hi happy",
            "\"call\" x",
        ],
        &[
            "skep> call",
            "'call' needs a SERVICE or SERVICE.METHOD.",
            "Usage: call [QUBE:]SERVICE[.METHOD] [--reveal] [ARGUMENT...]",
            "skep> call gestbook.sign x",
            "This console has no channel to a service 'gestbook'. Did you mean 'guestbook'?",
            "skep> call nothing",
            "This console has no channel to a service 'nothing'. It has to: ctl log clock echo vault guestbook.",
            "skep> call guestbook.sing x",
            "'guestbook' has no method 'sing'. Did you mean 'sign'?",
            "skep> call guestbook.nothing",
            "'guestbook' has no method 'nothing'. Type 'call guestbook' for those it has.",
            "skep> call guestbook.signed x",
            "'signed' is an event: the server says it, nobody calls it.",
            "skep> call guestbook.sign Ada",
            "message: found nothing, expected text<64>.",
            &usage,
            "skep> call guestbook.sign Ada hi happy",
            "mood: found 'happy', expected Happy | Tired(u8) (did you mean 'Happy'?).",
            &usage,
            "skep> \"call\" x",
            "'call' needs to be written without quotes.",
            "Usage: call [QUBE:]SERVICE[.METHOD] [--reveal] [ARGUMENT...]",
        ],
    );
}

#[test]
fn secrets_are_asked_for_and_hidden_unless_revealed() {
    let mut world = FakeWorld::new();
    let shown =
        play(&mut world, &["call guestbook.open", "sesame", "call guestbook.open --reveal", "sesame"]);
    assert_eq!(
        shown,
        "skep> call guestbook.open\nkey:\n<16 bytes hidden>\n\
         skep> call guestbook.open --reveal\nkey:\n\"inside of sesame\"\n"
    );
    check(
        &[
            "call guestbook.open sesame",
            "x",
            "call guestbook.open",
            "a key that is too long",
            "call guestbook.open",
            "\x03",
        ],
        &[
            "skep> call guestbook.open sesame",
            "key:",
            "found 'sesame', expected no more words: secrets are asked for, not written.",
            "Usage: open(key: secret text<16>) -> secret text<32>",
            "skep> call guestbook.open",
            "key:",
            "That is longer than 16 bytes; nothing was done.",
            "skep> call guestbook.open",
            "key: ^C",
            "Given up; nothing was done.",
            "skep>",
        ],
    );
}

#[test]
fn of_several_qubes_one_has_to_be_named() {
    let world = check_in(
        |world| world.add_guestbook("book2"),
        &["call guestbook.read", "call book2:guestbook.turn 1", "call book3:guestbook.read"],
        &[
            "skep> call guestbook.read",
            "Several qubes serve 'guestbook': book book2. Say which: call book:guestbook.read ...",
            "skep> call book2:guestbook.turn 1",
            "Sent; nobody answers this one.",
            "skep> call book3:guestbook.read",
            "This console has no channel to a service 'guestbook' of 'book3'.",
        ],
    );
    assert_eq!(world.machine.borrow().guests, ["turned 1"]);
}

#[test]
fn a_description_of_another_schema_is_not_believed() {
    let mut world = FakeWorld::new();
    world.machine.borrow_mut().lies = true;
    let shown = play(&mut world, &["call guestbook.sign Ada hi"]);
    assert!(
        shown.contains("description of 'guestbook' is not that of the channel: its schema id is"),
        "{shown}"
    );
    assert!(world.machine.borrow().guests.is_empty());
}

#[test]
fn a_call_that_fails_is_a_sentence() {
    check_in(
        |world| world.machine.borrow_mut().denied = Some("guestbook.read"),
        &["call guestbook.read"],
        &["skep> call guestbook.read", "The policy denies this call to book."],
    );
    check_in(
        |world| world.machine.borrow_mut().silent = Some("guestbook.read"),
        &["call guestbook.read"],
        &["skep> call guestbook.read", "book did not answer within 60 seconds."],
    );
    check_in(
        |world| {
            let mut machine = world.machine.borrow_mut();
            machine.qubes.push(qube("book", Label::Work));
            machine.qubes[3].generation = 2;
        },
        &["call guestbook.read", "call guestbook.turn 1"],
        &[
            "skep> call guestbook.read",
            "book restarted (generation 2); whether it did what you asked is unknown.",
            "skep> call guestbook.turn 1",
            "Sent; nobody answers this one.",
        ],
    );
    check_in(
        |world| world.machine.borrow_mut().denied = Some("ctl.schema"),
        &["call guestbook.read", "services"],
        &[
            "skep> call guestbook.read",
            "The policy denies this call to the supervisor.",
            "skep> services",
            "SERVICE          VERSION METHODS SCHEMA",
            "vault                  2       ? 00000000000000000000000000000000",
            "echo                   1       ? 11111111111111111111111111111111",
            "ctl                    3       ? 22222222222222222222222222222222",
            "guestbook              1       ? 33333333333333333333333333333333",
        ],
    );
}

#[test]
fn the_audit_names_methods_of_unknown_services() {
    let mut world = FakeWorld::new();
    for (sequence, method) in [(1, 0), (2, 1), (3, 9)] {
        let entry = AuditEntry { service: 3, method, ..entry(sequence, 0, 2, AuditVerdict::Allowed) };
        world.machine.borrow_mut().audit.push(entry);
    }
    let shown = play(&mut world, &["audit"]);
    for call in ["guestbook.sign", "guestbook.read", "guestbook.9"] {
        assert!(shown.contains(call), "{shown}");
    }
}
