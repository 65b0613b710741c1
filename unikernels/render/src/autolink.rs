//! Addresses written out in text, which get numbers too; and plain text.

use crate::canvas::Canvas;

/// Ends an address besides white space and controls (RFC 3986 appendix C).
const ENDS: [char; 4] = ['<', '>', '"', '`'];
/// Belongs to the sentence and not to the address before it.
const PUNCTUATION: [char; 9] = ['.', ',', ';', ':', '!', '?', ')', ']', '\''];

/// Text, or an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Address(&'a str),
}

/// Takes a text apart; the pieces together are the text.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.match_indices("http").map(|(at, _)| at).find(|at| address_len(rest, *at) > 0);
        let (piece, len) = match start {
            Some(0) => (Piece::Address as fn(_) -> _, address_len(rest, 0)),
            start => (Piece::Text as fn(_) -> _, start.unwrap_or(rest.len())),
        };
        let (taken, behind) = rest.split_at_checked(len)?;
        rest = behind;
        Some(piece(taken))
    })
}

/// How long the address at `at` is; 0 if there is none.
fn address_len(text: &str, at: usize) -> usize {
    let text = text.get(at..).unwrap_or("");
    let Some(scheme) = ["http://", "https://"].into_iter().find(|scheme| text.starts_with(scheme)) else {
        return 0;
    };
    let is_end = |letter: char| letter.is_whitespace() || letter.is_control() || ENDS.contains(&letter);
    let address = text.get(..text.find(is_end).unwrap_or(text.len())).unwrap_or("");
    let address = address.trim_end_matches(PUNCTUATION);
    if address.len() > scheme.len() { address.len() } else { 0 }
}

/// Draws plain text as it is.
pub(crate) fn draw(text: &str, canvas: &mut Canvas) {
    for piece in pieces(text) {
        if canvas.is_full() {
            return;
        }
        match piece {
            Piece::Text(text) => canvas.keep_str(text),
            Piece::Address(address) => {
                canvas.keep_str(address);
                number(address, canvas);
            }
        }
    }
}

/// Numbers an address that was just drawn.
pub(crate) fn number(address: &str, canvas: &mut Canvas) {
    if let Some(number) = canvas.link(address) {
        canvas.keep(' ');
        canvas.number(number);
    }
}
