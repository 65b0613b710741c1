//! What locking leaves of the keys: the memory of this very process, searched.
//!
//! The allocator here wipes nothing, so a key that is gone was wiped by the type that held it. The stack is scrubbed as the qube's
//! main loop does it. A file of its own with one test, so that no other test's memory is searched.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;

use common::{COST, Draws, Hand, SECTORS, Slab, caller, entry, keys};
use ipc_proto_vault_api::Vault;
use tests_disk::SimDisk;
use unikernels_sdk::scrub_stack;
use vault_app_core::{Block, Effort, Server, Session};

const SEED: u64 = 77;
/// Bytes of the volume's key, which is the first thing that is drawn.
const KEY_BYTES: usize = 32;
/// Read at once, in bytes.
const CHUNK: usize = 1 << 20;
/// Keeps what is looked for from being found in what looks for it.
const VEIL: u8 = 0x5a;

/// What is looked for, veiled: no copy of it is made here as it is.
fn veiled_key() -> Vec<u8> {
    let draws = Draws::new(SEED);
    // As much as one number of the generator has, which is less than what is looked for.
    let mut piece = [0; 8];
    let mut veiled = Vec::with_capacity(KEY_BYTES);
    while veiled.len() < KEY_BYTES {
        draws.fill(&mut piece);
        veiled.extend(piece.map(|byte| byte ^ VEIL));
    }
    veiled
}

/// How often half of what is veiled, either half, stands in memory that this process can write.
fn places(veiled: &[u8]) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut chunk = vec![0_u8; CHUNK];
    let mut found = 0;
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|how| how.starts_with("rw"))) {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (mut at, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        while at < end {
            let length = CHUNK.min(usize::try_from(end - at).unwrap());
            if memory.read_exact_at(&mut chunk[..length], at).is_ok() {
                // Veiled at once: the buffer is in memory, too.
                chunk.iter_mut().for_each(|byte| *byte ^= VEIL);
                let halves = veiled.chunks(KEY_BYTES / 2);
                found += halves
                    .map(|half| chunk[..length].windows(half.len()).filter(|w| *w == half).count())
                    .sum::<usize>();
            }
            chunk.fill(0);
            // Half a key may stand across two chunks.
            at += if length == CHUNK { (CHUNK - KEY_BYTES / 2) as u64 } else { length as u64 };
        }
    }

    found
}

#[test]
fn locking_leaves_neither_the_key_of_the_volume_nor_what_argon2_worked_on() {
    let veiled = veiled_key();
    let slab = Slab::new(SimDisk::new(SECTORS));
    let mut blocks = vec![Block::new(); COST.blocks()];
    let draws = Draws::new(SEED);
    let random = move |out: &mut [u8]| draws.fill(out);
    let session = Session::new(slab, random.clone(), &mut blocks, Effort::Fixed(COST));
    let mut server = Server::new(session, random, Hand::default());

    server.init(&caller(), keys("a passphrase")).unwrap();
    server.add(&caller(), entry("one")).unwrap();
    assert_ne!(places(&veiled), 0, "the search does not find the key of an open store");
    server.lock(&caller());
    scrub_stack();
    assert_eq!(places(&veiled), 0, "after init and lock");

    server.unlock(&caller(), keys("a passphrase")).unwrap();
    server.change(&caller(), keys("a passphrase"), keys("another")).unwrap();
    assert_ne!(places(&veiled), 0, "the search does not find the key of an open store");
    server.lock(&caller());
    scrub_stack();
    assert_eq!(places(&veiled), 0, "after unlock, change and lock");
    drop(server);
    let is_wiped = blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0));
    assert!(is_wiped, "Argon2's memory is not wiped");
}
