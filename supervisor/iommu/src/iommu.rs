//! The IOMMU of a machine as the rest of the supervisor sees it, whoever made it.

use heapless::Vec;
use supervisor_mem::{Encoding, Gpa, Hpa, Mapper, NestedError, Rights};

use crate::UNITS_MAX;
use crate::amd::Amd;
use crate::found::{Bdf, Found, Kind};
use crate::intel::Intel;
use crate::unit::{Error, Fault, Hardware, Place, Shared, Unit, Vendor};

/// Most devices that have an interrupt or an owner; and most owners.
pub const DEVICES_MAX: usize = 16;

/// Memory of a qube: where the qube, and so its device, sees it; where it is; how many bytes; whole pages.
pub type Region = (Gpa, Hpa, u64);

/// The machine's IOMMU, at work.
pub struct Iommu<H: Hardware> {
    pub(crate) hw: H,
    vendor: &'static dyn Vendor<H>,
    found: Found,
    shared: Shared,
    units: Vec<Unit, UNITS_MAX>,
    /// Devices that were routed or assigned once; of those, the assigned ones, a bit each.
    devices: Vec<Bdf, DEVICES_MAX>,
    assigned: u32,
    /// Owners and their tables.
    domains: Vec<(u8, Hpa), DEVICES_MAX>,
}

