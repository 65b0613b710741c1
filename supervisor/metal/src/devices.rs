//! PCI functions of qubes: who gets which, what it reaches of memory, when it starts and stops.
//!
//! With an IOMMU a function reaches the writable memory of its qube, at the qube's own addresses, while the qube lives.
//! Without one it reaches everything, and the manifest must have said that this is wanted.

use core::fmt;

use ipc_proto_types::{MAX_QUBES, QubeIndex};
use supervisor_image::{PciMatch, Qube, layout};
use supervisor_iommu::{Bdf, Error, Found, Iommu, Region};
use supervisor_mem::{Gpa, Hpa, PAGE_SIZE, PageCount};
use supervisor_monitor::Access;
use supervisor_pci::{
    Address, CONFIG_BYTES, Config, Function, Message, Quirk, WINDOWS, Wanted, find, quiesce,
};
use supervisor_x86::{HostPage, IommuMemory, Pci, Physical, device_vector};

/// Frames for the IOMMUs beyond those of a qube's tables: AMD's device table has 512, and each unit a few.
const IOMMU_FRAMES: u64 = 512 + 128;
/// Faults of devices told at once; a hostile one makes them without end.
const FAULTS_MAX: usize = 8;
/// Offsets in the page that describes a function (`docs/qube-abi.md`): after its configuration space.
const SIZES_AT: usize = 0x100;
const BUS_OFFSET_AT: usize = 0x130;
const WINDOW_REGISTERS_AT: usize = 0x10;
const CONFIG_WORDS: usize = CONFIG_BYTES as usize / 4;

/// Why a qube has no function.
pub(crate) enum Refused {
    /// Firmware does not say where configuration space is.
    NoPci,
    /// The machine has none of those it names.
    NotThere,
    /// It cannot be given away.
    Quirk(Quirk),
    /// Another qube has it.
    Taken,
    /// No IOMMU, and the manifest does not say that it may go without.
    NoIommu,
    /// The IOMMU cannot confine it.
    Iommu(Error),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPci => f.write_str("the firmware does not say where PCI is (no MCFG)"),
            Self::NotThere => f.write_str("the machine has no such device"),
            Self::Quirk(quirk) => write!(f, "its device cannot be given away: {quirk:?}"),
            Self::Taken => f.write_str("another qube has its device"),
            Self::NoIommu => f.write_str(
                "no IOMMU keeps its device away from others' memory; switch it on in the firmware (QEMU: -device \
                 amd-iommu), or let the manifest say dma = \"unprotected\"",
            ),
            Self::Iommu(error) => write!(f, "the IOMMU cannot confine its device: {error:?}"),
        }
    }
}

/// A function with an owner.
pub(crate) struct Owned {
    function: Function,
    memory: Region,
    vector: u8,
}

/// All functions of qubes, and what confines them.
pub(crate) struct Devices {
    pci: Option<Pci>,
    iommu: Option<Iommu<IommuMemory>>,
    /// Why there is no IOMMU though firmware tells of one.
    trouble: Option<Error>,
    apic: u32,
    owned: [Option<Owned>; MAX_QUBES],
}

impl Devices {
    /// Takes the bus from every function and starts the IOMMUs; does nothing when no qube has a function.
    pub(crate) fn start(
        pci: Option<Pci>,
        found: Option<Result<Found, Error>>,
        memory: &mut Physical,
        memory_end: u64,
        apic: u32,
    ) -> Self {
        let mut devices = Self { pci, iommu: None, trouble: None, apic, owned: [const { None }; MAX_QUBES] };
        if let Some(pci) = &mut devices.pci {
            let last_bus = pci.last_bus();
            quiesce(pci, last_bus);
        }
        let frames = PageCount(IOMMU_FRAMES + tables_of_all(memory_end));
        let iommu = found.map(|found| {
            let frames = memory.iommu(frames, memory_end).map_err(|_| Error::TooMany)?;
            Iommu::start(&found?, frames)
        });
        match iommu {
            Some(Ok(iommu)) => devices.iommu = Some(iommu),
            trouble => devices.trouble = trouble.and_then(Result::err),
        }
        devices
    }

    /// How the I/O APIC raises an ISA line through the IOMMU, if there is one.
    pub(crate) fn route_line(&mut self, line: u8) -> Result<Option<(u32, u8)>, Error> {
        let apic = self.apic;
        self.iommu.as_mut().map(|iommu| iommu.route_input(device_vector(line), apic)).transpose()
    }

    /// Whether some function reaches all memory.
    pub(crate) fn are_unprotected(&self) -> bool {
        self.iommu.is_none() && self.owned.iter().any(Option::is_some)
    }

