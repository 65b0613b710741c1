//! Service `vault-keys`: keys for signing, and who may use them. Signing itself is service `sign`.
//!
//! Consent is asked for: a request that is refused for want of it becomes a [`Question`] to the owner, and [`Answer`] is
//! consent or not.

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::{Bytes, List, Text};
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

/// A request to sign that was refused for want of consent, put to the owner: who, with which key, what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Question {
    /// Its number, for the answer. No two of one life of the vault have the same.
    pub number: u32,
    /// Who asks.
    pub qube: Text<32>,
    /// For which key.
    pub id: u64,
    /// What the owner calls the key.
    pub comment: Text<128>,
    /// SHA-256 of the data to be signed (FIPS 180-4).
    pub digest: Bytes<32>,
    /// Length of the data in bytes.
    pub length: u16,
    /// For how many seconds an answer is taken; then it is a no.
    pub seconds: u16,
}

/// What the owner says to a [`Question`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Answer {
    /// No. The asker's next requests raise no question for a while.
    No,
    /// One signature, of the data that was asked about and no other.
    Once,
    /// Any signatures with the key for so many seconds, at most a day.
    Seconds(u32),
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

    /// Answers a question. Gives whether it was still asked: it is not any more when its time is over, the asker has
    /// another life, or the key is gone; nothing was allowed then.
    fn answer(&mut self, number: u32, answer: Answer) -> Result<bool, VaultError>;

    /// A qube asks for a signature to which nobody has consented. Said to every open client that leaves room for it.
    #[event]
    fn asked(&mut self, question: Question);
}
