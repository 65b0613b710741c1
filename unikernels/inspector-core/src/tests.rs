//! The bridge against hosts that speak well, badly, and not at all.

use ipc_proto_types::{CALLS_MAX, ErrorCode, Kind, SchemaId};
use ipc_proto_wire::{HEADER_SIZE, Header};
use proptest::prelude::*;

use crate::{Bridge, QUIET_MS, Stream, Verdict};

const SCHEMA: SchemaId = SchemaId([7; 16]);
/// Longest frame of these tests.
const MAX: usize = HEADER_SIZE + 40;

fn frame(kind: Kind, correlation: u64, body: &[u8]) -> Vec<u8> {
    frame_of(SCHEMA, kind, correlation, body)
}

fn frame_of(schema: SchemaId, kind: Kind, correlation: u64, body: &[u8]) -> Vec<u8> {
    let header = Header { schema, method: 3, kind, correlation, length: u32::try_from(body.len()).unwrap() };
    [&header.to_bytes(), body].concat()
}

fn sent(frame: &[u8]) -> Vec<u8> {
    [&u32::try_from(frame.len()).unwrap().to_le_bytes(), frame].concat()
}

/// All frames that come out of these bytes, each byte at its time.
fn frames(bytes: impl IntoIterator<Item = (u8, u64)>) -> Vec<Vec<u8>> {
    let mut stream = Stream::<MAX>::new();
    let mut all = Vec::new();
    for (byte, now) in bytes {
        if let Some(length) = stream.push(byte, now) {
            all.push(stream.buffer()[..length].to_vec());
        }
    }
    all
}

fn at_once(bytes: &[u8]) -> Vec<(u8, u64)> {
    bytes.iter().map(|byte| (*byte, 0)).collect()
}

/// The bytes of a frame in a buffer with room for an error.
fn buffer(frame: &[u8]) -> Vec<u8> {
    let mut buffer = frame.to_vec();
    buffer.resize(MAX, 0xee);
    buffer
}

#[test]
fn frames_come_out_whole_and_in_order() {
    let (one, two) = (frame(Kind::Call, 1, b""), frame(Kind::Call, 2, &[5; 40]));
    assert_eq!(frames(at_once(&[sent(&one), sent(&two)].concat())), [one, two]);
}

#[test]
fn half_a_frame_is_forgotten_when_the_line_is_quiet() {
    let whole = sent(&frame(Kind::Call, 9, b"abc"));
    for cut in 0..whole.len() {
        let half = whole[..cut].iter().map(|byte| (*byte, 0));
        let after = whole.iter().map(|byte| (*byte, QUIET_MS));
        assert_eq!(frames(half.chain(after)), [&whole[4..]], "cut at {cut}");
    }
}

#[test]
fn an_impossible_length_loses_the_line_until_it_is_quiet() {
    let good = frame(Kind::Call, 1, b"x");
    for length in [0_u32, 31, u32::try_from(MAX).unwrap() + 1, u32::MAX] {
        let bad = [&length.to_le_bytes()[..], &sent(&good)].concat();
        let later = sent(&good).into_iter().map(|byte| (byte, QUIET_MS));
        assert_eq!(frames(at_once(&bad).into_iter().chain(later)), std::slice::from_ref(&good), "{length}");
    }
}

#[test]
fn a_call_passes_under_our_number_and_its_answer_under_the_hosts() {
    let mut bridge = Bridge::new(SCHEMA);
    for (ours, hosts) in [(1, 700), (2, u64::MAX), (3, 1)] {
        let call = frame(Kind::Call, hosts, b"ask");
        let mut buffer = buffer(&call);
        assert_eq!(bridge.from_host(&mut buffer, call.len()), Verdict::Forward);
        assert_eq!(buffer[..call.len()], frame(Kind::Call, ours, b"ask"));
        bridge.sent();
        let kind = if ours == 2 { Kind::Error } else { Kind::Reply };
        let mut answer = frame(kind, ours, &[1]);
        assert!(bridge.from_channel(&mut answer));
        assert_eq!(answer, frame(kind, hosts, &[1]));
        assert!(!bridge.from_channel(&mut frame(kind, ours, &[1])), "an answer is given once");
    }
}

#[test]
fn answers_nobody_asked_for_calls_and_other_services_stop_here_and_events_pass() {
    let mut bridge = Bridge::new(SCHEMA);
    assert!(!bridge.from_channel(&mut frame(Kind::Reply, 1, b"")));
    assert!(!bridge.from_channel(&mut frame(Kind::Call, 1, b"")));
    assert!(!bridge.from_channel(&mut frame_of(SchemaId([8; 16]), Kind::Event, 0, b"")));
    assert!(!bridge.from_channel(&mut [0; 7]));
    let event = frame(Kind::Event, 0, b"ended");
    let mut passed = event.clone();
    assert!(bridge.from_channel(&mut passed));
    assert_eq!(passed, event);
}

