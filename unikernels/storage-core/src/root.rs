//! What is kept about volumes, as bytes: superblock and root.
//!
//! The superblock is one sector, which a cut of the power leaves whole; it says which commit it is and what the root of that
//! commit sums up to. The root has the volumes, the leaves with their sums, and which leaf is where in which volume:
//!
//! ```text
//! superblock  "SkepVol1", sequence u64, units u32, length u32 of the root, its sum u64, sum u64 of the above
//! root        volumes u32, leaves u32, references u32, 0 u32
//!             each volume: length of the name u8, name [u8; 32], 3 of 0, references u32, sectors u64
//!             each leaf: slot u32, sum u64
//!             each volume's references: place in the volume u32, number of the leaf u32
//! ```
//!
//! Numbers are little-endian, sums CRC-64/XZ: they are against accidents. Whoever reads it believes nothing but what holds:
//! a disk may lie, and must not make this qube fail.

use alloc::vec::Vec;

use crc::{CRC_64_XZ, Crc};
use ipc_proto_volumes_api::NAME_MAX;
use unikernels_disk::SECTOR;

use crate::Name;
use crate::geometry::{Geometry, VOLUMES_MAX, leaves_of, units_of};

const CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);
const MAGIC: [u8; 8] = *b"SkepVol1";
/// Bytes of a superblock before its own sum.
const SUPERBLOCK: usize = 32;

/// The sum of bytes.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    CRC.checksum(bytes)
}

/// The sector that makes a commit count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Superblock {
    /// Number of the commit.
    pub(crate) sequence: u64,
    /// How many units the partition was formatted to.
    pub(crate) units: u32,
    /// Bytes of the root.
    pub(crate) root_length: u32,
    /// Sum of the root.
    pub(crate) root_sum: u64,
}

impl Superblock {
    pub(crate) fn to_sector(self) -> [u8; SECTOR] {
        let mut sector = [0; SECTOR];
        let mut to = Writer { rest: &mut sector };
        to.bytes(&MAGIC);
        to.u64(self.sequence);
        to.u32(self.units);
        to.u32(self.root_length);
        to.u64(self.root_sum);
        let of = sum(sector.get(..SUPERBLOCK).unwrap_or_default());
        let mut to = Writer { rest: sector.get_mut(SUPERBLOCK..).unwrap_or_default() };
        to.u64(of);
        sector
    }

    /// The superblock in a sector; `None` when it is none.
    pub(crate) fn parse(sector: &[u8; SECTOR]) -> Option<Self> {
        let mut from = Reader { rest: sector };
        let magic = from.take::<8>()?;
        let superblock = Self {
            sequence: from.u64()?,
            units: from.u32()?,
            root_length: from.u32()?,
            root_sum: from.u64()?,
        };
        let holds = magic == MAGIC && from.u64()? == sum(sector.get(..SUPERBLOCK)?);
        (holds && from.rest.iter().all(|byte| *byte == 0)).then_some(superblock)
    }
}

/// A volume as a root has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RootVolume {
    pub(crate) name: Name,
    pub(crate) sectors: u64,
    /// Place of a leaf in the volume, and its number in the root; by place.
    pub(crate) references: Vec<(u32, u32)>,
}

/// What a commit keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Root {
    /// By name.
    pub(crate) volumes: Vec<RootVolume>,
    /// Slot and sum of each leaf.
    pub(crate) leaves: Vec<(u32, u64)>,
}

impl Root {
    /// The root as whole sectors, and its length in bytes without what fills the last.
    pub(crate) fn to_bytes(&self) -> (Vec<u8>, u32) {
        let mut bytes = Vec::new();
        let references = self.volumes.iter().map(|volume| volume.references.len()).sum::<usize>();
        for number in [self.volumes.len(), self.leaves.len(), references, 0] {
            bytes.extend(low(number).to_le_bytes());
        }
        for volume in &self.volumes {
            let name = volume.name.as_str().as_bytes();
            let mut padded = [0; NAME_MAX];
            padded.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
            bytes.push(low(name.len()).to_le_bytes()[0]);
            bytes.extend(padded);
            bytes.extend([0; 3]);
            bytes.extend(low(volume.references.len()).to_le_bytes());
            bytes.extend(volume.sectors.to_le_bytes());
        }
        for (slot, sum) in &self.leaves {
            bytes.extend(slot.to_le_bytes());
            bytes.extend(sum.to_le_bytes());
        }
        for (place, leaf) in self.volumes.iter().flat_map(|volume| &volume.references) {
            bytes.extend(place.to_le_bytes());
            bytes.extend(leaf.to_le_bytes());
        }
        let length = low(bytes.len());
        bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
        (bytes, length)
    }

