//! A system that passed every check.

use std::path::PathBuf;

use ipc_proto_types::{Label, PortIndex, QubeIndex, QubeName};
use ipc_proto_wire::Service;

use crate::problem::Position;

/// A whole system, as the image writer and the questions about it need it.
#[derive(Debug, Clone)]
pub struct System {
    /// Its name.
    pub name: QubeName,
    /// The file it came from.
    pub path: PathBuf,
    /// What all qubes may use together, in bytes.
    pub memory: u64,
    /// Its qubes; a [`QubeIndex`] is a place in this list.
    pub qubes: Vec<Qube>,
    /// Its channels, in the order of the file.
    pub channels: Vec<Channel>,
    /// The services its channels speak; [`Channel::service`] is a place in this list.
    pub services: Vec<&'static Service>,
    /// Rule chains, encoded as `supervisor-policy` reads them.
    pub chains: Vec<u8>,
}

impl System {
    /// The qube of this name and its index.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(QubeIndex, &Qube)> {
        let place = self.qubes.iter().position(|qube| qube.name == *name)?;
        Some((QubeIndex::new(u8::try_from(place).ok()?)?, self.qubes.get(place)?))
    }

    /// The qube of this index.
    #[must_use]
    pub fn qube(&self, index: QubeIndex) -> Option<&Qube> {
        self.qubes.get(index.as_usize())
    }

    /// The service of a channel.
    #[must_use]
    pub fn service(&self, channel: &Channel) -> Option<&'static Service> {
        self.services.get(channel.service).copied()
    }

    /// The cargo packages of all qubes, each once, sorted.
    #[must_use]
    pub fn packages(&self) -> Vec<&str> {
        let mut packages: Vec<&str> = self.qubes.iter().map(|qube| qube.package.as_str()).collect();
        packages.sort_unstable();
        packages.dedup();
        packages
    }
}

impl Qube {
    /// Whether `name` means it: its own, or its family's.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == *name || self.family.is_some_and(|family| family == *name)
    }
}

/// One qube of a system.
#[derive(Debug, Clone)]
pub struct Qube {
    /// Unique in the system.
    pub name: QubeName,
    /// Trust colour.
    pub label: Label,
    /// All its memory, in bytes; whole pages.
    pub memory: u64,
    /// Size of its stack in bytes, when its `qube.toml` says so.
    pub stack: Option<u64>,
    /// Folder of its `qube.toml`.
    pub folder: PathBuf,
    /// The cargo package that builds it.
    pub package: String,
    /// The binary of that package.
    pub binary: String,
    /// Services it may serve.
    pub serves: Vec<String>,
    /// Services it may call.
    pub calls: Vec<String>,
    /// Words that rules can select it by.
    pub tags: Vec<String>,
    /// Its arguments.
    pub args: String,
    /// The rules of the policy that are its own to decide, one a line; `None` when there are none.
    pub rules: Option<String>,
    /// What follows its end.
    pub restart: Restart,
    /// The name that stands for it and its like in channels and rules, where the manifest asks for several of one.
    pub family: Option<QubeName>,
    /// On whose behalf it is opened, if it is a disposable: it may do no more than that qube may.
    pub opened_for: Option<QubeIndex>,
    /// What it owns.
    pub devices: Vec<Device>,
    /// It may drive its PCI function on a machine without an IOMMU.
    pub dma_unprotected: bool,
    /// Number of its ports.
    pub port_count: u8,
}

/// What follows a qube's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// A new life.
    Always,
    /// Nothing.
    Never,
    /// Nothing, and no life at boot either: it is a disposable and lives when it is started.
    OnDemand,
}

/// A device a qube can own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The first serial port: I/O ports 0x3f8..0x400, interrupt line 4.
    Terminal,
    /// The second serial port, for whoever looks into a running system: I/O ports 0x2f8..0x300, interrupt line 3.
    Inspect,
    /// A disk: NVMe (class 0108), or else virtio-blk (0100).
    Disk,
    /// A network card: Ethernet (class 0200).
    Nic,
    /// The first PCI function of a class and subclass.
    PciClass(u16),
    /// The PCI function at an address: bus, device, function.
    Pci(u16),
}

impl Device {
    /// The word for it in a manifest.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Terminal => "terminal".into(),
            Self::Inspect => "inspect".into(),
            Self::Disk => "disk".into(),
            Self::Nic => "nic".into(),
            Self::PciClass(class) => format!("pci-class:{class:04x}"),
            Self::Pci(at) => format!("pci:{:02x}:{:02x}.{}", at >> 8, at >> 3 & 31, at & 7),
        }
    }

    /// Whether it is a PCI function, which reaches memory by itself.
    #[must_use]
    pub const fn is_pci(self) -> bool {
        !matches!(self, Self::Terminal | Self::Inspect)
    }

    pub(crate) fn named(word: &str) -> Option<Self> {
        let hex = |digits: &str| u16::from_str_radix(digits, 16).ok();
        let device = match word.split_once(':') {
            None => [Self::Terminal, Self::Inspect, Self::Disk, Self::Nic]
                .into_iter()
                .find(|it| it.word() == word)?,
            Some(("pci-class", class)) => Self::PciClass(hex(class)?),
            Some(("pci", address)) => {
                let (bus, rest) = address.split_once(':')?;
                let (device, function) = rest.split_once('.')?;
                let (bus, device, function) = (hex(bus)?, hex(device)?, hex(function)?);
                Self::Pci(
                    (bus < 256 && device < 32 && function < 8)
                        .then_some(bus << 8 | device << 3 | function)?,
                )
            }
            Some(_) => return None,
        };
        // One way to write each.
        (device.word() == word).then_some(device)
    }
}

/// One channel of a system.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Who calls.
    pub client: QubeIndex,
    /// Its port.
    pub client_port: PortIndex,
    /// Who answers; `None` is the supervisor.
    pub server: Option<QubeIndex>,
    /// Its port; 0 for the supervisor.
    pub server_port: PortIndex,
    /// Place in [`System::services`].
    pub service: usize,
    /// Receive buffers at each end.
    pub depth: u16,
    /// Its `[[channel]]` in the system file.
    pub at: Position,
    /// What policy says, one entry a method.
    pub decisions: Vec<Decision>,
}

/// What policy says about one method of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The decision word (see `supervisor_policy::decide`).
    pub word: u16,
    /// The first rule that had a say, in the system file; `None` when no rule matches, which denies.
    pub rule: Option<Position>,
}
