//! Reads the multiboot2 information structure (specification 2.0, section 3.6).
//!
//! Written by hand: the registry's reader asserts on what the loader wrote and brings ten crates; we need
//! four tags. The structure is `{total size u32, reserved u32}` and then tags `{type u32, size u32, ...}`,
//! each starting at a multiple of 8, until the tag of type 0.

use crate::bytes::{LoaderMemory, u32_at};
use crate::facts::{Claimed, FactsError};
use crate::memmap::{Range, usable_pages};
use crate::pvh::map_entry;

/// Largest structure read. GRUB's is about 2 KiB, with section headers some more.
const TOTAL_MAX: usize = 256 * 1024;
const HEADER: usize = 8;
const MAP_ENTRY_MIN: usize = 20;

const END: u32 = 0;
const MODULE: u32 = 3;
const MEMORY_MAP: u32 = 6;
const RSDP_OLD: u32 = 14;
const RSDP_NEW: u32 = 15;

/// Reads the structure at `address`.
pub(crate) fn read(memory: &impl LoaderMemory, address: u64) -> Result<Claimed, FactsError> {
    let head = memory.bytes(address, HEADER).ok_or(FactsError::BadStartInfo)?;
    let total = u32_at(head, 0).ok_or(FactsError::BadStartInfo)? as usize;
    if !(HEADER..=TOTAL_MAX).contains(&total) {
        return Err(FactsError::BadStartInfo);
    }
    let info = memory.bytes(address, total).ok_or(FactsError::BadStartInfo)?;
    let (mut usable, mut module, mut rsdp) = (None, None, None);
    let mut at = HEADER;
    loop {
        let (kind, body) = tag(info, at)?;
        match kind {
            END => break,
            MODULE if module.is_none() => module = Some(module_range(body)?),
            MEMORY_MAP => usable = Some(memory_map(body)?),
            // A newer root pointer beats an older one, whichever comes first.
            RSDP_NEW => rsdp = Some(address + (at + HEADER) as u64),
            RSDP_OLD if rsdp.is_none() => rsdp = Some(address + (at + HEADER) as u64),
            _ => {}
        }
        at = (at + HEADER + body.len()).next_multiple_of(8);
    }
    Ok(Claimed {
        usable: usable.ok_or(FactsError::NoMemoryMap)?,
        module: module.ok_or(FactsError::NoModule)?,
        rsdp,
    })
}

/// Type and body of the tag at `at`. `at` grows by 8 or more each time, so the walk ends.
fn tag(info: &[u8], at: usize) -> Result<(u32, &[u8]), FactsError> {
    let (Some(kind), Some(size)) = (u32_at(info, at), u32_at(info, at + 4)) else {
        return Err(FactsError::Truncated);
    };
    let end = at.checked_add(size as usize).ok_or(FactsError::Truncated)?;
    let body = info.get(at + HEADER..end).ok_or(FactsError::Truncated)?;
    Ok((kind, body))
}

fn module_range(body: &[u8]) -> Result<Range, FactsError> {
    let (Some(start), Some(end)) = (u32_at(body, 0), u32_at(body, 4)) else {
        return Err(FactsError::Truncated);
    };
    Ok(Range { start: u64::from(start), end: u64::from(end) })
}

fn memory_map(body: &[u8]) -> Result<crate::Ranges, FactsError> {
    let size = u32_at(body, 0).ok_or(FactsError::Truncated)? as usize;
    let entries = body.get(8..).ok_or(FactsError::Truncated)?;
    if size < MAP_ENTRY_MIN {
        return Err(FactsError::Truncated);
    }
    usable_pages(entries.chunks_exact(size).filter_map(map_entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::fake::Pieces;

    fn push(info: &mut Vec<u8>, kind: u32, body: &[u8]) {
        info.resize(info.len().next_multiple_of(8), 0);
        info.extend(kind.to_le_bytes());
        info.extend((8 + u32::try_from(body.len()).expect("short")).to_le_bytes());
        info.extend(body);
    }

    fn sealed(mut info: Vec<u8>) -> Pieces {
        push(&mut info, END, &[]);
        let total = u32::try_from(info.len()).expect("short");
        info[..4].copy_from_slice(&total.to_le_bytes());
        Pieces(vec![(0x1_0000, info)])
    }

    fn map_body() -> Vec<u8> {
        let mut body = vec![24, 0, 0, 0, 0, 0, 0, 0];
        body.extend(0x10_0000_u64.to_le_bytes());
        body.extend(0x70_0000_u64.to_le_bytes());
        body.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        body
    }

    fn module_body() -> Vec<u8> {
        let mut body = 0x2000_u32.to_le_bytes().to_vec();
        body.extend(0x5432_u32.to_le_bytes());
        body.extend(b"system\0");
        body
    }

    fn good() -> Vec<u8> {
        let mut info = vec![0; 8];
        push(&mut info, 1, b"quiet\0");
        push(&mut info, 2, b"GRUB 2.06\0");
        push(&mut info, MODULE, &module_body());
        push(&mut info, MEMORY_MAP, &map_body());
        push(&mut info, RSDP_NEW, &[7; 36]);
        push(&mut info, RSDP_OLD, &[8; 20]);
        info
    }

    #[test]
    fn a_structure_as_grub_writes_it_is_read() {
        let memory = sealed(good());
        let claimed = read(&memory, 0x1_0000).expect("a good structure");
        assert_eq!(claimed.module, Range { start: 0x2000, end: 0x5432 });
        assert_eq!(claimed.usable.as_slice(), [Range { start: 0x10_0000, end: 0x80_0000 }]);
        let rsdp = claimed.rsdp.expect("an RSDP");
        assert_eq!(memory.bytes(rsdp, 36), Some(&[7; 36][..]));
    }

    #[test]
    fn every_truncation_is_an_error_and_no_panic() {
        let whole = sealed(good()).0.remove(0).1;
        for length in 0..whole.len() {
            let mut cut = whole[..length].to_vec();
            if let Some(total) = cut.get_mut(..4) {
                total.copy_from_slice(&u32::try_from(length).expect("short").to_le_bytes());
            }
            assert!(read(&Pieces(vec![(0x1_0000, cut)]), 0x1_0000).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn tags_that_lie_about_their_size_are_refused() {
        for size in [0_u32, 1, 7, 4096, u32::MAX] {
            let mut info = vec![0; 8];
            push(&mut info, 1, b"x\0");
            info[12..16].copy_from_slice(&size.to_le_bytes());
            assert_eq!(read(&sealed(info), 0x1_0000).err(), Some(FactsError::Truncated), "size {size}");
        }
    }

    #[test]
    fn a_map_with_tiny_entries_a_missing_map_and_a_missing_module_are_refused() {
        let check = |kinds: &[(u32, Vec<u8>)], expected| {
            let mut info = vec![0; 8];
            kinds.iter().for_each(|(kind, body)| push(&mut info, *kind, body));
            assert_eq!(read(&sealed(info), 0x1_0000).err(), Some(expected));
        };
        check(&[(MEMORY_MAP, vec![0; 32])], FactsError::Truncated);
        check(&[(MODULE, module_body())], FactsError::NoMemoryMap);
        check(&[(MEMORY_MAP, map_body())], FactsError::NoModule);
    }
}
