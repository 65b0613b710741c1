//! Files in and out, and keys that sign for those who may.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{AllServices, Hand, SECTORS, Slab, caller, entry, get_file, keys, life, mail, put_file, text};
use ipc_proto_sign_api::{KeyRef, SignError};
use ipc_proto_types::Bytes;
use ipc_proto_vault_api::files::Format;
use ipc_proto_vault_api::keys::{Grant, KeyStore};
use ipc_proto_vault_api::{Change, NewEntry, Reveal, Vault, VaultError};
use tests_disk::SimDisk;
use vault_app_core::CONTENT_MAX;

fn open<T>(test: impl FnOnce(&mut dyn AllServices, &Hand) -> T) -> (Slab, T) {
    open_another(1, test)
}

/// One that draws other numbers than those of other seeds.
fn open_another<T>(seed: u64, test: impl FnOnce(&mut dyn AllServices, &Hand) -> T) -> (Slab, T) {
    let (slab, clock) = (Slab::new(SimDisk::new(2 * SECTORS)), Hand::default());
    let out = life(&slab, seed, &clock, |vault| {
        vault.init(&caller(), keys("p")).unwrap();
        vault.add(&caller(), entry("a")).unwrap();
        test(vault, &clock)
    });
    (slab, out)
}

#[test]
fn an_attachment_comes_back_as_it_was_in_another_life_too() {
    for length in [0, 1, 4095, 4096, 4097, 100_000, CONTENT_MAX] {
        let file: Vec<u8> = (0..length).map(|at| u8::try_from((at * 7 + at / 256) % 256).unwrap()).collect();
        let (slab, ()) = open(|vault, _| {
            put_file(vault, &file).unwrap();
            vault.attach(&caller(), text("a"), text("key.pem")).unwrap();
            assert_eq!(vault.fetch(&caller(), text("a"), text("key.pem")), Ok(common::at(length)));
            assert!(get_file(vault).unwrap() == file);
        });
        life(&slab, 2, &Hand::default(), |vault| {
            vault.unlock(&caller(), keys("p")).unwrap();
            assert_eq!(vault.show(&caller(), text("a"), false).unwrap().attachments.len(), 1);
            vault.fetch(&caller(), text("a"), text("key.pem")).unwrap();
            assert!(get_file(vault).unwrap() == file, "{length} bytes");
            vault.detach(&caller(), text("a"), text("key.pem")).unwrap();
            assert_eq!(vault.fetch(&caller(), text("a"), text("key.pem")), Err(VaultError::NoSuchPart));
        });
    }
}

#[test]
fn pieces_come_in_order_and_a_file_is_used_once() {
    let _ = open(|vault, _| {
        let piece = |bytes: &[u8]| ipc_proto_types::Secret::new(Bytes::try_from(bytes).unwrap());
        let c = &caller();
        assert_eq!(vault.upload(c, 3, piece(b"x")), Err(VaultError::NoFile));
        assert_eq!(vault.upload(c, 0, piece(b"abc")), Ok(()));
        assert_eq!(vault.upload(c, 2, piece(b"x")), Err(VaultError::NoFile));
        assert_eq!(vault.upload(c, 3, piece(b"de")), Ok(()));
        vault.attach(c, text("a"), text("f")).unwrap();
        assert_eq!(vault.attach(c, text("a"), text("g")), Err(VaultError::NoFile));
        vault.fetch(c, text("a"), text("f")).unwrap();
        assert_eq!(get_file(vault).unwrap(), b"abcde");
        assert_eq!(vault.download(c, 6).map(|_| ()), Err(VaultError::NoFile));
        vault.lock(c);
        vault.unlock(c, keys("p")).unwrap();
        assert_eq!(vault.download(c, 0).map(|_| ()), Err(VaultError::NoFile));
    });
}

#[test]
fn a_file_that_is_too_long_is_refused_and_changes_nothing() {
    let _ = open(|vault, _| {
        put_file(vault, &vec![1; CONTENT_MAX + 1]).unwrap();
        assert_eq!(vault.attach(&caller(), text("a"), text("f")), Err(VaultError::TooLong));
        assert_eq!(vault.show(&caller(), text("a"), false).unwrap().attachments.len(), 0);
        assert_eq!(put_file(vault, &vec![1; 5 << 20]), Err(VaultError::TooLong));
        assert_eq!(vault.attach(&caller(), text("a"), text("f")), Err(VaultError::NoFile));
    });
}

