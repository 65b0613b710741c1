//! Answers as good servers give them, in pieces of any size.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod common;

use common::{LIMITS, asked, feed, outcome, outcome_in_pieces, redirect, send, url};
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use proptest::prelude::*;
use unikernels_http::{Charset, Closing, Fetch, HttpError, Kind, Media, Step, UrlError, decode};

fn gzip(body: &[u8], flags: u8, fields: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3];
    file.extend_from_slice(fields);
    file.extend(compress_to_vec(body, 6));
    file.extend(crc32fast::hash(body).to_le_bytes());
    file.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    file
}

fn with_head(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

#[test]
fn a_request_says_what_it_must_and_no_more() {
    let mut fetch = Fetch::new(url("http://Host.example:8080/a?b#c"), LIMITS);
    assert_eq!(
        send(&mut fetch),
        "GET /a?b HTTP/1.1\r\nHost: host.example:8080\r\nUser-Agent: Skep\r\n\
         Accept: text/html, text/markdown, text/plain, application/json, image/*, */*;q=0.1\r\n\
         Accept-Encoding: gzip, deflate\r\nConnection: close\r\n\r\n"
    );
}

#[test]
fn a_body_ends_where_it_is_said_to() {
    let cases: [(&str, &[u8]); 8] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        ("HTTP/1.1 200\r\nContent-Length:5\r\n\r\nhello and what nobody asked for", b"hello"),
        ("HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
        ("HTTP/1.1 204 No Content\r\n\r\nhello", b""),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", b""),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
             3\r\nhel\r\n02 ;x=\"y\"\r\nlo\r\n0\r\nX: y\r\n\r\nz",
            b"hello",
        ),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            b"hello",
        ),
    ];
    for (answer, body) in cases {
        assert_eq!(outcome(answer.as_bytes()).unwrap().body, body, "{answer}");
    }
}

#[test]
fn compressed_bodies_are_decompressed() {
    let body = b"hello, hello, hello".repeat(100);
    let crc = {
        let head = [0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 3];
        crc32fast::hash(&head).to_le_bytes()
    };
    let cases = [
        ("gzip", gzip(&body, 0, b"")),
        ("x-gzip", gzip(&body, 8, b"name\0")),
        ("GZIP", gzip(&body, 4 | 8 | 16, b"\x02\0zz\0comment\0")),
        ("gzip", gzip(&body, 2, &crc[..2])),
        ("deflate", compress_to_vec_zlib(&body, 6)),
        ("deflate", compress_to_vec(&body, 6)),
        ("identity", body.clone()),
    ];
    for (coding, sent) in cases {
        let answer = with_head(&format!("Content-Encoding: {coding}\r\n"), &sent);
        assert_eq!(outcome(&answer).unwrap().body, body, "{coding}");
    }
    assert_eq!(outcome(&with_head("Content-Encoding: gzip\r\n", b"")).unwrap().body, b"");
}

#[test]
fn redirects_are_shown_before_they_are_followed() {
    let here = "http://host.example/a/b";
    let same = redirect(here, "c").unwrap();
    assert_eq!((same.to.to_string().as_str(), same.leaves_origin), ("http://host.example/a/c", false));
    for elsewhere in ["https://host.example/a/b", "//other.example/", "http://host.example:81/"] {
        assert!(redirect(here, elsewhere).unwrap().leaves_origin, "{elsewhere}");
    }
    assert_eq!(redirect("https://host.example/", "http://host.example/"), Err(HttpError::Downgrade));
    assert_eq!(redirect(here, "javascript:x"), Err(HttpError::Location(UrlError::Scheme)));
    assert_eq!(redirect(here, "http://a@b/"), Err(HttpError::Location(UrlError::Credentials)));
    assert_eq!(redirect(here, "http://b\u{fc}cher/"), Err(HttpError::Location(UrlError::International)));
}

#[test]
fn redirects_are_counted() {
    let mut fetch = Fetch::new(url("http://host.example/"), LIMITS);
    let answer = b"HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 900\r\n\r\n";
    for followed in 0..LIMITS.redirects_max {
        send(&mut fetch);
        feed(&mut fetch, answer, 5).unwrap();
        assert!(matches!(fetch.step(), Some(Step::Redirect(_))), "after {followed}");
        fetch.follow().unwrap();
    }
    send(&mut fetch);
    assert_eq!(feed(&mut fetch, answer, 5), Err(HttpError::TooManyRedirects));
    assert_eq!(fetch.step(), None);
}

