//! What the image says, as values: [`Qube`], [`Region`], [`Channel`], [`Service`].
//!
//! Reading a record checks its form (a name is a name, a label exists); whether the parts fit together is `verify.rs`.

use ipc_proto_types::{Label, PortIndex, QubeIndex, QubeName, SchemaId, ServiceIndex};

use crate::bytes::{Bytes, Table};
use crate::layout::{self, channel, qube, region, service};

/// What a qube may do with a region. Writable and executable at once does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rights {
    /// Read.
    R = 1,
    /// Read and execute.
    RX = 2,
    /// Read and write.
    RW = 3,
}

impl Rights {
    /// The byte that stands for these rights.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    fn from_code(code: u8) -> Option<Rights> {
        [Rights::R, Rights::RX, Rights::RW].into_iter().find(|rights| rights.code() == code)
    }
}

/// What follows a qube's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Restart {
    /// It stays ended.
    Never = 0,
    /// It gets a new life, after a growing delay.
    Always = 1,
    /// It gets a life, its first one too, when it is asked for.
    OnDemand = 2,
}

impl Restart {
    /// The byte that stands for this.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    fn from_code(code: u8) -> Option<Restart> {
        let all = [Restart::Never, Restart::Always, Restart::OnDemand];
        all.into_iter().find(|restart| restart.code() == code)
    }
}

/// A run of I/O ports given to a qube.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct IoPorts {
    /// The first port.
    pub first: u16,
    /// How many from there on; never 0.
    pub count: u16,
}

/// A PCI function that a qube owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PciMatch {
    /// The first of this class and subclass.
    Class(u16),
    /// The one at this address: bus, device, function.
    Address(u16),
}

impl PciMatch {
    /// The word that stands for it.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            PciMatch::Class(class) => 0x1_0000 | class as u32,
            PciMatch::Address(address) => 0x2_0000 | address as u32,
        }
    }

    fn from_code(code: u32) -> Option<Option<PciMatch>> {
        let [low, high, kind, 0] = code.to_le_bytes() else { return None };
        let value = u16::from_le_bytes([low, high]);
        match kind {
            0 if value == 0 => Some(None),
            1 => Some(Some(PciMatch::Class(value))),
            2 => Some(Some(PciMatch::Address(value))),
            _ => None,
        }
    }
}

/// A region of a qube's memory: `data`, then zeros up to `pages`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region<'a> {
    /// Guest physical address, page aligned.
    pub gpa: u64,
    /// Length in pages of 4 KiB, at least 1.
    pub pages: u32,
    /// What the qube may do with it.
    pub rights: Rights,
    /// Its first bytes. In the file they start on a page boundary, and an R or RX region is whole pages, so it can be
    /// mapped where it lies.
    pub data: &'a [u8],
}

impl Region<'_> {
    /// First address after the region.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.gpa + self.pages as u64 * layout::PAGE as u64
    }

    pub(crate) fn read<'a>(record: Bytes<'_>, file: Bytes<'a>) -> Option<Region<'a>> {
        Some(Region {
            gpa: record.u64(region::GPA)?,
            pages: record.u32(region::PAGES)?,
            rights: Rights::from_code(record.u8(region::RIGHTS)?)?,
            data: file.slice(record.size(region::DATA_OFFSET)?, record.size(region::DATA_LENGTH)?)?,
        })
    }
}

/// A qube: everything needed to give it a life.
#[derive(Debug, Clone, Copy)]
pub struct Qube<'a> {
    /// Unique in the system.
    pub name: QubeName,
    /// Its trust colour.
    pub label: Label,
    /// Its memory from [`layout::RAM_BASE`] on, in pages of 4 KiB.
    pub memory_pages: u32,
    /// First instruction (gpa, executable).
    pub entry: u64,
    /// Initial stack pointer (gpa, 16-byte aligned).
    pub stack_top: u64,
    /// Boot information, goes into RDI (gpa).
    pub boot_info: u64,
    /// Where the wall-clock time at boot goes: 16 bytes, nanoseconds since 1970, signed (gpa).
    pub boot_time_at: u64,
    /// Where the TSC frequency in kHz goes: 4 bytes (gpa).
    pub cpu_khz_at: u64,
    /// The qube's own top page table, goes into CR3 (gpa).
    pub page_table_root: u64,
    /// Heap and DMA: first and one past the last address (gpa).
    pub arena: (u64, u64),
    /// Arguments, `key=value` words separated by spaces, at most [`layout::ARGS_MAX`] bytes.
    pub args: &'a str,
    /// What follows its end.
    pub restart: Restart,
    /// On whose behalf it is opened, if it waits until it is asked for: the policy gives it no more than that qube has.
    pub opened_for: Option<QubeIndex>,
    /// Interrupt line that wakes it, if it owns a device with one.
    pub irq: Option<u8>,
    /// Number of its ports, numbered from 0.
    pub port_count: u8,
    /// Its PCI function: the first of these that the machine has.
    pub pci: [Option<PciMatch>; layout::PCI_MAX],
    /// It may drive its function where no IOMMU keeps that inside its memory.
    pub dma_unprotected: bool,
    io_ports: [IoPorts; layout::IO_PORTS_MAX],
    io_port_count: u8,
    regions: Regions<'a>,
}

