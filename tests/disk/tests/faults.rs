//! A disk that lies: after any single fault, opening or reading gives an error or what was acknowledged, never anything else.

use std::collections::BTreeMap;

use tests_disk::life::{Model, Step, contents, create, open, perform};
use tests_disk::{Fault, Random, SimDisk, Unit};
use unikernels_disk::SECTOR;
use unikernels_volume::{OpenError, Part, State};

const SECTORS: usize = 72;

/// A volume with a history: overwritten and deleted records, a compaction, other key slots, a record of several blocks.
fn history() -> Vec<Step> {
    let put = |id, byte: u8, len| (id, Some(vec![byte; len]));
    vec![
        Step::Commit(vec![put(1, 0x11, 20), put(2, 0x22, 600)]),
        Step::Commit(vec![put(1, 0x12, 30)]),
        Step::Slots(b"second".to_vec()),
        Step::Compact,
        Step::Commit(vec![put(3, 0x33, 4_500), (2, None)]),
        Step::Slots(b"third".to_vec()),
        Step::Commit(vec![put(1, 0x14, 40)]),
        Step::Commit(vec![put(4, 0x44, 50)]),
    ]
}

/// The disk after the history, with its journal, and what it holds.
fn aged() -> (SimDisk, Model, State) {
    let disk = SimDisk::new(SECTORS);
    disk.record();
    let (mut volume, mut model) = create(&disk, 1).expect("a volume");
    for step in history() {
        perform(&mut volume, &disk, &step, 2).expect("a good disk");
        model = model.after(&step);
    }
    (disk, model, volume.state())
}

/// What opening a changed disk gave.
#[derive(Debug, Default)]
struct Outcomes {
    right: u64,
    /// It opened without the last commit, and said that a root is missing.
    suspect: u64,
    refused: BTreeMap<String, u64>,
}

impl Outcomes {
    fn check(&mut self, disk: &SimDisk, model: &Model, kept: State, what: &dyn Fn() -> String) {
        match open(disk, 9) {
            Ok(mut volume) => match contents(&mut volume) {
                Ok(found) if found == *model => {
                    assert_eq!(volume.state(), kept, "{}", what());
                    self.right += 1;
                }
                Ok(found) => {
                    assert!(volume.found().root_missing, "{found:?}: {}", what());
                    assert!(!volume.state().can_follow(&kept), "{}", what());
                    self.suspect += 1;
                }
                Err(error) => *self.refused.entry(format!("{error:?}")).or_default() += 1,
            },
            Err(OpenError::Disk(error)) => panic!("{error:?}: {}", what()),
            Err(error) => {
                let kind = match error {
                    OpenError::Damaged(Part::Log { .. }) => "Damaged(Log)".to_owned(),
                    error => format!("{error:?}"),
                };
                *self.refused.entry(kind).or_default() += 1;
            }
        }
    }

    fn refused(&self) -> u64 {
        self.refused.values().sum()
    }
}

fn sector(image: &mut [u8], sector: usize) -> &mut [u8] {
    &mut image[sector * SECTOR..(sector + 1) * SECTOR]
}

#[test]
fn a_byte_that_rots_is_noticed_or_harmless() {
    let (disk, model, kept) = aged();
    let image = disk.image();
    let mut outcomes = Outcomes::default();
    let mut random = Random::new(1);
    for byte in 0..image.len() {
        let disk = SimDisk::from_image(image.clone());
        let bit = random.below(8);
        disk.rot(byte, 1 << bit);
        outcomes.check(&disk, &model, kept, &|| format!("bit {bit} of byte {byte}"));
    }
    println!("{outcomes:?}");
    // The log in use is 14 sectors, and each of its bytes counts.
    assert_eq!((outcomes.refused(), outcomes.suspect), (outcomes.refused["Damaged(Log)"], 0));
    assert!(outcomes.refused() >= 14 * 512 && outcomes.right > 10_000, "{outcomes:?}");
}

