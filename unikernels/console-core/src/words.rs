//! A command line as words.
//!
//! Blanks part words. `"..."` and `'...'` keep blanks; inside `"..."` and outside of quotes a backslash takes the next
//! character as it is. A word with a quoted part is never an option, so an entry may be called `"--name"`.

/// The longest command line in bytes: room for the longest text of `say` and what stands before it.
pub(crate) const LINE_MAX: usize = 1280;
/// The most words of a line.
pub(crate) const WORDS_MAX: usize = 32;

/// Why a line has no words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WordsError {
    /// A quote was opened and not closed.
    OpenQuote(char),
    /// More than [`WORDS_MAX`] words.
    TooMany,
    /// More than [`LINE_MAX`] bytes.
    TooLong,
}

/// The words of one line, unquoted.
pub(crate) struct Words {
    bytes: [u8; LINE_MAX],
    /// Where each word ends; the next begins there.
    ends: [u16; WORDS_MAX],
    count: usize,
    quoted: u32,
}

impl Words {
    /// Splits a line.
    ///
    /// # Errors
    /// See [`WordsError`].
    pub(crate) fn split(line: &str) -> Result<Self, WordsError> {
        let mut words = Self { bytes: [0; LINE_MAX], ends: [0; WORDS_MAX], count: 0, quoted: 0 };
        let mut length = 0_usize;
        let mut quote = None;
        let mut in_word = false;
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            let mut taken = character;
            match (quote, character) {
                (None, ' ' | '\t') => {
                    if core::mem::take(&mut in_word) {
                        words.finish(length)?;
                    }
                    continue;
                }
                (None, '"' | '\'') => {
                    (quote, in_word) = (Some(character), true);
                    words.mark_quoted();
                    continue;
                }
                (Some(open), _) if open == character => {
                    quote = None;
                    continue;
                }
                (None | Some('"'), '\\') => taken = characters.next().unwrap_or('\\'),
                _ => {}
            }
            in_word = true;
            let place = words.bytes.get_mut(length..length + taken.len_utf8()).ok_or(WordsError::TooLong)?;
            length += taken.encode_utf8(place).len();
        }
        if let Some(open) = quote {
            return Err(WordsError::OpenQuote(open));
        }
        if in_word {
            words.finish(length)?;
        }
        Ok(words)
    }

    /// The word at `index`.
    #[must_use]
    pub(crate) fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends[..self.count].get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        core::str::from_utf8(self.bytes.get(usize::from(start)..usize::from(end))?).ok()
    }

    /// Whether a part of the word at `index` was quoted.
    #[must_use]
    pub(crate) fn is_quoted(&self, index: usize) -> bool {
        self.quoted >> index & 1 == 1
    }

    fn finish(&mut self, length: usize) -> Result<(), WordsError> {
        let end = self.ends.get_mut(self.count).ok_or(WordsError::TooMany)?;
        *end = u16::try_from(length).map_err(|_| WordsError::TooLong)?;
        self.count += 1;
        Ok(())
    }

    fn mark_quoted(&mut self) {
        if self.count < WORDS_MAX {
            self.quoted |= 1 << self.count;
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn check(line: &str, expected: &[&str]) {
        let words = Words::split(line).ok().unwrap();
        let got: Vec<&str> = (0..).map_while(|i| words.get(i)).collect();
        assert_eq!(got, expected, "{line}");
        assert_eq!(words.get(expected.len()), None);
    }

    #[test]
    fn blanks_part_words_and_quotes_keep_them() {
        check("", &[]);
        check("   \t ", &[]);
        check("qubes", &["qubes"]);
        check("  say   echo hello ", &["say", "echo", "hello"]);
        check("say echo \"grüße an alle\"", &["say", "echo", "grüße an alle"]);
        check("a 'b \"c\" d' e", &["a", "b \"c\" d", "e"]);
        check("a\"b c\"d", &["ab cd"]);
        check("say echo \"\" ''", &["say", "echo", "", ""]);
    }

    #[test]
    fn a_backslash_takes_the_next_character_except_in_single_quotes() {
        check(r#"a\ b "c\"d\\" 'e\f' g\"#, &["a b", "c\"d\\", "e\\f", "g\\"]);
    }

    #[test]
    fn quoted_words_are_known_as_such() {
        let words = Words::split("show \"--reveal\" --reveal x'y'").ok().unwrap();
        let quoted: Vec<bool> = (0..4).map(|i| words.is_quoted(i)).collect();
        assert_eq!(quoted, [false, true, false, true]);
    }

    #[test]
    fn what_is_no_command_line_is_refused() {
        assert_eq!(Words::split("say \"abc").err(), Some(WordsError::OpenQuote('"')));
        assert_eq!(Words::split("it's").err(), Some(WordsError::OpenQuote('\'')));
        assert_eq!(Words::split(&"a ".repeat(WORDS_MAX)).err(), None);
        assert_eq!(Words::split(&"a ".repeat(WORDS_MAX + 1)).err(), Some(WordsError::TooMany));
        assert_eq!(Words::split(&"\"\" ".repeat(WORDS_MAX + 9)).err(), Some(WordsError::TooMany));
        assert_eq!(Words::split(&"a".repeat(LINE_MAX)).err(), None);
        assert_eq!(Words::split(&"a".repeat(LINE_MAX + 1)).err(), Some(WordsError::TooLong));
    }
}
