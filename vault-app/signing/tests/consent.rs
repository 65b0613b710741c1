//! Who may sign with what, and when it ends.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use std::collections::BTreeMap;

use common::{caller, seed, signer};
use ipc_proto_types::Generation;
use proptest::prelude::*;
use vault_app_signing::{
    Caller, DATA_MAX, GRANTS_MAX, Grant, Key, KeyId, KeyRef, ONCE_S, Refused, SECONDS_MAX, Signer,
    SigningError,
};

fn may(signer: &mut Signer, caller: Caller, id: KeyId, now_ms: u64) -> bool {
    let seen = signer.identities(caller, now_ms).iter().any(|identity| identity.id == id);
    let signed = signer.sign(caller, &KeyRef::Id(id), b"data", now_ms).is_ok();
    assert_eq!(seen, signed, "a caller sees exactly what it may use");
    signed
}

#[test]
fn nobody_may_do_anything_to_begin_with() {
    let (mut signer, ids) = signer(&[1, 2]);
    assert!(!may(&mut signer, caller(0), ids[0], 0));
    assert!(!may(&mut signer, caller(0), KeyId(0), 0));
}

#[test]
fn consent_is_for_one_caller_and_one_key() {
    let (mut signer, ids) = signer(&[1, 2]);
    signer.allow(caller(0), ids[0], Grant::ForSeconds(10), 1000).unwrap();
    assert!(may(&mut signer, caller(0), ids[0], 1000));
    assert!(may(&mut signer, caller(0), ids[0], 2000));
    assert!(!may(&mut signer, caller(1), ids[0], 2000));
    assert!(!may(&mut signer, caller(0), ids[1], 2000));
    let next_life = Caller { generation: Generation(2), ..caller(0) };
    assert!(!may(&mut signer, next_life, ids[0], 2000));
}

#[test]
fn consent_ends_with_its_time() {
    let (mut signer, ids) = signer(&[1]);
    for (grant, seconds) in [(Grant::ForSeconds(10), 10), (Grant::Once, ONCE_S)] {
        let end = 5000 + u64::from(seconds) * 1000;
        signer.allow(caller(0), ids[0], grant, 5000).unwrap();
        assert_eq!(signer.identities(caller(0), end - 1).len(), 1);
        assert!(!may(&mut signer, caller(0), ids[0], end));
        // A clock that went back shows nothing.
        assert!(!may(&mut signer, caller(0), ids[0], 4999));
        assert!(may(&mut signer, caller(0), ids[0], end - 1));
    }
    for bad in [0, SECONDS_MAX + 1] {
        let error = signer.allow(caller(0), ids[0], Grant::ForSeconds(bad), 0);
        assert_eq!(error, Err(SigningError::BadTime));
    }
    // At the end of time nothing overflows.
    signer.allow(caller(0), ids[0], Grant::ForSeconds(SECONDS_MAX), u64::MAX - 1).unwrap();
    assert!(may(&mut signer, caller(0), ids[0], u64::MAX - 1));
    assert!(!may(&mut signer, caller(0), ids[0], u64::MAX));
}

#[test]
fn consent_for_once_is_used_up_by_a_signature_and_by_nothing_else() {
    let (mut signer, ids) = signer(&[1, 2]);
    signer.allow(caller(0), ids[0], Grant::Once, 0).unwrap();
    assert_eq!(signer.identities(caller(0), 1).len(), 1);
    assert!(signer.sign(caller(0), &KeyRef::Id(ids[1]), b"data", 1).is_err());
    assert!(signer.sign(caller(1), &KeyRef::Id(ids[0]), b"data", 1).is_err());
    let too_long = vec![0; DATA_MAX + 1];
    assert_eq!(signer.sign(caller(0), &KeyRef::Id(ids[0]), &too_long, 1), Err(Refused));
    assert!(signer.sign(caller(0), &KeyRef::Id(ids[0]), &too_long[1..], 1).is_ok());
    assert!(!may(&mut signer, caller(0), ids[0], 1));
}

#[test]
fn the_last_word_counts() {
    let (mut signer, ids) = signer(&[1]);
    signer.allow(caller(0), ids[0], Grant::ForSeconds(100), 0).unwrap();
    signer.allow(caller(0), ids[0], Grant::Once, 0).unwrap();
    assert!(may(&mut signer, caller(0), ids[0], 1));
    assert!(!may(&mut signer, caller(0), ids[0], 1));
    signer.allow(caller(0), ids[0], Grant::ForSeconds(100), 0).unwrap();
    signer.disallow(caller(0), ids[0]);
    assert!(!may(&mut signer, caller(0), ids[0], 1));
}

