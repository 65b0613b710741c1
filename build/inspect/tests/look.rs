//! A scripted system, looked at: as JSON, and on a screen of 80x24.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::atomic::AtomicBool;

use build_inspect::{App, Ink, Key, Limit, Source, Trouble, Watch, draw, json};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json as value};

/// The lines of JSON with this many messages.
fn lines(source: Source, count: u64) -> Vec<Value> {
    let (mut port, script) = common::system();
    let mut out = Vec::new();
    let mut watch = Watch::new(&mut port, source).unwrap();
    let limit = Limit { time: None, count: Some(count) };
    json(&mut watch, limit, &AtomicBool::new(false), &mut out).unwrap();
    let tap = script.lock().unwrap().tap;
    assert_eq!(tap, (source == Source::Copies).then_some(false), "copies are off at the end");
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_tells_the_system_its_parts_and_decoded_messages_without_secrets() {
    let lines = lines(Source::Copies, 4);
    let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds.join(" "),
        "system qube qube qube channel channel channel service service message message message message"
    );
    assert_eq!(lines[0]["name"], "desk\\u{1b}[2Jtop", "a name moves no cursor");
    assert_eq!(lines[0]["copying"], false, "nothing was turned on before there was a question for messages");
    assert_eq!(lines[2]["label"], "vault");
    assert_eq!(lines[2]["last_end"], "killed");
    assert_eq!((&lines[4]["client"], &lines[4]["server"]), (&value!("console"), &value!("vault")));
    assert_eq!(lines[4]["verdicts"]["unlock"], "allow");
    assert_eq!(lines[5]["verdicts"]["tap"], "deny");
    assert_eq!(lines[7]["methods"][2], value!({ "name": "unlock", "kind": "call" }));
    assert_eq!(lines[9]["method"], "unlock");
    assert_eq!(
        lines[9]["body"],
        value!({ "keys": { "passphrase": { "hidden_bytes": 8 }, "key_file": null } })
    );
    assert_eq!((&lines[10]["kind"], &lines[10]["body"]), (&value!("reply"), &value!({ "ok": null })));
    assert_eq!(lines[11]["body"], value!({ "name": "github", "reveal": false }));
    assert_eq!((&lines[12]["to"], &lines[12]["method"]), (&value!("@supervisor"), &value!("tap")));
    assert_eq!((&lines[12]["verdict"], &lines[12]["why"]), (&value!("denied"), &value!("denied by policy")));
}

#[test]
fn without_messages_the_audit_tells_who_and_what_but_not_what_it_said() {
    let lines = lines(Source::Audit, 1);
    let last = lines.last().unwrap();
    assert_eq!((&last["method"], &last["size"], &last["body"]), (&value!("show"), &value!(8), &Value::Null));
}

#[test]
fn a_set_flag_ends_the_lines_and_turns_copies_off() {
    let (mut port, script) = common::system();
    let mut watch = Watch::new(&mut port, Source::Copies).unwrap();
    json(&mut watch, Limit::default(), &AtomicBool::new(true), &mut Vec::new()).unwrap();
    assert_eq!(script.lock().unwrap().tap, Some(false));
}

#[test]
fn a_system_that_ends_is_said_to_have_ended() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    drop(theirs);
    let mut port = build_inspect::SocketPort::new(ours).unwrap();
    port.settle();
    assert_eq!(Watch::new(&mut port, Source::Copies).err(), Some(Trouble::Ended));
}

/// An app that has looked twice and listened once.
fn app() -> App {
    let (mut port, _script) = common::system();
    let mut watch = Watch::new(&mut port, Source::Copies).unwrap();
    let first = watch.look().unwrap();
    let mut app = App::new(first, true);
    app.model = watch.look().unwrap();
    app.messages.add(watch.listen(&app.model).unwrap());
    app
}

fn drawn(app: &App, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app, Ink::Plain)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let cells = (0..width).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

#[test]
fn the_screen_is_as_drawn_here() {
    let expected = include_str!("screen.txt");
    let screen = drawn(&app(), 80, 24).join("\n") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/screen.txt"), &screen).unwrap();
        return;
    }
    assert_eq!(screen, expected, "to accept it: UPDATE=1 cargo test -p build-inspect\n{screen}");
}

#[test]
fn keys_filter_pause_scroll_and_leave() {
    let mut app = app();
    assert!(!app.press(Key::Filter) && !app.press(Key::Filter));
    let vault = drawn(&app, 80, 24).join("\n");
    assert!(vault.contains("messages of vault") && !vault.contains("ctl.tap"), "{vault}");
    app.press(Key::Pause);
    app.press(Key::Up);
    let paused = drawn(&app, 80, 24).join("\n");
    assert!(paused.contains("PAUSED") && paused.contains("older ones"), "{paused}");
    assert!(!paused.contains("github"), "the newest is below the bottom:\n{paused}");
    app.press(Key::Reset);
    app.press(Key::View);
    let messages = drawn(&app, 80, 24).join("\n");
    assert!(!messages.contains("STATE") && messages.contains("DENIED: denied by policy"), "{messages}");
    assert!(app.press(Key::Quit));
}

#[test]
fn no_size_of_a_screen_is_too_small() {
    let app = app();
    for (width, height) in [(1, 1), (10, 3), (40, 8), (80, 24), (200, 60)] {
        assert_eq!(drawn(&app, width, height).len(), usize::from(height));
    }
}
