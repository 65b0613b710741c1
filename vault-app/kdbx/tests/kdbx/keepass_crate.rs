//! The crate `keepass` is asked: it opens what we write and finds all of it; we open all that it writes.

use crate::common::{
    BANKS, DEEP, GONE, KeyKind, LOGIN, THROWN, cheap, open, sample, save, summary, variants,
};
use keepass::config::{CompressionConfig, DatabaseConfig, InnerCipherConfig, KdfConfig, OuterCipherConfig};
use keepass::db::{EntryId, GroupId, Value};
use keepass::{Database as Theirs, DatabaseKey};
use vault_app_kdbx::{ArgonKind, Cipher, Compression, KdbxError, Kdf, Options, Uuid, peek};

pub(crate) fn their_key(kind: KeyKind) -> DatabaseKey {
    let mut key = DatabaseKey::new();
    if let Some(passphrase) = kind.passphrase() {
        key = key.with_password(passphrase);
    }
    if let Some(mut file) = kind.key_file() {
        key = key.with_keyfile(&mut file).unwrap();
    }
    key
}

fn id(uuid: Uuid) -> EntryId {
    EntryId::from_uuid(keepass_uuid(uuid))
}

/// Their type of identifiers is another crate's; the bytes are read through text.
fn keepass_uuid<T: std::str::FromStr<Err: std::fmt::Debug>>(uuid: Uuid) -> T {
    format!("{uuid:?}").parse().unwrap()
}

#[test]
fn it_opens_all_we_write_and_we_open_all_it_writes_back_with_nothing_lost() {
    let database = sample();
    let before = summary(&database);
    let variants = variants();
    assert_eq!(variants.len(), 24);
    for (options, key) in variants {
        let file = save(&database, &key.key(), &options);
        let theirs = Theirs::open(&mut file.as_slice(), their_key(key)).unwrap();
        let mut written = Vec::new();
        theirs.save(&mut written, their_key(key)).unwrap();
        let info = peek(&written).unwrap();
        assert_eq!((info.cipher, info.compression), (options.cipher, options.compression));
        assert!(
            matches!(info.kdf, Kdf::Argon2 { kind, cost, .. } if kind == options.kind && cost == options.cost)
        );
        let after = summary(&open(&written, &key.key()).unwrap());
        assert_eq!(after, before, "{options:?} {key:?}");
    }
}

#[test]
fn it_reads_our_fields_and_attachments_as_they_are() {
    let options =
        Options { cipher: Cipher::Aes256, compression: Compression::Gzip, kind: ArgonKind::D, cost: cheap() };
    let file = save(&sample(), &KeyKind::Both.key(), &options);
    let theirs = Theirs::open(&mut file.as_slice(), their_key(KeyKind::Both)).unwrap();
    let login = theirs.entry(id(LOGIN)).unwrap();
    assert_eq!(login.get_title(), Some("Login with \"quotes\" & <angles>"));
    assert_eq!(login.get_password(), Some("p\u{e4}ss<&>\"' w\u{f6}rd \u{1f511}"));
    assert_eq!(login.get("Notes"), Some("line one\nline two\n\tindented, ]]> and &amp;"));
    assert!(login.fields["PIN"].is_protected() && !login.fields["Account"].is_protected());
    assert_eq!(login.tags, ["money", "work stuff"]);
    assert_eq!(login.times.expiry.and_utc().timestamp(), 1_900_000_000);
    assert_eq!(login.times.expires, Some(true));
    let large: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert_eq!(*login.attachment_by_name("large.bin").unwrap().data.get(), large);
    let history = login.history.as_ref().unwrap().get_entries();
    let passwords: Vec<_> = history.iter().map(|old| old.get_password()).collect();
    assert_eq!(passwords, [Some("first"), Some("p\u{e4}ss<&>\"' w\u{f6}rd \u{1f511}")][..passwords.len()]);
    assert_eq!(passwords.len(), 2);
    assert!(theirs.group(GroupId::from_uuid(keepass_uuid(BANKS))).unwrap().group_by_name("Abroad").is_some());
    assert_eq!(theirs.entry(id(DEEP)).unwrap().attachment_by_name("empty").unwrap().data.get().len(), 0);
    assert_eq!(theirs.recycle_bin().unwrap().entry(id(THROWN)).unwrap().get_title(), Some("Thrown away"));
    assert!(theirs.entry(id(GONE)).is_none());
    assert!(theirs.meta.custom_data.contains_key("org.example.database"));
}

