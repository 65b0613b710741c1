//! `Client`: calls one after the other on one port.
//!
//! It believes nothing it did not ask for: a frame that is none, of another schema, or with another correlation is
//! dropped. The frame buffer is wiped after every call, because arguments and replies may be secrets.

use core::fmt;

use ipc_proto_types::{ErrorCode, Generation, Kind, SchemaId};
use ipc_proto_wire::{HEADER_SIZE, Header, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroize;

use crate::port::{Port, PortState, SendError, Ticks};

/// How long a call waits for its reply unless told otherwise, in milliseconds.
pub const TIMEOUT_MS: u64 = 60_000;

/// How long a call waits for a closed port to open, in milliseconds: the peer may be on its way up.
pub const OPEN_WAIT_MS: u64 = 2_000;

/// Why a call got no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallError {
    /// The peer has a new life, this one. What it knew of us is gone; whether it did what we asked is unknown.
    PeerRestarted(Generation),
    /// The peer is gone, or does not come up.
    PeerGone,
    /// The policy says no.
    Denied,
    /// No reply in time. A late one is dropped.
    TimedOut,
    /// The server or the supervisor refused, for this reason.
    Refused(ErrorCode),
    /// The request or the reply does not fit the schema.
    Malformed,
    /// The request does not fit the channel.
    TooLarge,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerRestarted(generation) => write!(f, "peer restarted (generation {generation})"),
            Self::PeerGone => f.write_str("peer is gone"),
            Self::Denied => f.write_str("denied by policy"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Refused(code) => code.fmt(f),
            Self::Malformed => f.write_str("the message does not fit the schema"),
            Self::TooLarge => f.write_str("the message is too large"),
        }
    }
}

/// What a call does with the events that come in while it waits.
pub(crate) type EventSink<'a> = dyn FnMut(&Header, &[u8]) + 'a;

/// An untyped client. The typed one of each service is built on it.
pub struct Client<'p, P: Port> {
    port: &'p mut P,
    correlation: u64,
    timeout_ms: u64,
    /// How much of the frame buffer the call at hand has written to.
    used: usize,
}

impl<'p, P: Port> Client<'p, P> {
    /// A client on a port that has carried no call in this life of the channel.
    pub fn new(port: &'p mut P) -> Self {
        Self::resume(port, 0)
    }

    /// A client on a port whose last call had this correlation.
    pub fn resume(port: &'p mut P, correlation: u64) -> Self {
        Self { port, correlation, timeout_ms: TIMEOUT_MS, used: 0 }
    }

    /// The correlation of the last call, for `resume`; 0 when there was none in this life of the channel.
    pub fn correlation(&self) -> u64 {
        self.correlation
    }

    /// The port.
    pub fn port(&mut self) -> &mut P {
        self.port
    }

    /// Lets later calls wait this long for their reply.
    pub fn set_timeout_ms(&mut self, timeout_ms: u64) {
        self.timeout_ms = timeout_ms;
    }

    /// Calls a method and waits for the reply.
    ///
    /// `frame` holds both in turn and is wiped at the end. Events that come in meanwhile go to `events`.
    ///
    /// # Errors
    /// The call got no reply, or none that may be believed.
    pub fn call<A: Serialize, R: Serialize + DeserializeOwned>(
        &mut self,
        schema: SchemaId,
        method: u16,
        arguments: &A,
        frame: &mut [u8],
        events: &mut EventSink<'_>,
    ) -> Result<R, CallError> {
        let deadline = self.deadline(self.timeout_ms);
        let result = self.open(schema, deadline).and_then(|generation| {
            let head =
                Header { schema, method, kind: Kind::Call, correlation: self.correlation + 1, length: 0 };
            let length = self.fill(frame, head, arguments)?;
            let length = self.exchange(frame, head, length, generation, deadline, events)?;
            let body = frame.get(HEADER_SIZE..length).unwrap_or_default();
            decode(body).map_err(|_| CallError::Malformed)
        });
        self.wipe(frame);
        result
    }

    /// Says something nobody answers. It is queued; the next wait or flush sends it.
    ///
    /// # Errors
    /// It was not queued.
    pub fn tell<A: Serialize>(
        &mut self,
        schema: SchemaId,
        method: u16,
        arguments: &A,
        frame: &mut [u8],
    ) -> Result<(), CallError> {
        let deadline = self.deadline(self.timeout_ms);
        let result = self.open(schema, deadline).and_then(|generation| {
            let head = Header { schema, method, kind: Kind::Event, correlation: 0, length: 0 };
            let length = self.fill(frame, head, arguments)?;
            self.send(frame, length, generation, deadline)
        });
        self.wipe(frame);
        result
    }

