//! Power cuts at random: lives of one volume, each ended by a cut, each begun by opening what the cut left.
//!
//! `cargo test --release -p tests-disk --test random -- --ignored --nocapture` makes a million cuts; `SKEP_CUTS` and
//! `SKEP_SEED` say how many and from which seed.

use std::env;
use std::thread;

use tests_disk::life::{Model, SimVolume, Step, contents, create, open, perform};
use tests_disk::{Cut, Random, SimDisk};
use unikernels_disk::DiskError;
use unikernels_volume::{OpenError, State, VolumeError};

/// Cuts of one seed.
const LIVES: u64 = 50;
const THREADS: u64 = 2;

/// What a run has seen, so that a run that saw nothing fails.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    cuts: u64,
    acknowledged: u64,
    kept_unacknowledged: u64,
    recovered: u64,
    slots_mended: u64,
    cut_while_opening: u64,
    full: u64,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.cuts += other.cuts;
        self.acknowledged += other.acknowledged;
        self.kept_unacknowledged += other.kept_unacknowledged;
        self.recovered += other.recovered;
        self.slots_mended += other.slots_mended;
        self.cut_while_opening += other.cut_while_opening;
        self.full += other.full;
    }
}

fn step(random: &mut Random) -> Step {
    match random.below(16) {
        0 => Step::Compact,
        1 => Step::Slots(random.next().to_le_bytes().to_vec()),
        2 => Step::Reopen,
        _ => {
            let changes = (0..=random.below(3)).map(|_| {
                let longest = if random.below(24) == 0 { 5_000 } else { 600 };
                let mut record = vec![0; usize::try_from(random.below(longest)).expect("short")];
                random.fill(&mut record);
                (u128::from(random.below(6)) << 62, (random.below(4) > 0).then_some(record))
            });
            Step::Commit(changes.collect())
        }
    }
}

fn any_cut(random: &mut Random) -> Cut {
    [Cut::Nothing, Cut::All, Cut::Prefix, Cut::Some, Cut::Some, Cut::Some, Cut::TornSector][index(random, 7)]
}

fn index(random: &mut Random, bound: u64) -> usize {
    usize::try_from(random.below(bound)).expect("a small number")
}

/// One life until the power goes: the acknowledged state, and the one that a step under way would give.
fn live(
    volume: &mut SimVolume,
    disk: &SimDisk,
    random: &mut Random,
    mut model: Model,
    seen: &mut Seen,
) -> (Model, Option<Model>, State) {
    let mut kept = volume.state();
    disk.die_after(1 + random.below(60));
    for _ in 0..12 {
        let step = step(random);
        let next = model.after(&step);
        match perform(volume, disk, &step, random.next()) {
            Ok(()) => {
                seen.acknowledged += 1;
                (model, kept) = (next, volume.state());
            }
            Err(VolumeError::NoRoom) => seen.full += 1,
            Err(VolumeError::Disk(DiskError::Gone)) => return (model, Some(next), kept),
            Err(error) => panic!("{error:?} at {step:?}"),
        }
    }
    (model, None, kept)
}

/// Opens after a cut, with more cuts while opening now and then.
fn revive(mut disk: SimDisk, random: &mut Random, seen: &mut Seen, seed: u64) -> (SimDisk, SimVolume) {
    loop {
        if random.below(4) == 0 {
            disk.die_after(1 + random.below(12));
        }
        match open(&disk, random.next()) {
            Ok(volume) => {
                seen.recovered += u64::from(volume.found().recovered > 0);
                seen.slots_mended += u64::from(volume.found().slots_mended);
                return (disk, volume);
            }
            Err(OpenError::Disk(DiskError::Gone)) => {
                seen.cut_while_opening += 1;
                seen.cuts += 1;
                disk = disk.cut(any_cut(random), random);
            }
            Err(error) => panic!("seed {seed}: a power cut was taken for {error:?}"),
        }
    }
}

fn run_seed(seed: u64) -> Seen {
    let random = &mut Random::new(seed);
    let mut seen = Seen::default();
    let mut disk = SimDisk::new(48 + 2 * index(random, 30));
    let (mut volume, mut model) = create(&disk, random.next()).expect("a volume");
    for _ in 0..LIVES {
        let (acknowledged, under_way, kept) = live(&mut volume, &disk, random, model, &mut seen);
        seen.cuts += 1;
        // Now and then only the volume's user dies, and what was not flushed is still on its way.
        let cut = (random.below(8) > 0).then(|| any_cut(random));
        match cut {
            Some(cut) => disk = disk.cut(cut, random),
            None => disk.live_on(),
        }
        (disk, volume) = revive(disk, random, &mut seen, seed);
        // Reading is still possible when the power is to go after some writes; a dead disk is cut once more.
        if disk.is_dead() {
            seen.cuts += 1;
            (disk, volume) = revive(disk.cut(any_cut(random), random), random, &mut seen, seed);
        }
        let found = contents(&mut volume).expect("what opened can be read");
        if found != acknowledged {
            assert_eq!(Some(&found), under_way.as_ref(), "seed {seed}: neither old nor new after {cut:?}");
            seen.kept_unacknowledged += 1;
        }
        assert!(volume.state().can_follow(&kept), "seed {seed}: {:?} after {kept:?}", volume.state());
        model = found;
    }
    seen
}

fn run(cuts: u64, first: u64) {
    let runs = (0..THREADS).map(|part| {
        thread::spawn(move || {
            let mut seen = Seen::default();
            let mut seed = first + part;
            while seen.cuts < cuts.div_ceil(THREADS) {
                seen.add(&run_seed(seed));
                seed += THREADS;
            }
            seen
        })
    });
    let mut all = Seen::default();
    for run in runs.collect::<Vec<_>>() {
        all.add(&run.join().expect("no seed fails"));
    }
    println!("{all:?}");
    assert!(all.cuts >= cuts && all.acknowledged > cuts, "{all:?}");
    for rare in [all.kept_unacknowledged, all.recovered, all.slots_mended, all.cut_while_opening, all.full] {
        assert!(rare > cuts / 2_000, "too rare to have been tested: {all:?}");
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn random_cuts_lose_and_tear_nothing() {
    run(20_000, 1);
}

#[test]
#[ignore = "a million cuts take minutes"]
fn a_million_random_cuts_lose_and_tear_nothing() {
    run(number("SKEP_CUTS", 1_000_000), number("SKEP_SEED", 1_000_000));
}
