//! What a device reaches, read from the tables the way a unit does. Any reserved bit that is set makes a walk panic.

use super::model::{Access, Memory};
use crate::Kind;

/// Where an access of `bdf` to `address` lands, by the tables below `devices`.
pub(super) fn walk(
    kind: Kind,
    memory: &Memory,
    devices: u64,
    bdf: u16,
    address: u64,
    access: Access,
) -> Option<u64> {
    match kind {
        Kind::Amd => walk_amd(memory, devices, bdf, address, access),
        Kind::Intel => walk_intel(memory, devices, bdf, address, access),
    }
}

fn walk_amd(memory: &Memory, devices: u64, bdf: u16, address: u64, access: Access) -> Option<u64> {
    let entry = memory.word(devices + 32 * u64::from(bdf));
    assert_eq!(entry & 1, 1, "entry of {bdf:#x} is not valid, so it lets everything through");
    assert_eq!(entry >> 1 & 1, 1, "translation of {bdf:#x} is not valid");
    assert_eq!(entry & 0x8030_0000_0000_00fc, 0, "reserved bits of an entry");
    assert_eq!(memory.word(devices + 32 * u64::from(bdf) + 24), 0);
    let right = match access {
        Access::Read => 1 << 61,
        Access::Write => 1 << 62,
    };
    let (mut at, mut level) = (entry, entry >> 9 & 7);
    assert_ne!(level, 0, "without a table addresses are not translated");
    loop {
        if at & right == 0 {
            return None;
        }
        let table = at & 0x000f_ffff_ffff_f000;
        let entry = memory.word(table + 8 * (address >> (12 + 9 * (level - 1)) & 511));
        if entry & 1 == 0 {
            return None;
        }
        let next = entry >> 9 & 7;
        assert_eq!(entry & 0x8ff0_0000_0000_01fe, 0, "reserved bits of a table entry");
        if next == 0 {
            let size = 1 << (12 + 9 * (level - 1));
            assert_eq!(entry & 0x000f_ffff_ffff_f000 & (size - 1), 0, "a large page is aligned");
            return (entry & right != 0).then_some((entry & 0x000f_ffff_ffff_f000) + address % size);
        }
        assert_eq!(next, level - 1, "no level is skipped");
        (at, level) = (entry, next);
    }
}

fn walk_intel(memory: &Memory, devices: u64, bdf: u16, address: u64, access: Access) -> Option<u64> {
    let bus = memory.word(devices + 16 * u64::from(bdf >> 8));
    if bus & 1 == 0 {
        return None;
    }
    assert_eq!(bus & 0xffe, 0, "reserved bits of a root entry");
    let context = (bus & !0xfff) + 16 * u64::from(bdf & 0xff);
    let (low, high) = (memory.word(context), memory.word(context + 8));
    if low & 1 == 0 {
        return None;
    }
    assert_eq!(low & 0xffe, 0, "faults reported, translation through the table");
    assert_eq!(high & !0x00ff_ff07, 0, "reserved bits of a context entry");
    assert_ne!(high >> 8, 0, "domain 0 is not used where caching mode reserves it");
    let width = 30 + 9 * (high & 7);
    if address >> width != 0 {
        return None;
    }
    let mut table = low & !0xfff;
    for level in (0..(width - 12) / 9).rev() {
        let entry = memory.word(table + 8 * (address >> (12 + 9 * level) & 511));
        let right = if access == Access::Read { 1 } else { 2 };
        if entry & right == 0 {
            return None;
        }
        assert_eq!(entry & 0xfff0_0000_0000_0f7c, 0, "reserved bits of a table entry");
        if level == 0 || entry & 0x80 != 0 {
            let size = 1 << (12 + 9 * level);
            assert_eq!(entry & !0xfff & (size - 1), 0, "a large page is aligned");
            return Some((entry & !0xfff) + address % size);
        }
        table = entry & !0xfff;
    }
    None
}

/// The vector and APIC id of what `bdf` raises by writing `data` to `address`, by the tables.
pub(super) fn interrupt(
    kind: Kind,
    memory: &Memory,
    devices: u64,
    remapping: u64,
    bdf: u16,
    address: u64,
    data: u64,
) -> Option<(u64, u64)> {
    assert_eq!(address >> 20, 0xfee);
    match kind {
        Kind::Amd => {
            let entry = memory.word(devices + 32 * u64::from(bdf) + 16);
            if entry & 1 == 0 {
                return Some((data & 0xff, address >> 12 & 0xff));
            }
            let (control, length) = (entry >> 60 & 3, 1 << (entry >> 1 & 15));
            assert_eq!(entry & 0xcff0_0000_0000_0000, 0, "nothing passes by kind");
            let index = data & 0x7ff;
            if control != 2 || index >= length {
                return None;
            }
            let word = memory.word((entry & 0x000f_ffff_ffff_ffc0) + index / 2 * 8);
            let remapped = word >> (32 * (index % 2)) & 0xffff_ffff;
            (remapped & 0xff == 1).then_some((remapped >> 16, remapped >> 8 & 0xff))
        }
        Kind::Intel => {
            if address & 0x10 == 0 {
                return None;
            }
            let index = address >> 5 & 0x7fff | (address >> 2 & 1) << 15;
            let entry = remapping + 16 * index;
            let (low, high) = (memory.word(entry), memory.word(entry + 8));
            if index >= 256 || low & 1 == 0 {
                return None;
            }
            assert_eq!(low & 0xffff_00ff_ff00_fffe, 0, "fixed, physical, edge, eight bits of APIC id");
            assert_eq!(high >> 16, 0b0100, "the whole requester id is compared");
            (high & 0xffff == u64::from(bdf)).then_some((low >> 16 & 0xff, low >> 40 & 0xff))
        }
    }
}
