//! The IOMMU of a machine as the rest of the supervisor sees it, whoever made it.

use heapless::Vec;
use supervisor_mem::{Encoding, Gpa, Hpa, Mapper, NestedError, PageCount, Rights, TableMemory};

use crate::found::{Bdf, Found, Kind};
use crate::queue::Queue;
use crate::{UNITS_MAX, amd, intel};

/// Most devices that have an interrupt or an owner; and most owners.
pub const DEVICES_MAX: usize = 16;

/// The machine underneath: memory that units read and write, and their registers.
///
/// Every access happens when it is called, in that order, as the units see it: none is cached in a register, left out or
/// moved across another.
pub trait Hardware: TableMemory {
    /// `pages` zeroed frames in one run, or `None`.
    fn run(&mut self, pages: PageCount) -> Option<Hpa>;
    /// Writes the processor's caches back, for units that read memory past them.
    fn write_back(&mut self);
    /// Reads the 32-bit register at `at`, which is inside [`UNIT_BYTES`](crate::UNIT_BYTES) of a unit; so do the others.
    fn read32(&self, at: Hpa) -> u32;
    /// Reads a 64-bit register.
    fn read64(&self, at: Hpa) -> u64;
    /// Writes a 32-bit register.
    fn write32(&mut self, at: Hpa, value: u32);
    /// Writes a 64-bit register, in one access.
    fn write64(&mut self, at: Hpa, value: u64);
}

/// Memory of a qube: `bytes` at `guest`, which are at `host` in the machine; whole pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where the qube, and so its device, sees it.
    pub guest: Gpa,
    /// Where it is.
    pub host: Hpa,
    /// How long it is.
    pub bytes: u64,
}

/// Why a device was not given, not taken away, or not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The unit lacks something we need: queued invalidation, interrupt remapping, large pages, three or four levels; or it
    /// needs its write buffers flushed.
    Unsupported,
    /// No frame for another table.
    OutOfTables,
    /// A unit did not answer in time. Memory that its devices could reach must never be used again.
    Stuck,
    /// No unit sees the device.
    NotCovered,
    /// Firmware keeps memory for the device, or its id is shared.
    Reserved,
    /// The device has an owner, or what was to be taken away has none.
    Owner,
    /// More than [`DEVICES_MAX`].
    TooMany,
    /// A region is not whole pages, overlaps another, or lies beyond what the units translate; or there is none.
    Region,
    /// The processor's APIC id does not fit an interrupt's eight bits.
    Destination,
}

impl From<NestedError> for Error {
    fn from(error: NestedError) -> Self {
        match error {
            NestedError::OutOfTables => Error::OutOfTables,
            NestedError::Misaligned | NestedError::InUse => Error::Region,
        }
    }
}

/// What a refused access wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read.
    Read,
    /// To write.
    Write,
}

/// An access that a unit refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The device.
    pub bdf: Bdf,
    /// Where it reached, as the device sees memory. VT-d tells only the page.
    pub address: Gpa,
    /// What it wanted.
    pub access: Access,
}

/// What to put into a device's MSI or MSI-X entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Message address.
    pub address: u32,
    /// Message data.
    pub data: u32,
}

/// One unit at work.
pub(crate) struct Unit {
    pub(crate) base: u64,
    pub(crate) queue: Queue,
    /// The event log in memory (AMD-Vi), or the fault recording registers (VT-d).
    pub(crate) log: Hpa,
    pub(crate) records: usize,
    /// The record to look at next.
    pub(crate) head: usize,
    /// VT-d: what invalidations of the IOTLB say about draining.
    pub(crate) drain: u64,
}

/// Tables and limits that all units share.
#[derive(Clone, Copy)]
pub(crate) struct Shared {
    /// The device table (AMD-Vi) or root table (VT-d).
    pub(crate) devices: Hpa,
    /// A table with nothing in it (AMD-Vi), or the interrupt remapping table (VT-d).
    pub(crate) other: Hpa,
    /// Levels of a domain's table, 3 or 4.
    pub(crate) levels: u64,
    /// Device addresses are below this.
    pub(crate) end: u64,
    /// Domain ids are below this.
    pub(crate) domains: u32,
}