impl<'a> Qube<'a> {
    /// What stands for a qube where there is none: no memory, no ports, no life.
    pub const NOBODY: Self = Self {
        name: match QubeName::new("nobody") {
            Ok(name) => name,
            Err(_) => panic!("a legal name"),
        },
        label: Label::Untrusted,
        memory_pages: 0,
        entry: 0,
        stack_top: 0,
        boot_info: 0,
        boot_time_at: 0,
        cpu_khz_at: 0,
        page_table_root: 0,
        arena: (0, 0),
        args: "",
        restart: Restart::Never,
        opened_for: None,
        irq: None,
        port_count: 0,
        pci: [None; layout::PCI_MAX],
        dma_unprotected: false,
        io_ports: [IoPorts { first: 0, count: 0 }; layout::IO_PORTS_MAX],
        io_port_count: 0,
        regions: Regions { table: Table::EMPTY, file: Bytes(&[]), next: 0, end: 0 },
    };

    /// Its memory, in ascending order of address, without overlap; at most [`layout::REGIONS_MAX`].
    /// The RW regions come last, touch each other, and reach to the end of its memory.
    #[must_use]
    pub fn regions(&self) -> Regions<'a> {
        self.regions
    }

    /// Whether it owns a PCI function.
    #[must_use]
    pub fn has_pci(&self) -> bool {
        self.pci.iter().any(Option::is_some)
    }

    /// Ports it may touch; at most [`layout::IO_PORTS_MAX`] runs.
    #[must_use]
    pub fn io_ports(&self) -> &[IoPorts] {
        self.io_ports.get(..usize::from(self.io_port_count)).unwrap_or(&[])
    }

    /// First address after its memory.
    #[must_use]
    pub const fn memory_end(&self) -> u64 {
        layout::RAM_BASE + self.memory_pages as u64 * layout::PAGE as u64
    }

    pub(crate) fn read(record: Bytes<'_>, regions: Table<'a>, file: Bytes<'a>) -> Option<Qube<'a>> {
        let args = file.slice(record.size(qube::ARGS_OFFSET)?, record.u16(qube::ARGS_LENGTH)?.into())?;
        let first = record.size(qube::FIRST_REGION)?;
        let end = first.checked_add(record.u8(qube::REGION_COUNT)?.into())?;
        Some(Qube {
            name: name(record.array(qube::NAME)?)?,
            label: Label::from_u8(record.u8(qube::LABEL)?)?,
            memory_pages: record.u32(qube::MEMORY_PAGES)?,
            entry: record.u64(qube::ENTRY)?,
            stack_top: record.u64(qube::STACK_TOP)?,
            boot_info: record.u64(qube::BOOT_INFO)?,
            boot_time_at: record.u64(qube::BOOT_TIME_AT)?,
            cpu_khz_at: record.u64(qube::CPU_KHZ_AT)?,
            page_table_root: record.u64(qube::PAGE_TABLE_ROOT)?,
            arena: (record.u64(qube::ARENA_START)?, record.u64(qube::ARENA_END)?),
            args: core::str::from_utf8(args).ok()?,
            restart: Restart::from_code(record.u8(qube::RESTART)?)?,
            opened_for: match record.u8(qube::OPENED_FOR)?.checked_sub(1) {
                Some(index) => Some(QubeIndex::new(index)?),
                None => None,
            },
            irq: Some(record.u8(qube::IRQ)?).filter(|line| *line != qube::NONE),
            port_count: record.u8(qube::PORT_COUNT)?,
            pci: [
                PciMatch::from_code(record.u32(qube::PCI)?)?,
                PciMatch::from_code(record.u32(qube::PCI + 4)?)?,
            ],
            dma_unprotected: record.u8(qube::DMA_UNPROTECTED)? == 1,
            io_ports: io_ports(record)?,
            io_port_count: record.u8(qube::IO_PORT_COUNT)?,
            regions: Regions { table: regions, file, next: first, end },
        })
    }
}

