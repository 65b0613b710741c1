//! What was not written as it is read is refused, and named; and nothing that is not authentic is handed out.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use common::{
    ID, PASSPHRASE, PLAIN_MAX, Parts, cheap, key, name, parts, plain, read, read_with, seal, write,
};
use vault_app_backup::{BackupError, Block, CHUNK_MAX, HEADER_SIZE, Key, Opening, Verify};

const SMALL: [(&str, usize); 3] = [("a", 100), ("b", 0), ("c", 150)];
/// Four chunks.
const LARGE: [(&str, usize); 3] = [("a", 40_000), ("b", 40_000), ("c", 30_000)];

fn file(of: &[(&str, usize)]) -> Vec<u8> {
    write(&key(), ID, &parts(of), 1000).0
}

/// Where chunk `number`, from 1, lies.
fn chunk(number: usize) -> std::ops::Range<usize> {
    HEADER_SIZE + (number - 1) * CHUNK_MAX..HEADER_SIZE + number * CHUNK_MAX
}

/// Refused, and what was handed out before is a beginning of what was saved.
fn check_refused(damaged: &[u8], of: &[(&str, usize)], what: &str) -> BackupError {
    let (finished, shelf, _) = read(damaged);
    let saved = parts(of);
    for (got, (name, bytes)) in shelf.0.iter().zip(&saved) {
        assert!(got.0 == *name && bytes.starts_with(&got.1), "{what}: {name} came out wrong");
    }
    finished.expect_err(what)
}

#[test]
fn a_flipped_byte_anywhere_is_refused() {
    let file = file(&SMALL);
    for at in 0..file.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = file.clone();
            damaged[at] ^= flip;
            let error = check_refused(&damaged, &SMALL, "a flipped byte");
            let expected = match at {
                0..8 | 20..24 => error == BackupError::NotABackup,
                8..20 => matches!(error, BackupError::CostRefused | BackupError::WrongPassphrase),
                24..HEADER_SIZE => error == BackupError::WrongPassphrase,
                _ => error == BackupError::Damaged { chunk: 1, part: None },
            };
            assert!(expected, "byte {at}: {error:?}");
        }
    }
}

#[test]
fn a_changed_header_is_refused_with_the_passphrase_too() {
    let file = file(&SMALL);
    for at in 0..HEADER_SIZE {
        // Costs that a flip makes dear are the business of the caps.
        let mut header = <[u8; HEADER_SIZE]>::try_from(&file[..HEADER_SIZE]).unwrap();
        header[at] ^= 1;
        let opened = Opening::parse(&header).and_then(|opening| {
            let mut blocks = vec![Block::new(); opening.cost().blocks()];
            opening.unlock(PASSPHRASE, &mut blocks)
        });
        assert!(opened.is_err(), "byte {at}");
    }
}

#[test]
fn a_flipped_byte_of_a_later_chunk_names_chunk_and_part() {
    let file = file(&LARGE);
    let edges = (1..=4).flat_map(|number| [chunk(number).start, chunk(number).end - 1]);
    for at in edges.chain((HEADER_SIZE..file.len()).step_by(1009)).filter(|at| *at < file.len()) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        let number = (at - HEADER_SIZE) / CHUNK_MAX + 1;
        let part = [None, Some("a"), Some("b"), Some("c")][number - 1].map(name);
        let error = check_refused(&damaged, &LARGE, "a flipped byte");
        assert_eq!(error, BackupError::Damaged { chunk: number as u64, part }, "byte {at}");
    }
}

#[test]
fn a_file_cut_at_any_length_is_refused() {
    let file = file(&SMALL);
    for length in 0..file.len() {
        check_refused(&file[..length], &SMALL, "a cut file");
    }
}

