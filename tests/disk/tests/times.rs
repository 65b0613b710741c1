//! Disks that are of another time, in whole or in part, and users of a volume that die while the disk lives on.

use tests_disk::life::{Step, contents, create, open, perform};
use tests_disk::{Cut, Random, SimDisk, Unit};
use unikernels_disk::{Disk, SECTOR};
use unikernels_volume::{Batch, OpenError, Part, VolumeError};

const SECTORS: usize = 72;

fn sector(image: &mut [u8], sector: usize) -> &mut [u8] {
    &mut image[sector * SECTOR..(sector + 1) * SECTOR]
}

/// What is not caught by the disk alone, so that nobody believes otherwise, and what a state kept outside tells.
#[test]
fn a_whole_disk_taken_back_opens_and_the_kept_state_tells() {
    let disk = SimDisk::new(SECTORS);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    let put = |byte| Step::Commit(vec![(1, Some(vec![byte; 10]))]);
    perform(&mut volume, &disk, &put(1), 2).expect("a commit");
    let old = disk.image();
    perform(&mut volume, &disk, &put(2), 2).expect("a commit");
    let kept = volume.state();
    assert!(kept.can_follow(&kept));
    let back = open(&SimDisk::from_image(old.clone()), 3).expect("an old disk opens");
    assert!(!back.state().can_follow(&kept));
    // Another history of the same length, as a commit that was cut off gives to whoever kept it.
    let fork = SimDisk::from_image(old);
    let mut volume = open(&fork, 4).expect("an old disk opens");
    perform(&mut volume, &fork, &put(3), 5).expect("a commit");
    assert_eq!(volume.generation(), kept.generation);
    assert!(!volume.state().can_follow(&kept));
}

#[test]
fn old_key_slots_beside_a_newer_volume_are_stale() {
    let disk = SimDisk::new(SECTORS);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    let old = disk.image();
    perform(&mut volume, &disk, &Step::Slots(b"new".to_vec()), 2).expect("new slots");
    let mut image = disk.image();
    image[..16 * SECTOR].copy_from_slice(&old[..16 * SECTOR]);
    assert_eq!(open(&SimDisk::from_image(image), 3).map(|_| ()), Err(OpenError::StaleSlots));
}

/// Two commits that could have followed the same state, of the same shape: the sectors of each, and the disk of the second.
fn forked() -> (Vec<(usize, Vec<u8>)>, SimDisk) {
    let disk = SimDisk::new(SECTORS);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    perform(&mut volume, &disk, &Step::Commit(vec![(1, Some(vec![1; 10]))]), 2).expect("a commit");
    let base = disk.image();
    let commit = |byte: u8, seed| {
        let disk = SimDisk::from_image(base.clone());
        disk.record();
        let mut volume = open(&disk, seed).expect("the volume");
        perform(&mut volume, &disk, &Step::Commit(vec![(1, Some(vec![byte; 6_000]))]), seed)
            .expect("a commit");
        disk
    };
    let cut_off = commit(0xaa, 3).journal().into_iter().flatten().filter_map(|unit| match unit {
        Unit::Write(sector, bytes) if sector >= 32 => {
            Some((usize::try_from(sector).expect("small"), bytes.to_vec()))
        }
        _ => None,
    });
    (cut_off.collect(), commit(0xbb, 4))
}

/// Whoever owns the disk saw the blocks of a commit that was cut off, and offers them for those of the one that was acknowledged.
#[test]
fn blocks_of_a_commit_that_was_cut_off_never_replace_acknowledged_ones() {
    let (cut_off, disk) = forked();
    assert_eq!(cut_off.len(), 12, "a block of eight sectors and one of four");
    for range in [0..12, 0..8, 8..12] {
        let mut image = disk.image();
        for (at, bytes) in &cut_off[range.clone()] {
            sector(&mut image, *at).copy_from_slice(bytes);
        }
        let error = open(&SimDisk::from_image(image), 5).map(|_| ()).expect_err("other blocks");
        assert!(matches!(error, OpenError::Damaged(Part::Log { .. })), "{range:?}: {error:?}");
    }
}

