//! Reads Xen's `hvm_start_info`, version 1, as QEMU's direct boot gives it.
//!
//! Written by hand: the registry's reader turns the addresses in it into references without asking whether
//! they are readable. Here every address passes through [`LoaderMemory`].
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | magic 0x336ec578 |
//! | 4 | 4 | version |
//! | 12 | 4 | number of modules |
//! | 16 | 8 | module list: 32 bytes each, address u64, size u64, command line u64, reserved u64 |
//! | 32 | 8 | RSDP or 0 |
//! | 40 | 8 | memory map: 24 bytes each, base u64, length u64, type u32, reserved u32 |
//! | 48 | 4 | number of memory map entries |

use crate::bytes::{LoaderMemory, u32_at, u64_at};
use crate::facts::{Claimed, FactsError};
use crate::memmap::{ClaimedEntry, Range, usable_pages};

const MAGIC: u32 = 0x336e_c578;
const START_INFO: usize = 56;
const MODULE: usize = 32;
const MAP_ENTRY: usize = 24;
/// Memory map entries read; a longer list is refused, so that a wild count cannot keep us reading.
const MAP_ENTRIES_MAX: u32 = 1024;

/// Reads the start structure at `address`.
pub(crate) fn read(memory: &impl LoaderMemory, address: u64) -> Result<Claimed, FactsError> {
    let info = memory.bytes(address, START_INFO).ok_or(FactsError::BadStartInfo)?;
    let long = |offset| u64_at(info, offset).ok_or(FactsError::BadStartInfo);
    let word = |offset| u32_at(info, offset).ok_or(FactsError::BadStartInfo);
    if word(0)? != MAGIC {
        return Err(FactsError::BadStartInfo);
    }
    if word(4)? < 1 || word(48)? == 0 {
        return Err(FactsError::NoMemoryMap);
    }
    Ok(Claimed {
        usable: memory_map(memory, long(40)?, word(48)?)?,
        module: match word(12)? {
            0 => return Err(FactsError::NoModule),
            _ => module(memory, long(16)?)?,
        },
        rsdp: Some(long(32)?).filter(|&rsdp| rsdp != 0),
    })
}

fn memory_map(memory: &impl LoaderMemory, address: u64, count: u32) -> Result<crate::Ranges, FactsError> {
    if count > MAP_ENTRIES_MAX {
        return Err(FactsError::TooManyRanges);
    }
    let list = memory.bytes(address, count as usize * MAP_ENTRY).ok_or(FactsError::Truncated)?;
    usable_pages(list.chunks_exact(MAP_ENTRY).filter_map(map_entry))
}

/// An entry of either loader's map: base, length and type lie at the same offsets.
pub(crate) fn map_entry(entry: &[u8]) -> Option<ClaimedEntry> {
    Some(ClaimedEntry { base: u64_at(entry, 0)?, length: u64_at(entry, 8)?, kind: u32_at(entry, 16)? })
}

/// The first module; a system is one file.
fn module(memory: &impl LoaderMemory, address: u64) -> Result<Range, FactsError> {
    let entry = memory.bytes(address, MODULE).ok_or(FactsError::Truncated)?;
    let (Some(start), Some(size)) = (u64_at(entry, 0), u64_at(entry, 8)) else {
        return Err(FactsError::Truncated);
    };
    let end = start.checked_add(size).ok_or(FactsError::BadModule)?;
    Ok(Range { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::fake::Pieces;

    fn put(piece: &mut [u8], offset: usize, bytes: &[u8]) {
        piece[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn machine() -> Pieces {
        let mut info = vec![0; START_INFO];
        put(&mut info, 0, &MAGIC.to_le_bytes());
        put(&mut info, 4, &1_u32.to_le_bytes());
        put(&mut info, 12, &1_u32.to_le_bytes());
        put(&mut info, 16, &0x2000_u64.to_le_bytes());
        put(&mut info, 32, &0xf_5a40_u64.to_le_bytes());
        put(&mut info, 40, &0x4000_u64.to_le_bytes());
        put(&mut info, 48, &2_u32.to_le_bytes());
        let mut module = vec![0; MODULE];
        put(&mut module, 0, &0x0fe0_0000_u64.to_le_bytes());
        put(&mut module, 8, &0x1234_u64.to_le_bytes());
        let mut map = vec![0; 2 * MAP_ENTRY];
        put(&mut map, 8, &0x9fc00_u64.to_le_bytes());
        put(&mut map, 16, &1_u32.to_le_bytes());
        put(&mut map, 24, &0x10_0000_u64.to_le_bytes());
        put(&mut map, 32, &0x0fee_0000_u64.to_le_bytes());
        put(&mut map, 40, &1_u32.to_le_bytes());
        Pieces(vec![(0x1000, info), (0x2000, module), (0x4000, map)])
    }

    #[test]
    fn a_start_structure_as_qemu_writes_it_is_read() {
        let claimed = read(&machine(), 0x1000).expect("a good structure");
        assert_eq!(claimed.module, Range { start: 0x0fe0_0000, end: 0x0fe0_1234 });
        assert_eq!(claimed.rsdp, Some(0xf_5a40));
        let usable: u64 = claimed.usable.as_slice().iter().map(|range| range.length()).sum();
        assert_eq!(usable, 0x9e000 + 0x0fee_0000);
    }

    #[test]
    fn every_truncation_is_an_error_and_no_panic() {
        for which in 0..3 {
            for length in 0..machine().0[which].1.len() {
                let mut memory = machine();
                memory.0[which].1.truncate(length);
                assert!(read(&memory, 0x1000).is_err(), "piece {which} cut to {length}");
            }
        }
    }

    #[test]
    fn wrong_magic_old_version_no_module_and_wild_counts_are_refused() {
        let check = |offset, value: u32, expected| {
            let mut memory = machine();
            put(&mut memory.0[0].1, offset, &value.to_le_bytes());
            assert_eq!(read(&memory, 0x1000).err(), Some(expected));
        };
        check(0, 0, FactsError::BadStartInfo);
        check(4, 0, FactsError::NoMemoryMap);
        check(48, 0, FactsError::NoMemoryMap);
        check(48, u32::MAX, FactsError::TooManyRanges);
        check(48, 3, FactsError::Truncated);
        check(12, 0, FactsError::NoModule);
        check(16, 0x9000, FactsError::Truncated);
    }
}
