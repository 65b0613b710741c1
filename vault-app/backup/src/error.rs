//! Why a backup was not written or not read.

use crate::PartName;

/// The receiver of a chunk or of a part's bytes wants no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Why a backup was not written or not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupError {
    /// The file does not begin like a backup, or is of a later version.
    NotABackup,
    /// The file asks for more memory, passes or lanes than the caps allow, or for less than Argon2 needs.
    CostRefused,
    /// The caller gave fewer blocks of memory than the cost needs.
    TooFewBlocks,
    /// The passphrase is wrong, or the header was changed.
    WrongPassphrase,
    /// A chunk is not what was sealed at its place: changed, moved, cut off, or of another file.
    Damaged {
        /// Its number; the first is 1.
        chunk: u64,
        /// The part that it should go on with; `None` while the table of contents is not read.
        part: Option<PartName>,
    },
    /// The file ends too early.
    Truncated {
        /// The first part that is not whole; `None` while the table of contents is not read.
        part: Option<PartName>,
    },
    /// The file ends as it was sealed, but before this part is whole: its writer went wrong.
    Missing(PartName),
    /// Something follows the last part.
    Extra,
    /// The table of contents names this part twice.
    Repeated(PartName),
    /// The table of contents names this part after one that it comes before.
    Reordered(PartName),
    /// A name is empty, too long, or has characters other than `a-z`, `0-9`, `.`, `_`, `-`, or begins with none of the
    /// first two kinds.
    BadName,
    /// There are more parts than [`PARTS_MAX`](crate::PARTS_MAX).
    TooManyParts,
    /// All parts together are longer than a number can say.
    TooLong,
    /// The writer was given bytes of another part than this one, which comes next.
    WrongPart(PartName),
    /// The writer was given more bytes for this part than the table of contents says, or for one that is whole already.
    PartTooLong(PartName),
    /// Whoever receives the bytes wanted no more.
    Stopped,
}

impl From<Stopped> for BackupError {
    fn from(_: Stopped) -> Self {
        BackupError::Stopped
    }
}
