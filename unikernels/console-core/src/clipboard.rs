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
    crate::base64::encode(text, &mut |piece| write(piece.as_bytes()));
    write(b"\x07");
}

/// Sends the sequences that overwrite and empty the clipboard.
pub(crate) fn clear(write: &mut impl FnMut(&[u8])) {
    copy(b" ", write);
    write(b"\x1b]52;c;!\x07");
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
    fn copying_and_clearing_are_whole_sequences() {
        assert_eq!(sent(|mut write| copy(b"foo", &mut write)), "\x1b]52;c;Zm9v\x07");
        assert_eq!(sent(|mut write| clear(&mut write)), "\x1b]52;c;IA==\x07\x1b]52;c;!\x07");
    }
}
