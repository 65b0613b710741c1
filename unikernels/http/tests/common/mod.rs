//! A fetch driven without a network: connected, sent, and fed what a server would say.

#![allow(dead_code, reason = "each test uses its part")]

use unikernels_http::{Closing, Fetch, HttpError, Limits, Redirect, Response, Step, Url};

pub(crate) const LIMITS: Limits =
    Limits { wire_len_max: 64 * 1024, body_len_max: 128 * 1024, redirects_max: 3 };

pub(crate) fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// A fetch that has sent its request.
pub(crate) fn asked(address: &str, limits: Limits) -> Fetch {
    let mut fetch = Fetch::new(url(address), limits);
    send(&mut fetch);
    fetch
}

/// Connects and sends the request; returns it.
pub(crate) fn send(fetch: &mut Fetch) -> String {
    assert!(matches!(fetch.step(), Some(Step::Connect(_))));
    fetch.connected().unwrap();
    let Some(Step::Send(bytes)) = fetch.step() else { panic!("nothing to send") };
    let request = String::from_utf8(bytes.to_vec()).unwrap();
    fetch.sent(1).unwrap();
    fetch.sent(request.len() - 1).unwrap();
    assert_eq!(fetch.step(), Some(Step::Receive));
    request
}

/// Feeds an answer in pieces of `piece` bytes and then ends the connection.
pub(crate) fn feed(fetch: &mut Fetch, answer: &[u8], piece: usize) -> Result<(), HttpError> {
    for bytes in answer.chunks(piece) {
        fetch.received(bytes)?;
    }
    fetch.closed(Closing::Orderly)
}

/// What an answer comes to, which must not depend on the pieces it arrives in.
pub(crate) fn outcome(answer: &[u8]) -> Result<Response, HttpError> {
    let whole = outcome_in_pieces(answer, answer.len().max(1));
    for piece in [1, 2, 7] {
        assert_eq!(outcome_in_pieces(answer, piece), whole, "in pieces of {piece}");
    }
    whole
}

pub(crate) fn outcome_in_pieces(answer: &[u8], piece: usize) -> Result<Response, HttpError> {
    let mut fetch = asked("http://host.example/", LIMITS);
    feed(&mut fetch, answer, piece)?;
    assert_eq!(fetch.step(), Some(Step::Done));
    Ok(fetch.into_response().unwrap())
}

/// The redirect that an answer comes to.
pub(crate) fn redirect(from: &str, location: &str) -> Result<Redirect, HttpError> {
    let mut fetch = asked(from, LIMITS);
    feed(&mut fetch, format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n").as_bytes(), 9)?;
    match fetch.step() {
        Some(Step::Redirect(redirect)) => Ok(redirect.clone()),
        step => panic!("{step:?}"),
    }
}
