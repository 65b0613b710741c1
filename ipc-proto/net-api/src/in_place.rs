//! Streams and datagrams without a copy: data stays in the body of its message.
//!
//! The typed client and server move up to 60 KiB by value, through the stack. What is here makes and takes the same bytes,
//! bit for bit, where they lie; the tests hold the two against each other.
//! Source: `ipc-proto/spec/strict-postcard.md`, `ipc-proto/spec/services/net.md`.

use core::net::IpAddr;

use ipc_proto_rpc::{Caller, InPlacePort, Port, SendError, notify};
use ipc_proto_types::{Bytes, ErrorCode, Kind, List, Text};
use ipc_proto_wire::{DecodeError, HEADER_SIZE, Header, all_bytes, decode, encode, take_number};

use crate::{
    ADDRESSES_MAX, Accepted, Address, DATA_MAX, DATAGRAM_MAX, Datagram, HOST_MAX, Handle, ListenerId, Net,
    NetError, POLL_MAX, Readiness, SERVICE, SocketId, Status, StreamId, dispatch,
};

/// Number of the method `send`.
pub const SEND: u16 = 1;
/// Number of the method `receive`.
pub const RECEIVE: u16 = 2;
/// Number of the method `send_to`.
pub const SEND_TO: u16 = 3;
/// Number of the method `receive_from`.
pub const RECEIVE_FROM: u16 = 4;

/// Number of the event `ready`.
pub const READY: u16 = 14;
/// Number of the event `changed`.
pub const CHANGED: u16 = 15;

/// Longest varint of a number of 64 bits, in bytes.
const VARINT_MAX: usize = 10;
/// The tag of `Ok`.
const OK: u8 = 0;
/// Room that is left for the length of data before the data: three bytes of seven bits are more than 60 KiB.
const LENGTH_MAX: usize = 3;
/// Bytes before the length of a datagram at most: tag, tag of the address, address, port.
const DATAGRAM_HEAD_MAX: usize = 1 + 1 + 16 + 3;

/// A server of `net` whose data stays in messages.
pub trait InPlace {
    /// As [`Net::send`].
    ///
    /// # Errors
    /// See [`NetError`]; nothing was taken then.
    fn send(&mut self, caller: &Caller, stream: StreamId, data: &[u8]) -> Result<usize, NetError>;

    /// As [`Net::receive`]: fills the beginning of `into` and says how much of it.
    ///
    /// # Errors
    /// See [`NetError`].
    fn receive(&mut self, caller: &Caller, stream: StreamId, into: &mut [u8]) -> Result<usize, NetError>;

    /// As [`Net::send_to`].
    ///
    /// # Errors
    /// See [`NetError`].
    fn send_to(
        &mut self,
        caller: &Caller,
        socket: SocketId,
        host: &str,
        port: u16,
        data: &[u8],
    ) -> Result<(), NetError>;

    /// As [`Net::receive_from`]: fills the beginning of `into`, which has [`DATAGRAM_MAX`] bytes, and says how much of it,
    /// and from where.
    ///
    /// # Errors
    /// See [`NetError`].
    fn receive_from(
        &mut self,
        caller: &Caller,
        socket: SocketId,
        into: &mut [u8],
    ) -> Result<(usize, IpAddr, u16), NetError>;

    /// As [`Net::status`].
    fn status(&mut self, caller: &Caller) -> Status;

    /// As [`Net::resolve`].
    ///
    /// # Errors
    /// See [`NetError`].
    fn resolve(&mut self, caller: &Caller, name: &str) -> Result<List<Address, ADDRESSES_MAX>, NetError>;

    /// As [`Net::connect`].
    ///
    /// # Errors
    /// See [`NetError`].
    fn connect(&mut self, caller: &Caller, host: &str, port: u16) -> Result<StreamId, NetError>;

    /// As [`Net::shutdown`].
    ///
    /// # Errors
    /// See [`NetError`].
    fn shutdown(&mut self, caller: &Caller, stream: StreamId) -> Result<(), NetError>;

    /// As [`Net::close`].
    ///
    /// # Errors
    /// See [`NetError`].
    fn close(&mut self, caller: &Caller, handle: Handle) -> Result<(), NetError>;

    /// As [`Net::bind_udp`].
    ///
    /// # Errors
    /// See [`NetError`].
    fn bind_udp(&mut self, caller: &Caller, port: u16) -> Result<SocketId, NetError>;