    /// Calls a method with a body that is encoded already: `length` bytes behind the place of the header in `frame`. The body of
    /// the reply stands there afterwards; gives its length. Nobody has checked either but the supervisor.
    ///
    /// `frame` is wiped at an error. After a reply it is the caller's to wipe, who may hold a secret then.
    ///
    /// # Errors
    /// The call got no reply.
    pub fn call_raw(
        &mut self,
        schema: SchemaId,
        method: u16,
        frame: &mut [u8],
        length: usize,
        events: &mut EventSink<'_>,
    ) -> Result<usize, CallError> {
        let deadline = self.deadline(self.timeout_ms);
        let result = self.open(schema, deadline).and_then(|generation| {
            let head =
                Header { schema, method, kind: Kind::Call, correlation: self.correlation + 1, length: 0 };
            let length = put_header(frame, head, length)?;
            self.exchange(frame, head, length, generation, deadline, events)
        });
        self.used = 0;
        if result.is_err() {
            frame.zeroize();
        }
        result.map(|length| length.saturating_sub(HEADER_SIZE))
    }

    /// Says something nobody answers, with a body that is encoded already, as in [`Client::call_raw`]. `frame` is wiped.
    ///
    /// # Errors
    /// It was not queued.
    pub fn tell_raw(
        &mut self,
        schema: SchemaId,
        method: u16,
        frame: &mut [u8],
        length: usize,
    ) -> Result<(), CallError> {
        let deadline = self.deadline(self.timeout_ms);
        let result = self.open(schema, deadline).and_then(|generation| {
            let head = Header { schema, method, kind: Kind::Event, correlation: 0, length: 0 };
            let length = put_header(frame, head, length)?;
            self.send(frame, length, generation, deadline)
        });
        frame.zeroize();
        result
    }

    /// Hands the events that wait to `events`; drops everything else, since no call is waiting. Never blocks.
    pub fn poll(&mut self, schema: SchemaId, frame: &mut [u8], events: &mut EventSink<'_>) {
        // No more than a queue can hold: a peer that fills as fast as we empty must not keep us here.
        for _ in 0..ipc_proto_types::QUEUE_SIZE {
            let Some(length) = self.port.receive(frame) else { return };
            if let Some((header, body)) = parse(frame, length, schema)
                && header.kind == Kind::Event
            {
                events(&header, body);
            }
        }
    }

    /// Sends a call and waits for its reply; gives the length of its frame.
    fn exchange(
        &mut self,
        frame: &mut [u8],
        call: Header,
        length: usize,
        generation: Generation,
        deadline: Ticks,
        events: &mut EventSink<'_>,
    ) -> Result<usize, CallError> {
        self.send(frame, length, generation, deadline)?;
        self.correlation = call.correlation;
        self.reply(call, generation, frame, deadline, events)
    }

    fn fill<A: Serialize>(&mut self, frame: &mut [u8], head: Header, value: &A) -> Result<usize, CallError> {
        // Should the value not fit, its beginning is written all the same.
        self.used = frame.len();
        self.used = fill(frame, head, value)?;
        Ok(self.used)
    }

    /// Wipes what the call has written to the buffer.
    fn wipe(&mut self, frame: &mut [u8]) {
        let used = core::mem::take(&mut self.used).min(frame.len());
        frame.get_mut(..used).unwrap_or_default().zeroize();
    }

    fn deadline(&self, timeout_ms: u64) -> Ticks {
        let ticks = u128::from(timeout_ms) * u128::from(self.port.ticks_per_second()) / 1000;
        self.port.now().after(u64::try_from(ticks).unwrap_or(u64::MAX))
    }

    /// Waits until the channel is open, and gives the life of the peer.
    fn open(&mut self, schema: SchemaId, deadline: Ticks) -> Result<Generation, CallError> {
        let deadline = deadline.min(self.deadline(OPEN_WAIT_MS));
        loop {
            let facts = self.port.facts();
            match facts.state {
                PortState::Open if facts.schema != schema => {
                    return Err(CallError::Refused(ErrorCode::Unsupported));
                }
                PortState::Open => return Ok(facts.peer_generation),
                PortState::Restarted => return Err(self.accept_restart()),
                PortState::Closed if self.port.now() >= deadline => return Err(CallError::PeerGone),
                PortState::Closed => self.port.wait(Some(deadline)),
            }
        }
    }

    /// Accepts the peer's new life; calls count from 1 again.
    fn accept_restart(&mut self) -> CallError {
        self.port.acknowledge();
        self.correlation = 0;
        CallError::PeerRestarted(self.port.facts().peer_generation)
    }

