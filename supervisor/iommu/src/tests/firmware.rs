//! IVRS and DMAR.

use proptest::prelude::*;

use crate::{Bdf, Error, Found, Kind};

pub(super) fn table(blocks: &[&[u8]]) -> Vec<u8> {
    [&[0; 48][..], &blocks.concat()].concat()
}

pub(super) fn ivhd(kind: u8, base: u64, entries: &[u8]) -> Vec<u8> {
    let mut block = vec![kind, 0, 0, 0, 0x10, 0, 0x40, 0];
    block.extend(base.to_le_bytes());
    block.resize(if kind == 0x10 { 24 } else { 40 }, 0);
    block.extend(entries);
    let length = u16::try_from(block.len()).expect("short").to_le_bytes();
    block[2..4].copy_from_slice(&length);
    block
}

pub(super) fn ivmd(kind: u8, first: u16, last: u16) -> Vec<u8> {
    let mut block = vec![kind, 0, 32, 0];
    block.extend(first.to_le_bytes());
    block.extend(last.to_le_bytes());
    block.resize(32, 0);
    block
}

fn structure(kind: u16, fixed: &[u8], scopes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + fixed.len() + scopes.len()).expect("short");
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), fixed, scopes].concat()
}

pub(super) fn drhd(flags: u8, segment: u8, base: u64, scopes: &[u8]) -> Vec<u8> {
    structure(0, &[&[flags, 0, segment, 0][..], &base.to_le_bytes()].concat(), scopes)
}

pub(super) fn rmrr(scopes: &[u8]) -> Vec<u8> {
    structure(1, &[0; 20], scopes)
}

fn ivrs(table: &[u8]) -> Result<Found, Error> {
    Found::read(Kind::Amd, table)
}

fn dmar(table: &[u8]) -> Result<Found, Error> {
    Found::read(Kind::Intel, table)
}

/// Which of some ids can be confined.
fn usable(found: &Found, ids: &[u16]) -> Vec<u16> {
    ids.iter().copied().filter(|id| found.confines(Bdf(*id))).collect()
}

#[test]
fn an_ivrs_tells_units_devices_and_io_apics() {
    let entries = [
        &[2, 0x18, 0, 0][..],
        &[3, 0, 1, 0, 0, 0, 0, 0, 4, 0xff, 1, 0],
        &[66, 0x20, 0, 0, 0, 0x28, 0, 0, 2, 0x28, 0, 0],
        &[67, 0, 2, 0, 0, 0x30, 0, 0, 4, 0xff, 2, 0],
        &[72, 0, 0, 0, 0, 0xa0, 0, 1, 72, 0, 0, 0, 0, 0xa1, 0, 2],
        &[0; 4],
    ]
    .concat();
    let variable = [&[240][..], &[0; 20], &[3, b'A', b'B', b'C'], &[2, 0x40, 0, 0]].concat();
    let bytes = table(&[
        &ivhd(0x10, 0xfed8_0000, &entries),
        &ivhd(0x11, 0xfed8_0000, &entries),
        &ivhd(0x40, 0xfdf8_0000, &variable),
        &ivmd(0x21, 0x18, 0),
        &ivmd(0x22, 0x180, 0x187),
    ]);
    let found = ivrs(&bytes).expect("a good table");
    assert_eq!((found.kind, &found.units[..]), (Kind::Amd, &[0xfed8_0000, 0xfdf8_0000][..]));
    assert!(found.io_apics.iter().all(|id| *id == Bdf(0xa0)) && !found.io_apics.is_empty());
    let ids = [0x10, 0x18, 0x20, 0x28, 0x30, 0x40, 0x100, 0x180, 0x187, 0x188, 0x1ff, 0x200, 0x2ff, 0x300];
    assert_eq!(usable(&found, &ids), [0x40, 0x100, 0x188, 0x1ff]);
    let all = ivrs(&table(&[&ivhd(0x10, 0x1000, &[1, 0, 0, 0])])).expect("a good table");
    assert_eq!(usable(&all, &[0, 0x10, 0xffff]), [0, 0xffff], "all but the unit itself");
    let kept = ivrs(&table(&[&ivhd(0x10, 0x1000, &[1, 0, 0, 0]), &ivmd(0x20, 0, 0)]));
    assert_eq!(usable(&kept.expect("a good table"), &[0, 0x10, 0xffff]), []);
}

