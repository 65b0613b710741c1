//! `commit`: makes the map on the disk that in memory.
//!
//! Leaves and root go to places that the last commit does not use; a flush makes them, and all that clients wrote, stay; then
//! one sector says that they count, and is flushed. So at any cut of the power the disk has this commit or the last, whole.

use alloc::vec;
use alloc::vec::Vec;

use unikernels_disk::{Disk, DiskError};

use crate::Store;
use crate::geometry::{Geometry, LEAF_BYTES, UNIT_SECTORS};
use crate::root::{Root, RootVolume, Superblock, sum};

/// What a commit let go, in sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LetGo {
    /// The device took it back.
    pub(crate) discarded: u64,
    /// The device did not: it is free, and holds what it held.
    pub(crate) left: u64,
}

impl<D: Disk> Store<D> {
    /// Commits.
    ///
    /// # Errors
    /// What the disk has is unknown; the store refuses everything from then on.
    pub(crate) fn commit(&mut self) -> Result<LetGo, DiskError> {
        if self.broken {
            return Err(DiskError::Failed);
        }
        self.broken = true;
        let old_slots = self.write_leaves()?;
        let sequence = self.sequence.checked_add(1).ok_or(DiskError::Full)?;
        self.write_root(sequence)?;
        self.sequence = sequence;
        self.broken = false;
        self.map.changed = false;
        old_slots.into_iter().for_each(|slot| self.map.free_slot(Some(slot)));
        let free = self.map.let_go();
        Ok(self.give_back(&free))
    }

    /// Writes the leaves that changed to free slots; gives the slots where they were.
    fn write_leaves(&mut self) -> Result<Vec<u32>, DiskError> {
        let mut old_slots = Vec::new();
        let mut bytes = vec![0; LEAF_BYTES];
        let mut free = 0;
        let (map, disk) = (&mut self.map, &mut self.disk);
        for number in reachable(&map.volumes) {
            let Some(leaf) = map.leaves.get_mut(number as usize).and_then(Option::as_mut) else {
                return Err(DiskError::Failed);
            };
            if leaf.kept.is_some() {
                continue;
            }
            for (to, unit) in bytes.chunks_exact_mut(4).zip(&leaf.units) {
                to.copy_from_slice(&unit.to_le_bytes());
            }
            let rest = map.slots.get(free..).unwrap_or_default();
            let slot = rest.iter().position(|used| !used).and_then(|at| at.checked_add(free));
            let slot = slot.ok_or(DiskError::Failed)?;
            free = slot.saturating_add(1);
            let number = u32::try_from(slot).map_err(|_| DiskError::Failed)?;
            disk.write(map.geometry.slot(number), &bytes)?;
            leaf.kept = Some((number, sum(&bytes)));
            old_slots.extend(leaf.old_slot.take());
            if let Some(used) = map.slots.get_mut(slot) {
                *used = true;
            }
        }
        Ok(old_slots)
    }

    fn write_root(&mut self, sequence: u64) -> Result<(), DiskError> {
        let geometry = self.map.geometry;
        let (bytes, root_length) = self.root()?.to_bytes();
        if u64::from(root_length) > geometry.root_bytes_max() {
            return Err(DiskError::Failed);
        }
        let of = bytes.get(..root_length as usize).unwrap_or_default();
        let superblock = Superblock { sequence, units: geometry.units, root_length, root_sum: sum(of) };
        self.disk.write(geometry.root(sequence), &bytes)?;
        self.disk.flush()?;
        self.disk.write(Geometry::superblock(sequence), &superblock.to_sector())?;
        self.disk.flush()
    }

    /// The map as a root.
    fn root(&self) -> Result<Root, DiskError> {
        let numbers = reachable(&self.map.volumes);
        let kept = |number: &u32| self.map.leaf(*number)?.kept;
        let leaves = numbers.iter().map(kept).collect::<Option<Vec<_>>>().ok_or(DiskError::Failed)?;
        let reference = |(place, number): (usize, &Option<u32>)| {
            let leaf = numbers.binary_search(&(*number)?).ok()?;
            Some((u32::try_from(place).ok()?, u32::try_from(leaf).ok()?))
        };
        let volumes = self.map.volumes.iter().map(|volume| RootVolume {
            name: volume.name.clone(),
            sectors: volume.sectors,
            references: volume.leaves.iter().enumerate().filter_map(reference).collect(),
        });
        Ok(Root { volumes: volumes.collect(), leaves })
    }

    /// Tells the device that units are free; `units` are in order.
    fn give_back(&mut self, units: &[u32]) -> LetGo {
        let mut result = LetGo::default();
        for run in units.chunk_by(|one, next| one.checked_add(1) == Some(*next)) {
            let Some(first) = run.first() else { continue };
            let sectors = (run.len() as u64).saturating_mul(UNIT_SECTORS);
            let done = self.disk.discard(self.map.geometry.unit(*first), sectors).is_ok();
            let to = if done { &mut result.discarded } else { &mut result.left };
            *to = to.saturating_add(sectors);
        }
        result
    }
}

/// Numbers of the leaves that volumes have, in order.
fn reachable(volumes: &[crate::map::Volume]) -> Vec<u32> {
    let mut numbers: Vec<u32> =
        volumes.iter().flat_map(|volume| volume.leaves.iter().flatten().copied()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
