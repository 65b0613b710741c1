//! The DMAR, VT-d's ACPI table (Intel VT-d specification, chapter 8).

use crate::found::{Found, Kind, TableError, take, u16_at, u64_at};

/// ACPI header, address width, flags, reserved.
const HEADER: usize = 48;
const DRHD: u16 = 0;
const RMRR: u16 = 1;
/// DRHD flag: this unit sees every device that no other unit names.
const INCLUDE_ALL: u8 = 1;
const SCOPE_ENDPOINT: u8 = 1;
const SCOPE_IO_APIC: u8 = 3;

/// Reads the table, which begins with its ACPI header; the caller checked its checksum.
///
/// # Errors
/// See [`TableError`].
pub fn read(table: &[u8]) -> Result<Found, TableError> {
    let mut found = Found::new(Kind::Intel);
    let mut rest = table.get(HEADER..).ok_or(TableError::Length)?;
    // Each step takes 4 bytes or more.
    while !rest.is_empty() {
        let (block, after) = take(rest, usize::from(u16_at(rest, 2)?), 4)?;
        rest = after;
        match u16_at(block, 0)? {
            DRHD => {
                found.add_unit(u64_at(block, 8)?, u16_at(block, 6)?)?;
                if block.get(4).is_some_and(|flags| flags & INCLUDE_ALL != 0) {
                    found.cover(0, u16::MAX)?;
                }
                read_scopes(&mut found, block.get(16..).unwrap_or(&[]), DRHD)?;
            }
            RMRR => read_scopes(&mut found, block.get(24..).ok_or(TableError::Length)?, RMRR)?,
            _ => {}
        }
    }
    found.checked()
}

/// Device scopes of one structure: I/O APICs of a unit, devices of reserved memory.
fn read_scopes(found: &mut Found, scopes: &[u8], of: u16) -> Result<(), TableError> {
    let mut rest = scopes;
    // Each step takes 8 bytes or more: a header and one hop.
    while !rest.is_empty() {
        let (scope, after) = take(rest, usize::from(*rest.get(1).ok_or(TableError::Length)?), 8)?;
        rest = after;
        let [kind, length, _, _, _, bus, device, function, ..] = *scope else {
            return Err(TableError::Length);
        };
        let id = u16::from_be_bytes([bus, device << 3 | function & 7]);
        if of == RMRR {
            // Behind a bridge only PCI configuration tells the bus: everything beyond this one is taken.
            let is_direct = kind == SCOPE_ENDPOINT && length == 8;
            found.reserve(id, if is_direct { id } else { u16::MAX })?;
        } else if kind == SCOPE_IO_APIC {
            found.add_io_apic(id)?;
        }
    }
    Ok(())
}
