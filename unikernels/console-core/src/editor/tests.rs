//! The editor on a terminal that draws.

extern crate std;

use super::*;
use crate::fake::{Fake, Step};
use crate::screen::Colour;
use crate::terminal::Printed;
use ipc_proto_types::{Label, QubeName, Text};
use std::string::String;
use std::vec::Vec;

fn complete(before: &str) -> Option<&'static str> {
    (before == "po").then_some("weroff")
}

/// Types the chunks at a prompt with some history; gives outcome, line and terminal.
fn typed(chunks: &[&str]) -> (Outcome, String, Fake) {
    let mut history = History::new();
    history.push("first");
    history.push("zweite Zeile");
    let mut fake = Fake::typing(chunks);
    let mut line = Line::<200>::new();
    let purpose = Purpose::Command(&history, complete);
    let outcome = Screen::new(&mut fake, Colour::Never).read("skep> ", purpose, &mut line);
    (outcome, line.as_str().into(), fake)
}

fn check(chunks: &[&str], expected: &str) {
    let (outcome, line, fake) = typed(chunks);
    assert_eq!((outcome, line.as_str()), (Outcome::Entered, expected), "{chunks:?}");
    let shown = &fake.rows[fake.rows.len() - 2];
    let shown: String = shown.iter().filter(|character| **character != '\u{200b}').collect();
    assert_eq!(shown.trim_end(), std::format!("skep> {expected}").trim_end(), "{chunks:?}");
}

#[test]
fn what_is_typed_is_shown_and_returned() {
    check(&["hello\r"], "hello");
    check(&["h", "e", "l", "l", "o", "\r"], "hello");
    check(&["say echo \"grüße 日本語\"\r\n"], "say echo \"grüße 日本語\"");
    check(&["\r"], "");
}

#[test]
fn editing_keys_do_what_they_say() {
    check(&["helxx", "\x7f", "\x08", "lo\r"], "hello");
    check(&["日本", "\x7f", "x\r"], "日x");
    check(&["abc", "\x7f\x7f\x7f\x7f\x7f", "d\r"], "d");
    check(&["one two", "\x17", "three\r"], "one three");
    check(&["something", "\x15", "else\r"], "else");
    check(&["acd", "\x1b[D\x1b[D", "b\r"], "abcd");
    check(&["bcx", "\x01", "a", "\x05", "\x7f", "d\r"], "abcd");
    check(&["axbc", "\x1b[H\x1b[C", "\x1b[3~", "\r"], "abc");
    check(&["abcd", "\x02\x02", "\x0b", "\r"], "ab");
    check(&["axb", "\x1b[D\x1b[D", "\x04", "\r"], "ab");
}

#[test]
fn history_goes_up_and_down_and_loses_nothing() {
    check(&["\x1b[A\r"], "zweite Zeile");
    check(&["\x1b[A", "\x1b[A", "\x1b[A", "\r"], "first");
    check(&["my draft", "\x1b[A\x1b[A", "\x1b[B", "\x1b[B", "\r"], "my draft");
    check(&["\x10", "!\r"], "zweite Zeile!");
}

#[test]
fn tab_completes_what_is_clear_and_rings_otherwise() {
    check(&["po\t\r"], "poweroff ");
    let (_, line, fake) = typed(&["x\t\r"]);
    assert_eq!((line.as_str(), fake.bells), ("x", 1));
}

#[test]
fn cancel_and_end_of_input_end_the_line() {
    let (outcome, _, fake) = typed(&["abc\x03"]);
    assert_eq!(outcome, Outcome::Cancelled);
    assert_eq!(fake.text(), "skep> abc^C\n");
    assert_eq!(typed(&["\x04"]).0, Outcome::EndOfInput);
    assert_eq!(typed(&["abc"]).0, Outcome::Closed);
}

#[test]
fn control_bytes_show_as_pictures() {
    check(&["a\x07b\x1dc\r"], "a␇b␝c");
    check(&["a\u{202e}b\r"], "a\u{fffd}b");
    let (outcome, _, fake) = typed(&["\x1b]0;title\x07\x1b[6n\x1bPq\x1b\\\r"]);
    assert_eq!((outcome, fake.bells), (Outcome::Entered, 0));
}

