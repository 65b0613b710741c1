//! Formatting a partition, and opening one.

use alloc::vec;
use alloc::vec::Vec;

use unikernels_disk::{Disk, SECTOR};

use crate::geometry::{Geometry, LEAF_BYTES, UNIT, VOLUMES_MAX};
use crate::map::{Leaf, Map};
use crate::root::{Root, Superblock, sum};
use crate::{Store, StoreError};

impl<D: Disk> Store<D> {
    /// Makes an empty store of a partition; whatever was there is forgotten.
    ///
    /// # Errors
    /// The partition is too small, or its disk fails.
    pub fn format(mut disk: D) -> Result<Self, StoreError> {
        let geometry = Geometry::of_sectors(disk.sectors()).ok_or(StoreError::TooSmall)?;
        // First no superblock at all: a cut of the power must not bring back an old one with a new root.
        for sequence in 0..2 {
            disk.write(Geometry::superblock(sequence), &[0; SECTOR])?;
        }
        disk.flush()?;
        let mut store = Self::new(disk, Map::new(geometry), 0);
        store.commit()?;
        Ok(store)
    }

    /// Opens a partition; formats it when it never was, which is a partition that `prepare` has just made, or one whose first
    /// start was cut short.
    ///
    /// # Errors
    /// As [`Store::open`] and [`Store::format`]; a partition that is damaged is not formatted.
    pub fn open_or_format(mut disk: D) -> Result<Self, StoreError> {
        match newest(&mut disk) {
            Err(StoreError::NotFormatted) => Self::format(disk),
            _ => Self::open(disk),
        }
    }

    /// Opens a partition that was formatted.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn open(mut disk: D) -> Result<Self, StoreError> {
        let superblock = newest(&mut disk)?;
        let geometry = Geometry::of_units(superblock.units, disk.sectors()).ok_or(StoreError::WrongSize)?;
        let length = u64::from(superblock.root_length);
        if length > geometry.root_bytes_max() {
            return Err(StoreError::DamagedRoot);
        }
        let length = usize::try_from(length).map_err(|_| StoreError::DamagedRoot)?;
        let mut bytes = vec![0; length.next_multiple_of(SECTOR)];
        disk.read(geometry.root(superblock.sequence), &mut bytes)?;
        let bytes = bytes.get(..length).filter(|bytes| sum(bytes) == superblock.root_sum);
        let root = bytes.and_then(|bytes| Root::parse(bytes, geometry)).ok_or(StoreError::DamagedRoot)?;
        let map = read_map(&mut disk, geometry, root)?;
        Ok(Self::new(disk, map, superblock.sequence))
    }

    fn new(disk: D, map: Map, sequence: u64) -> Self {
        Self { disk, map, sequence, broken: false, unit: vec![0; UNIT] }
    }
}

/// The superblock of the last commit.
fn newest(disk: &mut impl Disk) -> Result<Superblock, StoreError> {
    if Geometry::of_sectors(disk.sectors()).is_none() {
        return Err(StoreError::TooSmall);
    }
    let mut best: Option<Superblock> = None;
    let mut blank = true;
    for place in 0..2 {
        let mut sector = [0; SECTOR];
        disk.read(Geometry::superblock(place), &mut sector)?;
        blank &= sector.iter().all(|byte| *byte == 0);
        let found = Superblock::parse(&sector).filter(|it| it.sequence & 1 == place);
        best = [best, found].into_iter().flatten().max_by_key(|it| it.sequence);
    }
    best.ok_or(if blank { StoreError::NotFormatted } else { StoreError::NoSuperblock })
}

/// The map that a root stands for.
fn read_map(disk: &mut impl Disk, geometry: Geometry, root: Root) -> Result<Map, StoreError> {
    let mut map = Map::new(geometry);
    let mut bytes = vec![0; LEAF_BYTES];
    for (slot, expected) in root.leaves {
        disk.read(geometry.slot(slot), &mut bytes)?;
        let units: Vec<u32> = bytes.as_chunks().0.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
        if sum(&bytes) != expected || units.iter().any(|unit| *unit > geometry.units) {
            return Err(StoreError::DamagedLeaf);
        }
        units.iter().for_each(|unit| map.refer(*unit));
        let kept = Some((slot, expected));
        let leaf = Leaf { units: units.into_boxed_slice(), volumes: 0, kept, old_slot: None };
        map.add_leaf(leaf).map_err(|_| StoreError::DamagedRoot)?;
        if let Some(used) = map.slots.get_mut(slot as usize) {
            *used = true;
        }
    }
    for (at, volume) in root.volumes.into_iter().enumerate() {
        let mut leaves = vec![None; crate::geometry::leaves_of(volume.sectors)];
        for (place, number) in volume.references {
            // One volume has a leaf at one place only, or writing it would be writing two.
            if leaves.contains(&Some(number)) {
                return Err(StoreError::DamagedRoot);
            }
            *leaves.get_mut(place as usize).ok_or(StoreError::DamagedRoot)? = Some(number);
        }
        map.add_volume(at, volume.name, volume.sectors, leaves);
    }
    if map.leaves.iter().flatten().any(|leaf| leaf.volumes == 0) || !map.references_within(VOLUMES_MAX) {
        return Err(StoreError::DamagedRoot);
    }
    map.changed = false;
    Ok(map)
}
