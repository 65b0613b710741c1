//! `Map`: which unit of the disk holds which unit of which volume, in memory.
//!
//! A clone shares the leaves of its map with its origin, and so their units; whoever writes first gets a leaf and a unit of its
//! own. The invariant that makes commits safe: **what the last commit refers to stays allocated, and counts as shared when it
//! was, until the next commit is done.** What a volume lets go is therefore only noted (`going`), and `let_go` is called
//! behind the commit. So a unit that counts as exclusive is that of one volume in both commits, and may be written in place.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::Name;
use crate::geometry::{Geometry, LEAF, LEAF_UNITS, VOLUMES_MAX, leaves_of, units_of};
use crate::store::VolumeId;

/// A unit is in as many leaves as there are volumes, and in as many again that go with the next commit: each volume copies a
/// leaf at most once between two commits.
const _: () = assert!(2 * VOLUMES_MAX < u8::MAX as usize);

/// There is no free unit or leaf before the next commit lets some go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// 1,024 neighbouring units of one or more volumes.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    /// For each its unit, from 1; 0 where there is none and zeros are read.
    pub(crate) units: Box<[u32]>,
    /// How many volumes have it, those included that let it go with the next commit.
    pub(crate) volumes: u8,
    /// Where the last commit has it, and its sum; `None` when it is not there as it is here.
    pub(crate) kept: Option<(u32, u64)>,
    /// Where the last commit has it as it was.
    pub(crate) old_slot: Option<u32>,
}

/// A volume.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    pub(crate) id: VolumeId,
    pub(crate) name: Name,
    pub(crate) sectors: u64,
    /// The leaf at each place.
    pub(crate) leaves: Vec<Option<u32>>,
}

/// Where a unit of a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// Unit of the disk; 0 for none.
    pub(crate) unit: u32,
    /// Whether it is in no other leaf of this commit or the last.
    pub(crate) exclusive: bool,
}

/// What is where.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) geometry: Geometry,
    /// By name.
    pub(crate) volumes: Vec<Volume>,
    /// By number; `None` is free.
    pub(crate) leaves: Vec<Option<Leaf>>,
    /// Whether the last commit uses a slot, or the next will.
    pub(crate) slots: Vec<bool>,
    /// Whether the next commit has anything to say.
    pub(crate) changed: bool,
    /// In how many leaves each unit is; the first stands for none.
    references: Vec<u8>,
    /// Where the search for a free unit goes on, so that what is written in order lies in order.
    next: usize,
    going_units: Vec<u32>,
    going_leaves: Vec<u32>,
    next_id: u64,
}