#[test]
fn a_block_that_is_replaced_while_the_volume_is_open_is_noticed() {
    let (cut_off, mut disk) = forked();
    let mut volume = open(&disk, 5).expect("the volume");
    assert_eq!(volume.get(1).expect("a read").expect("a record").expose(), &[0xbb; 6_000]);
    for (at, bytes) in &cut_off[..8] {
        disk.write(*at as u64, bytes).expect("a good disk");
    }
    assert!(matches!(volume.get(1), Err(VolumeError::Damaged(Part::Log { .. }))));
    assert!(volume.verify().is_err());
}

/// A commit that is whole and has no root is kept, and from then on the root knows of it.
#[test]
fn what_opening_recovered_cannot_be_chopped_off_again() {
    let disk = SimDisk::new(SECTORS);
    disk.record();
    let (mut volume, model) = create(&disk, 1).expect("a volume");
    let step = Step::Commit(vec![(1, Some(vec![1; 10]))]);
    let before = disk.image();
    perform(&mut volume, &disk, &step, 2).expect("a commit");
    let mut image = disk.image();
    image[..32 * SECTOR].copy_from_slice(&before[..32 * SECTOR]);
    let disk = SimDisk::from_image(image);
    let mut volume = open(&disk, 3).expect("the volume");
    assert_eq!((volume.found().recovered, contents(&mut volume)), (1, Ok(model.after(&step))));
    let mut image = disk.image();
    sector(&mut image, 32).fill(0);
    let error = open(&SimDisk::from_image(image), 4).map(|_| ());
    assert_eq!(error, Err(OpenError::Damaged(Part::Log { sector: 32 })));
}

/// The user of a volume dies before it flushed, and the disk lives on until its next user has looked: what was seen stays.
#[test]
fn what_was_seen_after_the_user_died_survives_the_next_power_cut() {
    let steps = [
        Step::Commit(vec![(1, Some(vec![1; 30]))]),
        // This one does not fit behind the first: it makes a new log.
        Step::Commit(vec![(2, Some(vec![3; 2_000]))]),
        Step::Slots(b"new".to_vec()),
        Step::Compact,
    ];
    for step in steps {
        for power in 1..40 {
            let disk = SimDisk::new(48);
            let (mut volume, _) = create(&disk, 1).expect("a volume");
            perform(&mut volume, &disk, &Step::Commit(vec![(2, Some(vec![2; 2_000]))]), 2).expect("a commit");
            disk.die_after(power);
            let is_done = perform(&mut volume, &disk, &step, 2).is_ok();
            disk.live_on();
            let mut volume = open(&disk, 3).expect("the volume");
            let seen = contents(&mut volume).expect("records");
            let cut = disk.cut(Cut::Nothing, &mut Random::new(power));
            let mut volume = open(&cut, 4).expect("the volume");
            assert_eq!(contents(&mut volume), Ok(seen), "{step:?} dead after {power}");
            if is_done {
                break;
            }
        }
    }
}

/// Which state a failed disk holds is not known, so nothing is written on top of it; what was there before can still be read.
#[test]
fn after_a_failed_change_a_volume_only_reads() {
    for step in [Step::Commit(vec![(1, Some(vec![9; 10]))]), Step::Compact, Step::Slots(b"new".to_vec())] {
        for power in 1..12 {
            let disk = SimDisk::new(SECTORS);
            let (mut volume, _) = create(&disk, 1).expect("a volume");
            let first = Step::Commit(vec![(1, Some(vec![1; 10]))]);
            perform(&mut volume, &disk, &first, 2).expect("a commit");
            disk.die_after(power);
            if perform(&mut volume, &disk, &step, 2).is_ok() {
                break;
            }
            disk.live_on();
            let writes = disk.counts().writes;
            for change in [Step::Commit(vec![(2, None)]), Step::Compact, Step::Slots(b"other".to_vec())] {
                assert_eq!(
                    perform(&mut volume, &disk, &change, 2),
                    Err(VolumeError::Reopen),
                    "{step:?} {power}"
                );
            }
            assert_eq!(volume.verify(), Err(VolumeError::Reopen));
            assert_eq!(disk.counts().writes, writes);
            assert_eq!(volume.get(1).expect("a read").expect("a record").expose(), &[1; 10]);
            open(&disk, 3).expect("the volume").commit(Batch::new().put(3, b"on")).expect("a commit");
        }
    }
}
