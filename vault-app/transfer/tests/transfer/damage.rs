//! Files that are cut, changed, or opened with another passphrase: an error that says so, and nothing of them comes in.

use crate::common::{ROOM, Rest, Vault, cheap, check, content_id, plain, sample};
use vault_app_backup::{BackupError, Key, Part, PartName, Writer};
use vault_app_entries::record::{self, DecodeError};
use vault_app_entries::{Content, Entry, EntryId, GroupId, StoreError};
use vault_app_kdbx::KdbxError;
use vault_app_kdf::{Block, Cost};
use vault_app_transfer::{Format, TransferError, verify};

/// A vault small enough to try every byte.
fn small() -> Vault {
    let content = Content { title: plain("t"), password: "p".into(), ..Content::default() };
    let entry = Entry::new(EntryId::from_bytes([9; 16]), GroupId::ROOT, content, 5);
    Vault::new(vec![], vec![entry], Rest::default())
}

fn try_all(file: &[u8]) -> Result<(), TransferError> {
    for format in [Format::Kdbx, Format::Backup] {
        Vault::default().import(file, format, GroupId::ROOT)?.report.notes.clear();
    }
    Ok(())
}

#[test]
fn a_wrong_passphrase_is_named() {
    let mut vault = sample();
    for (format, error) in [
        (Format::Kdbx, TransferError::Kdbx(KdbxError::WrongKey)),
        (Format::Backup, TransferError::Backup(BackupError::WrongPassphrase)),
    ] {
        let file = vault.export(format).bytes;
        let refused = Vault::default().import_with(file.expose(), format, GroupId::ROOT, b"wrong", ROOM);
        assert_eq!(refused.err(), Some(error.clone()));
        if format == Format::Backup {
            let verified = verify(file.expose(), b"wrong", &mut vec![Block::new(); 64], ROOM);
            assert_eq!(verified.err(), Some(error));
        }
    }
}

#[test]
fn every_cut_and_every_flipped_byte_of_a_file_is_refused() {
    for format in [Format::Kdbx, Format::Backup] {
        let file = small().export(format).bytes;
        let file = file.expose();
        assert!(Vault::default().import(file, format, GroupId::ROOT).is_ok());
        let mut bad = file.to_vec();
        for at in 0..file.len() {
            let cut = Vault::default().import(&file[..at], format, GroupId::ROOT);
            assert!(cut.is_err(), "{format:?} cut to {at}");
            bad[at] ^= 1 << (at % 8);
            // Costs that a flip makes dear are the business of the caps.
            let dear = format == Format::Backup && (8..20).contains(&at);
            if !dear {
                let flipped = Vault::default().import(&bad, format, GroupId::ROOT);
                assert!(flipped.is_err(), "{format:?} flipped at {at}");
            }
            bad[at] = file[at];
        }
        bad.push(0);
        assert!(Vault::default().import(&bad, format, GroupId::ROOT).is_err());
    }
}

#[test]
fn a_backup_is_verified_as_strictly_as_it_is_restored() {
    let file = sample().export(Format::Backup).bytes;
    let file = file.expose();
    assert!(check(file).is_ok());
    for at in (72..file.len()).step_by(997) {
        let mut bad = file.to_vec();
        bad[at] ^= 0x10;
        let damaged = check(&bad).err();
        assert!(matches!(damaged, Some(TransferError::Backup(BackupError::Damaged { .. }))), "{damaged:?}");
        assert_eq!(Vault::default().import(&bad, Format::Backup, GroupId::ROOT).err(), damaged);
        assert!(check(&file[..at]).is_err());
    }
}

/// A backup of these parts, as somebody with the passphrase could make it.
fn backup(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    let key = Key::derive(cheap(), [3; 16], crate::common::PASSPHRASE, &mut vec![Block::new(); 64]).unwrap();
    let mut out = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        Ok(())
    };
    let name = |name: &str| PartName::new(name).unwrap();
    let table: Vec<Part> =
        parts.iter().map(|(text, data)| Part { name: name(text), length: data.len() as u64 }).collect();
    let mut writer = Writer::begin(&key, [4; 16], &table, &mut out).unwrap();
    for (text, data) in parts {
        writer.data(&name(text), data, &mut out).unwrap();
    }
    writer.finish(&mut out).unwrap();
    file
}

type NamedParts = Vec<(String, Vec<u8>)>;

