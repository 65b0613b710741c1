//! Service `block`: one volume as sectors.
//!
//! A channel is one volume: a client never names one, so it cannot name another's. Whoever serves it is not trusted with
//! what is kept: clients seal what they write and check what they read.
//!
//! Not here: making volumes (service `volumes`), and what a cut of the power leaves, which is as the trait of disks says.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod in_place;

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::Bytes;
use serde::{Deserialize, Serialize};

pub use in_place::{InPlace, READ, WRITE, dispatch_in_place, put_read, put_write, read_data, serve_in_place};

/// Bytes of a sector, the unit of addresses and of lengths.
pub const SECTOR: usize = 512;

/// Most bytes that one message carries: the largest multiple of 4 KiB that leaves room in a body of 64 KiB for what
/// stands before the data (at most 13 bytes).
pub const DATA_MAX: usize = 15 * 4096;

/// Most sectors that one message carries.
pub const SECTORS_MAX: u16 = 120;

const _: () = assert!(SECTORS_MAX as usize * SECTOR == DATA_MAX);
const _: () = assert!(SERVICE.message_max as usize <= ipc_proto_types::MESSAGE_MAX);

/// Why it was not done: the errors of disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum BlockError {
    /// Not whole sectors.
    Unaligned,
    /// Past the end, or more than one message carries.
    OutOfRange,
    /// It may not be written.
    ReadOnly,
    /// There is no room behind it.
    Full,
    /// The device, or whoever drives it, reports a fault.
    Failed,
    /// There is no volume behind this channel.
    Gone,
}

/// One volume.
#[service(name = "block", version = 1)]
pub trait Block {
    /// How many sectors of 512 bytes it has. It may grow and never shrinks.
    fn size(&mut self) -> Result<u64, BlockError>;

    /// Reads `count` sectors, 1 to 120, from sector `from`.
    fn read(&mut self, from: u64, count: u16) -> Result<Bytes<DATA_MAX>, BlockError>;

    /// Writes whole sectors, 1 to 120, from sector `to`. Until the next flush a cut of the power may leave any of them.
    fn write(&mut self, to: u64, data: Bytes<DATA_MAX>) -> Result<(), BlockError>;

    /// Answers when everything written before is there for good.
    fn flush(&mut self) -> Result<(), BlockError>;

    /// Says that `count` sectors from sector `from` are not needed: they may read as anything afterwards.
    fn discard(&mut self, from: u64, count: u64) -> Result<(), BlockError>;
}
