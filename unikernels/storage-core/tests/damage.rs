//! A disk that rots, and one that lies under right sums: an error, or a store that keeps to its partition. Never a panic.

#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small, or cut on purpose")]

mod simulated;

use crc::{CRC_64_XZ, Crc};
use proptest::prelude::*;
use simulated::{Chance, Content, Ram};
use unikernels_disk::{Disk, SECTOR};
use unikernels_storage_core::{Name, Store, StoreError};

const SECTORS: u64 = 5400;
const CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

fn name(text: &str) -> Name {
    Name::new(text).expect("a legal name")
}

/// A partition with volumes, one of them a clone that went its own way.
fn formatted() -> Ram {
    let disk = Ram::new(SECTORS);
    let mut store = Store::format(disk.clone()).expect("it is large enough");
    for (volume, sectors) in [("one", 300), ("two", 700)] {
        let id = store.make(&name(volume), sectors).expect("there is room");
        assert_eq!(store.write(id, 100, &[1; 100 * SECTOR]), Ok(()));
    }
    let id = store.clone_volume(&name("two"), &name("three")).expect("there is room");
    assert_eq!(store.write(id, 190, &[2; 20 * SECTOR]), Ok(()));
    assert_eq!(store.flush(id), Ok(()));
    disk
}

fn bytes(disk: &Ram, from: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count * SECTOR];
    disk.clone().read(from, &mut bytes).expect("within");
    bytes
}

/// The newest superblock: its sector, and its bytes.
fn superblock(disk: &Ram) -> (u64, Vec<u8>) {
    let found = [0, 8].map(|at| (at, bytes(disk, at, 1)));
    let sequence = |bytes: &[u8]| u64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes"));
    found.into_iter().max_by_key(|(_, bytes)| sequence(bytes)).expect("two")
}

/// Where the root is that a superblock sums up: its first sector, and its length in bytes.
fn root(disk: &Ram, superblock: &[u8]) -> (u64, usize) {
    let length = u32::from_le_bytes(superblock[20..24].try_into().expect("four bytes")) as usize;
    let expected = u64::from_le_bytes(superblock[24..32].try_into().expect("eight bytes"));
    let is = |at: &u64| CRC.checksum(&bytes(disk, *at, length.div_ceil(SECTOR))[..length]) == expected;
    ((16..200).find(is).expect("there is a root"), length)
}

/// Does everything that can be done with a store, whatever it answers.
fn use_up(disk: Ram, seed: u64) {
    let Ok(mut store) = Store::open(disk.clone()) else { return };
    let mut chance = Chance(seed);
    let listed: Vec<_> = store.volumes().collect();
    assert!(listed.iter().map(|volume| volume.sectors).sum::<u64>() <= SECTORS);
    for volume in &listed {
        let name = name(&volume.name);
        let id = store.find(&name).expect("it was listed");
        let mut all = vec![0; usize::try_from(volume.sectors).expect("few") * SECTOR];
        assert_eq!(store.read(id, 0, &mut all), Ok(()));
        let _ = store.write(id, chance.below(volume.sectors), &[3; SECTOR]);
        let _ = store.discard(id, 0, chance.below(volume.sectors));
        let _ = store.flush(id);
        let _ = store.clone_volume(&name, &Name::new("clone").expect("legal"));
        let _ = store.grow(&name, volume.sectors + 200);
        let _ = store.write(id, 0, &all);
        let _ = store.erase(&name);
    }
    let _ = store.make(&name("new"), 128);
    let again: Vec<_> = store.volumes().map(|volume| volume.name).collect();
    drop(store);
    // Whatever was made of it is one that holds.
    let store = Store::open(disk).expect("it was committed by us");
    assert_eq!(store.volumes().map(|volume| volume.name).collect::<Vec<_>>(), again);
}

