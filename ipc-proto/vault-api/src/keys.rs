//! Service `vault-keys`: keys for signing, and who may use them. Signing itself is service `sign`.

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::{List, Text};
use serde::{Deserialize, Serialize};

use crate::VaultError;

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Key {
    /// Its number, made from the public key.
    pub id: u64,
    /// The public key as a line of OpenSSH.
    pub public: Text<256>,
}

/// Some keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct KeyPage {
    /// The keys.
    pub keys: List<Key, 8>,
    /// How many there are in all.
    pub total: u32,
}

/// For how long a qube may sign with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Grant {
    /// One signature.
    Once,
    /// So many seconds, at most a day.
    Seconds(u32),
}

/// A request to sign that was refused for want of consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Pending {
    /// Who asked.
    pub qube: Text<32>,
    /// For which key.
    pub id: u64,
    /// How many seconds ago.
    pub seconds_ago: u32,
}

/// Requests that were refused for want of consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct PendingPage {
    /// The newest first.
    pub requests: List<Pending, 16>,
}

/// Keys of the password store.
#[service(name = "vault-keys", version = 1)]
pub trait KeyStore {
    /// Makes a key for signing.
    fn make(&mut self, comment: Text<128>) -> Result<Key, VaultError>;

    /// Some keys, in the order of their numbers, from the one at place `from`.
    fn list(&mut self, from: u32) -> Result<KeyPage, VaultError>;

    /// Removes a key for good.
    fn remove(&mut self, id: u64) -> Result<(), VaultError>;

    /// Lets a qube sign with a key.
    fn allow(&mut self, qube: Text<32>, id: u64, grant: Grant) -> Result<(), VaultError>;

    /// Takes back what was allowed.
    fn disallow(&mut self, qube: Text<32>, id: u64) -> Result<(), VaultError>;

    /// Requests to sign that were refused for want of consent, the newest first.
    fn pending(&mut self) -> Result<PendingPage, VaultError>;
}