#[test]
fn a_key_signs_for_whom_it_was_allowed_and_for_nobody_else() {
    let data = || Bytes::try_from(b"data".as_slice()).unwrap();
    let (slab, id) = open(|vault, clock| {
        let key = vault.make(&caller(), text("laptop")).unwrap();
        assert!(key.public.starts_with("ssh-ed25519 ") && key.public.ends_with(" laptop"));
        let by_id = || KeyRef::Id(key.id);
        assert_eq!(vault.sign(&mail(), by_id(), data()), Err(SignError::Refused));
        assert_eq!(vault.sign(&mail(), KeyRef::Id(1), data()), Err(SignError::Refused));
        clock.pass(5_000);
        let asked = vault.pending(&caller()).unwrap().requests;
        assert_eq!(asked.len(), 1, "a key that is not there can't be allowed");
        assert_eq!((&*asked[0].qube, asked[0].id, asked[0].seconds_ago), ("mail", key.id, 5));

        vault.allow(&caller(), text("mail"), key.id, Grant::Once).unwrap();
        assert!(vault.pending(&caller()).unwrap().requests.is_empty());
        assert_eq!(vault.identities(&mail()).len(), 1);
        assert_eq!(vault.sign(&caller(), by_id(), data()), Err(SignError::Refused));
        assert!(vault.sign(&mail(), by_id(), data()).is_ok());
        assert_eq!(vault.sign(&mail(), by_id(), data()), Err(SignError::Refused));

        vault.allow(&caller(), text("mail"), key.id, Grant::Seconds(10)).unwrap();
        assert!(vault.sign(&mail(), by_id(), data()).is_ok() && vault.sign(&mail(), by_id(), data()).is_ok());
        clock.pass(10_000);
        assert_eq!(vault.sign(&mail(), by_id(), data()), Err(SignError::Refused));

        vault.allow(&caller(), text("mail"), key.id, Grant::Seconds(10)).unwrap();
        vault.disallow(&caller(), text("mail"), key.id).unwrap();
        assert_eq!(vault.sign(&mail(), by_id(), data()), Err(SignError::Refused));

        vault.allow(&caller(), text("mail"), key.id, Grant::Seconds(10)).unwrap();
        vault.lock(&caller());
        assert_eq!(vault.sign(&mail(), by_id(), data()), Err(SignError::Refused));
        assert!(vault.identities(&mail()).is_empty());
        key.id
    });
    life(&slab, 2, &Hand::default(), |vault| {
        vault.unlock(&caller(), keys("p")).unwrap();
        let page = KeyStore::list(vault, &caller(), 0).unwrap();
        assert_eq!((page.total, page.keys[0].id), (1, id));
        assert_eq!(vault.sign(&mail(), KeyRef::Id(id), data()), Err(SignError::Refused));
        assert_eq!(vault.allow(&caller(), text("nobody"), id, Grant::Once), Err(VaultError::NoSuchQube));
        assert_eq!(vault.allow(&caller(), text("mail"), 7, Grant::Once), Err(VaultError::NoSuchKey));
        assert_eq!(vault.allow(&caller(), text("mail"), id, Grant::Seconds(0)), Err(VaultError::BadTime));
        KeyStore::remove(vault, &caller(), id).unwrap();
        assert_eq!(KeyStore::remove(vault, &caller(), id), Err(VaultError::NoSuchKey));
    });
    life(&slab, 3, &Hand::default(), |vault| {
        vault.unlock(&caller(), keys("p")).unwrap();
        assert_eq!(KeyStore::list(vault, &caller(), 0).unwrap().total, 0);
    });
}

/// A vault with one of everything: entry, group, history, bin, attachment, key.
fn rich(vault: &mut dyn AllServices) {
    let c = &caller();
    vault.make_group(c, text("work")).unwrap();
    vault.add(c, NewEntry { group: text("work"), ..entry("b") }).unwrap();
    vault.edit(c, text("b"), Change::User(text("you"))).unwrap();
    vault.edit(c, text("b"), Change::Notes(common::secret("line one\nline two"))).unwrap();
    vault.add(c, entry("old")).unwrap();
    Vault::remove(vault, c, text("old")).unwrap();
    put_file(vault, &[9; 5000]).unwrap();
    vault.attach(c, text("b"), text("f")).unwrap();
    let _ = vault.make(c, text("laptop")).unwrap();
}

fn exported(vault: &mut dyn AllServices, format: Format, passphrase: Option<&str>) -> Vec<u8> {
    let said = vault.export(&caller(), format, passphrase.map(common::secret)).unwrap();
    let file = get_file(vault).unwrap();
    assert_eq!(said.bytes as usize, file.len());
    file
}

