//! What is computed for an entry: passwords, passphrases and what they are worth, one-time codes.
//!
//! Randomness and time are arguments, results go into the caller's memory, and every figure of entropy is exact and
//! rounded down.
//!
//! What it deliberately does not do: no heap, no entries, no storage. Entries are `vault-app/entries`.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod base32;
pub mod entropy;
pub mod generate;
pub mod phrase;
mod random;
pub mod totp;

pub use random::{Random, RandomError};
