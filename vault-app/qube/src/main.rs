//! The vault qube: the password store on its volume, and nothing else.
//!
//! It has no device. The only qube it calls is the one with its volume, which it does not trust; without a channel of service
//! `block` the volume is memory, and ends with this life of the qube. The 64 MiB Argon2id works in are a static, so they cost
//! nothing until the first passphrase; they are wiped after each, as is the stack after every message and the heap when
//! something on it is freed.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod medium;

use ipc_proto_rpc::{Caller, Port, Ticks};
use ipc_proto_sign_api as sign;
use ipc_proto_types::List;
use ipc_proto_vault_api::{self as vault, files, keys};
use spin::{Mutex, MutexGuard};
use unikernels_rt::{Qube, scrub_stack};
use unikernels_sdk::Servers;
use vault_app_core::{Block, Callers, Clock, Cost, Effort, Server, Session};

use medium::Place;

unikernels_rt::main!(main);

static BLOCKS: Mutex<[Block; Cost::FULL.blocks()]> =
    Mutex::new([const { Block::new() }; Cost::FULL.blocks()]);

fn main(qube: Qube) -> i32 {
    // Buffers first: the heap takes all that is left of the arena.
    let mut vaults = qube.servers(&vault::SERVICE);
    let mut files = qube.servers(&files::SERVICE);
    let mut keys = qube.servers(&keys::SERVICE);
    let mut signs = qube.servers(&sign::SERVICE);
    let place = Place::find(qube);
    let random = move |out: &mut [u8]| qube.random().fill(out);
    let blocks = MutexGuard::leak(BLOCKS.lock());
    let session = Session::new(place, random, blocks.as_mut_slice(), Effort::Measured);
    let mut server = Server::new(session, random, Time(qube));
    qube.ready();
    loop {
        server.set_callers(callers(&mut signs));
        // What was refused in the last turn: the refusal has gone out.
        server.ask(&mut |question| told(&mut keys, question));
        let mut served = 0;
        let is_idle = [
            files.serve(&mut |port, buffers| counted(&mut served, files::serve(&mut server, port, buffers))),
            keys.serve(&mut |port, buffers| counted(&mut served, keys::serve(&mut server, port, buffers))),
            signs.serve(&mut |port, buffers| counted(&mut served, sign::serve(&mut server, port, buffers))),
        ];
        if served > 0 {
            scrub_stack();
        }
        let has_news = served > 0 && server.has_questions();
        let more_at = server.idle().map(|ms| deadline(qube, ms));
        let until = if has_news || is_idle.contains(&false) { Some(Ticks(0)) } else { more_at };
        vaults.turn(until, &mut |port, buffers| {
            let served = vault::serve(&mut server, port, buffers);
            if served > 0 {
                scrub_stack();
            }
            served
        });
    }
}

/// Tells a question to whoever listens; whether anybody does.
fn told<P: Port>(keys: &mut Servers<'_, Qube, P, { keys::FRAME_MAX }>, question: &keys::Question) -> bool {
    let tell = |port| keys::KeyStoreNotifier::new(port).asked(question.clone()).is_ok();
    // All of them, not only the first.
    keys.ports().map(tell).fold(false, |heard, is_heard| heard | is_heard)
}

/// Adds what was served.
const fn counted(sum: &mut usize, served: usize) -> usize {
    *sum += served;
    served
}

/// Who is at the other ends of these channels now.
fn callers<P: Port, const N: usize>(signs: &mut Servers<'_, Qube, P, N>) -> Callers {
    let mut callers = List::new();
    for port in signs.ports() {
        let facts = port.facts();
        let caller = Caller { port: port.index(), generation: facts.peer_generation };
        let pushed = callers.push((facts.peer_name, caller));
        debug_assert!(pushed.is_ok(), "a qube has no more ports than MAX_PORTS");
    }
    callers
}

/// A time of [`Time::now_ms`] as a deadline.
fn deadline(qube: Qube, at_ms: u64) -> Ticks {
    qube.in_ms(at_ms.saturating_sub(Time(qube).now_ms()))
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
