//! A hostile qube: argument `attack=NAME` chooses what it does to the system it runs in.
//!
//! This crate is a room for attacks, the only place of the tree where `unsafe` is the point: it reads and writes any
//! address, runs instructions no qube may run, and drives the channel device with rings of its own that are malformed on
//! purpose. Nothing here can break but this qube: that is what it is there to show.
//!
//! It logs `attack NAME begins` right before an attack and `attack NAME done` when it returns, and then ends with
//! [`SURVIVED`]; between the two it may log what it `saw`. The judge is `tests/hostile`, not this qube.
//! Not here: attacks that a host can play on the monitor alone (`tests/sim`).

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "a room for attacks: breaking the rules of memory is what this qube is for")]
#![expect(
    clippy::cast_possible_truncation,
    reason = "addresses and numbers are cut to what a register holds"
)]

mod calls;
mod chains;
mod frames;
mod instructions;
mod lives;
mod memory;
mod messages;
mod ports;
mod raw;
mod ring;
mod rings;
mod servers;
mod storms;
mod tables;

use unikernels_rt::{Qube, log, main};

use crate::ring::Device;

main!(attack);

/// Exit code of a qube that its attack did not end.
const SURVIVED: i32 = 77;
/// Exit code of a qube that was given no attack it knows.
const UNKNOWN: i32 = 1;
/// Everybody sets up and the canary takes its measure before the first attack.
const QUIET_MS: u64 = 20;

/// What an attack needs before it begins.
#[derive(Clone, Copy)]
enum Attack {
    /// Nothing but the processor.
    Bare(fn(Qube)),
    /// Port 0, driven by rings of our own, open.
    Open(fn(&mut Device)),
}

fn attack(qube: Qube) -> i32 {
    let name = qube.args().get("attack").unwrap_or("");
    let tables = [
        memory::ATTACKS,
        tables::ATTACKS,
        ports::ATTACKS,
        instructions::ATTACKS,
        lives::ATTACKS,
        calls::ATTACKS,
        storms::ATTACKS,
        rings::ATTACKS,
        chains::ATTACKS,
        messages::ATTACKS,
        servers::ATTACKS,
    ];
    let mut all = tables.iter().flat_map(|table| table.iter());
    let Some((_, attack)) = all.find(|(known, _)| *known == name) else {
        log!("attack {name} is unknown");
        return UNKNOWN;
    };
    let start = qube.in_ms(QUIET_MS);
    while qube.now() < start {
        qube.wait(Some(start));
    }
    match attack {
        Attack::Bare(run) => {
            log!("attack {name} begins");
            run(qube);
        }
        Attack::Open(run) => {
            let mut device = Device::start();
            device.open();
            log!("attack {name} begins");
            run(&mut device);
        }
    }
    log!("attack {name} done");
    SURVIVED
}
