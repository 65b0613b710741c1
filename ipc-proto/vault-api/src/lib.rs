//! Service `vault`: the password store.
//!
//! Secrets are marked as such in the schema, so no audit, prompt or print can show one. The store opens with one
//! passphrase; after a wrong one the next try has to wait longer and longer.

#![no_std]
#![forbid(unsafe_code)]

mod entry;

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::{Secret, Text};
use serde::{Deserialize, Serialize};

pub use entry::{Added, Algorithm, Code, Entry, NewEntry, NewPassword, NewTotp, Page, Recipe, Summary};

/// Whether the store is there and open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum State {
    /// There is no store yet: `init` makes one.
    Empty,
    /// There is one; its entries are encrypted.
    Locked,
    /// It is open.
    Unlocked,
}

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Status {
    /// Whether the store is there and open.
    pub state: State,
    /// How many entries it has; 0 unless it is open.
    pub entries: u16,
    /// Milliseconds until another passphrase may be tried.
    pub retry_after_ms: u32,
}

/// Why the vault did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum VaultError {
    /// There is no store yet.
    NotInitialised,
    /// There is a store already.
    AlreadyInitialised,
    /// The store is locked.
    Locked,
    /// That is not the passphrase.
    WrongPassphrase {
        /// Milliseconds until another one may be tried.
        retry_after_ms: u32,
    },
    /// The passphrase was not even tried: the wait after the last wrong one is not over.
    TooSoon {
        /// Milliseconds until another one may be tried.
        retry_after_ms: u32,
    },
    /// No entry has this name.
    NoSuchEntry,
    /// An entry has this name already.
    EntryExists,
    /// There is no room for another entry.
    Full,
    /// The recipe has no class of characters, or too short a password.
    WeakRecipe,
    /// The secret of the one-time codes is no base32, or a number is out of range.
    BadTotp,
    /// The entry has no one-time codes.
    NoTotp,
    /// A passphrase has at least one character.
    EmptyPassphrase,
    /// The vault failed; nothing was changed.
    Internal,
}

/// The password store.
#[service(name = "vault", version = 1)]
pub trait Vault {
    /// How things stand.
    fn status(&mut self) -> Status;

    /// Makes an empty store and opens it.
    fn init(&mut self, passphrase: Secret<Text<256>>) -> Result<(), VaultError>;

    /// Opens the store.
    fn unlock(&mut self, passphrase: Secret<Text<256>>) -> Result<(), VaultError>;

    /// Encrypts the store and forgets the key.
    fn lock(&mut self);

    /// Changes the passphrase of an open store.
    fn change(&mut self, old: Secret<Text<256>>, new: Secret<Text<256>>) -> Result<(), VaultError>;

    /// Adds an entry.
    fn add(&mut self, entry: NewEntry) -> Result<Added, VaultError>;

    /// Some entries, in the order of their names, from the one numbered `from`.
    fn list(&mut self, from: u16) -> Result<Page, VaultError>;

    /// One entry; its password only when `reveal` says so.
    fn show(&mut self, name: Text<64>, reveal: bool) -> Result<Entry, VaultError>;

    /// The password of an entry, to be given away once.
    fn copy_once(&mut self, name: Text<64>) -> Result<Secret<Text<256>>, VaultError>;

    /// The one-time code of an entry.
    fn totp(&mut self, name: Text<64>) -> Result<Code, VaultError>;

    /// Removes an entry.
    fn remove(&mut self, name: Text<64>) -> Result<(), VaultError>;
}
