//! Base32 as TOTP secrets are written: RFC 4648 section 6, strictly.
//!
//! Accepted: the upper-case alphabet `A-Z2-7`, with exactly the right padding or with none at all. Refused: anything else,
//! also left-over bits that are not zero, so that two texts never mean one secret. Making a person's typing strict (blanks,
//! small letters) is the terminal's business.

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Why a text is no base32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base32Error {
    /// A character outside `A-Z2-7`, or padding in the wrong place.
    Character,
    /// A length no byte string encodes to, or padding of the wrong length.
    Length,
    /// The bits left over after the last byte are not zero.
    LeftOver,
    /// More bytes than the output holds.
    TooLong,
}

/// Decodes `text` into the front of `out` and returns how many bytes that is.
///
/// # Errors
/// See [`Base32Error`]. `out` may hold a part of the result then.
pub fn decode(text: &[u8], out: &mut [u8]) -> Result<usize, Base32Error> {
    let symbols = without_padding(text)?;
    let mut bits = 0_u16;
    let mut count = 0_u32;
    let mut length = 0;
    for &symbol in symbols {
        bits = (bits << 5) | u16::from(value(symbol)?);
        count += 5;
        if count >= 8 {
            count -= 8;
            let slot = out.get_mut(length).ok_or(Base32Error::TooLong)?;
            *slot = (bits >> count).to_le_bytes()[0];
            length += 1;
            bits &= (1 << count) - 1;
        }
    }
    if bits != 0 {
        return Err(Base32Error::LeftOver);
    }
    Ok(length)
}

/// Decodes what a person or a site wrote: letters of either case, blanks and hyphens anywhere, padding or none, left-over
/// bits of any value. Otherwise as [`decode`].
///
/// # Errors
/// [`Base32Error::Character`] and [`Base32Error::TooLong`].
pub fn decode_typed(text: &[u8], out: &mut [u8]) -> Result<usize, Base32Error> {
    let (mut bits, mut count, mut length) = (0_u16, 0_u32, 0);
    let symbols = text.trim_ascii_end();
    let padding = symbols.iter().rev().take_while(|&&byte| byte == b'=').count();
    let symbols = &symbols[..symbols.len() - padding];
    for symbol in symbols.iter().filter(|&&byte| !matches!(byte, b' ' | b'-')) {
        bits = (bits << 5) | u16::from(value(symbol.to_ascii_uppercase())?);
        count += 5;
        if count >= 8 {
            count -= 8;
            *out.get_mut(length).ok_or(Base32Error::TooLong)? = (bits >> count).to_le_bytes()[0];
            length += 1;
            bits &= (1 << count) - 1;
        }
    }
    Ok(length)
}

/// The text of `plain` without padding: the one that [`decode`] accepts.
pub fn encode(plain: &[u8]) -> impl Iterator<Item = char> + '_ {
    let bit = |i: usize| plain.get(i / 8).map_or(0, |byte| (byte >> (7 - i % 8)) & 1);
    (0..(plain.len() * 8).div_ceil(5)).map(move |symbol| {
        let value = (0..5).fold(0_u8, |value, i| value << 1 | bit(symbol * 5 + i));
        char::from(ALPHABET[usize::from(value)])
    })
}

/// The symbols without their padding; the padding, if there is any, must be the right one.
fn without_padding(text: &[u8]) -> Result<&[u8], Base32Error> {
    let end = text.iter().position(|&byte| byte == b'=').unwrap_or(text.len());
    let (symbols, padding) = text.split_at(end);
    if padding.iter().any(|&byte| byte != b'=') {
        return Err(Base32Error::Character);
    }
    let wanted = match symbols.len() % 8 {
        0 => 0,
        2 => 6,
        4 => 4,
        5 => 3,
        7 => 1,
        _ => return Err(Base32Error::Length),
    };
    if padding.is_empty() || padding.len() == wanted { Ok(symbols) } else { Err(Base32Error::Length) }
}

fn value(symbol: u8) -> Result<u8, Base32Error> {
    match symbol {
        b'A'..=b'Z' => Ok(symbol - b'A'),
        b'2'..=b'7' => Ok(symbol - b'2' + 26),
        _ => Err(Base32Error::Character),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn check(text: &str, expected: Result<&[u8], Base32Error>) {
        let mut out = [0; 80];
        let got = decode(text.as_bytes(), &mut out).map(|length| &out[..length]);
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn the_vectors_of_rfc_4648_decode_with_and_without_padding() {
        let vectors = [
            ("", ""),
            ("MY======", "f"),
            ("MZXQ====", "fo"),
            ("MZXW6===", "foo"),
            ("MZXW6YQ=", "foob"),
            ("MZXW6YTB", "fooba"),
            ("MZXW6YTBOI======", "foobar"),
        ];
        for (text, plain) in vectors {
            check(text, Ok(plain.as_bytes()));
            check(text.trim_end_matches('='), Ok(plain.as_bytes()));
        }
    }

    #[test]
    fn what_is_not_the_one_spelling_is_refused() {
        check("my======", Err(Base32Error::Character));
        check("M YQ", Err(Base32Error::Character));
        check("M1======", Err(Base32Error::Character));
        check("MY=====", Err(Base32Error::Length));
        check("MY======MY======", Err(Base32Error::Character));
        check("M", Err(Base32Error::Length));
        check("MZX", Err(Base32Error::Length));
        check("MZXW6Y", Err(Base32Error::Length));
        check("MZXW6YTB=", Err(Base32Error::Length));
        check("========", Err(Base32Error::Length));
        check("MZ======", Err(Base32Error::LeftOver));
        check("MZXW6YR=", Err(Base32Error::LeftOver));
    }

    #[test]
    fn what_people_type_means_what_they_mean() {
        for text in ["MZXW6YTBOI======", "mzxw 6ytb oi", "MZXW-6YTB-OI==", "mzXW6yTBOJ ", "mzxw6ytboi="] {
            let mut out = [0; 8];
            assert_eq!(decode_typed(text.as_bytes(), &mut out), Ok(6), "{text}");
            assert_eq!(&out[..6], b"foobar");
        }
        assert_eq!(decode_typed(b"MZ=XW", &mut [0; 8]), Err(Base32Error::Character));
        assert_eq!(decode_typed("MZÄ".as_bytes(), &mut [0; 8]), Err(Base32Error::Character));
        assert_eq!(decode_typed(b"MZXW6YTBOI", &mut [0; 5]), Err(Base32Error::TooLong));
        assert_eq!(decode_typed(b"", &mut []), Ok(0));
    }

    #[test]
    fn a_secret_too_long_for_the_buffer_is_refused() {
        assert_eq!(decode(b"MZXW6YTB", &mut [0; 4]), Err(Base32Error::TooLong));
        assert_eq!(decode(&[b'A'; 128], &mut [0; 80]), Ok(80));
    }

    #[test]
    fn every_byte_string_up_to_eighty_bytes_comes_back() {
        for length in 0..=80_usize {
            let plain: Vec<u8> = (0..length).map(|i| (i * 37 + length).to_le_bytes()[0]).collect();
            let mut out = [0; 80];
            let text: String = encode(&plain).collect();
            assert_eq!(decode(text.as_bytes(), &mut out), Ok(length));
            assert_eq!(&out[..length], &plain[..]);
        }
    }
}
