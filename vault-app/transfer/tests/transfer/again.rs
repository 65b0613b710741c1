//! Importing twice, and into a store that has other things.

use crate::common::{Vault, cheap, entry_id, group_id, plain, sample, vault, whole};
use proptest::prelude::*;
use vault_app_entries::store::Item;
use vault_app_entries::{Content, GroupId, StoreError};
use vault_app_transfer::{Format, Imported, LeftOut, Report, TransferError, What};

const CSV: &str = "Group,Title,Username,Password,URL,Notes\r\n\
    Root/Work,One,ann,first,https://example.org,\r\nRoot,Two,bob,second,,two lines\r\n";
const BITWARDEN: &str = r#"{"encrypted": false,
    "folders": [{"id": "f1", "name": "Work"}],
    "items": [{"type": 1, "name": "One", "folderId": "f1", "notes": "n",
        "login": {"username": "ann", "password": "first", "uris": [{"uri": "https://example.org"}]}}]}"#;

fn only_skips(imported: &Imported, entries: usize) {
    let Report { added, groups, skipped, refused, .. } = imported.report;
    assert_eq!((added, groups, skipped, refused), (0, 0, entries, 0));
    assert!(imported.changes.is_empty() && imported.contents.is_empty() && imported.keys.is_empty());
}

#[test]
fn a_second_import_adds_nothing_and_says_so_of_each_entry() {
    let file = sample().export(Format::Kdbx).bytes;
    let mut vault = Vault::default();
    let first = vault.import(file.expose(), Format::Kdbx, GroupId::ROOT).unwrap();
    vault.take(first);
    let before = whole(&vault);
    let second = vault.import(file.expose(), Format::Kdbx, GroupId::ROOT).unwrap();
    only_skips(&second, 6);
    let in_bin =
        |number| second.report.notes.iter().any(|note| note.what == What::AlreadyInBin(entry_id(number)));
    assert_eq!([1, 2, 3, 4, 5, 6].map(in_bin), [false, false, false, true, true, true]);
    let there = What::AlreadyThere(entry_id(1));
    assert!(second.report.notes.iter().any(|note| note.what == there && note.title.starts_with("Login")));
    vault.take(second);
    assert_eq!(whole(&vault), before);
}

#[test]
fn the_same_holds_of_files_without_ids() {
    for (format, file, entries) in [(Format::Csv, CSV, 2), (Format::Bitwarden, BITWARDEN, 1)] {
        let mut vault = sample();
        let first = vault.import(file.as_bytes(), format, group_id(2)).unwrap();
        assert_eq!((first.report.added, first.report.groups, first.report.skipped), (entries, 1, 0));
        vault.take(first);
        let work = vault.store.groups().find(|group| group.name.as_str() == "Work").unwrap();
        assert_eq!(work.parent, group_id(2));
        let second = vault.import(file.as_bytes(), format, group_id(2)).unwrap();
        only_skips(&second, entries);
    }
}

#[test]
fn what_differs_comes_in_under_a_new_id_and_only_once() {
    let mut vault = sample();
    let file = vault.export(Format::Kdbx).bytes;
    let mut content = vault.store.entry(entry_id(2)).unwrap().content.clone();
    content.password = "another".into();
    let changes = vault.store.edit(entry_id(2), content, 1_800_000_000).unwrap();
    vault.store.commit(changes).unwrap();
    let mine = vault.store.entry(entry_id(2)).cloned();

    // What the file has of it is what the store's history has: nothing is lost, but it is another content.
    let imported = vault.import(file.expose(), Format::Kdbx, group_id(1)).unwrap();
    assert_eq!((imported.report.added, imported.report.skipped), (1, 5));
    let new = imported.report.notes.iter().find_map(|note| match note.what {
        What::NewId(id) => Some(id),
        _ => None,
    });
    vault.take(imported);
    let theirs = vault.store.entry(new.unwrap()).unwrap();
    assert_eq!((theirs.content.title.as_str(), theirs.content.password.expose()), ("Steam", ""));
    assert_eq!(vault.store.entry(entry_id(2)).cloned(), mine);
    let again = vault.import(file.expose(), Format::Kdbx, group_id(1)).unwrap();
    only_skips(&again, 6);
}

#[test]
fn an_attachment_with_other_bytes_is_no_skip() {
    let mut vault = sample();
    let file = vault.export(Format::Kdbx).bytes;
    for content in vault.rest.contents.values_mut() {
        content[0] ^= 1;
    }
    let imported = vault.import(file.expose(), Format::Kdbx, GroupId::ROOT).unwrap();
    assert_eq!((imported.report.added, imported.report.skipped, imported.contents.len()), (2, 4, 3));
    vault.rest.contents.clear();
    let failed = vault.import(file.expose(), Format::Kdbx, GroupId::ROOT);
    assert_eq!(failed.err(), Some(TransferError::Source));
}

#[test]
fn a_backup_needs_an_empty_store() {
    let mut vault = sample();
    let file = vault.export(Format::Backup).bytes;
    let refused = vault.import(file.expose(), Format::Backup, GroupId::ROOT);
    assert_eq!(refused.err(), Some(TransferError::NotEmpty));
}

#[test]
fn nothing_goes_into_the_bin_or_nowhere() {
    let mut vault = sample();
    for (group, error) in [(group_id(3), StoreError::Recycled), (group_id(99), StoreError::NoGroup)] {
        let refused = vault.import(CSV.as_bytes(), Format::Csv, group);
        assert_eq!(refused.err(), Some(TransferError::Store(error)));
    }
}

