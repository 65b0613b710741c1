//! Words become the bytes that postcard writes of the same values; words that are none say which and why.

#![allow(clippy::unwrap_used, reason = "a test may")]

use ipc_proto_describe::{Description, Secrets};

const TEXT: &str = "service test\n\
    call sign(name: text<8>, message: text<64>) -> u8\n\
    call numbers(a: u8, b: i8, c: u16, d: i32, e: u64, f: i64) -> ()\n\
    call shapes(on: bool, data: bytes<4>, maybe: option<u16>) -> ()\n\
    call state(state: enum State { Empty, Locked, Wait(u16), Until { ms: u32, why: text<8> } }) -> ()\n\
    call nested(entry: struct Entry { name: text<8>, tags: list<text<4>, 2>, pair: (u8, u8), more: option<option<u8>> }) -> ()\n\
    call fixed(ids: [u8; 3], id: struct Id(u16), unit: struct Unit, outcome: result<u8, enum E { No }>) -> ()\n\
    call open(name: text<8>, key: secret<text<8>>) -> ()\n\
    call put(entry: struct Entry { name: text<8>, key: secret<text<8>>, pin: secret<u16> }) -> ()\n\
    call many(first: option<text<8>>, second: option<u8>) -> ()\n";

fn encode(method: &str, line: &str) -> Result<Vec<u8>, String> {
    let description = Description::parse(TEXT).unwrap();
    let (_, method) = description.find(method).unwrap();
    let mut body = [0xaa; 256];
    match method.encode_line(line, &mut Secrets::Written, &mut body) {
        Ok(length) => Ok(body[..length].to_vec()),
        Err(error) => {
            assert_eq!(body, [0; 256], "what is no use is wiped");
            Err(error.to_string())
        }
    }
}

fn check(method: &str, line: &str, expected: &[u8]) {
    assert_eq!(encode(method, line).as_deref(), Ok(expected), "{method} {line}");
}

fn refuse(method: &str, line: &str, expected: &str) {
    assert_eq!(encode(method, line), Err(expected.to_owned()), "{method} {line}");
}

