//! The safe face of a qube: everything of a qube's runtime that touches no hardware.
//!
//! `unikernels-rt`, the unsafe room below every qube, is built on this crate: it reads the
//! pages and drives the queues, and what the bytes mean is decided here, where a host can test it.
//! Invariant: nothing here spins, allocates or panics on what the supervisor or a peer wrote.
//! A program that only serves and calls needs [`Servers`] and the typed clients of its services.
//! Source: DESIGN.md 3.1 and 3.2; VIRTIO 1.2 section 5.3.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod args;
pub mod control;
mod csprng;
pub mod info;
mod scrub;
mod serve;
mod slots;
mod time;

pub use args::Args;
pub use csprng::{Csprng, SEED_BYTES};
pub use scrub::{STACK_SCRUBBED, scrub_stack};
pub use serve::{Servers, Wait};
pub use slots::Slots;
pub use time::{Clock, UnixTime};
