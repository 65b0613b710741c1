//! Questions to the person: those that wait for a moment to be asked, and what counts as an answer.
//!
//! A question comes unasked, so keys that were meant for something else must not answer it, and an answer must not end up in
//! something else. It is put only at the command prompt, when no key came for a while; then an answer is a letter and Enter
//! after a moment of silence, and every other key makes that moment begin anew. Somebody who types on without looking
//! answers nothing.

use crate::key::Key;
use crate::terminal::Asked;
use ipc_proto_types::List;
use ipc_proto_vault_api::keys::Question;

/// How long no key may have come before a question is put, and how long after it none is an answer, in milliseconds: longer
/// than the pauses of somebody who types, and about the time it takes to begin to read.
pub(crate) const GUARD_MS: u64 = 1_000;
/// Most questions that wait. Each caller of a vault has one; what finds no place is listed by `vault requests` all the same.
const WAITING_MAX: usize = 16;

/// A question that waits to be put.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// By which vault, and what.
    pub(crate) asked: Asked,
    /// Until when the vault takes an answer.
    pub(crate) until_ms: u64,
}

/// The questions that wait, oldest first.
#[derive(Debug)]
pub(crate) struct Questions(List<Waiting, WAITING_MAX>);

impl Questions {
    pub(crate) fn new() -> Self {
        Self(List::new())
    }

    /// Takes one that came now. It replaces an older one of the same asker to the same vault, which is over then.
    pub(crate) fn push(&mut self, asked: Asked, now_ms: u64) {
        let Question { seconds, .. } = asked.question;
        let until_ms = now_ms.saturating_add(u64::from(seconds) * 1_000);
        let same = |other: &&mut Waiting| {
            (other.asked.vault, &other.asked.question.qube) == (asked.vault, &asked.question.qube)
        };
        if let Some(older) = self.0.iter_mut().find(same) {
            *older = Waiting { asked, until_ms };
        } else {
            // The newest is left out when there is no place: so nobody pushes out what others ask.
            let _ = self.0.push(Waiting { asked, until_ms });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out the oldest.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        if !self.0.is_empty() {
            self.0.rotate_left(1);
        }
        self.0.pop()
    }
}

/// What a key does while a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pressed {
    /// It is no answer: the silence begins anew.
    Stray,
    /// It chooses this letter; Enter makes it the answer.
    Chosen(char),
    /// The choice is taken back.
    Unchosen,
    /// The answer, by its letter.
    Answered(char),
}

/// Who listens for the answer.
#[derive(Debug)]
pub(crate) struct Listening {
    quiet_until_ms: u64,
    /// What can be chosen.
    letters: &'static [char],
    chosen: Option<char>,
}

impl Listening {
    /// Listens to an answer to a question that is put now. The last letter means no.
    pub(crate) fn new(now_ms: u64, letters: &'static [char]) -> Self {
        Self { quiet_until_ms: now_ms.saturating_add(GUARD_MS), letters, chosen: None }
    }

    /// The letter that is chosen.
    pub(crate) fn chosen(&self) -> Option<char> {
        self.chosen
    }

    /// A key came.
    pub(crate) fn press(&mut self, key: Key, now_ms: u64) -> Pressed {
        let is_heard = now_ms >= self.quiet_until_ms;
        match (self.chosen, key) {
            (None, Key::Char(letter)) if is_heard && self.letters.contains(&letter) => {
                self.chosen = Some(letter);
                Pressed::Chosen(letter)
            }
            (Some(letter), Key::Enter) => Pressed::Answered(letter),
            (Some(_), Key::Backspace) => {
                self.chosen = None;
                Pressed::Unchosen
            }
            (_, Key::Cancel) if is_heard => {
                Pressed::Answered(self.letters.last().copied().unwrap_or_default())
            }
            _ => {
                *self = Self::new(now_ms, self.letters);
                Pressed::Stray
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use ipc_proto_types::{Bytes, QubeName, Text};
    use std::string::ToString;
    use std::vec::Vec;

    const LETTERS: &[char] = &['o', 'm', 'n'];

    fn asked(vault: &str, qube: &str, number: u32) -> Asked {
        let question = Question {
            number,
            qube: Text::truncated(qube),
            id: 7,
            comment: Text::new(),
            digest: Bytes::from([0; 32]),
            length: 1,
            seconds: 60,
        };
        Asked { vault: QubeName::new(vault).unwrap(), question }
    }

    #[test]
    fn each_asker_has_one_place_and_the_oldest_is_first() {
        let mut questions = Questions::new();
        for number in 0..100 {
            questions.push(asked("vault", "work", number), 5);
        }
        questions.push(asked("vault-work", "work", 100), 6);
        let taken: Vec<_> = core::iter::from_fn(|| questions.pop()).collect();
        let taken: Vec<_> = taken.iter().map(|one| (one.asked.question.number, one.until_ms)).collect();
        assert_eq!(taken, [(99, 60_005), (100, 60_006)]);
    }

    #[test]
    fn more_than_there_are_places_push_out_nobody() {
        let mut questions = Questions::new();
        for number in 0..100_u32 {
            questions.push(asked("vault", &number.to_string(), number), 0);
        }
        let taken: Vec<_> = core::iter::from_fn(|| questions.pop()).collect();
        assert_eq!(taken.len(), WAITING_MAX);
        assert!((0..).zip(&taken).all(|(number, one)| one.asked.question.number == number));
    }

    #[test]
    fn a_letter_and_enter_after_the_silence_is_the_answer() {
        for letter in LETTERS.iter().copied() {
            let mut listening = Listening::new(0, LETTERS);
            assert_eq!(listening.press(Key::Char(letter), GUARD_MS), Pressed::Chosen(letter));
            assert_eq!(listening.press(Key::Enter, GUARD_MS), Pressed::Answered(letter));
        }
    }

    /// Every key, at every moment around the guard: consent needs a letter after the silence, and Enter next.
    #[test]
    fn whoever_types_on_without_a_pause_consents_to_nothing() {
        let typed = "open sesame\rom\ro\rn\r";
        for pause_ms in [0, 1, 50, GUARD_MS - 1] {
            let mut listening = Listening::new(0, LETTERS);
            for (number, character) in (1..).zip(typed.chars()) {
                let key = if character == '\r' { Key::Enter } else { Key::Char(character) };
                assert_eq!(
                    listening.press(key, number * pause_ms),
                    Pressed::Stray,
                    "{character:?} {pause_ms}"
                );
            }
        }
    }

    #[test]
    fn a_word_that_begins_like_an_answer_is_none() {
        let mut listening = Listening::new(0, LETTERS);
        let mut now_ms = GUARD_MS;
        for character in "open".chars() {
            let pressed = listening.press(Key::Char(character), now_ms);
            assert_eq!(pressed, if character == 'o' { Pressed::Chosen('o') } else { Pressed::Stray });
            now_ms += 100;
        }
        assert_eq!(listening.press(Key::Enter, now_ms), Pressed::Stray);
        assert_eq!(listening.press(Key::Char('o'), now_ms + GUARD_MS - 1), Pressed::Stray);
        assert_eq!(listening.press(Key::Char('o'), now_ms + 2 * GUARD_MS), Pressed::Chosen('o'));
        assert_eq!(listening.press(Key::Backspace, now_ms + 2 * GUARD_MS), Pressed::Unchosen);
        assert_eq!(listening.press(Key::Cancel, now_ms + 2 * GUARD_MS), Pressed::Answered('n'));
    }
}
