//! Every workload of up to three operations, cut everywhere, with every combination of what was not flushed.
//!
//! The state of the disk after a cut is what was flushed and any of the units (sectors, or a discard) since. All cuts between
//! two flushes leave subsets of what is pending just before the later flush, so it is enough to cut there and at the end of
//! each operation, where the allowed outcome changes.

use tests_disk::life::{Model, SimVolume, Step, contents, create, open, perform, with_units};
use tests_disk::{SimDisk, Unit};
use unikernels_volume::VOLUME_SECTORS_MIN;

/// Up to so many pending units all subsets are tried, and no operation here has more.
const UNITS_MAX: usize = 12;

/// Two areas of eight sectors: three long puts do not fit without compaction.
#[expect(clippy::cast_possible_truncation, reason = "the least of a volume is small")]
const SECTORS: usize = VOLUME_SECTORS_MIN as usize;

fn alphabet() -> Vec<Step> {
    let put = |id, byte: u8, len| Step::Commit(vec![(id, Some(vec![byte; len]))]);
    vec![
        put(0, 0xa0, 40),
        put(0, 0xa1, 41),
        put(1, 0xb0, 1_200),
        Step::Commit(vec![(1, Some(vec![0xc0; 700])), (2, Some(vec![0xc1; 3])), (0, None)]),
        Step::Commit(vec![(0, None)]),
        Step::Compact,
        Step::Slots(b"second".to_vec()),
        Step::Reopen,
    ]
}

/// How much was tried.
#[derive(Default)]
struct Tried {
    cuts: u64,
    recoveries: u64,
}

/// What is on the disk after a cut must be one of `allowed`, and the volume must go on from there.
fn check_cut(image: &[u8], allowed: &[&Model], what: &dyn Fn() -> String, tried: &mut Tried) {
    tried.cuts += 1;
    let disk = SimDisk::from_image(image.to_vec());
    disk.record();
    let mut volume = open(&disk, 77).unwrap_or_else(|error| panic!("{error:?} after {}", what()));
    let found = contents(&mut volume).unwrap_or_else(|error| panic!("{error:?} after {}", what()));
    assert!(allowed.contains(&&found), "{found:?} after {}", what());
    let journal = disk.journal();
    go_on(volume, &disk, &found, what);
    if !journal.is_empty() {
        // Opening wrote: it can be cut too, and what it showed must stay.
        tried.recoveries += 1;
        for_each_cut(image, &journal, |image, _| {
            tried.cuts += 1;
            let disk = SimDisk::from_image(image.to_vec());
            let mut volume = open(&disk, 78).unwrap_or_else(|error| panic!("{error:?} in {}", what()));
            assert_eq!(contents(&mut volume), Ok(found.clone()), "recovery cut, {}", what());
        });
    }
}

/// The volume that was found takes a commit and a compaction and keeps them.
fn go_on(mut volume: SimVolume, disk: &SimDisk, found: &Model, what: &dyn Fn() -> String) {
    let steps = [Step::Commit(vec![(99, Some(vec![9; 20]))]), Step::Commit(vec![(0, Some(vec![8; 30]))])];
    let mut model = found.clone();
    for step in steps {
        perform(&mut volume, disk, &step, 5).unwrap_or_else(|error| panic!("{error:?} after {}", what()));
        model = model.after(&step);
    }
    let mut volume = open(disk, 79).unwrap_or_else(|error| panic!("{error:?} going on after {}", what()));
    assert_eq!(contents(&mut volume), Ok(model), "going on after {}", what());
}

/// Calls back with every image that a cut in this journal can leave, and how much of the journal came before.
fn for_each_cut(base: &[u8], journal: &[Option<Unit>], mut each: impl FnMut(&[u8], usize)) {
    let mut durable = base.to_vec();
    let mut pending: Vec<&Unit> = Vec::new();
    for (at, entry) in journal.iter().enumerate() {
        match entry {
            Some(unit) => pending.push(unit),
            None => {
                subsets(&durable, &pending, |image| each(image, at));
                durable = with_units(&durable, pending.drain(..));
            }
        }
    }
    subsets(&durable, &pending, |image| each(image, journal.len()));
}

fn subsets(durable: &[u8], pending: &[&Unit], mut each: impl FnMut(&[u8])) {
    assert!(pending.len() <= UNITS_MAX, "{} units pending: make the workload smaller", pending.len());
    for choice in 0..1u32 << pending.len() {
        let chosen = pending.iter().enumerate().filter(|(bit, _)| choice >> bit & 1 == 1);
        each(&with_units(durable, chosen.map(|(_, unit)| *unit)));
    }
}

/// Runs a workload, then cuts it everywhere in its last step and just after. Cuts in the steps before are those of a shorter
/// workload: the same seeds give the same bytes.
fn check_workload(base: &[u8], start: &Model, steps: &[&Step], tried: &mut Tried) {
    let disk = SimDisk::from_image(base.to_vec());
    disk.record();
    let mut volume = open(&disk, 3).expect("the volume");
    let (mut before, mut after) = (start.clone(), start.clone());
    let mut begin = 0;
    for step in steps {
        begin = disk.journal_len();
        perform(&mut volume, &disk, step, 4).expect("a good disk");
        before = after;
        after = before.after(step);
    }
    let journal = disk.journal();
    for_each_cut(base, &journal, |image, at| {
        if at == journal.len() {
            check_cut(image, &[&after], &|| format!("{steps:?}, done"), tried);
        } else if at >= begin {
            check_cut(image, &[&before, &after], &|| format!("{steps:?} at {at}"), tried);
        }
    });
}

#[test]
fn no_cut_of_any_workload_of_three_operations_loses_or_tears_anything() {
    let disk = SimDisk::new(SECTORS);
    let (mut volume, model) = create(&disk, 1).expect("a volume");
    let first = Step::Commit(vec![(0, Some(vec![0x10; 30])), (3, Some(vec![0x13; 200]))]);
    perform(&mut volume, &disk, &first, 2).expect("a commit");
    let (base, model) = (disk.image(), model.after(&first));
    let alphabet = alphabet();
    let mut tried = Tried::default();
    let mut workloads = 0;
    for one in &alphabet {
        check_workload(&base, &model, &[one], &mut tried);
        for two in &alphabet {
            check_workload(&base, &model, &[one, two], &mut tried);
            for three in &alphabet {
                check_workload(&base, &model, &[one, two, three], &mut tried);
            }
        }
        workloads += 1 + alphabet.len() + alphabet.len() * alphabet.len();
    }
    println!("{workloads} workloads, {} cuts, {} recoveries that wrote", tried.cuts, tried.recoveries);
    assert!(workloads == 584 && tried.cuts > 100_000 && tried.recoveries > 1_000);
}
