//! Service `vault`: the password store.
//!
//! Secrets are marked as such in the schema, so no audit, prompt or print can show one. The store opens with one
//! passphrase and, if it was made so, a key file; after a wrong one the next try has to wait longer and longer.
//!
//! An entry is named by its title; by `GROUP/TITLE` when several groups have one of that title; or by `#` and the digits of
//! its id. Groups are named by their path, `work/servers`; the empty path is the root.
//!
//! Two more services are of the same store, each with rules of its own in a policy: [`files`] and [`keys`].

#![no_std]
#![forbid(unsafe_code)]

mod entry;
pub mod files;
pub mod keys;
mod report;

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::{Bytes, Secret, Text};
use serde::{Deserialize, Serialize};

pub use entry::{
    Added, Algorithm, Change, Code, Custom, Entry, Expiry, GroupPage, NewEntry, NewPassword, NewTotp, Page,
    Recipe, Reveal, Summary, Version, Versions, Words,
};
pub use report::{Fault, Finding, ReportPage};

/// Whether the store is there and open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum State {
    /// There is no store yet: `init` makes one.
    Empty,
    /// There is one; its entries are encrypted.
    Locked,
    /// It is open.
    Unlocked,
    /// What it is kept on does not answer, or holds something that is no store. Nothing is written to it.
    Unavailable,
}

/// What the entries are kept on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Storage {
    /// Memory: they end with the qube.
    Memory,
    /// A volume behind service `block`: they stay.
    Volume,
}

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Status {
    /// Whether the store is there and open.
    pub state: State,
    /// What the entries are kept on.
    pub storage: Storage,
    /// How many entries it has, those in the bin included; 0 unless it is open.
    pub entries: u32,
    /// Milliseconds until another passphrase may be tried.
    pub retry_after_ms: u32,
    /// Whether the store opens only with a key file besides the passphrase.
    pub key_file: bool,
    /// Seconds without a call after which the store locks itself; 0 says never.
    pub auto_lock_s: u32,
    /// Commits since the store was made; 0 unless it is open. A smaller number than the last one seen says that the disk was
    /// taken back to an earlier state.
    pub generation: u64,
}

/// What opens the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Keys {
    /// The passphrase.
    pub passphrase: Secret<Text<256>>,
    /// What is in the key file, or its beginning: 32 bytes of it should be random. Nothing if there is none.
    pub key_file: Option<Secret<Bytes<1024>>>,
}

/// Why the vault did not do it. Unless it says otherwise nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum VaultError {
    /// There is no store yet.
    NotInitialised,
    /// There is a store already.
    AlreadyInitialised,
    /// The store is locked.
    Locked,
    /// That is not the passphrase, or not the key file.
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
    /// Several entries have this name: say the group, or the id.
    Ambiguous {
        /// How many.
        entries: u16,
    },
    /// An entry of this group has this name already.
    EntryExists,
    /// No group has this path.
    NoSuchGroup,
    /// A group of this path is there already.
    GroupExists,
    /// The entry has nothing of this name: no field, no attachment, no version of this number.
    NoSuchPart,
    /// It is in the bin, where it can only be restored or purged.
    InBin,
    /// It is not in the bin.
    NotInBin,
    /// There is no room for more.
    Full,
    /// Longer than an entry, or an answer of this service, may be.
    TooLong,
    /// The recipe has no class of characters, or too short a password.
    WeakRecipe,
    /// The secret of the one-time codes is no base32, or a number is out of range.
    BadTotp,
    /// The entry has no one-time codes.
    NoTotp,
    /// A passphrase has at least one character, a title too.
    EmptyPassphrase,
    /// The search has a term that is none.
    BadQuery,
    /// No file was uploaded, or none is to be downloaded, or that is not its next piece.
    NoFile,
    /// The file is not of that format, is damaged, or its passphrase is another.
    BadFile,
    /// The file wants more memory or time to be opened than there is.
    FileTooCostly,
    /// That can only go into an empty store.
    NotEmpty,
    /// No key has this number.
    NoSuchKey,
    /// No qube of this name can ask for signatures.
    NoSuchQube,
    /// Not a time for which that can be allowed.
    BadTime,
    /// What the entries are kept on failed. Whether the change was kept shows when the store is opened again.
    Storage,
    /// What the entries are kept on does not hold what was written to it. Restore a backup.
    Damaged,
    /// The vault failed.
    Internal,
}

