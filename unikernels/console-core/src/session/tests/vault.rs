//! Sessions with the vault: opening and locking it, and secrets.

use super::*;
use ipc_proto_vault_api::Storage;

#[test]
fn a_vault_is_initialised_filled_and_asked_without_a_secret_on_the_screen() {
    let world = check(
        &[
            "vault init",
            "hunter2",
            "hunter2",
            "vault add github --user me --generate 24",
            "vault add bank --user me --totp",
            "secret-pw",
            "secret-pw",
            "jbsw y3dp-ehpk 3pxp",
            "ls",
            "show github",
            "show bank --reveal",
            "totp bank",
        ],
        &[
            "skep> vault init",
            "New passphrase:",
            "Once more:",
            "Deriving the key (Argon2id) ...",
            "The vault is open. Nobody can open it again without the passphrase, nor restore it.",
            "Its entries are in memory: they end with the qube.",
            "skep> vault add github --user me --generate 24",
            "Added 'github' with a password of 24 characters, 153.72 bits.",
            "skep> vault add bank --user me --totp",
            "Password:",
            "Once more:",
            "Secret of the one-time codes (base32):",
            "Added 'bank'.",
            "skep> ls",
            "TITLE                    GROUP                USER                         CODES",
            "bank                                          me                           yes",
            "github                                        me",
            "2 entries",
            "skep> show github",
            "title     github",
            "user      me",
            "password  hidden; --reveal shows it, 'copy-once' copies it",
            "strength  153.72 bits",
            "codes     no",
            "made      2026-01-01 00:00:00",
            "id        #00000010",
            "skep> show bank --reveal",
            "title     bank",
            "user      me",
            "password  secret-pw",
            "strength  unknown: it was not generated here",
            "codes     yes: 'totp' shows one",
            "made      2026-01-01 00:00:00",
            "id        #00000011",
            "skep> totp bank",
            "287082   holds 12 s more",
        ],
    );
    let mut machine = world.machine.borrow_mut();
    let vault = machine.vault("vault");
    assert_eq!(vault.passphrase.as_deref(), Some("hunter2"));
    assert_eq!(vault.entry("bank").totp.as_ref().unwrap().0, "JBSWY3DPEHPK3PXP");
    assert_eq!(vault.entry("github").password.len(), 24);
}

#[test]
fn a_locked_vault_is_opened_by_the_right_passphrase_only() {
    let world = check_in(
        opened,
        &["lock", "ls", "lock", "unlock", "wrong", "unlock", "vault status"],
        &[
            "skep> lock",
            "The vault is locked.",
            "skep> ls",
            "The vault is locked: run 'unlock'.",
            "skep> lock",
            "The vault is locked already.",
            "skep> unlock",
            "Passphrase:",
            "Deriving the key (Argon2id) ...",
            "Wrong passphrase. The next attempt may come in 2 seconds.",
            "skep> unlock",
            "Too soon after a wrong passphrase: wait 2 seconds.",
            "skep> vault status",
            "locked. Too soon after a wrong passphrase: wait 2 seconds.",
            "Entries are in memory: they end with the qube.",
        ],
    );
    world.machine.borrow_mut().vault("vault").retry_after_ms = 0;
    let mut world = world;
    let shown = play(&mut world, &["unlock", "pass", "unlock", "vault status"]);
    let shown: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with("Skep")).skip(1).collect();
    assert_eq!(
        shown,
        [
            "skep> unlock",
            "Passphrase:",
            "Deriving the key (Argon2id) ...",
            "The vault is open: no entries.",
            "skep> unlock",
            "The vault is open already.",
            "skep> vault status",
            "open, no entries.",
            "Entries are in memory: they end with the qube.",
        ]
    );
}

#[test]
fn the_passphrase_is_changed_when_the_old_one_is_known() {
    let world = check_in(
        opened,
        &["passwd", "nope", "new", "new", "passwd", "pass", "new", "other", "passwd", "pass", "new", "new"],
        &[
            "skep> passwd",
            "Old passphrase:",
            "New passphrase:",
            "Once more:",
            "Deriving the key (Argon2id) ...",
            "Wrong passphrase. The next attempt may come in 2 seconds.",
            "skep> passwd",
            "Old passphrase:",
            "New passphrase:",
            "Once more:",
            "The two differ; nothing was done.",
            "skep> passwd",
            "Old passphrase:",
            "New passphrase:",
            "Once more:",
            "Deriving the key (Argon2id) ...",
            "The passphrase is changed.",
        ],
    );
    assert_eq!(world.machine.borrow_mut().vault("vault").passphrase.as_deref(), Some("new"));
}

