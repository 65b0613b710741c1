//! A volume behind service `block`, as a disk: what a client qube puts its sealed volume on.
//!
//! Longer reads and writes become several messages, each of which is copied once on the way to its buffer. A write that the
//! server of an earlier life took and never flushed is lost with that life; the next flush says so. An owner that reads the
//! disk afresh instead says so by [`BlockDisk::reopen`]. Not here: trust. Whoever is behind the channel may answer with anything.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use ipc_proto_block_api::{
    BlockError, DATA_MAX, FRAME_MAX, READ, SECTOR, WRITE, put_read, put_write, read_data,
};
use ipc_proto_rpc::{CallError, RawClient};
use ipc_proto_wire::{HEADER_SIZE, decode, encode};
use unikernels_disk::{Disk, DiskError, check};

const _: () = assert!(SECTOR == unikernels_disk::SECTOR);

/// Number of the method `size`.
const SIZE: u16 = 0;
/// Number of the method `flush`.
const FLUSH: u16 = 3;
/// Number of the method `discard`.
const DISCARD: u16 = 4;

/// Room for one message. It is large: a static, or on a heap.
pub type Frame = [u8; FRAME_MAX];

/// A volume as a disk. `C` is the client of a port of service `block`: its typed one, or `Untyped`.
pub struct BlockDisk<'f, C> {
    client: C,
    frame: &'f mut Frame,
    sectors: u64,
    /// Something was written or discarded since the last flush.
    unflushed: bool,
    /// Some of it may be gone.
    lost: bool,
}

impl<'f, C: RawClient> BlockDisk<'f, C> {
    /// The volume behind a client, which is not called: a disk of no sectors until [`BlockDisk::refresh`] or
    /// [`BlockDisk::reopen`] has asked for them. For a qube that begins before whoever drives the disk has.
    pub const fn new(client: C, frame: &'f mut Frame) -> Self {
        Self { client, frame, sectors: 0, unflushed: false, lost: false }
    }

    /// The volume behind a client; asks for its size.
    ///
    /// # Errors
    /// There is none, or whoever drives it does not answer.
    pub fn open(client: C, frame: &'f mut Frame) -> Result<Self, DiskError> {
        let mut disk = Self::new(client, frame);
        disk.refresh()?;
        Ok(disk)
    }

    /// Begins again with what is on the disk now; gives its size in sectors. What was written and not flushed may be gone, and
    /// no flush says so any more: the caller forgets all it knew of the disk and reads it afresh.
    ///
    /// The first call after a restart only learns of it, so the size is asked for twice if need be.
    ///
    /// # Errors
    /// As [`BlockDisk::open`]; it is then as it was.
    pub fn reopen(&mut self) -> Result<u64, DiskError> {
        let sectors = match self.refresh() {
            Err(DiskError::Gone) => self.refresh()?,
            other => other?,
        };
        (self.unflushed, self.lost) = (false, false);
        Ok(sectors)
    }

    /// Asks for the size again, which may have grown; gives it in sectors.
    ///
    /// # Errors
    /// As [`BlockDisk::open`]; the size is then what it was.
    pub fn refresh(&mut self) -> Result<u64, DiskError> {
        let length = self.call(SIZE, Some(0))?;
        let size = decode::<Result<u64, BlockError>>(self.body(length)).map_err(|_| DiskError::Failed)?;
        self.sectors = size.map_err(fault)?;
        Ok(self.sectors)
    }

    /// Makes a request, and makes it again if it learns that its server has restarted and nothing had been written since the
    /// last flush: the new life has all that there was, and the same sectors may be written twice.
    fn request<T>(
        &mut self,
        mut make: impl FnMut(&mut Self) -> Result<T, DiskError>,
    ) -> Result<T, DiskError> {
        let is_clean = !self.unflushed && !self.lost;
        match make(self) {
            Err(DiskError::Gone) if is_clean => {
                self.lost = false;
                make(self)
            }
            other => other,
        }
    }

    /// Calls with a body of `length` bytes that stands in the frame; gives the length of the reply's.
    fn call(&mut self, method: u16, length: Option<usize>) -> Result<usize, DiskError> {
        let length = length.ok_or(DiskError::Failed)?;
        self.client.call_raw(method, self.frame, length).map_err(|error| {
            // Whether it is still there, and what it did, is unknown.
            self.lost |= self.unflushed;
            match error {
                CallError::PeerRestarted(_) | CallError::PeerGone => DiskError::Gone,
                _ => DiskError::Failed,
            }
        })
    }

    /// Calls a method that is answered with nothing but whether it was done.
    fn call_unit(&mut self, method: u16, length: Option<usize>) -> Result<(), DiskError> {
        let length = self.call(method, length)?;
        let result = decode::<Result<(), BlockError>>(self.body(length)).map_err(|_| DiskError::Failed)?;
        result.map_err(fault)
    }

    /// The first bytes of the body in the frame.
    fn body(&self, length: usize) -> &[u8] {
        self.frame.get(HEADER_SIZE..).and_then(|body| body.get(..length)).unwrap_or_default()
    }

    /// Room for a body.
    fn room(&mut self) -> &mut [u8] {
        self.frame.get_mut(HEADER_SIZE..).unwrap_or_default()
    }
}

impl<C: RawClient> Disk for BlockDisk<'_, C> {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        check(self.sectors, from, into.len())?;
        for (at, piece) in pieces(from).zip(into.chunks_mut(DATA_MAX)) {
            let count = u16::try_from(piece.len() / SECTOR).map_err(|_| DiskError::Failed)?;
            self.request(|disk| {
                let length = put_read(disk.room(), at, count);
                let length = disk.call(READ, length)?;
                let data = read_data(disk.body(length)).map_err(|_| DiskError::Failed)?.map_err(fault)?;
                if data.len() != piece.len() {
                    return Err(DiskError::Failed);
                }
                piece.copy_from_slice(data);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        check(self.sectors, to, bytes.len())?;
        for (at, piece) in pieces(to).zip(bytes.chunks(DATA_MAX)) {
            self.request(|disk| {
                disk.unflushed = true;
                let length = put_write(disk.room(), at, piece);
                disk.call_unit(WRITE, length)
            })?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.request(|disk| disk.call_unit(FLUSH, Some(0)))?;
        self.unflushed = false;
        // Those who wrote have been told now, once.
        if core::mem::take(&mut self.lost) { Err(DiskError::Gone) } else { Ok(()) }
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        let within = from.checked_add(sectors).is_some_and(|end| end <= self.sectors);
        if !within {
            return Err(DiskError::OutOfRange);
        }
        self.request(|disk| {
            disk.unflushed = true;
            let length = encode(&(from, sectors), disk.room()).ok();
            disk.call_unit(DISCARD, length)
        })
    }
}

/// First sectors of the messages from a sector on.
fn pieces(from: u64) -> impl Iterator<Item = u64> {
    (0_u64..).map(move |piece| from.saturating_add(piece.saturating_mul((DATA_MAX / SECTOR) as u64)))
}

/// An error as disks have it.
fn fault(error: BlockError) -> DiskError {
    match error {
        BlockError::Unaligned => DiskError::Unaligned,
        BlockError::OutOfRange => DiskError::OutOfRange,
        BlockError::ReadOnly => DiskError::ReadOnly,
        BlockError::Full => DiskError::Full,
        BlockError::Failed => DiskError::Failed,
        BlockError::Gone => DiskError::Gone,
    }
}
