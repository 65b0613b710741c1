//! Text made harmless for a terminal.
//!
//! A terminal obeys control bytes: they move the cursor, rename the window, fill the clipboard. So nothing a peer says and
//! nothing a person types reaches it as it is. Control characters become their picture (`␛`), what reorders or hides
//! text (bidirectional overrides, zero-width and tag characters) becomes `�`.

use core::fmt::{self, Write};

/// The same character if a terminal only shows it, else one that stands for it.
#[must_use]
pub(crate) fn harmless(character: char) -> char {
    match character {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

/// Shows a text with every character made [`harmless`], line ends included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut count = 0;
        for character in self.0.chars() {
            f.write_char(harmless(character))?;
            count += 1;
        }
        // Padding, for tables: `{:<16}` counts characters.
        for _ in count..f.width().unwrap_or(0) {
            f.write_char(' ')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    fn check(text: &str, expected: &str) {
        assert_eq!(format!("{}", Plain(text)), expected);
    }

    #[test]
    fn ordinary_text_of_any_language_stays_as_it_is() {
        for text in ["", "hello", "grüße", "日本語", "🐝 skep", "e\u{301}"] {
            check(text, text);
        }
    }

    #[test]
    fn control_characters_become_pictures() {
        check("a\x1b[2J\x07b", "a␛[2J␇b");
        check("one\r\ntwo\t", "one␍␊two␉");
        check("\0\x7f\u{9b}31m", "␀␡\u{fffd}31m");
    }

    #[test]
    fn what_reorders_or_hides_text_is_replaced() {
        check("user\u{202e}txt.exe", "user\u{fffd}txt.exe");
        check("a\u{200b}b\u{feff}\u{e0041}", "a\u{fffd}b\u{fffd}\u{fffd}");
    }

    #[test]
    fn no_character_at_all_gets_through_as_a_control_character() {
        for character in (0..=0x10_ffff).filter_map(char::from_u32) {
            assert!(!harmless(character).is_control(), "{character:?}");
        }
    }

    #[test]
    fn padding_counts_what_is_shown() {
        assert_eq!(format!("[{:<6}]", Plain("a\x1bb")), "[a␛b   ]");
        assert_eq!(format!("[{:<2}]", Plain("abc")), "[abc]");
    }
}
