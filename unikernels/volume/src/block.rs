//! A block: one to eight sectors, sealed; the log is a chain of them.
//!
//! ```text
//!  0 nonce   24 tag   40 sectors   41 sealed: kind (1)  payload length (2)  generation (8)  payload, padded with zeroes
//! ```
//!
//! Associated data: the sectors, the block's place in the area, its number in this life of the log, and the tag of the block
//! before. So a block verifies at one place after one history only.

use unikernels_disk::{Disk, DiskError, SECTOR};
use zeroize::Zeroizing;

use alloc::vec;
use alloc::vec::Vec;

use crate::bytes::{field, put, u64_at};
use crate::key::{NONCE_SIZE, Sealer, TAG_SIZE, Tag};

/// Most sectors of a block: a page, so that reading one small record reads little.
pub(crate) const BLOCK_SECTORS: u64 = 8;
/// Most bytes of a block.
pub(crate) const BLOCK_SIZE: usize = BLOCK_SECTORS as usize * SECTOR;
const TAG_AT: usize = NONCE_SIZE;
const SECTORS_AT: usize = TAG_AT + TAG_SIZE;
const SEALED_AT: usize = SECTORS_AT + 1;
const KIND_AT: usize = SEALED_AT;
const LEN_AT: usize = KIND_AT + 1;
const GENERATION_AT: usize = LEN_AT + 2;
/// Where the payload begins.
pub(crate) const PAYLOAD_AT: usize = GENERATION_AT + 8;
/// Most bytes of payload in a block.
pub(crate) const PAYLOAD_MAX: usize = BLOCK_SIZE - PAYLOAD_AT;

/// Sectors of a block with so many bytes of payload.
pub(crate) const fn sectors(payload: usize) -> u64 {
    (PAYLOAD_AT + payload).div_ceil(SECTOR) as u64
}

/// Sectors of a commit whose operations take so many bytes: full blocks, and a last one as short as it can be.
pub(crate) const fn commit_sectors(bytes: u64) -> u64 {
    let full = bytes.saturating_sub(1) / PAYLOAD_MAX as u64;
    let rest = bytes - full * PAYLOAD_MAX as u64;
    full * BLOCK_SECTORS + (PAYLOAD_AT as u64 + rest).div_ceil(SECTOR as u64)
}

/// Where a block is in the log: what its associated data binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// Sectors from the area's start.
    pub(crate) sector: u64,
    /// Blocks before it.
    pub(crate) number: u64,
    /// The tag of the block before it; zeroes at the start.
    pub(crate) before: Tag,
}

impl Position {
    pub(crate) const START: Self = Self { sector: 0, number: 0, before: [0; TAG_SIZE] };

    /// The place after a block.
    pub(crate) const fn after(self, sectors: u64, tag: Tag) -> Self {
        Self { sector: self.sector + sectors, number: self.number + 1, before: tag }
    }

    fn context(&self, sectors: u8) -> [u8; 17 + TAG_SIZE] {
        let mut context = [0; 17 + TAG_SIZE];
        context[0] = sectors;
        put(&mut context, 1, &self.sector.to_le_bytes());
        put(&mut context, 9, &self.number.to_le_bytes());
        put(&mut context, 17, &self.before);
        context
    }
}

/// A block that verified.
pub(crate) struct Opened<'a> {
    /// Whether a commit ends here.
    pub(crate) is_last: bool,
    pub(crate) generation: u64,
    pub(crate) tag: Tag,
    pub(crate) sectors: u64,
    pub(crate) payload: &'a [u8],
}

