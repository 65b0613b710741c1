//! Sessions with the vault.

use super::*;

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
            "skep> vault add github --user me --generate 24",
            "Added 'github' with a password of 24 characters, 153.72 bits.",
            "skep> vault add bank --user me --totp",
            "Password:",
            "Once more:",
            "Secret of the one-time codes (base32):",
            "Added 'bank'.",
            "skep> ls",
            "NAME                     USER                             CODES",
            "bank                     me                               yes",
            "github                   me",
            "2 entries",
            "skep> show github",
            "name      github",
            "user      me",
            "password  hidden; --reveal shows it, 'copy-once' copies it",
            "strength  153.72 bits",
            "codes     no",
            "skep> show bank --reveal",
            "name      bank",
            "user      me",
            "password  secret-pw",
            "strength  unknown: it was not generated here",
            "codes     yes: 'totp' shows one",
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
            "Wrong passphrase. The next attempt may come in 1 second.",
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
