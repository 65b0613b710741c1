//! A disk in a qube's own memory: what is on it ends with the qube's life.
//!
//! For a qube without a storage channel: what it keeps on a disk it keeps here, by the same code. The memory is lent or boxed,
//! blank at the start and wiped at the end; a discarded sector is wiped at once. A flush has nothing to do, for nothing here
//! survives a power cut anyway. Not here: allocation, so the caller says how much memory there is.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use core::fmt;
use core::ops::Range;

use unikernels_disk::{Disk, DiskError, SECTOR, check};
use zeroize::Zeroize;

/// A disk in memory. `B` is `&mut [u8]`, `Box<[u8]>`, or whatever else holds bytes.
pub struct RamDisk<B: AsRef<[u8]> + AsMut<[u8]>>(B);

impl<B: AsRef<[u8]> + AsMut<[u8]>> RamDisk<B> {
    /// A blank disk. What the memory held is wiped; bytes behind its last whole sector are no part of the disk.
    #[must_use]
    pub fn new(memory: B) -> Self {
        let mut disk = Self(memory);
        disk.wipe();
        disk
    }

    fn wipe(&mut self) {
        self.0.as_mut().zeroize();
    }

    /// The bytes of these sectors, which are on the disk.
    fn bytes(&mut self, sectors: Range<u64>) -> Result<&mut [u8], DiskError> {
        let byte = |sector: u64| usize::try_from(sector).ok()?.checked_mul(SECTOR);
        let range = byte(sectors.start).zip(byte(sectors.end)).map(|(start, end)| start..end);
        range.and_then(|range| self.0.as_mut().get_mut(range)).ok_or(DiskError::OutOfRange)
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Disk for RamDisk<B> {
    fn sectors(&self) -> u64 {
        (self.0.as_ref().len() / SECTOR) as u64
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        let end = check(self.sectors(), from, into.len())?;
        into.copy_from_slice(self.bytes(from..end)?);
        Ok(())
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let end = check(self.sectors(), to, bytes.len())?;
        self.bytes(to..end)?.copy_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        let end = from.checked_add(sectors).filter(|end| *end <= self.sectors());
        self.bytes(from..end.ok_or(DiskError::OutOfRange)?)?.zeroize();
        Ok(())
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Drop for RamDisk<B> {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> fmt::Debug for RamDisk<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RamDisk").field("sectors", &self.sectors()).finish_non_exhaustive()
    }
}
