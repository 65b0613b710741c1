//! Reading and writing a volume.
//!
//! What a volume has for itself is written in place. What it shares, or has not got, is written to a free unit, whole, and
//! counts from the next commit on; a cut of the power before that leaves what was there.

use unikernels_disk::{Disk, DiskError, SECTOR, check};

use crate::geometry::{LEAF, UNIT, UNIT_SECTORS, units_of};
use crate::map::{Mapped, NoRoom};
use crate::{Store, VolumeId};

/// Sectors of a volume that lie one behind the other on the disk, or nowhere.
struct Run {
    first: Mapped,
    /// Sector of the unit where the run begins.
    offset: u64,
    sectors: u64,
}

impl<D: Disk> Store<D> {
    /// Reads whole sectors of a volume from sector `from`.
    ///
    /// # Errors
    /// `Gone` when the volume is erased, and as [`Disk::read`].
    pub fn read(&mut self, id: VolumeId, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        let volume = self.within(id, from, into.len())?;
        let (mut at, mut rest) = (from, into);
        while !rest.is_empty() {
            let run = self.run(volume, at, rest.len());
            let (piece, behind) =
                rest.split_at_mut_checked(bytes_of(run.sectors)).ok_or(DiskError::Failed)?;
            match run.first.unit {
                0 => piece.fill(0),
                unit => {
                    let from = self.map.geometry.unit(unit).saturating_add(run.offset);
                    self.disk.read(from, piece)?;
                }
            }
            (at, rest) = (at.saturating_add(run.sectors), behind);
        }
        Ok(())
    }

    /// Writes whole sectors of a volume from sector `to`.
    ///
    /// # Errors
    /// `Gone` when the volume is erased, and as [`Disk::write`]; never `Full`.
    pub fn write(&mut self, id: VolumeId, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let volume = self.within(id, to, bytes.len())?;
        let (mut at, mut rest) = (to, bytes);
        while !rest.is_empty() {
            let run = self.run(volume, at, rest.len());
            let in_unit = UNIT_SECTORS.saturating_sub(run.offset);
            let sectors = if run.first.exclusive { run.sectors } else { run.sectors.min(in_unit) };
            let (piece, behind) = rest.split_at_checked(bytes_of(sectors)).ok_or(DiskError::Failed)?;
            if run.first.exclusive {
                let to = self.map.geometry.unit(run.first.unit).saturating_add(run.offset);
                self.disk.write(to, piece)?;
            } else {
                self.write_elsewhere(volume, at, run.first.unit, piece)?;
            }
            (at, rest) = (at.saturating_add(sectors), behind);
        }
        Ok(())
    }

    /// Makes everything that was written, to any volume, stay.
    ///
    /// # Errors
    /// As [`Disk::flush`].
    pub fn flush(&mut self, id: VolumeId) -> Result<(), DiskError> {
        self.within(id, 0, 0)?;
        if self.map.changed { self.commit().map(|_| ()) } else { self.disk.flush() }
    }

    /// Lets go the units that are wholly within `sectors` sectors from sector `from`: they read as zeros. The rest stays as it is.
    ///
    /// # Errors
    /// `Gone` when the volume is erased, `OutOfRange`.
    pub fn discard(&mut self, id: VolumeId, from: u64, sectors: u64) -> Result<(), DiskError> {
        let volume = self.within(id, 0, 0)?;
        let all = self.map.volumes.get(volume).map_or(0, |volume| volume.sectors);
        let end = from.checked_add(sectors).filter(|end| *end <= all).ok_or(DiskError::OutOfRange)?;
        // What is behind the end of the volume is nobody's: its last unit is whole however short it is.
        let units_end = if end == all { units_of(all) } else { end / UNIT_SECTORS };
        let mut index = from.div_ceil(UNIT_SECTORS);
        while index < units_end {
            if self.map.leaf_of(volume, index).is_none() {
                index = (index / LEAF).saturating_add(1).saturating_mul(LEAF);
                continue;
            }
            if self.map.at(volume, index).unit != 0 {
                let leaf = self.with_room(|store| store.map.own_leaf(volume, index))?;
                self.map.set(leaf, index, 0);
            }
            index = index.saturating_add(1);
        }
        Ok(())
    }

    /// Place of a volume in the list, when it has `bytes` from sector `at`.
    fn within(&self, id: VolumeId, at: u64, bytes: usize) -> Result<usize, DiskError> {
        if self.broken {
            return Err(DiskError::Failed);
        }
        let volume = self.map.find(id).ok_or(DiskError::Gone)?;
        let sectors = self.map.volumes.get(volume).map_or(0, |volume| volume.sectors);
        check(sectors, at, bytes).map(|_| volume)
    }

    /// The longest run from sector `at`, of at most `bytes`.
    fn run(&self, volume: usize, at: u64, bytes: usize) -> Run {
        let most = (bytes / SECTOR) as u64;
        let (index, offset) = (at / UNIT_SECTORS, at % UNIT_SECTORS);
        let first = self.map.at(volume, index);
        let mut sectors = UNIT_SECTORS.saturating_sub(offset);
        let mut units = 1_u32;
        while sectors < most {
            let next = self.map.at(volume, index.saturating_add(u64::from(units)));
            let unit = if first.unit == 0 { 0 } else { first.unit.saturating_add(units) };
            if next != (Mapped { unit, ..first }) {
                break;
            }
            sectors = sectors.saturating_add(UNIT_SECTORS);
            units = units.saturating_add(1);
        }
        Run { first, offset, sectors: sectors.min(most) }
    }

    /// Writes part of a unit that is shared, or not there, to a unit of the volume's own.
    fn write_elsewhere(&mut self, volume: usize, at: u64, old: u32, bytes: &[u8]) -> Result<(), DiskError> {
        let (index, offset) = (at / UNIT_SECTORS, at % UNIT_SECTORS);
        // Both at once: a commit in between could let go neither.
        let (leaf, new) = self.with_room(|store| {
            let leaf = store.map.own_leaf(volume, index)?;
            Ok((leaf, store.map.allocate()?))
        })?;
        let written = self.write_unit(old, new, offset, bytes);
        if written.is_err() {
            self.map.give_back(new);
            return written;
        }
        self.map.set(leaf, index, new);
        Ok(())
    }

    /// Writes all of unit `new`: what unit `old` has, or zeros, and `bytes` from sector `offset`.
    fn write_unit(&mut self, old: u32, new: u32, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let to = self.map.geometry.unit(new);
        if bytes.len() == UNIT {
            return self.disk.write(to, bytes);
        }
        match old {
            0 => self.unit.fill(0),
            old => self.disk.read(self.map.geometry.unit(old), &mut self.unit)?,
        }
        let from = bytes_of(offset);
        let place = self.unit.get_mut(from..from.saturating_add(bytes.len())).ok_or(DiskError::Failed)?;
        place.copy_from_slice(bytes);
        self.disk.write(to, &self.unit)
    }

    /// Does what needs room; when there is none, once more behind a commit, which lets go what is not needed any more. Then
    /// there is room, as that for all of each volume is set aside.
    fn with_room<T>(&mut self, mut act: impl FnMut(&mut Self) -> Result<T, NoRoom>) -> Result<T, DiskError> {
        if let Ok(done) = act(self) {
            return Ok(done);
        }
        self.commit()?;
        act(self).map_err(|NoRoom| DiskError::Full)
    }
}

/// Bytes of sectors that are part of a slice.
#[expect(clippy::cast_possible_truncation, reason = "less than a slice in memory has")]
const fn bytes_of(sectors: u64) -> usize {
    (sectors as usize).saturating_mul(SECTOR)
}
