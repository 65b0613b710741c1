//! The vault qube: serves the password store and does nothing else.
//!
//! It has no device and calls nobody. The 64 MiB Argon2id works in are a static, so they cost nothing until the first
//! passphrase; the store wipes them after each, and this file wipes the stack after every message. What the store holds ends with this life of the qube.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use ipc_proto_vault_api as api;
use spin::{Mutex, MutexGuard};
use unikernels_rt::Qube;
use unikernels_sdk::scrub_stack;
use vault_app_core::{Block, Clock, Cost, Random, RandomError, Server, Store};

unikernels_rt::main!(main);

static BLOCKS: Mutex<[Block; Cost::FULL.blocks()]> =
    Mutex::new([const { Block::new() }; Cost::FULL.blocks()]);

fn main(qube: Qube) -> i32 {
    let blocks = MutexGuard::leak(BLOCKS.lock());
    let store = qube.place(Store::new(Cost::FULL, blocks, Entropy(qube)));
    let mut vault = Server::new(store, Time(qube));
    let servers = qube.servers(&api::SERVICE);
    qube.ready();
    servers.run(|port, buffers| {
        let served = api::serve(&mut vault, port, buffers);
        if served > 0 {
            scrub_stack();
        }
        served
    })
}

/// The entropy device; without one the qube panics, so this never fails.
struct Entropy(Qube);

impl Random for Entropy {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.0.random().fill(out);
        Ok(())
    }
}

/// The time stamp counter and the wall clock's base.
struct Time(Qube);

impl Clock for Time {
    fn now_ms(&self) -> u64 {
        self.0.clock().ns(self.0.now().0) / 1_000_000
    }

    fn unix_s(&self) -> u64 {
        self.0.unix_time().seconds
    }
}
