//! The disk on a block driver: pieces, bounds, and what comes after an error.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may")]

use proptest::prelude::*;
use unikernels_disk::{Disk, DiskError, SECTOR};
use unikernels_virtio_disk::{Blocks, REQUEST_BYTES, VirtioDisk};
use virtio_drivers::{Error, Result};

const SECTORS: u64 = 2048;

/// A block driver on memory. It refuses what the library's would panic at.
struct Memory {
    bytes: Vec<u8>,
    read_only: bool,
    /// What each request gives, from the first on; then all go well.
    results: Vec<Result>,
    requests: Vec<usize>,
}

impl Memory {
    fn new() -> Self {
        Self {
            bytes: vec![0; SECTORS as usize * SECTOR],
            read_only: false,
            results: Vec::new(),
            requests: Vec::new(),
        }
    }

    fn take(&mut self, sector: usize, length: usize) -> Result<std::ops::Range<usize>> {
        assert!(length > 0 && length.is_multiple_of(SECTOR) && length <= REQUEST_BYTES);
        self.requests.push(length);
        if !self.results.is_empty() {
            self.results.remove(0)?;
        }
        Ok(sector * SECTOR..sector * SECTOR + length)
    }
}

impl Blocks for &mut Memory {
    fn sectors(&self) -> u64 {
        SECTORS
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn read(&mut self, sector: usize, into: &mut [u8]) -> Result {
        let range = self.take(sector, into.len())?;
        into.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn write(&mut self, sector: usize, bytes: &[u8]) -> Result {
        let range = self.take(sector, bytes.len())?;
        self.bytes[range].copy_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result {
        self.take(0, SECTOR).map(|_| ())
    }
}

#[test]
fn a_mib_is_eight_requests_and_a_sector_one() {
    let mut memory = Memory::new();
    let mut disk = VirtioDisk::new(&mut memory);
    disk.write(0, &[1; 1024 * 1024]).unwrap();
    disk.read(7, &mut [0; SECTOR]).unwrap();
    disk.read(7, &mut []).unwrap();
    assert_eq!(memory.requests, [vec![REQUEST_BYTES; 8], vec![SECTOR]].concat());
}

#[test]
fn wrong_requests_are_not_sent() {
    let mut memory = Memory::new();
    let mut disk = VirtioDisk::new(&mut memory);
    assert_eq!(disk.sectors(), SECTORS);
    assert_eq!(disk.read(SECTORS, &mut [0; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(disk.write(u64::MAX, &[0; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(disk.read(0, &mut [0; 1]), Err(DiskError::Unaligned));
    assert_eq!(disk.discard(1, SECTORS), Err(DiskError::OutOfRange));
    assert_eq!(disk.discard(0, SECTORS), Ok(()));
    assert!(memory.requests.is_empty());

    memory.read_only = true;
    let mut disk = VirtioDisk::new(&mut memory);
    assert_eq!(disk.write(0, &[0; SECTOR]), Err(DiskError::ReadOnly));
    assert_eq!(disk.read(0, &mut [0; SECTOR]), Ok(()));
}

#[test]
fn a_refused_request_is_told_and_the_next_one_is_sent() {
    for error in [Error::IoError, Error::Unsupported] {
        let mut memory = Memory::new();
        memory.results = vec![Ok(()), Err(error)];
        let mut disk = VirtioDisk::new(&mut memory);
        assert_eq!(disk.write(0, &[1; 3 * REQUEST_BYTES]), Err(DiskError::Failed));
        assert_eq!(disk.flush(), Ok(()));
        assert_eq!(memory.requests.len(), 3, "nothing after the refused piece but the flush");
    }
}

#[test]
fn a_queue_that_went_wrong_is_never_used_again() {
    for error in [Error::WrongToken, Error::NotReady, Error::QueueFull, Error::InvalidParam] {
        let mut memory = Memory::new();
        memory.results = vec![Err(error)];
        let mut disk = VirtioDisk::new(&mut memory);
        assert_eq!(disk.flush(), Err(DiskError::Failed));
        assert_eq!(disk.read(0, &mut [0; SECTOR]), Err(DiskError::Failed));
        assert_eq!(disk.write(0, &[0; SECTOR]), Err(DiskError::Failed));
        assert_eq!(disk.flush(), Err(DiskError::Failed));
        assert_eq!(disk.discard(0, 1), Err(DiskError::Failed));
        assert_eq!(memory.requests.len(), 1);
    }
}

proptest! {
    #[test]
    fn a_disk_is_its_sectors(steps in prop::collection::vec((0..SECTORS, 0..900_u64, any::<Option<u8>>()), 1..16)) {
        let mut memory = Memory::new();
        let mut disk = VirtioDisk::new(&mut memory);
        let mut model = vec![0; SECTORS as usize * SECTOR];
        for (from, count, write) in steps {
            let count = count.min(SECTORS - from);
            let range = from as usize * SECTOR..(from + count) as usize * SECTOR;
            if let Some(seed) = write {
                for (index, byte) in model[range.clone()].iter_mut().enumerate() {
                    *byte = (index / SECTOR) as u8 ^ seed;
                }
                disk.write(from, &model[range]).unwrap();
            } else {
                let mut into = vec![0xee; range.len()];
                disk.read(from, &mut into).unwrap();
                prop_assert!(into == model[range]);
            }
        }
    }
}
