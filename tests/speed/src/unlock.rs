//! Derives a key as the vault does, at the least cost of a passphrase, once and then twice, with a mark after each: the difference of
//! what callgrind counts is one derivation in a process of this host. Not here: anything else of an unlock.

#![forbid(unsafe_code)]

use std::hint::black_box;

use vault_app_kdf::{Block, Cost, KEY_SIZE, derive};

/// The end of a part. Callgrind looks for this function.
#[inline(never)]
fn mark() {
    black_box(());
}

fn main() {
    let mut blocks = vec![Block::new(); Cost::FLOOR.blocks()];
    let mut key = [0; KEY_SIZE];
    mark();
    for rounds in [1, 2] {
        for _ in 0..rounds {
            derive(Cost::FLOOR, black_box(b"correct horse battery staple"), &[7; 16], &mut blocks, &mut key)
                .expect("there are blocks enough");
            black_box(&key);
        }
        mark();
    }
}
