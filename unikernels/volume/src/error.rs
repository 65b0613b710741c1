//! What can go wrong, and who is to blame.

use unikernels_disk::DiskError;

/// The part of a volume that is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Both copies of the key slots.
    KeySlots,
    /// Both roots.
    Roots,
    /// The log, at this sector of the disk.
    Log {
        /// First sector of the block that does not verify.
        sector: u64,
    },
}

/// Why a volume does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenError {
    /// Nothing was ever made here, or its making was cut short.
    NoVolume,
    /// A volume of a layout that this version does not know.
    UnknownFormat,
    /// The disk has no room for a volume.
    TooSmall,
    /// The disk is shorter than when the volume was made.
    Truncated,
    /// The key is not this volume's, or both copies of the key slots were changed by somebody who can compute a checksum.
    WrongKey,
    /// The key slots are older than those the volume last had: somebody brought an old passphrase back.
    StaleSlots,
    /// The disk does not hold what was written to it.
    Damaged(Part),
    /// The disk failed.
    Disk(DiskError),
}

impl From<DiskError> for OpenError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

/// Why an open volume did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeError {
    /// The records would not fit, not even without what is deleted or overwritten. Nothing has changed.
    NoRoom,
    /// A record longer than [`crate::RECORD_MAX`]. Nothing has changed.
    RecordTooLong,
    /// More than [`crate::RECORDS_MAX`] records. Nothing has changed.
    TooManyRecords,
    /// An earlier change failed half way: open the volume again to see whether it was kept.
    Reopen,
    /// The disk does not hold what was written to it.
    Damaged(Part),
    /// The disk said that it had written, and does not read it back. Open the volume again.
    NotKept,
    /// The disk failed. After a change, open the volume again.
    Disk(DiskError),
}

impl From<DiskError> for VolumeError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

/// A volume that did not open, with the disk given back.
#[derive(Debug)]
pub struct Refused<D> {
    /// Why.
    pub error: OpenError,
    /// The disk.
    pub disk: D,
}