#[test]
fn a_dmar_tells_units_reserved_devices_and_io_apics() {
    let bytes = table(&[
        &drhd(0, 0, 0xfed9_0000, &[1, 8, 0, 0, 0, 0, 2, 0]),
        &drhd(1, 0, 0xfed9_1000, &[3, 8, 0, 0, 2, 0xf0, 0x1f, 0, 4, 8, 0, 0, 0, 0, 0xf, 0]),
        &rmrr(&[1, 8, 0, 0, 0, 0, 0x14, 0]),
        &structure(2, &[0; 4], &[]),
    ]);
    let found = dmar(&bytes).expect("a good table");
    assert_eq!((found.kind, &found.units[..]), (Kind::Intel, &[0xfed9_0000, 0xfed9_1000][..]));
    assert_eq!(found.io_apics, [Bdf(0xf0f8)]);
    assert_eq!(usable(&found, &[0, 0x9f, 0xa0, 0xa1, 0xffff]), [0, 0x9f, 0xa1, 0xffff]);
    let behind = rmrr(&[1, 10, 0, 0, 0, 0, 0x1c, 0, 0, 0]);
    let found = dmar(&table(&[&drhd(1, 0, 0x1000, &[]), &behind])).expect("a good table");
    assert_eq!(usable(&found, &[0xdf, 0xe0, 0x100, 0xffff]), [0xdf], "a bus that only a bridge knows");
    let some = dmar(&table(&[&drhd(0, 0, 0x1000, &[1, 8, 0, 0, 0, 0, 2, 0])])).expect("a good table");
    assert_eq!(usable(&some, &[0, 0x10, 0x11]), [0x10], "no unit sees the rest");
}

#[test]
fn tables_that_cannot_be_trusted_are_refused() {
    let units: Vec<Vec<u8>> = (1..20).map(|page| drhd(1, 0, page << 12, &[])).collect();
    let units: Vec<&[u8]> = units.iter().map(Vec::as_slice).collect();
    for bytes in [
        table(&[]),
        table(&[&drhd(1, 0, 0xfed9_0010, &[])]),
        table(&[&drhd(1, 0, 0, &[])]),
        table(&[&drhd(1, 0, !0xfff, &[])]),
        table(&[&drhd(1, 1, 0x1000, &[])]),
        table(&units),
        table(&[&drhd(1, 0, 0x1000, &[]), &[0, 0, 3, 0]]),
        table(&[&drhd(1, 0, 0x1000, &[]), &[0, 0, 16]]),
        table(&[&drhd(1, 0, 0x1000, &[]), &[9, 0, 0xff, 0xff]]),
        table(&[&rmrr(&[1, 7, 0, 0, 0, 0, 0])]),
        table(&[&rmrr(&[1, 0, 0, 0, 0, 0, 0, 0])]),
        vec![0; 47],
    ] {
        assert_eq!(dmar(&bytes).err(), Some(Error::Firmware), "{bytes:x?}");
    }
    let short = table(&[&ivhd(0x10, 0x1000, &[66, 0, 0, 0])]);
    assert_eq!(ivrs(&short).err(), Some(Error::Firmware));
    let endless = table(&[&ivhd(0x10, 0x1000, &[]), &[0x10, 0, 0, 0]]);
    assert_eq!(ivrs(&endless).err(), Some(Error::Firmware));
    let many = table(&[&ivhd(0x10, 0x1000, &[2, 8, 0, 0].repeat(129))]);
    assert_eq!(ivrs(&many).err(), Some(Error::Firmware));
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic_and_what_it_finds_is_sound(
        blocks in prop::collection::vec(
            (0_usize..6, prop::collection::vec(any::<u8>(), 0..80), any::<bool>()), 0..12),
        cut in 0_usize..400,
    ) {
        let kinds = [0, 1, 0x10, 0x11, 0x22, 0x40];
        let mut bytes = table(&[]);
        for (kind, body, is_dmar) in blocks {
            let length = u16::try_from(4 + body.len()).expect("short").to_le_bytes();
            let second = if is_dmar { 0 } else { 0xff };
            bytes.extend([kinds[kind], second, length[0], length[1]]);
            bytes.extend(body);
        }
        bytes.truncate(bytes.len().max(cut) - cut);
        for read in [ivrs, dmar] {
            if let Ok(found) = read(&bytes) {
                prop_assert!(!found.units.is_empty());
                prop_assert!(found.units.iter().all(|base| *base != 0 && base % 4096 == 0));
            }
        }
    }
}
