//! UTF-8, with a short way for ASCII: eight bytes at a time, thirty-two a round.

/// The high bit of each byte of a word.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Whether `bytes` are UTF-8 (RFC 3629, as `core` has it).
#[inline]
pub(crate) fn is_utf8(bytes: &[u8]) -> bool {
    let (blocks, tail) = bytes.as_chunks::<32>();
    for block in blocks {
        if words(block) & HIGH != 0 {
            return is_utf8_slowly(bytes);
        }
    }
    let (words, rest) = tail.as_chunks::<8>();
    let mut seen = words.iter().fold(0, |seen, word| seen | u64::from_le_bytes(*word));
    for byte in rest {
        seen |= u64::from(*byte);
    }
    seen & HIGH == 0 || is_utf8_slowly(bytes)
}

#[inline]
fn words(block: &[u8; 32]) -> u64 {
    block.as_chunks::<8>().0.iter().fold(0, |seen, word| seen | u64::from_le_bytes(*word))
}

#[cold]
#[inline(never)]
fn is_utf8_slowly(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_agrees_with_core_wherever_the_odd_byte_stands() {
        for length in 0..100 {
            let mut bytes = vec![b'a'; length];
            assert!(is_utf8(&bytes));
            for at in 0..length {
                bytes[at] = 0x80;
                assert!(!is_utf8(&bytes), "byte {at} of {length}");
                bytes[at] = b'a';
            }
        }
    }

    #[test]
    fn text_in_other_scripts_takes_the_long_way_and_passes() {
        let check = |bytes: &[u8], expected| assert_eq!(is_utf8(bytes), expected, "{bytes:x?}");
        check("Grüße, 世界 🐝, and then some ASCII to fill a block".as_bytes(), true);
        check(&[0xc0, 0x80], false);
        check(&[0xed, 0xa0, 0x80], false);
        check(&[0xf4, 0x90, 0x80, 0x80], false);
        check("grü".as_bytes().split_last().unwrap().1, false);
    }
}
