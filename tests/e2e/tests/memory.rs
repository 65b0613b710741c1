//! What is left in the machine's memory after the vault was locked or ended: dumps of all of it, searched for 64 secrets of every
//! kind, as they were typed and as they are kept; and the disk, searched for the same.

use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha512};
use tests_e2e::canary::{self, Canaries};
use tests_e2e::{Terminal, blank_disk, dump, plain, root, skep};

/// Typed where it is no secret, to show that the search finds what is there.
const MARKER: &str = "planted-marker-51d0be";
/// A key whose private half everybody knows.
const SSH_KEY: &str = include_str!("../../../vault-app/signing/tests/keys/plain");
/// How many are planted at least.
const PLANTED: usize = 64;

/// What opens the vault now.
struct Opens {
    passphrase: String,
    key_file: String,
}

impl Opens {
    fn plant(canaries: &mut Canaries, name: &str) -> Self {
        let passphrase = canaries.plant(&format!("{name} passphrase"));
        let key_file = canaries.plant(&format!("{name} key file"));
        Self { passphrase, key_file: Base64::encode_string(key_file.as_bytes()) }
    }
}

/// The machine, what it listens on, and what was planted in it.
struct Planted {
    t: Terminal,
    canaries: Canaries,
    socket: PathBuf,
    file: PathBuf,
}

impl Planted {
    fn start(disk: &str) -> Self {
        let folder = root().join("target/e2e");
        let image = folder.join("first.img");
        let _ = std::fs::create_dir_all(&folder);
        let built = skep(&["image", "desktop", "-o", &image.to_string_lossy()]).output().expect("cargo runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let (socket, file) = (folder.join("qmp.sock"), folder.join("memory.bin"));
        let _ = std::fs::remove_file(&socket);
        let qmp = format!("unix:{},server=on,wait=off", socket.display());
        let arguments =
            ["run", "desktop", "--no-color", "--disk", disk, "--disk-size", "256", "--", "-qmp", &qmp];
        let t = Terminal::open(skep(&arguments));
        Self { t, canaries: Canaries::new(), socket, file }
    }

    fn dump(&self) -> Vec<u8> {
        let memory = dump(&self.socket, &self.file);
        let marked = memchr::memmem::find(&memory, MARKER.as_bytes());
        assert!(marked.is_some(), "the search does not find what is no secret");
        memory
    }

    fn does(&mut self, command: &str, secrets: &[&str], expected: &str) -> String {
        let shown = self.t.secret_command(command, secrets);
        assert!(shown.contains(expected), "{command}: {shown}");
        shown
    }

    fn pastes(&mut self, command: &str, secrets: &[&str], file: &[u8], expected: &str) {
        let encoded = Base64::encode_string(file);
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap_or("")).collect();
        let shown = self.t.paste_command(command, secrets, &lines);
        assert!(shown.contains(expected), "{command}: {shown}");
    }

    /// The vault with a passphrase and a key file, which were changed once, after a wrong try.
    fn make(&mut self) -> Opens {
        let (first, opens) =
            (Opens::plant(&mut self.canaries, "first"), Opens::plant(&mut self.canaries, "second"));
        let Opens { passphrase, key_file } = &first;
        self.does("vault init --key-file", &[passphrase, passphrase, key_file], "is open");
        let new = [&*opens.passphrase, &opens.passphrase, &opens.key_file];
        let words = [&[&**passphrase, key_file], &new[..]].concat();
        self.does("vault passwd --key-file", &words, "is changed");
        self.does("lock", &[], "is locked");
        let wrong = Opens::plant(&mut self.canaries, "wrong");
        self.does("unlock", &[&wrong.passphrase, &wrong.key_file], "Wrong");
        self.t.until_vault_may_be_tried();
        self.unlock(&opens);
        opens
    }

    fn unlock(&mut self, opens: &Opens) {
        self.does("unlock", &[&opens.passphrase, &opens.key_file], "is open");
    }

    /// Passwords: given, changed, revealed, copied, generated.
    fn plant_passwords(&mut self) {
        for number in 0..12 {
            let password = self.canaries.plant(&format!("password {number}"));
            self.does(&format!("add e{number} --user me"), &[&password, &password], "Added");
        }
        for number in 0..6 {
            let password = self.canaries.plant(&format!("changed password {number}"));
            self.does(&format!("edit e{number} --password"), &[&password, &password], "another password");
            assert!(self.t.command(&format!("show e{number} --reveal")).contains(&password));
        }
        assert!(self.t.command("vault history e1 --reveal").contains(&canary::text("password 1", 24)));
        let _ = self.t.command("copy-once e2");
        for number in 0..4 {
            let is_words = number % 2 == 1;
            let how = if is_words { "--words 8 --separator +#" } else { "--generate 32" };
            let _ = self.t.command(&format!("add g{number} {how}"));
            let shown = plain(&self.t.command(&format!("show g{number} --reveal")));
            let password =
                shown.lines().find_map(|line| line.strip_prefix("password  ")).expect("it shows one");
            let (name, password) = (format!("generated {number}"), password.trim());
            if is_words {
                self.canaries.add_words(&name, password);
            } else {
                self.canaries.add(&name, password.as_bytes());
            }
        }
    }

