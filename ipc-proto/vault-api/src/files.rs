//! Service `vault-files`: files that go into the store and out of it.
//!
//! They come and go in pieces: [`Files::upload`] and then what is to be done with the file; [`Files::export`] or
//! [`Files::fetch`] and then [`Files::download`]. There is one file at a time, and locking forgets it.

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::{Bytes, Secret, Text};
use serde::{Deserialize, Serialize};

use crate::VaultError;
use crate::keys::Key;

/// Most bytes of a piece.
pub const PIECE_MAX: usize = 4096;

/// What kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Format {
    /// KDBX 4, as KeePass and KeePassXC write it. Encrypted.
    Kdbx,
    /// Comma-separated values with a line of headings. In the clear.
    Csv,
    /// Bitwarden's unencrypted JSON; it can only be imported. In the clear.
    Bitwarden,
    /// A backup of everything, which only a vault reads. Encrypted.
    Backup,
}

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Imported {
    /// Entries that were added.
    pub added: u32,
    /// Entries that were there already, just so.
    pub skipped: u32,
    /// Entries that could not be kept.
    pub refused: u32,
}

/// A file to be downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Exported {
    /// Its bytes.
    pub bytes: u32,
    /// Its entries.
    pub entries: u32,
    /// Secrets that stand in it in the clear.
    pub in_clear: u32,
    /// Things that the format has no place for: attachments, versions, keys, groups.
    pub left_out: u32,
}

/// What is in a backup that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Verified {
    /// Entries.
    pub entries: u32,
    /// Groups.
    pub groups: u32,
    /// Attachments.
    pub attachments: u32,
    /// Keys for signing.
    pub keys: u32,
}

/// Files of the password store.
#[service(name = "vault-files", version = 1)]
pub trait Files {
    /// A piece of a file that is to be imported or attached, at byte `from`; 0 begins another file. Pieces come in order.
    fn upload(&mut self, from: u32, data: Secret<Bytes<PIECE_MAX>>) -> Result<(), VaultError>;

    /// A piece of the file that was exported or fetched, from byte `from`; less than [`PIECE_MAX`] bytes say that it ends.
    fn download(&mut self, from: u32) -> Result<Secret<Bytes<PIECE_MAX>>, VaultError>;

    /// Adds what an uploaded file holds. A backup goes into an empty store only, and keeps all that it held.
    fn import(
        &mut self,
        format: Format,
        passphrase: Option<Secret<Text<256>>>,
        group: Text<256>,
    ) -> Result<Imported, VaultError>;

    /// Makes a file of all entries, to be downloaded.
    fn export(
        &mut self,
        format: Format,
        passphrase: Option<Secret<Text<256>>>,
    ) -> Result<Exported, VaultError>;

    /// Whether an uploaded backup is whole and opens; nothing is changed.
    fn verify(&mut self, passphrase: Secret<Text<256>>) -> Result<Verified, VaultError>;

    /// Attaches an uploaded file to an entry, in place of the one of that name.
    fn attach(&mut self, name: Text<256>, file: Text<256>) -> Result<(), VaultError>;

    /// Takes an attachment off an entry.
    fn detach(&mut self, name: Text<256>, file: Text<256>) -> Result<(), VaultError>;

    /// Makes an attachment the file to be downloaded; says how long it is.
    fn fetch(&mut self, name: Text<256>, file: Text<256>) -> Result<u32, VaultError>;

    /// Takes in an uploaded OpenSSH private key.
    fn key_import(&mut self, passphrase: Option<Secret<Text<256>>>) -> Result<Key, VaultError>;
}
