//! Files that KeePassXC wrote once, and that must stay readable. `fixtures/README.md` says how they were made.

use crate::common::{LOGIN, open, save, summary};
use vault_app_kdbx::{
    ArgonKind, Cipher, CompositeKey, Compression, Cost, KdbxError, Kdf, Options, Protection, peek,
};

const AES_KDF: &[u8] = include_bytes!("fixtures/aes-kdf.kdbx");
const AES_KDF_KEY: &[u8] = include_bytes!("fixtures/aes-kdf.keyx");
const ARGON2ID: &[u8] = include_bytes!("fixtures/argon2id.kdbx");

#[test]
fn a_file_with_aes_kdf_and_an_xml_key_file_opens() {
    let info = peek(AES_KDF).unwrap();
    assert_eq!((info.cipher, info.compression), (Cipher::Aes256, Compression::Gzip));
    assert!(matches!(info.kdf, Kdf::Aes { .. }));
    let key = CompositeKey::new(Some(b"fixture"), Some(AES_KDF_KEY)).unwrap();
    let database = open(AES_KDF, &key).unwrap();
    let entry = database.entry(LOGIN).unwrap();
    assert_eq!((entry.title(), entry.password()), ("Entry", "s\u{e9}cret"));
    assert_eq!(entry.field("Password").map(|field| field.protection), Some(Protection::Protected));
    let attachment = entry.attachments().next().unwrap();
    assert_eq!(attachment.name, "note.txt");
    assert_eq!(database.binary(attachment.reference).unwrap().data(), b"attached by KeePassXC\n");
    let half = CompositeKey::new(Some(b"fixture"), None).unwrap();
    assert_eq!(open(AES_KDF, &half).err(), Some(KdbxError::WrongKey));
}

#[test]
fn a_file_with_argon2id_and_chacha20_opens() {
    let info = peek(ARGON2ID).unwrap();
    assert_eq!((info.cipher, info.compression), (Cipher::ChaCha20, Compression::None));
    let cost = Cost::new(1024, 3, 4).unwrap();
    assert!(matches!(info.kdf, Kdf::Argon2 { kind: ArgonKind::Id, cost: found, .. } if found == cost));
    let key = CompositeKey::new(Some(b"fixture"), None).unwrap();
    let database = open(ARGON2ID, &key).unwrap();
    let entry = database.entry(LOGIN).unwrap();
    assert_eq!((entry.user_name(), entry.password()), ("ann", "s\u{e9}cret"));
    assert_eq!(entry.notes(), "two\nlines");
    assert!(entry.history().next().is_some_and(|old| old.password().is_empty()));
    let titles: Vec<_> = database.entries().map(|(group, entry)| (group.name(), entry.title())).collect();
    assert_eq!(titles, [("Base", "Entry"), ("Group", "Second"), ("Recycle Bin", "Generated")]);
    let generated = database.entries().last().map(|(_, entry)| entry.password().len());
    assert_eq!((generated, database.recycle_bin().is_some()), (Some(40), true));
}

#[test]
fn they_are_written_again_with_every_element_as_it_was() {
    for (file, key_file) in [(AES_KDF, Some(AES_KDF_KEY)), (ARGON2ID, None)] {
        let key = CompositeKey::new(Some(b"fixture"), key_file).unwrap();
        let before = open(file, &key).unwrap();
        let cost = Cost::new(8, 1, 1).unwrap();
        let options =
            Options { cipher: Cipher::Aes256, compression: Compression::Gzip, kind: ArgonKind::D, cost };
        let after = open(&save(&before, &key, &options), &key).unwrap();
        assert!(after.document == before.document && after.binaries == before.binaries);
        assert_eq!(summary(&after), summary(&before));
    }
}
