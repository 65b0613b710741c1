//! The disk behind this qube's PCI function: NVMe or virtio-blk, as drivers see it.

use unikernels_disk::{Disk, DiskError, Registers as _};
use unikernels_nvme::{ARENA_MAX, Nvme};
use unikernels_rt::{DeviceMemory, PciMemory, Qube, Window};
use unikernels_virtio_disk::{Guarded, VirtioDisk};
use unikernels_virtio_pci::{Bars, Kind, Layout};
use virtio_drivers::device::blk::VirtIOBlk;

/// Class and subclass of an NVMe controller, as the upper half of the class register.
const NVME: [u8; 2] = [0x08, 0x01];
const CLASS_AT: usize = 0x0a;
/// BARs of a function.
const BARS: usize = 6;

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
            let windows = Windows(core::array::from_fn(|index| pci.window(index)));
            let started = unikernels_virtio_pci::Pci::new(windows, layout)
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

/// The register windows of a virtio device.
pub(crate) struct Windows([Option<Window>; BARS]);

impl Windows {
    fn window(&self, bar: u8) -> &Window {
        match self.0.get(usize::from(bar)) {
            Some(Some(window)) => window,
            _ => panic!("BAR {bar} is not mapped"),
        }
    }

    fn window_mut(&mut self, bar: u8) -> &mut Window {
        match self.0.get_mut(usize::from(bar)) {
            Some(Some(window)) => window,
            _ => panic!("BAR {bar} is not mapped"),
        }
    }
}

/// An offset in a window, which is far below 4 GiB.
fn offset(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

impl Bars for Windows {
    fn len_bytes(&self, bar: u8) -> u64 {
        let window = self.0.get(usize::from(bar)).and_then(Option::as_ref);
        window.map_or(0, |window| window.len_bytes() as u64)
    }

    fn read_u8(&self, bar: u8, at: u64) -> u8 {
        self.window(bar).read(offset(at))
    }

    fn read_u16(&self, bar: u8, at: u64) -> u16 {
        self.window(bar).read(offset(at))
    }

    fn read_u32(&self, bar: u8, at: u64) -> u32 {
        self.window(bar).read(offset(at))
    }

    fn write_u8(&mut self, bar: u8, at: u64, value: u8) {
        self.window_mut(bar).write(offset(at), value);
    }

    fn write_u16(&mut self, bar: u8, at: u64, value: u16) {
        self.window_mut(bar).write(offset(at), value);
    }

    fn write_u32(&mut self, bar: u8, at: u64, value: u32) {
        self.window_mut(bar).write(offset(at), value);
    }
}