#[test]
fn locking_and_removing_end_all_consent() {
    let (mut signer, ids) = signer(&[1, 2]);
    let records: Vec<_> = ids.iter().map(|id| signer.record(*id).unwrap()).collect();
    for id in &ids {
        signer.allow(caller(0), *id, Grant::ForSeconds(100), 0).unwrap();
    }
    signer.remove(ids[0]).unwrap();
    assert!(!may(&mut signer, caller(0), ids[0], 1));
    signer.make(&seed(1), "the same again").unwrap();
    assert!(!may(&mut signer, caller(0), ids[0], 1));
    assert!(may(&mut signer, caller(0), ids[1], 1));
    signer.lock();
    assert!(!may(&mut signer, caller(0), ids[1], 1));
    assert_eq!(signer.allow(caller(0), ids[1], Grant::Once, 1), Err(SigningError::Locked));
    signer.unlock(records.iter().map(|(id, bytes)| (*id, bytes.as_slice()))).unwrap();
    assert!(!may(&mut signer, caller(0), ids[1], 1));
    signer.allow(caller(0), ids[1], Grant::Once, 1).unwrap();
    assert!(may(&mut signer, caller(0), ids[1], 1));
}

#[test]
fn consent_for_a_key_that_is_not_there_cannot_be_given() {
    let (mut signer, _) = signer(&[1]);
    assert_eq!(signer.allow(caller(0), KeyId(0), Grant::Once, 0), Err(SigningError::NoSuchKey));
}

#[test]
fn there_are_so_many_consents_and_dead_ones_make_room() {
    let (mut signer, ids) = signer(&[1]);
    let life = |life: usize| Caller { generation: Generation(u32::try_from(life).unwrap()), ..caller(0) };
    for number in 0..GRANTS_MAX {
        signer.allow(life(number), ids[0], Grant::ForSeconds(10), 0).unwrap();
    }
    assert_eq!(signer.allow(life(GRANTS_MAX), ids[0], Grant::Once, 9999), Err(SigningError::Full));
    signer.allow(life(0), ids[0], Grant::ForSeconds(10), 9999).unwrap();
    signer.allow(life(GRANTS_MAX), ids[0], Grant::Once, 10_000).unwrap();
}

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Step {
    Allow(u8, usize, Option<u32>),
    Disallow(u8, usize),
    Sign(u8, usize),
    Wait(u64),
    Lock,
}

fn step() -> impl Strategy<Value = Step> {
    let (who, key) = (0_u8..3, 0_usize..3);
    prop_oneof![
        4 => (who.clone(), key.clone(), prop::option::of(1_u32..100)).prop_map(|(a, b, c)| Step::Allow(a, b, c)),
        1 => (who.clone(), key.clone()).prop_map(|(a, b)| Step::Disallow(a, b)),
        8 => (who, key).prop_map(|(a, b)| Step::Sign(a, b)),
        3 => (0_u64..40_000).prop_map(Step::Wait),
        1 => Just(Step::Lock),
    ]
}

proptest! {
    // A signature takes milliseconds without optimisation.
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Against a map from caller and key to what is left; keys 0 and 1 are there, 2 is not.
    #[test]
    fn consent_is_what_a_plain_list_of_it_says(steps in prop::collection::vec(step(), 0..60)) {
        let keys = [1, 2, 3].map(|byte| Key::new(&seed(byte), "").unwrap());
        let (mut signer, _) = signer(&[1, 2]);
        let records: Vec<_> = keys[..2].iter().map(|key| (key.public().id().0, key.to_record())).collect();
        let mut plain: BTreeMap<(u8, usize), (bool, u64)> = BTreeMap::new();
        let mut now_ms = 0;
        for step in steps {
            match step {
                Step::Allow(who, key, seconds) => {
                    let grant = seconds.map_or(Grant::Once, Grant::ForSeconds);
                    let given = signer.allow(caller(who), keys[key].public().id(), grant, now_ms);
                    prop_assert_eq!(given.is_ok(), key < 2);
                    if key < 2 {
                        let end = now_ms + 1000 * u64::from(seconds.unwrap_or(ONCE_S));
                        plain.insert((who, key), (seconds.is_none(), end));
                    }
                }
                Step::Disallow(who, key) => {
                    signer.disallow(caller(who), keys[key].public().id());
                    plain.remove(&(who, key));
                }
                Step::Sign(who, key) => {
                    let good = plain.get(&(who, key)).is_some_and(|(_, end)| now_ms < *end);
                    let signed = signer.sign(caller(who), &KeyRef::Public(keys[key].public()), b"data", now_ms);
                    prop_assert_eq!(signed, if good { Ok(keys[key].sign(b"data")) } else { Err(Refused) });
                    if plain.get(&(who, key)).is_some_and(|(once, _)| good && *once) {
                        plain.remove(&(who, key));
                    }
                }
                Step::Wait(ms) => now_ms += ms,
                Step::Lock => {
                    signer.lock();
                    plain.clear();
                    signer.unlock(records.iter().map(|(id, bytes)| (*id, bytes.as_slice()))).unwrap();
                }
            }
        }
    }
}
