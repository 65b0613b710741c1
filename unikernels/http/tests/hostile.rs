//! Servers that mean no good: a named refusal for each, whatever pieces it arrives in, and never more memory
//! than the caps.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod common;

use common::{LIMITS, asked, outcome, outcome_in_pieces};
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use proptest::prelude::*;
use unikernels_http::{HttpError, Limits};

fn check(answer: &str, expected: HttpError) {
    assert_eq!(outcome(answer.as_bytes()), Err(expected), "{answer:?}");
}

#[test]
fn ambiguous_framing_is_refused() {
    let framing = [
        ("Content-Length: 5\r\nContent-Length: 5", HttpError::AmbiguousLength),
        ("Content-Length: 5\r\ncontent-length: 6", HttpError::AmbiguousLength),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", HttpError::AmbiguousLength),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0", HttpError::AmbiguousLength),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", HttpError::AmbiguousLength),
        ("Content-Length: 5, 5", HttpError::Length),
        ("Content-Length: +5", HttpError::Length),
        ("Content-Length: -5", HttpError::Length),
        ("Content-Length: 0x5", HttpError::Length),
        ("Content-Length: ", HttpError::Length),
        ("Content-Length: 5 5", HttpError::Length),
        ("Content-Length: 99999999999999999999999999", HttpError::BodyTooLarge),
        ("Content-Length: 10737418240", HttpError::BodyTooLarge),
        ("Transfer-Encoding: identity", HttpError::TransferCoding),
        ("Transfer-Encoding: gzip, chunked", HttpError::TransferCoding),
        ("Transfer-Encoding: xchunked", HttpError::TransferCoding),
        ("Transfer-Encoding: \u{b}chunked", HttpError::Header),
        ("Transfer-Encoding : chunked", HttpError::Header),
        ("Transfer-Encoding\r\n", HttpError::Header),
        (": chunked", HttpError::Header),
        ("Content-Length:\r\n 5", HttpError::FoldedHeader),
        ("X: y\r\n\tz", HttpError::FoldedHeader),
        ("X: y\nContent-Length: 5", HttpError::BareLineFeed),
        ("X: y\rContent-Length: 5", HttpError::Header),
        ("X: y\0z", HttpError::Header),
        ("Content-Encoding: br", HttpError::ContentCoding),
        ("Content-Encoding: gzip, gzip", HttpError::ContentCoding),
        ("Content-Encoding: gzip\r\nContent-Encoding: gzip", HttpError::Repeated),
        ("Content-Type: text/html\r\nContent-Type: text/plain", HttpError::Repeated),
    ];
    for (headers, expected) in framing {
        check(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\nhello"), expected);
    }
    check("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HttpError::TransferCoding);
    check("HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n", HttpError::Repeated);
}

#[test]
fn what_is_no_status_line_is_refused() {
    let lines = [
        "HTTP/2.0 200 OK",
        "HTTP/0.9 200 OK",
        "http/1.1 200 OK",
        "\r\nHTTP/1.1 200 OK",
        " HTTP/1.1 200 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1 abc OK",
        "HTTP/1.12 200 OK",
        "<html>",
    ];
    for line in lines {
        let answer = format!("{line}\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(outcome(answer.as_bytes()), Err(HttpError::StatusLine), "{line:?}");
    }
    check("HTTP/1.1 101 Switching Protocols\r\n\r\n", HttpError::Upgrade);
}

#[test]
fn malformed_chunks_are_refused() {
    let bodies = [
        ("5\nhello\r\n0\r\n\r\n", HttpError::BareLineFeed),
        ("5\r\nhello\n0\r\n\r\n", HttpError::BareLineFeed),
        ("5\r\nhelloX\r\n0\r\n\r\n", HttpError::Chunk),
        ("6\r\nhello\r\n0\r\n\r\n", HttpError::BareLineFeed),
        ("\r\nhello", HttpError::Chunk),
        ("+5\r\nhello\r\n0\r\n\r\n", HttpError::Chunk),
        ("0x5\r\nhello\r\n0\r\n\r\n", HttpError::Chunk),
        (" 5\r\nhello\r\n0\r\n\r\n", HttpError::Chunk),
        ("5 \r\nhello\r\n0\r\n\r\n", HttpError::Chunk),
        ("5\r;x\r\nhello\r\n0\r\n\r\n", HttpError::Chunk),
        ("ffffffffffffffff\r\n", HttpError::Chunk),
        ("10000000000000005\r\nhello\r\n0\r\n\r\n", HttpError::Chunk),
        ("5\r\nhello\r\n", HttpError::Truncated),
        ("5\r\nhello\r\n0\r\n", HttpError::Truncated),
        ("fffffff\r\nhello", HttpError::Truncated),
    ];
    for (body, expected) in bodies {
        check(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"), expected);
    }
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(&format!("{head}5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(300)), HttpError::Chunk);
    check(&format!("{head}0\r\n{}", "X: y\r\n".repeat(2000)), HttpError::Chunk);
}

#[test]
fn floods_are_refused() {
    let many = "X: y\r\n".repeat(97);
    check(&format!("HTTP/1.1 200 OK\r\n{many}\r\n"), HttpError::TooManyHeaders);
    check(&format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(20_000)), HttpError::HeadTooLarge);
    check(&format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(17_000)), HttpError::HeadTooLarge);
    check(&"HTTP/1.1 ".repeat(100_000), HttpError::HeadTooLarge);
    check(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(9), HttpError::TooManyInterim);
    check(&format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(65_537)), HttpError::BodyTooLarge);
    let chunks = "1\r\nx\r\n".repeat(11_000);
    check(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"), HttpError::BodyTooLarge);
}

/// Every prefix of a good answer is an answer cut short.
#[test]
fn an_answer_cut_anywhere_is_truncated() {
    let answers: [&[u8]; 2] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n",
    ];
    for answer in answers {
        for len in 0..answer.len() {
            assert_eq!(outcome(&answer[..len]), Err(HttpError::Truncated), "{len} bytes");
        }
        assert_eq!(outcome(answer).unwrap().body, b"hello");
    }
}

fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    file.extend(compress_to_vec(body, 9));
    file.extend(crc32fast::hash(body).to_le_bytes());
    file.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    file
}

#[test]
fn bombs_stop_at_the_cap() {
    let large = vec![0; 16 * 1024 * 1024];
    for (coding, bomb) in [
        ("gzip", gzip(&large)),
        ("deflate", compress_to_vec_zlib(&large, 9)),
        ("deflate", compress_to_vec(&large, 9)),
    ] {
        let answer = coded(coding, &bomb);
        assert!(answer.len() < LIMITS.wire_len_max);
        assert_eq!(outcome_in_pieces(&answer, 4096), Err(HttpError::DecodedTooLarge));
    }
    let exact = vec![7; LIMITS.body_len_max];
    assert_eq!(outcome_in_pieces(&coded("gzip", &gzip(&exact)), 4096).unwrap().body.len(), exact.len());
}

#[test]
fn compressed_data_with_any_bit_flipped_are_damaged_or_harmless() {
    let body = b"hello, hello, hello. And this is a little more of it.".to_vec();
    let good = gzip(&body);
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            match outcome_in_pieces(&coded("gzip", &bad), 1000) {
                Ok(answer) => assert_eq!(answer.body, body, "byte {at}, bit {bit}"),
                Err(error) => assert!(matches!(error, HttpError::Compressed), "{error:?}"),
            }
        }
    }
    for len in 1..good.len() {
        assert_eq!(
            outcome_in_pieces(&coded("gzip", &good[..len]), 1000),
            Err(HttpError::Compressed),
            "{len} bytes"
        );
    }
}