    /// Whether the peer is still in the life we talk to.
    fn check_life(&mut self, generation: Generation) -> Result<(), CallError> {
        let facts = self.port.facts();
        match facts.state {
            PortState::Restarted => Err(self.accept_restart()),
            PortState::Open if facts.peer_generation != generation => Err(self.accept_restart()),
            PortState::Open | PortState::Closed => Ok(()),
        }
    }

    fn send(
        &mut self,
        frame: &[u8],
        length: usize,
        generation: Generation,
        deadline: Ticks,
    ) -> Result<(), CallError> {
        let frame = frame.get(..length).unwrap_or_default();
        loop {
            match self.port.send(frame) {
                Ok(()) => return Ok(()),
                Err(SendError::TooLarge) => return Err(CallError::TooLarge),
                Err(SendError::Restarted) => return Err(self.accept_restart()),
                Err(SendError::Closed) => {
                    self.check_life(generation)?;
                    return Err(CallError::PeerGone);
                }
                Err(SendError::Full) if self.port.now() >= deadline => return Err(CallError::TimedOut),
                Err(SendError::Full) => self.port.wait(Some(deadline)),
            }
        }
    }

    /// Waits for the reply to `call`, and gives the length of its frame.
    fn reply(
        &mut self,
        call: Header,
        generation: Generation,
        frame: &mut [u8],
        mut deadline: Ticks,
        events: &mut EventSink<'_>,
    ) -> Result<usize, CallError> {
        // Nobody has the call any more.
        let mut lost = false;
        loop {
            let was_lost = lost;
            // A message that is here was sent before the peer's life ended: look at it before looking at the state.
            let message = self.port.receive(frame);
            self.used = self.used.max(message.unwrap_or(0));
            if let Some(length) = message
                && let Some((header, body)) = parse(frame, length, call.schema)
            {
                match header.kind {
                    Kind::Event => events(&header, body),
                    Kind::Reply if header.correlation == call.correlation => {
                        return if header.method == call.method {
                            Ok(length)
                        } else {
                            Err(CallError::Malformed)
                        };
                    }
                    Kind::Error if header.correlation == call.correlation => match body {
                        // The new life, and with it the news which one it is, may still be on its way.
                        [code] if *code == ErrorCode::PeerRestarted.as_u8() => lost = true,
                        _ => return Err(refusal(body)),
                    },
                    Kind::Call | Kind::Reply | Kind::Error => {}
                }
            }
            if message.is_none() || lost {
                self.check_life(generation)?;
                lost |= self.port.facts().state == PortState::Closed;
            }
            if lost && !was_lost {
                // Another life is given as long to come as before a call.
                deadline = deadline.min(self.deadline(OPEN_WAIT_MS));
            }
            if self.port.now() >= deadline {
                return Err(if lost { CallError::PeerGone } else { CallError::TimedOut });
            }
            if message.is_none() {
                self.port.wait(Some(deadline));
            }
        }
    }
}

/// Puts a header and the encoded value into `frame`; gives their length together.
pub(crate) fn fill<A: Serialize>(frame: &mut [u8], head: Header, value: &A) -> Result<usize, CallError> {
    let body = frame.get_mut(HEADER_SIZE..).ok_or(CallError::TooLarge)?;
    let length = encode(value, body).map_err(|_| CallError::TooLarge)?;
    put_header(frame, head, length)
}

/// Puts a header before a body of `length` bytes; gives their length together.
fn put_header(frame: &mut [u8], head: Header, length: usize) -> Result<usize, CallError> {
    let end = length.checked_add(HEADER_SIZE).filter(|end| *end <= frame.len()).ok_or(CallError::TooLarge)?;
    let header = Header { length: u32::try_from(length).map_err(|_| CallError::TooLarge)?, ..head };
    header.write_to(frame).map_err(|_| CallError::TooLarge)?;
    Ok(end)
}

/// The frame in the first `length` bytes, when it is one of this schema.
pub(crate) fn parse(frame: &[u8], length: usize, schema: SchemaId) -> Option<(Header, &[u8])> {
    let (header, body) = Header::parse(frame.get(..length)?).ok()?;
    (header.schema == schema).then_some((header, body))
}

fn refusal(body: &[u8]) -> CallError {
    match *body {
        [code] => match ErrorCode::from_u8(code) {
            Some(ErrorCode::Denied) => CallError::Denied,
            Some(ErrorCode::PeerGone) => CallError::PeerGone,
            Some(ErrorCode::Malformed) => CallError::Malformed,
            Some(ErrorCode::TooLarge) => CallError::TooLarge,
            Some(code) => CallError::Refused(code),
            None => CallError::Malformed,
        },
        _ => CallError::Malformed,
    }
}
