//! The service `sign`: what a caller gets over messages is what the signer gives it, and one refusal.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use std::cell::Cell;

use common::{caller, seed, signer};
use ipc_proto_sign_api::{KeyRef, Sign, SignError};
use ipc_proto_types::Bytes;
use vault_app_signing::{Clock, Grant, Key, KeyId, Server};

/// A clock that is set.
struct Hand<'c>(&'c Cell<u64>);

impl Clock for Hand<'_> {
    fn now_ms(&self) -> u64 {
        self.0.get()
    }
}

fn data(bytes: &[u8]) -> Bytes<4096> {
    Bytes::try_from(bytes).unwrap()
}

#[test]
fn a_caller_with_consent_sees_the_key_and_signs_by_number_and_by_public_key() {
    let (mut signer, ids) = signer(&[1, 2]);
    let key = Key::new(&seed(2), "").unwrap();
    signer.allow(caller(0), ids[1], Grant::ForSeconds(10), 0).unwrap();
    let now = Cell::new(9_999);
    let mut server = Server::new(&mut signer, Hand(&now));
    let seen = server.identities(&caller(0));
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].id, &*seen[0].public, seen[0].comment.as_str()),
        (ids[1].0, &key.public().0[..], "key 2")
    );
    for asked in [KeyRef::Id(seen[0].id), KeyRef::Public(seen[0].public.clone())] {
        let signed = server.sign(&caller(0), asked, data(b"data"));
        assert_eq!(signed, Ok(Bytes::from(key.sign(b"data"))));
    }
    // The longest data that there can be.
    let signed = server.sign(&caller(0), KeyRef::Id(seen[0].id), data(&[7; 4096]));
    assert_eq!(signed, Ok(Bytes::from(key.sign(&[7; 4096]))));
    now.set(10_000);
    assert!(server.identities(&caller(0)).is_empty());
    let late = server.sign(&caller(0), KeyRef::Id(seen[0].id), data(b"data"));
    assert_eq!(late, Err(SignError::Refused));
}

#[test]
fn everything_else_is_the_same_refusal() {
    let (mut signer, ids) = signer(&[1, 2]);
    let public = |byte: u8| Bytes::from(Key::new(&seed(byte), "").unwrap().public().0);
    signer.allow(caller(0), ids[0], Grant::ForSeconds(10), 0).unwrap();
    let now = Cell::new(0);
    let mut server = Server::new(&mut signer, Hand(&now));
    let short = Bytes::try_from(&public(1)[..31]).unwrap();
    for (who, asked) in [
        (0, KeyRef::Id(ids[1].0)),
        (0, KeyRef::Public(public(2))),
        (0, KeyRef::Public(public(3))),
        (0, KeyRef::Id(KeyId(0).0)),
        (0, KeyRef::Public(short)),
        (0, KeyRef::Public(Bytes::new())),
        (1, KeyRef::Id(ids[0].0)),
        (1, KeyRef::Public(public(1))),
    ] {
        let refused = server.sign(&caller(who), asked.clone(), data(b"data"));
        assert_eq!(refused, Err(SignError::Refused), "caller {who}, {asked:?}");
    }
    assert!(server.identities(&caller(1)).is_empty());
}
