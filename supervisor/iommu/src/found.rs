//! What firmware says of the machine's IOMMUs: where they are, which devices they see, which they must not be asked to confine.
//!
//! Read by [`ivrs`](crate::ivrs) or [`dmar`](crate::dmar); both refuse a table that lies about a length, since a unit or a
//! reserved region that was skipped is a hole.

use heapless::Vec;
use supervisor_mem::PAGE_SIZE;

/// Most IOMMUs; real machines have up to four a socket.
pub const UNITS_MAX: usize = 16;
/// Most ranges of devices of one sort; firmware lists a few dozen.
pub(crate) const RANGES_MAX: usize = 128;
/// Most I/O APICs.
const IO_APICS_MAX: usize = 8;

/// Bytes of registers of a unit, from its base: AMD-Vi's end at 0x4000, VT-d's fault records may begin just below.
pub const UNIT_BYTES: u64 = 0x5000;

/// A PCI function: bus in bits 15:8, device in 7:3, function in 2:0. What a unit calls source or device id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bdf(pub u16);

/// Whose IOMMU it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// AMD-Vi.
    Amd,
    /// Intel VT-d.
    Intel,
}

/// Why a table is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableError {
    /// A structure ends before its fields, or beyond what holds it.
    Length,
    /// More units, ranges or I/O APICs than there is room for.
    TooMany,
    /// More than one PCI segment: device ids would be ambiguous.
    Segment,
    /// No unit, or one whose registers are not on a page.
    NoUnit,
}

/// The units of a machine; all are of one kind.
#[derive(Clone, Debug)]
pub struct Found {
    pub(crate) kind: Kind,
    pub(crate) units: Vec<u64, UNITS_MAX>,
    pub(crate) io_apics: Vec<Bdf, IO_APICS_MAX>,
    covered: Vec<(u16, u16), RANGES_MAX>,
    reserved: Vec<(u16, u16), RANGES_MAX>,
}

impl Found {
    pub(crate) fn new(kind: Kind) -> Self {
        let (covered, reserved) = (Vec::new(), Vec::new());
        Self { kind, units: Vec::new(), io_apics: Vec::new(), covered, reserved }
    }

    /// Whose they are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the registers of each are, [`UNIT_BYTES`] from a page's start; at least one, at most [`UNITS_MAX`].
    #[must_use]
    pub fn units(&self) -> &[u64] {
        &self.units
    }

    /// Device ids of the I/O APICs.
    #[must_use]
    pub fn io_apics(&self) -> &[Bdf] {
        &self.io_apics
    }

    /// Whether some unit sees the device's accesses.
    #[must_use]
    pub fn covers(&self, bdf: Bdf) -> bool {
        holds(&self.covered, bdf)
    }

    /// Whether the device cannot be confined alone: firmware keeps memory for it, or its id is shared with another's.
    #[must_use]
    pub fn reserves(&self, bdf: Bdf) -> bool {
        holds(&self.reserved, bdf)
    }

    /// Adds a unit; firmware may describe one several times.
    pub(crate) fn add_unit(&mut self, base: u64, segment: u16) -> Result<(), TableError> {
        if segment != 0 {
            return Err(TableError::Segment);
        }
        if base == 0 || !base.is_multiple_of(PAGE_SIZE) || base.checked_add(UNIT_BYTES).is_none() {
            return Err(TableError::NoUnit);
        }
        if self.units.contains(&base) {
            Ok(())
        } else {
            self.units.push(base).map_err(|_| TableError::TooMany)
        }
    }

    pub(crate) fn cover(&mut self, first: u16, last: u16) -> Result<(), TableError> {
        self.covered.push((first, last)).map_err(|_| TableError::TooMany)
    }

    pub(crate) fn reserve(&mut self, first: u16, last: u16) -> Result<(), TableError> {
        self.reserved.push((first, last)).map_err(|_| TableError::TooMany)
    }

    pub(crate) fn add_io_apic(&mut self, bdf: u16) -> Result<(), TableError> {
        self.io_apics.push(Bdf(bdf)).map_err(|_| TableError::TooMany)
    }

    pub(crate) fn checked(self) -> Result<Self, TableError> {
        if self.units.is_empty() { Err(TableError::NoUnit) } else { Ok(self) }
    }
}

fn holds(ranges: &[(u16, u16)], bdf: Bdf) -> bool {
    ranges.iter().any(|&(first, last)| (first..=last).contains(&bdf.0))
}

/// The next structure of a list whose elements tell their own length, and what follows it.
pub(crate) fn take(list: &[u8], length: usize, least: usize) -> Result<(&[u8], &[u8]), TableError> {
    list.split_at_checked(length).filter(|_| length >= least).ok_or(TableError::Length)
}

/// `N` bytes at `at`, for a little-endian number.
pub(crate) fn bytes<const N: usize>(of: &[u8], at: usize) -> Result<[u8; N], TableError> {
    of.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(TableError::Length)
}

pub(crate) fn u16_at(of: &[u8], at: usize) -> Result<u16, TableError> {
    bytes(of, at).map(u16::from_le_bytes)
}

pub(crate) fn u64_at(of: &[u8], at: usize) -> Result<u64, TableError> {
    bytes(of, at).map(u64::from_le_bytes)
}
