//! The password store of Skep, pure: entries, key, seal. Generator and one-time codes are `vault-app/codes`.
//!
//! What it keeps: all plaintext lies in one array of bytes, which is sealed with XChaCha20-Poly1305 under a key from
//! Argon2id whenever the vault is not open, and the key is wiped then. Time, randomness and the 64 MiB Argon2id works in
//! are arguments, so the same code runs in the vault qube and in the tests.
//!
//! What it deliberately does not do: no heap, no clock, no disk (later, by the storage qube), no clipboard. It can't stop
//! the compiler from leaving copies of a secret in registers and dead stack frames; the qube's walls do that.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod arena;
pub mod delay;
pub mod key;
mod seal;
pub mod serve;
pub mod slot;
pub mod store;

pub use arena::{ARENA_SIZE, ENTRIES_MAX};
pub use ipc_proto_vault_api::VaultError;
pub use key::{Block, Cost};
pub use serve::{Clock, Server};
pub use store::{NewEntry, NewPassword, Phase, Store};
pub use vault_app_codes::{Random, RandomError, base32, generate, totp};