    /// The root in `bytes`, of a partition of this geometry; `None` when it is none.
    pub(crate) fn parse(bytes: &[u8], geometry: Geometry) -> Option<Self> {
        let mut from = Reader { rest: bytes };
        let (volumes, leaves) = (from.u32()?, from.u32()?);
        let (references, reserved) = (from.u32()?, from.u32()?);
        let most = geometry.leaves_max();
        if volumes as usize > VOLUMES_MAX || leaves > most || references > most || reserved != 0 {
            return None;
        }
        let heads = (0..volumes).map(|_| Self::volume(&mut from)).collect::<Option<Vec<_>>>()?;
        let leaves = (0..leaves).map(|_| Some((from.u32()?, from.u64()?))).collect::<Option<Vec<_>>>()?;
        let mut volumes = Vec::new();
        for (name, sectors, count) in heads {
            if count > references {
                return None;
            }
            let references =
                (0..count).map(|_| Some((from.u32()?, from.u32()?))).collect::<Option<Vec<_>>>()?;
            volumes.push(RootVolume { name, sectors, references });
        }
        let counted = volumes.iter().map(|volume| volume.references.len()).sum::<usize>();
        let root = Self { volumes, leaves };
        let whole = from.rest.is_empty() && counted == references as usize;
        (whole && root.holds(geometry)).then_some(root)
    }

    /// Name, sectors and number of references of a volume.
    fn volume(from: &mut Reader<'_>) -> Option<(Name, u64, u32)> {
        let [length] = from.take::<1>()?;
        let padded = from.take::<NAME_MAX>()?;
        let (name, padding) = padded.split_at_checked(usize::from(length))?;
        let name = Name::new(core::str::from_utf8(name).ok()?).ok()?;
        let clean = padding.iter().chain(&from.take::<3>()?).all(|byte| *byte == 0);
        let references = from.u32()?;
        let sectors = from.u64()?;
        clean.then_some((name, sectors, references))
    }

    /// Whether volumes are in order, fit the partition together, and refer to leaves that are there, each slot once.
    fn holds(&self, geometry: Geometry) -> bool {
        let names = self.volumes.is_sorted_by(|one, next| one.name < next.name);
        let units = self.volumes.iter().try_fold(0_u64, |sum, it| sum.checked_add(units_of(it.sectors)));
        let fits = units.is_some_and(|units| units <= u64::from(geometry.units));
        let volume = |volume: &RootVolume| {
            let places = volume.references.is_sorted_by(|(one, _), (next, _)| one < next);
            let most = leaves_of(volume.sectors);
            let within =
                |(place, leaf): &(u32, u32)| (*place as usize) < most && (*leaf as usize) < self.leaves.len();
            volume.sectors > 0 && places && volume.references.iter().all(within)
        };
        let mut slots: Vec<u32> = self.leaves.iter().map(|(slot, _)| *slot).collect();
        slots.sort_unstable();
        let slots = slots.is_sorted_by(|one, next| one < next)
            && slots.last().is_none_or(|slot| *slot < geometry.slots());
        names && fits && slots && self.volumes.iter().all(volume)
    }
}

/// A count that the caps of a partition keep below 2^32.
#[expect(clippy::cast_possible_truncation, reason = "at most the bytes of a root, some hundred KiB")]
const fn low(number: usize) -> u32 {
    number as u32
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

/// Writes to the front of a sector, which is long enough for all of a superblock.
struct Writer<'b> {
    rest: &'b mut [u8],
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        let rest = core::mem::take(&mut self.rest);
        if let Some((to, rest)) = rest.split_at_mut_checked(bytes.len()) {
            to.copy_from_slice(bytes);
            self.rest = rest;
        }
    }

    fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }
}
