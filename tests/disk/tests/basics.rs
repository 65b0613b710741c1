//! What a volume does when nothing goes wrong, and at its limits.

use tests_disk::SimDisk;
use tests_disk::life::{contents, create, fill, key, open};
use unikernels_volume::{
    Batch, KeySlots, OpenError, RECORD_MAX, RECORDS_MAX, VOLUME_SECTORS_MIN, Volume, VolumeError, VolumeKey,
    read_slots,
};

#[test]
fn a_record_is_there_after_opening_again() {
    let disk = SimDisk::new(256);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    assert!(volume.is_empty());
    let long = vec![9; 9_000];
    volume.commit(Batch::new().put(5, b"hello").put(6, &long).put(7, b"")).expect("a commit");
    for mut volume in [volume, open(&disk, 2).expect("the volume")] {
        assert_eq!(volume.get(5).expect("a read").expect("a record").expose(), b"hello");
        assert_eq!(*volume.get(6).expect("a read").expect("a record").expose(), long);
        assert_eq!(volume.get(7).expect("a read").expect("a record").expose(), b"");
        assert!(volume.get(8).expect("a read").is_none());
        assert_eq!((volume.len(), volume.generation()), (3, 1));
        assert_eq!(volume.verify(), Ok(()));
    }
}

#[test]
fn space_is_reused_for_ever() {
    let disk = SimDisk::new(64);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    for round in 0..500u32 {
        let record = round.to_le_bytes().repeat(100);
        volume.commit(Batch::new().put(u128::from(round % 3), &record)).expect("a commit");
    }
    let model = contents(&mut open(&disk, 2).expect("the volume")).expect("records");
    assert_eq!(model.records.len(), 3);
    assert_eq!(model.records[&1], 499u32.to_le_bytes().repeat(100));
}

#[test]
fn a_full_disk_refuses_keeps_the_old_state_and_can_delete() {
    let disk = SimDisk::new(64);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    let record = [1; 400];
    let mut count = 0;
    while volume.commit(Batch::new().put(count, &record)).is_ok() {
        count += 1;
    }
    let full = contents(&mut volume).expect("records");
    assert_eq!(volume.commit(Batch::new().put(count, &record)), Err(VolumeError::NoRoom));
    assert_eq!(contents(&mut volume).expect("records"), full);
    assert_eq!(contents(&mut open(&disk, 2).expect("the volume")).expect("records"), full);
    assert!(full.records.len() >= 19, "16 sectors are 8192 bytes, and 421 a record: {}", full.records.len());
    volume.commit(Batch::new().delete(0)).expect("a full disk can delete");
    volume.commit(Batch::new().put(count, &record)).expect("and then has room");
    assert_eq!(volume.verify(), Ok(()));
}

#[test]
fn limits_are_refused_and_nothing_changes() {
    let disk = SimDisk::new(256);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    let before = disk.image();
    let long = vec![0; RECORD_MAX + 1];
    assert_eq!(volume.commit(Batch::new().put(1, &long)), Err(VolumeError::RecordTooLong));
    let mut many = Batch::new();
    for id in 0..=RECORDS_MAX as u128 {
        many.put(id, b"");
    }
    assert_eq!(volume.commit(&many), Err(VolumeError::TooManyRecords));
    assert_eq!(volume.commit(&Batch::new()).map(|state| state.generation), Ok(0));
    assert_eq!(disk.image(), before);
    volume.commit(Batch::new().put(1, b"after")).expect("it still works");
}

#[test]
fn other_keys_blank_and_short_disks_are_named() {
    let error = |disk: &SimDisk, key: &VolumeKey| {
        Volume::open(disk.clone(), key, fill(1)).map(|_| ()).map_err(|r| r.error)
    };
    let blank = SimDisk::new(256);
    assert_eq!(error(&blank, &key()), Err(OpenError::NoVolume));
    let least = usize::try_from(VOLUME_SECTORS_MIN).expect("a small number");
    assert_eq!(create(&SimDisk::new(least - 1), 1).map(|_| ()), Err(OpenError::TooSmall));
    assert_eq!(error(&SimDisk::new(least - 1), &key()), Err(OpenError::TooSmall));
    create(&SimDisk::new(least), 1).expect("the least volume");
    create(&blank, 1).expect("a volume");
    assert_eq!(error(&blank, &VolumeKey::new([8; 32])), Err(OpenError::WrongKey));
    let mut image = blank.image();
    image.truncate(255 * 512);
    assert_eq!(error(&SimDisk::from_image(image), &key()), Err(OpenError::Truncated));
    let mut image = blank.image();
    (image[7], image[8 * 512 + 7]) = (b'1', b'1');
    assert_eq!(error(&SimDisk::from_image(image), &key()), Err(OpenError::UnknownFormat));
}

