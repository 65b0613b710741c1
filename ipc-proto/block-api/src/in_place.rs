//! Reads and writes without a copy: data stays in the body of its message.
//!
//! The typed client and server move up to 60 KiB by value, through the stack. What is here makes and takes the same bytes,
//! bit for bit, where they lie; the tests hold the two against each other.
//! Source: `ipc-proto/spec/strict-postcard.md`, `ipc-proto/spec/services/block.md`.

use ipc_proto_rpc::{Caller, Port, serve_unwiped};
use ipc_proto_types::{Bytes, ErrorCode, Kind};
use ipc_proto_wire::{DecodeError, Header, all_bytes, decode, encode, take_number};

use crate::{Block, BlockError, Buffers, DATA_MAX, SECTOR, SECTORS_MAX, dispatch};

/// Number of the method `read`.
pub const READ: u16 = 1;
/// Number of the method `write`.
pub const WRITE: u16 = 2;

/// The tag of `Ok`.
const OK: u8 = 0;

/// A server of `block` whose data stays in messages.
pub trait InPlace {
    /// As [`Block::size`].
    ///
    /// # Errors
    /// See [`BlockError`].
    fn size(&mut self, caller: &Caller) -> Result<u64, BlockError>;

    /// Fills `into`, 1 to 120 sectors, from sector `from`.
    ///
    /// # Errors
    /// See [`BlockError`]; nothing of `into` is told then.
    fn read(&mut self, caller: &Caller, from: u64, into: &mut [u8]) -> Result<(), BlockError>;

    /// Writes `data`, 1 to 120 whole sectors, from sector `to`.
    ///
    /// # Errors
    /// See [`BlockError`].
    fn write(&mut self, caller: &Caller, to: u64, data: &[u8]) -> Result<(), BlockError>;

    /// As [`Block::flush`].
    ///
    /// # Errors
    /// See [`BlockError`].
    fn flush(&mut self, caller: &Caller) -> Result<(), BlockError>;

    /// As [`Block::discard`].
    ///
    /// # Errors
    /// See [`BlockError`].
    fn discard(&mut self, caller: &Caller, from: u64, count: u64) -> Result<(), BlockError>;
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
    match (header.method, header.kind) {
        (READ, Kind::Call) => read(server, caller, body, out),
        (WRITE, Kind::Call) => write(server, caller, body, out),
        _ => dispatch(&mut Small(server), caller, header, body, out),
    }
}

/// As [`crate::serve`], for a server whose data stays in messages. What clients keep is sealed: no buffer is wiped.
pub fn serve_in_place(server: &mut impl InPlace, port: &mut impl Port, buffers: &mut Buffers) -> usize {
    serve_unwiped(
        port,
        &mut |caller: &Caller, header: &Header, body: &[u8], out: &mut [u8]| {
            dispatch_in_place(server, caller, header, body, out)
        },
        buffers,
    )
}

fn read(
    server: &mut impl InPlace,
    caller: &Caller,
    body: &[u8],
    out: &mut [u8],
) -> Result<Option<usize>, ErrorCode> {
    let (from, count): (u64, u16) = decode(body).map_err(|_| ErrorCode::Malformed)?;
    let result = if count > SECTORS_MAX {
        Err(BlockError::OutOfRange)
    } else if count == 0 {
        Err(BlockError::Unaligned)
    } else {
        let length = usize::from(count).saturating_mul(SECTOR);
        let head = encode(&(OK, usize_to_u32(length)), out).map_err(|_| ErrorCode::Internal)?;
        let end = head.saturating_add(length);
        let into = out.get_mut(head..end).ok_or(ErrorCode::Internal)?;
        server.read(caller, from, into).map(|()| end)
    };
    let end = match result {
        Ok(end) => end,
        Err(error) => encode(&Err::<(), _>(error), out).map_err(|_| ErrorCode::Internal)?,
    };
    Ok(Some(end))
}

fn write(
    server: &mut impl InPlace,
    caller: &Caller,
    body: &[u8],
    out: &mut [u8],
) -> Result<Option<usize>, ErrorCode> {
    let (to, rest) = take_number(body).map_err(|_| ErrorCode::Malformed)?;
    let data = all_bytes(rest, DATA_MAX).map_err(|_| ErrorCode::Malformed)?;
    let result = if data.is_empty() || !data.len().is_multiple_of(SECTOR) {
        Err(BlockError::Unaligned)
    } else {
        server.write(caller, to, data)
    };
    encode(&result, out).map(Some).map_err(|_| ErrorCode::Internal)
}

/// Writes the arguments of `read` to the front of `body`; gives their length, `None` when they do not fit.
pub fn put_read(body: &mut [u8], from: u64, count: u16) -> Option<usize> {
    encode(&(from, count), body).ok()
}

/// Writes the arguments of `write` to the front of `body`, the one copy of `data`; gives their length, `None` when
/// `data` is more than one message carries or `body` is too short.
pub fn put_write(body: &mut [u8], to: u64, data: &[u8]) -> Option<usize> {
    if data.len() > DATA_MAX {
        return None;
    }
    let head = encode(&(to, usize_to_u32(data.len())), body).ok()?;
    let end = head.checked_add(data.len())?;
    body.get_mut(head..end)?.copy_from_slice(data);
    Some(end)
}

/// The data in the body of a reply to `read`, where it lies; or the error that the server gave.
///
/// # Errors
/// The body is no reply to `read`.
pub fn read_data(body: &[u8]) -> Result<Result<&[u8], BlockError>, DecodeError> {
    match body.split_first() {
        Some((&OK, rest)) => all_bytes(rest, DATA_MAX).map(Ok),
        _ => match decode::<Result<(), BlockError>>(body)? {
            Ok(()) => Err(DecodeError::Malformed),
            Err(error) => Ok(Err(error)),
        },
    }
}

/// A length of at most `DATA_MAX`.
#[expect(clippy::cast_possible_truncation, reason = "at most 60 KiB")]
const fn usize_to_u32(length: usize) -> u32 {
    length as u32
}

/// The methods without data, for the typed code. The others never come here.
struct Small<'s, S>(&'s mut S);

impl<S: InPlace> Block for Small<'_, S> {
    fn size(&mut self, caller: &Caller) -> Result<u64, BlockError> {
        self.0.size(caller)
    }

    fn read(&mut self, _: &Caller, _: u64, _: u16) -> Result<Bytes<DATA_MAX>, BlockError> {
        Err(BlockError::Failed)
    }

    fn write(&mut self, _: &Caller, _: u64, _: Bytes<DATA_MAX>) -> Result<(), BlockError> {
        Err(BlockError::Failed)
    }

    fn flush(&mut self, caller: &Caller) -> Result<(), BlockError> {
        self.0.flush(caller)
    }

    fn discard(&mut self, caller: &Caller, from: u64, count: u64) -> Result<(), BlockError> {
        self.0.discard(caller, from, count)
    }
}
