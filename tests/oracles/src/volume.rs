//! Oracle `volume`: a sealed volume on a disk whose owner lies.
//!
//! Input: which honest disk to begin with, then changes of it: bytes, sectors swapped, zeroed, or taken from any other honest
//! disk, the end cut off; the checksum of a copy of the key slots may be made right again. What opens is exactly a state that
//! the volume once was in, with the key slots of then or later; what is refused has a reason and is left alone. More changes
//! happen while it is open: records read as they were written or not at all. At the end a commit is made, and opening again
//! shows it. Honest are the states of histories that part after a power cut, and those of another volume with the same key,
//! whose whole disk is as good as the volume's own; a part of it is not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use sha2::{Digest, Sha256};
use unikernels_disk::{Disk, DiskError, SECTOR, check};
use unikernels_volume::{
    Batch, Found, KeySlots, OpenError, Part, Refused, State, Volume, VolumeError, VolumeKey, check_key,
    read_slots,
};

use crate::input::Input;

/// Sectors of the disk: two areas of 32.
const SECTORS: usize = 96;
/// First sectors of the two copies of the key slots, and where in a copy its checksum is.
const COPIES: [usize; 2] = [0, 8];
const DIGEST_AT: usize = 2136;
/// Sectors where a change is likely to matter: the copies, the roots, both areas.
const HOT: [usize; 8] = [0, 4, 8, 16, 24, 32, 33, 64];
/// Most changes of one run.
const CHANGES_MAX: usize = 24;

type Records = BTreeMap<u8, Vec<u8>>;
type Random = Box<dyn FnMut(&mut [u8])>;
type Open = Volume<Memory, Random>;

/// A disk in memory that its owner shares.
#[derive(Debug, Clone)]
struct Memory(Rc<RefCell<Vec<u8>>>);

/// A volume as it once was.
struct Honest {
    /// Which of the two volumes.
    seed: u64,
    disk: Vec<u8>,
    state: State,
    records: Records,
    /// How often the key slots had been changed: they say so.
    slots: u8,
}

/// All states that there ever were.
struct World {
    honest: Vec<Honest>,
}

thread_local! {
    static WORLD: World = World::new();
}

impl Disk for Memory {
    fn sectors(&self) -> u64 {
        (self.0.borrow().len() / SECTOR) as u64
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        check(self.sectors(), from, into.len())?;
        let from = usize::try_from(from).map_err(|_| DiskError::OutOfRange)? * SECTOR;
        into.copy_from_slice(&self.0.borrow()[from..from + into.len()]);
        Ok(())
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        check(self.sectors(), to, bytes.len())?;
        let to = usize::try_from(to).map_err(|_| DiskError::OutOfRange)? * SECTOR;
        self.0.borrow_mut()[to..to + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        (from..from + sectors).try_for_each(|at| self.write(at, &[0xdd; SECTOR]))
    }
}

/// The oracle.
///
/// # Panics
/// A lie was believed, or the truth was not.
pub fn volume(input: &[u8]) {
    WORLD.with(|world| {
        let mut input = Input::new(input);
        let begun = &world.honest[usize::from(input.byte()) % world.honest.len()];
        let mut bytes = begun.disk.clone();
        world.change(&mut bytes, &mut input);
        let is_changed = bytes != begun.disk;
        let mut disk = Memory(Rc::new(RefCell::new(bytes.clone())));
        // Before there is a key nobody knows whose key slots these are; asking must only end.
        let (slots, fits) = (read_slots(&mut disk), check_key(&mut disk, &key()));
        let opened = match Volume::open(disk.clone(), &key(), random(99)) {
            Ok(opened) => opened,
            Err(Refused { error, .. }) => {
                assert!(is_changed, "an honest disk was refused: {error:?}");
                assert!(!matches!(error, OpenError::Disk(_)), "memory does not fail: {error:?}");
                assert!(*disk.0.borrow() == bytes, "a disk that is refused is left alone");
                return;
            }
        };
        assert!(slots.is_ok() && fits.is_ok(), "what opens has key slots, and they are of its key");
        let same = world.honest.iter().find(|honest| honest.state == opened.state());
        let same = same.expect("a state that never was");
        world.check_slots(same.seed, &opened);
        if !is_changed {
            let now = (opened.state(), slots_of(opened.slots()), opened.found());
            assert_eq!(now, (begun.state, begun.slots, Found::default()));
        }
        world.go_on(same, opened, &disk, &mut input);
    });
}

impl World {
    /// Changes a disk as its owner can.
    fn change(&self, disk: &mut Vec<u8>, input: &mut Input<'_>) {
        for _ in 0..CHANGES_MAX {
            let kind = input.byte() % 9;
            if kind == 0 {
                break;
            }
            let (to, from) = (sector(input), input.byte());
            let range = to * SECTOR..(to + 1) * SECTOR;
            match kind {
                1 => {
                    let at = range.start + usize::from(input.byte()) * 2 + usize::from(from & 1);
                    disk.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= from.max(1));
                }
                2 => put(disk, range, &[0; SECTOR]),
                3 => disk.truncate(range.start),
                4 => {
                    let other = usize::from(from) % SECTORS * SECTOR;
                    let (one, two) = (
                        disk.get(range.clone()).map(Vec::from),
                        disk.get(other..other + SECTOR).map(Vec::from),
                    );
                    if let (Some(one), Some(two)) = (one, two) {
                        put(disk, range, &two);
                        put(disk, other..other + SECTOR, &one);
                    }
                }
                // Older or other sectors: one, or all from there on; at their place or, rarely, at another.
                5..=7 => {
                    let source = self.source(from);
                    let start = if input.byte() == 0xff { sector(input) * SECTOR } else { range.start };
                    let count = if kind == 5 { 1 } else { 1 + usize::from(input.byte()) };
                    let end = (start + count * SECTOR).min(source.len());
                    put(disk, range.start..range.start + (end - start), &source[start..end]);
                }
                _ => right_again(disk, COPIES[usize::from(from & 1)]),
            }
        }
    }

