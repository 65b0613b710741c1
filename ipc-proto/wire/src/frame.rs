//! The frame: a header of 32 bytes before every body.
//!
//! `Header` holds only legal values; bytes become one in [`Header::parse`] or not at all. Parsing says nothing about
//! the body but its length: that is `validate`.
//! Source: `ipc-proto/spec/wire-format.md`.

use ipc_proto_types::{Kind, MESSAGE_MAX, SchemaId};

/// Size of a header in bytes.
pub const HEADER_SIZE: usize = 32;

/// The fixed part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Schema of the service the message belongs to.
    pub schema: SchemaId,
    /// Number of the method, from 0, in the order of the trait.
    pub method: u16,
    /// Call, reply, event or error.
    pub kind: Kind,
    /// Pairs a reply with its call; 0 for events and for nothing else.
    pub correlation: u64,
    /// Length of the body in bytes.
    pub length: u32,
}

/// Why bytes are no frame. The sender is to blame for each. The audit tells them by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameError {
    /// Fewer than 32 bytes.
    Short = 0,
    /// The kind is none of the four.
    Kind = 1,
    /// The reserved byte is not 0.
    Reserved = 2,
    /// The length is not that of the rest, or over 64 KiB.
    Length = 3,
    /// An event with a correlation, or another kind without.
    Correlation = 4,
}

impl Header {
    /// Splits a message into header and body.
    ///
    /// # Errors
    /// Names the first field that is wrong.
    #[inline]
    pub fn parse(message: &[u8]) -> Result<(Self, &[u8]), FrameError> {
        Frame::parse(message).map(|frame| (frame.header(), frame.body))
    }

    /// The header as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_SIZE] {
        let schema = u128::from_le_bytes(self.schema.0);
        let middle =
            u64::from(self.method) | u64::from(self.kind.as_u8()) << 16 | u64::from(self.length) << 32;
        let rest = u128::from(middle) | u128::from(self.correlation) << 64;
        let mut bytes = [0; HEADER_SIZE];
        let (first, second) = bytes.split_at_mut(16);
        first.copy_from_slice(&schema.to_le_bytes());
        second.copy_from_slice(&rest.to_le_bytes());
        bytes
    }

    /// Writes the header to the first 32 bytes of `to`.
    ///
    /// # Errors
    /// `Short` when `to` is shorter than that; nothing is written then.
    #[inline]
    pub fn write_to(&self, to: &mut [u8]) -> Result<(), FrameError> {
        let head = to.first_chunk_mut::<HEADER_SIZE>().ok_or(FrameError::Short)?;
        *head = self.to_bytes();
        Ok(())
    }
}

/// A message with a legal header, where it lies: for who looks at a message and keeps nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'m> {
    /// Schema of the service the message belongs to.
    pub schema: &'m [u8; 16],
    /// Number of the method.
    pub method: u16,
    /// Call, reply, event or error.
    pub kind: Kind,
    /// Pairs a reply with its call.
    pub correlation: u64,
    /// The rest of the message, as long as the header says.
    pub body: &'m [u8],
}

impl<'m> Frame<'m> {
    /// Splits a message into header and body.
    ///
    /// # Errors
    /// Names the first field that is wrong.
    #[inline(always)]
    pub fn parse(message: &'m [u8]) -> Result<Self, FrameError> {
        let Some((head, body)) = message.split_first_chunk::<HEADER_SIZE>() else {
            return Err(FrameError::Short);
        };
        let (schema, rest) = take::<16>(head);
        let (method, rest) = take::<2>(rest);
        let ([kind, reserved], rest) = take::<2>(rest);
        let (length, rest) = take::<4>(rest);
        let (correlation, _) = take::<8>(rest);
        let Some(kind) = Kind::from_u8(*kind) else {
            return Err(FrameError::Kind);
        };
        if *reserved != 0 {
            return Err(FrameError::Reserved);
        }
        if u32::from_le_bytes(*length) as usize != body.len() || body.len() > MESSAGE_MAX {
            return Err(FrameError::Length);
        }
        let correlation = u64::from_le_bytes(*correlation);
        if correlation == 0 && !may_be_uncorrelated(kind) || correlation != 0 && matches!(kind, Kind::Event) {
            return Err(FrameError::Correlation);
        }
        Ok(Self { schema, method: u16::from_le_bytes(*method), kind, correlation, body })
    }

    /// The header, to keep.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a body is at most 64 KiB")]
    pub fn header(&self) -> Header {
        Header {
            schema: SchemaId(*self.schema),
            method: self.method,
            kind: self.kind,
            correlation: self.correlation,
            length: self.body.len() as u32,
        }
    }
}

/// Only an event is, and few messages are: kept out of the way of the rest.
#[cold]
#[inline(never)]
fn may_be_uncorrelated(kind: Kind) -> bool {
    matches!(kind, Kind::Event)
}

/// The first `N` of `bytes`, which holds at least as many: the sizes taken in `parse` sum up to those of the header.
#[inline(always)]
fn take<const N: usize>(bytes: &[u8]) -> (&[u8; N], &[u8]) {
    bytes.split_first_chunk::<N>().unwrap_or((&[0; N], &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        schema: SchemaId([0xa5; 16]),
        method: 0x0203,
        kind: Kind::Call,
        correlation: 0x0102_0304_0506_0708,
        length: 2,
    };

    fn frame() -> Vec<u8> {
        let mut frame = vec![0xa5; 16];
        frame.extend([0x03, 0x02, 1, 0, 2, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, b'h', b'i']);
        frame
    }

    #[test]
    fn a_header_stands_at_the_offsets_of_the_specification() {
        let mut bytes = [0xff; 34];
        HEADER.write_to(&mut bytes).unwrap();
        bytes[32..].copy_from_slice(b"hi");
        assert_eq!(bytes.as_slice(), frame());
        assert_eq!(Header::parse(&bytes), Ok((HEADER, b"hi".as_slice())));
    }

    #[test]
    fn every_truncation_of_a_frame_is_refused() {
        let frame = frame();
        for length in 0..frame.len() {
            let expected = if length < 32 { FrameError::Short } else { FrameError::Length };
            assert_eq!(Header::parse(&frame[..length]), Err(expected), "{length}");
        }
        assert_eq!(HEADER.write_to(&mut [0; 31]), Err(FrameError::Short));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let check = |at: usize, byte: u8, expected| {
            let mut frame = frame();
            frame[at] = byte;
            assert_eq!(Header::parse(&frame).map(|_| ()), Err(expected), "byte {at} = {byte}");
        };
        check(18, 0, FrameError::Kind);
        check(18, 5, FrameError::Kind);
        check(19, 1, FrameError::Reserved);
        check(20, 1, FrameError::Length);
        check(20, 3, FrameError::Length);
        check(23, 0x80, FrameError::Length);
        check(18, 3, FrameError::Correlation);
        let mut uncorrelated = frame();
        uncorrelated[24..32].fill(0);
        assert_eq!(Header::parse(&uncorrelated), Err(FrameError::Correlation));
    }

    #[test]
    fn a_body_over_the_limit_is_refused_even_when_it_is_there() {
        let header = Header { length: 65537, ..HEADER };
        let mut frame = header.to_bytes().to_vec();
        frame.resize(32 + 65537, 0);
        assert_eq!(Header::parse(&frame), Err(FrameError::Length));
        frame.pop();
        frame[20..24].copy_from_slice(&65536_u32.to_le_bytes());
        assert!(Header::parse(&frame).is_ok());
    }
}
