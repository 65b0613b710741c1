//! What the vault's volume is on: a channel, or memory.

use alloc::boxed::Box;
use alloc::vec;

use ipc_proto_block_api as block;
use ipc_proto_rpc::Untyped;
use ipc_proto_vault_api::Storage;
use unikernels_block_client::{BlockDisk, Frame};
use unikernels_disk::{Disk, DiskError};
use unikernels_ram_disk::RamDisk;
use unikernels_rt::{Channel, Qube};
use vault_app_core::Medium;

/// Bytes of a volume in memory: some thousand entries, and half of it for writing them anew.
const MEMORY_BYTES: usize = 4 * 1024 * 1024;

/// Where the volume is.
pub(crate) enum Place {
    Volume(BlockDisk<'static, Untyped<'static, Channel>>),
    Memory(RamDisk<Box<[u8]>>),
}

impl Place {
    /// Behind the channel of service `block`, if the manifest gives one.
    pub(crate) fn find(qube: Qube) -> Self {
        match qube.client(&block::SERVICE) {
            Some(channel) => {
                let frame: &mut Frame = qube.place([0; block::FRAME_MAX]);
                Self::Volume(BlockDisk::new(Untyped::new(qube.place(channel)), frame))
            }
            None => Self::Memory(RamDisk::new(vec![0; MEMORY_BYTES].into_boxed_slice())),
        }
    }
}

impl Medium for Place {
    fn storage(&self) -> Storage {
        match self {
            Self::Volume(_) => Storage::Volume,
            Self::Memory(_) => Storage::Memory,
        }
    }

    fn reopen(&mut self) -> Result<(), DiskError> {
        match self {
            Self::Volume(disk) => disk.reopen().map(|_| ()),
            Self::Memory(_) => Ok(()),
        }
    }
}

impl Place {
    fn disk(&mut self) -> &mut dyn Disk {
        match self {
            Self::Volume(disk) => disk,
            Self::Memory(disk) => disk,
        }
    }
}

impl Disk for Place {
    fn sectors(&self) -> u64 {
        match self {
            Self::Volume(disk) => disk.sectors(),
            Self::Memory(disk) => disk.sectors(),
        }
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.disk().read(from, into)
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.disk().write(to, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.disk().flush()
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        self.disk().discard(from, sectors)
    }
}
