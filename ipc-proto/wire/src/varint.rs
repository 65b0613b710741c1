//! Minimal varints: seven bits a byte, lowest first, the high bit set on all but the last, and no last byte of zero.
//!
//! Each number has one varint here, so an over-long one is refused. Up to eight bytes are looked at as one word; only what
//! is longer, or stands at the very end of a body, goes byte by byte. Not here: zigzag, bounds.
//! Source: `ipc-proto/spec/strict-postcard.md`.

/// Most bytes of a varint of 64 bits.
const BYTES_MAX: u32 = 10;
/// The high bit of each byte of a word.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Why bytes are no varint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VarintError {
    /// They end before it does.
    Truncated = 0,
    /// It is not minimal.
    OverLong = 1,
    /// It does not fit its type.
    TooLarge = 2,
}

/// Takes a varint of a type of `WIDTH` bits (16, 32 or 64) off the front: its value, below 2 to the
/// power of `WIDTH`, and what follows it.
#[inline(always)]
pub(crate) fn take<const WIDTH: u32>(bytes: &[u8]) -> Result<(u64, &[u8]), VarintError> {
    let (&first, rest) = bytes.split_first().ok_or(VarintError::Truncated)?;
    if first < 0x80 {
        return Ok((u64::from(first), rest));
    }
    // Two bytes hold 14 bits, which every width has.
    if let Some((&second @ 1..0x80, rest)) = rest.split_first() {
        return Ok((u64::from(first & 0x7f) | u64::from(second) << 7, rest));
    }
    let Long { value, length } = long::<WIDTH>(bytes);
    match bytes.split_at_checked(length) {
        Some((_, rest)) if length != 0 => Ok((value, rest)),
        _ => Err(fault(value)),
    }
}

/// Steps over a varint of a type of `width` bits, which is checked as by [`take`]: what follows it.
#[inline(always)]
pub(crate) fn skip(bytes: &[u8], width: u32) -> Result<&[u8], VarintError> {
    let (&first, rest) = bytes.split_first().ok_or(VarintError::Truncated)?;
    if first < 0x80 {
        return Ok(rest);
    }
    if let Some((1..0x80, rest)) = rest.split_first() {
        return Ok(rest);
    }
    if let Some((word, _)) = bytes.split_first_chunk::<8>()
        && let word = u64::from_le_bytes(*word)
        && let ends @ 1.. = !word & HIGH
    {
        // The highest bit set up to the end of the varint: in its last byte, or that one says nothing. Below it one bit of
        // each byte is not part of the number.
        let highest = (word & (ends ^ ends.wrapping_sub(1))).ilog2();
        let bits = ends.trailing_zeros().wrapping_add(1);
        let length = bits >> 3;
        if highest.wrapping_add(8) >= bits
            && highest.wrapping_add(2) <= width.wrapping_add(length)
            && let Some((_, rest)) = bytes.split_at_checked(length as usize)
        {
            return Ok(rest);
        }
    }
    let Long { value, length } = slow(bytes, width);
    match bytes.split_at_checked(length) {
        Some((_, rest)) if length != 0 => Ok(rest),
        _ => Err(fault(value)),
    }
}

/// What was read: in two registers, which a `Result` with a slice in it is not.
struct Long {
    /// The value, or the number of the fault.
    value: u64,
    /// Length in bytes; 0 for a fault.
    length: usize,
}

impl Long {
    const fn fault(fault: VarintError) -> Self {
        Self { value: fault as u64, length: 0 }
    }
}

#[cold]
fn fault(number: u64) -> VarintError {
    match number {
        0 => VarintError::Truncated,
        1 => VarintError::OverLong,
        _ => VarintError::TooLarge,
    }
}

/// One of three bytes or more, or a wrong one.
#[inline(never)]
fn long<const WIDTH: u32>(bytes: &[u8]) -> Long {
    let Some(word) = bytes.first_chunk::<8>().map(|word| u64::from_le_bytes(*word)) else {
        return slow(bytes, WIDTH);
    };
    let ends = !word & HIGH;
    if ends == 0 {
        return slow(bytes, WIDTH);
    }
    // All bits up to the high bit of the last byte, which is not set itself.
    let word = word & (ends ^ ends.wrapping_sub(1));
    let bits = ends.trailing_zeros().wrapping_add(1);
    if word >> bits.wrapping_sub(8) == 0 {
        return Long::fault(VarintError::OverLong);
    }
    // Seven bits of each byte to fourteen of each two, to 28 of each four, to 56 of all.
    let word = (word & 0x007f_007f_007f_007f) | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let word = (word & 0x0000_3fff_0000_3fff) | (word & 0x3fff_0000_3fff_0000) >> 2;
    let value = (word & 0x0fff_ffff) | (word & 0x0fff_ffff_0000_0000) >> 4;
    if WIDTH < u64::BITS && value >> WIDTH != 0 {
        return Long::fault(VarintError::TooLarge);
    }
    Long { value, length: (bits >> 3) as usize }
}

