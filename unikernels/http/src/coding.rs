//! Compressed bodies: gzip (RFC 1952) and deflate, which is zlib's format (RFC 1950) or, from some servers,
//! bare deflate (RFC 1951). One coding, one gzip member; `miniz_oxide` decompresses up to the cap and no
//! further.

use alloc::vec::Vec;

use miniz_oxide::inflate::{
    DecompressError, TINFLStatus, decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit,
};

use crate::HttpError;
use crate::limits::GZIP_HEADER_LEN_MAX;

/// Flags of a gzip header (RFC 1952 section 2.3.1).
const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;
/// Bytes of a gzip header before its optional fields, and of CRC and length at the end.
const FIXED_LEN: usize = 10;
const TRAILER_LEN: usize = 8;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Deflate,
}

impl Coding {
    /// Reads the value of `Content-Encoding`.
    pub(crate) fn parse(value: Option<&[u8]>) -> Result<Self, HttpError> {
        let is = |name: &[u8]| value.unwrap_or(b"").eq_ignore_ascii_case(name);
        if is(b"") || is(b"identity") {
            Ok(Self::Identity)
        } else if is(b"gzip") || is(b"x-gzip") {
            Ok(Self::Gzip)
        } else if is(b"deflate") {
            Ok(Self::Deflate)
        } else {
            Err(HttpError::ContentCoding)
        }
    }

    /// The body itself, at most `len_max` bytes of it.
    pub(crate) fn decode(self, body: Vec<u8>, len_max: usize) -> Result<Vec<u8>, HttpError> {
        match self {
            Self::Identity if body.len() > len_max => Err(HttpError::DecodedTooLarge),
            Self::Identity => Ok(body),
            // An empty body needs no wrapping; servers send such with redirects and errors.
            _ if body.is_empty() => Ok(body),
            Self::Gzip => gunzip(&body, len_max),
            Self::Deflate if is_zlib(&body) => {
                decompress_to_vec_zlib_with_limit(&body, len_max).map_err(|error| why(&error))
            }
            Self::Deflate => decompress_to_vec_with_limit(&body, len_max).map_err(|error| why(&error)),
        }
    }
}

fn why(error: &DecompressError) -> HttpError {
    if error.status == TINFLStatus::HasMoreOutput {
        HttpError::DecodedTooLarge
    } else {
        HttpError::Compressed
    }
}

/// Whether the first two bytes are zlib's: method 8, and together a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    body.first_chunk::<2>()
        .is_some_and(|head| head[0] & 15 == 8 && u16::from_be_bytes(*head).is_multiple_of(31))
}

fn gunzip(file: &[u8], len_max: usize) -> Result<Vec<u8>, HttpError> {
    let (rest, trailer) = file.split_last_chunk::<TRAILER_LEN>().ok_or(HttpError::Compressed)?;
    let data = rest.get(header_len(rest).ok_or(HttpError::Compressed)?..).ok_or(HttpError::Compressed)?;
    let body = decompress_to_vec_with_limit(data, len_max).map_err(|error| why(&error))?;
    let [c0, c1, c2, c3, l0, l1, l2, l3] = *trailer;
    // The length is kept modulo 2^32, and no limit of ours is beyond that.
    let is_whole = crc32fast::hash(&body) == u32::from_le_bytes([c0, c1, c2, c3])
        && u32::try_from(body.len()) == Ok(u32::from_le_bytes([l0, l1, l2, l3]));
    if is_whole { Ok(body) } else { Err(HttpError::Compressed) }
}

/// How long the header of a gzip file is, if it has one that we take.
fn header_len(file: &[u8]) -> Option<usize> {
    let head = file.first_chunk::<FIXED_LEN>()?;
    let flags = head[3];
    if head[..3] != [0x1f, 0x8b, 8] || flags & RESERVED != 0 {
        return None;
    }
    let mut at = FIXED_LEN;
    if flags & EXTRA != 0 {
        let len = file.get(at..)?.first_chunk::<2>()?;
        at += 2 + usize::from(u16::from_le_bytes(*len));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            at += file.get(at..)?.iter().take(GZIP_HEADER_LEN_MAX).position(|byte| *byte == 0)? + 1;
        }
    }
    if flags & HEADER_CRC != 0 {
        let kept = file.get(at..)?.first_chunk::<2>()?;
        let crc = crc32fast::hash(file.get(..at)?).to_le_bytes();
        if crc[..2] != kept[..] {
            return None;
        }
        at += 2;
    }
    (at <= GZIP_HEADER_LEN_MAX).then_some(at)
}
