//! A connection: a stream of `net`, with or without TLS in it.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use ipc_proto_net_api::{NetError, StreamId};
use ipc_proto_open_api::Failed;
use ipc_proto_rpc::Port;
use unikernels_http::{Closing, HttpError};
use unikernels_tls::{Read, Tls, TlsError};

use crate::network::{Fault, Network, Outcome};
use crate::why;

/// Most bytes of plaintext that are handed on at once: a record's (RFC 8446 section 5.1).
const PLAIN_LEN_MAX: usize = 1 << 14;

/// What came of trying to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// So many bytes were taken; with TLS also none, when it was something else that moved.
    Some(usize),
    /// Nothing can be done now.
    Blocked,
}

/// What came of trying to receive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes were handed on; with TLS also none, when it was something else that moved.
    Bytes(usize),
    /// The other side sends no more.
    Closed(Closing),
    /// Nothing is there yet.
    Blocked,
}

/// A connection.
pub(crate) struct Connection {
    stream: StreamId,
    session: Option<Session>,
}

/// TLS in a connection.
struct Session {
    tls: Box<Tls>,
    /// What came and has no room in TLS yet: never more than one answer of `net`.
    waiting: Vec<u8>,
    plain: Vec<u8>,
    /// No more will come.
    has_ended: bool,
}

impl Connection {
    pub(crate) fn new(stream: StreamId, tls: Option<Tls>) -> Self {
        let session = tls.map(|tls| Session {
            tls: Box::new(tls),
            waiting: Vec::new(),
            plain: vec![0; PLAIN_LEN_MAX],
            has_ended: false,
        });
        Self { stream, session }
    }

    pub(crate) fn stream(&self) -> StreamId {
        self.stream
    }

    /// What TLS waits for when nothing moves: bytes to come, room to send. `None` without TLS.
    pub(crate) fn awaits(&self) -> Option<(bool, bool)> {
        let session = self.session.as_ref()?;
        Some((session.waiting.is_empty(), !session.tls.to_send().is_empty()))
    }

    /// Sends some of these bytes. With TLS: none before the other side has proved who it is.
    pub(crate) fn send<P: Port>(&mut self, net: &mut Network<'_, P>, plain: &[u8]) -> Result<Sent, Failed> {
        let stream = self.stream;
        let Some(session) = &mut self.session else {
            return Ok(unblocked(net.send(stream, plain))?.map_or(Sent::Blocked, Sent::Some));
        };
        let taken = session.tls.write(plain).map_err(|error| session.fail(net, stream, error))?;
        if session.flush(net, stream)? > 0 || taken > 0 {
            return Ok(Sent::Some(taken));
        }
        if session.tls.is_open() && session.tls.to_send().is_empty() {
            // It takes no more because what came fills it.
            return Err(why::http(HttpError::OutOfTurn));
        }
        let has_moved = session.listen(net, stream)?;
        if session.has_ended {
            return Err(why::http(HttpError::Truncated));
        }
        Ok(if has_moved { Sent::Some(0) } else { Sent::Blocked })
    }

    /// Hands on what came.
    pub(crate) fn receive<P: Port>(
        &mut self,
        net: &mut Network<'_, P>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Failed>,
    ) -> Result<Received, Failed> {
        let stream = self.stream;
        let Some(session) = &mut self.session else {
            let Some(bytes) = unblocked(net.receive(stream))? else { return Ok(Received::Blocked) };
            if bytes.is_empty() {
                return Ok(Received::Closed(Closing::Orderly));
            }
            take(bytes)?;
            return Ok(Received::Bytes(bytes.len()));
        };
        let flushed = session.flush(net, stream)?;
        match session.tls.read(&mut session.plain) {
            Ok(Read::Data(length)) => {
                take(session.plain.get(..length).unwrap_or_default())?;
                return Ok(Received::Bytes(length));
            }
            Ok(Read::Closed) => return Ok(Received::Closed(Closing::Orderly)),
            Err(TlsError::Truncated) => return Ok(Received::Closed(Closing::Cut)),
            Err(error) => return Err(session.fail(net, stream, error)),
            Ok(Read::Pending) => {}
        }
        let has_moved = session.listen(net, stream)? || flushed > 0;
        Ok(if has_moved { Received::Bytes(0) } else { Received::Blocked })
    }

    /// Takes leave of the other side, as far as there is room for it.
    pub(crate) fn close<P: Port>(&mut self, net: &mut Network<'_, P>) {
        if let Some(session) = &mut self.session {
            // Whoever does not hear it sees the end of the stream.
            let _ = session.tls.close();
            let _ = session.flush(net, self.stream);
        }
        net.close(self.stream);
    }
}

impl Session {
    /// Gives TLS what came; whether there was any, or its end.
    fn listen<P: Port>(&mut self, net: &mut Network<'_, P>, stream: StreamId) -> Result<bool, Failed> {
        if !self.waiting.is_empty() {
            let taken = self.tls.received(&self.waiting);
            let taken = taken.map_err(|error| self.fail(net, stream, error))?;
            self.waiting.drain(..taken.min(self.waiting.len()));
            return Ok(taken > 0);
        }
        if self.has_ended {
            return Ok(false);
        }
        let Some(bytes) = unblocked(net.receive(stream))? else { return Ok(false) };
        if bytes.is_empty() {
            self.has_ended = true;
            self.tls.closed();
            return Ok(true);
        }
        match self.tls.received(bytes) {
            Ok(taken) => self.waiting.extend_from_slice(bytes.get(taken..).unwrap_or_default()),
            Err(error) => return Err(self.fail(net, stream, error)),
        }
        Ok(true)
    }

    /// Sends what TLS wants sent, as far as there is room; gives how much.
    fn flush<P: Port>(&mut self, net: &mut Network<'_, P>, stream: StreamId) -> Result<usize, Failed> {
        if self.tls.to_send().is_empty() {
            return Ok(0);
        }
        let sent = unblocked(net.send(stream, self.tls.to_send()))?.unwrap_or(0);
        self.tls.sent(sent).map_err(|error| self.fail(net, stream, error))?;
        Ok(sent)
    }

    /// Tells the other side what is wrong, as far as there is room for it.
    fn fail<P: Port>(&mut self, net: &mut Network<'_, P>, stream: StreamId, error: TlsError) -> Failed {
        // Once, and whatever comes of it: the first error counts.
        let _ = net.send(stream, self.tls.to_send());
        why::tls(error)
    }
}

/// `None` when it has to be tried again later.
pub(crate) fn unblocked<T>(outcome: Outcome<T>) -> Result<Option<T>, Failed> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(Fault::Said(NetError::WouldBlock)) => Ok(None),
        Err(fault) => Err(why::network(fault)),
    }
}