/// Byte by byte.
#[inline(never)]
fn slow(bytes: &[u8], width: u32) -> Long {
    let mut value = 0_u64;
    for (place, &byte) in (0..BYTES_MAX).zip(bytes) {
        let (shift, bits) = (place.wrapping_mul(7), u64::from(byte & 0x7f));
        // How many bits the type has left for this byte.
        let space = width.saturating_sub(shift);
        if space < 7 && bits >> space != 0 {
            return Long::fault(VarintError::TooLarge);
        }
        value |= bits.wrapping_shl(shift);
        if byte < 0x80 {
            // A last byte of 0 says nothing: a shorter varint means the same.
            let over_long = byte == 0 && place > 0;
            let length = place.wrapping_add(1) as usize;
            return if over_long { Long::fault(VarintError::OverLong) } else { Long { value, length } };
        }
        if space <= 7 {
            return Long::fault(VarintError::TooLarge);
        }
    }
    Long::fault(VarintError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, once it is sure that stepping over it finds the same.
    fn taken(bytes: &[u8], width: u32) -> Result<(u64, &[u8]), VarintError> {
        let taken = match width {
            16 => take::<16>(bytes),
            32 => take::<32>(bytes),
            _ => take::<64>(bytes),
        };
        assert_eq!(skip(bytes, width).ok(), taken.map(|(_, rest)| rest).ok(), "{bytes:x?} as u{width}");
        taken
    }

    fn written(value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut left = value;
        while left >= 0x80 {
            bytes.push(left.to_le_bytes()[0] | 0x80);
            left >>= 7;
        }
        bytes.push(left.to_le_bytes()[0]);
        bytes
    }

    /// Values around every power of two.
    fn values() -> impl Iterator<Item = u64> {
        (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1]).chain([u64::MAX])
    }

    #[test]
    fn every_length_is_read_whatever_follows_it() {
        for value in values() {
            for after in 0..12 {
                let mut bytes = written(value);
                let length = bytes.len();
                bytes.resize(length + after, 0xff);
                for width in [16, 32, 64] {
                    let fits = width == 64 || value >> width == 0;
                    let read = taken(&bytes, width).map(|(value, rest)| (value, rest.len()));
                    let expected = if fits { Ok((value, after)) } else { Err(VarintError::TooLarge) };
                    assert_eq!(read, expected, "{value} as u{width}, {after} bytes after it");
                }
                assert_eq!(taken(&bytes[..length - 1], 64), Err(VarintError::Truncated), "{value}");
            }
        }
    }

    #[test]
    fn a_last_byte_of_zero_is_refused_whatever_follows_it() {
        for value in values().filter(|value| written(*value).len() < 10) {
            let mut bytes = written(value);
            *bytes.last_mut().unwrap() |= 0x80;
            bytes.push(0);
            for after in 0..12 {
                let mut bytes = bytes.clone();
                bytes.resize(bytes.len() + after, 0xff);
                assert_eq!(taken(&bytes, 64), Err(VarintError::OverLong), "{value}, {after} bytes after it");
            }
        }
    }

    #[test]
    fn both_ways_agree_on_bytes_of_any_kind() {
        let mut state = 1_u64;
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // High bits are set more often than not, and now and then a byte is zero.
            let mut bytes = (state | state << 1 & HIGH).to_le_bytes().repeat(2);
            let at = (state >> 60) as usize;
            bytes[at] &= 0x80;
            for width in [16, 32, 64] {
                let fast = taken(&bytes, width).map(|(value, rest)| (value, bytes.len() - rest.len()));
                let Long { value, length } = slow(&bytes, width);
                assert_eq!(fast.unwrap_or_default().1, length, "{bytes:x?} as u{width}");
                assert!(length == 0 || fast == Ok((value, length)), "{bytes:x?} as u{width}");
            }
        }
    }
}
