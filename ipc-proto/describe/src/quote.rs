//! Text that a terminal or a JSON reader only shows.
//!
//! Control characters are obeyed by terminals, some invisible ones reorder or hide what stands beside them. Here they become
//! escapes, which the literals of [`crate::Method::encode`] read back.

use core::fmt::{self, Write};

/// Whether a terminal obeys the character, or shows something other than it.
#[must_use]
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// How quoted text is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// `\u{1b}`
    Words,
    /// `\u001b`, surrogates for what is longer.
    Json,
}

/// Writes the inside of a quoted text.
pub(crate) fn escape(text: &str, escapes: Escapes, to: &mut dyn Write) -> fmt::Result {
    for character in text.chars() {
        match character {
            '"' => to.write_str("\\\"")?,
            '\\' => to.write_str("\\\\")?,
            '\n' => to.write_str("\\n")?,
            '\r' => to.write_str("\\r")?,
            '\t' => to.write_str("\\t")?,
            harmful if is_harmful(harmful) => match escapes {
                Escapes::Words => write!(to, "\\u{{{:x}}}", u32::from(harmful))?,
                Escapes::Json => {
                    for &unit in harmful.encode_utf16(&mut [0; 2]).iter() {
                        write!(to, "\\u{unit:04x}")?;
                    }
                }
            },
            harmless => to.write_char(harmless)?,
        }
    }
    Ok(())
}

/// Shows a text that somebody else wrote, escaped, without quotes.
#[derive(Debug, Clone, Copy)]
pub struct Harmless<'a>(pub &'a str);

impl fmt::Display for Harmless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if is_harmful(character) {
                write!(f, "\\u{{{:x}}}", u32::from(character))?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}
