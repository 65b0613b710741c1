//! Power cuts at every write of random work: what was flushed is there, the rest is there or not, sector by sector.

#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small, or cut on purpose")]

mod simulated;

use std::collections::BTreeSet;

use simulated::workload::{Act, act, compare_all};
use simulated::{Chance, Cutter, Model, Ram};
use unikernels_disk::{Disk, SECTOR};
use unikernels_storage_core::{GptError, Name, Partition, Prepared, Store, prepare};

/// Sectors of a partition with about two dozen units.
const SECTORS: u64 = 5400;
/// Most sectors not flushed of which every subset is tried.
const EXHAUSTIVE: usize = 6;
/// Subsets that are tried of more.
const SUBSETS: u64 = 6;

/// Which sectors a cut keeps: every subset of few, some of many, all and none among them.
fn subsets(pending: usize, chance: &mut Chance, mut each: impl FnMut(&mut dyn FnMut() -> bool)) -> usize {
    if pending <= EXHAUSTIVE {
        for bits in 0_u32..1 << pending {
            let mut bit = 0;
            each(&mut || {
                bit += 1;
                bits >> (bit - 1) & 1 == 1
            });
        }
        return 1 << pending;
    }
    each(&mut || true);
    each(&mut || false);
    for part in 0..SUBSETS - 2 {
        let of = [2, 8, 32, 3][(part % 4) as usize];
        let (mut chance, rarely) = (Chance(chance.next()), part % 2 == 0);
        each(&mut || (chance.below(of) == 0) == rarely);
    }
    SUBSETS as usize
}

/// Work from a seed; after each thing done, cuts at every sector it wrote. Gives how many cuts there were.
fn work_with_cuts(seed: u64, length: usize) -> usize {
    let mut chance = Chance(seed);
    let disk = Ram::new(SECTORS);
    let mut store = Store::format(disk.clone()).expect("it is large enough");
    let mut cutter = Cutter::new(SECTORS, disk.content());
    disk.take_journal();
    let (mut model, mut next, mut cuts) = (Model::default(), 0, 0);
    for step in 0..length {
        let what = Act::random(&mut chance);
        let before = model.clone();
        act(&mut store, &mut model, what, &mut next);
        // During an act the disk has what may be there before it, or behind it.
        let mut during = model.clone();
        for (name, held) in &mut during.volumes {
            for (held, before) in held.iter_mut().zip(before.volumes.get(name).into_iter().flatten()) {
                held.after_cut.extend(&before.after_cut);
                held.after_cut.extend(&held.now);
            }
        }
        let journal = disk.take_journal();
        for (number, done) in journal.iter().enumerate() {
            cutter.play(done);
            // Every write of metadata, and of the 128 sectors of a unit some.
            let last = number + 1 == journal.len();
            if !last && chance.below(8) != 0 && cutter.pending() > EXHAUSTIVE {
                continue;
            }
            cuts += subsets(cutter.pending(), &mut chance, |keep| {
                let mut torn = Store::open(cutter.cut(keep))
                    .unwrap_or_else(|error| panic!("seed {seed}, step {step}, {what:?}: {error:?}"));
                let results = [&before, &during].map(|model| compare_all(&mut torn, model, true));
                let last_is = !last || compare_all(&mut torn, &model, true).is_ok();
                assert!(
                    results.iter().any(Result::is_ok) && last_is,
                    "seed {seed}, step {step}, {what:?}, write {number}: {results:?}"
                );
            });
        }
    }
    cuts
}

#[test]
fn after_a_cut_at_any_write_volumes_hold_what_was_flushed_or_what_was_written_since() {
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(40);
    let cuts: usize = (0..seeds).map(|seed| work_with_cuts(seed, 60)).sum();
    println!("{cuts} cuts");
    assert!(cuts > seeds as usize * 100, "{cuts} cuts only");
}

#[test]
fn what_one_volume_let_go_is_not_written_in_place_by_another_before_that_is_committed() {
    let disk = Ram::new(SECTORS);
    let mut store = Store::format(disk.clone()).expect("it is large enough");
    let names = ["one", "two"].map(|name| Name::new(name).expect("legal"));
    let one = store.make(&names[0], 256).expect("there is room");
    assert_eq!(store.write(one, 0, &[1; 256 * SECTOR]), Ok(()));
    let two = store.clone_volume(&names[0], &names[1]).expect("there is room");
    // From here on each has a leaf of its own; the second unit is still that of both.
    assert_eq!(store.write(two, 0, &[2; SECTOR]), Ok(()));
    assert_eq!(store.flush(two), Ok(()));
    assert_eq!(store.write(one, 130, &[3; SECTOR]), Ok(()));
    assert_eq!(store.write(two, 131, &[4; SECTOR]), Ok(()));
    // The power is cut, and everything that was written is there, but for the commit.
    let mut store = Store::open(Ram::with(SECTORS, disk.content())).expect("the last commit");
    let mut sector = [0; SECTOR];
    for name in &names {
        let id = store.find(name).expect("it was committed");
        assert_eq!(store.read(id, 131, &mut sector), Ok(()));
        assert_eq!(sector, [1; SECTOR], "{name:?}");
    }
}

