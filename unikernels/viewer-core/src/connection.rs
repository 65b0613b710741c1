//! A connection: a stream of `net`, with or without TLS in it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ipc_proto_net_api::{NetError, StreamId};
use ipc_proto_open_api::Failed;
use ipc_proto_rpc::Port;
use unikernels_http::Closing;

use crate::network::{Fault, Network, Outcome};
use crate::{Session, why};

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
    /// There are bytes, so many as they were sent; what they mean was handed on.
    Bytes(usize),
    /// The other side sends no more.
    Closed(Closing),
    /// Nothing is there yet.
    Blocked,
}

/// A connection.
pub(crate) struct Connection {
    stream: StreamId,
    session: Option<Box<dyn Session>>,
    /// What TLS wants sent and `net` has not taken yet.
    outgoing: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: StreamId, session: Option<Box<dyn Session>>) -> Self {
        Self { stream, session, outgoing: Vec::new() }
    }

    pub(crate) fn stream(&self) -> StreamId {
        self.stream
    }

    /// Whether TLS is in it.
    pub(crate) fn is_secure(&self) -> bool {
        self.session.is_some()
    }

    /// Whether it waits for room to send, and not only for bytes to come.
    pub(crate) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Sends some of these bytes.
    pub(crate) fn send<P: Port>(&mut self, net: &mut Network<'_, P>, plain: &[u8]) -> Result<Sent, Failed> {
        let Some(session) = &mut self.session else {
            return match unblocked(net.send(self.stream, plain))? {
                Some(taken) => Ok(Sent::Some(taken)),
                None => Ok(Sent::Blocked),
            };
        };
        let taken = session.send(plain)?;
        let flushed = self.flush(net)?;
        if taken > 0 || flushed > 0 {
            return Ok(Sent::Some(taken));
        }
        // The handshake: before it takes anything it wants to hear something.
        let mut early = Vec::new();
        match self.receive(net, &mut |bytes| {
            early.extend_from_slice(bytes);
            Ok(())
        })? {
            Received::Bytes(_) if early.is_empty() => Ok(Sent::Some(0)),
            Received::Bytes(_) => Err(why::http(unikernels_http::HttpError::OutOfTurn)),
            Received::Closed(_) => Err(why::http(unikernels_http::HttpError::Truncated)),
            Received::Blocked => Ok(Sent::Blocked),
        }
    }

    /// Hands on what came.
    pub(crate) fn receive<P: Port>(
        &mut self,
        net: &mut Network<'_, P>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Failed>,
    ) -> Result<Received, Failed> {
        self.flush(net)?;
        let Some(bytes) = unblocked(net.receive(self.stream))? else { return Ok(Received::Blocked) };
        let Some(session) = &mut self.session else {
            if bytes.is_empty() {
                return Ok(Received::Closed(Closing::Orderly));
            }
            take(bytes)?;
            return Ok(Received::Bytes(bytes.len()));
        };
        if bytes.is_empty() {
            let closing = if session.is_closed() { Closing::Orderly } else { Closing::Cut };
            return Ok(Received::Closed(closing));
        }
        let (length, mut plain) = (bytes.len(), Vec::new());
        session.received(bytes, &mut plain)?;
        if !plain.is_empty() {
            take(&plain)?;
        }
        let is_closed = session.is_closed();
        self.flush(net)?;
        Ok(if is_closed { Received::Closed(Closing::Orderly) } else { Received::Bytes(length) })
    }

    /// Sends what TLS wants sent, as far as there is room; gives how much.
    fn flush<P: Port>(&mut self, net: &mut Network<'_, P>) -> Result<usize, Failed> {
        let Some(session) = &mut self.session else { return Ok(0) };
        session.outgoing(&mut self.outgoing);
        if self.outgoing.is_empty() {
            return Ok(0);
        }
        let taken = unblocked(net.send(self.stream, &self.outgoing))?.unwrap_or(0);
        self.outgoing.drain(..taken);
        Ok(taken)
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
