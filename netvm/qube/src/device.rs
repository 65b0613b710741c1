//! The network card behind this qube's PCI function: virtio-net or Intel's 82574L.

use unikernels_e1000e::E1000e;
use unikernels_nic::{Dropped, Link, Mac, Nic, NicError};
use unikernels_rt::{DeviceMemory, Pci, Qube, Window, Windows};
use unikernels_virtio_nic::VirtioNic;
use unikernels_virtio_pci::{Kind, Layout};

/// Vendor and device number of the 82574L, as the first register has them.
const I82574L: [u8; 4] = [0x86, 0x80, 0xd3, 0x10];

/// The card.
#[expect(clippy::large_enum_variant, reason = "there is one, and it is never moved after the start")]
pub(crate) enum Device {
    /// An 82574L.
    E1000e(E1000e<Window, DeviceMemory>),
    /// virtio-net.
    Virtio(VirtioNic<unikernels_virtio_pci::Pci<Windows>, DeviceMemory>),
}

impl Device {
    /// Brings the card up, with this address or its own.
    ///
    /// # Panics
    /// When there is none, or it does not come up: without it this qube is of no use.
    pub(crate) fn start(qube: Qube, mac: Option<Mac>) -> Self {
        let Some(mut pci) = qube.pci() else { panic!("the manifest gives this qube no network card") };
        let config = pci.config();
        if config.starts_with(&I82574L) {
            let Some(window) = pci.window(0) else { panic!("the network card has no registers") };
            let memory = memory(&mut pci, unikernels_e1000e::ARENA);
            match E1000e::start(window, memory, &mut { qube }, mac) {
                Ok(card) => Self::E1000e(card),
                Err(error) => panic!("the network card does not start: {error:?}"),
            }
        } else {
            let layout = match Layout::read(&config, Kind::Network) {
                Ok(layout) => layout,
                Err(error) => panic!("neither an 82574L nor a virtio network card: {error:?}"),
            };
            let transport = match unikernels_virtio_pci::Pci::new(pci.windows(), layout) {
                Ok(transport) => transport,
                Err(error) => panic!("the virtio network card has no registers: {error:?}"),
            };
            match VirtioNic::start(transport, memory(&mut pci, unikernels_virtio_nic::ARENA), mac) {
                Ok(card) => Self::Virtio(card),
                Err(error) => panic!("the virtio network card does not start: {error:?}"),
            }
        }
    }

    /// What it is, for the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::E1000e(_) => "82574L",
            Self::Virtio(_) => "virtio-net",
        }
    }
}

fn memory(pci: &mut Pci, bytes: usize) -> DeviceMemory {
    match pci.memory(bytes) {
        Some(memory) => memory,
        None => panic!("too little memory for the rings of the network card"),
    }
}

/// One of two cards, whichever it is.
macro_rules! card {
    ($device:expr, $card:ident => $do:expr) => {
        match $device {
            Device::E1000e($card) => $do,
            Device::Virtio($card) => $do,
        }
    };
}

impl Nic for Device {
    fn mac(&self) -> Mac {
        card!(self, card => card.mac())
    }

    fn mtu(&self) -> usize {
        card!(self, card => card.mtu())
    }

    fn link(&mut self) -> Result<Link, NicError> {
        card!(self, card => card.link())
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<usize>, NicError> {
        card!(self, card => card.receive(into))
    }

    fn has_room(&mut self) -> Result<bool, NicError> {
        card!(self, card => card.has_room())
    }

    fn transmit(&mut self, frame: &[u8]) -> Result<(), NicError> {
        card!(self, card => card.transmit(frame))
    }

    fn flush(&mut self) {
        card!(self, card => card.flush());
    }

    fn acknowledge(&mut self) {
        card!(self, card => card.acknowledge());
    }

    fn wake_after(&mut self, frames: u16) -> Result<bool, NicError> {
        card!(self, card => card.wake_after(frames))
    }

    fn dropped(&self) -> Dropped {
        card!(self, card => card.dropped())
    }
}
