//! What can go wrong, and who is to blame.

use unikernels_disk::DiskError;

/// Why the driver did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The caller: the DMA memory is too small or not aligned to a page, or its bus addresses do not fit in 64 bits.
    Arena,
    /// The caller: the controller was not started.
    NotStarted,
    /// The caller: not whole blocks.
    Unaligned,
    /// The caller: past the end of the namespace.
    OutOfRange,
    /// The caller: the namespace is write-protected.
    ReadOnly,
    /// The caller: the controller has no Dataset Management.
    NoDiscard,
    /// Its registers read as ones: it is no longer there, or was never mapped.
    Gone,
    /// It reports a fatal status (CSTS.CFS).
    Fatal,
    /// It did not become ready, or not unready, within its own CAP.TO.
    NotReady,
    /// It did not complete a command in time.
    Timeout,
    /// CAP: it has no pages of 4 KiB.
    PageSize,
    /// CAP or Identify: it does not speak the NVM command set.
    CommandSet,
    /// CAP: its queues hold not even one command.
    QueueSize,
    /// CAP: its doorbells would lie outside BAR0.
    Doorbells,
    /// Identify: it wants queue entries of other sizes than 64 and 16 bytes.
    EntrySize,
    /// Identify: it has no active namespace.
    NoNamespace,
    /// Identify: blocks of neither 512 nor 4096 bytes, or a format that its own list does not have.
    BlockSize,
    /// Identify: the namespace has metadata or protection information.
    Metadata,
    /// Identify: the namespace is empty, or has more sectors than 64 bits count.
    Size,
    /// Completion: of another submission queue.
    WrongQueue,
    /// Completion: of a command that is not in flight.
    UnknownCommand,
    /// Completion: a submission head outside what was submitted.
    SubmissionHead,
    /// Completion: the submission heads so far leave no room, though every command was completed.
    SubmissionFull,
    /// The command was refused or failed. Of I/O commands only this leaves the controller running.
    Status(Status),
}

/// Status of a completed command (4.6.1): code in the low 8 bits, type in the 3 above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u16);

impl Status {
    /// Generic: Namespace is Write Protected.
    pub const WRITE_PROTECTED: Self = Self(0x20);
    /// Generic, NVM command set: Capacity Exceeded.
    pub const CAPACITY_EXCEEDED: Self = Self(0x81);
}

impl Error {
    /// Whether the next request may be sent as if nothing had happened: the caller was wrong, or one command failed.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        use Error::{Arena, NoDiscard, NotStarted, OutOfRange, ReadOnly, Status, Unaligned};
        matches!(self, Arena | NotStarted | Unaligned | OutOfRange | ReadOnly | NoDiscard | Status(_))
    }
}

impl From<Error> for DiskError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unaligned => Self::Unaligned,
            Error::OutOfRange => Self::OutOfRange,
            Error::ReadOnly | Error::Status(Status::WRITE_PROTECTED) => Self::ReadOnly,
            Error::Status(Status::CAPACITY_EXCEEDED) => Self::Full,
            Error::Gone => Self::Gone,
            _ => Self::Failed,
        }
    }
}
