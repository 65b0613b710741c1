//! Writes one commit: bytes in, sealed blocks out, in pieces that a disk likes.

use alloc::vec;
use alloc::vec::Vec;

use unikernels_disk::{Disk, DiskError, SECTOR};
use zeroize::Zeroizing;

use crate::RecordId;
use crate::block::{self, BLOCK_SIZE, PAYLOAD_AT, PAYLOAD_MAX, Position};
use crate::key::{NONCE_SIZE, Sealer};
use crate::log::{Block, Operation, Place, delete, put_head};

/// Most bytes of one write: what one message to a storage qube carries.
const WRITE_MAX: usize = 64 << 10;

/// The blocks and operations of a commit that was written.
pub(crate) struct Written {
    pub(crate) blocks: Vec<Block>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) end: Position,
}

/// A commit being written. The caller has made sure that it fits.
pub(crate) struct Writer<'a, D, R> {
    pub(crate) disk: &'a mut D,
    pub(crate) random: &'a mut R,
    pub(crate) sealer: &'a Sealer,
    area: u64,
    generation: u64,
    /// Sealed blocks, and then the block being filled; wiped on drop.
    out: Zeroizing<Vec<u8>>,
    sealed: usize,
    payload: usize,
    /// The block being filled.
    at: Position,
    written: Written,
}

impl<'a, D: Disk, R: FnMut(&mut [u8])> Writer<'a, D, R> {
    /// Begins at `at` of the area that starts at sector `area`, for a commit of `bytes` bytes of operations.
    pub(crate) fn new(
        disk: &'a mut D,
        random: &'a mut R,
        sealer: &'a Sealer,
        area: u64,
        at: Position,
        generation: u64,
        bytes: u64,
    ) -> Self {
        let all = usize::try_from(block::commit_sectors(bytes)).unwrap_or(usize::MAX).saturating_mul(SECTOR);
        Self {
            disk,
            random,
            sealer,
            area,
            generation,
            // Room for the block being filled behind the sealed ones.
            out: Zeroizing::new(vec![0; all.min(WRITE_MAX).next_multiple_of(BLOCK_SIZE)]),
            sealed: 0,
            payload: 0,
            at,
            written: Written { blocks: Vec::new(), operations: Vec::new(), end: at },
        }
    }

    /// Writes a put.
    pub(crate) fn put(&mut self, id: RecordId, record: &[u8]) -> Result<(), DiskError> {
        let len = u32::try_from(record.len()).expect("a record's length was checked");
        self.push(&put_head(id, len))?;
        let number = u32::try_from(self.at.number).expect("an area has fewer blocks");
        let offset = u16::try_from(self.payload).expect("a payload is shorter than a block");
        self.written.operations.push(Operation::Put(id, Place { block: number, offset, len }));
        self.push(record)
    }

    /// Writes a delete.
    pub(crate) fn delete(&mut self, id: RecordId) -> Result<(), DiskError> {
        self.written.operations.push(Operation::Delete(id));
        self.push(&delete(id))
    }

    /// Writes what is left, and returns when the disk has it for good.
    pub(crate) fn finish(mut self) -> Result<Written, DiskError> {
        self.seal(true);
        self.write()?;
        self.disk.flush()?;
        self.written.end = self.at;
        Ok(self.written)
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), DiskError> {
        while !bytes.is_empty() {
            if self.payload == PAYLOAD_MAX {
                self.seal(false);
                if self.sealed == self.out.len() {
                    self.write()?;
                }
            }
            let (now, later) = bytes.split_at(bytes.len().min(PAYLOAD_MAX - self.payload));
            let at = self.sealed + PAYLOAD_AT + self.payload;
            self.out[at..at + now.len()].copy_from_slice(now);
            self.payload += now.len();
            bytes = later;
        }
        Ok(())
    }

    fn seal(&mut self, is_last: bool) {
        let sectors = block::sectors(self.payload);
        let len = usize::try_from(sectors).expect("at most eight") * SECTOR;
        let block = &mut self.out[self.sealed..self.sealed + len];
        let mut nonce = [0; NONCE_SIZE];
        (self.random)(&mut nonce);
        let tag = block::seal(self.sealer, &self.at, &nonce, self.generation, is_last, self.payload, block);
        let sector = u32::try_from(self.at.sector).expect("an area has fewer sectors");
        self.written.blocks.push(Block { sector, tag });
        self.at = self.at.after(sectors, tag);
        (self.sealed, self.payload) = (self.sealed + len, 0);
    }

    /// Writes the sealed blocks; there is no other in the buffer.
    fn write(&mut self) -> Result<(), DiskError> {
        let sectors = (self.sealed / SECTOR) as u64;
        self.disk.write(self.area + self.at.sector - sectors, &self.out[..self.sealed])?;
        self.out.fill(0);
        self.sealed = 0;
        Ok(())
    }
}
