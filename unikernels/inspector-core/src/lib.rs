//! The inspector's bridge: frames of one service between a host that may be hostile and a channel.
//!
//! On the host's line a frame stands behind its length, four bytes, little endian (`docs/inspect.md`). The bridge puts a
//! host's frames together, lets calls of its service through under numbers of its own, and gives answers the host's numbers
//! back. It never looks into a body: the supervisor checks it as it checks everybody's.
//!
//! Invariant: whatever bytes arrive, no call leaves but one whole frame of the service, numbered from 1 without gaps; no
//! answer goes to the host but to a call of the host. Not here: the serial port, the channel, the clock: those are the qube's.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod bridge;
mod stream;
#[cfg(test)]
mod tests;

pub use bridge::{Bridge, Verdict};
pub use stream::{LENGTH_BYTES, QUIET_MS, Stream};
