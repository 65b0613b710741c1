//! Consent by asking: what a refused request makes the vault ask its owner, and what the answer allows.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{AllServices, Hand, SECTORS, Slab, caller, keys, life, mail, text};
use ipc_proto_sign_api::{KeyRef, SignError};
use ipc_proto_types::Bytes;
use ipc_proto_vault_api::keys::{Answer, Grant, KeyStore, Question};
use tests_disk::SimDisk;
use vault_app_signing::{ANSWER_MS, DataHash, QUIET_MS};

fn data(of: &[u8]) -> Bytes<4096> {
    Bytes::try_from(of).unwrap()
}

/// A request of `mail`.
fn sign(vault: &mut dyn AllServices, key: u64, of: &[u8]) -> Result<Bytes<64>, SignError> {
    vault.sign(&mail(), KeyRef::Id(key), data(of))
}

/// The question that a refused request raises.
fn asked(vault: &mut dyn AllServices, key: u64, of: &[u8]) -> Question {
    assert_eq!(sign(vault, key, of), Err(SignError::Refused));
    let questions = vault.ask_owner();
    assert_eq!(questions.len(), 1);
    questions.into_iter().next().unwrap()
}

/// Runs `test` with an open vault and a key in it.
fn with_key(test: impl FnOnce(&mut dyn AllServices, &Hand, u64)) {
    let slab = Slab::new(SimDisk::new(SECTORS));
    let clock = Hand::default();
    life(&slab, 1, &clock, |vault| {
        vault.init(&caller(), keys("p")).unwrap();
        let key = vault.make(&caller(), text("deploy")).unwrap().id;
        test(vault, &clock, key);
    });
}

#[test]
fn the_owner_is_told_who_asks_for_what_and_once() {
    with_key(|vault, clock, key| {
        assert_eq!(sign(vault, key, b"the data"), Err(SignError::Refused));
        vault.ask_nobody();
        clock.pass(5_500);
        let questions = vault.ask_owner();
        let [question] = questions.as_slice() else { panic!("{questions:?}") };
        assert_eq!((&*question.qube, question.id, &*question.comment), ("mail", key, "deploy"));
        assert_eq!(question.digest.as_slice(), DataHash::of(b"the data").0);
        assert_eq!((question.length, question.seconds), (8, 54));
        assert_eq!(sign(vault, key, b"the data"), Err(SignError::Refused));
        assert!(vault.ask_owner().is_empty(), "it was told");
    });
}

#[test]
fn once_is_one_signature_of_what_was_asked_about() {
    with_key(|vault, _, key| {
        let number = asked(vault, key, b"a").number;
        assert_eq!(vault.answer(&caller(), number, Answer::Once), Ok(true));
        assert_eq!(vault.answer(&caller(), number, Answer::Once), Ok(false), "it is answered");
        assert_eq!(sign(vault, key, b"b"), Err(SignError::Refused), "other data than the owner saw");
        assert_eq!(
            vault.sign(&caller(), KeyRef::Id(key), data(b"a")),
            Err(SignError::Refused),
            "another caller"
        );
        assert!(sign(vault, key, b"a").is_ok());
        assert_eq!(sign(vault, key, b"a"), Err(SignError::Refused));
    });
}

#[test]
fn consent_for_seconds_is_for_any_data_and_ends() {
    with_key(|vault, clock, key| {
        let number = asked(vault, key, b"a").number;
        assert_eq!(vault.answer(&caller(), number, Answer::Seconds(60)), Ok(true));
        assert!(vault.pending(&caller()).unwrap().requests.is_empty());
        clock.pass(59_999);
        assert!(sign(vault, key, b"a").is_ok() && sign(vault, key, b"b").is_ok());
        clock.pass(1);
        assert_eq!(sign(vault, key, b"a"), Err(SignError::Refused));
        assert_eq!(vault.ask_owner().len(), 1, "and is asked for anew");
    });
}

#[test]
fn after_a_no_or_nothing_the_owner_is_left_alone_for_a_while() {
    with_key(|vault, clock, key| {
        let number = asked(vault, key, b"a").number;
        assert_eq!(vault.answer(&caller(), number, Answer::No), Ok(true));
        assert_eq!(sign(vault, key, b"b"), Err(SignError::Refused));
        clock.pass(QUIET_MS - 1);
        assert_eq!(sign(vault, key, b"c"), Err(SignError::Refused));
        assert!(vault.ask_owner().is_empty());
        clock.pass(1);
        let number = asked(vault, key, b"d").number;
        clock.pass(ANSWER_MS);
        assert_eq!(vault.answer(&caller(), number, Answer::Once), Ok(false), "too late");
        assert_eq!(sign(vault, key, b"d"), Err(SignError::Refused));
        assert!(vault.ask_owner().is_empty());
        // What the owner does unasked is not held up by that.
        vault.allow(&caller(), text("mail"), key, Grant::Once).unwrap();
        assert!(sign(vault, key, b"d").is_ok());
    });
}

#[test]
fn nobody_is_asked_about_a_key_that_is_not_there_or_while_locked() {
    with_key(|vault, _, key| {
        assert_eq!(sign(vault, key ^ 1, b"a"), Err(SignError::Refused));
        assert!(vault.ask_owner().is_empty());
        let number = asked(vault, key, b"a").number;
        vault.lock(&caller());
        assert_eq!(sign(vault, key, b"b"), Err(SignError::Refused));
        assert!(vault.ask_owner().is_empty());
        assert!(vault.answer(&caller(), number, Answer::Once).is_err());
        vault.unlock(&caller(), keys("p")).unwrap();
        assert_eq!(vault.answer(&caller(), number, Answer::Once), Ok(false), "asked before it was locked");
        assert_eq!(sign(vault, key, b"a"), Err(SignError::Refused));
        assert_ne!(vault.ask_owner()[0].number, number, "numbers go on");
    });
}

#[test]
fn a_key_that_is_gone_is_asked_about_and_allowed_no_more() {
    with_key(|vault, _, key| {
        let number = asked(vault, key, b"a").number;
        KeyStore::remove(vault, &caller(), key).unwrap();
        assert_eq!(vault.answer(&caller(), number, Answer::Seconds(5)), Ok(false));
        let key = vault.make(&caller(), text("other")).unwrap().id;
        assert_eq!(sign(vault, key, b"a"), Err(SignError::Refused));
        KeyStore::remove(vault, &caller(), key).unwrap();
        assert!(vault.ask_owner().is_empty());
    });
}
