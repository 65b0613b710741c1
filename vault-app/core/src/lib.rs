//! The password store of Skep on a disk: what opens it, its states, and the services it answers.
//!
//! Entries lie in a sealed volume (`unikernels/volume`) on a disk that is not trusted, and, while the store is open, in memory.
//! Locking drops the volume's key and all entries; both are wiped by their types, and what those leave behind by the heap
//! and the stack of the qube. A change is acknowledged when the volume has it for good, whole.
//!
//! Time, randomness, the disk and the memory Argon2id works in are arguments, so the same code runs in the vault qube and in
//! the tests. What is in an entry is `vault-app/entries`' business, how it is said on the wire `vault-app/desk`'s.
//!
//! What it deliberately does not do: it keeps nothing about wrong passphrases beyond its own life, and can't tell a disk that
//! was taken back to an earlier state as a whole (`THREATS.md`); `status` says how many commits there were.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod delay;
mod keeping;
mod keyslot;
mod medium;
mod record;
mod serve;
mod session;
mod transfer;

pub use ipc_proto_vault_api::VaultError;
pub use keyslot::Keys;
pub use medium::Medium;
pub use record::CONTENT_MAX;
pub use serve::{Callers, Clock, Server};
pub use session::{Effort, Phase, Session};
pub use vault_app_kdf::{Block, Cost};
