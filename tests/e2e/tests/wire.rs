//! A wire that loses, repeats, reorders and spoils what goes over it, and one that belongs to somebody else.
//!
//! Every frame between the machine's card and QEMU's own network goes through this test. The servers are real ones on the host.

#[path = "wire/faults.rs"]
mod faults;
#[path = "wire/lies.rs"]
mod lies;
#[path = "wire/unasked.rs"]
mod unasked;
#[path = "wire/web.rs"]
mod web;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tests_e2e::peer::{self, PORT, Peer};
use tests_e2e::wire::{Way, Wire};
use tests_e2e::{Server, Terminal, empty_folder, free_port, plain, said};

use faults::{Random, Tally, bad};
use lies::Said;

/// The system, without what its readers do.
const SYSTEM: &str = include_str!("wire/wire.toml");
/// Bytes of a document.
const LENGTH: usize = 200 * 1024;
/// Seeds of the wire, for one stream each.
const SEEDS: [u64; 6] = [1, 2, 3, 4, 5, 6];

/// A document, and its sum as the readers count it (FNV-1a).
fn document() -> (Vec<u8>, u64) {
    let mut random = Random(7);
    let bytes: Vec<u8> = (0..LENGTH).map(|_| u8::try_from(random.below(256)).unwrap_or(0)).collect();
    let sum = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (bytes, sum)
}

#[test]
fn documents_arrive_whole_over_a_bad_wire() {
    let folder = empty_folder("wire-bad");
    let (bytes, sum) = document();
    let wire = Arc::new(Wire::new(&folder, None));
    let tally = Arc::new(Mutex::new(Tally::default()));
    wire.set(bad(&SEEDS, Arc::clone(&tally)));
    let peer = Peer::new(&wire, &bytes);
    let fetch = format!("fetch={}:{PORT}/ fetch={}:{PORT}/", peer::V4, peer::V6);
    let text = SYSTEM.replace("FIRST", &fetch).replace("SECOND", &fetch).replace("THIRD", &fetch);
    let mut arguments = vec!["--".to_owned()];
    arguments.extend_from_slice(wire.arguments());
    let mut t = Terminal::run_text(&folder, &text, &arguments);
    for reader in ["reader", "leser", "lecteur"] {
        let log = t.log_until(&format!("{reader}] net: done"));
        let whole = format!("{reader}] net: fetched {LENGTH} bytes, sum {sum:016x}");
        assert_eq!(log.matches(&whole).count(), 2, "over IPv4 and IPv6: {log}");
    }
    let tally = *tally.lock().expect("the tally");
    assert_eq!(tally.streams, SEEDS.len());
    // A caller from outside, over IPv6 and the same wire.
    let answer = peer.call((wire.station().v6.into(), 80), b"good day");
    assert_eq!(answer.as_deref(), Some(&b"good day"[..]));
    assert!(tally.lost > 10 && tally.doubled > 10 && tally.late > 20 && tally.spoilt > 1, "{tally:?}");
    assert_eq!(t.power_off().0, 0);
}

/// What the resolver knows. The name that is offered unasked is not there.
const ZONE: [&str; 4] = [
    "--host-record=good.shop.example,10.0.2.2,60",
    "--host-record=guess.shop.example,10.0.2.2,60",
    "--host-record=loop.shop.example,10.0.2.2,60",
    "--host-record=poison.shop.example,10.0.2.2,60",
];
/// What ends badly: where a document is, and what the person is told.
const TRAPS: [(&str, &str); 8] = [
    ("huge", "it is too large"),
    ("endless", "it is too large"),
    ("headers", "it is too large"),
    ("bomb", "it is too large"),
    ("round", "the host sends one where this console doesn't go"),
    ("chunks", "the host's answer makes no sense"),
    ("noise", "the host's answer makes no sense"),
    ("good", "all is well"),
];
/// Beginnings of streams that nobody goes on with.
const FLOOD: u16 = 2000;
/// Longer than it takes until they are given up.
const GIVEN_UP: Duration = Duration::from_secs(6);

