//! A wire that loses, repeats, reorders and spoils what goes over it, and one that belongs to somebody else.
//!
//! Every frame between the machine's card and QEMU's own network goes through this test. The servers are real ones on the host.

#[path = "wire/faults.rs"]
mod faults;

use std::sync::{Arc, Mutex};

use tests_e2e::wire::Wire;
use tests_e2e::{Server, Terminal, empty_folder};

use faults::{Random, Tally, bad};

/// The system, without what its readers do.
const SYSTEM: &str = include_str!("wire/wire.toml");
/// Bytes of a document.
const LENGTH: usize = 200 * 1024;
/// Seeds of the wire, for one stream each.
const SEEDS: [u64; 3] = [1, 2, 3];

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
    std::fs::write(folder.join("document"), bytes).expect("a document");
    let nginx = Server::nginx(&folder, "server { listen 127.0.0.1:PORT; listen [::1]:PORT; root FOLDER; }");
    let fetch = format!("fetch=10.0.2.2:{}/document", nginx.port);
    let text = SYSTEM.replace("FIRST", &fetch).replace("SECOND", &fetch).replace("THIRD", &fetch);
    let wire = Wire::new(&folder, None);
    let tally = Arc::new(Mutex::new(Tally::default()));
    wire.set(bad(&SEEDS, Arc::clone(&tally)));
    let mut arguments = vec!["--".to_owned()];
    arguments.extend_from_slice(wire.arguments());
    let mut t = Terminal::run_text(&folder, &text, &arguments);
    for reader in ["reader", "leser", "lecteur"] {
        let log = t.log_until(&format!("{reader}] net: done"));
        let whole = format!("{reader}] net: fetched {LENGTH} bytes, sum {sum:016x}");
        assert!(log.contains(&whole), "{log}");
    }
    let tally = *tally.lock().expect("the tally");
    assert_eq!(tally.streams, SEEDS.len());
    assert!(tally.lost > 10 && tally.doubled > 10 && tally.late > 20 && tally.spoilt > 1, "{tally:?}");
    assert_eq!(t.power_off().0, 0);
}