    /// As [`Net::listen`].
    ///
    /// # Errors
    /// See [`NetError`].
    fn listen(&mut self, caller: &Caller, port: u16) -> Result<ListenerId, NetError>;

    /// As [`Net::accept`].
    ///
    /// # Errors
    /// See [`NetError`].
    fn accept(&mut self, caller: &Caller, listener: ListenerId) -> Result<Accepted, NetError>;

    /// As [`Net::ping`].
    ///
    /// # Errors
    /// See [`NetError`].
    fn ping(&mut self, caller: &Caller, host: &str) -> Result<u32, NetError>;

    /// As [`Net::poll`].
    ///
    /// # Errors
    /// See [`NetError`].
    fn poll(&mut self, caller: &Caller, handles: &[Handle]) -> Result<List<Readiness, POLL_MAX>, NetError>;
}

/// As [`dispatch`], for a server whose data stays in messages: see [`serve_in_place`].
///
/// # Errors
/// As [`dispatch`].
pub fn dispatch_in_place(
    server: &mut impl InPlace,
    caller: &Caller,
    header: &Header,
    body: &[u8],
    out: &mut [u8],
) -> Result<Option<usize>, ErrorCode> {
    let length = match (header.method, header.kind) {
        (SEND, Kind::Call) => send(server, caller, body, out),
        (RECEIVE, Kind::Call) => receive(server, caller, body, out),
        (SEND_TO, Kind::Call) => send_to(server, caller, body, out),
        (RECEIVE_FROM, Kind::Call) => receive_from(server, caller, body, out),
        _ => return dispatch(&mut Small(server), caller, header, body, out),
    };
    length.map(Some)
}

/// As [`crate::serve`], for a server whose data stays in messages. The server must use no port of its qube while it answers.
pub fn serve_in_place(server: &mut impl InPlace, port: &mut impl InPlacePort) -> usize {
    let mut dispatch = |caller: &Caller, header: &Header, body: &[u8], out: &mut [u8]| {
        dispatch_in_place(server, caller, header, body, out)
    };
    ipc_proto_rpc::serve_in_place(port, &mut dispatch)
}

/// Says one of the events, [`READY`] or [`CHANGED`], without a frame of the longest length.
///
/// # Errors
/// It was not queued: the client does not listen, is gone, or has no room; then it can be said again.
pub fn tell(port: &mut impl Port, event: u16) -> Result<(), SendError> {
    // The events have no arguments, and an empty list of them has no bytes.
    notify(port, SERVICE.id, event, &(), &mut [0; HEADER_SIZE])
}

/// Address and port that a datagram came from, and what it carries.
pub type Received<'b> = (Address, u16, &'b [u8]);

type Length = Result<usize, ErrorCode>;

fn malformed(_: DecodeError) -> ErrorCode {
    ErrorCode::Malformed
}

fn reply(value: &impl serde::Serialize, out: &mut [u8]) -> Length {
    encode(value, out).map_err(|_| ErrorCode::Internal)
}

fn send(server: &mut impl InPlace, caller: &Caller, body: &[u8], out: &mut [u8]) -> Length {
    let (stream, rest) = take_number(body).map_err(malformed)?;
    let stream = u32::try_from(stream).map_err(|_| ErrorCode::Malformed)?;
    let data = all_bytes(rest, DATA_MAX).map_err(malformed)?;
    let taken = server.send(caller, StreamId(stream), data);
    reply(&taken.map(to_u32), out)
}

fn receive(server: &mut impl InPlace, caller: &Caller, body: &[u8], out: &mut [u8]) -> Length {
    let (stream, max): (StreamId, u32) = decode(body).map_err(malformed)?;
    let max = usize::try_from(max).unwrap_or(DATA_MAX).min(DATA_MAX);
    fill(out, &[OK], max, |into| server.receive(caller, stream, into))
}

fn send_to(server: &mut impl InPlace, caller: &Caller, body: &[u8], out: &mut [u8]) -> Length {
    let (socket, rest) = take_number(body).map_err(malformed)?;
    let socket = u32::try_from(socket).map_err(|_| ErrorCode::Malformed)?;
    let (length, rest) = take_number(rest).map_err(malformed)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= HOST_MAX);
    let (host, rest) = length.and_then(|length| rest.split_at_checked(length)).ok_or(ErrorCode::Malformed)?;
    let host = core::str::from_utf8(host).map_err(|_| ErrorCode::Malformed)?;
    let (port, rest) = take_number(rest).map_err(malformed)?;
    let port = u16::try_from(port).map_err(|_| ErrorCode::Malformed)?;
    let data = all_bytes(rest, DATAGRAM_MAX).map_err(malformed)?;
    reply(&server.send_to(caller, SocketId(socket), host, port, data), out)
}