#[test]
fn csv_says_what_it_leaves_out_and_what_is_in_the_clear() {
    let mut vault = sample();
    let exported = vault.export(Format::Csv);
    // The login's password, notes, codes and PIN; Steam's codes; a password and a protected field.
    assert_eq!((exported.entries, exported.in_the_clear, exported.formulas), (3, 7, 0));
    let left_out = [
        (LeftOut::SigningKeys, 2),
        (LeftOut::Recycled, 3),
        (LeftOut::Attachments, 4),
        (LeftOut::Versions, 2),
        (LeftOut::Groups, 2),
    ];
    assert_eq!(exported.left_out, left_out);
    let text = std::str::from_utf8(exported.bytes.expose()).unwrap();
    assert!(text.contains("p\u{e4}ss<&>") && text.contains("0042") && text.contains("otpauth://totp/a:b"));
    assert!(!text.contains("Thrown away"));
    let refused = vault.export_within(Format::Bitwarden, 0).err();
    assert_eq!(refused, Some(TransferError::OnlyRead));
}

#[test]
fn a_sealed_file_needs_a_passphrase() {
    use vault_app_transfer::{Means, export};
    let mut vault = sample();
    for format in [Format::Kdbx, Format::Backup] {
        let (random, blocks) = (&mut crate::common::Seeded(1), &mut [][..]);
        let mut means = Means { passphrase: b"", key_file: None, blocks, random, now_s: 1, room: 1 << 20 };
        let refused = export(&vault.store, &mut vault.rest, format, cheap(), &mut means);
        assert_eq!(refused.err(), Some(TransferError::NoPassphrase));
        means.passphrase = b"x";
        let refused = export(&vault.store, &mut vault.rest, format, cheap(), &mut means);
        assert_eq!(refused.err(), Some(TransferError::TooFewBlocks(cheap())));
    }
}

#[test]
fn an_export_with_a_content_missing_or_of_another_size_is_refused() {
    for format in [Format::Kdbx, Format::Backup] {
        let mut vault = sample();
        let first = *vault.rest.contents.keys().next().unwrap();
        vault.rest.contents.get_mut(&first).unwrap().push(0);
        assert_eq!(
            vault.export_within(format, crate::common::ROOM).err(),
            Some(TransferError::ContentSize(first))
        );
        vault.rest.contents.clear();
        assert_eq!(vault.export_within(format, crate::common::ROOM).err(), Some(TransferError::Source));
    }
}

#[test]
fn groups_that_are_there_are_taken_wherever_they_were_moved() {
    let file = sample().export(Format::Kdbx).bytes;
    let mut vault = Vault::default();
    let first = vault.import(file.expose(), Format::Kdbx, GroupId::ROOT).unwrap();
    vault.take(first);
    let changes = vault.store.move_group(group_id(2), GroupId::ROOT).unwrap();
    vault.store.commit(changes).unwrap();
    let changes = vault.store.remove(Item::Entry(entry_id(2)), 1).unwrap();
    vault.store.commit(changes).unwrap();
    let changes = vault.store.purge(Item::Entry(entry_id(2))).unwrap();
    vault.store.commit(changes).unwrap();
    let second = vault.import(file.expose(), Format::Kdbx, GroupId::ROOT).unwrap();
    assert_eq!((second.report.added, second.report.groups, second.report.skipped), (1, 0, 5));
    vault.take(second);
    let steam = vault.store.entry(entry_id(2)).unwrap();
    assert_eq!((steam.group, steam.content.title.as_str()), (group_id(2), "Steam"));
}

#[test]
fn an_id_that_something_else_has_is_replaced() {
    let mut vault = Vault::default();
    let content = Content { title: plain("mine"), ..Content::default() };
    let changes = vault.store.add(entry_id(1), GroupId::ROOT, content, 5).unwrap();
    vault.store.commit(changes).unwrap();
    let as_group = vault_app_entries::EntryId::from_bytes(group_id(1).bytes());
    let content = Content { title: plain("also mine"), ..Content::default() };
    let changes = vault.store.add(as_group, GroupId::ROOT, content, 5).unwrap();
    vault.store.commit(changes).unwrap();

    let file = sample().export(Format::Kdbx).bytes;
    let imported = vault.import(file.expose(), Format::Kdbx, GroupId::ROOT).unwrap();
    assert_eq!((imported.report.added, imported.report.groups), (6, 3));
    vault.take(imported);
    assert_eq!(vault.store.entry(entry_id(1)).unwrap().content.title.as_str(), "mine");
    assert_eq!(vault.store.entries().count(), 8);
    let abroad = vault.store.group(group_id(2)).unwrap();
    assert!(vault.store.path(abroad.id).starts_with("Banks"));
    let second = vault.import(file.expose(), Format::Kdbx, GroupId::ROOT).unwrap();
    assert_eq!((second.report.added, second.report.skipped), (0, 6));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_file_imported_twice_adds_nothing_twice(mut vault in vault()) {
        let file = vault.export(Format::Kdbx).bytes;
        let again = vault.import(file.expose(), Format::Kdbx, GroupId::ROOT).unwrap();
        only_skips(&again, vault.store.entries().count());
    }
}