/// Seals a block in place: its payload is at [`PAYLOAD_AT`], and `block` is whole sectors.
pub(crate) fn seal(
    sealer: &Sealer,
    position: &Position,
    nonce: &[u8; NONCE_SIZE],
    generation: u64,
    is_last: bool,
    payload: usize,
    block: &mut [u8],
) -> Tag {
    let sectors = u8::try_from(block.len() / SECTOR).expect("a block has at most eight sectors");
    let len = u16::try_from(payload).expect("a payload is shorter than a block");
    block[KIND_AT] = u8::from(is_last);
    put(block, LEN_AT, &len.to_le_bytes());
    put(block, GENERATION_AT, &generation.to_le_bytes());
    let tag = sealer.seal(nonce, &position.context(sectors), &mut block[SEALED_AT..]);
    put(block, 0, nonce);
    put(block, TAG_AT, &tag);
    block[SECTORS_AT] = sectors;
    tag
}

/// How many sectors a block claims to have.
fn claimed(block: &[u8]) -> Option<u64> {
    let sectors = u64::from(*block.get(SECTORS_AT)?);
    (1..=BLOCK_SECTORS).contains(&sectors).then_some(sectors)
}

fn open<'a>(sealer: &Sealer, position: &Position, block: &'a mut [u8]) -> Option<Opened<'a>> {
    let (nonce, tag) = (field(block, 0), field(block, TAG_AT));
    let sectors = *block.get(SECTORS_AT)?;
    if !sealer.open(&nonce, &tag, &position.context(sectors), block.get_mut(SEALED_AT..)?) {
        return None;
    }
    let len = usize::from(u16::from_le_bytes(field(block, LEN_AT)));
    Some(Opened {
        is_last: block[KIND_AT] != 0,
        generation: u64_at(block, GENERATION_AT),
        tag,
        sectors: u64::from(sectors),
        payload: block.get(PAYLOAD_AT..PAYLOAD_AT + len)?,
    })
}

/// Reads blocks one after another, many at once. What it decrypted is wiped on drop.
pub(crate) struct Window {
    bytes: Zeroizing<Vec<u8>>,
    /// The first sector in it, from the area's start.
    from: u64,
    filled: u64,
    /// Sectors of the area that may be read.
    limit: u64,
    /// The area's first sector on the disk.
    area: u64,
}

impl Window {
    /// Reads up to `ahead` sectors at a time, which is at least a block's, and nothing from `limit` on.
    pub(crate) fn new(area: u64, limit: u64, ahead: u64) -> Self {
        let sectors = usize::try_from(ahead.max(BLOCK_SECTORS)).unwrap_or(BLOCK_SECTORS as usize);
        Self { bytes: Zeroizing::new(vec![0; sectors * SECTOR]), from: 0, filled: 0, limit, area }
    }

    /// The block at `position`; `None` when what is there is not that block. A block can be had once.
    pub(crate) fn block(
        &mut self,
        disk: &mut impl Disk,
        sealer: &Sealer,
        position: &Position,
    ) -> Result<Option<Opened<'_>>, DiskError> {
        let at = position.sector;
        if at >= self.limit {
            return Ok(None);
        }
        if !self.holds(at, 1) {
            self.load(disk, at)?;
        }
        let Some(sectors) = self.bytes.get(self.offset(at)..).and_then(claimed) else { return Ok(None) };
        if at + sectors > self.limit {
            return Ok(None);
        }
        if !self.holds(at, sectors) {
            self.load(disk, at)?;
        }
        let start = self.offset(at);
        let len = usize::try_from(sectors).unwrap_or(0) * SECTOR;
        Ok(self.bytes.get_mut(start..start + len).and_then(|block| open(sealer, position, block)))
    }

    fn holds(&self, at: u64, sectors: u64) -> bool {
        self.from <= at && at + sectors <= self.from + self.filled
    }

    fn offset(&self, at: u64) -> usize {
        usize::try_from(at - self.from).unwrap_or(0) * SECTOR
    }

    fn load(&mut self, disk: &mut impl Disk, at: u64) -> Result<(), DiskError> {
        let room = self.bytes.len() / SECTOR;
        let sectors = usize::try_from(self.limit - at).unwrap_or(room).min(room);
        disk.read(self.area + at, &mut self.bytes[..sectors * SECTOR])?;
        (self.from, self.filled) = (at, sectors as u64);
        Ok(())
    }
}