/// A device that was routed or assigned once; its tables stay with it.
#[derive(Clone, Copy)]
struct Device {
    bdf: Bdf,
    /// AMD-Vi: its interrupt remapping table.
    interrupts: Hpa,
    domain: Option<u8>,
}

/// The machine's IOMMU, at work.
pub struct Iommu<H: Hardware> {
    pub(crate) hardware: H,
    found: Found,
    shared: Shared,
    units: Vec<Unit, UNITS_MAX>,
    devices: Vec<Device, DEVICES_MAX>,
    domains: Vec<(u8, Hpa), DEVICES_MAX>,
    overflows: u32,
}

impl<H: Hardware> Iommu<H> {
    /// Makes all units refuse all accesses and interrupts of all devices, and log what they refuse. The I/O APICs' interrupts
    /// still pass on AMD-Vi; on VT-d they must be [routed](Self::route) too.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::OutOfTables`], [`Error::Stuck`]; devices must then be taken as unconfined.
    pub fn start(found: &Found, mut hardware: H) -> Result<Self, Error> {
        let mut units = Vec::new();
        let shared = match found.kind {
            Kind::Amd => amd::start(&mut hardware, found, &mut units)?,
            Kind::Intel => intel::start(&mut hardware, found, &mut units)?,
        };
        let found = found.clone();
        let (devices, domains) = (Vec::new(), Vec::new());
        Ok(Self { hardware, found, shared, units, devices, domains, overflows: 0 })
    }

    /// Lets the device `bdf` read and write `memory` and nothing else. The memory of a domain is what its first device was
    /// assigned with; all its devices share that.
    ///
    /// # Errors
    /// See [`Error`]; the device is then confined as before, except after [`Error::Stuck`], when nothing is known.
    pub fn assign(&mut self, bdf: Bdf, domain: u8, memory: &[Region]) -> Result<(), Error> {
        if !self.found.covers(bdf) {
            return Err(Error::NotCovered);
        }
        if self.found.reserves(bdf) || self.found.io_apics.contains(&bdf) {
            return Err(Error::Reserved);
        }
        let id = u32::from(domain) + 1;
        if id >= self.shared.domains {
            return Err(Error::TooMany);
        }
        let index = self.device(bdf)?;
        let device = self.devices.get_mut(index).ok_or(Error::TooMany)?;
        if device.domain.is_some() {
            return Err(Error::Owner);
        }
        let root = match self.domains.iter().find(|(of, _)| *of == domain) {
            Some((_, root)) => *root,
            None => {
                let root = match self.found.kind {
                    Kind::Amd => build::<_, amd::Entry>(&mut self.hardware, &self.shared, memory)?,
                    Kind::Intel => build::<_, intel::Entry>(&mut self.hardware, &self.shared, memory)?,
                };
                self.domains.push((domain, root)).map_err(|_| Error::TooMany)?;
                root
            }
        };
        match self.found.kind {
            Kind::Amd => amd::open(&mut self.hardware, &self.shared, bdf, id, root, device.interrupts),
            Kind::Intel => intel::open(&mut self.hardware, &self.shared, bdf, id, root)?,
        }
        device.domain = Some(domain);
        let flushed = self.flush();
        if flushed.is_err() {
            self.block(bdf);
        }
        flushed
    }

    /// Takes all memory and its interrupt away from the device: blocks it, flushes, waits.
    ///
    /// # Errors
    /// [`Error::Owner`] when it has none. [`Error::Stuck`]: the device may still reach its memory, and keeps its owner.
    pub fn unassign(&mut self, bdf: Bdf) -> Result<(), Error> {
        let is_it = |device: &&mut Device| device.bdf == bdf && device.domain.is_some();
        if !self.devices.iter_mut().any(|mut device| is_it(&&mut device)) {
            return Err(Error::Owner);
        }
        self.block(bdf);
        self.flush()?;
        if let Some(device) = self.devices.iter_mut().find(is_it) {
            device.domain = None;
        }
        Ok(())
    }