#[test]
fn an_empty_vault_says_how_to_begin() {
    check(
        &["ls", "unlock", "lock", "add x", "vault status", "show x"],
        &[
            "skep> ls",
            "The vault has no passphrase yet: run 'vault init'.",
            "skep> unlock",
            "The vault has no passphrase yet: run 'vault init'.",
            "skep> lock",
            "The vault has no passphrase yet: run 'vault init'.",
            "skep> add x",
            "The vault has no passphrase yet: run 'vault init'.",
            "skep> vault status",
            "empty: run 'vault init'.",
            "Entries are in memory: they end with the qube.",
            "skep> show x",
            "The vault has no passphrase yet: run 'vault init'.",
        ],
    );
    check_in(
        opened,
        &["vault init", "ls", "show x"],
        &[
            "skep> vault init",
            "The vault has a passphrase already: 'unlock' opens it, 'passwd' changes it.",
            "skep> ls",
            "no entries",
            "skep> show x",
            "The vault has no entry 'x'.",
        ],
    );
}

#[test]
fn a_copied_password_is_cleared_after_thirty_seconds() {
    let mut world = FakeWorld::new();
    opened(&mut world);
    world.terminal.script.push_back(Step::Type(b"add x --generate 9\rcopy-once x\r".to_vec()));
    world.terminal.script.push_back(Step::Pass(29_999));
    world.terminal.script.push_back(Step::Type(b"vault status\r".to_vec()));
    run(&mut world, Colour::Never);
    assert_eq!(world.terminal.clipboard, ["Z2VuZXJhdGVk"], "in base64, and still there");
    let text = world.terminal.text();
    assert!(!text.contains("generated") && text.contains("Cleared in 30 seconds"), "{text}");

    let mut world = FakeWorld::new();
    opened(&mut world);
    world.terminal.script.push_back(Step::Type(b"add x --generate 9\rcopy-once x\rhalf a li".to_vec()));
    world.terminal.script.push_back(Step::Pass(30_000));
    world.terminal.script.push_back(Step::Type(b"ne\r".to_vec()));
    run(&mut world, Colour::Never);
    assert_eq!(world.terminal.clipboard, ["Z2VuZXJhdGVk", "IA==", "!"]);
    assert!(world.terminal.text().contains("skep> half a line\n"), "typing is not disturbed");
}

#[test]
fn locking_and_switching_off_clear_the_clipboard_at_once() {
    for last in ["lock", "poweroff"] {
        let mut world = FakeWorld::new();
        opened(&mut world);
        play(&mut world, &["add x --generate 9", "copy-once x", last]);
        assert_eq!(world.terminal.clipboard, ["Z2VuZXJhdGVk", "IA==", "!"], "{last}");
    }
}

#[test]
fn secrets_too_long_or_given_up_change_nothing() {
    let mut world = FakeWorld::new();
    let long = "p".repeat(257);
    world.terminal.script.push_back(Step::Type(b"vault init\rabc\x03".to_vec()));
    world.terminal.script.push_back(Step::Type(b"vault init\r\x04".to_vec()));
    let shown = play(&mut world, &["vault init", "", "vault init", &long, "vault init", "one", "two"]);
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(
        shown,
        [
            "skep> vault init",
            "New passphrase: ^C",
            "Given up; nothing was done.",
            "skep> vault init",
            "New passphrase:",
            "Given up; nothing was done.",
            "skep> vault init",
            "New passphrase:",
            "It must not be empty.",
            "skep> vault init",
            "New passphrase:",
            "That is longer than 256 bytes; nothing was done.",
            "skep> vault init",
            "New passphrase:",
            "Once more:",
            "The two differ; nothing was done.",
        ]
    );
    assert_eq!(world.machine.borrow_mut().vault("vault").passphrase, None);
}

/// 32 bytes, as they stand in a key file.
const KEY_FILE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[test]
fn a_vault_with_a_key_file_asks_for_it_whenever_it_is_needed() {
    let world = check(
        &[
            "vault init --key-file",
            "pass",
            "pass",
            KEY_FILE,
            "lock",
            "unlock",
            "pass",
            KEY_FILE,
            "vault status",
        ],
        &[
            "skep> vault init --key-file",
            "New passphrase:",
            "Once more:",
            "Key file (base64):",
            "Deriving the key (Argon2id) ...",
            "The vault is open. Nobody can open it again without the passphrase, nor restore it.",
            "Its entries are in memory: they end with the qube.",
            "skep> lock",
            "The vault is locked.",
            "skep> unlock",
            "Passphrase:",
            "Key file (base64):",
            "Deriving the key (Argon2id) ...",
            "The vault is open: no entries.",
            "skep> vault status",
            "open, no entries.",
            "Entries are in memory: they end with the qube.",
            "It opens with a passphrase and a key file.",
        ],
    );
    let mut machine = world.machine.borrow_mut();
    assert_eq!(machine.vault("vault").key_file, Some((0..32).collect()));
}