fn io_ports(record: Bytes<'_>) -> Option<[IoPorts; layout::IO_PORTS_MAX]> {
    let mut runs = [IoPorts::default(); layout::IO_PORTS_MAX];
    for (index, run) in runs.iter_mut().enumerate() {
        let at = qube::IO_PORTS + 4 * index;
        *run = IoPorts { first: record.u16(at)?, count: record.u16(at + 2)? };
    }
    Some(runs)
}

/// Reads a NUL-padded name.
pub(crate) fn name(padded: [u8; 16]) -> Option<QubeName> {
    QubeName::from_padded(&padded).ok()
}

/// The regions of one qube.
#[derive(Debug, Clone, Copy)]
pub struct Regions<'a> {
    table: Table<'a>,
    file: Bytes<'a>,
    next: usize,
    end: usize,
}

impl<'a> Iterator for Regions<'a> {
    type Item = Region<'a>;

    fn next(&mut self) -> Option<Region<'a>> {
        if self.next >= self.end {
            return None;
        }
        let region = Region::read(self.table.get(self.next)?, self.file)?;
        self.next += 1;
        Some(region)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.end.saturating_sub(self.next)))
    }
}

/// A channel: which two ends, what they speak, what is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Channel<'a> {
    /// The end that calls.
    pub client: QubeIndex,
    /// Its port.
    pub client_port: PortIndex,
    /// The end that answers; `None` is the supervisor itself.
    pub server: Option<QubeIndex>,
    /// Its port; 0 when the supervisor serves.
    pub server_port: PortIndex,
    /// What they speak.
    pub service: ServiceIndex,
    /// Receive buffers at each end, 1..=64.
    pub depth: u16,
    decisions: &'a [u8],
}

impl<'a> Channel<'a> {
    /// Number of decision words: one a method of the service.
    #[must_use]
    pub fn decision_count(&self) -> usize {
        self.decisions.len() / 2
    }

    /// The decision word for a method (see `supervisor_policy::decide`). A method that does not exist is denied.
    #[must_use]
    pub fn decision(&self, method: u16) -> u16 {
        Bytes(self.decisions).u16(usize::from(method) * 2).unwrap_or(supervisor_policy::DENY)
    }

    /// All decision words, in the order of methods.
    pub fn decisions(&self) -> impl Iterator<Item = u16> + 'a {
        self.decisions.as_chunks::<2>().0.iter().map(|word| u16::from_le_bytes(*word))
    }

    pub(crate) fn read(record: Bytes<'_>, file: Bytes<'a>) -> Option<Channel<'a>> {
        let server = record.u8(channel::SERVER)?;
        let server = if server == channel::SUPERVISOR { None } else { Some(QubeIndex::new(server)?) };
        let decisions = usize::from(record.u8(channel::DECISION_COUNT)?) * 2;
        Some(Channel {
            client: QubeIndex::new(record.u8(channel::CLIENT)?)?,
            client_port: PortIndex::new(record.u8(channel::CLIENT_PORT)?)?,
            server,
            server_port: PortIndex::new(record.u8(channel::SERVER_PORT)?)?,
            service: ServiceIndex::new(record.u8(channel::SERVICE)?)?,
            depth: record.u16(channel::DEPTH)?,
            decisions: file.slice(record.size(channel::DECISIONS)?, decisions)?,
        })
    }
}

/// A service: what may be said on a channel.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a> {
    /// Its name.
    pub name: QubeName,
    /// Its version.
    pub version: u16,
    /// Its schema id; frames carry it.
    pub id: SchemaId,
    /// Its schema table, already found to parse.
    pub table: &'a [u8],
    /// Longest body of any of its messages, in bytes.
    pub message_max: u32,
}

impl<'a> Service<'a> {
    pub(crate) fn read_text(record: Bytes<'_>, file: Bytes<'a>) -> Option<&'a [u8]> {
        file.slice(record.size(service::TEXT_OFFSET)?, record.size(service::TEXT_LENGTH)?)
    }

    pub(crate) fn read(record: Bytes<'_>, file: Bytes<'a>) -> Option<Service<'a>> {
        Some(Service {
            name: name(record.array(service::NAME)?)?,
            version: record.u16(service::VERSION)?,
            id: SchemaId(record.array(service::ID)?),
            table: file.slice(record.size(service::TABLE_OFFSET)?, record.size(service::TABLE_LENGTH)?)?,
            message_max: record.u32(service::MESSAGE_MAX)?,
        })
    }
}
