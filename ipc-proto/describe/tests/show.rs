//! Bodies that are odd: hostile characters, masked secrets, broken and cut ones.

#![allow(clippy::unwrap_used, reason = "a test may")]

use ipc_proto_describe::{Body, Brief, Description, Part, Reveal, Secrets, Shown, Written};
use proptest::prelude::*;

const TEXT: &str = "service test\n\
    call say(text: text<64>) -> bytes<8>\n\
    call list(entries: list<struct Entry { a: u16, on: bool }, 4>, state: enum State { Empty, Locked }) -> option<option<u8>>\n\
    call key(key: secret<text<16>>, pin: secret<u32>, both: secret<(u8, text<8>)>, end: u8) -> i64\n\
    oneway maybe(value: secret<option<u8>>, end: u8)\n\
    event unit(unit: (), array: [i16; 2], big: u64)\n";

fn show_as(method: &str, part: Part, body: Body<'_>, reveal: Reveal) -> (String, Shown) {
    let description = Description::parse(TEXT).unwrap();
    let (_, method) = description.find(method).unwrap();
    let mut shown = String::new();
    let result = method.show(part, body, reveal, &mut shown).unwrap();
    (shown, result)
}

fn check(method: &str, body: &[u8], expected: &str) {
    let shown = show_as(method, Part::Arguments, Body::whole(body), Reveal::Nothing);
    assert_eq!(shown.0, expected);
}

fn check_cut(method: &str, bytes: &[u8], expected: &str) {
    let body = Body { bytes, size: 100 };
    let shown = show_as(method, Part::Arguments, body, Reveal::Nothing);
    assert_eq!(shown, (expected.to_owned(), Shown::Cut));
}

fn check_json(method: &str, part: Part, body: &[u8], expected: &str) {
    let description = Description::parse(TEXT).unwrap();
    let (_, method) = description.find(method).unwrap();
    let mut shown = String::new();
    method.show_json(part, Body::whole(body), Reveal::Nothing, &mut shown).unwrap();
    assert_eq!(shown, expected);
}

