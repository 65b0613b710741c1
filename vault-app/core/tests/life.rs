//! Lives of a vault on one disk: what stays, what opens it, what a failing disk leaves.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Hand, SECTORS, Slab, caller, entry, keys, keys_and_file, life, text, titles};
use ipc_proto_vault_api::{State, Storage, Vault, VaultError};
use tests_disk::{Cut, Random, SimDisk};

fn blank() -> Slab {
    Slab::new(SimDisk::new(SECTORS))
}

/// A disk with a store of these entries, opened by `p`.
fn with(entries: &[&str]) -> Slab {
    let slab = blank();
    life(&slab, 1, &Hand::default(), |vault| {
        vault.init(&caller(), keys("p")).unwrap();
        for title in entries {
            vault.add(&caller(), entry(title)).unwrap();
        }
    });
    slab
}

#[test]
fn what_was_added_is_there_in_the_next_life() {
    let slab = with(&["b", "a"]);
    life(&slab, 2, &Hand::default(), |vault| {
        let status = vault.status(&caller());
        assert_eq!((status.state, status.entries, status.storage), (State::Locked, 0, Storage::Volume));
        assert_eq!(vault.init(&caller(), keys("q")), Err(VaultError::AlreadyInitialised));
        vault.unlock(&caller(), keys("p")).unwrap();
        assert_eq!(titles(vault), ["a", "b"]);
        assert_eq!(*vault.copy_once(&caller(), text("a")).unwrap().expose(), *"hunter2 hunter2");
        assert_eq!(vault.status(&caller()).entries, 2);
    });
}

#[test]
fn locked_it_tells_nothing_and_does_nothing() {
    let slab = with(&["a"]);
    let before = slab.disk.image();
    life(&slab, 2, &Hand::default(), |vault| {
        let locked = Err(VaultError::Locked);
        assert_eq!(vault.add(&caller(), entry("c")).map(|_| ()), locked);
        assert_eq!(Vault::list(vault, &caller(), text(""), 0).map(|_| ()), locked);
        assert_eq!(vault.show(&caller(), text("a"), true).map(|_| ()), locked);
        assert_eq!(vault.change(&caller(), keys("p"), keys("q")), locked);
        assert_eq!(vault.auto_lock(&caller(), 1), locked);
        assert_eq!(common::put_file(vault, b"x"), locked);
        assert_eq!(common::get_file(vault).map(|_| ()), locked);
        assert_eq!(ipc_proto_vault_api::keys::KeyStore::list(vault, &caller(), 0).map(|_| ()), locked);
    });
    assert!(slab.disk.image() == before);
}

#[test]
fn a_wrong_passphrase_costs_a_wait_and_an_empty_one_nothing() {
    let (slab, clock) = (with(&[]), Hand::default());
    life(&slab, 2, &clock, |vault| {
        assert_eq!(vault.unlock(&caller(), keys("")), Err(VaultError::EmptyPassphrase));
        let wrong = |retry_after_ms| Err(VaultError::WrongPassphrase { retry_after_ms });
        assert_eq!(vault.unlock(&caller(), keys("x")), wrong(1_000));
        assert_eq!(vault.unlock(&caller(), keys("p")), Err(VaultError::TooSoon { retry_after_ms: 1_000 }));
        clock.pass(999);
        assert_eq!(vault.status(&caller()).retry_after_ms, 1);
        clock.pass(1);
        assert_eq!(vault.unlock(&caller(), keys("x")), wrong(2_000));
        clock.pass(2_000);
        assert_eq!(vault.unlock(&caller(), keys("p")), Ok(()));
        assert_eq!(vault.change(&caller(), keys("x"), keys("q")), wrong(1_000));
    });
}