#[test]
fn a_sector_that_is_swapped_replayed_or_overwritten_is_noticed_or_harmless() {
    let (disk, model, kept) = aged();
    let image = disk.image();
    let mut outcomes = Outcomes::default();
    let mut check = |image: Vec<u8>, what: &dyn Fn() -> String| {
        outcomes.check(&SimDisk::from_image(image), &model, kept, what);
    };
    let mut random = Random::new(2);
    for at in 0..SECTORS {
        for filling in [0, 0xff, 0xdd] {
            let mut image = image.clone();
            sector(&mut image, at).fill(filling);
            check(image, &|| format!("sector {at} of {filling:#x}"));
        }
        let mut noise = image.clone();
        random.fill(sector(&mut noise, at));
        check(noise, &|| format!("sector {at} of noise"));
        for other in 0..at {
            let mut image = image.clone();
            let (one, two) = image.split_at_mut(at * SECTOR);
            sector(one, other).swap_with_slice(sector(two, 0));
            check(image, &|| format!("sectors {other} and {at} swapped"));
        }
        // Everything that was ever written, to anywhere.
        for (index, unit) in disk.journal().iter().flatten().enumerate() {
            if let Unit::Write(from, bytes) = unit {
                let mut image = image.clone();
                sector(&mut image, at).copy_from_slice(&bytes[..]);
                check(image, &|| format!("write {index}, of sector {from}, at sector {at}"));
            }
        }
    }
    println!("{outcomes:?}");
    assert!(outcomes.refused() > 1_900 && outcomes.right > 5_000, "{outcomes:?}");
    // Only a swap takes two sectors at once: the newest root with the last commit.
    assert_eq!(outcomes.suspect, 1);
}

#[test]
fn a_disk_that_is_cut_off_is_noticed_wherever_it_is_cut() {
    let (disk, model, kept) = aged();
    let image = disk.image();
    let mut outcomes = Outcomes::default();
    for len in 0..SECTORS {
        let disk = SimDisk::from_image(image[..len * SECTOR].to_vec());
        outcomes.check(&disk, &model, kept, &|| format!("{len} sectors"));
    }
    assert_eq!((outcomes.right, outcomes.refused()), (0, SECTORS as u64));
}

#[test]
fn acknowledged_commits_cannot_be_chopped_off_the_log() {
    let (disk, model, kept) = aged();
    let image = disk.image();
    let mut outcomes = Outcomes::default();
    // The second area, where the log is after one compaction.
    let (start, end) = (32 + (SECTORS - 32) / 2, SECTORS);
    for from in start..end {
        for filling in [0, 0xdd] {
            let mut image = image.clone();
            image[from * SECTOR..].fill(filling);
            outcomes.check(&SimDisk::from_image(image), &model, kept, &|| format!("chopped from {from}"));
        }
    }
    assert_eq!(outcomes.refused(), 2 * 14, "each of 14 sectors in use is missed: {outcomes:?}");
}

#[test]
fn a_stale_read_of_a_sector_is_noticed_or_harmless() {
    let mut outcomes = Outcomes::default();
    for stale in 0..SECTORS as u64 {
        let (disk, model, kept) = aged();
        disk.fault(Fault::Stale { sector: stale });
        outcomes.check(&disk, &model, kept, &|| format!("sector {stale} stale"));
    }
    assert!(outcomes.refused() >= 14 && outcomes.right >= 30 && outcomes.suspect == 0, "{outcomes:?}");
}

/// Runs the history on a disk with one fault, and looks at the volume still open, at one opened again, and at the key slots.
fn run_with_fault(fault: Fault, outcomes: &mut Outcomes) -> bool {
    let disk = SimDisk::new(SECTORS);
    let (mut volume, mut model) = create(&disk, 1).expect("a volume");
    disk.fault(fault);
    let (mut kept, mut under_way) = (volume.state(), None);
    for step in history() {
        let next = model.after(&step);
        if let Err(error) = perform(&mut volume, &disk, &step, 2) {
            *outcomes.refused.entry(format!("at once: {error:?}")).or_default() += 1;
            under_way = Some(next);
            break;
        }
        (model, kept) = (next, volume.state());
    }
    if under_way.is_none()
        && let Ok(found) = contents(&mut volume)
    {
        assert_eq!(found, model, "{fault:?}, still open");
    }
    match open(&disk, 9) {
        Ok(mut volume) => match contents(&mut volume) {
            Ok(found) => {
                assert!(found == model || Some(&found) == under_way.as_ref(), "{fault:?}: {found:?}");
                assert!(volume.state().can_follow(&kept), "{fault:?}: {:?} after {kept:?}", volume.state());
                outcomes.right += 1;
            }
            Err(error) => *outcomes.refused.entry(format!("{error:?}")).or_default() += 1,
        },
        Err(error) => *outcomes.refused.entry(format!("{error:?}")).or_default() += 1,
    }
    disk.has_erred()
}

