//! Whatever is done to volumes, they hold what was written to them and nothing else.

#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small, or cut on purpose")]

mod simulated;

use proptest::prelude::*;
use simulated::workload::{Act, act, compare_all};
use simulated::{Chance, Model, Ram};
use unikernels_disk::{Disk, DiskError, SECTOR};
use unikernels_storage_core::{Name, Store};

/// Sectors of a partition with about two dozen units.
const SECTORS: u64 = 5400;

fn name(text: &str) -> Name {
    Name::new(text).expect("a legal name")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn volumes_hold_what_was_written_to_them_also_when_opened_again(seed in any::<u64>(), length in 1_usize..200) {
        let mut chance = Chance(seed);
        let disk = Ram::new(SECTORS);
        let mut store = Store::format(disk.clone()).expect("it is large enough");
        let (mut model, mut next) = (Model::default(), 0);
        for step in 0..length {
            act(&mut store, &mut model, Act::random(&mut chance), &mut next);
            if step % 16 == 15 {
                compare_all(&mut store, &model, false).unwrap_or_else(|error| panic!("{error}"));
            }
            if chance.below(32) == 0 {
                let listed: Vec<_> = store.volumes().collect();
                if let Some(volume) = listed.first() {
                    let id = store.find(&name(&volume.name)).expect("it was listed");
                    prop_assert_eq!(store.flush(id), Ok(()));
                    model.flushed();
                }
                let space = store.space();
                store = Store::open(disk.clone()).expect("it was just flushed");
                prop_assert_eq!(store.space(), space);
            }
        }
        compare_all(&mut store, &model, false).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Random bytes over all of a volume.
fn fill(store: &mut Store<Ram>, of: &str, chance: &mut Chance) {
    let id = store.find(&name(of)).expect("it is there");
    let sectors = store.sectors(id).expect("it is there");
    for at in 0..sectors {
        let mut bytes = [0; SECTOR];
        bytes.iter_mut().for_each(|byte| *byte = chance.next() as u8);
        assert_eq!(store.write(id, at, &bytes), Ok(()));
    }
    assert_eq!(store.flush(id), Ok(()));
}

fn content(store: &mut Store<Ram>, of: &str) -> Vec<u8> {
    let id = store.find(&name(of)).expect("it is there");
    let mut bytes = vec![0; store.sectors(id).expect("it is there") as usize * SECTOR];
    assert_eq!(store.read(id, 0, &mut bytes), Ok(()));
    bytes
}

#[test]
fn changing_a_clone_leaves_its_origin_bit_for_bit_and_the_other_way() {
    let mut chance = Chance(1);
    let mut store = Store::format(Ram::new(SECTORS)).expect("it is large enough");
    store.make(&name("vault"), 700).expect("there is room");
    fill(&mut store, "vault", &mut chance);
    let before = content(&mut store, "vault");
    store.clone_volume(&name("vault"), &name("vault-work")).expect("there is room");
    assert_eq!(content(&mut store, "vault-work"), before);

    fill(&mut store, "vault-work", &mut chance);
    assert_eq!(content(&mut store, "vault"), before);
    let work = content(&mut store, "vault-work");
    assert_ne!(work, before);

    fill(&mut store, "vault", &mut chance);
    assert_eq!(content(&mut store, "vault-work"), work);
    store.erase(&name("vault")).expect("it is there");
    assert_eq!(content(&mut store, "vault-work"), work);
}

#[test]
fn a_clone_of_a_large_volume_writes_metadata_only() {
    let disk = Ram::new(1 << 19);
    let mut store = Store::format(disk.clone()).expect("it is large enough");
    let sectors = 200_000;
    let id = store.make(&name("large"), sectors).expect("there is room");
    for at in (0..sectors).step_by(128) {
        let bytes = vec![7; 128.min(sectors as usize - at as usize) * SECTOR];
        assert_eq!(store.write(id, at, &bytes), Ok(()));
    }
    assert_eq!(store.flush(id), Ok(()));
    let before = disk.writes();
    store.clone_volume(&name("large"), &name("copy")).expect("there is room");
    let written = disk.writes() - before;
    assert!(written <= 2, "{written} sectors for a clone of {sectors}");
    let shared: Vec<u64> = store.volumes().map(|volume| volume.shared).collect();
    assert_eq!(shared, [200_064, 200_064]);

    // And the first write to it: a unit, a leaf, root and superblock.
    let before = disk.writes();
    let id = store.find(&name("copy")).expect("it was made");
    assert_eq!(store.write(id, 5, &[9; SECTOR]), Ok(()));
    assert_eq!(store.flush(id), Ok(()));
    let written = disk.writes() - before;
    assert!(written <= 128 + 8 + 2, "{written} sectors for the first write to a clone");
}

#[test]
fn an_erased_volume_leaves_nothing_in_the_next_and_says_what_is_left_of_it() {
    let disk = Ram::new(SECTORS);
    let mut store = Store::format(disk.clone()).expect("it is large enough");
    store.make(&name("old"), 512).expect("there is room");
    fill(&mut store, "old", &mut Chance(3));
    store.clone_volume(&name("old"), &name("copy")).expect("there is room");
    let id = store.find(&name("old")).expect("it is there");
    assert_eq!(store.write(id, 0, &[1; SECTOR]), Ok(()));
    assert_eq!(store.flush(id), Ok(()));
    let erased = store.erase(&name("old")).expect("it is there");
    assert_eq!((erased.discarded, erased.left, erased.shared), (128, 0, 384));
    assert_eq!(store.read(id, 0, &mut [0; SECTOR]), Err(DiskError::Gone));

    disk.refuse_discards();
    let erased = store.erase(&name("copy")).expect("it is there");
    assert_eq!((erased.discarded, erased.left, erased.shared), (0, 512, 0));

    let id = store.make(&name("new"), 1024).expect("there is room");
    assert_eq!(store.write(id, 100, &[2; SECTOR]), Ok(()));
    let mut expected = vec![0; 1024 * SECTOR];
    expected[100 * SECTOR..101 * SECTOR].fill(2);
    assert!(content(&mut store, "new") == expected, "bytes of an erased volume");
}

#[test]
fn a_client_that_writes_everything_never_takes_the_room_of_another() {
    let mut store = Store::format(Ram::new(SECTORS)).expect("it is large enough");
    let all = store.space().sectors;
    store.make(&name("victim"), all / 2 / 128 * 128).expect("there is room");
    let hostile = store.make(&name("hostile"), store.space().free).expect("there is room");
    assert_eq!(store.space().free, 0);
    for round in 0..3_u8 {
        for at in 0..store.sectors(hostile).expect("it is there") {
            assert_eq!(store.write(hostile, at, &[round; SECTOR]), Ok(()));
        }
        assert_eq!(store.discard(hostile, 0, store.sectors(hostile).expect("it is there")), Ok(()));
    }
    fill(&mut store, "victim", &mut Chance(9));
}

#[test]
fn after_a_failed_commit_everything_is_refused_until_the_disk_is_opened_again() {
    for operations in 0..6 {
        let disk = Ram::new(SECTORS);
        let mut store = Store::format(disk.clone()).expect("it is large enough");
        let id = store.make(&name("vault"), 512).expect("there is room");
        assert_eq!(store.write(id, 0, &[1; SECTOR]), Ok(()));
        assert_eq!(store.flush(id), Ok(()));
        assert_eq!(store.write(id, 200, &[2; SECTOR]), Ok(()));
        disk.fail_after(operations);
        let flushed = store.flush(id);
        // Leaf, root, flush, superblock, flush.
        assert_eq!(flushed.is_ok(), operations >= 5, "{operations}");
        if flushed.is_err() {
            assert_eq!(store.read(id, 0, &mut [0; SECTOR]), Err(DiskError::Failed));
            assert_eq!(store.flush(id), Err(DiskError::Failed));
            assert!(store.make(&name("more"), 1).is_err());
        }
        let mut store = Store::open(Ram::with(SECTORS, disk.content())).expect("one commit or the other");
        let id = store.find(&name("vault")).expect("it was committed");
        let mut sector = [0; SECTOR];
        assert_eq!(store.open_volume(id).read(0, &mut sector), Ok(()));
        assert_eq!(sector, [1; SECTOR]);
    }
}