/// All their ways to write what we can read: 36, with both inner ciphers among them.
pub(crate) fn their_configs() -> Vec<(DatabaseConfig, KeyKind)> {
    let mut all = Vec::new();
    let version = DatabaseConfig::default().kdf_config;
    let KdfConfig::Argon2 { version, .. } = version else { panic!("their default is Argon2d") };
    let (iterations, memory, parallelism) = (2, 64 * 1024, 2);
    let kdfs = [
        KdfConfig::Argon2 { iterations, memory, parallelism, version },
        KdfConfig::Argon2id { iterations, memory, parallelism, version },
        KdfConfig::Aes { rounds: 1000 },
    ];
    for cipher in [OuterCipherConfig::AES256, OuterCipherConfig::ChaCha20] {
        for kdf in &kdfs {
            for compression in [CompressionConfig::None, CompressionConfig::GZip] {
                for key in KeyKind::ALL {
                    let mut config = DatabaseConfig::default();
                    config.outer_cipher_config = cipher.clone();
                    config.kdf_config = kdf.clone();
                    config.compression_config = compression.clone();
                    let salsa = all.len() % 2 == 0;
                    config.inner_cipher_config =
                        if salsa { InnerCipherConfig::Salsa20 } else { InnerCipherConfig::ChaCha20 };
                    all.push((config, key));
                }
            }
        }
    }
    all
}

pub(crate) fn their_database(config: DatabaseConfig) -> Theirs {
    let mut database = Theirs::with_config(config);
    database.meta.database_name = Some("Theirs".into());
    let mut root = database.root_mut();
    root.name = "Root".into();
    let mut entry = root.add_entry_with_id(id(LOGIN)).unwrap();
    entry.set_unprotected("Title", "A & B");
    entry.set_protected("Password", "p\u{e4}ss \u{1f511}");
    entry.set_protected("PIN", "0042");
    entry.tags = vec!["one".into(), "two".into()];
    entry.add_attachment("file.bin", Value::protected(vec![0, 1, 2, 255]));
    let mut group = root.add_group();
    group.name = "Inner".into();
    group.add_entry_with_id(id(DEEP)).unwrap().set_protected("Password", "deep");
    database
}

#[test]
fn we_open_all_it_writes() {
    let configs = their_configs();
    assert_eq!(configs.len(), 36);
    for (config, key) in configs {
        let mut file = Vec::new();
        their_database(config.clone()).save(&mut file, their_key(key)).unwrap();
        let ours = open(&file, &key.key()).unwrap();
        assert_eq!(ours.meta().unwrap().name(), "Theirs");
        let entry = ours.entry(LOGIN).unwrap();
        assert_eq!((entry.title(), entry.password()), ("A & B", "p\u{e4}ss \u{1f511}"), "{config:?}");
        assert_eq!(entry.field("PIN").unwrap().value, "0042");
        assert!(entry.tags().eq(["one", "two"]));
        let attachment = entry.attachments().next().unwrap();
        let binary = ours.binary(attachment.reference).unwrap();
        assert_eq!(
            (attachment.name, binary.data(), binary.is_protected()),
            ("file.bin", &[0, 1, 2, 255][..], true)
        );
        let (group, deep) = ours.entries().find(|(_, entry)| entry.uuid() == Some(DEEP)).unwrap();
        assert_eq!((group.name(), deep.password()), ("Inner", "deep"));
        let wrong = vault_app_kdbx::CompositeKey::new(Some(b"wrong"), key.key_file()).unwrap();
        assert_eq!(open(&file, &wrong).err(), Some(KdbxError::WrongKey));
    }
}