    /// Finds a qube's function, and describes it in `page`. It does not run yet.
    pub(crate) fn give(
        &mut self,
        qube: QubeIndex,
        facts: &Qube<'static>,
        ram: Hpa,
        page: &mut HostPage,
    ) -> Result<&Function, Refused> {
        let pci = self.pci.as_mut().ok_or(Refused::NoPci)?;
        if self.iommu.is_none() && !facts.dma_unprotected {
            return Err(self.trouble.map_or(Refused::NoIommu, Refused::Iommu));
        }
        let wanted = facts.pci.iter().flatten().map(|wanted| match wanted {
            PciMatch::Class(class) => Wanted::Class(*class),
            PciMatch::Address(address) => Wanted::Address(Address(*address)),
        });
        let last_bus = pci.last_bus();
        let address =
            wanted.filter_map(|wanted| find(pci, last_bus, wanted)).next().ok_or(Refused::NotThere)?;
        if self.owned.iter().flatten().any(|other| other.function.address() == address) {
            return Err(Refused::Taken);
        }
        let mut described = [0; CONFIG_WORDS];
        for (word, register) in described.iter_mut().zip((0..).step_by(4)) {
            *word = pci.read(address, register);
        }
        let mut registers = pci.registers();
        let function = Function::open(pci, address, &mut registers).map_err(Refused::Quirk)?;
        let start = facts.regions().find(|region| region.rights == supervisor_image::Rights::RW);
        let start = start.map_or(layout::RAM_BASE, |region| region.gpa);
        let host = Hpa(ram.0 + (start - layout::RAM_BASE));
        let memory = (Gpa(start), host, facts.memory_end() - start);
        // Modulo 2^64: the memory may lie lower than the qube sees it.
        let bus_offset = if self.iommu.is_some() { 0 } else { ram.0.wrapping_sub(layout::RAM_BASE) };
        describe(page, &described, &function, bus_offset);
        let vector = device_vector(facts.irq.unwrap_or(layout::IRQ_PCI));
        let slot = self.owned.get_mut(qube.as_usize()).ok_or(Refused::NotThere)?;
        Ok(&slot.insert(Owned { function, memory, vector }).function)
    }

    /// A life of the qube begins: its function may reach its memory.
    pub(crate) fn begin(&mut self, qube: QubeIndex) -> Result<(), Refused> {
        let (Some(pci), Some(owned)) =
            (&mut self.pci, self.owned.get(qube.as_usize()).and_then(Option::as_ref))
        else {
            return Ok(());
        };
        let bdf = Bdf(owned.function.address().0);
        let message = match &mut self.iommu {
            Some(iommu) => {
                iommu.assign(bdf, qube.get(), &[owned.memory]).map_err(Refused::Iommu)?;
                let address = iommu.route(bdf, owned.vector, self.apic).map_err(Refused::Iommu)?;
                Message { address, data: 0 }
            }
            None => Message { address: 0xfee0_0000 | self.apic << 12, data: u32::from(owned.vector) },
        };
        let mut registers = pci.registers();
        owned.function.start(pci, &mut registers, message);
        Ok(())
    }

    /// A life ended: its function reaches nothing any more. False when that is not sure.
    pub(crate) fn end(&mut self, qube: QubeIndex) -> bool {
        let (Some(pci), Some(owned)) =
            (&mut self.pci, self.owned.get(qube.as_usize()).and_then(Option::as_ref))
        else {
            return true;
        };
        owned.function.stop(pci);
        match &mut self.iommu {
            Some(iommu) => {
                // One that was never let in has nothing to lose.
                matches!(iommu.unassign(Bdf(owned.function.address().0)), Ok(()) | Err(Error::Owner))
            }
            None => true,
        }
    }

    /// What devices were refused since last asked, at most [`FAULTS_MAX`]: whose it is, what it wanted.
    pub(crate) fn faults(&mut self) -> impl Iterator<Item = (Option<QubeIndex>, Access)> + '_ {
        let owned = &self.owned;
        let iommu = &mut self.iommu;
        core::iter::from_fn(move || iommu.as_mut()?.next_fault()).take(FAULTS_MAX).map(move |fault| {
            let is_it = |owned: &Option<Owned>| {
                owned.as_ref().is_some_and(|owned| owned.function.address().0 == fault.bdf.0)
            };
            let owner = owned.iter().position(is_it).and_then(|index| QubeIndex::new(index as u8));
            (owner, if fault.is_write { Access::Write } else { Access::Read })
        })
    }
}

/// Frames for the tables of all qubes' memory, however large: it is below `memory_end`.
const fn tables_of_all(memory_end: u64) -> u64 {
    memory_end.div_ceil(512 * PAGE_SIZE) + 8 * MAX_QUBES as u64
}

/// Configuration space as its owner sees it: windows at the qube's addresses, their sizes, and what to add to an address
/// for the bus.
fn describe(page: &mut HostPage, config: &[u32], function: &Function, bus_offset: u64) {
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(slot) = page.get_mut(at..at + bytes.len()) {
            slot.copy_from_slice(bytes);
        }
    };
    for (word, at) in config.iter().zip((0..).step_by(4)) {
        put(at, &word.to_le_bytes());
    }
    for index in 0..WINDOWS {
        let (mut register, mut bytes) = (0, 0);
        if let Some(window) = function.windows().get(index).copied().flatten() {
            register = window_address(index) as u32 | config.get(4 + index).map_or(0, |word| word & 0xf);
            bytes = window.bytes;
        }
        put(WINDOW_REGISTERS_AT + 4 * index, &register.to_le_bytes());
        put(SIZES_AT + 8 * index, &bytes.to_le_bytes());
    }
    put(BUS_OFFSET_AT, &bus_offset.to_le_bytes());
}

/// Where a qube sees a window of its function.
pub(crate) const fn window_address(index: usize) -> u64 {
    layout::PCI_WINDOWS + index as u64 * layout::PCI_WINDOW_BYTES
}
