//! Which characters may reach a terminal or an eye: one function, for whoever makes a page and for whoever shows it.
//!
//! Not here: lines, widths, who said it. A harmless character can still be part of a lie.
//! Source: Unicode 17.0, UAX #9 (bidirectional controls), UTS #39 section 5, property
//! Default_Ignorable_Code_Point.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use core::ops::RangeInclusive;

/// Seen as nothing and meaning little alone: left out. Joiners, variation selectors, soft hyphens.
const INVISIBLE: [RangeInclusive<u32>; 10] = [
    0xad..=0xad,
    0x34f..=0x34f,
    0x180b..=0x180f,
    0x200b..=0x200d,
    0x2060..=0x2064,
    0xfe00..=0xfe0f,
    0xfeff..=0xfeff,
    0x1bca0..=0x1bca3,
    0x1d173..=0x1d17a,
    0xe0100..=0xe01ef,
];
/// What makes a text look like another: shown as U+FFFD, so that one sees that something is there.
/// Bidirectional controls, other format controls, fillers that look like blanks, tags, private use, what is
/// no character.
const DECEIVING: [RangeInclusive<u32>; 18] = [
    0x600..=0x605,
    0x61c..=0x61c,
    0x6dd..=0x6dd,
    0x70f..=0x70f,
    0x890..=0x891,
    0x8e2..=0x8e2,
    0x115f..=0x1160,
    0x17b4..=0x17b5,
    0x200e..=0x200f,
    0x202a..=0x202e,
    0x2065..=0x206f,
    0x3164..=0x3164,
    0xe000..=0xf8ff,
    0xfdd0..=0xfdef,
    0xffa0..=0xffa0,
    0xfff0..=0xfffb,
    0xe0000..=0xe0fff,
    0xf0000..=0x0010_ffff,
];

/// What is shown for a character: itself, U+FFFD, a blank for any white space, or nothing.
#[must_use]
pub fn safe(character: char) -> Option<char> {
    let code = u32::from(character);
    let within = |ranges: &[RangeInclusive<u32>]| ranges.iter().any(|range| range.contains(&code));
    match character {
        ' '..='~' => Some(character),
        _ if character.is_whitespace() => Some(' '),
        _ if character.is_control() => Some(char::REPLACEMENT_CHARACTER),
        _ if within(&INVISIBLE) => None,
        // The last two code points of each plane are no characters.
        _ if within(&DECEIVING) || code & 0xfffe == 0xfffe => Some(char::REPLACEMENT_CHARACTER),
        _ => Some(character),
    }
}