    /// Notes, fields, secrets of one-time codes, attachments.
    fn plant_parts(&mut self) {
        for number in 0..4 {
            let notes = [0, 1].map(|line| self.canaries.plant(&format!("notes {number} {line}")));
            self.t.keys(&format!("edit e{number} --notes\r"));
            self.t.until("ends them.");
            self.t.keys(&format!("{}\r{}\r.\r", notes[0], notes[1]));
            assert!(self.t.until("skep> ").contains("Changed"));
            let value = self.canaries.plant(&format!("field {number}"));
            self.does(&format!("edit e{number} --field pin --protected"), &[&value], "Changed");
            let secret = canary::base32(&format!("totp {number}"));
            self.canaries.add(&format!("totp {number}"), secret.as_bytes());
            self.canaries.add(&format!("totp bytes {number}"), &canary::base32_bytes(&secret));
            self.does(&format!("edit e{number} --totp"), &[&secret], "Changed");
            assert!(self.t.command(&format!("totp e{number}")).contains("holds"));
            let content = self.canaries.plant(&format!("attached {number}"));
            let padding = "=".repeat(number * 1999);
            let file = format!("{content}{padding}{content}");
            self.pastes(&format!("vault attach e{number} f"), &[], file.as_bytes(), "Attached");
        }
        assert!(self.t.command("vault notes e1").contains(&canary::text("notes 1 1", 24)));
        assert!(self.t.command("vault field e1 pin").contains(&canary::text("field 1", 24)));
        assert!(self.t.command("vault fetch e1 f").contains("END SKEP FILE"));
    }

    /// Files that come in and go out.
    fn plant_files(&mut self) {
        let mut csv = String::from("name,url,username,password,note\n");
        for number in 0..8 {
            let password = self.canaries.plant(&format!("imported {number}"));
            let note = self.canaries.plant(&format!("imported note {number}"));
            csv += &format!("c{number},https://c{number}.example/,me,{password},{note}\n");
        }
        self.pastes("vault import csv", &[], csv.as_bytes(), "Added 8 entries");
        let json = [0, 1].map(|number| {
            let password = self.canaries.plant(&format!("bitwarden {number}"));
            format!(r#"{{"type":1,"name":"b{number}","login":{{"username":"me","password":"{password}"}}}}"#)
        });
        let json = format!(r#"{{"encrypted":false,"folders":[],"items":[{}]}}"#, json.join(","));
        self.pastes("vault import bitwarden", &[], json.as_bytes(), "Added 2 entries");
        for format in ["kdbx", "backup"] {
            let passphrase = self.canaries.plant(&format!("passphrase of {format}"));
            let shown =
                plain(&self.does(&format!("vault export {format}"), &[&passphrase, &passphrase], "END"));
            let lines = shown.lines().skip_while(|line| !line.starts_with("-----BEGIN"));
            let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("-----END")).collect();
            let (command, expected) = if format == "kdbx" {
                ("vault import kdbx", "were there already")
            } else {
                ("vault verify", "is whole")
            };
            let shown = self.t.paste_command(command, &[&passphrase], &lines);
            assert!(shown.contains(expected), "{command}: {shown}");
        }
    }

    /// A key for signing: its seed, and what RFC 8032 makes of it.
    fn plant_key(&mut self) {
        let body: String = SSH_KEY.lines().filter(|line| !line.starts_with('-')).collect();
        let file = Base64::decode_vec(&body).expect("it is base64");
        let at = memchr::memmem::rfind(&file, &[0, 0, 0, 64]).expect("the private half is 64 bytes");
        let seed = &file[at + 4..at + 36];
        self.canaries.add("seed of the key", seed);
        let expanded: [u8; 64] = Sha512::digest(seed).into();
        self.canaries.add("hash of the seed", &expanded);
        let lines: Vec<&str> = SSH_KEY.lines().collect();
        let shown = self.t.paste_command("vault key import", &[""], &lines);
        assert!(shown.contains("ssh-ed25519"), "{shown}");
    }
}

#[test]
fn a_locked_or_ended_vault_leaves_none_of_64_canaries_in_memory_nor_on_the_disk() {
    let disk = blank_disk("memory");
    let mut planted = Planted::start(&disk);
    let _ = planted.t.command(&format!("say echo {MARKER}"));
    let opens = planted.make();
    planted.plant_passwords();
    planted.plant_parts();
    planted.plant_files();
    planted.plant_key();
    assert!(planted.canaries.count() >= PLANTED, "{} were planted", planted.canaries.count());
    let found = planted.canaries.found(&planted.dump());
    for stored in ["password 7", "changed password 3", "notes 2 0", "field 0", "imported 5", "bitwarden 1"] {
        let held = found.iter().any(|(name, _)| *name == stored);
        assert!(held, "the search does not find {stored}, which an open vault holds");
    }

    // The last thing before: what nothing that came later could have overwritten by chance.
    assert!(planted.t.command("show e4 --reveal").contains(&canary::text("changed password 4", 24)));
    planted.does("lock", &[], "is locked");
    let locked = planted.dump();
    planted.unlock(&opens);
    assert!(planted.t.command("show e3 --reveal").contains(&canary::text("changed password 3", 24)));
    let _ = planted.t.command("kill vault");
    // The answer to the next call comes from the new life, so the memory of the old one is zeroed by then.
    assert!(planted.t.command("ls").contains("restarted"));
    let ended = planted.dump();
    let Planted { t, canaries, .. } = planted;
    assert_eq!(t.power_off().0, 0);
    canaries.assert_none(&locked, "after lock");
    canaries.assert_none(&ended, "after kill");
    canaries.assert_none(&std::fs::read(Path::new(&disk)).expect("the disk"), "on the disk");
}
