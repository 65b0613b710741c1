//! A sealed volume: authenticated, crash-safe records on a disk that is not trusted.
//!
//! Records are bytes under a number of 128 bits. A [`Batch`] of puts and deletes is kept whole or not at all; when
//! [`Volume::commit`] returns, it survives any power cut. A few *key slots* in the clear keep what the caller needs to make the
//! volume key from a passphrase.
//!
//! # How it is kept
//!
//! A log of sealed blocks (XChaCha20-Poly1305) fills one of two areas. A sealed *root* says which area, how far the log reaches
//! and the tag of its last block; there are two places for it and the higher version counts. A commit appends blocks, flushes,
//! writes the root over the one that does not count, flushes, and reads the root back. When the area is full, the live records
//! and the commit go as a new log into the other area, and both roots are written before the commit is acknowledged.
//!
//! * **Where the log ends is what the root says**, never what the bytes look like. A block less is damage; a block more counts
//!   only if it continues this very log, and then it is a commit whose root was cut off.
//! * **A block verifies at one place, after one history, in one life of the log**: its associated data has its place, number and
//!   the tag of the block before; the key is derived from 32 random bytes that each new log draws.
//! * **A nonce is 192 random bits**, drawn for each block, root and copy of the slots. What was written before a power cut and is
//!   written again with other content has another nonce, without any counter that the disk could take back. Ten billion blocks
//!   under one key collide with a probability below 2^-126. It rests on the caller's generator: one that repeats itself after a
//!   snapshot of the machine would repeat nonces.
//! * **Keys** are HKDF-SHA256 of the volume key, with the volume's random id as salt; [`Volume::clone_to`] gives a new id, a new
//!   volume key and newly sealed blocks.
//! * **After a failed change the volume stops changing**: a disk that failed may hold either state, and only opening tells.
//!
//! # What is caught
//!
//! Any change of a byte that counts, blocks or roots that were moved, swapped or replayed, blocks of another volume or an earlier
//! life, a log that is shorter than the root says, a shorter disk, key slots older than those the root knows, a root that the disk
//! did not keep although it said so. One lost sector never loses a commit unnoticed: without the newest root the log still has the
//! commit, and without the commit's blocks the root knows that they are missing.
//!
//! # What is not caught
//!
//! * **The whole disk taken back to an earlier state** (or just the newest root and the blocks of the last commit to what they were
//!   before): that *is* an honest earlier state. [`Volume::state`] is to be kept outside, where there is such a place, and compared
//!   by [`State::can_follow`]. A counter alone does not tell a commit from another one that was cut off at the same number.
//! * When both are destroyed rather than taken back, the volume opens one commit earlier and says [`Found::root_missing`].
//! * The slots, volume and all taken back together bring an old passphrase back. Whoever once had the volume key has it still.
//! * A disk that answers the read-back from a cache and then loses the write.
//! * How many records there are, how long they are, and when they change can be guessed from the writes.
//! * Damage is noticed, not repaired: one bad block of the log and the volume does not open. Backups are another crate's.
//!
//! It has no files, no names, no locks: one volume has one owner.
//!
//! # What it costs
//!
//! A commit of 300 bytes writes 2 sectors with 2 writes and 2 flushes, and reads one. A mebibyte in pieces writes 1.4 % more than
//! its bytes. Opening flushes once, so that what it shows is there for good, and reads the log once, 64 KiB at a time; then a
//! record is read with one read of its 4 KiB block.
//!
//! | records of 300 bytes | log | reads | opening |
//! |---|---|---|---|
//! | 1,000 in one commit | 328 KiB | 10 | 0.7 ms |
//! | 1,000, one a commit | 510 KiB | 13 | 2.9 ms |
//! | 10,000 in one commit | 3.1 MiB | 55 | 9.9 ms |
//! | 10,000, one a commit | 4.9 MiB | 84 | 38 ms |
//!
//! Times are of one core of a shared x86-64 server that was busy, the best of three release runs, the disk being memory;
//! `tests/disk/tests/cost.rs` measures again.
//!
//! # Why not a database
//!
//! redb is ACID and runs without an operating system, but its pages are in the clear and its checksums have no key: an owner of the
//! disk can make pages. Sealing below it means a page table that is itself crash-safe and authenticated, which is all that this
//! crate is, and 40,000 lines more. ekv is for raw flash, with the same lack of keys.

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

/// What a record is kept under: the whole id that its user draws at random, so that nobody has to keep a table of numbers.
pub type RecordId = u128;

/// Most bytes of a record: a small attachment whole, or one entry with a long history.
pub const RECORD_MAX: usize = 1 << 20;
/// Most records: 10,000 entries with some pieces each. The index takes about 70 bytes of memory for one.
pub const RECORDS_MAX: usize = 1 << 16;
