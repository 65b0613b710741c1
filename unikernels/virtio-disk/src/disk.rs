//! The block driver as a disk.

use unikernels_disk::{Disk, DiskError, SECTOR, check};
use virtio_drivers::device::blk::{SECTOR_SIZE, VirtIOBlk};
use virtio_drivers::transport::Transport;
use virtio_drivers::{Error, Hal, Result};

/// Bytes of one request at most: a whole block message of 64 KiB and what its sender packs around it. A request is one
/// descriptor, which the device maps through the IOMMU page by page; 32 of them are far below any device's limit.
pub const REQUEST_BYTES: usize = 128 * 1024;

const _: () = assert!(SECTOR == SECTOR_SIZE);

/// What is used of a block driver. Buffers are whole sectors, not empty, inside the device and at most [`REQUEST_BYTES`].
pub trait Blocks {
    /// How many sectors it says to have.
    fn sectors(&self) -> u64;
    /// Whether it may not be written.
    fn is_read_only(&self) -> bool;
    /// Reads.
    ///
    /// # Errors
    /// As [`VirtIOBlk::read_blocks`].
    fn read(&mut self, sector: usize, into: &mut [u8]) -> Result;
    /// Writes.
    ///
    /// # Errors
    /// As [`VirtIOBlk::write_blocks`].
    fn write(&mut self, sector: usize, bytes: &[u8]) -> Result;
    /// Makes durable what was written. A device without such a request has no write cache (5.2.6.2).
    ///
    /// # Errors
    /// As [`VirtIOBlk::flush`].
    fn flush(&mut self) -> Result;
}

impl<H: Hal, T: Transport> Blocks for VirtIOBlk<H, T> {
    fn sectors(&self) -> u64 {
        self.capacity()
    }

    fn is_read_only(&self) -> bool {
        self.readonly()
    }

    fn read(&mut self, sector: usize, into: &mut [u8]) -> Result {
        self.read_blocks(sector, into)
    }

    fn write(&mut self, sector: usize, bytes: &[u8]) -> Result {
        self.write_blocks(sector, bytes)
    }

    fn flush(&mut self) -> Result {
        Self::flush(self)
    }
}

/// A disk on a block driver, for one: `VirtIOBlk<H, Guarded<Pci<B>, W>>`.
#[derive(Debug)]
pub struct VirtioDisk<B> {
    blocks: B,
    /// The queue went wrong: the device may still hold a buffer, and its next answer would be taken for another request's.
    broken: bool,
}

impl<B: Blocks> VirtioDisk<B> {
    /// The disk.
    pub const fn new(blocks: B) -> Self {
        Self { blocks, broken: false }
    }

    fn ready(&self) -> core::result::Result<(), DiskError> {
        if self.broken { Err(DiskError::Failed) } else { Ok(()) }
    }

    fn done(&mut self, result: Result) -> core::result::Result<(), DiskError> {
        match result {
            Ok(()) => Ok(()),
            // The device answered this request, and says no.
            Err(Error::IoError | Error::Unsupported) => Err(DiskError::Failed),
            Err(_) => {
                self.broken = true;
                Err(DiskError::Failed)
            }
        }
    }
}

/// The sector as the driver wants it.
fn index(sector: u64) -> core::result::Result<usize, DiskError> {
    usize::try_from(sector).map_err(|_| DiskError::OutOfRange)
}

const REQUEST_SECTORS: u64 = (REQUEST_BYTES / SECTOR) as u64;

impl<B: Blocks> Disk for VirtioDisk<B> {
    fn sectors(&self) -> u64 {
        self.blocks.sectors()
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> core::result::Result<(), DiskError> {
        self.ready()?;
        check(self.sectors(), from, into.len())?;
        for (piece, at) in into.chunks_mut(REQUEST_BYTES).zip(0..) {
            let result = self.blocks.read(index(from + at * REQUEST_SECTORS)?, piece);
            self.done(result)?;
        }
        Ok(())
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> core::result::Result<(), DiskError> {
        self.ready()?;
        check(self.sectors(), to, bytes.len())?;
        if self.blocks.is_read_only() {
            return Err(DiskError::ReadOnly);
        }
        for (piece, at) in bytes.chunks(REQUEST_BYTES).zip(0..) {
            let result = self.blocks.write(index(to + at * REQUEST_SECTORS)?, piece);
            self.done(result)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> core::result::Result<(), DiskError> {
        self.ready()?;
        let result = self.blocks.flush();
        self.done(result)
    }

    /// A hint, and the library has no request for it.
    fn discard(&mut self, from: u64, sectors: u64) -> core::result::Result<(), DiskError> {
        self.ready()?;
        let end = from.checked_add(sectors).filter(|end| *end <= self.sectors());
        end.map(|_| ()).ok_or(DiskError::OutOfRange)
    }
}
