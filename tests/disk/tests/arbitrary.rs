//! Disks of arbitrary bytes, and of sectors from any time: never a panic, never a state that never was.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use proptest::prelude::*;
use tests_disk::life::{self, Model, Step, contents, create, open, perform};
use tests_disk::{SimDisk, Unit};
use unikernels_disk::SECTOR;
use unikernels_volume::State;

const SECTORS: usize = 64;

/// A volume's past: every version of every sector, and every state that was acknowledged.
struct Past {
    image: Vec<u8>,
    versions: Vec<Vec<Vec<u8>>>,
    states: Vec<(State, Model)>,
}

/// Made once: a proptest runs it thousands of times.
fn past() -> &'static Past {
    static PAST: OnceLock<Past> = OnceLock::new();
    PAST.get_or_init(|| {
        let disk = SimDisk::new(SECTORS);
        disk.record();
        let (mut volume, mut model) = create(&disk, 1).expect("a volume");
        let mut states = vec![(volume.state(), model.clone())];
        for round in 0..12u8 {
            let step = match round % 4 {
                3 => Step::Slots(vec![round; 8]),
                _ => Step::Commit(vec![
                    (u128::from(round % 3), Some(vec![round; 300])),
                    (7, Some(vec![round; usize::from(round) * 70])),
                ]),
            };
            perform(&mut volume, &disk, &step, 2).expect("a good disk");
            model = model.after(&step);
            states.push((volume.state(), model.clone()));
        }
        let mut versions = vec![vec![vec![0; SECTOR]]; SECTORS];
        for unit in disk.journal().into_iter().flatten() {
            if let Unit::Write(sector, bytes) = unit {
                versions[usize::try_from(sector).expect("a small disk")].push(bytes.to_vec());
            }
        }
        Past { image: disk.image(), versions, states }
    })
}

/// Opens and reads; what comes out must have been there once, whole.
fn opens_to_a_state_that_was(image: Vec<u8>) -> Result<bool, TestCaseError> {
    let past = past();
    let Ok(mut volume) = open(&SimDisk::from_image(image), 5) else { return Ok(false) };
    let state = volume.state();
    let Ok(found) = contents(&mut volume) else { return Ok(false) };
    let was = |(at, model): &(State, Model)| *at == state && model.records == found.records;
    prop_assert!(past.states.iter().any(was), "{state:?} {found:?}");
    prop_assert!(past.states.iter().any(|(_, model)| model.slots == found.slots));
    Ok(true)
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40_000)) {
        prop_assert!(life::open_any(&bytes).is_err());
    }
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn changed_bytes_give_a_state_that_was(
        changes in prop::collection::vec((0..SECTORS * SECTOR, any::<u8>()), 0..40),
        len in prop::option::weighted(0.1, 0..SECTORS),
    ) {
        let mut image = past().image.clone();
        for (at, byte) in changes {
            image[at] = byte;
        }
        image.truncate(len.unwrap_or(SECTORS) * SECTOR);
        opens_to_a_state_that_was(image)?;
    }

    /// The strongest owner of a disk: any old version of any sector, all at once.
    #[test]
    fn sectors_of_any_time_give_a_state_that_was(
        choices in prop::collection::btree_map(0..SECTORS, any::<prop::sample::Index>(), 0..SECTORS),
    ) {
        let mut image = past().image.clone();
        for (sector, choice) in choices {
            let versions = &past().versions[sector];
            image[sector * SECTOR..][..SECTOR].copy_from_slice(&versions[choice.index(versions.len())]);
        }
        opens_to_a_state_that_was(image)?;
    }
}

#[test]
fn every_prefix_of_the_past_opens_so_the_property_is_not_empty() {
    // Replaying all writes up to any of them is a disk that was: it opens, or is one in the middle of an operation.
    let disk = SimDisk::new(SECTORS);
    disk.record();
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    perform(&mut volume, &disk, &Step::Commit(vec![(1, Some(vec![1; 9]))]), 2).expect("a good disk");
    let journal = disk.journal();
    let mut opened = BTreeMap::new();
    for end in 0..=journal.len() {
        let image = life::with_units(&vec![0; SECTORS * SECTOR], journal[..end].iter().flatten());
        *opened.entry(open(&SimDisk::from_image(image), 3).is_ok()).or_insert(0) += 1;
    }
    assert!(opened[&true] >= 8 && opened[&false] >= 20, "{opened:?}");
    assert_eq!(opens_to_a_state_that_was(past().image.clone()).ok(), Some(true));
}
