//! Why nothing was exported or imported.

use core::fmt;

use alloc::vec::Vec;

use vault_app_backup::{BackupError, PartName};
use vault_app_codes::RandomError;
use vault_app_entries::import::bitwarden::BitwardenError;
use vault_app_entries::import::csv::Fault;
use vault_app_entries::record::DecodeError;
use vault_app_entries::{ContentId, StoreError};
use vault_app_kdbx::KdbxError;
use vault_app_kdf::Cost;

use crate::means::SourceError;

/// Why nothing was exported or imported. The store is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferError {
    /// This format is only read.
    OnlyRead,
    /// The file would be sealed with no passphrase.
    NoPassphrase,
    /// The file asks for more memory of Argon2 than there is: for [`Cost::blocks`].
    TooFewBlocks(Cost),
    /// It would take more heap than there is: at least so many bytes, or 0 when that can't be said.
    NeedsRoom(usize),
    /// The file is no text in UTF-8.
    NotText,
    /// The KeePass file can't be read or written. [`KdbxError::WrongKey`] means the passphrase.
    Kdbx(KdbxError),
    /// The CSV file is wrong here.
    Csv(Vec<Fault>),
    /// The Bitwarden export can't be read.
    Bitwarden(BitwardenError),
    /// The backup can't be read or written. [`BackupError::WrongPassphrase`] means the passphrase.
    Backup(BackupError),
    /// A backup is restored only into an empty store.
    NotEmpty,
    /// A part of the backup has a name that means nothing here.
    StrangePart(PartName),
    /// A part of the backup is too long for what it should be.
    LongPart(PartName),
    /// This part of the backup is no record.
    BadRecord(PartName, DecodeError),
    /// This part of the backup is the record of another entry or group than its name says.
    OtherRecord(PartName),
    /// This part of the backup is no signing key, or not the one of its number.
    BadKey(PartName),
    /// An entry has an attachment whose content is not there, in the backup or in the store's own keeping.
    MissingContent(ContentId),
    /// The content of an attachment has another size than its entry says.
    ContentSize(ContentId),
    /// The backup has a content that no entry has as attachment.
    StrayContent(ContentId),
    /// The store can't take it.
    Store(StoreError),
    /// What is kept beside the store can't be read.
    Source,
    /// The source of randomness failed.
    Random,
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyRead => f.write_str("this format can be imported, not exported"),
            Self::NoPassphrase => f.write_str("the file needs a passphrase"),
            Self::TooFewBlocks(cost) => {
                write!(
                    f,
                    "the file's key takes {} MiB of memory, more than there is",
                    cost.memory_kib() / 1024
                )
            }
            Self::NeedsRoom(0) => f.write_str("the file holds more than there is memory for"),
            Self::NeedsRoom(bytes) => write!(f, "this takes {} MiB of memory", bytes.div_ceil(1 << 20)),
            Self::NotText => f.write_str("the file is no text in UTF-8"),
            Self::Kdbx(error) => error.fmt(f),
            Self::Csv(faults) => lines(f, faults),
            Self::Bitwarden(error) => error.fmt(f),
            Self::Backup(error) => write!(f, "the backup: {error:?}"),
            Self::NotEmpty => f.write_str("a backup is restored only into an empty store"),
            Self::StrangePart(name) => write!(f, "part {name} of the backup means nothing here"),
            Self::LongPart(name) => write!(f, "part {name} of the backup is too long"),
            Self::BadRecord(name, error) => write!(f, "part {name} of the backup: {error}"),
            Self::OtherRecord(name) => write!(f, "part {name} of the backup is another record"),
            Self::BadKey(name) => write!(f, "part {name} of the backup is no signing key"),
            Self::MissingContent(id) => write!(f, "the attachment {:032x} is missing", id.number()),
            Self::ContentSize(id) => write!(f, "the attachment {:032x} has another size", id.number()),
            Self::StrayContent(id) => write!(f, "nothing has the attachment {:032x}", id.number()),
            Self::Store(error) => error.fmt(f),
            Self::Source => f.write_str("attachments or keys can't be read"),
            Self::Random => f.write_str("no randomness"),
        }
    }
}

impl core::error::Error for TransferError {}

fn lines(f: &mut fmt::Formatter<'_>, faults: &[Fault]) -> fmt::Result {
    for (number, fault) in faults.iter().enumerate() {
        write!(f, "{}{fault}", if number > 0 { "\n" } else { "" })?;
    }
    Ok(())
}

impl From<KdbxError> for TransferError {
    fn from(error: KdbxError) -> Self {
        match error {
            KdbxError::NeedsMemory(cost) => Self::TooFewBlocks(cost),
            KdbxError::Random => Self::Random,
            other => Self::Kdbx(other),
        }
    }
}

impl From<BackupError> for TransferError {
    fn from(error: BackupError) -> Self {
        Self::Backup(error)
    }
}

impl From<StoreError> for TransferError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SourceError> for TransferError {
    fn from(_: SourceError) -> Self {
        Self::Source
    }
}

impl From<RandomError> for TransferError {
    fn from(_: RandomError) -> Self {
        Self::Random
    }
}
