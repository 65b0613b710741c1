//! A disk in memory is a disk, blank at first, and leaves nothing behind.

use proptest::prelude::*;
use unikernels_disk::{Disk, DiskError, SECTOR};
use unikernels_ram_disk::RamDisk;
use unikernels_volume::{Batch, KeySlots, OpenError, Volume, VolumeKey};

#[test]
fn what_the_memory_held_is_gone_and_the_disk_is_blank() {
    let mut memory = [0xee; 3 * SECTOR + 100];
    let mut disk = RamDisk::new(memory.as_mut_slice());
    assert_eq!(disk.sectors(), 3);
    let mut read = [1; 3 * SECTOR];
    assert_eq!(disk.read(0, &mut read), Ok(()));
    assert_eq!(read, [0; 3 * SECTOR]);
    drop(disk);
    assert_eq!(memory, [0; 3 * SECTOR + 100]);
}

#[test]
fn lent_memory_is_wiped_when_the_disk_ends() {
    let mut memory = [0; 4 * SECTOR];
    let mut disk = RamDisk::new(memory.as_mut_slice());
    assert_eq!(disk.write(1, &[0x5a; 2 * SECTOR]), Ok(()));
    assert_eq!(disk.flush(), Ok(()));
    drop(disk);
    assert_eq!(memory, [0; 4 * SECTOR]);
}

#[test]
fn discarded_sectors_are_wiped_and_others_stay() {
    let mut disk = RamDisk::new(vec![0; 4 * SECTOR].into_boxed_slice());
    assert_eq!(disk.write(0, &[7; 4 * SECTOR]), Ok(()));
    assert_eq!(disk.discard(1, 2), Ok(()));
    for (sector, expected) in [7, 0, 0, 7].into_iter().enumerate() {
        let mut read = [1; SECTOR];
        assert_eq!(disk.read(sector as u64, &mut read), Ok(()));
        assert_eq!(read, [expected; SECTOR], "sector {sector}");
    }
}

#[test]
fn no_memory_is_a_disk_of_no_sectors() {
    let mut disk = RamDisk::new([0_u8; 0]);
    assert_eq!((disk.sectors(), disk.read(0, &mut [])), (0, Ok(())));
    assert_eq!(disk.write(0, &[0; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(disk.discard(0, 1), Err(DiskError::OutOfRange));
}

#[test]
fn a_disk_prints_nothing_that_is_on_it() {
    let mut disk = RamDisk::new(vec![0; SECTOR]);
    assert_eq!(disk.write(0, &[77; SECTOR]), Ok(()));
    assert_eq!(format!("{disk:?}"), "RamDisk { sectors: 1, .. }");
}

#[test]
fn a_sealed_volume_lives_on_it() {
    let key = VolumeKey::new([7; 32]);
    let mut next = 0_u8;
    let mut random = move |bytes: &mut [u8]| {
        for byte in bytes {
            next = next.wrapping_mul(37).wrapping_add(11);
            *byte = next;
        }
    };
    let disk = RamDisk::new(vec![0; 256 * SECTOR].into_boxed_slice());
    let refused = Volume::open(disk, &key, &mut random).map(|_| ()).expect_err("a blank disk");
    assert_eq!(refused.error, OpenError::NoVolume);
    let mut volume = Volume::create(refused.disk, &key, KeySlots::new(), &mut random).expect("a volume");
    for round in 0..200_u32 {
        volume.commit(Batch::new().put(1, &round.to_le_bytes().repeat(500))).expect("a commit");
    }
    let disk = volume.close();
    let mut volume = Volume::open(disk, &key, &mut random).expect("the volume");
    let record = volume.get(1).expect("a read").expect("a record");
    assert_eq!(*record.expose(), 199_u32.to_le_bytes().repeat(500));
}

proptest! {
    /// Beside an array of bytes: what is read is what was written there, and what is out of range or no whole sectors is
    /// refused and changes nothing.
    #[test]
    fn it_holds_what_was_written(
        steps in prop::collection::vec((0_u8..3, 0_u64..12, 0_usize..6 * SECTOR, any::<bool>(), any::<u8>()), 0..40),
    ) {
        let mut model = vec![0; 8 * SECTOR];
        let mut disk = RamDisk::new(vec![0; 8 * SECTOR]);
        for (kind, at, length, is_whole, byte) in steps {
            let length = if is_whole { length - length % SECTOR } else { length };
            let start = usize::try_from(at).expect("small") * SECTOR;
            let range = start..start + if kind == 2 { length / SECTOR * SECTOR } else { length };
            let expected = match () {
                () if kind != 2 && !length.is_multiple_of(SECTOR) => Err(DiskError::Unaligned),
                () if range.end > model.len() => Err(DiskError::OutOfRange),
                () => Ok(()),
            };
            let done = match kind {
                0 => {
                    let mut read = vec![byte; length];
                    let done = disk.read(at, &mut read);
                    if done.is_ok() {
                        prop_assert_eq!(&read, &model[range.clone()]);
                    }
                    done
                }
                1 => disk.write(at, &vec![byte; length]),
                _ => disk.discard(at, (length / SECTOR) as u64),
            };
            prop_assert_eq!(done, expected);
            if done.is_ok() && kind > 0 {
                model[range].fill(if kind == 1 { byte } else { 0 });
            }
        }
        let mut all = vec![0; 8 * SECTOR];
        prop_assert_eq!(disk.read(0, &mut all), Ok(()));
        prop_assert_eq!(all, model);
        prop_assert_eq!(disk.discard(u64::MAX, 2), Err(DiskError::OutOfRange));
        prop_assert_eq!(disk.read(u64::MAX, &mut [0; SECTOR]), Err(DiskError::OutOfRange));
    }
}
