//! `OpenVolume`: a volume as a disk.

use unikernels_disk::{Disk, DiskError};

use crate::{Store, VolumeId};

/// A volume of a store. When it is erased it has no sectors, and everything else is answered with `Gone`.
#[derive(Debug)]
pub struct OpenVolume<'s, D> {
    store: &'s mut Store<D>,
    id: VolumeId,
}

impl<'s, D: Disk> OpenVolume<'s, D> {
    pub(crate) fn new(store: &'s mut Store<D>, id: VolumeId) -> Self {
        Self { store, id }
    }
}

impl<D: Disk> Disk for OpenVolume<'_, D> {
    fn sectors(&self) -> u64 {
        self.store.sectors(self.id).unwrap_or(0)
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.store.read(self.id, from, into)
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.store.write(self.id, to, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.store.flush(self.id)
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        self.store.discard(self.id, from, sectors)
    }
}