#[test]
fn a_store_that_was_cut_can_be_worked_with() {
    for seed in 0..30 {
        let mut chance = Chance(seed);
        let disk = Ram::new(SECTORS);
        let mut store = Store::format(disk.clone()).expect("it is large enough");
        let mut cutter = Cutter::new(SECTORS, disk.content());
        disk.take_journal();
        let (mut model, mut next) = (Model::default(), 0);
        for _ in 0..40 {
            act(&mut store, &mut model, Act::random(&mut chance), &mut next);
        }
        disk.take_journal().iter().for_each(|done| cutter.play(done));
        let mut keep = Chance(seed);
        let mut torn = Store::open(cutter.cut(&mut || keep.below(2) == 0)).expect("one commit or the other");
        // From here on it holds one of what it may hold.
        for (name, held) in &mut model.volumes {
            let id = torn.find(&Name::new(name).expect("legal")).expect("volumes are always committed");
            for (at, held) in held.iter_mut().enumerate() {
                let mut sector = [0; SECTOR];
                torn.read(id, at as u64, &mut sector).expect("it is within");
                let number = simulated::number(&sector).expect("nothing else was written");
                held.now = BTreeSet::from([number]);
                held.after_cut.insert(number);
            }
        }
        for _ in 0..60 {
            act(&mut torn, &mut model, Act::random(&mut chance), &mut next);
        }
        compare_all(&mut torn, &model, false).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[test]
fn a_disk_whose_first_start_was_cut_anywhere_starts_the_next_time() {
    let mut chance = Chance(5);
    let sectors = 16_384;
    // Behind its blank beginning it is full of something old.
    let disk = Ram::new(sectors);
    (2048..2300).for_each(|at| disk.set(at, [0x5a; SECTOR]));
    let mut cutter = Cutter::new(sectors, disk.content());
    let start = |disk: &mut dyn Disk| -> Result<Prepared, GptError> {
        let (partition, prepared) = prepare(Borrowed(disk), &[7; 32])?;
        Store::open_or_format(partition).unwrap_or_else(|error| panic!("{error:?}"));
        Ok(prepared)
    };
    assert_eq!(start(&mut disk.clone()), Ok(Prepared::Created));
    assert_eq!(start(&mut disk.clone()), Ok(Prepared::Found));
    let mut cuts = 0;
    for done in &disk.take_journal() {
        cutter.play(done);
        cuts += subsets(cutter.pending(), &mut chance, |keep| {
            let mut torn = cutter.cut(keep);
            start(&mut torn).unwrap_or_else(|error| panic!("{error:?}"));
            assert_eq!(start(&mut torn), Ok(Prepared::Found));
        });
    }
    assert!(cuts > 300, "{cuts} cuts");
}

/// A disk that somebody else keeps.
struct Borrowed<'d>(&'d mut dyn Disk);

impl Disk for Borrowed<'_> {
    fn sectors(&self) -> u64 {
        self.0.sectors()
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), unikernels_disk::DiskError> {
        self.0.read(from, into)
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), unikernels_disk::DiskError> {
        self.0.write(to, bytes)
    }

    fn flush(&mut self) -> Result<(), unikernels_disk::DiskError> {
        self.0.flush()
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), unikernels_disk::DiskError> {
        self.0.discard(from, sectors)
    }
}

#[test]
fn a_repair_of_the_partition_table_that_is_cut_anywhere_leaves_a_table() {
    for damaged in [1, 2, 16_383, 16_351] {
        let disk = Ram::new(16_384);
        let (partition, _) = prepare(disk.clone(), &[3; 32]).expect("it is blank");
        let partition_sectors = Partition::sectors(&partition);
        disk.damage(damaged, 17, 0x40);
        let mut cutter = Cutter::new(16_384, disk.content());
        disk.take_journal();
        let (_, prepared) = prepare(disk.clone(), &[4; 32]).expect("the other copy holds");
        assert_eq!(prepared, Prepared::Repaired, "sector {damaged}");
        let mut chance = Chance(damaged);
        for done in &disk.take_journal() {
            cutter.play(done);
            subsets(cutter.pending(), &mut chance, |keep| {
                let (partition, _) = prepare(cutter.cut(keep), &[5; 32]).expect("the other copy holds");
                assert_eq!(partition.sectors(), partition_sectors);
            });
        }
    }
}
