//! Other programs: KeePassXC and the crate `keepass` open what we write and write it again, and we import that with nothing
//! lost; what they make themselves comes in, too.
//!
//! `keepassxc-cli` of the Debian package `keepassxc` must be there. It runs without a display.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{PASSPHRASE, Vault, Whole, entry_id, group_id, plain, sample, whole};
use keepass::db::Value;
use keepass::{Database as Theirs, DatabaseKey};
use vault_app_entries::{GroupId, otpauth};
use vault_app_kdbx::{
    ArgonKind, Cipher, CompositeKey, Compression, KdbxError, NewDatabase, Options, Protection, Time, Uuid,
    save,
};
use vault_app_kdf::Block;
use vault_app_transfer::{Format, LeftOut, Means, TransferError, What, import};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("skep-transfer-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Runs `keepassxc-cli` on a file, and returns what it printed; it must succeed.
fn keepassxc(folder: &Folder, command: &[&str], file: &Path, rest: &[&str]) -> String {
    let mut child = Command::new("keepassxc-cli")
        .args(command)
        .arg(file)
        .args(rest)
        .env("QT_QPA_PLATFORM", "offscreen")
        .env("HOME", &folder.0)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("keepassxc-cli runs (Debian package keepassxc)");
    child.stdin.take().unwrap().write_all(&[PASSPHRASE, b"\n"].concat()).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "keepassxc-cli {command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// All of a vault, whatever the order of fields, tags and attachments: that is the programs' own business.
fn normal(vault: &Vault) -> Whole {
    let (groups, mut entries) = whole(vault);
    for (entry, bytes) in entries.values_mut() {
        let versions = entry.history.iter_mut().map(|version| &mut version.content);
        for content in std::iter::once(&mut entry.content).chain(versions) {
            content.fields.sort_by(|a, b| a.name.as_str().cmp(&b.name));
            content.tags.sort_by(|a, b| a.as_str().cmp(b));
            content.attachments.sort_by(|a, b| a.name.as_str().cmp(&b.name));
        }
        bytes.sort();
    }
    (groups, entries)
}

fn imported(file: &[u8]) -> Vault {
    let mut vault = Vault::default();
    let imported = vault.import(file, Format::Kdbx, GroupId::ROOT).unwrap();
    assert_eq!((imported.report.refused, imported.report.skipped), (0, 0));
    vault.take(imported);
    vault
}

fn their_key() -> DatabaseKey {
    DatabaseKey::new().with_password(std::str::from_utf8(PASSPHRASE).unwrap())
}

#[test]
fn keepassxc_writes_our_file_again_with_nothing_lost() {
    let folder = Folder::new("again");
    let file = folder.0.join("ours.kdbx");
    let mut vault = sample();
    fs::write(&file, vault.export(Format::Kdbx).bytes.expose()).unwrap();
    // Its own command makes it write the whole file again.
    keepassxc(&folder, &["mkdir", "-q"], &file, &["New group"]);
    let (mut groups, entries) = normal(&imported(&fs::read(&file).unwrap()));
    groups.retain(|_, group| group.name.as_str() != "New group");
    assert_eq!((groups, entries), normal(&vault));
}

#[test]
fn keepassxc_shows_our_fields_codes_and_bin() {
    let folder = Folder::new("shows");
    let file = folder.0.join("ours.kdbx");
    let vault_file = sample().export(Format::Kdbx).bytes;
    fs::write(&file, vault_file.expose()).unwrap();
    let title = "Login with \"quotes\" & <angles>";
    let show = ["show", "-q", "-s", "-a", "Password", "-a", "PIN", "-a", "URL", "-a", "KP2A_URL_1"];
    let shown = keepassxc(&folder, &show, &file, &[title]);
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(
        shown,
        [
            "p\u{e4}ss<&>\"' w\u{f6}rd \u{1f511}",
            "0042",
            "https://example.org/?a=1&b=2",
            "https://example.com"
        ]
    );
    for (path, otp) in [
        (title, "otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQ&issuer=a"),
        ("Steam", "steam://GEZDGNBVGY3TQOJQ"),
    ] {
        let totp = otpauth::parse(otp).unwrap();
        let code = |shift: u64| {
            let unix_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
            totp.code(unix_s - shift).0.expose().to_string()
        };
        let before = code(0);
        let shown = keepassxc(&folder, &["show", "-q", "-t"], &file, &[path]);
        // The period may have ended meanwhile.
        assert!([before, code(0)].contains(&shown.trim().to_string()), "{path}: {shown}");
    }
    let listed = keepassxc(&folder, &["ls", "-q", "-R", "-f"], &file, &[]);
    let has = |line: &str| listed.lines().any(|other| other == line);
    assert!(has("Recycle Bin/Thrown away") && has("Recycle Bin/Closed/In a closed group"), "{listed}");
    assert!(listed.lines().any(|line| line.ends_with("/Abroad/Steam")), "{listed}");
    let out = folder.0.join("out");
    keepassxc(&folder, &["attachment-export", "-q"], &file, &[title, "large.bin", out.to_str().unwrap()]);
    assert_eq!(fs::read(&out).unwrap(), (0..=255).cycle().take(40_000).collect::<Vec<u8>>());
}

#[test]
fn an_edit_there_counts_and_what_was_kept_beside_is_stale() {
    let folder = Folder::new("edit");
    let file = folder.0.join("ours.kdbx");
    let vault_file = sample().export(Format::Kdbx).bytes;
    fs::write(&file, vault_file.expose()).unwrap();
    let title = "Login with \"quotes\" & <angles>";
    keepassxc(&folder, &["edit", "-q", "-u", "bob"], &file, &[title]);
    let vault = imported(&fs::read(&file).unwrap());
    let entry = vault.store.entry(entry_id(1)).unwrap();
    assert_eq!((entry.content.user.as_str(), entry.content.entropy_centibits), ("bob", None));
    assert_eq!(entry.history.len(), 3);
    // KeePassXC archives an entry without its custom data, and leaves older versions as they are.
    let entropies = entry.history.iter().map(|version| version.content.entropy_centibits);
    assert_eq!(entropies.collect::<Vec<_>>(), [None, Some(6_400), Some(6_400)]);
    assert_eq!(entry.history[0].content.user.as_str(), "ann");
    assert_eq!(entry.content.urls.len(), 3);
}

#[test]
fn the_crate_keepass_finds_all_of_it_and_writes_it_again_with_nothing_lost() {
    let mut vault = sample();
    let file = vault.export(Format::Kdbx).bytes;
    let theirs = Theirs::open(&mut file.expose(), their_key()).unwrap();
    let id = |number| {
        let text = format!("{:032x}", entry_id(number).number());
        keepass::db::EntryId::from_uuid(text.parse().unwrap())
    };
    let login = theirs.entry(id(1)).unwrap();
    assert_eq!(login.get("UserName"), Some("ann"));
    assert!(login.fields["PIN"].is_protected() && !login.fields["Account"].is_protected());
    assert_eq!(login.times.expiry.and_utc().timestamp(), 1_900_000_000);
    assert_eq!(login.attachment_by_name("small.txt").unwrap().data.get().as_slice(), b"small");
    let history = login.history.as_ref().unwrap().get_entries();
    assert_eq!(history.iter().map(|old| old.get_username()).collect::<Vec<_>>(), [Some("anna"), Some("ann")]);
    assert!(theirs.recycle_bin().unwrap().entry(id(4)).is_some());
    let mut written = Vec::new();
    theirs.save(&mut written, their_key()).unwrap();
    assert_eq!(normal(&imported(&written)), normal(&vault));
}

#[test]
fn what_the_crate_keepass_makes_comes_in() {
    let mut theirs = Theirs::new();
    theirs.meta.database_name = Some("Theirs".into());
    let mut root = theirs.root_mut();
    let mut entry = root.add_entry();
    entry.set_unprotected("Title", "A & B");
    entry.set_protected("Password", "p\u{e4}ss");
    entry.set_protected("otp", "otpauth://hotp/x?secret=GEZDGNBV&counter=1");
    entry.set_unprotected("KP2A_URL_2", "https://b.example");
    entry.set_unprotected("KP2A_URL", "https://a.example");
    entry.tags = vec!["one".into(), "two".into()];
    entry.add_attachment("file.bin", Value::protected(vec![0, 1, 2, 255]));
    let mut long = root.add_entry();
    long.set_unprotected("Title", "too much");
    long.set_unprotected("Notes", "x".repeat(40_000));
    let mut group = root.add_group();
    group.name = "Inner".into();
    group.add_entry().set_unprotected("Title", "deep");
    let mut id = group.id();
    for number in 0..20 {
        let mut parent = theirs.group_mut(id).unwrap();
        let mut group = parent.add_group();
        group.name = format!("level {number}");
        group.add_entry().set_unprotected("Title", format!("in {number}"));
        id = group.id();
    }
    let mut file = Vec::new();
    theirs.save(&mut file, their_key()).unwrap();

    let mut vault = sample();
    let imported = vault.import(&file, Format::Kdbx, group_id(2)).unwrap();
    let report = &imported.report;
    // The group it goes into is the second level; sixteen is the deepest.
    assert_eq!((report.added, report.refused, report.groups, report.skipped), (22, 1, 14, 0));
    let refused = report.notes.iter().find(|note| matches!(note.what, What::Refused(_))).unwrap();
    assert_eq!(refused.title, plain("too much"));
    assert_eq!(report.notes.iter().filter(|note| note.what == What::Flattened).count(), 7);
    vault.take(imported);
    let find = |title: &str| vault.store.entries().find(|entry| entry.content.title.as_str() == title);
    let first = find("A & B").unwrap();
    assert_eq!(first.group, group_id(2));
    assert_eq!(first.content.password.expose(), "p\u{e4}ss");
    assert_eq!(first.content.urls, ["https://a.example", "https://b.example"].map(plain));
    // Codes by counter are not ours to make, and stay a field.
    assert!(first.content.totp.is_none() && first.content.field("otp").unwrap().protected);
    assert_eq!(vault.rest.contents[&first.content.attachments[0].content], [0, 1, 2, 255]);
    assert_eq!(find("in 19").unwrap().group, find("in 12").unwrap().group);
    let again = vault.import(&file, Format::Kdbx, group_id(2)).unwrap();
    assert_eq!((again.report.added, again.report.skipped), (0, 22));
}

#[test]
fn a_file_of_keepassxc_with_a_key_file_comes_in() {
    const FILE: &[u8] = include_bytes!("../../../kdbx/tests/kdbx/fixtures/aes-kdf.kdbx");
    const KEY: &[u8] = include_bytes!("../../../kdbx/tests/kdbx/fixtures/aes-kdf.keyx");
    let mut vault = Vault::default();
    let mut with = |key_file| {
        let (random, blocks) = (&mut crate::common::Seeded(9), &mut [][..]);
        let room = crate::common::ROOM;
        let mut means =
            Means { passphrase: b"fixture", key_file, blocks, random, now_s: crate::common::NOW_S, room };
        import(FILE, Format::Kdbx, &vault.store, &mut vault.rest, GroupId::ROOT, &mut means)
    };
    assert_eq!(with(None).err(), Some(TransferError::Kdbx(KdbxError::WrongKey)));
    let imported = with(Some(KEY)).unwrap();
    vault.take(imported);
    let entry = vault.store.entries().find(|entry| entry.content.title.as_str() == "Entry").unwrap();
    assert_eq!(entry.content.password.expose(), "s\u{e9}cret");
    let note = &entry.content.attachments[0];
    assert_eq!(note.name.as_str(), "note.txt");
    assert_eq!(vault.rest.contents[&note.content], b"attached by KeePassXC\n");
}

#[test]
fn what_is_not_taken_over_is_counted() {
    let mut database =
        vault_app_kdbx::Database::new(NewDatabase { name: "n", root: Uuid([1; 16]), now: Time(5) });
    let mut root = database.group_mut(Uuid([1; 16])).unwrap();
    let mut entry = root.add_entry(Uuid([2; 16]), Time(-5));
    entry.set_custom_data("plugin", "x");
    entry.element().child_or_new("OverrideURL").set_text("cmd://x");
    for number in 0..12 {
        entry.set_field("Password", &number.to_string(), Protection::Protected);
        entry.archive(None);
    }
    let key = CompositeKey::new(Some(PASSPHRASE), None).unwrap();
    let options = Options {
        cipher: Cipher::ChaCha20,
        compression: Compression::Gzip,
        kind: ArgonKind::D,
        cost: crate::common::cheap(),
    };
    let mut blocks = vec![Block::new(); crate::common::cheap().blocks()];
    let file = save(&database, &key, &options, &mut crate::common::Seeded(3), &mut blocks).unwrap();
    let imported = Vault::default().import(&file, Format::Kdbx, GroupId::ROOT).unwrap();
    let left_out = [(LeftOut::Versions, 2), (LeftOut::Looks, 1), (LeftOut::PluginData, 1)];
    assert_eq!(imported.report.left_out, left_out);
    let entry = imported.changes.entries().next().unwrap();
    assert_eq!((entry.times.created_s, entry.history.len()), (0, 10));
    assert_eq!(entry.history[0].content.password.expose(), "11");
}