#[test]
fn a_backup_makes_another_vault_that_has_all_and_shares_nothing() {
    let (slab, (backup, public)) = open(|vault, _| {
        rich(vault);
        let public = KeyStore::list(vault, &caller(), 0).unwrap().keys[0].public.to_string();
        (exported(vault, Format::Backup, Some("transfer")), public)
    });
    let before = slab.disk.image();
    let copy = Slab::new(SimDisk::new(2 * SECTORS));
    let clock = Hand::default();
    life(&copy, 99, &clock, |vault| {
        let c = &caller();
        vault.init(c, keys("q")).unwrap();
        put_file(vault, &backup).unwrap();
        assert_eq!(vault.verify(c, common::secret("other")).map(|_| ()), Err(VaultError::BadFile));
        put_file(vault, &backup).unwrap();
        let held = vault.verify(c, common::secret("transfer")).unwrap();
        assert_eq!((held.entries, held.groups, held.attachments, held.keys), (3, 1, 1, 1));
        assert!(common::titles(vault).is_empty());
        put_file(vault, &backup).unwrap();
        let added = vault.import(c, Format::Backup, Some(common::secret("transfer")), text("")).unwrap();
        assert_eq!((added.added, added.skipped, added.refused), (3, 0, 0));
        // Not a second time, and not beside entries.
        put_file(vault, &backup).unwrap();
        let again = vault.import(c, Format::Backup, Some(common::secret("transfer")), text(""));
        assert_eq!(again.map(|_| ()), Err(VaultError::NotEmpty));
    });
    life(&copy, 100, &clock, |vault| {
        let c = &caller();
        assert!(vault.unlock(c, keys("p")).is_err());
        clock.pass(300_000);
        vault.unlock(c, keys("q")).unwrap();
        assert_eq!(common::titles(vault), ["a", "b"]);
        let shown = vault.show(c, text("b"), false).unwrap();
        assert_eq!((&*shown.group, &*shown.user, shown.versions), ("work", "you", 3));
        assert_eq!(
            vault.reveal(c, text("b"), Reveal::Notes).unwrap().expose().as_str(),
            "line one\nline two"
        );
        vault.restore(c, text("old")).unwrap();
        vault.fetch(c, text("b"), text("f")).unwrap();
        assert_eq!(get_file(vault).unwrap(), [9; 5000]);
        assert_eq!(*KeyStore::list(vault, c, 0).unwrap().keys[0].public, *public);
    });
    assert!(slab.disk.image() == before, "making and changing a copy wrote to the first vault's disk");
    let there = copy.disk.image();
    let shared = before.chunks(512).filter(|sector| sector.iter().any(|byte| *byte != 0));
    let shared = shared.filter(|sector| there.chunks(512).any(|other| other == *sector)).count();
    assert_eq!(shared, 0, "sectors of one vault in the other");
}

#[test]
fn a_keepass_file_takes_all_but_keys_and_comes_back() {
    let (_, file) = open(|vault, _| {
        rich(vault);
        let said = vault.export(&caller(), Format::Kdbx, Some(common::secret("k"))).unwrap();
        assert_eq!((said.entries, said.in_clear, said.left_out), (3, 0, 1));
        get_file(vault).unwrap()
    });
    let _ = open_another(77, |vault, _| {
        let c = &caller();
        put_file(vault, &file).unwrap();
        let wrong = vault.import(c, Format::Kdbx, Some(common::secret("x")), text(""));
        assert_eq!(wrong.map(|_| ()), Err(VaultError::BadFile));
        put_file(vault, &file).unwrap();
        let added = vault.import(c, Format::Kdbx, Some(common::secret("k")), text("")).unwrap();
        assert_eq!((added.added, added.skipped), (3, 0));
        put_file(vault, &file).unwrap();
        let again = vault.import(c, Format::Kdbx, Some(common::secret("k")), text("")).unwrap();
        assert_eq!((again.added, again.skipped), (0, 3));
        vault.fetch(c, text("b"), text("f")).unwrap();
        assert_eq!(get_file(vault).unwrap(), [9; 5000]);
    });
}

#[test]
fn csv_says_what_stands_in_the_clear() {
    let _ = open(|vault, _| {
        rich(vault);
        let said = vault.export(&caller(), Format::Csv, None).unwrap();
        assert_eq!(said.in_clear, 3, "two passwords and the notes");
        assert!(said.left_out >= 3, "versions, an attachment, a key, what is in the bin");
        let file = String::from_utf8(get_file(vault).unwrap()).unwrap();
        assert!(file.contains("hunter2 hunter2") && file.contains("line one"));
        put_file(vault, b"Title,Username,Password\nnew,me,secret\n").unwrap();
        let added = vault.import(&caller(), Format::Csv, None, text("work")).unwrap();
        assert_eq!(added.added, 1);
        assert_eq!(&*vault.show(&caller(), text("new"), false).unwrap().group, "work");
        let none = vault.export(&caller(), Format::Bitwarden, None).map(|_| ());
        assert_eq!(none, Err(VaultError::BadFile));
        assert_eq!(get_file(vault).map(|_| ()), Err(VaultError::NoFile), "a file of before");
        let empty = vault.export(&caller(), Format::Backup, None).map(|_| ());
        assert_eq!(empty, Err(VaultError::EmptyPassphrase));
    });
}
