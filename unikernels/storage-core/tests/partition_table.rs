//! The partition table: what is made is what the specification says, what is damaged is repaired, what is others' is left alone.

#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small, or cut on purpose")]

mod simulated;

use proptest::prelude::*;
use simulated::{Content, Ram};
use unikernels_disk::{Disk, DiskError, SECTOR};
use unikernels_storage_core::{GptError, Partition, Prepared, prepare};

const SECTORS: u64 = 16_384;
const RANDOM: [u8; 32] = [0x11; 32];

/// CRC-32 as the specification has it, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

fn made() -> Ram {
    let disk = Ram::new(SECTORS);
    let (_, prepared) = prepare(disk.clone(), &RANDOM).expect("it is blank");
    assert_eq!(prepared, Prepared::Created);
    disk
}

fn sectors(disk: &Ram, from: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count * SECTOR];
    disk.clone().read(from, &mut bytes).expect("within");
    bytes
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Changes the entries of both copies and makes all sums right again.
fn with_entries(disk: &Ram, change: impl Fn(&mut [u8])) {
    let mut entries = sectors(disk, 2, 32);
    change(&mut entries);
    for (at, to) in [(1, 2), (SECTORS - 1, SECTORS - 33)] {
        let mut header = sectors(disk, at, 1);
        header[88..92].copy_from_slice(&crc(&entries).to_le_bytes());
        set_header_sum(&mut header);
        disk.clone().write(to, &entries).expect("within");
        disk.clone().write(at, &header).expect("within");
    }
}

fn set_header_sum(header: &mut [u8]) {
    header[16..20].fill(0);
    let sum = crc(&header[..92]);
    header[16..20].copy_from_slice(&sum.to_le_bytes());
}

/// Prepares a disk that is to be refused; nothing may be written to it.
fn refused(disk: &Ram) -> GptError {
    let before = disk.content();
    let error = prepare(disk.clone(), &RANDOM).map(|(_, prepared)| prepared).expect_err("it is not ours");
    assert!(disk.content() == before, "a disk that was refused was written to");
    error
}

#[test]
fn a_new_table_is_as_the_specification_says() {
    let disk = made();
    let mbr = sectors(&disk, 0, 1);
    assert_eq!(
        (&mbr[510..], mbr[450], u32_at(&mbr, 454), u32_at(&mbr, 458)),
        (&[0x55, 0xaa][..], 0xee, 1, 16_383)
    );
    for (at, other, entries_at) in [(1, SECTORS - 1, 2), (SECTORS - 1, 1, SECTORS - 33)] {
        let header = sectors(&disk, at, 1);
        assert_eq!((&header[..8], u32_at(&header, 8), u32_at(&header, 12)), (&b"EFI PART"[..], 0x1_0000, 92));
        let mut unsummed = header[..92].to_vec();
        unsummed[16..20].fill(0);
        assert_eq!(u32_at(&header, 16), crc(&unsummed));
        assert_eq!((u64_at(&header, 24), u64_at(&header, 32)), (at, other));
        assert_eq!((u64_at(&header, 40), u64_at(&header, 48)), (34, SECTORS - 34));
        assert_eq!((u64_at(&header, 72), u32_at(&header, 80), u32_at(&header, 84)), (entries_at, 128, 128));
        assert!(header[92..].iter().all(|byte| *byte == 0));
        let entries = sectors(&disk, entries_at, 32);
        assert_eq!(u32_at(&header, 88), crc(&entries));
        // c8e5a2d4-7b1f-4a36-9d0e-53f2b86417ca, the first three parts little-endian.
        let ours =
            [0xd4, 0xa2, 0xe5, 0xc8, 0x1f, 0x7b, 0x36, 0x4a, 0x9d, 0x0e, 0x53, 0xf2, 0xb8, 0x64, 0x17, 0xca];
        assert_eq!(&entries[..16], &ours);
        assert_eq!((u64_at(&entries, 32), u64_at(&entries, 40)), (2048, 14_335));
        assert_eq!(&entries[56..66], b"s\0k\0e\0p\0 \0");
        assert!(entries[128..].iter().all(|byte| *byte == 0));
    }
    let (partition, prepared) = prepare(disk, &[0x22; 32]).expect("it has a table");
    assert_eq!((prepared, partition.sectors()), (Prepared::Found, 14_336 - 2048));
}

#[test]
fn a_table_of_which_one_copy_is_damaged_anywhere_is_repaired() {
    let whole = made().content();
    for start in [1, SECTORS - 1] {
        let entries = if start == 1 { 2 } else { SECTORS - 33 };
        for (sector, bytes) in [(start, 0..92), (entries, 0..160), (entries + 31, 500..512)] {
            for byte in bytes {
                let disk = Ram::with(SECTORS, whole.clone());
                disk.damage(sector, byte, 1 << (byte % 8));
                let (_, prepared) = prepare(disk.clone(), &[9; 32]).expect("the other copy holds");
                assert_eq!(prepared, Prepared::Repaired, "sector {sector}, byte {byte}");
                assert!(disk.content() == whole, "sector {sector}, byte {byte}");
            }
        }
    }
}

