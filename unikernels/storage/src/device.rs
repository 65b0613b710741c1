//! The disk behind this qube's PCI function: NVMe or virtio-blk, as drivers see it.

use unikernels_disk::{Disk, DiskError};
use unikernels_nvme::{ARENA_MAX, Nvme};
use unikernels_rt::{DeviceMemory, PciMemory, Qube, Window, Windows};
use unikernels_virtio_disk::{Guarded, VirtioDisk};
use unikernels_virtio_pci::{Kind, Layout};
use virtio_drivers::device::blk::VirtIOBlk;

/// Class and subclass of an NVMe controller, as the upper half of the class register.
const NVME: [u8; 2] = [0x08, 0x01];
const CLASS_AT: usize = 0x0a;

/// The disk.
#[expect(clippy::large_enum_variant, reason = "there is one, and it is never moved after the start")]
pub(crate) enum Device {
    /// Behind an NVMe controller.
    Nvme(Nvme<Window, DeviceMemory, Qube>),
    /// virtio-blk.
    Virtio(VirtioDisk<VirtIOBlk<PciMemory, Guarded<unikernels_virtio_pci::Pci<Windows>, Qube>>>),
}

impl Device {
    /// Brings the device up.
    ///
    /// # Panics
    /// When there is none, or it does not come up: without it this qube is of no use.
    pub(crate) fn start(qube: Qube) -> Self {
        let Some(mut pci) = qube.pci() else { panic!("the manifest gives this qube no disk") };
        let config = pci.config();
        if config[CLASS_AT..CLASS_AT + 2] == NVME {
            let Some(window) = pci.window(0) else { panic!("the NVMe controller has no registers") };
            let Some(memory) = pci.memory(ARENA_MAX) else { panic!("too little memory for the NVMe queues") };
            let started = Nvme::new(window, memory, qube).and_then(|mut nvme| nvme.start().map(|_| nvme));
            match started {
                Ok(nvme) => Self::Nvme(nvme),
                Err(error) => panic!("the NVMe controller does not start: {error:?}"),
            }
        } else {
            let layout = match Layout::read(&config, Kind::Block) {
                Ok(layout) => layout,
                Err(error) => panic!("neither an NVMe controller nor a virtio disk: {error:?}"),
            };
            let started = unikernels_virtio_pci::Pci::new(pci.windows(), layout)
                .and_then(|transport| VirtIOBlk::new(Guarded::new(transport, qube)));
            match started {
                Ok(blocks) => Self::Virtio(VirtioDisk::new(blocks)),
                Err(error) => panic!("the virtio disk does not start: {error:?}"),
            }
        }
    }

    /// What it is, for the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Nvme(_) => "NVMe",
            Self::Virtio(_) => "virtio-blk",
        }
    }
}

impl Disk for Device {
    fn sectors(&self) -> u64 {
        match self {
            Self::Nvme(disk) => disk.sectors(),
            Self::Virtio(disk) => disk.sectors(),
        }
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        match self {
            Self::Nvme(disk) => disk.read(from, into),
            Self::Virtio(disk) => disk.read(from, into),
        }
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        match self {
            Self::Nvme(disk) => disk.write(to, bytes),
            Self::Virtio(disk) => disk.write(to, bytes),
        }
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        match self {
            Self::Nvme(disk) => disk.flush(),
            Self::Virtio(disk) => disk.flush(),
        }
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        match self {
            Self::Nvme(disk) => disk.discard(from, sectors),
            Self::Virtio(disk) => disk.discard(from, sectors),
        }
    }
}
