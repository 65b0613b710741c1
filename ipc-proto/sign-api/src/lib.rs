//! Service `sign`: signatures by keys that never leave the vault.
//!
//! A caller sees the keys for which it has consent, and no others. Everything that is not done is refused with the same
//! word: a caller without consent does not learn whether a key exists, whether the store is locked, or what was wrong.
//! The owner may be asked meanwhile, so the same request can be granted a little later: [`sign_patiently`] waits for that.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod patience;

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::{Bytes, List, Text};
use serde::{Deserialize, Serialize};

pub use patience::{NoSignature, PATIENCE_MS, RETRY_MS, sign_patiently};

/// A key that the caller may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Identity {
    /// Its number, made from the public key.
    pub id: u64,
    /// The public key (Ed25519, RFC 8032).
    pub public: Bytes<32>,
    /// What its owner calls it.
    pub comment: Text<128>,
}

/// Which key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum KeyRef {
    /// The one of this number.
    Id(u64),
    /// The one with this public key.
    Public(Bytes<32>),
}

/// Why there is no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum SignError {
    /// It is refused. Nothing else is ever said.
    Refused,
}

/// Signatures by keys that never leave the vault.
#[service(name = "sign", version = 1)]
pub trait Sign {
    /// The keys that the caller may use now.
    fn identities(&mut self) -> List<Identity, 32>;

    /// The signature (Ed25519) of `data` itself, which is not hashed before.
    fn sign(&mut self, key: KeyRef, data: Bytes<4096>) -> Result<Bytes<64>, SignError>;
}
