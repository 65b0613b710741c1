//! UTF-8, with a short way for ASCII: 64 bytes at a time, what is left in two overlapping reads.

/// The high bit of each byte of a word.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Whether `bytes` are UTF-8 (RFC 3629, as `core` has it).
#[inline]
pub(crate) fn is_utf8(bytes: &[u8]) -> bool {
    is_ascii(bytes) || is_utf8_slowly(bytes)
}

/// Whether no byte has its high bit set.
#[inline(always)]
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    for block in blocks {
        if seen(block) & HIGH != 0 {
            return false;
        }
    }
    let seen = if rest.is_empty() {
        0
    } else if let Some(last) = bytes.last_chunk::<64>() {
        seen(last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<32>(), bytes.last_chunk::<32>()) {
        seen(first) | seen(last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) {
        seen(first) | seen(last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        seen(first) | seen(last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first) | u32::from_le_bytes(*last))
    } else {
        bytes.iter().fold(0, |seen, byte| seen | u64::from(*byte))
    };
    seen & HIGH == 0
}

/// The bits that are set in any of the words of a block.
#[inline(always)]
fn seen<const N: usize>(block: &[u8; N]) -> u64 {
    block.as_chunks::<8>().0.iter().fold(0, |seen, word| seen | u64::from_le_bytes(*word))
}

/// Room for a short text. `core` looks at sixteen bytes at a time, but only from such an address on and only if there are
/// as many left: a copy that begins there, with zeros after it, is looked at in a quarter of the time.
#[repr(align(16))]
pub(crate) struct Short([u8; SHORT_MAX]);

/// Longest short text.
const SHORT_MAX: usize = 64;

impl Short {
    pub(crate) const fn new() -> Self {
        Self([0; SHORT_MAX])
    }

    /// The bytes as text, if they are short and UTF-8.
    #[inline(always)]
    pub(crate) fn text(&mut self, bytes: &[u8]) -> Option<&str> {
        self.0.get_mut(..bytes.len())?.copy_from_slice(bytes);
        // Zeros are characters of their own, so the text ends where the bytes do or in the middle of a character.
        core::str::from_utf8(self.0.get(..bytes.len().next_multiple_of(16))?).ok()?.get(..bytes.len())
    }
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
    fn a_short_text_is_read_as_core_reads_it() {
        let line = "Grüße, 世界 🐝, and then some ASCII to fill what room there is left\0\0";
        for start in 0..line.len() {
            for end in start..line.len().min(start + SHORT_MAX) {
                let bytes = &line.as_bytes()[start..end];
                assert_eq!(Short::new().text(bytes), core::str::from_utf8(bytes).ok(), "{start}..{end}");
            }
        }
        assert_eq!(Short::new().text(&[b'a'; SHORT_MAX + 1]), None);
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
