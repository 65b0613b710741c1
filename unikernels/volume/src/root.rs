//! The root: one sealed sector that says which log is the volume, and how far it reaches.
//!
//! There are two, and the one with the higher version counts. A root is written over the other one, so a power cut never
//! touches the one that counts. Where a root lies is not bound: a root that landed on the wrong one of the two places is as
//! good as in the right one.

use unikernels_disk::{Disk, SECTOR};

use crate::bytes::{field, put, u64_at};
use crate::error::{OpenError, Part, VolumeError};
use crate::key::{ID_SIZE, LIFE_SIZE, NONCE_SIZE, Sealer, TAG_SIZE, Tag};
use crate::layout::{Geometry, ROOTS, Side};

const MAGIC: [u8; 8] = *b"skeprot1";
const NONCE_AT: usize = 8;
const TAG_AT: usize = NONCE_AT + NONCE_SIZE;
const BODY_AT: usize = TAG_AT + TAG_SIZE;

const LIFE_AT: usize = 56;
const HEAD_AT: usize = LIFE_AT + LIFE_SIZE;
const BODY_END: usize = HEAD_AT + TAG_SIZE;
const _: () = assert!(BODY_AT + BODY_END <= SECTOR);

/// The state of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    /// Grows with each root that is written.
    pub(crate) version: u64,
    /// Commits since the volume was made.
    pub(crate) generation: u64,
    /// The least version that the key slots must have.
    pub(crate) slots_version: u64,
    pub(crate) side: Side,
    /// Sectors of the log.
    pub(crate) end: u64,
    /// Blocks of the log.
    pub(crate) blocks: u64,
    /// Records that the log leaves.
    pub(crate) records: u64,
    pub(crate) life: [u8; LIFE_SIZE],
    /// The tag of the log's last block, which depends on all before it.
    pub(crate) head: Tag,
}

impl Root {
    fn encode(&self, body: &mut [u8]) {
        let side = match self.side {
            Side::A => 0,
            Side::B => 1,
        };
        let numbers =
            [self.version, self.generation, self.slots_version, side, self.end, self.blocks, self.records];
        for (index, number) in numbers.into_iter().enumerate() {
            put(body, index * 8, &number.to_le_bytes());
        }
        put(body, LIFE_AT, &self.life);
        put(body, HEAD_AT, &self.head);
    }

    fn decode(body: &[u8], geometry: Geometry) -> Option<Self> {
        let number = |index: usize| u64_at(body, index * 8);
        let side = match number(3) {
            0 => Side::A,
            1 => Side::B,
            _ => return None,
        };
        let root = Self {
            version: number(0),
            generation: number(1),
            slots_version: number(2),
            side,
            end: number(4),
            blocks: number(5),
            records: number(6),
            life: field(body, LIFE_AT),
            head: field(body, HEAD_AT),
        };
        (root.end <= geometry.area() && root.blocks <= root.end).then_some(root)
    }
}

fn context(volume: &[u8; ID_SIZE]) -> [u8; 8 + ID_SIZE] {
    let mut context = [0; 8 + ID_SIZE];
    put(&mut context, 0, &MAGIC);
    put(&mut context, 8, volume);
    context
}

/// The root that counts.
pub(crate) struct Newest {
    pub(crate) root: Root,
    /// At which of the two places it is.
    pub(crate) place: usize,
    /// Whether the other place has a root too.
    pub(crate) has_other: bool,
}

/// Reads both roots.
pub(crate) fn read(
    disk: &mut impl Disk,
    sealer: &Sealer,
    volume: &[u8; ID_SIZE],
    geometry: Geometry,
) -> Result<Newest, OpenError> {
    let mut newest: Option<Newest> = None;
    for (place, at) in ROOTS.into_iter().enumerate() {
        let mut sector = [0; SECTOR];
        disk.read(at, &mut sector)?;
        let Some(root) = open(sealer, volume, geometry, &mut sector) else { continue };
        let has_other = newest.is_some();
        newest = match newest {
            Some(first) if first.root.version >= root.version => Some(Newest { has_other, ..first }),
            _ => Some(Newest { root, place, has_other }),
        };
    }
    newest.ok_or(OpenError::Damaged(Part::Roots))
}

fn open(
    sealer: &Sealer,
    volume: &[u8; ID_SIZE],
    geometry: Geometry,
    sector: &mut [u8; SECTOR],
) -> Option<Root> {
    let (nonce, tag) = (field(sector, NONCE_AT), field(sector, TAG_AT));
    let is_sealed =
        sector.starts_with(&MAGIC) && sealer.open(&nonce, &tag, &context(volume), &mut sector[BODY_AT..]);
    if is_sealed { Root::decode(&sector[BODY_AT..], geometry) } else { None }
}

/// Writes a root, and returns when it is there for good and reads back as written.
pub(crate) fn write(
    disk: &mut impl Disk,
    sealer: &Sealer,
    volume: &[u8; ID_SIZE],
    random: &mut impl FnMut(&mut [u8]),
    root: &Root,
    place: usize,
) -> Result<(), VolumeError> {
    let mut sector = [0; SECTOR];
    let mut nonce = [0; NONCE_SIZE];
    random(&mut nonce);
    root.encode(&mut sector[BODY_AT..]);
    let tag = sealer.seal(&nonce, &context(volume), &mut sector[BODY_AT..]);
    put(&mut sector, 0, &MAGIC);
    put(&mut sector, NONCE_AT, &nonce);
    put(&mut sector, TAG_AT, &tag);
    let at = ROOTS[place % ROOTS.len()];
    disk.write(at, &sector)?;
    disk.flush()?;
    let mut back = [0; SECTOR];
    disk.read(at, &mut back)?;
    if back == sector { Ok(()) } else { Err(VolumeError::NotKept) }
}
