//! The agent's messages as bytes, written out by hand from the draft, both ways.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use common::{caller, seed, signer};
use proptest::prelude::*;
use vault_app_signing::agent::{AgentError, MESSAGE_MAX, Request, Split, split};
use vault_app_signing::{DATA_MAX, Grant, KEYS_MAX, Key, PublicKey};

const FAILURE: [u8; 5] = [0, 0, 0, 1, 5];

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn blob(bytes: &[u8]) -> Vec<u8> {
    [string(b"ssh-ed25519"), string(bytes)].concat()
}

/// A request to sign, without its length.
fn sign_request(key: &[u8], data: &[u8], flags: u32) -> Vec<u8> {
    [[13].as_slice(), &string(key), &string(data), &flags.to_be_bytes()].concat()
}

#[test]
fn the_keys_are_these_bytes() {
    let (mut signer, ids) = signer(&[1, 2]);
    let ask = |signer: &mut vault_app_signing::Signer| signer.answer(caller(0), &[11], 0);
    // Without consent: no keys, as if there were none.
    assert_eq!(ask(&mut signer), [0, 0, 0, 5, 12, 0, 0, 0, 0]);
    signer.allow(caller(0), ids[1], Grant::ForSeconds(10), 0).unwrap();
    let public = Key::new(&seed(2), "").unwrap().public().0;
    let expected = [
        // 1 + 4 + (4 + 51) + (4 + 5) = 69
        b"\0\0\0\x45\x0c\0\0\0\x01\0\0\0\x33\0\0\0\x0bssh-ed25519\0\0\0\x20".as_slice(),
        &public,
        b"\0\0\0\x05key 2",
    ]
    .concat();
    assert_eq!(ask(&mut signer), expected);
}

#[test]
fn a_signature_is_these_bytes() {
    let (mut signer, ids) = signer(&[1]);
    let key = Key::new(&seed(1), "").unwrap();
    let request = sign_request(&blob(&key.public().0), b"data", 0);
    assert_eq!(signer.answer(caller(0), &request, 0), FAILURE);
    signer.allow(caller(0), ids[0], Grant::Once, 0).unwrap();
    let expected = [
        // 1 + 4 + (4 + 11) + (4 + 64) = 88
        b"\0\0\0\x58\x0e\0\0\0\x53\0\0\0\x0bssh-ed25519\0\0\0\x40".as_slice(),
        &key.sign(b"data"),
    ]
    .concat();
    assert_eq!(signer.answer(caller(0), &request, 0), expected);
    assert_eq!(signer.answer(caller(0), &request, 0), FAILURE);
}

#[test]
fn a_request_is_read_and_what_is_wrong_with_it_named() {
    let key = PublicKey([9; 32]);
    let good = sign_request(&blob(&key.0), b"data", 0);
    assert_eq!(Request::parse(&[11]), Ok(Request::Identities));
    assert_eq!(Request::parse(&good), Ok(Request::Sign { key, data: b"data" }));
    let check = |message: &[u8], error| assert_eq!(Request::parse(message), Err(error));
    check(&[], AgentError::BadLength);
    check(&[11, 0], AgentError::BadContents);
    // Adding a key, removing all, locking, extensions.
    for kind in [17, 19, 22, 27, 0, 255] {
        check(&[kind], AgentError::Unknown(kind));
    }
    for length in 1..good.len() {
        check(&good[..length], AgentError::BadContents);
    }
    check(&[good.as_slice(), &[0]].concat(), AgentError::BadContents);
    check(&sign_request(&blob(&key.0), b"data", 2), AgentError::UnknownFlags(2));
    check(&sign_request(&blob(&[9; 31]), b"data", 0), AgentError::BadContents);
    check(&sign_request(&[blob(&key.0), vec![0]].concat(), b"data", 0), AgentError::BadContents);
    check(&sign_request(&string(b"ssh-ed25519"), b"data", 0), AgentError::BadContents);
    let rsa = [string(b"ssh-rsa"), string(&[1, 0, 1]), string(&[0; 257])].concat();
    check(&sign_request(&rsa, b"data", 0), AgentError::OtherAlgorithm);
    let longest = vec![7; DATA_MAX];
    let request = sign_request(&blob(&key.0), &longest, 0);
    assert_eq!(Request::parse(&request), Ok(Request::Sign { key, data: &longest }));
    check(&sign_request(&blob(&key.0), &[7; DATA_MAX + 1], 0), AgentError::DataTooLong);
    check(&[[13].as_slice(), &[0xff; 12]].concat(), AgentError::BadContents);
}

#[test]
fn messages_are_cut_by_their_lengths() {
    let two = [string(&[11]), string(&sign_request(b"", b"", 0))].concat();
    let Some(Split { message, rest }) = split(&two).unwrap() else { panic!("the first is there") };
    assert_eq!((message, rest), (&[11][..], &two[5..]));
    for length in 0..5 {
        assert_eq!(split(&two[..length]), Ok(None), "{length} bytes");
    }
    for bad in [0, MESSAGE_MAX + 1, 0xffff_ffff] {
        let bytes = u32::try_from(bad).unwrap().to_be_bytes();
        assert_eq!(split(&bytes), Err(AgentError::BadLength), "{bad}");
    }
    let longest = string(&vec![1; MESSAGE_MAX]);
    assert_eq!(split(&longest).unwrap().map(|split| split.message.len()), Some(MESSAGE_MAX));
}

#[test]
fn the_longest_answer_is_short() {
    let all: Vec<u8> = (0..u8::try_from(KEYS_MAX).unwrap()).collect();
    let (mut signer, ids) = signer(&all);
    for id in ids {
        signer.allow(caller(0), id, Grant::Once, 0).unwrap();
    }
    let answer = signer.answer(caller(0), &[11], 0);
    assert_eq!(answer[4..9], [12, 0, 0, 0, 32]);
    assert!(split(&answer).unwrap().is_some_and(|split| split.rest.is_empty()));
}

proptest! {
    #[test]
    fn any_message_has_an_answer_and_without_consent_it_is_always_the_same(
        message in prop::collection::vec(any::<u8>(), 0..200),
        kind in prop_oneof![Just(11_u8), Just(13), any::<u8>()],
    ) {
        let (mut signer, _) = signer(&[1]);
        let message = [[kind].as_slice(), &message].concat();
        let answer = signer.answer(caller(0), &message, 0);
        let expected: &[u8] = if message == [11] { &[0, 0, 0, 5, 12, 0, 0, 0, 0] } else { &FAILURE };
        prop_assert_eq!(answer, expected);
    }

    #[test]
    fn a_request_is_read_as_it_was_written(key in any::<[u8; 32]>(), data in prop::collection::vec(any::<u8>(), 0..DATA_MAX)) {
        let message = sign_request(&blob(&key), &data, 0);
        prop_assert_eq!(Request::parse(&message), Ok(Request::Sign { key: PublicKey(key), data: &data }));
        let framed = string(&message);
        let cut = split(&framed).unwrap();
        prop_assert_eq!(cut, Some(Split { message: &message, rest: &[] }));
    }
}
