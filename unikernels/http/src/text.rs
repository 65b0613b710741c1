//! Bytes to text. What cannot be read becomes U+FFFD and is told. Source: Encoding Standard (windows-1252's
//! index).

use alloc::string::String;

use crate::Charset;

/// What windows-1252 has from 0x80 to 0x9F; all other bytes are their own code points. Five bytes mean
/// nothing in Microsoft's table and are controls in the web's; they are replaced here.
const HIGH: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž', '\u{fffd}',
    '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}', 'ž', 'Ÿ',
];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A body as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text; at most three times as many bytes as the body.
    pub text: String,
    /// Whether something could not be read and was replaced.
    pub replaced: bool,
}

/// Reads `bytes` as `charset` says. A UTF-8 byte order mark overrules it. Without a charset they are UTF-8 if
/// they can be, and windows-1252 otherwise.
#[must_use]
pub fn decode(bytes: &[u8], charset: Charset) -> Text {
    if let Some(rest) = bytes.strip_prefix(BYTE_ORDER_MARK) {
        return utf8(rest);
    }
    match charset {
        Charset::Utf8 => utf8(bytes),
        Charset::Windows1252 => each(bytes, windows_1252),
        Charset::Unsaid if str::from_utf8(bytes).is_ok() => utf8(bytes),
        Charset::Unsaid => each(bytes, windows_1252),
        Charset::Unknown => each(bytes, |byte| if byte.is_ascii() { byte.into() } else { '\u{fffd}' }),
    }
}

fn utf8(bytes: &[u8]) -> Text {
    let replaced = str::from_utf8(bytes).is_err();
    Text { text: String::from_utf8_lossy(bytes).into_owned(), replaced }
}

fn each(bytes: &[u8], read: impl Fn(u8) -> char) -> Text {
    let text: String = bytes.iter().map(|byte| read(*byte)).collect();
    let replaced = text.contains('\u{fffd}');
    Text { text, replaced }
}

fn windows_1252(byte: u8) -> char {
    let high = byte.checked_sub(0x80).and_then(|index| HIGH.get(usize::from(index)));
    high.copied().unwrap_or(char::from(byte))
}