fn receive_from(server: &mut impl InPlace, caller: &Caller, body: &[u8], out: &mut [u8]) -> Length {
    let socket: SocketId = decode(body).map_err(malformed)?;
    let mut from = None;
    // Where it came from stands before the data, and is known after it: the data is put behind the longest.
    let start = DATAGRAM_HEAD_MAX.saturating_add(LENGTH_MAX);
    let into = out.get_mut(start..start.saturating_add(DATAGRAM_MAX)).ok_or(ErrorCode::Internal)?;
    let length = server.receive_from(caller, socket, into).map(|(length, address, port)| {
        from = Some((Address::from(address), port));
        length.min(DATAGRAM_MAX)
    });
    let (length, (address, port)) = match (length, from) {
        (Ok(length), Some(from)) => (length, from),
        (Err(error), _) => return reply(&Err::<(), _>(error), out),
        (Ok(_), None) => return Err(ErrorCode::Internal),
    };
    let mut head = [0; DATAGRAM_HEAD_MAX + LENGTH_MAX];
    let head_length = reply(&(OK, address, port, to_u32(length)), &mut head)?;
    out.get_mut(..head_length)
        .ok_or(ErrorCode::Internal)?
        .copy_from_slice(head.get(..head_length).unwrap_or(&[]));
    out.copy_within(start..start.saturating_add(length), head_length);
    Ok(head_length.saturating_add(length))
}

/// Has `into` filled where it lies when its length takes three bytes, and moves it when it takes fewer; so what takes long
/// to move is not moved.
fn fill(
    out: &mut [u8],
    head: &[u8],
    max: usize,
    read: impl FnOnce(&mut [u8]) -> Result<usize, NetError>,
) -> Length {
    let start = head.len().saturating_add(LENGTH_MAX);
    let into = out.get_mut(start..start.saturating_add(max)).ok_or(ErrorCode::Internal)?;
    let length = match read(into) {
        Ok(length) => length.min(max),
        Err(error) => return reply(&Err::<(), _>(error), out),
    };
    out.get_mut(..head.len()).ok_or(ErrorCode::Internal)?.copy_from_slice(head);
    let mut bytes = [0; VARINT_MAX];
    let digits = reply(&to_u32(length), &mut bytes)?;
    let end = head.len().saturating_add(digits);
    let place = out.get_mut(head.len()..end).ok_or(ErrorCode::Internal)?;
    place.copy_from_slice(bytes.get(..digits).unwrap_or(&[]));
    if end != start {
        out.copy_within(start..start.saturating_add(length), end);
    }
    Ok(end.saturating_add(length))
}

/// Writes the arguments of `send` to the front of `body`, the one copy of `data`; gives their length, `None` when `data` is
/// more than one message carries or `body` is too short.
pub fn put_send(body: &mut [u8], stream: StreamId, data: &[u8]) -> Option<usize> {
    if data.len() > DATA_MAX {
        return None;
    }
    let head = encode(&(stream, to_u32(data.len())), body).ok()?;
    put(body, head, data)
}

/// Writes the arguments of `receive` to the front of `body`; gives their length, `None` when they do not fit.
pub fn put_receive(body: &mut [u8], stream: StreamId, max: u32) -> Option<usize> {
    encode(&(stream, max), body).ok()
}

/// Writes the arguments of `send_to` to the front of `body`; gives their length, `None` when a message carries no such host or
/// so much data, or `body` is too short.
pub fn put_send_to(body: &mut [u8], socket: SocketId, host: &str, port: u16, data: &[u8]) -> Option<usize> {
    let host = Text::<HOST_MAX>::try_from(host).ok()?;
    if data.len() > DATAGRAM_MAX {
        return None;
    }
    let head = encode(&(socket, host, port, to_u32(data.len())), body).ok()?;
    put(body, head, data)
}

/// The data in the body of a reply to `receive`, where it lies; or the error that the server gave.
///
/// # Errors
/// The body is no reply to `receive`.
pub fn received(body: &[u8]) -> Result<Result<&[u8], NetError>, DecodeError> {
    match body.split_first() {
        Some((&OK, rest)) => all_bytes(rest, DATA_MAX).map(Ok),
        _ => failed(body),
    }
}