#[test]
fn another_passphrase_is_another_slot_and_no_other_byte_of_the_entries() {
    let slab = with(&["a", "b"]);
    let before = slab.disk.image();
    life(&slab, 2, &Hand::default(), |vault| {
        vault.unlock(&caller(), keys("p")).unwrap();
        vault.change(&caller(), keys("p"), keys("q")).unwrap();
        vault.add(&caller(), entry("c")).unwrap();
    });
    let changed = slab.disk.image();
    let sectors = before.chunks(512).zip(changed.chunks(512)).filter(|(one, two)| one != two).count();
    // Two copies of the slots, two roots, and the block of the new entry.
    assert!(sectors <= 2 * 5 + 2 + 2, "{sectors} sectors");
    life(&slab, 3, &Hand::default(), |vault| {
        assert!(vault.unlock(&caller(), keys("p")).is_err());
    });
    life(&slab, 4, &Hand::default(), |vault| {
        vault.unlock(&caller(), keys("q")).unwrap();
        assert_eq!(titles(vault), ["a", "b", "c"]);
    });
}

#[test]
fn a_key_file_is_needed_when_it_was_given() {
    let (slab, clock) = (blank(), Hand::default());
    life(&slab, 1, &clock, |vault| {
        vault.init(&caller(), keys_and_file("p", b"file")).unwrap();
        assert!(vault.status(&caller()).key_file);
    });
    life(&slab, 2, &clock, |vault| {
        assert!(vault.status(&caller()).key_file);
        for wrong in [keys("p"), keys_and_file("p", b"File"), keys_and_file("x", b"file")] {
            assert!(matches!(vault.unlock(&caller(), wrong), Err(VaultError::WrongPassphrase { .. })));
            clock.pass(300_000);
        }
        vault.unlock(&caller(), keys_and_file("p", b"file")).unwrap();
        vault.change(&caller(), keys_and_file("p", b"file"), keys("p")).unwrap();
        assert!(!vault.status(&caller()).key_file);
        vault.lock(&caller());
        vault.unlock(&caller(), keys("p")).unwrap();
    });
}

#[test]
fn it_locks_itself_when_nobody_calls_for_as_long_as_was_said() {
    let (slab, clock) = (with(&["a"]), Hand::default());
    life(&slab, 2, &clock, |vault| {
        vault.unlock(&caller(), keys("p")).unwrap();
        assert_eq!(vault.rest(), Some(15 * 60 * 1_000));
        vault.auto_lock(&caller(), 60).unwrap();
        clock.pass(59_999);
        vault.rest();
        assert_eq!(titles(vault), ["a"]);
        assert_eq!(vault.rest(), Some(59_999 + 60_000));
        // Asking how things stand is no use of it.
        clock.pass(59_999);
        assert_eq!(vault.status(&caller()).state, State::Unlocked);
        clock.pass(1);
        assert_eq!(vault.rest(), None);
        assert_eq!(vault.status(&caller()).state, State::Locked);
    });
    // It was kept.
    life(&slab, 3, &clock, |vault| {
        vault.unlock(&caller(), keys("p")).unwrap();
        assert_eq!(vault.status(&caller()).auto_lock_s, 60);
        vault.auto_lock(&caller(), 0).unwrap();
        assert_eq!(vault.rest(), None);
        clock.pass(u64::from(u32::MAX) * 1_000);
        vault.rest();
        assert_eq!(vault.status(&caller()).state, State::Unlocked);
    });
}

#[test]
fn a_disk_that_is_away_is_no_empty_store_and_comes_back() {
    let (slab, clock) = (with(&["a"]), Hand::default());
    slab.is_away.set(true);
    life(&slab, 2, &clock, |vault| {
        assert_eq!(vault.status(&caller()).state, State::Unavailable);
        assert_eq!(vault.init(&caller(), keys("q")), Err(VaultError::Storage));
        assert_eq!(vault.unlock(&caller(), keys("p")), Err(VaultError::Storage));
        slab.is_away.set(false);
        vault.unlock(&caller(), keys("p")).unwrap();
        slab.is_away.set(true);
        // What is in memory is shown; what can't be kept is refused, and nobody knows what the disk has.
        assert_eq!(titles(vault), ["a"]);
        assert_eq!(vault.add(&caller(), entry("b")).map(|_| ()), Err(VaultError::Storage));
        assert_eq!(vault.status(&caller()).state, State::Unavailable);
        slab.is_away.set(false);
        assert_eq!(vault.status(&caller()).state, State::Locked);
        vault.unlock(&caller(), keys("p")).unwrap();
        assert_eq!(titles(vault), ["a"]);
        vault.add(&caller(), entry("b")).unwrap();
        assert_eq!(titles(vault), ["a", "b"]);
    });
}