#[test]
fn a_stranger_on_the_wire_and_hostile_servers_stop_nothing() {
    let folder = empty_folder("wire-hostile");
    let (bytes, sum) = document();
    let port = web::serve(bytes);
    let names = Server::names(&folder, &ZONE);
    let door = free_port();
    // A lease that cannot be is for a moment one that is: who waits longer than the stranger has leases has the good one.
    let text = SYSTEM
        .replace("FIRST", &format!("wait=6000 fetch=10.0.2.2:{port}/document"))
        .replace("SECOND", &format!("wait=6000 fetch=10.0.2.2:{port}/drip"))
        .replace("THIRD", "wait=0");
    let wire = Wire::new(&folder, Some(names.port));
    let tally = Arc::new(Mutex::new(Said::default()));
    wire.set(lies::stranger(Arc::clone(&tally)));
    let forward = format!("{door}:80");
    let mut arguments = ["--forward", &forward, "--"].map(str::to_owned).to_vec();
    arguments.extend_from_slice(wire.arguments());
    let mut t = Terminal::run_text(&folder, &text, &arguments);

    let log = t.log_until("reader] net: done");
    assert!(log.contains(&format!("reader] net: fetched {LENGTH} bytes, sum {sum:016x}")), "{log}");
    let _ = t.log_until("] net: listening at 80");
    let opens = |t: &mut Terminal, host: &str, path: &str, expected: &str| {
        let shown = plain(&t.command(&format!("open http://{host}:{port}/{path}")));
        let is_shown = shown.contains(expected);
        assert!(is_shown, "{path}: no '{expected}' in {shown}\n{}\n{}", t.command("log"), wire.recent());
    };
    for name in ["good", "guess", "loop", "poison"] {
        opens(&mut t, &format!("{name}.shop.example"), "good", "all is well");
    }
    opens(&mut t, "victim.shop.example", "good", "there is no host of this name");

    let station = wire.station();
    let attacks = [
        unasked::from_nowhere(station, 80),
        unasked::claims(station),
        unasked::unasked(station),
        unasked::flood(station, 80, FLOOD),
    ];
    for (number, frames) in attacks.into_iter().enumerate() {
        // Before the flood, which closes the port until those who never go on are given up.
        let answer = said(door, b"still there?").ok();
        let is_there = answer.as_deref() == Some(b"still there?");
        assert!(is_there, "before attack {number}: {answer:?}\n{}", plain(&t.command("log")));
        frames.into_iter().for_each(|frame| wire.inject(Way::In, frame));
        opens(&mut t, "good.shop.example", "good", "all is well");
    }
    let flooded = Instant::now();
    for (path, expected) in TRAPS {
        opens(&mut t, "10.0.2.2", path, expected);
    }
    // A byte a second: the person need not wait for the end.
    t.keys(&format!("open http://10.0.2.2:{port}/drip\r"));
    t.until("Ctrl-C stops it");
    t.keys("\x03");
    t.until("skep> ");
    opens(&mut t, "10.0.2.2", "good", "all is well");

    std::thread::sleep(GIVEN_UP.saturating_sub(flooded.elapsed()));
    assert_eq!(said(door, b"and now?").expect("an answer"), b"and now?");
    let status = plain(&t.command("call net.status"));
    assert!(status.contains("V4([10, 0, 2, 15]), prefix: 24"), "{status}");
    let log = plain(&t.command("log"));
    assert_eq!(log.matches("netvm generation").count(), 1, "{log}");
    assert!(!log.contains("panic") && !log.contains("leser generation 1 ended"), "{log}");
    let tally = *tally.lock().expect("the tally");
    assert!(tally.leases == 5 && tally.names > 15 && tally.segments > 50 && tally.damaged > 100, "{tally:?}");
    assert_eq!(t.power_off().0, 0);
}
