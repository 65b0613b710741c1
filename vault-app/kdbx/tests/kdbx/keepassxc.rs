//! KeePassXC is asked: it opens what we write, writes it again, and we open that with nothing lost.
//!
//! `keepassxc-cli` of the Debian package `keepassxc` must be there. It runs without a display.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{
    DEEP, KEY_FILE, KeyKind, LOGIN, PASSPHRASE, Seeded, cheap, open, sample, save, summary, variants,
};
use crate::keepass_crate::{their_configs, their_database, their_key};
use keepass::config::{CompressionConfig, KdfConfig, OuterCipherConfig};
use vault_app_kdbx::bounds::BLOCK_SIZE;
use vault_app_kdbx::{
    ArgonKind, Binary, Cipher, CompositeKey, Compression, KdbxError, Kdf, Options, Protection, Random as _,
    peek,
};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("skep-kdbx-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Runs `keepassxc-cli`, gives it `input`, and returns what it printed; it must succeed.
fn keepassxc(folder: &Folder, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("keepassxc-cli")
        .args(arguments)
        .env("QT_QPA_PLATFORM", "offscreen")
        .env("HOME", &folder.0)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("keepassxc-cli runs (Debian package keepassxc)");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "keepassxc-cli {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command on a database that needs this kind of key.
fn on_database(folder: &Folder, key: KeyKind, file: &Path, command: &[&str], rest: &[&str]) -> String {
    let key_file = folder.file("key");
    fs::write(&key_file, KEY_FILE).unwrap();
    let mut arguments = command.to_vec();
    if key.key_file().is_some() {
        arguments.extend(["--key-file", key_file.to_str().unwrap()]);
    }
    let input = match key.passphrase() {
        Some(passphrase) => format!("{passphrase}\n"),
        None => {
            arguments.push("--no-password");
            String::new()
        }
    };
    arguments.push(file.to_str().unwrap());
    arguments.extend(rest);
    keepassxc(folder, &arguments, &input)
}

#[test]
fn keepassxc_opens_all_we_write_and_we_open_all_it_writes_back_with_nothing_lost() {
    let folder = Folder::new("variants");
    let database = sample();
    let before = summary(&database);
    let variants = variants();
    assert_eq!(variants.len(), 24);
    for (options, key) in variants {
        let file = folder.file("ours.kdbx");
        fs::write(&file, save(&database, &key.key(), &options)).unwrap();

        // Its own command makes it write the whole file again, with cipher, compression and KDF as they were.
        on_database(&folder, key, &file, &["mkdir", "-q"], &["New group"]);
        let written = fs::read(&file).unwrap();
        let info = peek(&written).unwrap();
        assert_eq!((info.cipher, info.compression), (options.cipher, options.compression));
        assert!(
            matches!(info.kdf, Kdf::Argon2 { kind, cost, .. } if kind == options.kind && cost == options.cost)
        );

        let again = open(&written, &key.key()).unwrap();
        let mut after = summary(&again);
        let added = after.groups.remove(&vec![before.name.clone(), "New group".into()]);
        assert!(added.is_some(), "{options:?} {key:?}");
        assert_eq!(after, before, "{options:?} {key:?}");
    }
}

/// We do not write AES-KDF, so the crate `keepass` makes the file that KeePassXC then writes.
#[test]
fn we_open_all_that_keepassxc_writes_with_aes_kdf() {
    let folder = Folder::new("aes-kdf");
    let mut count = 0;
    for (config, key) in their_configs() {
        if !matches!(config.kdf_config, KdfConfig::Aes { .. }) {
            continue;
        }
        let (path, mut made) = (folder.file("theirs.kdbx"), Vec::new());
        their_database(config.clone()).save(&mut made, their_key(key)).unwrap();
        let before = summary(&open(&made, &key.key()).unwrap());
        fs::write(&path, &made).unwrap();
        on_database(&folder, key, &path, &["mkdir", "-q"], &["New group"]);
        let written = fs::read(&path).unwrap();
        let info = peek(&written).unwrap();
        assert!(matches!(info.kdf, Kdf::Aes { rounds: 1000, .. }));
        assert_eq!(info.cipher == Cipher::Aes256, config.outer_cipher_config == OuterCipherConfig::AES256);
        assert_eq!(
            info.compression == Compression::Gzip,
            config.compression_config == CompressionConfig::GZip
        );
        let mut after = summary(&open(&written, &key.key()).unwrap());
        assert!(after.groups.remove(&vec!["Root".to_string(), "New group".into()]).is_some());
        // It gives every entry all five usual fields.
        for (_, entry) in after.entries.values_mut() {
            entry.fields.retain(|_, (value, _)| !value.is_empty());
        }
        assert_eq!(after.entries, before.entries, "{config:?} {key:?}");
        assert_eq!(after.groups, before.groups, "{config:?} {key:?}");
        count += 1;
    }
    assert_eq!(count, 12);
}

#[test]
fn keepassxc_reads_our_fields_and_attachments_as_they_are() {
    let folder = Folder::new("fields");
    let file = folder.file("ours.kdbx");
    let options = Options {
        cipher: Cipher::ChaCha20,
        compression: Compression::Gzip,
        kind: ArgonKind::Id,
        cost: cheap(),
    };
    let key = KeyKind::Passphrase;
    fs::write(&file, save(&sample(), &key.key(), &options)).unwrap();

    let title = "Login with \"quotes\" & <angles>";
    let show = ["show", "-q", "-s", "-a", "Password", "-a", "PIN", "-a", "Account", "-a", "Title"];
    let shown = on_database(&folder, key, &file, &show, &[title]);
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(shown, ["p\u{e4}ss<&>\"' w\u{f6}rd \u{1f511}", "0042", "DE00 1234", title]);

    let out = folder.file("large.bin");
    on_database(
        &folder,
        key,
        &file,
        &["attachment-export", "-q"],
        &[title, "large.bin", out.to_str().unwrap()],
    );
    let expected: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert_eq!(fs::read(&out).unwrap(), expected);

    let listed = on_database(&folder, key, &file, &["ls", "-q", "-R", "-f"], &[]);
    assert!(listed.lines().any(|line| line.ends_with("Abroad/Deep")), "{listed}");
    assert!(listed.lines().any(|line| line == "Recycle Bin/Thrown away"), "{listed}");
    assert!(!listed.contains("Gone"), "{listed}");
}

#[test]
fn a_file_of_several_blocks_goes_both_ways() {
    let folder = Folder::new("blocks");
    let (file, out, key) = (folder.file("large.kdbx"), folder.file("out.bin"), KeyKind::Passphrase);
    let mut noise = vec![0; 5 * BLOCK_SIZE / 2];
    Seeded(7).fill(&mut noise).unwrap();
    let mut database = sample();
    let reference = database.add_binary(Binary::new(noise.clone(), Protection::Plain));
    database.entry_mut(DEEP).unwrap().attach("noise.bin", reference);
    let before = summary(&database);
    for (options, _) in variants().into_iter().filter(|(_, kind)| *kind == key) {
        fs::write(&file, save(&database, &key.key(), &options)).unwrap();
        assert!(fs::metadata(&file).unwrap().len() > 2 * BLOCK_SIZE as u64);
        let entry = ["Banks \u{2014} \u{1f511}/Abroad/Deep", "noise.bin", out.to_str().unwrap()];
        on_database(&folder, key, &file, &["attachment-export", "-q"], &entry);
        assert!(fs::read(&out).unwrap() == noise, "{options:?}");
        on_database(&folder, key, &file, &["mkdir", "-q"], &["New group"]);
        let after = summary(&open(&fs::read(&file).unwrap(), &key.key()).unwrap());
        assert!(after.entries == before.entries, "{options:?}");
    }
}

/// What KeePassXC imports. Its command line makes KDBX 3 unless an entry has custom data, which that cannot hold.
const IMPORT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><KeePassFile><Meta/><Root><Group>\
    <UUID>AQEBAQEBAQEBAQEBAQEBAQ==</UUID><Name>Made</Name><Entry><UUID>BAQEBAQEBAQEBAQEBAQEBA==</UUID>\
    <String><Key>Title</Key><Value>Entry</Value></String>\
    <String><Key>Password</Key><Value ProtectInMemory=\"True\">s\u{e9}cret</Value></String>\
    <CustomData><Item><Key>k</Key><Value>v</Value></Item></CustomData></Entry></Group></Root></KeePassFile>";

#[test]
fn what_keepassxc_makes_opens_here_with_its_own_key_files_and_aes_kdf() {
    let folder = Folder::new("made");
    let import = folder.file("import.xml");
    fs::write(&import, IMPORT).unwrap();
    for key in KeyKind::ALL {
        let (file, key_file) = (folder.file("theirs.kdbx"), folder.file("made.keyx"));
        let mut arguments = vec!["import", "-q", "-t", "100"];
        let mut input = String::new();
        if key.passphrase().is_some() {
            arguments.push("-p");
            input = format!("{PASSPHRASE}\n{PASSPHRASE}\n");
        }
        if key.key_file().is_some() {
            arguments.extend(["--set-key-file", key_file.to_str().unwrap()]);
        }
        arguments.extend([import.to_str().unwrap(), file.to_str().unwrap()]);
        keepassxc(&folder, &arguments, &input);

        // The key file that KeePassXC makes is XML of version 2.
        let made = key.key_file().map(|_| fs::read(&key_file).unwrap());
        let ours = CompositeKey::new(key.passphrase().map(str::as_bytes), made.as_deref()).unwrap();
        let written = fs::read(&file).unwrap();
        assert!(matches!(peek(&written).unwrap().kdf, Kdf::Aes { rounds, .. } if rounds > 1000));
        let database = open(&written, &ours).unwrap();
        let entry = database.entry(LOGIN).unwrap();
        assert_eq!((entry.title(), entry.password()), ("Entry", "s\u{e9}cret"));
        assert!(entry.custom_data().any(|item| item == ("k", "v")));

        let wrong = CompositeKey::new(Some(b"wrong"), made.as_deref()).unwrap();
        assert_eq!(open(&written, &wrong).err(), Some(KdbxError::WrongKey));
        fs::remove_file(&file).unwrap();
        if made.is_some() {
            fs::remove_file(&key_file).unwrap();
        }
    }
}

#[test]
fn kdbx_3_is_refused_by_its_version() {
    let folder = Folder::new("old");
    let file = folder.file("old.kdbx");
    let arguments = ["db-create", "-q", "-p", "-t", "100", file.to_str().unwrap()];
    keepassxc(&folder, &arguments, &format!("{PASSPHRASE}\n{PASSPHRASE}\n"));
    let error = open(&fs::read(&file).unwrap(), &KeyKind::Passphrase.key()).err();
    assert_eq!(error, Some(KdbxError::Version { major: 3, minor: 1 }));
}