#[test]
fn an_over_long_line_keeps_what_fits_and_rings_once() {
    let long = "x".repeat(5_000) + "\r";
    let mut fake = Fake::typing(&[&long]);
    let mut line = Line::<200>::new();
    let outcome = Screen::new(&mut fake, Colour::Never).read("> ", Purpose::Answer, &mut line);
    assert_eq!((outcome, line.as_str().len(), line.refused()), (Outcome::Entered, 200, 4_800));
    assert_eq!(fake.bells, 1);
}

#[test]
fn a_long_line_shows_a_window_and_never_wraps() {
    let digits: String = (0..150_u32).map(|i| char::from_digit(i % 10, 10).unwrap()).collect();
    let (_, _, fake) = typed(&[&digits]);
    assert_eq!(fake.text(), std::format!("skep> {}\n", &digits[150 - 73..]));
    let (_, _, fake) = typed(&[&digits, "\x01"]);
    assert_eq!(fake.text(), std::format!("skep> {}\n", &digits[..73]));
}

#[test]
fn a_secret_is_never_shown() {
    let mut fake = Fake::typing(&["pass", "w\x7fword", "\x0c", "\x1b[A\t", "\r"]);
    fake.script.push_front(Step::Type(b"forgotten\x15".to_vec()));
    let mut line = Line::<256>::new();
    let outcome = Screen::new(&mut fake, Colour::Never).read("Passphrase: ", Purpose::Secret, &mut line);
    assert_eq!((outcome, line.as_str()), (Outcome::Entered, "password"));
    assert_eq!(fake.text(), "Passphrase:\n");
}

#[test]
fn a_printed_line_stands_above_the_line_being_typed() {
    let mut fake = Fake::typing(&["qub"]);
    let text = Text::truncated("hi\x1b[2J\nskep> fake");
    let from = QubeName::new("hello").ok().unwrap();
    fake.script.push_back(Step::Print(Printed { from, label: Label::Untrusted, text }));
    fake.script.push_back(Step::Type(b"es\r".to_vec()));
    let mut line = Line::<200>::new();
    let outcome = Screen::new(&mut fake, Colour::Always).read("skep> ", Purpose::Answer, &mut line);
    assert_eq!((outcome, line.as_str()), (Outcome::Entered, "qubes"));
    assert_eq!(fake.text(), "[●hello] hi␛[2J␊skep> fake\nskep> qubes\n");
    assert_eq!(fake.colours, 2);
}

/// A small generator, so that a failing run repeats.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, n: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % n).unwrap()
    }
}

#[test]
fn whatever_is_typed_the_screen_shows_the_line_and_the_cursor() {
    let keys = [
        "a",
        "b",
        " ",
        "word",
        "ß",
        "日",
        "🐝",
        "\x7f",
        "\x1b[D",
        "\x1b[D",
        "\x1b[C",
        "\x01",
        "\x05",
        "\x17",
        "\x1b[A",
        "\x1b[B",
        "\x1b[3~",
        "long enough to need the window of the editor",
        "\x0b",
        "\x15",
        "\x07",
        "e\u{301}",
    ];
    for seed in 0..500 {
        let mut random = Lcg(seed);
        let mut chunks: Vec<&str> = Vec::new();
        for _ in 0..40 {
            chunks.push(keys[random.below(keys.len() as u64)]);
        }
        let mut history = History::new();
        history.push("from history");
        let mut fake = Fake::typing(&chunks);
        let mut line = Line::<200>::new();
        let purpose = Purpose::Command(&history, complete);
        // The script ends without Enter: the terminal is gone, and what is drawn stays.
        let outcome = Screen::new(&mut fake, Colour::Never).read("skep> ", purpose, &mut line);
        assert_eq!(outcome, Outcome::Closed);
        let row: String = fake.rows[fake.rows.len() - 2].iter().collect();
        let mut expected = Fake::default();
        let room = 73;
        let before = last_columns(line.before(), room);
        let after = first_columns(line.after(), room - text_width(before));
        expected.write(std::format!("skep> {before}{after}").as_bytes());
        let wanted: String = if text_width(line.as_str()) <= room {
            let mut whole = Fake::default();
            whole.write(std::format!("skep> {}", line.as_str()).as_bytes());
            assert_eq!(whole.row(), expected.row());
            whole.row()
        } else {
            expected.row()
        };
        assert_eq!(row.trim_end(), wanted, "seed {seed}: {chunks:?}");
        let column = 6 + text_width(before);
        assert_eq!(fake.column_at_end, column, "seed {seed}: {chunks:?}");
        assert!(fake.rows.iter().all(|row| row.len() < COLUMNS), "seed {seed}: wraps");
    }
}
