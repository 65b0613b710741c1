//! The supervisor's mind: lifecycle, router, policy, audit, scheduler, as one pure [`Monitor::step`].
//!
//! Facts go in (the time, which qube stopped, why), [`Next`] come out; the outside world is a [`Machine`]. There is no
//! clock, no global and no hardware here, so the whole system also runs in a simulator, from a seed.
//!
//! Invariants: who sent a message is known from the queue it came from; a message is copied once, the copy is checked, that
//! copy is delivered; every loop is bounded by a constant named beside it; nothing a qube does makes this crate panic.
//!
//! To see who may talk to whom: `judge.rs`, `fn judge`.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers of ports, queues and records are masked, and sizes have 64 bits on the one machine this is for"
)]

mod audit;
mod channel;
mod control;
mod devices;
mod ended;
mod info;
mod inspect;
mod judge;
mod lifecycle;
mod log;
mod machine;
mod monitor;
mod qube;
mod refuse;
mod route;
mod schedule;
mod serve;
mod step;
mod tap;

pub use audit::{Access, Outcome, Record, Refusal};
pub use info::{Info, page_offset};
pub use machine::{Interrupts, Machine, Next, Page};
pub use monitor::{Monitor, SetupError, Times};