    fn source(&self, number: u8) -> &[u8] {
        &self.honest[usize::from(number) % self.honest.len()].disk
    }

    /// Key slots may be newer than the root says, as a power cut leaves them, but never older.
    fn check_slots(&self, seed: u64, opened: &Open) {
        let (state, found, slots) = (opened.state(), opened.found(), slots_of(opened.slots()));
        let root = state.generation.checked_sub(found.recovered).expect("more recovered than there ever was");
        let is_root = |honest: &&Honest| (honest.seed, honest.state.generation) == (seed, root);
        let of_root = self.honest.iter().filter(is_root);
        let least = of_root.map(|honest| honest.slots).min().expect("a root that never was");
        assert!(least <= slots, "key slots {slots}, and the root knew {least}");
    }

    /// Reads everything, is lied to again, and commits.
    fn go_on(&self, same: &Honest, mut opened: Open, disk: &Memory, input: &mut Input<'_>) {
        reads(&mut opened, &same.records, false);
        let (found, slots) = (opened.found(), slots_of(opened.slots()));
        let verified = opened.verify();
        let may_miss = found.root_missing && found.recovered == 0;
        assert!(verified.is_ok() || (may_miss && is_damage(verified)), "{verified:?} after {found:?}");
        let before = disk.0.borrow().clone();
        let mut bytes = before.clone();
        self.change(&mut bytes, input);
        // A disk does not get shorter while it is open: whoever serves it says how long it is.
        bytes.resize(before.len(), 0);
        let is_changed = bytes != before;
        *disk.0.borrow_mut() = bytes;
        reads(&mut opened, &same.records, is_changed);
        let mut records = same.records.clone();
        let record = vec![0xc0; usize::from(input.byte()) * 16];
        records.insert(7, record.clone());
        records.remove(&1);
        let mut batch = Batch::new();
        batch.put(7_u8.into(), &record).delete(1_u8.into());
        let committed = opened.commit(&batch);
        if let Err(error) = committed {
            assert!(is_changed, "a commit failed: {error:?}");
            assert_eq!(opened.commit(&batch), Err(VolumeError::Reopen), "half way, and then another one");
        }
        drop(opened);
        match Volume::open(disk.clone(), &key(), random(101)) {
            Ok(mut again) => {
                let old = self.honest.iter().find(|honest| honest.state == again.state());
                assert!(is_changed || old.is_none(), "what was committed is not there");
                reads(&mut again, old.map_or(&records, |old| &old.records), false);
                if !is_changed {
                    assert_eq!(Ok(again.state()), committed);
                    assert_eq!((again.found(), slots_of(again.slots())), (Found::default(), slots));
                }
            }
            Err(refused) => assert!(is_changed, "what was committed does not open: {:?}", refused.error),
        }
    }
}

/// A sector of the disk, often one where a change matters.
fn sector(input: &mut Input<'_>) -> usize {
    let byte = usize::from(input.byte());
    if byte < SECTORS { byte } else { HOT[byte % HOT.len()] }
}

/// Writes over what there is.
fn put(disk: &mut [u8], range: std::ops::Range<usize>, bytes: &[u8]) {
    disk.iter_mut().skip(range.start).zip(bytes).for_each(|(to, from)| *to = *from);
}

/// Makes the checksum of a copy of the key slots right.
fn right_again(disk: &mut [u8], sector: usize) {
    let at = sector * SECTOR;
    let Some(copy) = disk.get(at..at + DIGEST_AT) else { return };
    let digest = Sha256::digest(copy);
    put(disk, at + DIGEST_AT..at + DIGEST_AT + digest.len(), &digest);
}

fn is_damage(result: Result<(), VolumeError>) -> bool {
    matches!(result, Err(VolumeError::Damaged(Part::Roots)))
}

