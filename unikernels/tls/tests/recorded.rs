//! One session with OpenSSL's server, recorded; then what that server sent comes again: in other pieces, cut short,
//! changed. The same seed makes the same client, so the record still fits.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::sync::OnceLock;

use common::{NAME, Server, now_s, random, roots, talk};
use proptest::prelude::*;
use unikernels_tls::{Read, Roots, Tls, TlsError, Version};

/// Lines that the server says, each in a record of its own, and bytes of each.
const LINES: usize = 8;
const LINE_LEN: usize = 1200;
const SEED: u8 = 9;
/// What TLS 1.3 sends once for the sake of middle boxes, and means nothing (RFC 8446, D.4).
const DECOY: [u8; 6] = [20, 3, 3, 0, 1, 1];

/// What a server sent, and what it means.
struct Session {
    wire: Vec<u8>,
    heard: Vec<u8>,
    /// What the client sent when all came as it was recorded.
    sent: Vec<u8>,
    /// One of its records is [`DECOY`].
    has_decoy: bool,
    roots: Roots,
    now_s: u64,
}

/// A session of each version.
fn sessions() -> &'static [Session; 2] {
    static SESSIONS: OnceLock<[Session; 2]> = OnceLock::new();
    SESSIONS.get_or_init(|| ["-tls1_3", "-tls1_2"].map(|version| record(version, LINES)))
}

/// A session with a server that turns lines round, and closes at the word of a line.
fn record(version: &str, lines: usize) -> Session {
    let (roots, now_s) = (roots("p256"), now_s());
    let server = Server::start("p256-leaf", "p256-leaf", &[version, "-rev"]);
    let (mut say, mut hear) = (Vec::new(), Vec::new());
    for line in 0..lines {
        let text: Vec<u8> = (b'0'..b'z').cycle().skip(line).take(LINE_LEN - 1).collect();
        say.extend(text.iter().rev().chain(b"\n"));
        hear.extend(text.iter().chain(b"\n"));
    }
    say.extend(b"CLOSE\n");
    let mut tls = Tls::new(NAME, &roots, now_s, &mut random(SEED)).unwrap();
    let mut socket = server.socket.try_clone().unwrap();
    let (talk, result) = talk(&mut tls, &mut socket, &say, usize::MAX);
    assert_eq!(result, Ok(()));
    assert!(talk.heard == hear);
    let has_decoy = tls.version() == Some(Version::Tls13);
    let mut session = Session { wire: talk.wire, heard: hear, sent: Vec::new(), has_decoy, roots, now_s };
    let all = replay(&session, &session.wire, &[usize::MAX]);
    assert_eq!(all.result, Ok(()));
    session.sent = all.sent;
    session
}

#[derive(Debug, PartialEq)]
struct Replayed {
    heard: Vec<u8>,
    sent: Vec<u8>,
    result: Result<(), TlsError>,
}

/// Feeds these bytes to a client like the recorded one, in pieces of these lengths, over and over.
fn replay(session: &Session, wire: &[u8], pieces: &[usize]) -> Replayed {
    let mut tls = Tls::new(NAME, &session.roots, session.now_s, &mut random(SEED)).unwrap();
    let mut replayed = Replayed { heard: Vec::new(), sent: Vec::new(), result: Ok(()) };
    replayed.result = feed(&mut tls, wire, pieces, &mut replayed);
    replayed.sent.extend_from_slice(tls.to_send());
    replayed
}

fn feed(tls: &mut Tls, wire: &[u8], pieces: &[usize], replayed: &mut Replayed) -> Result<(), TlsError> {
    let (mut at, mut pieces) = (0, pieces.iter().cycle());
    let mut plain = [0; 3000];
    loop {
        replayed.sent.extend_from_slice(tls.to_send());
        tls.sent(tls.to_send().len())?;
        match tls.read(&mut plain)? {
            Read::Data(len) => replayed.heard.extend_from_slice(&plain[..len]),
            Read::Closed => return tls.close(),
            Read::Pending if at == wire.len() => tls.closed(),
            Read::Pending => {
                let len = (*pieces.next().unwrap()).min(wire.len() - at);
                let arrived = tls.received(&wire[at..at + len]);
                if let Err(error) = arrived {
                    // What came before it is still there.
                    while let Ok(Read::Data(len)) = tls.read(&mut plain) {
                        replayed.heard.extend_from_slice(&plain[..len]);
                    }
                    return Err(error);
                }
                at += arrived?;
            }
        }
    }
}

/// Where the records begin, and the end.
fn records(wire: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    while let Some(header) = wire.get(starts[starts.len() - 1]..).and_then(|rest| rest.first_chunk::<5>()) {
        let len = usize::from(u16::from_be_bytes([header[3], header[4]]));
        starts.push(starts[starts.len() - 1] + 5 + len);
    }
    assert_eq!(starts.last(), Some(&wire.len()));
    assert!(starts.len() > 8, "{starts:?}");
    starts
}

/// What was heard is what was said, up to some point, and the end is an error.
fn assert_refused(session: &Session, replayed: &Replayed, what: &str) {
    assert!(session.heard.starts_with(&replayed.heard), "{what}: something else was heard");
    assert!(replayed.result.is_err(), "{what}: it was taken");
}

