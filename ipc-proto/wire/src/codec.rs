//! Strict postcard for typed values.
//!
//! postcard itself is lax: it takes over-long varints and ignores what follows a value. `decode` reads with a reader of its
//! own (`strict.rs`), so it accepts what the validator accepts, by another way; the conformance tests hold the two against
//! each other. With debug assertions it also holds each value's own encoding against the bytes it came from.
//! Source: `ipc-proto/spec/strict-postcard.md`.

use ipc_proto_types::ErrorCode;
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::strict::Strict;
use crate::varint::{self, VarintError};

/// Why a value was not encoded. Ours to blame: the buffer is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeError;

/// Why bytes were not decoded. The sender is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// No value of the type: truncated, over a bound, a tag or a text that is none.
    Malformed,
    /// Bytes after the value.
    Trailing,
    /// A value, but not written the one legal way.
    NotCanonical,
}

/// What a varint that is none means for the value it begins.
#[inline(always)]
pub(crate) fn no_varint(error: VarintError) -> DecodeError {
    match error {
        VarintError::OverLong => DecodeError::NotCanonical,
        VarintError::Truncated | VarintError::TooLarge => DecodeError::Malformed,
    }
}

/// Writes `value` to the front of `to` and gives its length in bytes.
///
/// # Errors
/// `to` is too small; its content is undefined then.
pub fn encode<T: Serialize + ?Sized>(value: &T, to: &mut [u8]) -> Result<usize, EncodeError> {
    postcard::to_slice(value, to).map(|written| written.len()).map_err(|_| EncodeError)
}

/// Takes a `u64` off the front of a body: for who leaves the data behind it where it lies.
///
/// # Errors
/// As [`decode`].
pub fn take_number(body: &[u8]) -> Result<(u64, &[u8]), DecodeError> {
    varint::take::<64>(body).map_err(no_varint)
}

/// The data of a `Bytes` of at most `max` bytes that is all of `body`, where it lies.
///
/// # Errors
/// As [`decode`].
pub fn all_bytes(body: &[u8], max: usize) -> Result<&[u8], DecodeError> {
    let (length, rest) = take_number(body)?;
    match usize::try_from(length) {
        Ok(length) if length > max || length > rest.len() => Err(DecodeError::Malformed),
        Ok(length) if length < rest.len() => Err(DecodeError::Trailing),
        Ok(_) => Ok(rest),
        Err(_) => Err(DecodeError::Malformed),
    }
}

/// The value whose one legal encoding is `bytes`, all of them.
///
/// # Errors
/// Says in what way the bytes are not that.
#[inline]
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut strict = Strict { rest: bytes };
    let value = T::deserialize(&mut strict)?;
    if !strict.rest.is_empty() {
        return Err(DecodeError::Trailing);
    }
    debug_assert!(is_encoding(&value, bytes), "a type in a message reads something else than it writes");
    Ok(value)
}

/// Whether `bytes` are what `encode` makes of the value.
fn is_encoding<T: Serialize>(value: &T, bytes: &[u8]) -> bool {
    postcard::serialize_with_flavor(value, Compare { expected: bytes }).is_ok()
}

/// Decodes a body and encodes the value again to the front of `again`; gives its length there.
///
/// # Errors
/// `Malformed` when the body is not strict, `Internal` when `again` is too small.
pub fn recode<T: Serialize + DeserializeOwned>(body: &[u8], again: &mut [u8]) -> Result<usize, ErrorCode> {
    let value = decode::<T>(body).map_err(|_| ErrorCode::Malformed)?;
    encode(&value, again).map_err(|_| ErrorCode::Internal)
}

/// A sink for an encoder that writes nothing and fails at the first byte that is not the expected one.
struct Compare<'a> {
    expected: &'a [u8],
}

impl Flavor for Compare<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        match self.expected.split_at_checked(data.len()) {
            Some((head, rest)) if head == data => {
                self.expected = rest;
                Ok(())
            }
            _ => Err(postcard::Error::SerializeBufferFull),
        }
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<()> {
        if self.expected.is_empty() { Ok(()) } else { Err(postcard::Error::SerializeBufferFull) }
    }
}

#[cfg(test)]
mod tests {
    use ipc_proto_types::{Bytes, List, Text};

    use super::*;

    #[test]
    fn a_value_is_encoded_as_postcard_does() {
        let mut buffer = [0xff; 16];
        let value = (Text::<8>::truncated("hi"), 300_u16, true, Some(-1_i32), Bytes::from([1, 2]));
        let length = encode(&value, &mut buffer).unwrap();
        assert_eq!(buffer[..length], [2, b'h', b'i', 0xac, 0x02, 1, 1, 1, 2, 1, 2]);
        assert_eq!(decode(&buffer[..length]), Ok(value.clone()));
        assert_eq!(encode(&value, &mut buffer[..length - 1]), Err(EncodeError));
    }

    #[test]
    fn what_postcard_lets_pass_is_refused() {
        assert_eq!(decode::<u16>(&[0x80, 0x00]), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<Text<8>>(&[0x81, 0x00, b'a']), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<List<u16, 4>>(&[0x81, 0x00, 1]), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<Result<(), ()>>(&[0x81, 0x00]), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<u8>(&[1, 2]), Err(DecodeError::Trailing));
        assert_eq!(decode::<()>(&[1]), Err(DecodeError::Trailing));
        assert_eq!(decode::<Text<2>>(&[3, b'a', b'b', b'c']), Err(DecodeError::Malformed));
        assert_eq!(decode::<List<u16, 2>>(&[3, 1, 2, 3]), Err(DecodeError::Malformed));
        assert_eq!(decode::<u8>(&[]), Err(DecodeError::Malformed));
    }
}