/// Every record is what was written; or, of a disk that was changed meanwhile, is said to be damaged.
fn reads(opened: &mut Open, records: &Records, is_changed: bool) {
    let ids: Vec<u8> = opened.ids().map(|id| u8::try_from(id).expect("an id that never was")).collect();
    assert!(ids.iter().eq(records.keys()), "other records: {ids:?}");
    for (id, record) in records {
        match opened.get((*id).into()) {
            Ok(Some(got)) => assert!(got.expose() == record, "record {id} is another"),
            other => assert!(is_changed && matches!(other, Err(VolumeError::Damaged(_))), "{id}: {other:?}"),
        }
    }
    let mut seen = 0;
    let all = opened.for_each(|id, got| {
        let record = u8::try_from(id).ok().and_then(|id| records.get(&id));
        assert!(record.is_some_and(|record| record == got), "record {id} is another");
        seen += 1;
    });
    match all {
        Ok(()) => assert_eq!(seen, records.len(), "a record was left out"),
        Err(error) => assert!(is_changed && matches!(error, VolumeError::Damaged(_)), "{error:?}"),
    }
}

fn key() -> VolumeKey {
    VolumeKey::new([7; 32])
}

/// The key slots, changed so many times.
fn slots(times: u8) -> KeySlots {
    let mut slots = KeySlots::new();
    slots.set(0, &[times + 1; 40]).expect("a slot of 40 bytes");
    slots
}

fn slots_of(slots: &KeySlots) -> u8 {
    let text = slots.get(0).expect("key slots that never were");
    assert!(text.len() == 40 && text.iter().all(|byte| *byte == text[0]), "key slots that never were");
    text[0] - 1
}

/// SplitMix64.
fn random(seed: u64) -> Random {
    let mut state = seed << 32;
    Box::new(move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = mixed.wrapping_mul(0x94d0_49bb_1331_11eb).to_be_bytes()[0];
        }
    })
}

/// A volume and what must be in it.
struct Life {
    seed: u64,
    opened: Open,
    disk: Memory,
    records: Records,
    slots: u8,
}

impl Life {
    fn create(seed: u64) -> Self {
        let disk = Memory(Rc::new(RefCell::new(vec![0xee; SECTORS * SECTOR])));
        let opened = Volume::create(disk.clone(), &key(), slots(0), random(seed)).expect("there is room");
        Self { seed, opened, disk, records: Records::new(), slots: 0 }
    }

    /// The same volume on a disk of its own.
    fn part(from: &Honest, seed: u64) -> Self {
        let disk = Memory(Rc::new(RefCell::new(from.disk.clone())));
        let opened = Volume::open(disk.clone(), &key(), random(seed)).expect("an honest disk");
        Self { seed: from.seed, opened, disk, records: from.records.clone(), slots: from.slots }
    }

    fn commit(&mut self, changes: &[(u8, Option<usize>)], fill: u8) {
        for (id, length) in changes {
            match length {
                Some(length) => self.records.insert(*id, vec![fill ^ id; *length]),
                None => self.records.remove(id),
            };
        }
        let mut batch = Batch::new();
        for (id, _) in changes {
            match self.records.get(id) {
                Some(record) => batch.put((*id).into(), record),
                None => batch.delete((*id).into()),
            };
        }
        self.opened.commit(&batch).expect("there is room");
    }

    fn change_slots(&mut self) {
        self.slots += 1;
        self.opened.set_slots(slots(self.slots)).expect("memory does not fail");
    }

    fn now(&self) -> Honest {
        let (disk, records) = (self.disk.0.borrow().clone(), self.records.clone());
        Honest { seed: self.seed, disk, state: self.opened.state(), records, slots: self.slots }
    }
}

impl World {
    fn new() -> Self {
        let mut life = Life::create(1);
        let mut honest = vec![life.now()];
        for step in 0..9_u8 {
            match step {
                0 => life.commit(&[(1, Some(100)), (2, Some(5000))], 1),
                1 => life.commit(&[(3, Some(0)), (200, Some(600))], 2),
                2 | 6 => life.change_slots(),
                3 => life.commit(&[(2, Some(300)), (3, None)], 3),
                4 => life.commit(&[(4, Some(470)), (1, Some(100))], 4),
                // More than is left of the area: a new log in the other one.
                5 => life.commit(&[(5, Some(9000)), (2, None)], 5),
                7 => life.commit(&[(5, Some(8000)), (255, Some(1))], 6),
                _ => life.commit(&[(5, None), (2, Some(7000))], 7),
            }
            honest.push(life.now());
        }
        // The other history: from before the last commit of the first log, and from before the last of all.
        for (from, seed) in [(3, 2), (8, 3)] {
            let mut life = Life::part(&honest[from], seed);
            life.commit(&[(4, Some(470)), (9, Some(90))], 8);
            honest.push(life.now());
            life.commit(&[(4, Some(900))], 9);
            honest.push(life.now());
        }
        let sides = honest.iter().filter(|honest| honest.disk[64 * SECTOR] != 0xee).count();
        assert!(sides > 4, "the log never went to the other area");
        let mut other = Life::create(4);
        honest.push(other.now());
        other.commit(&[(1, Some(100)), (2, Some(5000))], 10);
        honest.push(other.now());
        other.commit(&[(3, Some(600))], 11);
        honest.push(other.now());
        for honest in &honest {
            let mut sealed = honest.disk.clone();
            COPIES.iter().for_each(|sector| right_again(&mut sealed, *sector));
            assert!(sealed == honest.disk, "the checksum is elsewhere");
        }
        Self { honest }
    }
}