#[test]
fn damage_of_what_is_kept_about_volumes_is_told() {
    let disk = formatted();
    let whole: Content = disk.content();
    let (at, newest) = superblock(&disk);
    let (root_at, length) = root(&disk, &newest);
    let damaged = |sector: u64, byte: usize| {
        let disk = Ram::with(SECTORS, whole.clone());
        disk.damage(sector, byte, 0x10);
        Store::open(disk).map(|store| store.len())
    };
    for byte in 0..length {
        let sector = root_at + (byte / SECTOR) as u64;
        assert_eq!(damaged(sector, byte % SECTOR), Err(StoreError::DamagedRoot), "byte {byte} of the root");
    }
    // A superblock that rots cannot be told from one that the power cut off: the commit before it counts.
    for byte in 0..SECTOR {
        assert!(damaged(at, byte).is_ok(), "byte {byte} of the superblock");
    }
    let disk = Ram::with(SECTORS, whole);
    disk.damage(0, 3, 1);
    disk.damage(8, 3, 1);
    assert_eq!(Store::open(disk).map(|store| store.len()), Err(StoreError::NoSuperblock));
    assert_eq!(Store::open(Ram::new(SECTORS)).map(|store| store.len()), Err(StoreError::NotFormatted));
    assert_eq!(Store::open(Ram::new(100)).map(|store| store.len()), Err(StoreError::TooSmall));
}

#[test]
fn a_partition_that_became_shorter_is_told() {
    let disk = formatted();
    let disk = Ram::with(SECTORS - 300, disk.content());
    assert_eq!(Store::open(disk).map(|store| store.len()), Err(StoreError::WrongSize));
}

#[test]
fn formatting_forgets_what_was_there() {
    let disk = formatted();
    assert!(Store::format(disk.clone()).expect("it is large enough").is_empty());
    let store = Store::open(disk).expect("it was formatted");
    assert_eq!((store.len(), store.space().free), (0, store.space().sectors));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_root_that_lies_under_right_sums_does_no_harm(
        lies in proptest::collection::vec((any::<u16>(), prop_oneof![Just(0_u8), Just(1), Just(2), Just(0xff), any::<u8>()]), 1..6),
        cut in prop_oneof![Just(0_usize), 0_usize..100],
        seed in any::<u64>(),
    ) {
        let disk = formatted();
        let (at, mut newest) = superblock(&disk);
        let (root_at, length) = root(&disk, &newest);
        let mut root = bytes(&disk, root_at, length.div_ceil(SECTOR));
        for (byte, value) in lies {
            root[usize::from(byte) % length] = value;
        }
        let length = length.saturating_sub(cut);
        newest[20..24].copy_from_slice(&u32::try_from(length).expect("short").to_le_bytes());
        newest[24..32].copy_from_slice(&CRC.checksum(&root[..length]).to_le_bytes());
        let sum = CRC.checksum(&newest[..32]);
        newest[32..40].copy_from_slice(&sum.to_le_bytes());
        disk.clone().write(root_at, &root).expect("within");
        disk.clone().write(at, &newest).expect("within");
        use_up(disk, seed);
    }

    #[test]
    fn a_superblock_that_lies_under_a_right_sum_does_no_harm(
        lies in proptest::collection::vec((8_usize..32, any::<u8>()), 1..5),
        seed in any::<u64>(),
    ) {
        let disk = formatted();
        let (at, mut newest) = superblock(&disk);
        lies.iter().for_each(|(byte, value)| newest[*byte] = *value);
        let sum = CRC.checksum(&newest[..32]);
        newest[32..40].copy_from_slice(&sum.to_le_bytes());
        disk.clone().write(at, &newest).expect("within");
        use_up(disk, seed);
    }

    #[test]
    fn rot_anywhere_does_no_harm(
        rot in proptest::collection::vec((0_u64..2600, 0_usize..SECTOR, 1_u8..), 1..20),
        seed in any::<u64>(),
    ) {
        let disk = formatted();
        rot.iter().for_each(|(sector, byte, xor)| disk.damage(*sector, *byte, *xor));
        use_up(disk, seed);
    }
}
