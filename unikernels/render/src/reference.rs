//! Character references: `&amp;`, `&#8364;`, `&#x20ac;`. Source: HTML Standard sections 13.2.5.72 to
//! 13.2.5.80.

use core::cmp::Ordering;

use entities::{ENTITIES, Entity};

/// Most bytes of a name with `&` and `;`; the longest is `&CounterClockwiseContourIntegral;`.
const NAME_LEN_MAX: usize = 33;
/// Most bytes of a name that is known without its `;`, with `&`.
const BARE_LEN_MAX: usize = 7;
/// Most digits of a number that are read; more are read over.
const DIGITS_MAX: usize = 32;

/// Where a reference stands: in attributes, `&copy=` is a part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Text,
    Attribute,
}

/// Calls `put` with every character that `text` means, and returns how many bytes were looked at.
pub(crate) fn resolve(text: &str, place: Place, mut put: impl FnMut(char)) -> usize {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, behind) = rest.split_at(at);
        before.chars().for_each(&mut put);
        let len = match one(behind, place) {
            Some((Meaning::Text(meant), len)) => {
                meant.chars().for_each(&mut put);
                len
            }
            Some((Meaning::Character(meant), len)) => {
                put(meant);
                len
            }
            None => {
                put('&');
                1
            }
        };
        rest = behind.get(len..).unwrap_or("");
    }
    rest.chars().for_each(put);
    // Letters behind one `&` are none behind another.
    text.len() * 2
}

enum Meaning {
    Text(&'static str),
    Character(char),
}

/// What the reference at the beginning of `text` means, and how long it is.
fn one(text: &str, place: Place) -> Option<(Meaning, usize)> {
    if let Some(number) = text.strip_prefix("&#") {
        return numeric(number).map(|(meant, len)| (Meaning::Character(meant), len + 2));
    }
    let bytes = text.as_bytes().get(..text.len().min(NAME_LEN_MAX))?;
    let letters = bytes.iter().skip(1).take_while(|byte| byte.is_ascii_alphanumeric()).count() + 1;
    if bytes.get(letters) == Some(&b';')
        && let Some(entity) = named(text.get(..=letters)?)
    {
        return Some((Meaning::Text(entity.characters), letters + 1));
    }
    for len in (3..=letters.min(BARE_LEN_MAX)).rev() {
        let Some(entity) = named(text.get(..len)?) else { continue };
        let behind = text.as_bytes().get(len);
        let is_address = behind.is_some_and(|byte| *byte == b'=' || byte.is_ascii_alphanumeric());
        if place == Place::Attribute && is_address {
            return None;
        }
        return Some((Meaning::Text(entity.characters), len));
    }
    None
}

/// A number behind `&#`, and how many bytes it takes.
fn numeric(text: &str) -> Option<(char, usize)> {
    let (prefix, radix) = if text.starts_with(['x', 'X']) { (1, 16) } else { (0, 10) };
    let digits = text.get(prefix..)?;
    let len = digits.chars().take(DIGITS_MAX).take_while(|digit| digit.is_digit(radix)).count();
    if len == 0 {
        return None;
    }
    let code = u32::from_str_radix(digits.get(..len)?, radix).unwrap_or(0);
    // 128 to 159 are what Windows would show (13.2.5.80); numbers that are no character, and zero, are
    // U+FFFD.
    let meant = match u8::try_from(code) {
        Ok(0) => char::REPLACEMENT_CHARACTER,
        Ok(byte @ 0x80..=0x9f) => {
            let text = unikernels_http::decode(&[byte], unikernels_http::Charset::Windows1252).text;
            text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    let semicolon = usize::from(digits.as_bytes().get(len) == Some(&b';'));
    Some((meant, prefix + len + semicolon))
}

/// The entry of a name with its `&`, and with its `;` if it has one. The table is in the order of
/// [`by_name`].
fn named(name: &str) -> Option<&'static Entity> {
    let start = ENTITIES.partition_point(|entity| by_name(entity.entity, name) == Ordering::Less);
    let same =
        ENTITIES.get(start..)?.iter().take_while(|entity| by_name(entity.entity, name) == Ordering::Equal);
    same.into_iter().find(|entity| entity.entity == name)
}

/// By letters, whatever their case, and without `;`.
fn by_name(left: &str, right: &str) -> Ordering {
    letters(left).cmp(letters(right))
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| *byte != b';').map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn check(text: &str, expected: &str) {
        let mut meant = String::new();
        resolve(text, Place::Text, |character| meant.push(character));
        assert_eq!(meant, expected, "{text}");
    }

    #[test]
    fn every_name_is_found() {
        for entity in &ENTITIES {
            assert_eq!(named(entity.entity).map(|found| found.characters), Some(entity.characters));
            assert!(entity.entity.len() <= NAME_LEN_MAX);
            assert!(entity.entity.ends_with(';') || entity.entity.len() <= BARE_LEN_MAX);
        }
        assert!(ENTITIES.is_sorted_by(|left, right| by_name(left.entity, right.entity).is_le()));
    }

    #[test]
    fn references_mean_what_the_standard_says() {
        check("a &lt;b&gt; &amp;amp; &nbsp;&euro;", "a <b> &amp; \u{a0}€");
        check("&copy 2026 &notit; &notin; &AMP", "© 2026 ¬it; ∉ &");
        check("&#65;&#x41;&#X41 &#128;&#0;&#xd800;&#99999999999;", "AAA €\u{fffd}\u{fffd}\u{fffd}");
        check("& &; &# &#; &#x; &#xg &xothing; &nothing; &&amp", "& &; &# &#; &#x; &#xg &xothing; ¬hing; &&");
        check("&grün", "&grün");
        let mut meant = String::new();
        resolve("?a=1&copy=2&amp;b&lt", Place::Attribute, |character| meant.push(character));
        assert_eq!(meant, "?a=1&copy=2&b<");
    }
}
