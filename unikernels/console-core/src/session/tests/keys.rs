//! Sessions with keys for signing.

use super::*;
use ipc_proto_vault_api::keys::{Grant, Pending};

#[test]
fn keys_are_made_listed_lent_and_removed() {
    let world = check_in(
        opened,
        &[
            "vault key ls",
            "vault key make me@example",
            "vault key ls",
            "vault allow builder 66687aadf862bd77 once",
            "vault allow builder 66687aadf862bd77 600",
            "vault allow builder 66687aadf862bd78 600",
            "vault disallow builder 66687aadf862bd77",
            "vault allow mailer 66687aadf862bd77 1",
            "vault key rm 66687aadf862bd77",
            "",
            "vault key rm 66687aadf862bd77",
            "y",
            "vault key rm 66687aadf862bd77",
            "y",
        ],
        &[
            "skep> vault key ls",
            "0 keys",
            "skep> vault key make me@example",
            "66687aadf862bd77  ssh-ed25519 AAAAmade me@example",
            "skep> vault key ls",
            "66687aadf862bd77  ssh-ed25519 AAAAmade me@example",
            "1 key",
            "skep> vault allow builder 66687aadf862bd77 once",
            "builder may sign once with 66687aadf862bd77.",
            "skep> vault allow builder 66687aadf862bd77 600",
            "builder may sign with 66687aadf862bd77 for 600 seconds.",
            "skep> vault allow builder 66687aadf862bd78 600",
            "The vault has no key 66687aadf862bd78; 'vault key ls' lists them.",
            "skep> vault disallow builder 66687aadf862bd77",
            "builder may not sign with 66687aadf862bd77 any more.",
            "skep> vault allow mailer 66687aadf862bd77 1",
            "mailer may sign with 66687aadf862bd77 for 1 second.",
            "skep> vault key rm 66687aadf862bd77",
            "Remove the key 66687aadf862bd77 for good? [y/N]",
            "Nothing was changed.",
            "skep> vault key rm 66687aadf862bd77",
            "Remove the key 66687aadf862bd77 for good? [y/N] y",
            "Removed the key 66687aadf862bd77.",
            "skep> vault key rm 66687aadf862bd77",
            "Remove the key 66687aadf862bd77 for good? [y/N] y",
            "The vault has no key 66687aadf862bd77; 'vault key ls' lists them.",
        ],
    );
    let mut machine = world.machine.borrow_mut();
    let allowed = &machine.vault("vault").allowed;
    assert_eq!(*allowed, [("mailer".into(), 0x6668_7aad_f862_bd77, Grant::Seconds(1))]);
}

#[test]
fn a_private_key_is_pasted_as_it_is_and_not_shown() {
    let mut world = FakeWorld::new();
    opened(&mut world);
    let shown = play(
        &mut world,
        &[
            "vault key import",
            "key-pass",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "b3BlbnNzaC1rZXk=",
            "-----END OPENSSH PRIVATE KEY-----",
            ".",
            "vault key import",
            "",
            "-----BEGIN SOMETHING ELSE-----",
            ".",
        ],
    );
    let lines: Vec<&str> = shown.lines().collect();
    let ask =
        "Paste the OpenSSH private key, then a line with a single dot; Ctrl-C gives up. Nothing is shown.";
    assert_eq!(
        lines,
        [
            "skep> vault key import",
            "Passphrase of the key, if it has one:",
            ask,
            "87 bytes came.",
            "000000000000feed  ssh-ed25519 AAAAimported me@example",
            "skep> vault key import",
            "Passphrase of the key, if it has one:",
            ask,
            "31 bytes came.",
            "The file is of another format, or damaged, or its passphrase is another.",
        ]
    );
}

#[test]
fn requests_that_were_refused_are_listed() {
    let ask = |world: &mut FakeWorld| {
        opened(world);
        let pending = Pending { qube: Text::truncated("build\x1ber"), id: 255, seconds_ago: 12 };
        world.machine.borrow_mut().vault("vault").pending.push(pending);
    };
    check_in(
        ask,
        &["vault requests"],
        &[
            "skep> vault requests",
            "build␛er         00000000000000ff  12 seconds ago",
            "'vault allow QUBE KEY once' lets one try again.",
        ],
    );
    check(&["vault requests"], &["skep> vault requests", "No request to sign waits for your consent."]);
}