#[test]
fn nothing_is_done_after_an_error() {
    let mut fetch = asked("http://host.example/", Limits::default());
    assert_eq!(fetch.received(b"SSH-2.0-x\r\n\r\n"), Err(HttpError::StatusLine));
    assert_eq!(fetch.step(), None);
    assert_eq!(fetch.received(b"HTTP/1.1 200 OK\r\n\r\n"), Err(HttpError::OutOfTurn));
    assert!(fetch.into_response().is_none());
}

/// An answer of pieces that matter to a parser.
fn answer_of_pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Just(b"HTTP/1.0 302 Found\r\nLocation: ".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Content-Encoding: gzip\r\n".to_vec()),
        Just(b"Content-Length: 4\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"4\r\n\x1f\x8b\x08\x00\r\n".to_vec()),
        Just(b"0\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Pieces never matter, bodies never pass the cap, and nothing panics.
    #[test]
    fn any_answer_ends_the_same_in_any_pieces(answer in answer_of_pieces(), piece in 1usize..9) {
        let run = |piece: usize| {
            let mut fetch = asked("https://host.example/", LIMITS);
            let end = common::feed(&mut fetch, &answer, piece);
            let step = format!("{:?}", fetch.step());
            (end, step, fetch.into_response())
        };
        let whole = run(answer.len().max(1));
        if let Some(response) = &whole.2 {
            prop_assert!(response.body.len() <= LIMITS.body_len_max);
        }
        prop_assert_eq!(run(piece), whole);
    }
}
