//! Making, growing, cloning and erasing volumes. Each is committed before it returns.

use alloc::vec;

use ipc_proto_volumes_api::{Erased, VolumesError};
use unikernels_disk::{Disk, DiskError};

use crate::commit::LetGo;
use crate::geometry::{UNIT_SECTORS, UNITS_MAX, VOLUMES_MAX, leaves_of, units_of};
use crate::{Name, Store, VolumeId};

/// Most sectors of a volume: no partition has more.
const SECTORS_MAX: u64 = UNITS_MAX as u64 * UNIT_SECTORS;

impl<D: Disk> Store<D> {
    /// Makes a volume of zeros.
    ///
    /// # Errors
    /// `Exists`, `TooMany`, `BadSize`, `Full`, `Failed`.
    pub fn make(&mut self, name: &Name, sectors: u64) -> Result<VolumeId, VolumesError> {
        let at = self.place_for(name)?;
        self.set_aside(units(sectors)?)?;
        self.map.add_volume(at, name.clone(), sectors, vec![None; leaves_of(sectors)]);
        self.done()?;
        self.find(name).ok_or(VolumesError::Failed)
    }

    /// Makes a volume longer.
    ///
    /// # Errors
    /// `NoSuchVolume`, `BadSize`, `Shrinks`, `Full`, `Failed`.
    pub fn grow(&mut self, name: &Name, sectors: u64) -> Result<(), VolumesError> {
        let at = self.map.search(name).map_err(|_| VolumesError::NoSuchVolume)?;
        let before = self.map.volumes.get(at).map_or(0, |volume| volume.sectors);
        let more = units(sectors)?.checked_sub(units_of(before)).ok_or(VolumesError::Shrinks)?;
        if sectors < before {
            return Err(VolumesError::Shrinks);
        }
        self.set_aside(more)?;
        if let Some(volume) = self.map.volumes.get_mut(at) {
            volume.sectors = sectors;
            volume.leaves.resize(leaves_of(sectors), None);
        }
        self.done().map(|_| ())
    }

    /// Makes a volume with the content of another. Room for all of it is set aside; nothing is copied but the list of its leaves.
    ///
    /// # Errors
    /// `NoSuchVolume`, `Exists`, `TooMany`, `Full`, `Failed`.
    pub fn clone_volume(&mut self, of: &Name, name: &Name) -> Result<VolumeId, VolumesError> {
        let origin = self.map.search(of).map_err(|_| VolumesError::NoSuchVolume)?;
        let at = self.place_for(name)?;
        let Some(origin) = self.map.volumes.get(origin) else { return Err(VolumesError::NoSuchVolume) };
        let (sectors, leaves) = (origin.sectors, origin.leaves.clone());
        self.set_aside(units_of(sectors))?;
        self.map.add_volume(at, name.clone(), sectors, leaves);
        self.done()?;
        self.find(name).ok_or(VolumesError::Failed)
    }

    /// Forgets a volume, and gives back to the device what nothing else has.
    ///
    /// # Errors
    /// `NoSuchVolume`, `Failed`.
    pub fn erase(&mut self, name: &Name) -> Result<Erased, VolumesError> {
        let at = self.map.search(name).map_err(|_| VolumesError::NoSuchVolume)?;
        // What clients let go is not counted as the volume's.
        if self.map.changed {
            self.done()?;
        }
        let (mapped, _) = self.map.volumes.get(at).map_or((0, 0), |volume| self.map.count(volume));
        self.map.remove_volume(at);
        let LetGo { discarded, left } = self.done()?;
        let mapped = mapped.saturating_mul(UNIT_SECTORS);
        Ok(Erased { discarded, left, shared: mapped.saturating_sub(discarded).saturating_sub(left) })
    }

    /// Where a new volume of this name stands in the list.
    fn place_for(&self, name: &Name) -> Result<usize, VolumesError> {
        match self.map.search(name) {
            Ok(_) => Err(VolumesError::Exists),
            Err(_) if self.map.volumes.len() >= VOLUMES_MAX => Err(VolumesError::TooMany),
            Err(at) => Ok(at),
        }
    }

    /// Whether there is room for so many units more that is no other volume's.
    fn set_aside(&self, more: u64) -> Result<(), VolumesError> {
        if self.broken {
            return Err(VolumesError::Failed);
        }
        let all = self.map.reserved().checked_add(more);
        let fits = all.is_some_and(|all| all <= u64::from(self.map.geometry.units));
        if fits { Ok(()) } else { Err(VolumesError::Full) }
    }

    fn done(&mut self) -> Result<LetGo, VolumesError> {
        self.map.changed = true;
        self.commit().map_err(|_: DiskError| VolumesError::Failed)
    }
}

/// Units of a volume of a legal size.
fn units(sectors: u64) -> Result<u64, VolumesError> {
    if (1..=SECTORS_MAX).contains(&sectors) { Ok(units_of(sectors)) } else { Err(VolumesError::BadSize) }
}
