//! The IVRS, AMD-Vi's ACPI table (AMD I/O Virtualization specification 48882, chapter 5.2).

use crate::found::{Found, Kind, TableError, take, u16_at, u64_at};

/// ACPI header, IVinfo, reserved.
const HEADER: usize = 48;
/// IVHD, basic; and the two extended forms, which have two more quadwords.
const IVHD: [u8; 3] = [0x10, 0x11, 0x40];
/// IVMD: memory that firmware keeps for all devices, for one, for a range.
const IVMD_ALL: u8 = 0x20;
const IVMD_ONE: u8 = 0x21;
const IVMD_RANGE: u8 = 0x22;

/// Reads the table, which begins with its ACPI header; the caller checked its checksum.
///
/// # Errors
/// See [`TableError`].
pub fn read(table: &[u8]) -> Result<Found, TableError> {
    let mut found = Found::new(Kind::Amd);
    let mut rest = table.get(HEADER..).ok_or(TableError::Length)?;
    // Each step takes 4 bytes or more.
    while !rest.is_empty() {
        let (block, after) = take(rest, usize::from(u16_at(rest, 2)?), 4)?;
        rest = after;
        match block.first().copied().unwrap_or(0) {
            kind if IVHD.contains(&kind) => {
                found.add_unit(u64_at(block, 8)?, u16_at(block, 16)?)?;
                let own = u16_at(block, 4)?;
                found.reserve(own, own)?;
                let entries = block.get(if kind == 0x10 { 24 } else { 40 }..).ok_or(TableError::Length)?;
                read_devices(&mut found, entries)?;
            }
            IVMD_ALL => found.reserve(0, u16::MAX)?,
            IVMD_ONE => found.reserve(u16_at(block, 4)?, u16_at(block, 4)?)?,
            IVMD_RANGE => found.reserve(u16_at(block, 4)?, u16_at(block, 6)?)?,
            _ => {}
        }
    }
    found.checked()
}

/// The devices of one IVHD. A device with an alias shares its id with others, so neither is given away.
fn read_devices(found: &mut Found, entries: &[u8]) -> Result<(), TableError> {
    let mut rest = entries;
    let (mut first, mut aliased) = (0, false);
    // Each step takes 4 bytes or more.
    while let Some(&kind) = rest.first() {
        let length = match kind {
            0..64 => 4,
            64..128 => 8,
            240 => 22 + usize::from(*rest.get(21).ok_or(TableError::Length)?),
            128..192 => 16,
            192.. => 32,
        };
        let (entry, after) = take(rest, length, 4)?;
        rest = after;
        let id = u16_at(entry, 1)?;
        match kind {
            1 => found.cover(0, u16::MAX)?,
            2 | 66 | 70 => found.cover(id, id)?,
            3 | 67 | 71 => (first, aliased) = (id, kind == 67),
            4 => {
                found.cover(first, id)?;
                if aliased {
                    found.reserve(first, id)?;
                }
            }
            72 if entry.get(7) == Some(&1) => found.add_io_apic(u16_at(entry, 5)?)?,
            _ => {}
        }
        if kind == 66 {
            found.reserve(id, id)?;
        }
        if kind == 66 || kind == 67 {
            let alias = u16_at(entry, 5)?;
            found.reserve(alias, alias)?;
        }
    }
    Ok(())
}
