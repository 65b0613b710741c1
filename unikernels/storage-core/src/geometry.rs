//! `Geometry`: where things are in the partition.
//!
//! ```text
//! sector 0    superblock of even commits     8    superblock of odd commits
//!        16   root of even commits           ...  root of odd commits
//!        ...  slots for leaves, 4 KiB each   ...  units, 64 KiB each, aligned to their size
//! ```
//!
//! All of it follows from the number of units, which is written down when the partition is formatted.

/// Most volumes: each costs an entry of the root and a look at every list of them.
pub const VOLUMES_MAX: usize = 64;

/// Sectors of a unit, the least that is allocated, shared and copied.
pub const UNIT_SECTORS: u64 = 128;

/// Bytes of a unit.
pub const UNIT: usize = 64 * 1024;

/// Most units of a partition (256 GiB; what is behind is not used). All of the map may be in memory: 4 bytes for each mapped
/// unit of each volume that does not share its leaf, and one byte for each unit there is; without a cap a large disk would
/// take all of the qube's memory.
pub const UNITS_MAX: u32 = 1 << 22;

/// Units in a leaf of the map: 64 MiB of a volume.
pub const LEAF_UNITS: usize = 1024;

/// The same, as a number of units.
pub(crate) const LEAF: u64 = LEAF_UNITS as u64;

/// Bytes of a leaf: four for each unit.
pub(crate) const LEAF_BYTES: usize = LEAF_UNITS * 4;

/// Sectors of a block of metadata, 4 KiB.
pub(crate) const BLOCK_SECTORS: u64 = 8;

/// Bytes of a block.
pub(crate) const BLOCK: u64 = 4096;

/// Bytes of the root that stand for a volume, beside its leaves.
pub(crate) const ROOT_VOLUME: u64 = 48;
/// Bytes of the root that stand for a leaf.
pub(crate) const ROOT_LEAF: u64 = 12;
/// Bytes of the root that stand for a leaf's place in a volume.
pub(crate) const ROOT_REFERENCE: u64 = 8;
/// Bytes of the root before all that.
pub(crate) const ROOT_HEAD: u64 = 16;

/// Where things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// How many units there are; they are numbered from 1.
    pub units: u32,
}

impl Geometry {
    /// The largest for a partition; `None` when not even one unit fits.
    #[must_use]
    pub fn of_sectors(sectors: u64) -> Option<Self> {
        let most = u32::try_from(sectors.checked_div(UNIT_SECTORS)?).unwrap_or(UNITS_MAX).min(UNITS_MAX);
        let before = Self { units: most }.first_unit();
        let rest = sectors.checked_sub(before)?.checked_div(UNIT_SECTORS)?;
        let units = u32::try_from(rest).unwrap_or(UNITS_MAX).min(most);
        Self::of_units(units, sectors)
    }

    /// One that is written down, when it fits a partition.
    #[must_use]
    pub fn of_units(units: u32, sectors: u64) -> Option<Self> {
        let geometry = Self { units };
        let legal = (1..=UNITS_MAX).contains(&units) && geometry.end() <= sectors;
        legal.then_some(geometry)
    }

    /// Most leaves in memory and in a root. Since room is set aside for all of each volume, the volumes have at most one leaf
    /// more each than the units need; twice that covers those that the next commit lets go.
    #[must_use]
    pub fn leaves_max(&self) -> u32 {
        let needed = u64::from(self.units).div_ceil(LEAF).saturating_add(VOLUMES_MAX as u64);
        u32::try_from(needed.saturating_mul(2)).unwrap_or(u32::MAX)
    }

    /// How many slots for leaves there are. A commit writes leaves to free slots only, and the one before holds up to
    /// `leaves_max`.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.leaves_max().saturating_mul(2)
    }

    /// Bytes that a root has at most.
    pub(crate) fn root_bytes_max(&self) -> u64 {
        let leaves = u64::from(self.leaves_max());
        ROOT_HEAD
            .saturating_add(ROOT_VOLUME.saturating_mul(VOLUMES_MAX as u64))
            .saturating_add(leaves.saturating_mul(ROOT_LEAF.saturating_add(ROOT_REFERENCE)))
    }

    fn root_sectors(&self) -> u64 {
        self.root_bytes_max().div_ceil(BLOCK).saturating_mul(BLOCK_SECTORS)
    }

    /// Sector of the superblock of a commit.
    pub(crate) fn superblock(sequence: u64) -> u64 {
        (sequence & 1).saturating_mul(BLOCK_SECTORS)
    }

    /// First sector of the root of a commit.
    pub(crate) fn root(&self, sequence: u64) -> u64 {
        let first = BLOCK_SECTORS.saturating_mul(2);
        first.saturating_add((sequence & 1).saturating_mul(self.root_sectors()))
    }

    /// First sector of a slot.
    pub(crate) fn slot(&self, slot: u32) -> u64 {
        let first = self.root(0).saturating_add(self.root_sectors().saturating_mul(2));
        first.saturating_add(u64::from(slot).saturating_mul(BLOCK_SECTORS))
    }

    fn first_unit(&self) -> u64 {
        self.slot(self.slots()).next_multiple_of(UNIT_SECTORS)
    }

    /// First sector of a unit, from 1.
    pub(crate) fn unit(&self, unit: u32) -> u64 {
        let before = u64::from(unit.saturating_sub(1)).saturating_mul(UNIT_SECTORS);
        self.first_unit().saturating_add(before)
    }

    /// The sector behind the last unit.
    fn end(&self) -> u64 {
        self.unit(self.units.saturating_add(1))
    }
}

/// How many units a volume of so many sectors has.
pub(crate) fn units_of(sectors: u64) -> u64 {
    sectors.div_ceil(UNIT_SECTORS)
}

/// How many leaves it has at most.
pub(crate) fn leaves_of(sectors: u64) -> usize {
    usize::try_from(units_of(sectors).div_ceil(LEAF)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_follow_each_other_and_all_fit_the_partition() {
        for sectors in (0..40_000).step_by(97).chain([1 << 20, 1 << 24, 1 << 29, 1 << 33, u64::MAX]) {
            let Some(geometry) = Geometry::of_sectors(sectors) else {
                assert!(sectors < 4000, "{sectors} sectors hold at least a unit");
                continue;
            };
            let root = geometry.root_bytes_max().div_ceil(512);
            assert!(geometry.root(0) >= 16 && geometry.root(0) + root <= geometry.root(1));
            assert!(geometry.root(1) + root <= geometry.slot(0));
            assert!(geometry.slot(geometry.slots()) <= geometry.unit(1));
            assert!(geometry.unit(1).is_multiple_of(UNIT_SECTORS) && geometry.end() <= sectors);
            assert_eq!(Geometry::of_units(geometry.units, sectors), Some(geometry));
        }
    }

    #[test]
    fn metadata_takes_little_of_a_disk() {
        for (sectors, percent) in [(131_072_u64, 3), (2 << 20, 2), (1 << 28, 1)] {
            let geometry = Geometry::of_sectors(sectors).expect("room for a unit");
            let units = u64::from(geometry.units) * UNIT_SECTORS;
            assert!(sectors - units <= sectors * percent / 100, "{sectors}: {units}");
        }
    }
}
