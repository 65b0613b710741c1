//! From bytes of a terminal to keys.
//!
//! Bytes come one at a time and may be anything: broken UTF-8 becomes `�`, a control byte without a meaning becomes its
//! picture, an escape sequence nobody knows is swallowed up to its end. CR, LF and CR LF are all one Enter.
//!
//! Source: ECMA-48 section 5.4 (control sequences), xterm's `ctlseqs` for the keys.

use crate::plain::harmless;

/// What a person pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// A character; never a control character.
    Char(char),
    /// Return: the line is finished.
    Enter,
    /// Delete the character before the cursor.
    Backspace,
    /// Delete the character under the cursor.
    Delete,
    /// `^U`: delete the line.
    KillLine,
    /// `^W`: delete the word before the cursor.
    KillWord,
    /// `^K`: delete from the cursor to the end.
    KillToEnd,
    /// `^C`: give the line up.
    Cancel,
    /// `^D`: the end of input, or Delete inside a line.
    EndOfInput,
    /// One character to the left.
    Left,
    /// One character to the right.
    Right,
    /// To the start of the line.
    Home,
    /// To the end of the line.
    End,
    /// The line before, from history.
    Up,
    /// The line after, from history.
    Down,
    /// Complete the word.
    Tab,
    /// `^L`: clear the screen and draw the line again.
    Redraw,
}

/// The keys one byte completes: at most two, since a byte may end a broken character and be a key itself.
pub(crate) type Keys = [Option<Key>; 2];

const NOTHING: Keys = [None, None];

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Ground,
    /// In a character of `need` bytes of which `have` came.
    Utf8 { bytes: [u8; 4], have: u8, need: u8 },
    /// After ESC.
    Escape,
    /// After ESC O.
    Ss3,
    /// After ESC [, with the first number so far.
    Csi { number: u16, first: bool },
}

/// Turns bytes into keys.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    state: State,
    after_cr: bool,
}

impl Decoder {
    /// Takes one byte.
    pub(crate) fn feed(&mut self, byte: u8) -> Keys {
        let after_cr = core::mem::replace(&mut self.after_cr, byte == b'\r');
        match core::mem::take(&mut self.state) {
            State::Ground if byte == b'\n' && after_cr => NOTHING,
            State::Ground => [self.ground(byte), None],
            State::Utf8 { bytes, have, need } => self.continued(bytes, have, need, byte),
            State::Escape => self.escaped(byte),
            State::Ss3 => [final_key(byte, 0), None],
            State::Csi { number, first } => self.csi(number, first, byte),
        }
    }

    fn ground(&mut self, byte: u8) -> Option<Key> {
        let need = match byte {
            0x1b => {
                self.state = State::Escape;
                return None;
            }
            0x00..=0x1f | 0x7f => return Some(control(byte)),
            0x20..=0x7e => return Some(Key::Char(char::from(byte))),
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xc1 | 0xf5..=0xff => return Some(BROKEN),
        };
        self.state = State::Utf8 { bytes: [byte, 0, 0, 0], have: 1, need };
        None
    }

    fn continued(&mut self, mut bytes: [u8; 4], have: u8, need: u8, byte: u8) -> Keys {
        if byte & 0xc0 != 0x80 {
            return [Some(BROKEN), self.ground(byte)];
        }
        if let Some(place) = bytes.get_mut(usize::from(have)) {
            *place = byte;
        }
        let have = have + 1;
        if have < need {
            self.state = State::Utf8 { bytes, have, need };
            return NOTHING;
        }
        let text = bytes.get(..usize::from(have)).and_then(|bytes| core::str::from_utf8(bytes).ok());
        let character = text.and_then(|text| text.chars().next()).filter(|character| !character.is_control());
        [Some(character.map_or(BROKEN, Key::Char)), None]
    }

    fn escaped(&mut self, byte: u8) -> Keys {
        match byte {
            b'[' => self.state = State::Csi { number: 0, first: true },
            b'O' => self.state = State::Ss3,
            0x1b => self.state = State::Escape,
            _ => return [Some(Key::Char(harmless('\x1b'))), self.ground(byte)],
        }
        NOTHING
    }

    /// Inside ESC [: numbers and intermediates up to a final byte; anything else breaks the sequence off.
    fn csi(&mut self, number: u16, first: bool, byte: u8) -> Keys {
        match byte {
            b'0'..=b'9' if first => {
                let number = number.saturating_mul(10).saturating_add(u16::from(byte - b'0'));
                self.state = State::Csi { number, first };
                NOTHING
            }
            0x20..=0x3f => {
                self.state = State::Csi { number, first: false };
                NOTHING
            }
            0x40..=0x7e => [final_key(byte, number), None],
            _ => [self.ground(byte), None],
        }
    }
}