#[test]
fn one_byte_at_a_time_is_the_same_session() {
    for session in sessions() {
        let replayed = replay(session, &session.wire, &[1]);
        assert_eq!(replayed.result, Ok(()));
        assert!(replayed.heard == session.heard && replayed.sent == session.sent);
    }
}

#[test]
fn a_flipped_bit_in_any_record_is_found() {
    for session in sessions() {
        for record in records(&session.wire).windows(2) {
            let (start, end) = (record[0], record[1]);
            // Type, both bytes of the length, and the content: its first bytes, its middle, its last.
            let places = [
                start,
                start + 3,
                start + 4,
                start + 5,
                start + 6,
                start + 13,
                (start + 5 + end) / 2,
                end - 1,
            ];
            for place in places.into_iter().filter(|place| *place < end) {
                for bit in [0, 7] {
                    let mut wire = session.wire.clone();
                    wire[place] ^= 1 << bit;
                    let replayed = replay(session, &wire, &[1000]);
                    assert_refused(
                        session,
                        &replayed,
                        &format!("record at {start}, byte {place}, bit {bit}"),
                    );
                }
            }
        }
    }
}

#[test]
fn a_session_cut_anywhere_is_no_whole_one() {
    for session in sessions() {
        let starts = records(&session.wire);
        let cuts =
            starts[..starts.len() - 1].iter().flat_map(|start| [*start, start + 1, start + 5, start + 20]);
        for cut in cuts.filter(|cut| *cut < session.wire.len()) {
            let replayed = replay(session, &session.wire[..cut], &[usize::MAX]);
            assert_refused(session, &replayed, &format!("cut at {cut}"));
            assert_eq!(replayed.result, Err(TlsError::Truncated), "cut at {cut}");
        }
    }
}

#[test]
fn records_left_out_repeated_or_swapped_are_found() {
    for session in sessions() {
        let starts = records(&session.wire);
        let part = |from: usize, to: usize| &session.wire[starts[from]..starts[to]];
        let last = starts.len() - 1;
        for at in 0..last {
            let dropped = [part(0, at), part(at + 1, last)].concat();
            let means_nothing = |record: usize| session.has_decoy && part(record, record + 1) == DECOY;
            if !means_nothing(at) {
                assert_refused(
                    session,
                    &replay(session, &dropped, &[1000]),
                    &format!("record {at} left out"),
                );
            }
            let repeated = [part(0, at + 1), part(at, last)].concat();
            // What follows the server's last word is not looked at.
            if !means_nothing(at) && at + 1 < last {
                assert_refused(session, &replay(session, &repeated, &[1000]), &format!("record {at} twice"));
            }
            if at + 2 <= last && !means_nothing(at) && !means_nothing(at + 1) {
                let swapped =
                    [part(0, at), part(at + 1, at + 2), part(at, at + 1), part(at + 2, last)].concat();
                assert_refused(
                    session,
                    &replay(session, &swapped, &[1000]),
                    &format!("record {at} too late"),
                );
            }
        }
    }
}

#[test]
fn more_than_there_is_room_for_waits() {
    for session in &["-tls1_3", "-tls1_2"].map(|version| record(version, 25 * LINES)) {
        let mut tls = Tls::new(NAME, &session.roots, session.now_s, &mut random(SEED)).unwrap();
        let mut at = 0;
        // Nobody reads and nobody sends: at some point no more is taken.
        loop {
            let taken = tls.received(&session.wire[at..]).unwrap();
            at += taken;
            if taken == 0 {
                break;
            }
        }
        assert!(tls.is_open() && at < session.wire.len());
        let mut replayed = Replayed { heard: Vec::new(), sent: Vec::new(), result: Ok(()) };
        assert_eq!(feed(&mut tls, &session.wire[at..], &[700], &mut replayed), Ok(()));
        assert!(replayed.heard == session.heard);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_of_any_size_are_the_same_session(
        pieces in prop::collection::vec(prop_oneof![1..40_usize, 1..20_000_usize], 1..20),
        version in 0..2_usize,
    ) {
        let session = &sessions()[version];
        let replayed = replay(session, &session.wire, &pieces);
        prop_assert_eq!(replayed.result, Ok(()));
        prop_assert!(replayed.heard == session.heard && replayed.sent == session.sent);
    }

    #[test]
    fn garbage_at_any_point_is_refused(
        garbage in prop::collection::vec(any::<u8>(), 1..3000),
        record in any::<prop::sample::Index>(),
        version in 0..2_usize,
    ) {
        let session = &sessions()[version];
        let starts = records(&session.wire);
        let start = starts[record.index(starts.len() - 1)];
        let wire = [&session.wire[..start], &garbage].concat();
        assert_refused(session, &replay(session, &wire, &[500]), &format!("garbage at {start}"));
    }

    #[test]
    fn any_changed_byte_changes_nothing_that_is_heard(
        place in any::<prop::sample::Index>(),
        mask in 1..=255_u8,
        version in 0..2_usize,
    ) {
        let session = &sessions()[version];
        let mut wire = session.wire.clone();
        let place = place.index(wire.len());
        wire[place] ^= mask;
        let replayed = replay(session, &wire, &[1000]);
        prop_assert!(session.heard.starts_with(&replayed.heard));
        // The version in the header of a record in the clear means nothing (RFC 8446 section 5.1).
        prop_assert!(replayed.result.is_err() || replayed.heard == session.heard);
    }
}
