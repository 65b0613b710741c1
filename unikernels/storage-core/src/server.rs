//! `Server`: answers `block` on each channel for the one volume behind it, and `volumes` for the administrator.
//!
//! Which volume is behind a channel was said when the qube was started, by the number of the port: no byte of a message can
//! change it. Who may call `volumes` is the policy's to say.

use ipc_proto_block_api::{BlockError, InPlace};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{List, MAX_PORTS, PortIndex, Text};
use ipc_proto_volumes_api::{Erased, NAME_MAX, Page, Space, Volumes, VolumesError};
use unikernels_disk::{Disk, DiskError};

use crate::{Name, Store, VolumeId};

/// A store and what its channels stand for.
#[derive(Debug)]
pub struct Server<D> {
    store: Store<D>,
    volumes: [Option<Name>; MAX_PORTS],
}

impl<D: Disk> Server<D> {
    /// A server whose channels have no volumes yet.
    #[must_use]
    pub fn new(store: Store<D>) -> Self {
        Self { store, volumes: [const { None }; MAX_PORTS] }
    }

    /// From now on this channel is the volume of this name; while there is none, everything is answered with `Gone`.
    pub fn bind(&mut self, port: PortIndex, name: Name) {
        if let Some(volume) = self.volumes.get_mut(port.as_usize()) {
            *volume = Some(name);
        }
    }

    /// The volumes.
    pub fn store(&mut self) -> &mut Store<D> {
        &mut self.store
    }

    fn volume(&self, caller: &Caller) -> Result<VolumeId, BlockError> {
        let name = self.volumes.get(caller.port.as_usize()).and_then(Option::as_ref);
        name.and_then(|name| self.store.find(name)).ok_or(BlockError::Gone)
    }
}

impl<D: Disk> InPlace for Server<D> {
    fn size(&mut self, caller: &Caller) -> Result<u64, BlockError> {
        let volume = self.volume(caller)?;
        self.store.sectors(volume).ok_or(BlockError::Gone)
    }

    fn read(&mut self, caller: &Caller, from: u64, into: &mut [u8]) -> Result<(), BlockError> {
        let volume = self.volume(caller)?;
        self.store.read(volume, from, into).map_err(told)
    }

    fn write(&mut self, caller: &Caller, to: u64, data: &[u8]) -> Result<(), BlockError> {
        let volume = self.volume(caller)?;
        self.store.write(volume, to, data).map_err(told)
    }

    fn flush(&mut self, caller: &Caller) -> Result<(), BlockError> {
        let volume = self.volume(caller)?;
        self.store.flush(volume).map_err(told)
    }

    fn discard(&mut self, caller: &Caller, from: u64, count: u64) -> Result<(), BlockError> {
        let volume = self.volume(caller)?;
        self.store.discard(volume, from, count).map_err(told)
    }
}

/// An error as messages have it.
fn told(error: DiskError) -> BlockError {
    match error {
        DiskError::Unaligned => BlockError::Unaligned,
        DiskError::OutOfRange => BlockError::OutOfRange,
        DiskError::ReadOnly => BlockError::ReadOnly,
        DiskError::Full => BlockError::Full,
        DiskError::Failed => BlockError::Failed,
        DiskError::Gone => BlockError::Gone,
    }
}

impl<D: Disk> Volumes for Server<D> {
    fn list(&mut self, _: &Caller, from: u16) -> Page {
        let mut volumes = List::new();
        for volume in self.store.volumes().skip(usize::from(from)) {
            if volumes.push(volume).is_err() {
                break;
            }
        }
        Page { volumes, total: u16::try_from(self.store.len()).unwrap_or(u16::MAX) }
    }

    fn space(&mut self, _: &Caller) -> Space {
        self.store.space()
    }

    fn make(&mut self, _: &Caller, name: Text<NAME_MAX>, sectors: u64) -> Result<(), VolumesError> {
        self.store.make(&Name::new(&name)?, sectors).map(|_| ())
    }

    fn grow(&mut self, _: &Caller, name: Text<NAME_MAX>, sectors: u64) -> Result<(), VolumesError> {
        self.store.grow(&Name::new(&name)?, sectors)
    }

    fn clone(&mut self, _: &Caller, of: Text<NAME_MAX>, name: Text<NAME_MAX>) -> Result<(), VolumesError> {
        self.store.clone_volume(&Name::new(&of)?, &Name::new(&name)?).map(|_| ())
    }

    fn erase(&mut self, _: &Caller, name: Text<NAME_MAX>) -> Result<Erased, VolumesError> {
        self.store.erase(&Name::new(&name)?)
    }
}
