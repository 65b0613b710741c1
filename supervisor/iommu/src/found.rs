//! What firmware says of the machine's IOMMUs, in IVRS (AMD 48882, 5.2) or DMAR (VT-d, chapter 8): where they are, which
//! devices they see, which of those cannot be confined.
//!
//! A table that lies about a length is refused whole, since a unit or a reserved region that was skipped is a hole.

use heapless::Vec;
use supervisor_mem::PAGE_SIZE;

use crate::Error;

/// Most IOMMUs; real machines have up to four a socket.
pub const UNITS_MAX: usize = 16;
/// Most ranges of devices of one sort; firmware lists a few dozen.
const RANGES_MAX: usize = 128;
/// Bytes of registers of a unit, from its base: AMD-Vi's end at 0x4000, VT-d's fault records may begin just below.
pub const UNIT_BYTES: u64 = 0x5000;
/// Of both tables: ACPI's own, and 12 bytes.
const HEADER: usize = 48;

/// A PCI function: bus in bits 15:8, device in 7:3, function in 2:0. What a unit calls source or device id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bdf(pub u16);

/// Whose IOMMU it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// AMD-Vi, told of by `IVRS`.
    Amd,
    /// Intel VT-d, told of by `DMAR`.
    Intel,
}

/// The units of a machine; all are of one kind.
#[derive(Clone, Debug)]
pub struct Found {
    /// Whose they are.
    pub kind: Kind,
    /// Where the registers of each are, [`UNIT_BYTES`] from a page's start; at least one.
    pub units: Vec<u64, UNITS_MAX>,
    /// Device ids of the I/O APICs.
    pub io_apics: Vec<Bdf, RANGES_MAX>,
    covered: Vec<(u16, u16), RANGES_MAX>,
    reserved: Vec<(u16, u16), RANGES_MAX>,
}

impl Found {
    /// Reads the table, from its ACPI header on; the caller checked its checksum.
    ///
    /// # Errors
    /// [`Error::Firmware`].
    pub fn read(kind: Kind, table: &[u8]) -> Result<Self, Error> {
        let (units, io_apics, covered, reserved) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut found = Self { kind, units, io_apics, covered, reserved };
        let mut rest = table.get(HEADER..).unwrap_or(&[]);
        while !rest.is_empty() {
            rest = found.block(rest).ok_or(Error::Firmware)?;
        }
        if found.units.is_empty() { Err(Error::Firmware) } else { Ok(found) }
    }

    /// Whether some unit sees the device's accesses, firmware keeps no memory for it, and its id is its own.
    #[must_use]
    pub fn confines(&self, bdf: Bdf) -> bool {
        let holds = |ranges: &[(u16, u16)]| ranges.iter().any(|range| range.0 <= bdf.0 && bdf.0 <= range.1);
        holds(&self.covered) && !holds(&self.reserved) && !self.io_apics.contains(&bdf)
    }

    /// Takes one block of a table and returns what follows it. Of an IVRS, IVHD are units, in a basic and two longer forms, and
    /// IVMD is memory that firmware keeps. Of a DMAR, DRHD (0) are units, of which one that includes all covers what the
    /// others do not name, and RMRR (1) is memory that firmware keeps.
    fn block<'t>(&mut self, table: &'t [u8]) -> Option<&'t [u8]> {
        let (block, rest) = take(table, usize::from(u16_at(table, 2)?))?;
        // The type is 8 bits of an IVRS, 16 of a DMAR.
        let mask = if self.kind == Kind::Amd { 0xff } else { 0xffff };
        match (self.kind, u16_at(block, 0)? & mask) {
            (Kind::Amd, sort @ (0x10 | 0x11 | 0x40)) => {
                self.unit(u64_at(block, 8)?, u16_at(block, 16)?)?;
                self.reserved.push((u16_at(block, 4)?, u16_at(block, 4)?)).ok()?;
                self.ivhd(block.get(if sort == 0x10 { 24 } else { 40 }..)?)?;
            }
            (Kind::Amd, 0x20) => self.reserved.push((0, u16::MAX)).ok()?,
            (Kind::Amd, 0x21) => self.reserved.push((u16_at(block, 4)?, u16_at(block, 4)?)).ok()?,
            (Kind::Amd, 0x22) => self.reserved.push((u16_at(block, 4)?, u16_at(block, 6)?)).ok()?,
            (Kind::Intel, 0) => {
                self.unit(u64_at(block, 8)?, u16_at(block, 6)?)?;
                if block.get(4)? & 1 != 0 {
                    self.covered.push((0, u16::MAX)).ok()?;
                }
                self.scopes(block.get(16..)?, false)?;
            }
            (Kind::Intel, 1) => self.scopes(block.get(24..)?, true)?,
            _ => {}
        }
        Some(rest)
    }

    /// Adds a unit, on a page of its own and in the one segment; firmware may describe one several times.
    fn unit(&mut self, base: u64, segment: u16) -> Option<()> {
        let is_good = base != 0 && base.is_multiple_of(PAGE_SIZE) && base < u64::MAX - UNIT_BYTES;
        let is_known = self.units.contains(&base);
        if is_good && segment == 0 && (is_known || self.units.push(base).is_ok()) { Some(()) } else { None }
    }

    /// The devices of one unit. One with an alias is not covered: its accesses bear the alias, which others may share.
    fn ivhd(&mut self, mut rest: &[u8]) -> Option<()> {
        let mut first = None;
        while let Some(&kind) = rest.first() {
            let length = match kind {
                0..64 => 4,
                64..128 => 8,
                240 => 22 + usize::from(*rest.get(21)?),
                128..192 => 16,
                192.. => 32,
            };
            let entry;
            (entry, rest) = take(rest, length)?;
            let id = u16_at(entry, 1)?;
            match kind {
                1 => self.covered.push((0, u16::MAX)).ok()?,
                2 | 70 => self.covered.push((id, id)).ok()?,
                3 | 71 => first = Some(id),
                4 => first.take().map_or(Ok(()), |first| self.covered.push((first, id))).ok()?,
                66 | 67 => self.reserved.push((u16_at(entry, 5)?, u16_at(entry, 5)?)).ok()?,
                72 if entry.get(7) == Some(&1) => self.io_apics.push(Bdf(u16_at(entry, 5)?)).ok()?,
                _ => {}
            }
        }
        Some(())
    }

    /// Device scopes of a unit or of reserved memory. Behind a bridge only PCI configuration tells the bus: a unit is not taken
    /// to see what is there, and reserved memory there takes everything beyond this bus.
    fn scopes(&mut self, mut rest: &[u8], is_reserved: bool) -> Option<()> {
        while !rest.is_empty() {
            let scope;
            (scope, rest) = take(rest, usize::from(*rest.get(1)?))?;
            let [kind, length, _, _, _, bus, device, function, ..] = *scope else { return None };
            let id = u16::from_be_bytes([bus, device << 3 | function & 7]);
            match (kind, is_reserved) {
                (1, true) if length == 8 => self.reserved.push((id, id)).ok()?,
                (_, true) => self.reserved.push((id, u16::MAX)).ok()?,
                (1, _) if length == 8 => self.covered.push((id, id)).ok()?,
                (3, _) => self.io_apics.push(Bdf(id)).ok()?,
                _ => {}
            }
        }
        Some(())
    }
}

/// The next element of a list whose elements tell their length, 4 or more so that the list ends, and what follows it.
fn take(list: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    list.split_at_checked(length).filter(|_| length >= 4)
}

fn u16_at(of: &[u8], at: usize) -> Option<u16> {
    of.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u64_at(of: &[u8], at: usize) -> Option<u64> {
    of.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