/// Address, port and data in the body of a reply to `receive_from`; or the error that the server gave.
///
/// # Errors
/// The body is no reply to `receive_from`.
pub fn received_from(body: &[u8]) -> Result<Result<Received<'_>, NetError>, DecodeError> {
    let Some((&OK, rest)) = body.split_first() else { return failed(body) };
    let length = match rest.first() {
        Some(0) => 4,
        Some(1) => 16,
        _ => return Err(DecodeError::Malformed),
    };
    let (address, rest) =
        rest.split_at_checked(1_usize.saturating_add(length)).ok_or(DecodeError::Malformed)?;
    let (port, rest) = take_number(rest)?;
    let port = u16::try_from(port).map_err(|_| DecodeError::Malformed)?;
    Ok(Ok((decode(address)?, port, all_bytes(rest, DATAGRAM_MAX)?)))
}

/// The error in a reply that is not `Ok`.
fn failed<T>(body: &[u8]) -> Result<Result<T, NetError>, DecodeError> {
    match decode::<Result<(), NetError>>(body)? {
        Ok(()) => Err(DecodeError::Malformed),
        Err(error) => Ok(Err(error)),
    }
}

/// Puts data behind a head that is there.
fn put(body: &mut [u8], head: usize, data: &[u8]) -> Option<usize> {
    let end = head.checked_add(data.len())?;
    body.get_mut(head..end)?.copy_from_slice(data);
    Some(end)
}

/// A length of at most `DATA_MAX`.
#[expect(clippy::cast_possible_truncation, reason = "at most 60 KiB")]
const fn to_u32(length: usize) -> u32 {
    length as u32
}

/// The methods without data, for the typed code. The others never come here.
struct Small<'s, S>(&'s mut S);

impl<S: InPlace> Net for Small<'_, S> {
    fn status(&mut self, caller: &Caller) -> Status {
        self.0.status(caller)
    }

    fn send(&mut self, _: &Caller, _: StreamId, _: Bytes<DATA_MAX>) -> Result<u32, NetError> {
        Err(NetError::WouldBlock)
    }

    fn receive(&mut self, _: &Caller, _: StreamId, _: u32) -> Result<Bytes<DATA_MAX>, NetError> {
        Err(NetError::WouldBlock)
    }

    fn send_to(
        &mut self,
        _: &Caller,
        _: SocketId,
        _: Text<HOST_MAX>,
        _: u16,
        _: Bytes<DATAGRAM_MAX>,
    ) -> Result<(), NetError> {
        Err(NetError::WouldBlock)
    }

    fn receive_from(&mut self, _: &Caller, _: SocketId) -> Result<Datagram, NetError> {
        Err(NetError::WouldBlock)
    }

    fn resolve(
        &mut self,
        caller: &Caller,
        name: Text<HOST_MAX>,
    ) -> Result<List<Address, ADDRESSES_MAX>, NetError> {
        self.0.resolve(caller, &name)
    }

    fn connect(&mut self, caller: &Caller, host: Text<HOST_MAX>, port: u16) -> Result<StreamId, NetError> {
        self.0.connect(caller, &host, port)
    }

    fn shutdown(&mut self, caller: &Caller, stream: StreamId) -> Result<(), NetError> {
        self.0.shutdown(caller, stream)
    }

    fn close(&mut self, caller: &Caller, handle: Handle) -> Result<(), NetError> {
        self.0.close(caller, handle)
    }

    fn bind_udp(&mut self, caller: &Caller, port: u16) -> Result<SocketId, NetError> {
        self.0.bind_udp(caller, port)
    }

    fn listen(&mut self, caller: &Caller, port: u16) -> Result<ListenerId, NetError> {
        self.0.listen(caller, port)
    }

    fn accept(&mut self, caller: &Caller, listener: ListenerId) -> Result<Accepted, NetError> {
        self.0.accept(caller, listener)
    }

    fn ping(&mut self, caller: &Caller, host: Text<HOST_MAX>) -> Result<u32, NetError> {
        self.0.ping(caller, &host)
    }

    fn poll(
        &mut self,
        caller: &Caller,
        handles: List<Handle, POLL_MAX>,
    ) -> Result<List<Readiness, POLL_MAX>, NetError> {
        self.0.poll(caller, &handles)
    }
}
