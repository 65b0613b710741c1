//! `Store`: the volumes of one partition.

use alloc::vec::Vec;

use ipc_proto_volumes_api::{Space, Volume};
use unikernels_disk::{Disk, DiskError};

use crate::geometry::UNIT_SECTORS;
use crate::map::Map;
use crate::{Name, OpenVolume};

/// Why a partition was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreError {
    /// The disk did not do it.
    Disk(DiskError),
    /// The partition is too small for volumes.
    TooSmall,
    /// The partition was never formatted: it begins with zeros.
    NotFormatted,
    /// Neither superblock holds.
    NoSuperblock,
    /// The newest superblock is of another partition, or a larger one.
    WrongSize,
    /// What it says of volumes does not hold. An older state is not taken: parts of it may be another volume's now.
    DamagedRoot,
    /// Part of the map does not hold.
    DamagedLeaf,
}

impl From<DiskError> for StoreError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

/// A volume, as long as the store is open; never another's, even of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VolumeId(pub(crate) u64);

/// The volumes of a partition. `D` is the partition.
///
/// When a commit failed, what the disk has is unknown: everything is refused until the partition is opened again.
#[derive(Debug)]
pub struct Store<D> {
    pub(crate) disk: D,
    pub(crate) map: Map,
    /// Number of the last commit.
    pub(crate) sequence: u64,
    /// A commit failed.
    pub(crate) broken: bool,
    /// Room for one unit.
    pub(crate) unit: Vec<u8>,
}

impl<D: Disk> Store<D> {
    /// How many volumes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.volumes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.volumes.is_empty()
    }

    /// The volumes, by name. Looks at all of their maps.
    pub fn volumes(&self) -> impl Iterator<Item = Volume> + use<'_, D> {
        self.map.volumes.iter().map(|volume| {
            let (mapped, shared) = self.map.count(volume);
            Volume {
                name: volume.name.text(),
                sectors: volume.sectors,
                mapped: mapped.saturating_mul(UNIT_SECTORS),
                shared: shared.saturating_mul(UNIT_SECTORS),
            }
        })
    }

    /// How much room there is, and how much of it is not set aside for a volume.
    #[must_use]
    pub fn space(&self) -> Space {
        let units = u64::from(self.map.geometry.units);
        let free = units.saturating_sub(self.map.reserved());
        Space { sectors: units.saturating_mul(UNIT_SECTORS), free: free.saturating_mul(UNIT_SECTORS) }
    }

    /// The volume of this name.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<VolumeId> {
        let at = self.map.search(name).ok()?;
        self.map.volumes.get(at).map(|volume| volume.id)
    }

    /// Sectors of a volume; `None` when it is erased.
    #[must_use]
    pub fn sectors(&self, id: VolumeId) -> Option<u64> {
        let volume = self.map.volumes.get(self.map.find(id)?)?;
        Some(volume.sectors)
    }

    /// A volume as a disk.
    pub fn open_volume(&mut self, id: VolumeId) -> OpenVolume<'_, D> {
        OpenVolume::new(self, id)
    }

    /// The partition.
    pub fn into_disk(self) -> D {
        self.disk
    }
}