#[test]
fn what_a_terminal_obeys_is_escaped() {
    check("say", b"\x06a\x1b[2J\n", r#"text: "a\u{1b}[2J\n""#);
    check("say", "\u{7}\u{202e}x\"\\\t".as_bytes(), r#"text: "\u{202e}x\"\\\t""#);
    check_json("say", Part::Arguments, "\u{5}\u{1b}\u{e0041}".as_bytes(), r#"{"text":"\u001b\udb40\udc41"}"#);
}

#[test]
fn a_broken_body_shows_what_there_is_and_where_it_breaks() {
    check("say", b"\x03a\xffb", "text: \"a\" <no UTF-8 at byte 2>");
    check("say", b"\x03ab", "text: \"ab\"… <the body ends at byte 3>");
    check("say", b"\x41", "text: <over its bound at byte 0>");
    check("say", b"\x81\x00a", "text: <no number at byte 0>");
    check("say", b"\x01ab", "text: \"a\" <bytes left over at byte 2>");
    check(
        "list",
        b"\x02\x01\x01\x02\x02",
        "entries: [{ a: 1, on: true }, { a: 2, on: <neither true nor false at byte 4> }]",
    );
    check("list", b"\x00\x02", "entries: [], state: <no such variant at byte 1>");
    check("list", b"\x05", "entries: <over its bound at byte 0>");
    check("list", b"\x01\xff\xff\x04", "entries: [{ a: <no number at byte 1> }]");
    check("list", b"", "entries: <the body ends at byte 0>");
}

#[test]
fn a_cut_body_ends_with_an_ellipsis_and_closed_brackets() {
    check_cut("say", b"\x06ab", "text: \"ab\"…");
    check_cut("say", b"\x06\xc3", "text: \"\"…");
    check_cut("say", b"", "text: …");
    check_cut("list", b"\x04\x01\x01", "entries: [{ a: 1, on: true }, { a: … }]");
    check_cut("list", b"\x00", "entries: [], state: …");
    check_cut("key", b"\x08**", "key: <8 bytes hidden>…");
    check_cut("maybe", b"", "value: …");
}

#[test]
fn masked_secrets_show_their_size_and_what_follows_them() {
    let masked = b"\x05*****\x80\x80\x00\x00\x03***\x07";
    check("key", masked, "key: <5 bytes hidden>, pin: <3 bytes hidden>, both: <5 bytes hidden>, end: 7");
    check(
        "key",
        b"\x01*\x00\x00\x00\x07",
        "key: <1 byte hidden>, pin: <1 byte hidden>, both: <2 bytes hidden>, end: 7",
    );
    let hidden = r#"{"key":{"hidden_bytes":1},"pin":{"hidden_bytes":1},"both":{"hidden_bytes":2},"end":7}"#;
    check_json("key", Part::Arguments, b"\x01*\x00\x00\x00\x07", hidden);
    let whole = Body::whole(b"\x01a\x05\x01\x01b\x07");
    let (shown, _) = show_as("key", Part::Arguments, whole, Reveal::Secrets);
    assert_eq!(shown, "key: \"a\", pin: 5, both: (1, \"b\"), end: 7");
}

#[test]
fn values_of_every_kind_have_their_words_and_their_json() {
    check(
        "unit",
        b"\x01\x02\xff\xff\xff\xff\xff\xff\xff\x0f",
        "unit: (), array: [-1, 1], big: 9007199254740991",
    );
    check_json(
        "unit",
        Part::Arguments,
        b"\x00\x00\x80\x80\x80\x80\x80\x80\x80\x10",
        r#"{"unit":null,"array":[0,0],"big":"9007199254740992"}"#,
    );
    check_json("key", Part::Reply, &[0xff; 9], "null");
    check_json("key", Part::Reply, b"\x01", "-1");
    check_json("list", Part::Reply, b"\x01\x00", r#"{"some":null}"#);
    check_json("say", Part::Reply, b"\x02\x00\xff", r#""00ff""#);
    let (shown, _) = show_as("list", Part::Reply, Body::whole(b"\x01\x01\x07"), Reveal::Nothing);
    assert_eq!(shown, "some(7)");
    assert_eq!(show_as("maybe", Part::Reply, Body::whole(b""), Reveal::Nothing).0, "()");
}

#[test]
fn a_value_that_looks_like_none_is_told_from_none() {
    let text = "service test\ncall a() -> option<struct Unit>\ncall b() -> option<secret<option<u8>>>\ncall c() -> option<()>\n";
    let description = Description::parse(text).unwrap();
    let check = |method: &str, body: &[u8], words: &str, json: &str| {
        let (_, method) = description.find(method).unwrap();
        let (mut shown, mut shown_json) = (String::new(), String::new());
        method.show(Part::Reply, Body::whole(body), Reveal::Secrets, &mut shown).unwrap();
        method.show_json(Part::Reply, Body::whole(body), Reveal::Secrets, &mut shown_json).unwrap();
        assert_eq!((shown.as_str(), shown_json.as_str()), (words, json));
    };
    check("a", b"\x01", "()", r#"{"some":null}"#);
    check("b", b"\x01\x00", "some(none)", r#"{"some":null}"#);
    check("b", b"\x00", "none", "null");
    check("c", b"\x01", "()", r#"{"some":null}"#);
}

#[test]
fn a_text_that_is_no_description_says_where() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Description::parse(text).unwrap_err().to_string(), expected, "{text}");
    };
    check("", "line 1, column 1: expected 'service NAME'");
    check("service x\n", "line 2, column 1: expected a method");
    check("service x\ncall y()\n", "line 2, column 9: expected ' -> ' and a type");
    check("service x\noneway y(a: u128)\n", "line 2, column 13: expected a type");
    check("service x\noneway y(a: text<65537>)\n", "line 2, column 18: expected a bound of at most 65536");
    check("service x\noneway y(a: text<08>)\n", "line 2, column 18: expected a bound of at most 65536");
    check("service x\noneway y()\noneway y()\n", "line 3, column 1: expected a method of another name");
    check(
        "service x\noneway y(a: list<(), 3>)\n",
        "line 2, column 18: expected an item that takes at least a byte",
    );
    check("service x\noneway y(a: enum E {  })\n", "line 2, column 22: expected 1 to 128 variants");
    let deep = format!("service x\noneway y(a: {}u8{})\n", "option<".repeat(24), ">".repeat(24));
    check(&deep, "line 2, column 181: expected a type that is less deep");
    let fits = format!("service x\noneway y(a: {}u8{})\n", "option<".repeat(23), ">".repeat(23));
    assert!(Description::parse(&fits).is_ok());
    let many: String = (0..33).map(|number| format!("oneway m{number}()\n")).collect();
    check(&format!("service x\n{many}"), "line 34, column 1: expected at most 32 methods");
    check(&"x".repeat(16_385), "line 1, column 1: expected a text of at most 16384 bytes");
}

#[test]
fn types_are_written_in_few_words_or_in_all() {
    let description = Description::parse(TEXT).unwrap();
    let types: Vec<_> = description.methods().iter().flat_map(|method| method.arguments()).collect();
    let brief: Vec<_> = types.iter().map(|argument| Brief(argument.type_text).to_string()).collect();
    assert_eq!(brief[..4], ["text<64>", "[Entry, … at most 4]", "State", "secret text<16>"]);
    assert_eq!(Written(types[1].type_text).to_string(), "[{ a: u16, on: bool }, … at most 4]");
    assert_eq!(Written(types[2].type_text).to_string(), "Empty | Locked");
    assert_eq!(
        Written("option<result<(u8, ()), struct U>>").to_string(),
        "none or ok((u8, ())) or error(())"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}", cut in 0_usize..600, insert in "[a-z<>(){},;:\\[\\] \n0-9]{0,6}") {
        let _ = Description::parse(&text);
        let cut = cut.min(TEXT.len());
        let mutated = format!("{}{insert}{}", &TEXT[..cut], &TEXT[cut..]);
        let _ = Description::parse(&mutated);
    }

    #[test]
    fn no_body_makes_showing_panic_and_what_is_whole_encodes_back(bytes in proptest::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 0..40), extra in 0_usize..3) {
        let description = Description::parse(TEXT).unwrap();
        for method in description.methods() {
            for part in [Part::Arguments, Part::Reply] {
                for reveal in [Reveal::Nothing, Reveal::Secrets] {
                    let mut shown = String::new();
                    let body = Body { bytes: &bytes, size: bytes.len() + extra };
                    let result = method.show(part, body, reveal, &mut shown).unwrap();
                    prop_assert!(!shown.chars().any(char::is_control));
                    let is_secret = TEXT.lines().any(|line| line.contains(&format!(" {}(", method.name())) && line.contains("secret<"));
                    if result == Shown::Whole && part == Part::Arguments && !is_secret {
                        let mut again = [0; 64];
                        let length = method.encode_shown(&shown, &mut Secrets::Written, &mut again);
                        prop_assert_eq!(&again[..length.unwrap()], &bytes[..]);
                    }
                }
            }
        }
    }

    #[test]
    fn no_line_makes_encoding_panic(line in "[a-zA-Z0-9?=:\"'(){}\\[\\],\\\\ ]{0,40}") {
        let description = Description::parse(TEXT).unwrap();
        for method in description.methods() {
            let mut body = [0; 64];
            if let Ok(length) = method.encode_line(&line, &mut Secrets::Written, &mut body) {
                let mut shown = String::new();
                let whole = Body::whole(&body[..length]);
                let result = method.show(Part::Arguments, whole, Reveal::Secrets, &mut shown).unwrap();
                prop_assert_eq!(result, Shown::Whole, "{} {}", line, shown);
            }
        }
    }
}
