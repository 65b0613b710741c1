//! A line being edited: UTF-8 in a fixed buffer, with a cursor between characters.
//!
//! It never holds half a character. What doesn't fit is refused and counted, not cut off in silence. The bytes are wiped
//! whenever the line is cleared or dropped, since a passphrase is a line too.

use zeroize::Zeroize;

/// A line of at most `N` bytes.
pub(crate) struct Line<const N: usize> {
    bytes: [u8; N],
    length: usize,
    cursor: usize,
    refused: usize,
}

impl<const N: usize> Default for Line<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Line<N> {
    /// The empty line.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], length: 0, cursor: 0, refused: 0 }
    }

    /// The text.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        text(&self.bytes[..self.length])
    }

    /// The text before the cursor.
    #[must_use]
    pub(crate) fn before(&self) -> &str {
        text(&self.bytes[..self.cursor])
    }

    /// The text from the cursor on.
    #[must_use]
    pub(crate) fn after(&self) -> &str {
        text(&self.bytes[self.cursor..self.length])
    }

    /// Whether the cursor is at the end.
    #[must_use]
    pub(crate) fn at_end(&self) -> bool {
        self.cursor == self.length
    }

    /// How many bytes were refused since the line was last cleared.
    #[must_use]
    pub(crate) fn refused(&self) -> usize {
        self.refused
    }

    /// Puts a character at the cursor; false, and counted, when the line is full.
    pub(crate) fn insert(&mut self, character: char) -> bool {
        let size = character.len_utf8();
        if self.length + size > N {
            self.refused += size;
            return false;
        }
        self.bytes.copy_within(self.cursor..self.length, self.cursor + size);
        character.encode_utf8(&mut self.bytes[self.cursor..]);
        self.cursor += size;
        self.length += size;
        true
    }

    /// Puts a text at the cursor, as much of it as fits.
    pub(crate) fn insert_str(&mut self, text: &str) {
        for character in text.chars() {
            self.insert(character);
        }
    }

    /// Removes the character before the cursor and returns it.
    pub(crate) fn backspace(&mut self) -> Option<char> {
        let character = self.before().chars().next_back()?;
        self.remove(self.cursor - character.len_utf8());
        Some(character)
    }

    /// Removes the character at the cursor and returns it.
    pub(crate) fn delete(&mut self) -> Option<char> {
        self.right().then(|| self.backspace())?
    }

    /// Moves one character to the left; false at the start.
    pub(crate) fn left(&mut self) -> bool {
        let step = self.before().chars().next_back().map_or(0, char::len_utf8);
        self.cursor -= step;
        step > 0
    }

    /// Moves one character to the right; false at the end.
    pub(crate) fn right(&mut self) -> bool {
        let step = self.after().chars().next().map_or(0, char::len_utf8);
        self.cursor += step;
        step > 0
    }

    /// Moves to the start.
    pub(crate) fn home(&mut self) {
        self.cursor = 0;
    }

    /// Moves to the end.
    pub(crate) fn end(&mut self) {
        self.cursor = self.length;
    }

    /// Removes everything and forgets what was refused.
    pub(crate) fn clear(&mut self) {
        self.bytes.zeroize();
        (self.length, self.cursor, self.refused) = (0, 0, 0);
    }

    /// Removes the word before the cursor and the blanks after it.
    pub(crate) fn kill_word(&mut self) {
        let before = self.before().trim_end_matches(' ');
        let start = before.rfind(' ').map_or(0, |blank| blank + 1);
        self.remove(start);
    }

    /// Removes everything from the cursor on.
    pub(crate) fn kill_to_end(&mut self) {
        self.bytes[self.cursor..self.length].zeroize();
        self.length = self.cursor;
    }

    /// Replaces the text, cursor at the end; as much as fits.
    pub(crate) fn set(&mut self, text: &str) {
        self.clear();
        self.insert_str(text);
    }

    /// Removes from `start` to the cursor, which moves there.
    fn remove(&mut self, start: usize) {
        let end = self.length - (self.cursor - start);
        self.bytes.copy_within(self.cursor..self.length, start);
        self.bytes[end..self.length].zeroize();
        (self.length, self.cursor) = (end, start);
    }
}

impl<const N: usize> Drop for Line<N> {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Only whole characters go in and out, so this never fails.
fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(before: &str, after: &str) -> Line<32> {
        let mut line = Line::new();
        line.insert_str(before);
        line.insert_str(after);
        for _ in after.chars() {
            line.left();
        }
        line
    }

    fn check(line: &Line<32>, before: &str, after: &str) {
        assert_eq!((line.before(), line.after()), (before, after));
        assert!(line.bytes[line.length..].iter().all(|&byte| byte == 0), "removed bytes are wiped");
    }

    #[test]
    fn characters_go_in_and_out_whole() {
        let mut line = line("grü", "ße");
        assert_eq!(line.backspace(), Some('ü'));
        check(&line, "gr", "ße");
        assert_eq!(line.delete(), Some('ß'));
        check(&line, "gr", "e");
        assert!(line.insert('€'));
        check(&line, "gr€", "e");
        assert_eq!((line.delete(), line.delete()), (Some('e'), None));
        assert_eq!(Line::<8>::new().backspace(), None);
    }

    #[test]
    fn the_cursor_stays_inside_the_line() {
        let mut line = line("aß", "");
        assert!(line.left() && line.left() && !line.left());
        check(&line, "", "aß");
        assert!(line.right() && line.right() && !line.right());
        line.home();
        check(&line, "", "aß");
        line.end();
        assert!(line.at_end());
    }

    #[test]
    fn words_are_killed_one_at_a_time() {
        let mut line = line("vault add  two  ", "rest");
        line.kill_word();
        check(&line, "vault add  ", "rest");
        line.kill_word();
        check(&line, "vault ", "rest");
        line.kill_word();
        line.kill_word();
        check(&line, "", "rest");
        line.right();
        line.kill_to_end();
        check(&line, "r", "");
    }

    #[test]
    fn a_full_line_refuses_and_counts_and_keeps_what_it_has() {
        let mut line = Line::<4>::new();
        line.insert_str("abc");
        assert!(!line.insert('ß'));
        assert!(line.insert('d') && !line.insert('e'));
        assert_eq!((line.as_str(), line.refused()), ("abcd", 3));
        line.clear();
        assert_eq!((line.as_str(), line.refused()), ("", 0));
    }
}