/// The password store.
#[service(name = "vault", version = 2)]
pub trait Vault {
    /// How things stand.
    fn status(&mut self) -> Status;

    /// Makes an empty store and opens it.
    fn init(&mut self, keys: Keys) -> Result<(), VaultError>;

    /// Opens the store.
    fn unlock(&mut self, keys: Keys) -> Result<(), VaultError>;

    /// Forgets the key and all entries; they stay encrypted where they are kept.
    fn lock(&mut self);

    /// Changes what opens an open store. Entries are not written again.
    fn change(&mut self, old: Keys, new: Keys) -> Result<(), VaultError>;

    /// Locks the store after so many seconds without a call; 0 says never.
    fn auto_lock(&mut self, seconds: u32) -> Result<(), VaultError>;

    /// Adds an entry.
    fn add(&mut self, entry: NewEntry) -> Result<Added, VaultError>;

    /// Changes one thing of an entry; what it held becomes its history.
    fn edit(&mut self, name: Text<256>, change: Change) -> Result<Added, VaultError>;

    /// Some entries, in the order of their groups and titles, from the one numbered `from`: those that the search finds,
    /// which is all without terms. `word`, `tag:word`, `group:word`, `is:expired`, `is:recycled`.
    fn list(&mut self, search: Text<256>, from: u32) -> Result<Page, VaultError>;

    /// One entry; its password only when `reveal` says so.
    fn show(&mut self, name: Text<256>, reveal: bool) -> Result<Entry, VaultError>;

    /// One secret of an entry.
    fn reveal(&mut self, name: Text<256>, what: Reveal) -> Result<Secret<Text<4096>>, VaultError>;

    /// The password of an entry, to be given away once.
    fn copy_once(&mut self, name: Text<256>) -> Result<Secret<Text<1024>>, VaultError>;

    /// The one-time code of an entry.
    fn totp(&mut self, name: Text<256>) -> Result<Code, VaultError>;

    /// Puts an entry into the bin.
    fn remove(&mut self, name: Text<256>) -> Result<(), VaultError>;

    /// Takes an entry out of the bin.
    fn restore(&mut self, name: Text<256>) -> Result<(), VaultError>;

    /// Removes an entry that is in the bin for good.
    fn purge(&mut self, name: Text<256>) -> Result<(), VaultError>;

    /// Removes all that is in the bin for good; says how many entries that were.
    fn empty_bin(&mut self) -> Result<u32, VaultError>;

    /// Earlier versions of an entry, the newest first.
    fn history(&mut self, name: Text<256>) -> Result<Versions, VaultError>;

    /// Makes an entry hold what it held in an earlier version; 0 is the newest.
    fn revert(&mut self, name: Text<256>, version: u8) -> Result<(), VaultError>;

    /// Forgets all earlier versions of an entry.
    fn forget_history(&mut self, name: Text<256>) -> Result<(), VaultError>;

    /// Some groups, in the order of their paths, from the one numbered `from`.
    fn groups(&mut self, from: u32) -> Result<GroupPage, VaultError>;

    /// Makes a group; the one above it must be there.
    fn make_group(&mut self, path: Text<256>) -> Result<(), VaultError>;

    /// Gives a group another name, or another place.
    fn move_group(&mut self, path: Text<256>, to: Text<256>) -> Result<(), VaultError>;

    /// Puts a group with all in it into the bin.
    fn remove_group(&mut self, path: Text<256>) -> Result<(), VaultError>;

    /// Weak, reused and expired passwords, the worst first, from the finding numbered `from`.
    fn report(&mut self, from: u32) -> Result<ReportPage, VaultError>;
}
