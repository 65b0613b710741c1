//! Disks as sectors: the trait between drivers and what is kept on them; and what drivers need of the machine below.
//!
//! A write is done for good only after the flush that follows it; until then a power cut may leave any part of it, in any
//! order, one sector at a time. A disk is not trusted: it may answer with anything, so callers authenticate what they read.

#![no_std]
#![forbid(unsafe_code)]

pub use unikernels_ports::{Dma, Registers, Wait};

/// Bytes of a sector, the unit of addresses, of lengths, and of what a power cut leaves whole.
pub const SECTOR: usize = 512;

/// Why a disk did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskError {
    /// Not whole sectors.
    Unaligned,
    /// Past the end.
    OutOfRange,
    /// It may not be written.
    ReadOnly,
    /// There is no room behind it.
    Full,
    /// The device, or whoever drives it, reports a fault.
    Failed,
    /// Whoever drives it is gone.
    Gone,
}

/// A disk.
pub trait Disk {
    /// How many sectors it has.
    fn sectors(&self) -> u64;

    /// Reads whole sectors from sector `from`.
    ///
    /// # Errors
    /// See [`DiskError`]; `into` may hold anything then.
    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError>;

    /// Writes whole sectors from sector `to`.
    ///
    /// # Errors
    /// See [`DiskError`]; any part may have been written then.
    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError>;

    /// Returns when everything written before is there for good.
    ///
    /// # Errors
    /// See [`DiskError`]; then nothing is known about writes since the flush before.
    fn flush(&mut self) -> Result<(), DiskError>;

    /// Says that these sectors are not needed: they may read as anything afterwards.
    ///
    /// # Errors
    /// See [`DiskError`].
    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError>;
}

impl<D: Disk + ?Sized> Disk for &mut D {
    fn sectors(&self) -> u64 {
        (**self).sectors()
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        (**self).read(from, into)
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        (**self).write(to, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        (**self).flush()
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        (**self).discard(from, sectors)
    }
}

/// That `bytes` are whole sectors, and where they end.
///
/// # Errors
/// [`DiskError::Unaligned`], [`DiskError::OutOfRange`].
pub fn check(disk_sectors: u64, from: u64, bytes: usize) -> Result<u64, DiskError> {
    if !bytes.is_multiple_of(SECTOR) {
        return Err(DiskError::Unaligned);
    }
    let end = from.checked_add((bytes / SECTOR) as u64).filter(|end| *end <= disk_sectors);
    end.ok_or(DiskError::OutOfRange)
}
