//! Making a volume, cut everywhere: with every combination of the sectors that were not flushed, and with one of them torn
//! at any of many bytes. What is left is the old volume, none, or the new one; and only a making that was cut short is none.

use tests_disk::life::{Model, Step, contents, create, key, open, perform, with_units};
use tests_disk::{Random, SimDisk, Unit};
use unikernels_disk::SECTOR;
use unikernels_volume::{KeySlots, OpenError, Part, VOLUME_SECTORS_MIN, check_key, read_slots};

#[expect(clippy::cast_possible_truncation, reason = "the least of a volume is small")]
const SECTORS: usize = VOLUME_SECTORS_MIN as usize;
/// Up to so many pending units all subsets are tried; a copy of the key slots is five.
const UNITS_MAX: usize = 8;
/// Bytes of a copy of the key slots.
const COPY: usize = 5 * SECTOR;
const SECOND: usize = 8 * SECTOR;

/// Changes the two copies of the key slots.
type Change<'a> = dyn FnMut(&mut [u8], &mut [u8], &mut Random) + 'a;

/// What the cuts left.
#[derive(Debug, Default)]
struct Left {
    old: u64,
    none: u64,
    new: u64,
}

impl Left {
    /// Looks at what a cut left, and makes a volume there if there is none.
    fn check(&mut self, image: Vec<u8>, old: Option<&Model>, new: &Model, what: &str) {
        let mut disk = SimDisk::from_image(image);
        let slots = read_slots(&mut disk);
        match open(&disk, 7) {
            Ok(mut volume) => {
                let found = contents(&mut volume).expect("records");
                assert_eq!(slots.as_ref(), Ok(&found.slots), "{what}");
                match old {
                    Some(old) if found == *old => self.old += 1,
                    _ => {
                        assert_eq!(found, *new, "{what}");
                        self.new += 1;
                    }
                }
            }
            Err(error) => {
                assert_eq!((error, slots), (OpenError::NoVolume, Err(OpenError::NoVolume)), "{what}");
                assert_eq!(check_key(&mut disk, &key()), Err(OpenError::NoVolume), "{what}");
                self.none += 1;
            }
        }
    }
}

/// Where a sector is torn: everywhere in the magic, and here and there behind it.
fn tears() -> impl Iterator<Item = usize> {
    (1..=9).chain((10..SECTOR).step_by(29))
}

/// Does to an image the beginning of a write, and leaves the end as it was.
fn tear(image: &mut [u8], unit: &Unit, at: usize) {
    let Unit::Write(sector, bytes) = unit else { panic!("making a volume discards nothing") };
    let start = usize::try_from(*sector).expect("small") * SECTOR;
    image[start..start + at].copy_from_slice(&bytes[..at]);
}

/// Every subset of what is pending, whole, and with each sector that is not in it torn.
fn each_cut(durable: &[u8], pending: &[&Unit], mut each: impl FnMut(Vec<u8>, &str)) {
    assert!(pending.len() <= UNITS_MAX, "{} units pending", pending.len());
    for choice in 0..1u32 << pending.len() {
        let is_done = |bit: &usize| choice >> bit & 1 == 1;
        let (done, not): (Vec<usize>, Vec<usize>) = (0..pending.len()).partition(is_done);
        let image = with_units(durable, done.iter().map(|bit| pending[*bit]));
        for torn in not {
            for at in tears() {
                let mut image = image.clone();
                tear(&mut image, pending[torn], at);
                each(image, &format!("{done:?} done, {torn} torn at {at}"));
            }
        }
        each(image, &format!("{done:?} done"));
    }
}