#[test]
fn key_slots_change_without_a_record_being_written() {
    let mut disk = SimDisk::new(256);
    let (mut volume, model) = create(&disk, 1).expect("a volume");
    volume.commit(Batch::new().put(1, b"kept")).expect("a commit");
    assert_eq!(read_slots(&mut disk), Ok(model.slots));
    let areas = disk.image()[32 * 512..].to_vec();
    let mut slots = KeySlots::new();
    slots.set(0, &[1; 512]).expect("a slot takes 512 bytes");
    slots.set(3, b"recovery").expect("there are four slots");
    assert!(slots.set(4, b"x").is_err() && slots.set(0, &[1; 513]).is_err() && slots.set(0, b"").is_err());
    volume.set_slots(slots.clone()).expect("new slots");
    assert_eq!(read_slots(&mut disk), Ok(slots));
    assert_eq!(disk.image()[32 * 512..], areas);
    assert_eq!(
        open(&disk, 2).expect("the volume").get(1).expect("a read").expect("a record").expose(),
        b"kept"
    );
}

#[test]
fn a_clone_has_the_records_and_neither_changes_the_other() {
    let (one, two) = (SimDisk::new(256), SimDisk::new(128));
    let (mut volume, _) = create(&one, 1).expect("a volume");
    let long = vec![3; 5_000];
    volume.commit(Batch::new().put(1, b"one").put(2, &long)).expect("a commit");
    volume.commit(Batch::new().put(3, b"three").delete(1)).expect("a commit");
    let before = one.image();
    let other = VolumeKey::new([9; 32]);
    let mut clone = volume.clone_to(two.clone(), &other, KeySlots::new(), fill(9)).expect("a clone");
    clone.commit(Batch::new().put(4, b"only here")).expect("a commit");
    assert_eq!(one.image(), before);
    let mut clone = Volume::open(two, &other, fill(3)).expect("the clone");
    assert_eq!(clone.ids().collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(*clone.get(2).expect("a read").expect("a record").expose(), long);
    let small = SimDisk::new(48);
    let refused = volume.clone_to(small.clone(), &other, KeySlots::new(), fill(9)).map(|_| ());
    assert_eq!(refused.map_err(|refused| refused.error), Err(OpenError::TooSmall));
    assert_eq!(open(&small, 1).map(|_| ()), Err(OpenError::NoVolume));
}

#[test]
fn nothing_that_was_kept_is_readable_on_the_disk() {
    let disk = SimDisk::new(256);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    let canary = b"a canary of twenty-two";
    volume.commit(Batch::new().put(1, canary)).expect("a commit");
    volume.compact().expect("a compaction");
    let image = disk.image();
    assert!(!image.windows(8).any(|window| canary.windows(8).any(|part| part == window)));
}

#[test]
fn the_same_commit_never_gives_the_same_bytes() {
    let disk = SimDisk::new(256);
    drop(create(&disk, 1).expect("a volume"));
    let image = disk.image();
    let sealed = |seed| {
        let disk = SimDisk::from_image(image.clone());
        open(&disk, seed).expect("the volume").commit(Batch::new().put(1, b"same")).expect("a commit");
        disk.image()[32 * 512..33 * 512].to_vec()
    };
    let (one, two) = (sealed(5), sealed(6));
    let same = one.iter().zip(&two).filter(|(one, two)| one == two).count();
    assert!(same < 20, "512 random bytes agree in two places on average, not in {same}");
}

#[test]
fn ids_are_told_apart_by_all_of_their_bits() {
    let disk = SimDisk::new(256);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    let ids: Vec<u128> = (0..128).map(|bit| 1 << bit).chain([0, u128::MAX]).collect();
    let records: Vec<Vec<u8>> = ids.iter().map(|id| id.to_be_bytes().to_vec()).collect();
    let mut batch = Batch::new();
    for (id, record) in ids.iter().zip(&records) {
        batch.put(*id, record);
    }
    volume.commit(&batch).expect("a commit");
    volume.commit(Batch::new().delete(1 << 127)).expect("a commit");
    let mut volume = open(&disk, 2).expect("the volume");
    assert_eq!(volume.len(), ids.len() - 1);
    for (id, record) in ids.iter().zip(&records) {
        let found = volume.get(*id).expect("a read");
        let expected = (*id != 1 << 127).then_some(record);
        assert_eq!(found.as_ref().map(|found| found.expose()), expected, "{id:x}");
    }
}