#[test]
fn a_word_is_an_argument_and_a_text_needs_no_quotes() {
    check("sign", "Ada hi", b"\x03Ada\x02hi");
    check("sign", "Ada \"hello there\"", b"\x03Ada\x0bhello there");
    check("sign", "  Ada   'it \\ is'  ", b"\x03Ada\x07it \\ is");
    check("sign", "message=\"a=b\" Ada", b"\x03Ada\x03a=b");
    check("sign", "message=x name=Ada", b"\x03Ada\x01x");
    check("sign", "x=y ü", b"\x03x=y\x02\xc3\xbc");
    check("sign", r#""a\"b" "\n\u{1b}\\""#, b"\x03a\"b\x03\n\x1b\\");
    check("sign", "\"\" ''", b"\0\0");
}

#[test]
fn numbers_are_decimal_or_hexadecimal_and_written_as_varints() {
    check(
        "numbers",
        "1 -1 300 -1 0xffffffffffffffff 1",
        b"\x01\xff\xac\x02\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02",
    );
    check(
        "numbers",
        "0 -0x80 0 -2147483648 0 -9223372036854775808",
        b"\0\x80\0\xff\xff\xff\xff\x0f\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    );
    refuse("numbers", "256", "a: found '256', expected u8");
    refuse("numbers", "1 -129", "b: found '-129', expected i8");
    refuse("numbers", "1 1 1 1 18446744073709551616", "e: found '18446744073709551616', expected u64");
    refuse("numbers", "one", "a: found 'one', expected u8");
    refuse("numbers", "+1", "a: found '+1', expected u8");
    refuse("numbers", "1x", "a: found '1x', expected u8");
}

#[test]
fn bytes_are_hexadecimal_or_a_text_and_options_may_be_left_out() {
    check("shapes", "true hex:00ff none", b"\x01\x02\x00\xff\0");
    check("shapes", "false abc 7", b"\0\x03abc\x01\x07");
    check("shapes", "true hex:", b"\x01\0\0");
    check("shapes", "true \"hex:\"", b"\x01\x04hex:\0");
    check("many", "", b"\0\0");
    check("many", "second=3", b"\0\x01\x03");
    check("many", "some(\"none\")", b"\x01\x04none\0");
    check("many", "\"none\" some(1)", b"\x01\x04none\x01\x01");
    refuse("shapes", "true hex:0", "data: found '0', expected bytes<4>");
    refuse("shapes", "true hex:zz", "data: found 'zz', expected bytes<4>");
    refuse("shapes", "true hex:0011223344", "data: found '0011223344', expected bytes<4>");
    refuse("shapes", "yes", "on: found 'yes', expected bool");
}

#[test]
fn variants_go_by_name_and_a_near_one_is_suggested() {
    check("state", "Locked", b"\x01");
    check("state", "Wait(300)", b"\x02\xac\x02");
    check("state", "Until{why:late,ms:5}", b"\x03\x05\x04late");
    check("state", "Until{ ms: 5, why: \"a, }\" }", b"\x03\x05\x04a, }");
    let all = "Empty | Locked | Wait(u16) | Until { ms: u32, why: text<8> }";
    refuse("state", "locked", &format!("state: found 'locked', expected {all} (did you mean 'Locked'?)"));
    refuse("state", "Nowhere", &format!("state: found 'Nowhere', expected {all}"));
    refuse("state", "Wait(x)", "state: found 'x)', expected u16");
    refuse(
        "state",
        "Until{ ms: 1, wy: a }",
        "state: found 'wy', expected the name of a field (did you mean 'why'?)",
    );
    refuse("state", "Until{ ms: 1, ms: 1 }", "state: found 'ms', expected each field once");
    refuse("state", "Until{ ms: 1 }", "state, why: found nothing, expected text<8>");
}

#[test]
fn structs_lists_tuples_and_arrays_nest() {
    check(
        "nested",
        "{ name: Ada, tags: [a, \"b c\"], pair: (1, 2), more: none }",
        b"\x03Ada\x02\x01a\x03b c\x01\x02\0",
    );
    check("nested", "{pair:(1,2),more:some(none),tags:[],name:x}", b"\x01x\0\x01\x02\x01\0");
    check(
        "nested",
        "{pair:(1,2),more:some(some(7)),tags:[q,],name:x}",
        b"\x01x\x01\x01q\x01\x02\x01\x01\x07",
    );
    check("fixed", "[1, 2, 3] (300) () ok(1)", b"\x01\x02\x03\xac\x02\0\x01");
    check("fixed", "[1,2,3] (0) () error(No)", b"\x01\x02\x03\0\x01\0");
    refuse("fixed", "[1, 2]", "ids: found '[1, 2]', expected [u8, … 3]");
    refuse(
        "nested",
        "{ name: A, tags: [a, b, c], pair: (1, 2) }",
        "entry, tags: found '[a, b, c], pair: (1, 2) }', expected [text<4>, … at most 2]",
    );
}

#[test]
fn words_that_are_too_few_too_many_or_not_closed_are_refused() {
    refuse("sign", "Ada", "message: found nothing, expected text<64>");
    refuse("sign", "Ada hi there", "found 'there', expected no more words");
    refuse("sign", "toolongname x", "name: found 'toolongname', expected text<8>");
    refuse("sign", "name=a name=b", "name: found 'b', expected one value: it is given twice");
    refuse("sign", "\"Ada", "found '\"Ada', expected closed quotes and brackets");
    refuse("sign", "a (b", "found '(b', expected closed quotes and brackets");
    refuse("sign", "a )", "found ')', expected closed quotes and brackets");
    refuse("sign", "\"a\\u{110000}\" b", "name: found 'a\\u{110000}', expected text<8>");
    refuse("sign", &"a ".repeat(33), "found 'a', expected at most 32 words");
}

#[test]
fn a_request_longer_than_its_buffer_is_refused() {
    let description = Description::parse(TEXT).unwrap();
    let (_, sign) = description.find("sign").unwrap();
    let error = sign.encode(&["Ada", "hello"], &mut Secrets::Written, &mut [0; 8]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "message: found nothing, expected at most 8 bytes: there is no room for more"
    );
}

/// Encodes with secrets asked for: what was asked, and the bytes.
fn ask(method: &str, line: &str, answers: &[&str]) -> (Vec<String>, Result<Vec<u8>, String>) {
    let description = Description::parse(TEXT).unwrap();
    let (_, method) = description.find(method).unwrap();
    let mut asked = Vec::new();
    let mut answers = answers.iter();
    let mut body = [0xaa; 256];
    let mut answer = |wanted: ipc_proto_describe::Wanted<'_>, into: &mut [u8]| {
        asked.push(format!("{} {} {}", wanted.argument, wanted.field, wanted.type_text));
        let answer = answers.next()?;
        into[..answer.len()].copy_from_slice(answer.as_bytes());
        Some(answer.len())
    };
    let result = method.encode_line(line, &mut Secrets::Asked(&mut answer), &mut body);
    let result = result.map(|length| body[..length].to_vec()).map_err(|error| error.to_string());
    (asked, result)
}

#[test]
fn secrets_are_asked_for_and_never_taken_from_the_line() {
    let (asked, body) = ask("open", "Ada", &["hunter2"]);
    assert_eq!(asked, ["key  text<8>"]);
    assert_eq!(body.as_deref(), Ok(b"\x03Ada\x07hunter2".as_slice()));
    let (asked, body) = ask("put", "{ name: A, key: ?, pin: ? }", &["k", "300"]);
    assert_eq!(asked, ["entry key text<8>", "entry pin u16"]);
    assert_eq!(body.as_deref(), Ok(b"\x01A\x01k\xac\x02".as_slice()));
}

#[test]
fn a_secret_on_the_line_is_refused_and_not_repeated() {
    let (asked, body) = ask("open", "Ada hunter2", &["x"]);
    assert_eq!(asked.len(), 1);
    assert!(body.unwrap_err().ends_with("expected no more words: secrets are asked for, not written"));
    for line in ["Ada key=hunter2", "key=\"hunter2\" Ada"] {
        let (asked, body) = ask("open", line, &["x"]);
        let error = "key: found nothing, expected '?': a secret is asked for, not written";
        assert_eq!((asked.len(), body), (0, Err(error.to_owned())));
    }
    let (_, body) = ask("open", "Ada", &[]);
    assert_eq!(body, Err("key: found nothing, expected a secret".to_owned()));
    let (_, body) = ask("put", "{ name: A, key: ?, pin: ? }", &["k", "pin"]);
    assert_eq!(body, Err("entry, pin: found nothing, expected u16".to_owned()));
}
