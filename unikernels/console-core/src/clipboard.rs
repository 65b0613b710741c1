//! The terminal's clipboard: OSC 52.
//!
//! The terminal emulator at the other end of the line sets its clipboard when it is told `ESC ] 52 ; c ; BASE64 BEL`; many
//! want this allowed in their settings, and none answers, so nobody can know whether it worked. What was copied is
//! overwritten after [`CLEAR_AFTER_MS`]: first with a blank, which every terminal that copies obeys, then with `!`, which
//! by xterm's `ctlseqs` empties the clipboard.

/// How long a copied password stays.
pub(crate) const CLEAR_AFTER_MS: u64 = 30_000;

/// Sends the sequence that copies `text`, through `write`.
pub(crate) fn copy(text: &[u8], write: &mut impl FnMut(&[u8])) {
    write(b"\x1b]52;c;");
    base64(text, write);
    write(b"\x07");
}

/// Sends the sequences that overwrite and empty the clipboard.
pub(crate) fn clear(write: &mut impl FnMut(&[u8])) {
    copy(b" ", write);
    write(b"\x1b]52;c;!\x07");
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8], write: &mut impl FnMut(&[u8])) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let mut text = [b'='; 4];
        for (place, shift) in text.iter_mut().zip([18, 12, 6, 0]).take(group.len() + 1) {
            *place = ALPHABET[(bits >> shift & 63) as usize];
        }
        write(&text);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;

    fn sent(send: impl FnOnce(&mut dyn FnMut(&[u8]))) -> String {
        let mut sent = std::vec::Vec::new();
        send(&mut |bytes| sent.extend_from_slice(bytes));
        String::from_utf8(sent).unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_4648_are_sent() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("~~~???", "fn5+Pz8/"),
        ];
        for (text, encoded) in vectors {
            assert_eq!(sent(|mut write| base64(text.as_bytes(), &mut write)), encoded);
        }
    }

    #[test]
    fn copying_and_clearing_are_whole_sequences() {
        assert_eq!(sent(|mut write| copy(b"foo", &mut write)), "\x1b]52;c;Zm9v\x07");
        assert_eq!(sent(|mut write| clear(&mut write)), "\x1b]52;c;IA==\x07\x1b]52;c;!\x07");
    }
}
