//! What is saved is what is restored, however it is cut; and a writer refuses what would not be restored.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use common::{ID, Parts, Shelf, key, name, parts, read_with, table, write};
use proptest::prelude::*;
use vault_app_backup::{
    BackupError, Block, CHUNK_MAX, Complete, HEADER_SIZE, Opening, PARTS_MAX, Part, Stopped, Verify, Writer,
};

fn check(saved: &Parts, written: usize, read: usize) {
    let (file, lengths) = write(&key(), ID, saved, written);
    assert!(lengths.iter().all(|&length| length <= CHUNK_MAX), "chunks of {lengths:?}");
    let (finished, shelf, missing) = read_with(&key(), &file, read);
    let bytes = saved.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    assert_eq!(finished, Ok(Complete { parts: saved.len(), bytes }));
    assert!(shelf.0 == *saved, "{:?} came back as another", table(saved));
    assert_eq!(missing, [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_saved_is_restored(
        saved in prop::collection::btree_map(
            "[a-z0-9][a-z0-9._-]{0,63}",
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                prop::collection::vec(any::<u8>(), 32_000..70_000),
            ],
            0..6,
        ),
        written in 1_usize..40_000,
        read in 1_usize..70_000,
    ) {
        check(&saved.into_iter().collect(), written, read);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(header in any::<[u8; HEADER_SIZE]>(), sane in any::<bool>(), rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut header = header;
        if sane {
            let (good, _) = write(&key(), ID, &Parts::new(), 1);
            header.copy_from_slice(&good[..HEADER_SIZE]);
        }
        let (finished, shelf, _) = read_with(&key(), &[header.as_slice(), &rest].concat(), 7);
        prop_assert!(finished.is_err());
        prop_assert_eq!(shelf, Shelf::default());
    }

    #[test]
    fn any_authentic_plaintext_is_read_without_a_panic(
        count in 0_u32..4,
        rest in prop::collection::vec(prop_oneof![0_u8..3, 97_u8..100, any::<u8>()], 0..80),
        read in 1_usize..100,
    ) {
        let plain = [count.to_le_bytes().as_slice(), &rest].concat();
        let (finished, shelf, _) = read_with(&key(), &common::seal(ID, &plain), read);
        // Whatever was taken for complete is exactly what those bytes say.
        if finished.is_ok() {
            prop_assert_eq!(common::plain(&shelf.0), plain);
        }
    }
}

#[test]
fn lengths_around_the_chunk_boundary_come_back() {
    for length in common::PLAIN_MAX - 16..common::PLAIN_MAX + 3 {
        check(&parts(&[("a", length)]), 5000, 5000);
    }
    check(&parts(&[]), 1, 1);
    check(&parts(&[("a", 0), ("b", 0)]), 1, 1);
    check(&parts(&[("a", 0), ("b", 2 * common::PLAIN_MAX), ("c", 0)]), CHUNK_MAX, CHUNK_MAX);
}

#[test]
fn the_most_parts_there_may_be_come_back_even_when_all_are_empty() {
    let saved: Parts = (0..PARTS_MAX).map(|number| (format!("{number:05}"), Vec::new())).collect();
    check(&saved, 1, 100_000);
    let one_more = vec![Part { name: name("a"), length: 0 }; PARTS_MAX + 1];
    let begun = Writer::begin(&key(), ID, &one_more, &mut |_| Ok(()));
    assert_eq!(begun.err(), Some(BackupError::TooManyParts));
}

#[test]
fn a_table_that_would_not_be_read_is_not_written() {
    let begin = |lines: &[(&str, u64)]| {
        let table: Vec<Part> =
            lines.iter().map(|(text, length)| Part { name: name(text), length: *length }).collect();
        Writer::begin(&key(), ID, &table, &mut |_| Ok(())).err()
    };
    assert_eq!(begin(&[("a", 1), ("a", 1)]), Some(BackupError::Repeated(name("a"))));
    assert_eq!(begin(&[("b", 1), ("a", 1)]), Some(BackupError::Reordered(name("a"))));
    assert_eq!(begin(&[("a", u64::MAX), ("b", 1)]), Some(BackupError::TooLong));
}

#[test]
fn a_writer_takes_what_the_table_says_and_nothing_else() {
    let lines = [("a", 3), ("b", 0), ("c", 2)].map(|(text, length)| Part { name: name(text), length });
    let out = &mut |_: &[u8]| Ok(());
    let writer = || Writer::begin(&key(), ID, &lines, &mut |_| Ok(())).unwrap();
    for (steps, expected) in [
        (&[("a", 3), ("c", 2)][..], None),
        (&[("a", 1), ("a", 2), ("b", 0), ("c", 2)], None),
        (&[("a", 4)], Some(BackupError::PartTooLong(name("a")))),
        (&[("c", 2)], Some(BackupError::WrongPart(name("a")))),
        (&[("a", 3), ("b", 1)], Some(BackupError::PartTooLong(name("b")))),
        (&[("a", 3), ("a", 1)], Some(BackupError::PartTooLong(name("a")))),
        (&[("a", 3), ("d", 1)], Some(BackupError::WrongPart(name("c")))),
        (&[("a", 3), ("c", 2), ("c", 1)], Some(BackupError::PartTooLong(name("c")))),
        (&[("a", 3), ("c", 1)], Some(BackupError::Missing(name("c")))),
        (&[], Some(BackupError::Missing(name("a")))),
    ] {
        let mut writer = writer();
        let fed =
            steps.iter().try_for_each(|(text, length)| writer.data(&name(text), &vec![0; *length], out));
        let again = fed.and_then(|()| writer.data(&name("a"), &[], out));
        assert_eq!(again, fed, "a failed writer stays failed");
        assert_eq!(writer.finish(out).err(), expected, "{steps:?}");
    }
}

#[test]
fn whoever_stops_stops_writing_and_reading() {
    let saved = parts(&[("a", 100_000)]);
    let (file, _) = write(&key(), ID, &saved, 1000);
    let mut room = 2;
    let mut out = |_: &[u8]| {
        room -= 1;
        if room == 0 { Err(Stopped) } else { Ok(()) }
    };
    let mut writer = Writer::begin(&key(), ID, &table(&saved), &mut out).unwrap();
    assert_eq!(writer.data(&name("a"), &saved[0].1, &mut out), Err(BackupError::Stopped));

    struct Full;
    impl vault_app_backup::Sink for Full {
        fn part(&mut self, _: &Part) -> Result<(), Stopped> {
            Ok(())
        }
        fn data(&mut self, _: &[u8]) -> Result<(), Stopped> {
            Err(Stopped)
        }
    }
    let opening = Opening::parse(file.first_chunk().unwrap()).unwrap();
    let mut reader = opening.unlock_with(&key()).unwrap();
    assert_eq!(reader.feed(&file[HEADER_SIZE..], &mut Full), Err(BackupError::Stopped));
    assert_eq!(reader.finish(&mut Verify), Err(BackupError::Stopped));
}

#[test]
fn verifying_reads_all_and_needs_the_passphrase_only() {
    let saved = parts(&[("a", 100_000), ("b", 1)]);
    let (file, _) = write(&key(), ID, &saved, 1000);
    let opening = Opening::parse(file.first_chunk().unwrap()).unwrap();
    let mut blocks = vec![Block::new(); opening.cost().blocks()];
    let mut reader = opening.unlock(common::PASSPHRASE, &mut blocks).unwrap();
    reader.feed(&file[HEADER_SIZE..], &mut Verify).unwrap();
    assert_eq!(reader.parts(), table(&saved));
    assert_eq!(reader.finish(&mut Verify), Ok(Complete { parts: 2, bytes: 100_001 }));
}
