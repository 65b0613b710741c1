//! Any damage is refused: every byte of a small file flipped, every truncation, every way of joining parts of two files.

use crate::common::{KeyKind, blocks, save};
use vault_app_kdbx::{
    ArgonKind, Block, Cipher, Compression, Cost, Database, KdbxError, NewDatabase, Options, Protection, Time,
    Uuid, open, peek,
};

const ENTRY: Uuid = Uuid([9; 16]);

fn small() -> Database {
    let mut database = Database::new(NewDatabase { name: "Small", root: crate::common::ROOT, now: Time(0) });
    let mut root = database.group_mut(crate::common::ROOT).unwrap();
    let mut entry = root.add_entry(ENTRY, Time(0));
    entry.set_field("Password", "secret", Protection::Protected);
    database
}

/// The least that Argon2 can cost.
fn least() -> Cost {
    Cost::new(8, 1, 1).unwrap()
}

/// Small files of every cipher and compression; the header is the first so many bytes.
fn files() -> Vec<(Vec<u8>, usize)> {
    let mut all = Vec::new();
    for cipher in [Cipher::Aes256, Cipher::ChaCha20] {
        for compression in [Compression::None, Compression::Gzip] {
            let options = Options { cipher, compression, kind: ArgonKind::Id, cost: least() };
            let file = save(&small(), &KeyKind::Passphrase.key(), &options);
            let end = file.windows(9).position(|part| part == b"\0\x04\0\0\0\r\n\r\n").unwrap();
            all.push((file, end + 9));
        }
    }
    all
}

fn open_with(file: &[u8], memory: &mut [Block]) -> Result<Database, KdbxError> {
    open(file, &KeyKind::Passphrase.key(), memory)
}

#[test]
fn one_flipped_byte_anywhere_is_refused() {
    let mut memory = blocks(least());
    for (good, header) in files() {
        assert!(open_with(&good, &mut memory).is_ok());
        let mut bad = good.clone();
        for at in 0..good.len() {
            // Every bit alone, and all of them.
            for flip in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                bad[at] ^= flip;
                let error = open_with(&bad, &mut memory).expect_err("a flipped byte is noticed");
                let expected = if at < header {
                    // Cut off or not understood before the checksum is reached, or noticed by it.
                    !matches!(error, KdbxError::WrongKey | KdbxError::BlockDamaged(_))
                } else if at < header + 32 {
                    error == KdbxError::HeaderDamaged
                } else if at < header + 64 {
                    error == KdbxError::WrongKey
                } else {
                    matches!(error, KdbxError::BlockDamaged(_) | KdbxError::Truncated)
                };
                assert!(expected, "byte {at} of {} (header {header}): {error:?}", good.len());
                bad[at] ^= flip;
            }
        }
        assert_eq!(bad, good);
    }
}

#[test]
fn every_truncation_and_every_longer_file_is_refused() {
    let mut memory = blocks(least());
    for (good, _) in files() {
        for len in 0..good.len() {
            let error = open_with(&good[..len], &mut memory).expect_err("a cut is noticed");
            let expected = if len < 8 { KdbxError::NotKdbx } else { KdbxError::Truncated };
            assert_eq!(error, expected, "cut to {len}");
            if len < 8 {
                assert_eq!(peek(&good[..len]).err(), Some(KdbxError::NotKdbx));
            }
        }
        for more in [&b"\0"[..], &good] {
            let error = open_with(&[&good, more].concat(), &mut memory).err();
            assert_eq!(error, Some(KdbxError::TrailingBytes));
        }
    }
}

#[test]
fn header_and_contents_of_two_files_do_not_join() {
    let mut memory = blocks(least());
    let options =
        Options { cipher: Cipher::Aes256, compression: Compression::None, kind: ArgonKind::D, cost: least() };
    let key = KeyKind::Passphrase.key();
    let files = [1, 2].map(|seed| {
        vault_app_kdbx::save(&small(), &key, &options, &mut crate::common::Seeded(seed), &mut memory).unwrap()
    });
    let [a, b] = &files;
    assert_eq!(a.len(), b.len());
    let header = a.windows(9).position(|part| part == b"\0\x04\0\0\0\r\n\r\n").unwrap() + 9;
    for (cut, expected) in [
        (header, KdbxError::HeaderDamaged),
        (header + 32, KdbxError::WrongKey),
        (header + 64, KdbxError::BlockDamaged(0)),
        (a.len() - 36, KdbxError::BlockDamaged(1)),
    ] {
        let joined = [&a[..cut], &b[cut..]].concat();
        assert_eq!(open_with(&joined, &mut memory).err(), Some(expected), "cut at {cut}");
    }
}

#[test]
fn a_wrong_key_of_any_kind_says_so() {
    let mut memory = blocks(least());
    let options = Options {
        cipher: Cipher::ChaCha20,
        compression: Compression::Gzip,
        kind: ArgonKind::Id,
        cost: least(),
    };
    for right in KeyKind::ALL {
        let file = save(&small(), &right.key(), &options);
        for key in KeyKind::ALL {
            let opened = open(&file, &key.key(), &mut memory).err();
            assert_eq!(opened, (key != right).then_some(KdbxError::WrongKey), "{right:?} {key:?}");
        }
    }
}

#[test]
fn what_a_header_asks_for_is_refused_before_memory_is_touched() {
    let (good, header) = files().swap_remove(0);
    let error = open_with(&good, &mut []).err();
    assert_eq!(error, Some(KdbxError::NeedsMemory(least())));

    // A header that is right in itself: its checksum is not a secret.
    let ask = |name: &[u8], value: &[u8]| {
        let mut file = good.clone();
        let at = file.windows(name.len()).position(|part| part == name).unwrap() + name.len() + 4;
        file[at..at + value.len()].copy_from_slice(value);
        let checksum = sha2::Digest::finalize(sha2::Digest::chain_update(
            <sha2::Sha256 as sha2::Digest>::new(),
            &file[..header],
        ));
        file[header..header + 32].copy_from_slice(&checksum);
        peek(&file).err()
    };
    let (memory, passes, lanes) = (&b"\x05\x01\0\0\0M"[..], &b"\x05\x01\0\0\0I"[..], &b"\x04\x01\0\0\0P"[..]);
    assert_eq!(ask(memory, &(256_u64 << 20).to_le_bytes()), None);
    assert_eq!(ask(memory, &((256_u64 << 20) + 1024).to_le_bytes()), Some(KdbxError::ArgonCost));
    assert_eq!(ask(memory, &u64::MAX.to_le_bytes()), Some(KdbxError::ArgonCost));
    assert_eq!(ask(passes, &(1_u64 << 16).to_le_bytes()), None);
    assert_eq!(ask(passes, &((1_u64 << 16) + 1).to_le_bytes()), Some(KdbxError::ArgonCost));
    assert_eq!(ask(lanes, &9_u32.to_le_bytes()), Some(KdbxError::ArgonCost));
    assert_eq!(ask(lanes, &0_u32.to_le_bytes()), Some(KdbxError::ArgonCost));
}