    /// Lets the device raise `vector` (32..=255) on the processor with `apic` id, and returns the message that does it. A
    /// device has one interrupt; whatever else it sends is refused. On VT-d an I/O APIC is routed by its own id, and gets
    /// the index in bits 19:5 of the message's address.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn route(&mut self, bdf: Bdf, vector: u8, apic: u32) -> Result<Message, Error> {
        let apic = u8::try_from(apic).map_err(|_| Error::Destination)?;
        let index = self.device(bdf)?;
        let device = self.devices.get(index).ok_or(Error::TooMany)?;
        let message = match self.found.kind {
            Kind::Amd => amd::route(&mut self.hardware, device.interrupts, vector, apic),
            Kind::Intel => intel::route(&mut self.hardware, &self.shared, index, bdf, vector, apic),
        };
        self.flush()?;
        Ok(message)
    }

    /// The next access that a unit refused. A hostile device makes them without end: the caller bounds how many it takes.
    pub fn next_fault(&mut self) -> Option<Fault> {
        let (hardware, overflows) = (&mut self.hardware, &mut self.overflows);
        self.units.iter_mut().find_map(|unit| match self.found.kind {
            Kind::Amd => amd::next_fault(hardware, unit, overflows),
            Kind::Intel => intel::next_fault(hardware, unit, overflows),
        })
    }

    /// How often a unit had no room for faults, so that some were lost; wraps.
    #[must_use]
    pub fn overflows(&self) -> u32 {
        self.overflows
    }

    /// The index of a device, which is made known.
    fn device(&mut self, bdf: Bdf) -> Result<usize, Error> {
        if let Some(index) = self.devices.iter().position(|device| device.bdf == bdf) {
            return Ok(index);
        }
        if self.devices.is_full() {
            return Err(Error::TooMany);
        }
        let interrupts = match self.found.kind {
            Kind::Amd => self.hardware.table().ok_or(Error::OutOfTables)?,
            Kind::Intel => self.shared.other,
        };
        self.devices.push(Device { bdf, interrupts, domain: None }).map_err(|_| Error::TooMany)?;
        Ok(self.devices.len() - 1)
    }

    fn block(&mut self, bdf: Bdf) {
        let index = self.devices.iter().position(|device| device.bdf == bdf);
        match self.found.kind {
            Kind::Amd => amd::block(&mut self.hardware, &self.shared, bdf),
            Kind::Intel => intel::block(&mut self.hardware, &self.shared, bdf, index),
        }
    }

    /// Makes every unit forget what it has read of the tables, and waits until nothing under way uses it any more.
    fn flush(&mut self) -> Result<(), Error> {
        for unit in &mut self.units {
            match self.found.kind {
                Kind::Amd => amd::flush(&mut self.hardware, &mut unit.queue)?,
                Kind::Intel => intel::flush(&mut self.hardware, &mut unit.queue, unit.drain)?,
            }
        }
        Ok(())
    }
}

/// A domain's table.
fn build<H: Hardware, E: Encoding>(
    hardware: &mut H,
    shared: &Shared,
    memory: &[Region],
) -> Result<Hpa, Error> {
    let mut mapper = Mapper::<_, E>::new(hardware)?;
    for region in memory {
        if region.guest.0.checked_add(region.bytes).is_none_or(|end| end > shared.end) {
            return Err(Error::Region);
        }
        mapper.map(region.guest, region.host, region.bytes, Rights::RW)?;
    }
    let root = mapper.root();
    // Three levels are the first of the four levels' tables; `end` keeps everything in it.
    if shared.levels == 3 { E::next(hardware.read(root, 0)).ok_or(Error::Region) } else { Ok(root) }
}
