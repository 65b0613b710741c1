//! A sealed volume: authenticated, crash-safe records on a disk that is not trusted.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![expect(clippy::cast_possible_truncation, reason = "sizes have 64 bits on the one machine this is for")]

extern crate alloc;

mod batch;
mod block;
mod bytes;
mod change;
mod error;
mod header;
mod key;
mod layout;
mod log;
mod read;
mod root;
mod volume;
mod writer;

pub use batch::Batch;
pub use error::{OpenError, Part, Refused, VolumeError};
pub use header::{KeySlots, SLOT_MAX, SLOTS, SlotError, read_slots};
pub use key::{KEY_SIZE, VolumeKey};
pub use layout::VOLUME_SECTORS_MIN;
pub use read::check_key;
pub use volume::{Found, State, Volume};

/// Most bytes of a record: a small attachment whole, or one entry with a long history.
pub const RECORD_MAX: usize = 1 << 20;
/// Most records: 10,000 entries with some pieces each. The index takes about 60 bytes of memory for one.
pub const RECORDS_MAX: usize = 1 << 16;
