//! Keys from passphrases: Argon2 (RFC 9106) within caps, on memory that the caller lends.
//!
//! Invariants: a [`Cost`] is within the caps by construction, so one that was read from a file is refused before any memory
//! is asked for, and can take neither the machine's memory nor its day. [`derive`] wipes the blocks that it was lent, also
//! when it fails: they hold what the key is made of. Time is an argument of [`calibrate`].
//!
//! What it deliberately does not do: no memory of its own, no salts (the caller draws them), no secret or associated data
//! of Argon2, no lanes in parallel (a qube has one processor; lanes are worked on one after the other).

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod calibrate;
mod cost;
mod derive;

pub use argon2::{Block, Version};
pub use calibrate::calibrate;
pub use cost::{Cost, LANES_MAX, MEMORY_MAX_KIB, PASSES_MAX, WORK_MAX_KIB};
pub use derive::{ArgonKind, KEY_SIZE, derive, derive_with};

/// Why there is no cost or no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KdfError {
    /// Memory, passes, lanes or work are beyond the caps, or less than Argon2 needs.
    CostRefused,
    /// The caller lent fewer blocks than the cost needs.
    TooFewBlocks,
    /// The salt has fewer than 8 bytes, or the passphrase has 4 GiB or more.
    Input,
    /// The clock did not advance while a key was derived, so nothing was measured.
    ClockStopped,
}
