//! Callers, keys and bytes for the tests.
#![allow(dead_code, reason = "each test uses its part of it")]
#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use ipc_proto_types::{Generation, PortIndex};
use vault_app_signing::{Caller, KeyId, Seed, Signer};

/// A caller's first life.
pub(crate) fn caller(port: u8) -> Caller {
    Caller { port: PortIndex::new(port).unwrap(), generation: Generation(1) }
}

pub(crate) fn seed(byte: u8) -> Seed {
    Seed::new([byte; 32])
}

/// An open signer with keys of these seeds, named after them.
pub(crate) fn signer(seeds: &[u8]) -> (Signer, Vec<KeyId>) {
    let mut signer = Signer::new();
    signer.unlock([]).unwrap();
    let ids = seeds.iter().map(|byte| signer.make(&seed(*byte), &format!("key {byte}")).unwrap()).collect();
    (signer, ids)
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let text: String = text.split_whitespace().collect();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