#[test]
fn a_backup_that_is_authentic_but_no_store_is_refused_by_its_part() {
    let vault = sample();
    let records: Vec<(String, Vec<u8>)> =
        vault.records().into_iter().map(|(id, bytes)| (format!("record.{id:032x}"), bytes)).collect();
    let contents: Vec<(String, Vec<u8>)> = vault
        .rest
        .contents
        .iter()
        .map(|(id, bytes)| (format!("content.{:032x}", id.number()), bytes.clone()))
        .collect();
    let keys: Vec<(String, Vec<u8>)> =
        vault.rest.keys.iter().map(|(id, bytes)| (format!("key.{id:016x}"), bytes.clone())).collect();
    let all: Vec<(String, Vec<u8>)> = [contents, keys, records].concat();
    let with = |change: &dyn Fn(&mut NamedParts)| {
        let mut parts = all.clone();
        change(&mut parts);
        parts.sort();
        let parts: Vec<(&str, Vec<u8>)> =
            parts.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        let file = backup(&parts);
        let verified = check(&file).err();
        let restored = Vault::default().import(&file, Format::Backup, GroupId::ROOT).err();
        assert_eq!(verified, restored);
        verified
    };
    let name = |name: &str| PartName::new(name).unwrap();
    assert_eq!(with(&|_| ()), None);
    let at = |parts: &[(String, Vec<u8>)], start: &str| {
        parts.iter().position(|(name, _)| name.starts_with(start)).unwrap()
    };
    assert_eq!(with(&|parts| drop(parts.remove(0))), Some(TransferError::MissingContent(content_id(1))));
    assert_eq!(with(&|parts| parts[0].1.push(0)), Some(TransferError::ContentSize(content_id(1))));
    let stray = format!("content.{:032x}", content_id(7).number());
    assert_eq!(
        with(&|parts| parts.push((stray.clone(), vec![]))),
        Some(TransferError::StrayContent(content_id(7)))
    );
    for strange in ["note", "record.1", "record.zz", "key.00000000000000000", "content."] {
        assert_eq!(
            with(&|parts| parts.push((strange.into(), vec![]))),
            Some(TransferError::StrangePart(name(strange)))
        );
    }
    let group = format!("record.{:032x}", crate::common::group_id(1).number());
    assert_eq!(
        with(&|parts| parts.retain(|(name, _)| *name != group)),
        Some(TransferError::Store(StoreError::NoGroup))
    );
    let record = name(&all[at(&all, "record.")].0);
    assert_eq!(
        with(&|parts| parts[at(&all, "record.")].1.push(0)),
        Some(TransferError::BadRecord(record, DecodeError::Malformed))
    );
    let other = Entry::new(EntryId::from_bytes([7; 16]), GroupId::ROOT, Content::default(), 1);
    assert_eq!(
        with(&|parts| parts[at(&all, "record.")].1 = record::encode(&other).unwrap().to_vec()),
        Some(TransferError::OtherRecord(record))
    );
    let key = at(&all, "key.");
    assert_eq!(
        with(&|parts| *parts[key].1.last_mut().unwrap() ^= 1),
        Some(TransferError::BadKey(name(&all[key].0)))
    );
    let long = "key.ffffffffffffffff";
    assert_eq!(
        with(&|parts| parts.push((long.into(), vec![0; 500]))),
        Some(TransferError::LongPart(name(long)))
    );
}

#[test]
fn what_a_file_asks_for_is_refused_before_it_is_taken() {
    let dear = Cost::new(2048, 1, 1).unwrap();
    for format in [Format::Kdbx, Format::Backup] {
        let mut vault = small();
        let mut blocks = vec![Block::new(); dear.blocks()];
        let (random, blocks) = (&mut crate::common::Seeded(1), &mut blocks[..]);
        let mut means = vault_app_transfer::Means {
            passphrase: b"x",
            key_file: None,
            blocks,
            random,
            now_s: 1,
            room: ROOM,
        };
        let file =
            vault_app_transfer::export(&vault.store, &mut vault.rest, format, dear, &mut means).unwrap();
        let refused = Vault::default().import(file.bytes.expose(), format, GroupId::ROOT);
        assert_eq!(refused.err(), Some(TransferError::TooFewBlocks(dear)));
    }
}

#[test]
fn files_that_are_nothing_are_errors() {
    for file in [&b""[..], b"x", &[0; 200], b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5", b"skepbak1"] {
        assert!(try_all(file).is_err());
        assert!(check(file).is_err());
    }
    let mut vault = Vault::default();
    for format in [Format::Csv, Format::Bitwarden] {
        let refused = vault.import(b"\xff", format, GroupId::ROOT);
        assert_eq!(refused.err(), Some(TransferError::NotText));
    }
    let csv = vault.import(b"Title,Password\r\na,b,c\r\n", Format::Csv, GroupId::ROOT);
    let Some(TransferError::Csv(faults)) = csv.err() else { panic!("a row of another width") };
    assert_eq!((faults.len(), faults[0].line), (1, 2));
    let json = vault.import(b"{}", Format::Bitwarden, GroupId::ROOT);
    assert!(matches!(json.err(), Some(TransferError::Bitwarden(_))));
}
