//! gzip (RFC 1952) around deflate: one member, length and checksum checked, output of a length known beforehand.
//!
//! The trailer says how long the contents are. That is believed only as far as deflate could have made so much of the
//! input, and below the cap; then exactly that much is allocated, once, so that growing leaves no copies behind.

use alloc::boxed::Box;
use alloc::vec;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, TDEFLStatus, compress};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::bytes::{Reader, u32_of};
use crate::error::KdbxError;
use crate::key::SecretBytes;

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;
/// No flags, no time, no hint, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
const TRAILER: usize = 8;
/// The most that deflate makes of one byte: 258 bytes of a match in two bits.
const RATIO_MAX: usize = 1032;
/// Level 6 with 128 probes, zlib's default, without zlib's header.
const DEFLATE_FLAGS: u32 = 128;

/// Whether the contents are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// With gzip.
    Gzip,
}

impl Compression {
    pub(crate) const fn from_flags(flags: u32) -> Option<Self> {
        match flags {
            0 => Some(Self::None),
            1 => Some(Self::Gzip),
            _ => None,
        }
    }

    pub(crate) const fn flags(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
        }
    }
}

/// Inflates one member that is all of `file`, to at most `max` bytes.
pub(crate) fn inflate(file: &[u8], max: usize) -> Result<SecretBytes, KdbxError> {
    let deflated = skip_header(file).map_err(|_| KdbxError::Gzip)?;
    let (deflated, trailer) = deflated.split_last_chunk::<TRAILER>().ok_or(KdbxError::Gzip)?;
    let (crc, len) = trailer.split_at(4);
    let len = u32_of(len).and_then(|len| usize::try_from(len).ok()).ok_or(KdbxError::Gzip)?;
    if len > max {
        return Err(KdbxError::PayloadTooLarge);
    }
    if len / RATIO_MAX > deflated.len() {
        return Err(KdbxError::Gzip);
    }
    let mut out = SecretBytes::new(vec![0; len]);
    let mut state = Box::<DecompressorOxide>::default();
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, read, written) = decompress(&mut state, deflated, &mut out, 0, flags);
    let whole = status == TINFLStatus::Done && read == deflated.len() && written == len;
    if whole && u32_of(crc) == Some(crc32fast::hash(&out)) { Ok(out) } else { Err(KdbxError::Gzip) }
}

/// What follows the header. Name, comment and the like are skipped.
fn skip_header(file: &[u8]) -> Result<&[u8], KdbxError> {
    let mut reader = Reader::new(file);
    if reader.array::<3>()? != &MAGIC {
        return Err(KdbxError::Gzip);
    }
    let flags = reader.u8()?;
    reader.take(6)?;
    if flags & RESERVED != 0 {
        return Err(KdbxError::Gzip);
    }
    if flags & EXTRA != 0 {
        let len = reader.u16()?;
        reader.take(usize::from(len))?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let len = reader.rest().iter().position(|byte| *byte == 0).ok_or(KdbxError::Gzip)?;
            reader.take(len + 1)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        let header = file.get(..file.len() - reader.rest().len()).ok_or(KdbxError::Gzip)?;
        if crc32fast::hash(header) & 0xffff != u32::from(reader.u16()?) {
            return Err(KdbxError::Gzip);
        }
    }
    Ok(reader.rest())
}

/// Compresses `data`, leaving `room` bytes of capacity for who encrypts it in place.
pub(crate) fn deflate(data: &[u8], room: usize) -> Result<SecretBytes, KdbxError> {
    // Deflate falls back to stored blocks; miniz's own bound for the worst case is a tenth and 128 bytes.
    let bound = data.len() + data.len() / 10 + 128;
    let size = HEADER.len() + bound + TRAILER;
    let mut whole = vec![0; size + room];
    whole.truncate(size);
    let mut out = SecretBytes::new(whole);
    let (header, body) = out.split_at_mut(HEADER.len());
    header.copy_from_slice(&HEADER);
    let mut state = Box::new(CompressorOxide::new(DEFLATE_FLAGS));
    let (status, read, written) = compress(&mut state, data, body, TDEFLFlush::Finish);
    // Its window still holds what was compressed.
    state.reset();
    if status != TDEFLStatus::Done || read != data.len() {
        return Err(KdbxError::Gzip);
    }
    let len = u32::try_from(data.len()).map_err(|_| KdbxError::PayloadTooLarge)?;
    out.truncate(HEADER.len() + written);
    out.extend_from_slice(&crc32fast::hash(data).to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::PAYLOAD_MAX;
    use std::vec::Vec;

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56).to_le_bytes()[0]
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn what_was_deflated_inflates_and_nothing_grew() {
        for data in [vec![], vec![1], vec![0; 100_000], noise(100_000), noise(1)] {
            let packed = deflate(&data, 16).unwrap();
            assert!(packed.capacity() >= packed.len() + 16);
            assert_eq!(*inflate(&packed, PAYLOAD_MAX).unwrap(), data);
        }
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_an_error_or_in_an_unused_byte() {
        let packed = deflate(b"hello hello hello", 0).unwrap();
        for at in 0..packed.len() {
            assert!(inflate(&packed[..at], PAYLOAD_MAX).is_err(), "cut to {at}");
            for bit in 0..8 {
                let mut bad = packed.to_vec();
                bad[at] ^= 1 << bit;
                // Time, hint and system (bytes 4 to 9) and the flag for text mean nothing here; padding means nothing.
                let unused = (4..10).contains(&at) || (at, bit) == (3, 0) || at == packed.len() - 9;
                match inflate(&bad, PAYLOAD_MAX) {
                    Ok(out) => assert!(unused && *out == *b"hello hello hello", "byte {at} bit {bit}"),
                    Err(error) => assert!(error != KdbxError::Padding, "byte {at} bit {bit}"),
                }
            }
        }
        let mut longer = packed.to_vec();
        longer.push(0);
        assert!(inflate(&longer, PAYLOAD_MAX).is_err());
    }

    #[test]
    fn optional_parts_of_the_header_are_skipped() {
        let packed = deflate(b"text", 0).unwrap();
        let mut with = vec![0x1f, 0x8b, 8, EXTRA | NAME | COMMENT, 0, 0, 0, 0, 0, 255];
        with.extend_from_slice(b"\x02\0xxname\0comment\0");
        with.extend_from_slice(&packed[HEADER.len()..]);
        assert_eq!(*inflate(&with, PAYLOAD_MAX).unwrap(), b"text");
    }

    #[test]
    fn a_length_that_is_too_large_is_refused_before_it_is_allocated() {
        let mut packed = deflate(b"text", 0).unwrap().to_vec();
        let at = packed.len() - 4;
        packed[at..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(inflate(&packed, PAYLOAD_MAX).err(), Some(KdbxError::PayloadTooLarge));
        packed[at..].copy_from_slice(&1_000_000_u32.to_le_bytes());
        assert_eq!(inflate(&packed, PAYLOAD_MAX).err(), Some(KdbxError::Gzip));
    }
}