#[test]
fn a_cut_at_any_step_leaves_what_was_acknowledged() {
    let script = |vault: &mut dyn common::AllServices| -> Vec<String> {
        let mut kept = Vec::new();
        let c = &caller();
        if vault.init(c, keys("p")).is_err() {
            return kept;
        }
        kept.push("init".to_owned());
        for (number, title) in ["a", "b", "c"].into_iter().enumerate() {
            if vault.add(c, entry(title)).is_err() {
                return kept;
            }
            kept.push(title.to_owned());
            if number == 1 {
                if vault.change(c, keys("p"), keys("q")).is_err() {
                    return kept;
                }
                kept.push("change".to_owned());
            }
        }
        kept
    };
    let mut random = Random::new(7);
    let whole = blank();
    whole.disk.record();
    life(&whole, 1, &Hand::default(), script);
    let steps = whole.disk.journal_len() as u64;
    for step in 0..=steps {
        for cut in [Cut::Nothing, Cut::All, Cut::Prefix, Cut::Some, Cut::TornSector] {
            let slab = blank();
            slab.disk.die_after(step);
            let kept = life(&slab, 1, &Hand::default(), script);
            let slab = Slab::new(slab.disk.cut(cut, &mut random));
            let clock = Hand::default();
            life(&slab, 2, &clock, |vault| {
                let state = vault.status(&caller()).state;
                if kept.is_empty() && state == State::Empty {
                    vault.init(&caller(), keys("p")).unwrap();
                    return;
                }
                assert_eq!(state, State::Locked, "step {step} {cut:?}: {kept:?}");
                let changed = kept.contains(&"change".to_owned());
                let opened = vault.unlock(&caller(), keys(if changed { "q" } else { "p" }));
                if opened.is_err() {
                    // The change was cut off after it was kept and before it was said.
                    assert!(!changed && kept.len() == 3, "step {step} {cut:?}: {kept:?} {opened:?}");
                    clock.pass(300_000);
                    vault.unlock(&caller(), keys("q")).unwrap();
                }
                let there = titles(vault);
                let said = kept.iter().filter(|what| what.len() == 1);
                for title in said.clone() {
                    assert!(there.contains(title), "step {step} {cut:?}: {kept:?} {there:?}");
                }
                assert!(there.len() <= said.count() + 1, "step {step} {cut:?}: {kept:?} {there:?}");
                vault.add(&caller(), entry("after")).unwrap();
            });
        }
    }
}

#[test]
fn a_changed_byte_anywhere_is_noticed_or_harmless() {
    let slab = with(&["a", "b"]);
    let image = slab.disk.image();
    let used: Vec<usize> = (0..image.len()).filter(|at| image[*at] != 0).collect();
    for at in used.into_iter().step_by(37) {
        let mut image = image.clone();
        image[at] ^= 0x10;
        let slab = Slab::new(SimDisk::from_image(image));
        life(&slab, 2, &Hand::default(), |vault| {
            // A copy of the slots or a root may go; then nothing else has changed.
            if vault.unlock(&caller(), keys("p")).is_ok() {
                assert_eq!(titles(vault), ["a", "b"], "byte {at}");
            }
        });
    }
}

#[test]
fn something_else_on_the_disk_is_left_alone() {
    let mut image = with(&["a"]).disk.image();
    // The last byte of the magic is the layout's version.
    for copy in image
        .windows(8)
        .enumerate()
        .filter(|(_, bytes)| bytes.starts_with(b"skepvol"))
        .map(|(at, _)| at)
        .collect::<Vec<_>>()
    {
        image[copy + 7] = b'9';
    }
    let slab = Slab::new(SimDisk::from_image(image.clone()));
    life(&slab, 2, &Hand::default(), |vault| {
        assert_eq!(vault.status(&caller()).state, State::Unavailable);
        assert_eq!(vault.init(&caller(), keys("p")), Err(VaultError::Damaged));
        assert_eq!(vault.unlock(&caller(), keys("p")), Err(VaultError::Damaged));
    });
    assert!(slab.disk.image() == image);
}
