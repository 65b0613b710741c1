//! `Partition`: a run of a disk's sectors as a disk of its own.

use unikernels_disk::{Disk, DiskError, check};

/// A part of a disk; nothing outside of it is reached.
#[derive(Debug)]
pub struct Partition<D> {
    disk: D,
    first: u64,
    sectors: u64,
}

impl<D: Disk> Partition<D> {
    /// The `sectors` sectors of `disk` from sector `first`.
    ///
    /// # Errors
    /// [`DiskError::OutOfRange`] when the disk has not got them.
    pub fn new(disk: D, first: u64, sectors: u64) -> Result<Self, DiskError> {
        match first.checked_add(sectors) {
            Some(end) if end <= disk.sectors() => Ok(Self { disk, first, sectors }),
            _ => Err(DiskError::OutOfRange),
        }
    }

    /// The disk that this is a part of.
    pub fn into_disk(self) -> D {
        self.disk
    }

    /// Where sector `at` of the partition is on the disk, when `bytes` from there are within.
    fn place(&self, at: u64, bytes: usize) -> Result<u64, DiskError> {
        check(self.sectors, at, bytes)?;
        self.first.checked_add(at).ok_or(DiskError::OutOfRange)
    }
}

impl<D: Disk> Disk for Partition<D> {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        let from = self.place(from, into.len())?;
        self.disk.read(from, into)
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let to = self.place(to, bytes.len())?;
        self.disk.write(to, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.disk.flush()
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        let within = from.checked_add(sectors).is_some_and(|end| end <= self.sectors);
        let from = self.first.checked_add(from).filter(|_| within).ok_or(DiskError::OutOfRange)?;
        self.disk.discard(from, sectors)
    }
}