const BROKEN: Key = Key::Char(char::REPLACEMENT_CHARACTER);

fn control(byte: u8) -> Key {
    match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Cancel,
        0x04 => Key::EndOfInput,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Tab,
        b'\r' | b'\n' => Key::Enter,
        0x0b => Key::KillToEnd,
        0x0c => Key::Redraw,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::KillLine,
        0x17 => Key::KillWord,
        other => Key::Char(harmless(char::from(other))),
    }
}

/// The key of a control sequence: its last byte and its first number.
fn final_key(byte: u8, number: u16) -> Option<Key> {
    match (byte, number) {
        (b'A', _) => Some(Key::Up),
        (b'B', _) => Some(Key::Down),
        (b'C', _) => Some(Key::Right),
        (b'D', _) => Some(Key::Left),
        (b'H', _) | (b'~', 1 | 7) => Some(Key::Home),
        (b'F', _) | (b'~', 4 | 8) => Some(Key::End),
        (b'~', 3) => Some(Key::Delete),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        bytes.iter().flat_map(|&byte| decoder.feed(byte)).flatten().collect()
    }

    fn check(bytes: &[u8], expected: &[Key]) {
        assert_eq!(keys(bytes), expected, "{bytes:?}");
    }

    #[test]
    fn text_comes_as_characters() {
        let expected: Vec<Key> = "aß€🐝".chars().map(Key::Char).collect();
        check("aß€🐝".as_bytes(), &expected);
    }

    #[test]
    fn every_kind_of_line_end_is_one_enter() {
        check(b"\r", &[Key::Enter]);
        check(b"\n", &[Key::Enter]);
        check(b"\r\n", &[Key::Enter]);
        check(b"\r\r\n\n", &[Key::Enter, Key::Enter, Key::Enter]);
        check(b"\n\r", &[Key::Enter, Key::Enter]);
    }

    #[test]
    fn control_bytes_are_keys_or_pictures() {
        check(b"\x03\x04\x08\x7f", &[Key::Cancel, Key::EndOfInput, Key::Backspace, Key::Backspace]);
        check(
            b"\x15\x17\x0b\x09\x0c",
            &[Key::KillLine, Key::KillWord, Key::KillToEnd, Key::Tab, Key::Redraw],
        );
        check(b"\x07\x00\x1d", &[Key::Char('␇'), Key::Char('␀'), Key::Char('␝')]);
    }

    #[test]
    fn arrows_and_their_like_are_understood_in_both_dialects() {
        check(b"\x1b[A\x1b[B\x1b[C\x1b[D", &[Key::Up, Key::Down, Key::Right, Key::Left]);
        check(b"\x1bOA\x1bOH\x1bOF", &[Key::Up, Key::Home, Key::End]);
        check(b"\x1b[3~\x1b[1~\x1b[4~\x1b[1;5D", &[Key::Delete, Key::Home, Key::End, Key::Left]);
    }

    #[test]
    fn unknown_sequences_are_swallowed_whole() {
        check(b"\x1b[200~a\x1b[201~", &[Key::Char('a')]);
        check(b"\x1b[99999999;1;2 qx", &[Key::Char('x')]);
        check(b"\x1b[?1;2cx", &[Key::Char('x')]);
    }

    #[test]
    fn a_broken_off_sequence_loses_nothing_after_it() {
        check(b"\x1b[12\rls", &[Key::Enter, Key::Char('l'), Key::Char('s')]);
        check(b"\x1bx", &[Key::Char('␛'), Key::Char('x')]);
        check(b"\x1b\x1b[A", &[Key::Up]);
        check(b"\x1b\r", &[Key::Char('␛'), Key::Enter]);
    }

    #[test]
    fn broken_utf8_shows_as_a_replacement_and_loses_nothing_after_it() {
        check(b"\xc3a", &[BROKEN, Key::Char('a')]);
        check(b"\xff\xc0\x80a", &[BROKEN, BROKEN, BROKEN, Key::Char('a')]);
        check(b"\xe2\x82\rx", &[BROKEN, Key::Enter, Key::Char('x')]);
        check(b"\xed\xa0\x80", &[BROKEN]);
        check(b"\xc2\x9b", &[BROKEN]);
    }

    #[test]
    fn no_byte_string_ever_gives_a_control_character() {
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                for key in keys(&[first, second, b'a', 0x9b, first]) {
                    assert!(!matches!(key, Key::Char(character) if character.is_control()));
                }
            }
        }
    }
}
