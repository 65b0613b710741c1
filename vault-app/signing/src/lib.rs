//! Keys that sign and never leave the vault: Ed25519 (RFC 8032), consent, and an SSH agent's answers.
//!
//! A [`Signer`] has a [`Keyring`] and the [`Consents`]. Its owner makes, imports and removes keys and gives consent: to one
//! caller, for one key, once or for some seconds; nobody has any to begin with. A caller without consent gets the same
//! refusal after the same work whether the key exists or not, because the keyring is not looked at before consent is
//! found. [`Signer::answer`] speaks the protocol of SSH agents, so that a bridge only carries bytes.
//!
//! What it deliberately does not do: no clock and no randomness (both are arguments), no storage (keys are records that
//! the caller keeps), no prompt: [`Questions`] says what to ask the owner, and when. Equal work is promised, equal time is not: caches and the processor may tell more. Keys
//! are wiped when dropped; copies that the compiler left in registers and dead stack frames are the qube's business.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod agent;
mod consent;
mod error;
mod key;
mod keyring;
mod openssh;
mod questions;
mod serve;
mod signer;

pub use consent::{Consents, GRANTS_MAX, Grant, ONCE_S, SECONDS_MAX};
pub use error::{Refused, SigningError};
pub use ipc_proto_rpc::Caller;
pub use key::{
    COMMENT_MAX, DataHash, Key, KeyId, KeyRef, PublicKey, SEED_SIZE, SIGNATURE_SIZE, Seed, Signature,
};
pub use keyring::{KEYS_MAX, Keyring};
pub use openssh::{FILE_MAX, ROUNDS_MAX};
pub use questions::{ANSWER_MS, QUIET_MS, Question, Questions};
pub use serve::{Clock, Server};
pub use signer::{DATA_MAX, Identity, Signer};