#[test]
fn a_cut_file_names_what_is_missing() {
    let file = file(&LARGE);
    let cases = [
        (chunk(1).start, None, &[][..]),
        (chunk(1).end, Some("a"), &["a", "b", "c"]),
        (chunk(2).start + 1, Some("a"), &["a", "b", "c"]),
        (chunk(2).end - 1, Some("a"), &["a", "b", "c"]),
        (chunk(2).end, Some("b"), &["b", "c"]),
        (chunk(3).end - 1, Some("b"), &["b", "c"]),
        (chunk(3).end, Some("c"), &["c"]),
        (file.len() - 1, Some("c"), &["c"]),
    ];
    for (length, part, missing) in cases {
        let (finished, _, told) = read(&file[..length]);
        assert_eq!(finished, Err(BackupError::Truncated { part: part.map(name) }), "{length} bytes");
        assert_eq!(told, missing, "{length} bytes");
    }
}

#[test]
fn chunks_that_are_swapped_repeated_or_left_out_are_refused() {
    let file = file(&LARGE);
    let damaged = |order: &[usize]| {
        let mut damaged = file[..HEADER_SIZE].to_vec();
        for &number in order {
            damaged.extend(&file[chunk(number).start..chunk(number).end.min(file.len())]);
        }
        check_refused(&damaged, &LARGE, "another order")
    };
    let at = |chunk, part: &str| BackupError::Damaged { chunk, part: Some(name(part)) };
    assert_eq!(damaged(&[2, 1, 3, 4]), BackupError::Damaged { chunk: 1, part: None });
    assert_eq!(damaged(&[1, 3, 2, 4]), at(2, "a"));
    assert_eq!(damaged(&[3, 2, 1, 4]), BackupError::Damaged { chunk: 1, part: None });
    assert_eq!(damaged(&[1, 2, 2, 3, 4]), at(3, "b"));
    assert_eq!(damaged(&[1, 3, 4]), at(2, "a"));
    // The short one where a full one should be shifts all that follows.
    assert_eq!(damaged(&[1, 2, 4, 3]), at(3, "b"));
    assert_eq!(damaged(&[1, 2, 4]), BackupError::Truncated { part: Some(name("b")) });
    assert_eq!(damaged(&[4]), BackupError::Damaged { chunk: 1, part: None });
    assert_eq!(damaged(&[1, 2, 3, 4, 4]), at(4, "c"));
}

#[test]
fn what_follows_the_last_chunk_is_refused() {
    for of in [SMALL, [("a", PLAIN_MAX - 34), ("b", 0), ("c", 0)]] {
        let file = file(&of);
        for more in [1, 17, CHUNK_MAX] {
            let error = check_refused(&[file.as_slice(), &vec![0; more]].concat(), &of, "more");
            let expected = [BackupError::Extra, BackupError::Damaged { chunk: 1, part: None }];
            assert!(expected.contains(&error), "{error:?}");
        }
    }
    // The last chunk is full: then it is known that something follows it.
    let full = file(&[("a", PLAIN_MAX - 14)]);
    assert_eq!(full.len(), HEADER_SIZE + CHUNK_MAX);
    let (finished, ..) = read(&[full.as_slice(), &[0]].concat());
    assert_eq!(finished, Err(BackupError::Extra));
}

#[test]
fn files_of_one_key_cannot_be_spliced() {
    let first = file(&LARGE);
    let (second, _) = write(&key(), [10; 16], &parts(&LARGE), 1000);
    assert_eq!(first.len(), second.len());
    for number in 1..=4 {
        let mut spliced = first.clone();
        let range = chunk(number).start..chunk(number).end.min(first.len());
        spliced[range.clone()].copy_from_slice(&second[range]);
        let error = check_refused(&spliced, &LARGE, "a splice");
        assert!(matches!(error, BackupError::Damaged { chunk, .. } if chunk == number as u64));
    }
    let headless = [&second[..HEADER_SIZE], &first[HEADER_SIZE..]].concat();
    let error = check_refused(&headless, &LARGE, "another's header");
    assert_eq!(error, BackupError::Damaged { chunk: 1, part: None });
}

