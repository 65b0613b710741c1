//! What the caller brings: the format wanted, the memory to work in, and what the store itself doesn't hold.

use alloc::vec::Vec;

use vault_app_codes::Random;
use vault_app_entries::{ContentId, SecretBytes};
use vault_app_kdbx::{CompositeKey, KdbxError};
use vault_app_kdf::Block;

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// KDBX4, KeePass's and KeePassXC's.
    Kdbx,
    /// CSV of KeePassXC, Bitwarden and browsers. In the clear.
    Csv,
    /// Bitwarden's unencrypted JSON. Only read.
    Bitwarden,
    /// A backup (`docs/backup.md`): everything, signing keys too, exactly as it is kept.
    Backup,
}

/// What can't be given now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceError;

/// What is kept beside the store.
pub trait Source {
    /// The content of an attachment.
    ///
    /// # Errors
    /// [`SourceError`] when it is not there or can't be read.
    fn content(&mut self, id: ContentId) -> Result<SecretBytes, SourceError>;

    /// The signing keys: number and record of each.
    ///
    /// # Errors
    /// [`SourceError`] when they can't be read.
    fn keys(&mut self) -> Result<Vec<(u64, SecretBytes)>, SourceError>;
}

/// What an export or import works with.
pub struct Means<'a, R: Random> {
    /// The passphrase of the file. Not looked at for CSV and Bitwarden.
    pub passphrase: &'a [u8],
    /// The key file of a KeePass file, if it has one. With it an empty passphrase is none.
    pub key_file: Option<&'a [u8]>,
    /// What Argon2 works in; wiped after use.
    pub blocks: &'a mut [Block],
    /// Where salts, nonces and new ids come from.
    pub random: &'a mut R,
    /// The time in Unix seconds.
    pub now_s: u64,
    /// How many bytes of heap may be taken, beside the file that is read and the store. What would need more is refused.
    pub room: usize,
}

impl<R: Random> Means<'_, R> {
    /// The key of a KeePass file.
    pub(crate) fn composite_key(&self) -> Result<CompositeKey, KdbxError> {
        let has_passphrase = self.key_file.is_none() || !self.passphrase.is_empty();
        CompositeKey::new(has_passphrase.then_some(self.passphrase), self.key_file)
    }
}
