//! Base64 (RFC 4648 section 4) in streams: what is pasted comes in lines of any length, what is shown goes out in lines of
//! [`LINE_BYTES`].
//!
//! The characters themselves are the library's work, in constant time: they may be secrets. So both sides wipe what they hold.

use base64ct::{Base64, Encoding};
use zeroize::Zeroize;

/// Bytes of a line that is shown: 76 characters, as RFC 2045 has it.
pub(crate) const LINE_BYTES: usize = 57;

/// It is no base64: another character, or something behind the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotBase64;

/// From characters to bytes.
#[derive(Default)]
pub(crate) struct Decoder {
    /// Characters that wait for their group of four to be whole.
    held: [u8; 4],
    count: usize,
    /// There was a `=`.
    ended: bool,
}

impl Decoder {
    /// Takes the characters of a line, blanks left out, and gives the bytes to `sink`, a few at a time.
    ///
    /// # Errors
    /// The line is no base64. What went to the sink before is of no use.
    pub(crate) fn feed(&mut self, line: &str, sink: &mut impl FnMut(&[u8])) -> Result<(), NotBase64> {
        for byte in line.bytes().filter(|byte| !matches!(byte, b' ' | b'\t')) {
            if self.ended {
                return Err(NotBase64);
            }
            let place = self.held.get_mut(self.count).ok_or(NotBase64)?;
            *place = byte;
            self.count += 1;
            if self.count == self.held.len() {
                let mut bytes = [0; 3];
                let decoded = Base64::decode(self.held, &mut bytes).map_err(|_| NotBase64);
                decoded.map(&mut *sink)?;
                bytes.zeroize();
                self.ended = self.held.contains(&b'=');
                self.count = 0;
            }
        }
        Ok(())
    }

    /// Whether what came so far is whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.count == 0
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        self.held.zeroize();
    }
}

/// Gives the characters of some bytes to `sink`, padded, without line ends.
pub(crate) fn encode(bytes: &[u8], sink: &mut impl FnMut(&str)) {
    for line in bytes.chunks(LINE_BYTES) {
        let mut characters = [0; LINE_BYTES.div_ceil(3) * 4];
        // The room is that of the longest line, so it is always encoded.
        if let Ok(text) = Base64::encode(line, &mut characters) {
            sink(text);
        }
        characters.zeroize();
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    const VECTORS: [(&str, &str); 8] = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
        ("~~~???", "fn5+Pz8/"),
    ];

    fn decoded(lines: &[&str]) -> Option<Vec<u8>> {
        let (mut decoder, mut bytes) = (Decoder::default(), Vec::new());
        for line in lines {
            decoder.feed(line, &mut |piece| bytes.extend_from_slice(piece)).ok()?;
        }
        decoder.is_whole().then_some(bytes)
    }

    #[test]
    fn the_vectors_of_rfc_4648_go_both_ways() {
        for (text, encoded) in VECTORS {
            let mut shown = String::new();
            encode(text.as_bytes(), &mut |piece| shown.push_str(piece));
            assert_eq!(shown, encoded);
            assert_eq!(decoded(&[encoded]).as_deref(), Some(text.as_bytes()));
        }
    }

    #[test]
    fn lines_of_any_length_are_one_stream() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        let mut text = String::new();
        encode(&bytes, &mut |piece| text.push_str(piece));
        for length in [1, 2, 3, 5, 64, 75, 76, 1_024] {
            let lines: Vec<&str> =
                text.as_bytes().chunks(length).map(|line| std::str::from_utf8(line).unwrap()).collect();
            assert_eq!(decoded(&lines).as_ref(), Some(&bytes), "{length}");
        }
        assert_eq!(decoded(&["Zm 9v", "", "\t Zg=", "="]), Some(b"foof".to_vec()));
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for lines in [
            &["Zm9"][..],
            &["Z"],
            &["Zm9*"],
            &["Zm9-"],
            &["Zg==Zg=="],
            &["Zg==", "Zm9v"],
            &["=AAA"],
            &["Z==="],
            &["===="],
            // Bits behind the end that are not zero: another text of the same bytes.
            &["Zh=="],
            &["Zm9ö"],
        ] {
            assert_eq!(decoded(lines), None, "{lines:?}");
        }
    }
}