#[test]
fn another_passphrase_or_another_salt_is_another_key() {
    let file = file(&SMALL);
    for (salt, passphrase) in [(common::SALT, b"wrong".as_slice()), ([8; 16], PASSPHRASE)] {
        let other = Key::derive(cheap(), salt, passphrase, &mut [Block::new(); 8]).unwrap();
        assert_eq!(read_with(&other, &file, 100).0, Err(BackupError::WrongPassphrase));
    }
}

/// A file of these tables and bytes, sealed by somebody with the key.
fn forged(
    table: &[(&str, u64)],
    data: &[u8],
) -> (Result<vault_app_backup::Complete, BackupError>, Vec<String>) {
    let mut plain = u32::try_from(table.len()).unwrap().to_le_bytes().to_vec();
    for (name, length) in table {
        plain.push(u8::try_from(name.len()).unwrap());
        plain.extend(name.bytes());
        plain.extend(length.to_le_bytes());
    }
    plain.extend(data);
    let (finished, _, missing) = read(&seal(ID, &plain));
    (finished, missing)
}

#[test]
fn a_writer_with_the_key_that_went_wrong_is_found_out() {
    let ten = [1; 10];
    assert!(forged(&[("a", 4), ("b", 6)], &ten).0.is_ok());
    assert_eq!(forged(&[("a", 4), ("a", 6)], &ten).0, Err(BackupError::Repeated(name("a"))));
    assert_eq!(forged(&[("b", 4), ("a", 6)], &ten).0, Err(BackupError::Reordered(name("a"))));
    assert_eq!(forged(&[("a", 4), ("b", 5)], &ten).0, Err(BackupError::Extra));
    assert_eq!(forged(&[], &ten).0, Err(BackupError::Extra));
    let (short, missing) = forged(&[("a", 4), ("b", 7), ("c", 0), ("d", 1)], &ten);
    assert_eq!(short, Err(BackupError::Missing(name("b"))));
    assert_eq!(missing, ["b", "c", "d"]);
    assert_eq!(forged(&[("A", 10)], &ten).0, Err(BackupError::BadName));
    assert_eq!(forged(&[("", 10)], &ten).0, Err(BackupError::BadName));
    assert_eq!(forged(&[(&"a".repeat(65), 10)], &ten).0, Err(BackupError::BadName));
    assert_eq!(forged(&[("a", u64::MAX), ("b", 1)], &ten).0, Err(BackupError::TooLong));
    let (claimed, _) = forged(&[("a", u64::MAX)], &ten);
    assert_eq!(claimed, Err(BackupError::Missing(name("a"))));
    let check = |plain: &[u8], expected| assert_eq!(read(&seal(ID, plain)).0, Err(expected));
    check(&[1, 0, 0], BackupError::Truncated { part: None });
    check(&[1, 0, 0, 0, 1], BackupError::Truncated { part: None });
    check(&[1, 0x80, 0, 0], BackupError::TooManyParts);
    check(&[0xff; 4], BackupError::TooManyParts);
}

#[test]
fn a_reader_that_failed_stays_failed_and_hands_out_nothing_more() {
    let good = file(&LARGE);
    let mut damaged = good.clone();
    damaged[chunk(2).start] ^= 1;
    let header = damaged.first_chunk().unwrap();
    let mut reader = Opening::parse(header).unwrap().unlock_with(&key()).unwrap();
    let error = reader.feed(&damaged[HEADER_SIZE..], &mut Verify).unwrap_err();
    let mut shelf = common::Shelf::default();
    assert_eq!(reader.feed(&good[chunk(2)], &mut shelf), Err(error));
    assert_eq!(reader.finish(&mut shelf), Err(error));
    assert_eq!(shelf.0, Parts::new());
}

#[test]
fn the_plain_writing_of_the_format_gives_the_same_file() {
    for of in [&SMALL[..], &LARGE, &[], &[("a", PLAIN_MAX - 14)], &[("a", PLAIN_MAX - 13)]] {
        assert!(file(of) == seal(ID, &plain(&parts(of))), "{of:?}");
    }
}
