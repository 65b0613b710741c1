//! Sessions with several vaults, and clones.

use super::*;
use crate::fake_vault::Kept;
use ipc_proto_vault_api::{Storage, VaultError};

/// An open vault with two entries, and an empty one.
fn two(world: &mut FakeWorld) {
    opened(world);
    world.add_vault("vault-work");
    let entry = |title: &str| Kept {
        title: title.into(),
        user: "me".into(),
        password: format!("pw of {title}"),
        ..Kept::default()
    };
    world.machine.borrow_mut().vault("vault").entries = [entry("github"), entry("bank")].into();
}

#[test]
fn a_vault_is_addressed_by_the_name_of_its_qube() {
    let world = check_in(
        two,
        &[
            "vault-work ls",
            "vault-work init",
            "other",
            "other",
            "vault-work add mail --generate 12",
            "vault-work rm mail",
            "vault-work lock",
            "vault-work ls",
            "ls",
            "vault-work shwo",
            "vault-play ls",
        ],
        &[
            "skep> vault-work ls",
            "vault-work has no passphrase yet: run 'vault-work init'.",
            "skep> vault-work init",
            "New passphrase:",
            "Once more:",
            "Deriving the key (Argon2id) ...",
            "vault-work is open. Nobody can open it again without the passphrase, nor restore it.",
            "Its entries are in memory: they end with the qube.",
            "skep> vault-work add mail --generate 12",
            "Added 'mail' with a password of 12 characters, 153.72 bits.",
            "skep> vault-work rm mail",
            "'mail' is in the bin: 'vault-work restore' takes it out.",
            "skep> vault-work lock",
            "vault-work is locked.",
            "skep> vault-work ls",
            "vault-work is locked: run 'vault-work unlock'.",
            "skep> ls",
            "TITLE                    GROUP                USER                         CODES",
            "bank                                          me",
            "github                                        me",
            "2 entries",
            "skep> vault-work shwo",
            "The vault has no command 'shwo'. Did you mean 'vault show'?",
            "skep> vault-play ls",
            "Unknown command 'vault-play'. Type 'help'.",
        ],
    );
    let mut machine = world.machine.borrow_mut();
    assert_eq!(machine.vault("vault").entries.len(), 2);
    assert_eq!(machine.vault("vault-work").passphrase.as_deref(), Some("other"));
}

#[test]
fn a_clone_has_the_data_and_a_passphrase_of_its_own() {
    let mut world = FakeWorld::new();
    two(&mut world);
    let shown = play(&mut world, &["clone vault vault-work", "clone-pass", "clone-pass", "vault-work ls"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            "skep> clone vault vault-work",
            "New passphrase, for the clone:",
            "Once more:",
            "vault: sealing its data for the way ...",
            "vault-work: making an empty vault ...",
            "vault-work: taking in 9116 bytes ...",
            "vault-work is open and holds 2 entries: a vault of its own, with its own passphrase.",
            "skep> vault-work ls",
            "TITLE                    GROUP                USER                         CODES",
            "bank                                          me",
            "github                                        me",
            "2 entries",
        ]
    );
    let mut machine = world.machine.borrow_mut();
    let clone = machine.vault("vault-work");
    assert_eq!(clone.passphrase.as_deref(), Some("clone-pass"));
    assert_eq!(clone.entry("bank").password, "pw of bank");
    // 32 random bytes as hex, in nobody's sight.
    let head = String::from_utf8(clone.uploaded[..7 + 64].to_vec()).unwrap();
    let random: String = (0xa0..0xc0).map(|byte: u8| format!("{byte:02x}")).collect();
    assert_eq!(head, format!("BACKUP {random}"));
    assert!(!shown.contains(&random));
    assert_eq!(machine.vault("vault").passphrase.as_deref(), Some("pass"));
}

#[test]
fn what_can_not_be_cloned_is_said_before_a_passphrase_is_asked_for() {
    check_in(
        |world| {
            two(world);
            world.add_vault("vault-home");
            world.machine.borrow_mut().vault("vault-home").passphrase = Some("x".into());
            world.add_vault("vault-lost");
            world.machine.borrow_mut().vault("vault-lost").unavailable = true;
        },
        &[
            "clone vault nothing",
            "clone nothing vault",
            "clone vault vault",
            "clone vault vault-home",
            "clone vault vault-lost",
            "clone vault-home vault-work",
            "clone vault-work vault-home",
        ],
        &[
            "skep> clone vault nothing",
            "This console has no channel to a vault 'nothing'.",
            "skep> clone nothing vault",
            "This console has no channel to a vault 'nothing'.",
            "skep> clone vault vault",
            "A vault can't be cloned into itself.",
            "skep> clone vault vault-home",
            "vault-home is not empty: a vault is cloned into one without a passphrase.",
            "skep> clone vault vault-lost",
            "vault-lost can't reach its volume, or there is something else on it. Nothing is written to it.",
            "skep> clone vault-home vault-work",
            "vault-home is locked: run 'vault-home unlock'.",
            "skep> clone vault-work vault-home",
            "vault-work has no passphrase yet: run 'vault-work init'.",
        ],
    );
}

/// Plays a clone that goes wrong; gives what was said at the end.
fn failed(prepare: impl FnOnce(&mut FakeWorld)) -> String {
    let mut world = FakeWorld::new();
    two(&mut world);
    prepare(&mut world);
    let shown = play(&mut world, &["clone vault vault-work", "cp", "cp"]);
    let (_, said) = shown.rsplit_once(" ...\n").unwrap();
    said.into()
}

#[test]
fn a_clone_that_fails_says_what_is_left_and_how_to_get_rid_of_it() {
    let left = "vault-work is left with the passphrase you gave and without the data. 'vault-work import kdbx' and \
                'vault-work import backup' can still fill it;\n";
    let said = failed(|world| world.machine.borrow_mut().denied = Some("vault-files.export"));
    assert_eq!(said, "The policy denies this call to vault.\n", "nothing is left yet");

    let said = failed(|world| world.machine.borrow_mut().denied = Some("vault-files.upload"));
    let erase = "'kill vault-work' gets rid of it.\n";
    assert_eq!(said, format!("The policy denies this call to vault-work.\n{left}{erase}"));

    let said = failed(|world| {
        let mut machine = world.machine.borrow_mut();
        let clone = machine.vault("vault-work");
        (clone.storage, clone.import_fails) = (Storage::Volume, Some(VaultError::BadFile));
    });
    let bad = "The file is of another format, or damaged, or its passphrase is another.\n";
    let erase = "to get rid of it, erase its volume with 'call volumes.erase'.\n";
    assert_eq!(said, format!("{bad}{left}{erase}"));

    let said = failed(|world| {
        let mut machine = world.machine.borrow_mut();
        let clone = machine.vault("vault-work");
        clone.upload_max = 5_000;
    });
    assert!(said.starts_with("vault-work is full.\n"), "{said}");
}

#[test]
fn without_a_vault_of_that_name_the_first_one_needs_no_name() {
    let mut world = FakeWorld::new();
    world.rename_first_vault("secrets");
    let shown = play(&mut world, &["ls", "secrets ls", "vault status"]);
    assert_eq!(
        shown,
        "skep> ls\nThe vault has no passphrase yet: run 'vault init'.\n\
         skep> secrets ls\nThe vault has no passphrase yet: run 'vault init'.\n\
         skep> vault status\nempty: run 'vault init'.\nEntries are in memory: they end with the qube.\n"
    );
}