/// What the host is told about a call that may not pass.
fn check_refused(bridge: &mut Bridge, call: &[u8], code: ErrorCode) {
    let mut buffer = buffer(call);
    let verdict = bridge.from_host(&mut buffer, call.len());
    assert_eq!(verdict, Verdict::Answer(HEADER_SIZE + 1));
    let (header, body) = Header::parse(&buffer[..HEADER_SIZE + 1]).unwrap();
    assert_eq!((header.kind, header.correlation, body), (Kind::Error, 5, &[code.as_u8()][..]));
}

#[test]
fn another_service_and_one_call_too_many_are_answered_with_an_error() {
    let mut bridge = Bridge::new(SCHEMA);
    check_refused(&mut bridge, &frame_of(SchemaId([8; 16]), Kind::Call, 5, b""), ErrorCode::Unsupported);
    for _ in 0..CALLS_MAX {
        let call = frame(Kind::Call, 5, b"");
        assert_eq!(bridge.from_host(&mut buffer(&call), call.len()), Verdict::Forward);
        bridge.sent();
    }
    check_refused(&mut bridge, &frame(Kind::Call, 5, b""), ErrorCode::Busy);
    assert!(bridge.from_channel(&mut frame(Kind::Reply, 3, b"")));
    check_refused(&mut bridge, &frame(Kind::Call, 5, b""), ErrorCode::Busy);
    assert!(
        bridge.from_channel(&mut frame(Kind::Reply, 1, b"")),
        "the slot of the next number is free again"
    );
    let call = frame(Kind::Call, 5, b"");
    assert_eq!(bridge.from_host(&mut buffer(&call), call.len()), Verdict::Forward);
}

#[test]
fn a_call_that_finds_no_room_uses_up_no_number() {
    let mut bridge = Bridge::new(SCHEMA);
    let call = frame(Kind::Call, 44, b"");
    let mut first = buffer(&call);
    assert_eq!(bridge.from_host(&mut first, call.len()), Verdict::Forward);
    assert_eq!(bridge.not_sent(&mut first, call.len()), Verdict::Answer(HEADER_SIZE + 1));
    assert_eq!(first[..=HEADER_SIZE], frame(Kind::Error, 44, &[ErrorCode::Busy.as_u8()]));
    let mut second = buffer(&call);
    assert_eq!(bridge.from_host(&mut second, call.len()), Verdict::Forward);
    assert_eq!(second[..call.len()], frame(Kind::Call, 1, b""));
}

#[test]
fn what_is_no_call_is_dropped() {
    let mut bridge = Bridge::new(SCHEMA);
    for kind in [Kind::Reply, Kind::Error, Kind::Event] {
        let other = frame(kind, u64::from(kind != Kind::Event), b"");
        assert_eq!(bridge.from_host(&mut buffer(&other), other.len()), Verdict::Drop);
    }
    assert_eq!(bridge.from_host(&mut [0; MAX], MAX), Verdict::Drop);
    assert_eq!(bridge.from_host(&mut [0; 3], 99), Verdict::Drop, "a length beyond the buffer");
}

proptest! {
    /// A hostile host: any bytes at any times. Whatever passes is a whole call of the service under the next number.
    #[test]
    fn garbage_never_panics_and_never_passes(chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..90), 0..400_u64), 0..30)) {
        let mut stream = Stream::<MAX>::new();
        let mut bridge = Bridge::new(SCHEMA);
        let (mut now, mut number) = (0, 0);
        for (bytes, pause) in chunks {
            now += pause;
            for byte in bytes {
                if let Some(length) = stream.push(byte, now) {
                    prop_assert!((HEADER_SIZE..=MAX).contains(&length));
                    if bridge.from_host(stream.buffer(), length) == Verdict::Forward {
                        number += 1;
                        let (header, _) = Header::parse(&stream.buffer()[..length]).unwrap();
                        prop_assert_eq!((header.correlation, header.kind, header.schema), (number, Kind::Call, SCHEMA));
                        bridge.sent();
                    }
                }
            }
        }
    }

    /// Good frames with noise of a byte between them, each after a pause: every frame comes out.
    #[test]
    fn a_host_that_pauses_is_always_understood_again(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let good = frame(Kind::Call, 1, b"again");
        let bytes = noise.iter().map(|byte| (*byte, 0)).chain(sent(&good).into_iter().map(|byte| (byte, QUIET_MS)));
        prop_assert_eq!(frames(bytes).pop(), Some(good));
    }
}
