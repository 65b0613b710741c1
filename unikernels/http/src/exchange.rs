//! One request and its answer on one connection, which then ends.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::chunked::Chunked;
use crate::head::{Framing, Head};
use crate::limits::{HEAD_LEN_MAX, INTERIM_MAX};
use crate::{HttpError, Limits, Url};

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The server said so itself: a FIN of TCP, and under TLS the alert `close_notify`.
    Orderly,
    /// Reset, lost, or under TLS without its alert: whoever is on the way can cut an answer short like this.
    Cut,
}

/// What has been read.
#[derive(Debug)]
enum State {
    Head,
    Body(Head, Framing, Chunked),
    Done(Head),
}

/// An answer as it arrives.
#[derive(Debug)]
pub(crate) struct Exchange {
    limits: Limits,
    state: State,
    /// The head so far.
    head: Vec<u8>,
    /// The body so far, as it was compressed.
    body: Vec<u8>,
    /// Bytes of the body as they were sent.
    wire_len: usize,
    interim: usize,
}

impl Exchange {
    pub(crate) fn new(limits: Limits) -> Self {
        let (head, body) = (Vec::new(), Vec::new());
        Self { limits, state: State::Head, head, body, wire_len: 0, interim: 0 }
    }

    /// Takes what arrived, in pieces of any size. Returns whether the answer is complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<bool, HttpError> {
        let mut rest = bytes;
        while matches!(self.state, State::Head) && !rest.is_empty() {
            rest = self.feed_head(rest)?;
        }
        self.feed_body(rest)?;
        Ok(matches!(self.state, State::Done(_)))
    }

    /// Takes bytes of the head, and returns those behind it.
    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], HttpError> {
        for (at, byte) in bytes.iter().enumerate() {
            self.head.push(*byte);
            if self.head.len() > HEAD_LEN_MAX {
                return Err(HttpError::HeadTooLarge);
            }
            if *byte != b'\n' {
                continue;
            }
            if !self.head.ends_with(b"\r\n") {
                return Err(HttpError::BareLineFeed);
            }
            if self.head.ends_with(b"\r\n\r\n") {
                self.head_ended()?;
                return Ok(bytes.get(at + 1..).unwrap_or(&[]));
            }
        }
        Ok(&[])
    }

    fn head_ended(&mut self) -> Result<(), HttpError> {
        let head = Head::parse(&self.head, self.limits.wire_len_max)?;
        self.head.clear();
        match head.status {
            101 => return Err(HttpError::Upgrade),
            100..=199 => {
                self.interim += 1;
                return if self.interim > INTERIM_MAX { Err(HttpError::TooManyInterim) } else { Ok(()) };
            }
            _ => {}
        }
        // The body of a redirect is not shown, so it is not waited for.
        self.state = match head.framing {
            Framing::None | Framing::Length(0) => State::Done(head),
            _ if head.location.is_some() => State::Done(head),
            framing => State::Body(head, framing, Chunked::new()),
        };
        Ok(())
    }

    fn feed_body(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        let State::Body(_, framing, chunked) = &mut self.state else { return Ok(()) };
        self.wire_len = self.wire_len.saturating_add(bytes.len());
        let is_done = match *framing {
            Framing::Chunked => chunked.feed(bytes, &mut self.body)?,
            Framing::Length(length) => {
                let left = length.saturating_sub(self.body.len());
                self.body.extend_from_slice(bytes.get(..left).unwrap_or(bytes));
                self.body.len() == length
            }
            Framing::UntilClose if self.wire_len > self.limits.wire_len_max => {
                return Err(HttpError::BodyTooLarge);
            }
            Framing::UntilClose | Framing::None => {
                self.body.extend_from_slice(bytes);
                false
            }
        };
        if is_done {
            self.finish();
        } else if self.wire_len > self.limits.wire_len_max {
            return Err(HttpError::BodyTooLarge);
        }
        Ok(())
    }

    /// The connection ended. Returns whether the answer is complete.
    pub(crate) fn closed(&mut self, closing: Closing) -> Result<bool, HttpError> {
        match (&self.state, closing) {
            (State::Done(_), _) => Ok(true),
            (State::Body(_, Framing::UntilClose, _), Closing::Orderly) => {
                self.finish();
                Ok(true)
            }
            _ => Err(HttpError::Truncated),
        }
    }

    fn finish(&mut self) {
        if let State::Body(head, ..) = &self.state {
            self.state = State::Done(head.clone());
        }
    }

    /// Head and decompressed body, once complete.
    pub(crate) fn into_answer(self) -> Result<(Head, Vec<u8>), HttpError> {
        let State::Done(head) = self.state else { return Err(HttpError::OutOfTurn) };
        let body = head.coding.decode(self.body, self.limits.body_len_max)?;
        Ok((head, body))
    }
}

/// The bytes of a request. They say as little about us as servers bear.
pub(crate) fn request(url: &Url) -> Vec<u8> {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = write!(text, "GET {} HTTP/1.1\r\nHost: ", url.target());
    let _ = url.write_authority(&mut text);
    text.push_str(
        "\r\nUser-Agent: Skep\r\n\
         Accept: text/html, text/markdown, text/plain, application/json, image/*, */*;q=0.1\r\n\
         Accept-Encoding: gzip, deflate\r\n\
         Connection: close\r\n\r\n",
    );
    text.into_bytes()
}