#[test]
fn another_passphrase_keeps_the_key_file_unless_told_otherwise() {
    let other = KEY_FILE.replace('A', "B");
    let world = check_in(
        |world| {
            opened(world);
            world.machine.borrow_mut().vault("vault").key_file = Some((0..32).collect());
        },
        &[
            "passwd",
            "pass",
            KEY_FILE,
            "new",
            "new",
            "passwd --key-file",
            "new",
            KEY_FILE,
            "new",
            "new",
            &other,
            "passwd --no-key-file",
            "new",
            KEY_FILE,
            "new",
            "new",
        ],
        &[
            "skep> passwd",
            "Old passphrase:",
            "Key file (base64):",
            "New passphrase:",
            "Once more:",
            "Deriving the key (Argon2id) ...",
            "The passphrase is changed.",
            "skep> passwd --key-file",
            "Old passphrase:",
            "Key file (base64):",
            "New passphrase:",
            "Once more:",
            "New key file (base64):",
            "Deriving the key (Argon2id) ...",
            "The passphrase is changed.",
            "skep> passwd --no-key-file",
            "Old passphrase:",
            "Key file (base64):",
            "New passphrase:",
            "Once more:",
            "Deriving the key (Argon2id) ...",
            "Wrong passphrase. The next attempt may come in 2 seconds.",
        ],
    );
    let mut machine = world.machine.borrow_mut();
    let vault = machine.vault("vault");
    assert_eq!(vault.passphrase.as_deref(), Some("new"));
    assert_eq!(vault.key_file.as_ref().map(Vec::len), Some(32));
}

#[test]
fn a_key_file_that_is_none_changes_nothing() {
    let long = "AAAA".repeat(342);
    for (typed, said) in [
        ("", "That is no base64, or empty; nothing was done."),
        ("no base64!", "That is no base64, or empty; nothing was done."),
        ("AAA", "That is no base64, or empty; nothing was done."),
        (&long, "That is no base64, or empty; nothing was done."),
        (&(long.clone() + "AAAA"), "A key file has 1024 bytes at most; nothing was done."),
    ] {
        let mut world = FakeWorld::new();
        let shown = play(&mut world, &["vault init --key-file", "pass", "pass", typed]);
        assert!(shown.ends_with(&format!("Key file (base64):\n{said}\n")), "{shown}");
        assert_eq!(world.machine.borrow_mut().vault("vault").passphrase, None);
    }
}

#[test]
fn how_things_stand_says_where_entries_are_and_what_locks() {
    check_in(
        |world| {
            opened(world);
            world.machine.borrow_mut().vault("vault").storage = Storage::Volume;
        },
        &[
            "vault auto-lock 300",
            "vault status",
            "vault auto-lock never",
            "lock",
            "vault status",
            "vault auto-lock 5",
        ],
        &[
            "skep> vault auto-lock 300",
            "The vault locks itself after 300 seconds without a command.",
            "skep> vault status",
            "open, no entries.",
            "Entries are kept on a volume, which was written 17 times.",
            "It locks itself after 300 seconds without a command.",
            "skep> vault auto-lock never",
            "The vault stays open until it is locked.",
            "skep> lock",
            "The vault is locked.",
            "skep> vault status",
            "locked.",
            "Entries are kept on a volume.",
            "skep> vault auto-lock 5",
            "The vault is locked: run 'unlock'.",
        ],
    );
    let lost = "vault can't reach its volume, or there is something else on it. Nothing is written to it.";
    let world = check_in(
        |world| world.machine.borrow_mut().vault("vault").unavailable = true,
        &["vault status", "vault init", "unlock", "lock", "add x"],
        &[
            "skep> vault status",
            lost,
            "skep> vault init",
            lost,
            "skep> unlock",
            lost,
            "skep> lock",
            lost,
            "skep> add x",
            lost,
        ],
    );
    assert_eq!(world.machine.borrow_mut().vault("vault").passphrase, None);
}

#[test]
fn a_killed_vault_on_a_volume_still_has_its_entries() {
    check_in(
        |world| {
            opened(world);
            world.machine.borrow_mut().vault("vault").storage = Storage::Volume;
        },
        &["add x --generate 9", "kill vault", "ls", "unlock", "pass"],
        &[
            "skep> add x --generate 9",
            "Added 'x' with a password of 9 characters, 153.72 bits.",
            "skep> kill vault",
            "vault is ended; it starts again as generation 2.",
            "skep> ls",
            "vault restarted (generation 2); its entries are kept, and locked: run 'unlock'.",
            "skep> unlock",
            "Passphrase:",
            "Deriving the key (Argon2id) ...",
            "The vault is open: 1 entry.",
        ],
    );
}

#[test]
fn no_secret_that_was_typed_is_shown_or_comes_back_from_history() {
    let mut world = FakeWorld::new();
    let secrets = ["pass-0", "pw-1", "JBSWY3DP", "note-2", "value-3", KEY_FILE, "file-pass-4"];
    let up = "\x1b[A".repeat(9) + "\x15";
    let [pass, password, base32, note, value, key_file, file_pass] = secrets;
    let shown = play(
        &mut world,
        &[
            "vault init --key-file",
            pass,
            pass,
            key_file,
            "add x --totp",
            password,
            password,
            base32,
            "edit x --notes --field f --protected",
            note,
            ".",
            value,
            "vault import kdbx",
            file_pass,
            "S0RCWCA=",
            ".",
            "show x",
            "ls",
            "vault history x",
            &up,
            "vault status",
        ],
    );
    for secret in secrets.iter().chain(&["S0RCWCA"]) {
        assert!(!shown.contains(secret), "{secret} in\n{shown}");
    }
    assert!(shown.contains("open, 1 entry."), "{shown}");
}
