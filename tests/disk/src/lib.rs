//! A simulated disk that tears, reorders, drops, misdirects and rots writes.
//!
//! [`SimDisk`] is stricter than most disks: what was not flushed may be gone in any combination of sectors, and what was
//! discarded reads as junk. It does not model time, nor a disk that loses what it said it had, unless told to ([`Fault`]).
//! `life` runs a sealed volume on it beside a model of what must be there.

#![forbid(unsafe_code)]

pub mod life;
mod random;
mod sim;

pub use random::Random;
pub use sim::{Counts, Cut, Fault, SimDisk, Unit};