fn cut_everywhere(base: &[u8], old: Option<&Model>) -> Left {
    let disk = SimDisk::from_image(base.to_vec());
    disk.record();
    let (_, new) = create(&disk, 6).expect("a volume");
    let mut left = Left::default();
    let mut durable = base.to_vec();
    let journal = disk.journal();
    assert_eq!(journal.last(), Some(&None), "what was made is flushed");
    for (window, units) in journal.split(Option::is_none).enumerate() {
        let pending: Vec<&Unit> = units.iter().flatten().collect();
        each_cut(&durable, &pending, |image, what| {
            left.check(image, old, &new, &format!("window {window}: {what}"));
        });
        durable = with_units(&durable, pending.into_iter());
    }
    left
}

/// A volume with a record in it.
fn used() -> (SimDisk, Model) {
    let disk = SimDisk::new(SECTORS);
    let (mut volume, model) = create(&disk, 1).expect("a volume");
    let step = Step::Commit(vec![(0, Some(vec![0x10; 30]))]);
    perform(&mut volume, &disk, &step, 2).expect("a commit");
    (disk, model.after(&step))
}

#[test]
fn making_a_volume_is_cut_to_none_or_the_new_one() {
    let mut junk = vec![0; SECTORS * SECTOR];
    Random::new(3).fill(&mut junk);
    for base in [vec![0; SECTORS * SECTOR], vec![0xdd; SECTORS * SECTOR], junk] {
        let left = cut_everywhere(&base, None);
        assert!(left.none > 2_000 && left.new > 1_000 && left.old == 0, "{left:?}");
    }
}

#[test]
fn making_a_volume_over_another_is_cut_to_the_old_one_none_or_the_new_one() {
    let (disk, old) = used();
    let left = cut_everywhere(&disk.image(), Some(&old));
    assert!(left.old > 1_000 && left.none > 2_000 && left.new > 1_000, "{left:?}");
}

#[test]
fn after_a_making_that_was_cut_short_a_volume_can_be_made() {
    for power in 1..60 {
        let disk = SimDisk::new(SECTORS);
        disk.die_after(power);
        if create(&disk, 1).is_ok() {
            assert!(power > 20, "{power} sectors are no volume");
            return;
        }
        disk.live_on();
        create(&disk, 2).expect("a volume");
        assert_eq!(
            contents(&mut open(&disk, 3).expect("the volume")).map(|model| model.records.len()),
            Ok(0)
        );
    }
    panic!("60 steps make a volume");
}

/// Slots of a volume that was there once, changed in any other way than a making cut short leaves them.
#[test]
fn destroyed_key_slots_are_damage_and_never_no_volume() {
    let (disk, _) = used();
    let image = disk.image();
    let mut random = Random::new(9);
    let mut check = |what: &str, change: &mut Change<'_>| {
        let mut image = image.clone();
        let (first, second) = image.split_at_mut(SECOND);
        change(&mut first[..COPY], &mut second[..COPY], &mut random);
        let mut disk = SimDisk::from_image(image);
        let damaged = OpenError::Damaged(Part::KeySlots);
        assert_eq!(open(&disk, 7).map(|_| ()), Err(damaged), "{what}");
        assert_eq!(read_slots(&mut disk), Err::<KeySlots, _>(damaged), "{what}");
    };
    for byte in 8..1_000 {
        check("a byte of each", &mut |first, second, _| {
            (first[byte], second[byte]) = (first[byte] ^ 1, second[byte] ^ 1);
        });
        check("the first gone, a byte of the second", &mut |first, second, _| {
            first.fill(0);
            second[byte] ^= 0x80;
        });
        check("a byte of the first, the second gone but for one byte", &mut |first, second, _| {
            first[byte] ^= 0x80;
            second.fill(0);
            second[byte] = 1;
        });
        check("a byte of the first, junk in the second", &mut |first, second, random| {
            first[byte] ^= 0x80;
            random.fill(second);
        });
    }
    for sectors in 1..5 {
        check("the ends of both gone", &mut |first, second, _| {
            first[sectors * SECTOR..].fill(0);
            second[sectors * SECTOR..].fill(0);
        });
    }
}