#[test]
fn a_redirect_without_location_and_a_location_without_redirect_are_answers() {
    assert_eq!(outcome(b"HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nhi").unwrap().body, b"hi");
    let created = outcome(b"HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    assert_eq!((created.status, created.body.as_slice()), (201, &b"hi"[..]));
}

#[test]
fn calls_out_of_turn_are_errors() {
    let mut fetch = Fetch::new(url("http://host.example/"), LIMITS);
    assert_eq!(fetch.sent(1), Err(HttpError::OutOfTurn));
    assert_eq!(fetch.received(b"HTTP/1.1 200 OK\r\n"), Err(HttpError::OutOfTurn));
    assert_eq!(fetch.follow(), Err(HttpError::OutOfTurn));
    fetch.connected().unwrap();
    assert_eq!(fetch.connected(), Err(HttpError::OutOfTurn));
    assert_eq!(fetch.sent(100_000), Err(HttpError::OutOfTurn));
    assert_eq!(fetch.closed(Closing::Cut), Err(HttpError::Truncated));
    assert_eq!(fetch.step(), None);
}

#[test]
fn what_a_body_is_comes_from_its_header_alone() {
    let cases = [
        ("text/html; charset=UTF-8", Kind::Html, Charset::Utf8),
        ("TEXT/HTML;charset=\"iso-8859-1\"", Kind::Html, Charset::Windows1252),
        ("application/xhtml+xml", Kind::Html, Charset::Unsaid),
        ("text/plain; x=y; charset=utf-16", Kind::Plain, Charset::Unknown),
        ("text/css", Kind::Plain, Charset::Unsaid),
        ("text/markdown", Kind::Markdown, Charset::Unsaid),
        ("application/problem+json", Kind::Json, Charset::Unsaid),
        ("image/webp", Kind::WebP, Charset::Unsaid),
        ("image/svg+xml", Kind::Other, Charset::Unsaid),
        ("", Kind::Other, Charset::Unsaid),
        ("te\u{20ac}t/html", Kind::Other, Charset::Unsaid),
    ];
    for (value, kind, charset) in cases {
        assert_eq!(Media::parse(value.as_bytes()), Media { kind, charset }, "{value}");
    }
    let answer = outcome(&with_head("Content-Type: image/png\r\n", b"<html>not a picture</html>")).unwrap();
    assert_eq!(answer.media.kind, Kind::Png);
    assert_eq!(outcome(&with_head("", b"<html>")).unwrap().media.kind, Kind::Other);
}

#[test]
fn text_is_read_as_its_charset_says() {
    let cases: [(&[u8], Charset, &str, bool); 8] = [
        ("grün".as_bytes(), Charset::Utf8, "grün", false),
        (b"gr\xfcn", Charset::Utf8, "gr\u{fffd}n", true),
        (b"\x80 gr\xfcn \x9f", Charset::Windows1252, "€ grün Ÿ", false),
        (b"\x81", Charset::Windows1252, "\u{fffd}", true),
        (b"gr\xfcn", Charset::Unsaid, "grün", false),
        ("grün".as_bytes(), Charset::Unsaid, "grün", false),
        (b"gr\xfcn", Charset::Unknown, "gr\u{fffd}n", true),
        (b"\xef\xbb\xbfgr\xc3\xbcn", Charset::Windows1252, "grün", false),
    ];
    for (bytes, charset, text, replaced) in cases {
        let read = decode(bytes, charset);
        assert_eq!((read.text.as_str(), read.replaced), (text, replaced), "{bytes:?} as {charset:?}");
    }
}

#[test]
fn a_connection_that_is_cut_is_no_end() {
    let mut fetch = asked("http://host.example/", LIMITS);
    fetch.received(b"HTTP/1.1 200 OK\r\n\r\nhalf a page").unwrap();
    assert_eq!(fetch.closed(Closing::Cut), Err(HttpError::Truncated));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_body_survives_any_chunks_and_any_pieces(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 0..20),
        piece in 1usize..60,
    ) {
        let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in &chunks {
            answer.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            answer.extend_from_slice(chunk);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"0\r\n\r\n");
        prop_assert_eq!(outcome_in_pieces(&answer, piece).unwrap().body, chunks.concat());
    }
}
