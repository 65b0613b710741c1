//! The controller's namespace as a disk of sectors.
//!
//! With blocks of 4096 bytes, a part of a block is read, changed and written back. That keeps the promise about power cuts,
//! because a controller writes one block whole or not at all (AWUPF is at least one block, 6.4), so the sectors beside it
//! read as before either way; and it lets old volumes of 512-byte sectors move to such a disk. Callers that care for
//! speed align to [`Info::block_bytes`](crate::Info::block_bytes); and a partition table counts in blocks, not in sectors.

use unikernels_disk::{Disk, DiskError, Dma, Registers, SECTOR, Wait, check};

use crate::batch::Request;
use crate::controller::Nvme;
use crate::layout::PAGE;

/// Sectors of a run, as blocks: either whole ones, or a part of one.
enum Run {
    Whole { lba: u64, bytes: usize },
    Part { lba: u64, skip: usize, bytes: usize },
}

/// The run that `bytes` from sector `from` begin with.
fn run(from: u64, bytes: usize, block_bytes: usize) -> Run {
    let per_block = (block_bytes / SECTOR) as u64;
    let lba = from / per_block;
    // Less than a block.
    let skip = usize::try_from(from % per_block).unwrap_or(0) * SECTOR;
    if skip == 0 && bytes >= block_bytes {
        return Run::Whole { lba, bytes: bytes - bytes % block_bytes };
    }
    Run::Part { lba, skip, bytes: bytes.min(block_bytes - skip) }
}

impl<R: Registers, D: Dma, W: Wait> Disk for Nvme<R, D, W> {
    /// None while it does not run.
    fn sectors(&self) -> u64 {
        // `Info` has checked that they fit.
        self.info().map_or(0, |info| info.blocks.saturating_mul((info.block_bytes / SECTOR) as u64))
    }

    fn read(&mut self, mut from: u64, mut into: &mut [u8]) -> Result<(), DiskError> {
        let block_bytes = self.info()?.block_bytes;
        check(self.sectors(), from, into.len())?;
        while !into.is_empty() {
            let bytes = match run(from, into.len(), block_bytes) {
                Run::Whole { lba, bytes } => {
                    self.batch(&mut [Request::Read { lba, into: &mut into[..bytes] }])?;
                    bytes
                }
                Run::Part { lba, skip, bytes } => {
                    let mut block = [0; PAGE];
                    self.batch(&mut [Request::Read { lba, into: &mut block }])?;
                    into[..bytes].copy_from_slice(&block[skip..skip + bytes]);
                    bytes
                }
            };
            into = &mut into[bytes..];
            from += (bytes / SECTOR) as u64;
        }
        Ok(())
    }

    fn write(&mut self, mut to: u64, mut bytes: &[u8]) -> Result<(), DiskError> {
        let block_bytes = self.info()?.block_bytes;
        check(self.sectors(), to, bytes.len())?;
        while !bytes.is_empty() {
            let done = match run(to, bytes.len(), block_bytes) {
                Run::Whole { lba, bytes: done } => {
                    self.batch(&mut [Request::Write { lba, bytes: &bytes[..done] }])?;
                    done
                }
                Run::Part { lba, skip, bytes: done } => {
                    let mut block = [0; PAGE];
                    self.batch(&mut [Request::Read { lba, into: &mut block }])?;
                    block[skip..skip + done].copy_from_slice(&bytes[..done]);
                    self.batch(&mut [Request::Write { lba, bytes: &block }])?;
                    done
                }
            };
            bytes = &bytes[done..];
            to += (done / SECTOR) as u64;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        Ok(self.batch(&mut [Request::Flush])?)
    }

    /// It is a hint: parts of blocks are left alone, and all of it where the controller has no Dataset Management.
    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        let info = self.info()?;
        let end =
            from.checked_add(sectors).filter(|end| *end <= self.sectors()).ok_or(DiskError::OutOfRange)?;
        let per_block = (info.block_bytes / SECTOR) as u64;
        let (first, last) = (from.div_ceil(per_block), end / per_block);
        if !info.can_discard || first >= last {
            return Ok(());
        }
        Ok(self.batch(&mut [Request::Discard { lba: first, blocks: last - first }])?)
    }
}