impl Map {
    /// No volumes.
    pub(crate) fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            volumes: Vec::new(),
            leaves: Vec::new(),
            slots: vec![false; geometry.slots() as usize],
            changed: false,
            references: vec![0; (geometry.units as usize).saturating_add(1)],
            next: 1,
            going_units: Vec::new(),
            going_leaves: Vec::new(),
            next_id: 0,
        }
    }

    /// An id that no volume had since the disk was opened.
    pub(crate) fn new_id(&mut self) -> VolumeId {
        self.next_id = self.next_id.saturating_add(1);
        VolumeId(self.next_id)
    }

    /// Place of a volume in the list.
    pub(crate) fn find(&self, id: VolumeId) -> Option<usize> {
        self.volumes.iter().position(|volume| volume.id == id)
    }

    /// Place of the volume of this name, or where it would be.
    pub(crate) fn search(&self, name: &Name) -> Result<usize, usize> {
        self.volumes.binary_search_by(|volume| volume.name.cmp(name))
    }

    /// Units that are set aside for all of each volume.
    pub(crate) fn reserved(&self) -> u64 {
        self.volumes.iter().map(|volume| units_of(volume.sectors)).fold(0, u64::saturating_add)
    }

    pub(crate) fn leaf(&self, number: u32) -> Option<&Leaf> {
        self.leaves.get(number as usize)?.as_ref()
    }

    fn leaf_mut(&mut self, number: u32) -> Option<&mut Leaf> {
        self.leaves.get_mut(number as usize)?.as_mut()
    }

    /// The leaf for unit `index` of a volume.
    pub(crate) fn leaf_of(&self, volume: usize, index: u64) -> Option<&Leaf> {
        let place = usize::try_from(index / LEAF).ok()?;
        self.leaf(self.volumes.get(volume)?.leaves.get(place).copied().flatten()?)
    }

    /// Where unit `index` of a volume is.
    pub(crate) fn at(&self, volume: usize, index: u64) -> Mapped {
        let Some(leaf) = self.leaf_of(volume, index) else { return Mapped { unit: 0, exclusive: false } };
        let unit = leaf.units.get(within(index)).copied().unwrap_or(0);
        let alone = self.references.get(unit as usize) == Some(&1);
        Mapped { unit, exclusive: unit != 0 && leaf.volumes == 1 && alone }
    }

    /// The number of a leaf for unit `index` that is this volume's alone; makes one, or a copy, when there is none.
    pub(crate) fn own_leaf(&mut self, volume: usize, index: u64) -> Result<u32, NoRoom> {
        let place = usize::try_from(index / LEAF).map_err(|_| NoRoom)?;
        let old = self.volumes.get(volume).and_then(|it| it.leaves.get(place)).copied().flatten();
        let shared = match old.and_then(|old| self.leaf(old)) {
            Some(leaf) if leaf.volumes == 1 => return old.ok_or(NoRoom),
            Some(leaf) => Some(leaf.units.clone()),
            None => None,
        };
        let units = shared.unwrap_or_else(|| vec![0; LEAF_UNITS].into_boxed_slice());
        let mapped = units.clone();
        let new = self.add_leaf(Leaf { units, volumes: 1, kept: None, old_slot: None })?;
        mapped.iter().for_each(|unit| self.refer(*unit));
        if let Some(to) = self.volumes.get_mut(volume).and_then(|it| it.leaves.get_mut(place)) {
            *to = Some(new);
        }
        self.going_leaves.extend(old);
        self.changed = true;
        Ok(new)
    }

    /// Takes a leaf in; gives its number.
    pub(crate) fn add_leaf(&mut self, leaf: Leaf) -> Result<u32, NoRoom> {
        let free = self.leaves.iter().position(Option::is_none);
        let number = u32::try_from(free.unwrap_or(self.leaves.len())).map_err(|_| NoRoom)?;
        if number >= self.geometry.leaves_max() {
            return Err(NoRoom);
        }
        match free.and_then(|free| self.leaves.get_mut(free)) {
            Some(place) => *place = Some(leaf),
            None => self.leaves.push(Some(leaf)),
        }
        Ok(number)
    }

    /// Counts a leaf that refers to a unit.
    pub(crate) fn refer(&mut self, unit: u32) {
        if let Some(references) = self.references.get_mut(unit as usize).filter(|_| unit != 0) {
            *references = references.saturating_add(1);
        }
    }

    /// A free unit, which is taken now.
    pub(crate) fn allocate(&mut self) -> Result<u32, NoRoom> {
        let free = |from: usize, to: usize| {
            let units = self.references.get(from..to)?;
            units.iter().position(|references| *references == 0).and_then(|it| it.checked_add(from))
        };
        let unit = free(self.next, self.references.len()).or_else(|| free(1, self.next)).ok_or(NoRoom)?;
        let number = u32::try_from(unit).map_err(|_| NoRoom)?;
        self.refer(number);
        self.next = unit.saturating_add(1);
        Ok(number)
    }

    /// Gives back a unit that no leaf got.
    pub(crate) fn give_back(&mut self, unit: u32) {
        if let Some(references) = self.references.get_mut(unit as usize) {
            *references = 0;
        }
    }

    /// Puts `unit`, or 0 for none, at `index` of a leaf of one volume. What was there goes with the next commit.
    pub(crate) fn set(&mut self, leaf: u32, index: u64, unit: u32) {
        let Some(to) = self.leaf_mut(leaf) else { return };
        if let Some((slot, _)) = to.kept.take() {
            to.old_slot = Some(slot);
        }
        let Some(place) = to.units.get_mut(within(index)) else { return };
        let old = core::mem::replace(place, unit);
        self.going_units.extend((old != 0).then_some(old));
        self.changed = true;
    }

    /// Adds a volume at its place in the list.
    pub(crate) fn add_volume(&mut self, at: usize, name: Name, sectors: u64, leaves: Vec<Option<u32>>) {
        for number in leaves.iter().flatten() {
            if let Some(leaf) = self.leaf_mut(*number) {
                leaf.volumes = leaf.volumes.saturating_add(1);
            }
        }
        let id = self.new_id();
        let mut volume = Volume { id, name, sectors, leaves };
        volume.leaves.resize(leaves_of(sectors), None);
        self.volumes.insert(at.min(self.volumes.len()), volume);
        self.changed = true;
    }

    /// Takes a volume out; its leaves go with the next commit.
    pub(crate) fn remove_volume(&mut self, at: usize) {
        if at < self.volumes.len() {
            let volume = self.volumes.remove(at);
            self.going_leaves.extend(volume.leaves.into_iter().flatten());
            self.changed = true;
        }
    }

    /// Behind a commit: frees what no volume has any more, and gives the units among it, in order.
    pub(crate) fn let_go(&mut self) -> Vec<u32> {
        let mut units = core::mem::take(&mut self.going_units);
        for number in core::mem::take(&mut self.going_leaves) {
            let Some(place) = self.leaves.get_mut(number as usize) else { continue };
            let Some(leaf) = place else { continue };
            leaf.volumes = leaf.volumes.saturating_sub(1);
            if leaf.volumes == 0 {
                units.extend(leaf.units.iter().filter(|unit| **unit != 0));
                let slot = leaf.kept.map(|(slot, _)| slot).or(leaf.old_slot);
                *place = None;
                self.free_slot(slot);
            }
        }
        let mut free = Vec::new();
        for unit in units {
            if let Some(references) = self.references.get_mut(unit as usize) {
                *references = references.saturating_sub(1);
                free.extend((*references == 0).then_some(unit));
            }
        }
        free.sort_unstable();
        free
    }

    pub(crate) fn free_slot(&mut self, slot: Option<u32>) {
        if let Some(used) = slot.and_then(|slot| self.slots.get_mut(slot as usize)) {
            *used = false;
        }
    }

    /// Whether no unit is in more than so many leaves.
    pub(crate) fn references_within(&self, most: usize) -> bool {
        self.references.iter().all(|references| usize::from(*references) <= most)
    }

    /// Units a volume has on the disk, and how many of them are not its alone.
    pub(crate) fn count(&self, volume: &Volume) -> (u64, u64) {
        let leaves = volume.leaves.iter().flatten().filter_map(|number| self.leaf(*number));
        let units = leaves.flat_map(|leaf| {
            let of = |unit: &&u32| **unit != 0;
            leaf.units.iter().filter(of).map(move |unit| (leaf.volumes > 1, *unit))
        });
        units.fold((0, 0), |(mapped, shared): (u64, u64), (with_leaf, unit)| {
            let more = with_leaf || self.references.get(unit as usize).is_some_and(|it| *it > 1);
            (mapped.saturating_add(1), shared.saturating_add(u64::from(more)))
        })
    }
}

/// Place of a unit of a volume in its leaf.
const fn within(index: u64) -> usize {
    (index % LEAF) as usize
}