#[test]
fn a_table_without_a_copy_that_holds_is_damage_and_left_alone() {
    let disk = made();
    disk.damage(1, 30, 1);
    disk.damage(SECTORS - 33, 3, 1);
    assert_eq!(refused(&disk), GptError::Damaged);
}

#[test]
fn what_is_no_table_of_ours_is_left_alone() {
    for at in [0, 1, 2, 63, 128, 2047, SECTORS - 20, SECTORS - 1] {
        let disk = Ram::new(SECTORS);
        disk.damage(at, 100, 1);
        assert_eq!(refused(&disk), GptError::Foreign, "sector {at}");
    }
    // A master boot record with partitions of its own.
    let disk = Ram::new(SECTORS);
    let mut mbr = [0; SECTOR];
    (mbr[450], mbr[510], mbr[511]) = (0x83, 0x55, 0xaa);
    disk.set(0, mbr);
    assert_eq!(refused(&disk), GptError::Foreign);

    let disk = made();
    with_entries(&disk, |entries| entries[0] ^= 1);
    assert_eq!(refused(&disk), GptError::NoPartition);

    let disk = made();
    with_entries(&disk, |entries| {
        entries.copy_within(0..128, 128);
        entries[128 + 32..128 + 48].copy_from_slice(&[34_u64.to_le_bytes(), 99_u64.to_le_bytes()].concat());
    });
    assert_eq!(refused(&disk), GptError::Ambiguous);

    assert_eq!(refused(&Ram::new(100)), GptError::TooSmall);
}

#[test]
fn ranges_that_do_not_hold_are_damage_however_right_the_sums() {
    let ranges = [(33, 99), (34, SECTORS - 33), (5000, 4999), (2048, u64::MAX), (u64::MAX, u64::MAX)];
    for (first, last) in ranges {
        let disk = made();
        with_entries(&disk, |entries| {
            entries[32..40].copy_from_slice(&first.to_le_bytes());
            entries[40..48].copy_from_slice(&last.to_le_bytes());
        });
        assert_eq!(refused(&disk), GptError::Damaged, "{first} to {last}");
    }
    // Another partition that overlaps ours.
    let disk = made();
    with_entries(&disk, |entries| {
        entries[128..144].fill(7);
        entries[160..176].copy_from_slice(&[2000_u64.to_le_bytes(), 2048_u64.to_le_bytes()].concat());
    });
    assert_eq!(refused(&disk), GptError::Damaged);
    // One that does not.
    let disk = made();
    with_entries(&disk, |entries| {
        entries[128..144].fill(7);
        entries[160..176].copy_from_slice(&[2000_u64.to_le_bytes(), 2047_u64.to_le_bytes()].concat());
    });
    assert_eq!(prepare(disk, &RANDOM).map(|(_, prepared)| prepared), Ok(Prepared::Found));
}

#[test]
fn nothing_outside_of_the_partition_is_reached() {
    let mut partition = Partition::new(Ram::new(100), 10, 20).expect("within");
    assert_eq!(partition.write(0, &[1; 20 * SECTOR]), Ok(()));
    assert_eq!(partition.write(0, &[1; 21 * SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(partition.read(20, &mut [0; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(partition.read(u64::MAX, &mut [0; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(partition.discard(19, 2), Err(DiskError::OutOfRange));
    assert_eq!(partition.discard(u64::MAX, 2), Err(DiskError::OutOfRange));
    let written: Vec<u64> = partition.into_disk().content().into_keys().collect();
    assert_eq!(written, (10..30).collect::<Vec<_>>());
    assert!(
        Partition::new(Ram::new(100), 90, 11).is_err() && Partition::new(Ram::new(100), u64::MAX, 2).is_err()
    );
}

/// Changes that a header may have, with its sum right again.
fn lies() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let values = prop_oneof![Just(0), Just(1), Just(0x7f), Just(0xff), any::<u8>()];
    proptest::collection::vec((0_usize..92, values), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn headers_that_lie_under_right_sums_never_do_harm(primary in lies(), backup in lies()) {
        let disk = made();
        for (at, lies) in [(1, primary), (SECTORS - 1, backup)] {
            let mut header = sectors(&disk, at, 1);
            lies.iter().for_each(|(byte, value)| header[*byte] = *value);
            set_header_sum(&mut header);
            disk.clone().write(at, &header).expect("within");
        }
        let before: Content = disk.content();
        match prepare(disk.clone(), &RANDOM) {
            Ok((partition, _)) => prop_assert_eq!(partition.sectors(), 14_336 - 2048),
            Err(_) => prop_assert!(disk.content() == before),
        }
    }
}