impl<H: Hardware> Iommu<H> {
    /// Makes all units refuse all accesses and interrupts of all devices, and log what they refuse. I/O APICs are
    /// devices, whose inputs must be [routed](Self::route_input).
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Table`], [`Error::Stuck`]; devices must then be taken as unconfined.
    pub fn start(found: &Found, mut hw: H) -> Result<Self, Error> {
        let vendor: &'static dyn Vendor<H> = if found.kind == Kind::Amd { &Amd } else { &Intel };
        let shared = vendor.prepare(&mut hw, found)?;
        let (mut units, devices, domains) = (Vec::new(), Vec::new(), Vec::new());
        for &base in &found.units {
            units.push(vendor.start(&mut hw, &shared, base)?).map_err(|_| Error::TooMany)?;
        }
        Ok(Self { hw, vendor, found: found.clone(), shared, units, devices, assigned: 0, domains })
    }

    /// Lets the device `bdf` read and write `memory` and nothing else. The memory of a domain is what its first device was
    /// assigned with; all its devices share that, from then on.
    ///
    /// # Errors
    /// See [`Error`]; the device is then confined as before, but after [`Error::Stuck`] it has an owner that it never loses.
    pub fn assign(&mut self, bdf: Bdf, domain: u8, memory: &[Region]) -> Result<(), Error> {
        if !self.found.confines(bdf) {
            return Err(Error::Unconfined);
        }
        let place = self.place(bdf)?;
        if self.assigned & 1 << place.index != 0 {
            return Err(Error::Owner);
        }
        if !self.domains.iter().any(|(of, _)| *of == domain) {
            let is_amd = self.found.kind == Kind::Amd;
            let build = if is_amd { build::<Amd, H> } else { build::<Intel, H> };
            let root = build(&mut self.hw, &self.shared, memory)?;
            self.domains.push((domain, root)).map_err(|_| Error::TooMany)?;
        }
        // Domain ids begin with 1: VT-d may keep 0 for itself.
        let mut domains = (1..).zip(&self.domains);
        let (id, (_, root)) = domains.find(|(_, (of, _))| *of == domain).ok_or(Error::TooMany)?;
        self.vendor.open(&mut self.hw, &self.shared, place, id, *root)?;
        self.assigned |= 1 << place.index;
        self.flush().inspect_err(|_| self.vendor.block(&mut self.hw, &self.shared, place))
    }

    /// Takes all memory and its interrupt away from the device: blocks it, flushes, waits.
    ///
    /// # Errors
    /// [`Error::Owner`] when it has none. [`Error::Stuck`]: the device may still reach its memory, and keeps its owner.
    pub fn unassign(&mut self, bdf: Bdf) -> Result<(), Error> {
        let place = self.place(bdf)?;
        if self.assigned & 1 << place.index == 0 {
            return Err(Error::Owner);
        }
        self.vendor.block(&mut self.hw, &self.shared, place);
        self.flush()?;
        self.assigned &= !(1 << place.index);
        Ok(())
    }

    /// Lets the device raise `vector` (32..=255) on the processor with `apic` id, and returns the address of the message that
    /// does it, for its MSI or MSI-X entry; the data is 0. A device has one interrupt, from after it is assigned; whatever
    /// else it sends is refused. On VT-d an I/O APIC is routed by its own id, and gets the index in bits 19:5.
    ///
    /// # Errors
    /// [`Error::Destination`], [`Error::TooMany`], [`Error::Stuck`].
    pub fn route(&mut self, bdf: Bdf, vector: u8, apic: u32) -> Result<u32, Error> {
        let apic = u8::try_from(apic).map_err(|_| Error::Destination)?;
        let place = self.place(bdf)?;
        let address = self.vendor.route(&mut self.hw, &self.shared, place, vector, apic);
        self.flush().map(|()| address)
    }

    /// Lets the first I/O APIC raise `vector` by one more of its inputs. Gives what the input's redirection entry must say: its
    /// upper half, and in place of the vector.
    ///
    /// # Errors
    /// As [`Self::route`]; [`Error::Unconfined`] when firmware tells of no I/O APIC.
    pub fn route_input(&mut self, vector: u8, apic: u32) -> Result<(u32, u8), Error> {
        let apic = u8::try_from(apic).map_err(|_| Error::Destination)?;
        let bdf = *self.found.io_apics.first().ok_or(Error::Unconfined)?;
        // Each input has a place of its own.
        let first = self.place(bdf)?;
        let index = u16::try_from(self.devices.len()).map_err(|_| Error::TooMany)?;
        self.devices.push(bdf).map_err(|_| Error::TooMany)?;
        let place = Place { bdf, index };
        let entry = self.vendor.route_input(&mut self.hw, &self.shared, first, place, vector, apic);
        self.flush().map(|()| entry)
    }

    /// The next access that a unit refused. A hostile device makes them without end: the caller bounds how many it takes.
    pub fn next_fault(&mut self) -> Option<Fault> {
        self.units.iter_mut().find_map(|unit| self.vendor.next_fault(&mut self.hw, unit))
    }

    /// How often a unit had no room for faults, so that some were lost; wraps.
    #[must_use]
    pub fn overflows(&self) -> u32 {
        self.units.iter().fold(0, |sum, unit| sum.wrapping_add(unit.overflows))
    }

    /// A device's place, which is made when it has none.
    fn place(&mut self, bdf: Bdf) -> Result<Place, Error> {
        if !self.devices.contains(&bdf) {
            self.devices.push(bdf).map_err(|_| Error::TooMany)?;
        }
        let mut places = (0..).zip(&self.devices);
        places.find(|(_, known)| **known == bdf).map(|(index, _)| Place { bdf, index }).ok_or(Error::TooMany)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.units.iter_mut().try_for_each(|unit| self.vendor.flush(&mut self.hw, unit))
    }
}

/// A domain's table.
fn build<E: Encoding, H: Hardware>(hw: &mut H, shared: &Shared, memory: &[Region]) -> Result<Hpa, Error> {
    let mut mapper = Mapper::<_, E>::new(hw).map_err(Error::Table)?;
    for &(guest, host, bytes) in memory {
        if guest.0.saturating_add(bytes) > shared.end {
            return Err(Error::Table(NestedError::Misaligned));
        }
        mapper.map(guest, host, bytes, Rights::RW).map_err(Error::Table)?;
    }
    let root = mapper.root();
    // Three levels are the first of the four levels' tables; `end` keeps everything in it.
    let first = E::next(hw.read(root, 0)).ok_or(Error::Table(NestedError::Misaligned));
    if shared.levels == 3 { first } else { Ok(root) }
}