#[test]
fn a_write_that_is_dropped_is_noticed_or_harmless() {
    let mut outcomes = Outcomes::default();
    let writes =
        (0..).take_while(|after| run_with_fault(Fault::Drop { after: *after }, &mut outcomes)).count();
    println!("{writes} writes: {outcomes:?}");
    assert!(writes > 15 && outcomes.refused() > 5 && outcomes.right > 5, "{outcomes:?}");
}

#[test]
fn a_write_that_is_misdirected_is_noticed_or_harmless() {
    let mut outcomes = Outcomes::default();
    let mut runs = 0;
    for to in 0..SECTORS as u64 {
        let faults = (0..).map(|after| Fault::Misdirect { after, to });
        runs += faults.take_while(|fault| run_with_fault(*fault, &mut outcomes)).count();
    }
    println!("{runs} runs: {outcomes:?}");
    assert!(runs > 15 * SECTORS && outcomes.refused() > 500 && outcomes.right > 100, "{outcomes:?}");
}

/// A tear while mending must find the good copy as it was, and a copy that is torn at any byte must be known as torn.
#[test]
fn mending_a_copy_of_the_key_slots_leaves_the_other_alone() {
    let (disk, model, kept) = aged();
    for (bad, good) in [(0..8, 8..16), (8..16, 0..8)] {
        let disk = SimDisk::from_image(disk.image());
        disk.rot(usize::try_from(bad.start).expect("small") * SECTOR + 100, 4);
        let rotten = disk.image();
        disk.record();
        let volume = open(&disk, 3).expect("the good copy is enough");
        assert!(volume.found().slots_mended && !volume.found().root_missing);
        drop(volume);
        let journal = disk.journal();
        let written: Vec<(u64, Box<[u8; SECTOR]>)> = journal
            .iter()
            .flatten()
            .filter_map(|unit| match unit {
                Unit::Write(sector, bytes) => Some((*sector, bytes.clone())),
                Unit::Discard(_) => None,
            })
            .collect();
        assert!(!written.is_empty() && written.iter().all(|(sector, _)| bad.contains(sector)), "{good:?}");
        let mut image = rotten;
        let mut outcomes = Outcomes::default();
        for (at, bytes) in written {
            let at = usize::try_from(at).expect("small") * SECTOR;
            for byte in 0..SECTOR {
                image[at + byte] = bytes[byte];
                let torn = SimDisk::from_image(image.clone());
                outcomes.check(&torn, &model, kept, &|| format!("torn at {}", at + byte));
            }
        }
        assert_eq!((outcomes.refused(), outcomes.suspect), (0, 0), "{outcomes:?}");
        assert!(outcomes.right >= 5 * 512);
        let mut volume = open(&disk, 4).expect("the volume");
        assert!(!volume.found().slots_mended);
        assert_eq!(volume.verify(), Ok(()));
    }
}

#[test]
fn either_root_can_be_lost_after_any_operation() {
    let disk = SimDisk::new(SECTORS);
    let (mut volume, mut model) = create(&disk, 1).expect("a volume");
    // More commits than the log has room for: some of them make a new log.
    let more = (0..12u8).map(|round| Step::Commit(vec![(5, Some(vec![round; 900]))]));
    let mut outcomes = Outcomes::default();
    for (count, step) in history().into_iter().chain(more).enumerate() {
        perform(&mut volume, &disk, &step, 2).expect("a good disk");
        model = model.after(&step);
        for root in [16, 24] {
            let mut image = disk.image();
            sector(&mut image, root).fill(0xff);
            let lost = SimDisk::from_image(image);
            outcomes.check(&lost, &model, volume.state(), &|| format!("root {root} after {count}"));
        }
    }
    assert_eq!((outcomes.right, outcomes.refused(), outcomes.suspect), (40, 0, 0), "{outcomes:?}");
}
