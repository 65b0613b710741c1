//! Passphrases: words drawn uniformly and independently from the EFF's large list of 7,776.
//!
//! `n` words are worth `n * log2(7776)` bits exactly, because no two draws spell the same phrase. That needs words that can
//! be told apart: a separator without letters, or capitals. Four words of the list hold a hyphen (as `yo-yo`); none is
//! two words of the list joined by one, so even a hyphen separates.
//!
//! Capitals add nothing to the figure: they are always in the same places. Source of the list: `data/README.md`.

use crate::entropy;
use crate::generate::{ENTROPY_MIN_CENTIBITS, GenerateError};
use crate::random::{Dice, Random};
use zeroize::Zeroize;

/// How many words the list has: five throws of a die.
pub const LIST_LEN: u16 = 7_776;
/// The most words of a passphrase: 20 are 258 bits, more than any key has.
pub const WORDS_MAX: u8 = 20;
/// The longest word of the list in bytes.
const WORD_MAX: usize = 9;
/// The longest separator in bytes: more than people type between words.
pub const SEPARATOR_MAX: usize = 8;
/// The longest passphrase in bytes: every word with a separator behind it.
pub const PHRASE_MAX: usize = WORDS_MAX as usize * (WORD_MAX + SEPARATOR_MAX);

const LIST: &str = include_str!("../data/eff-large-wordlist.txt");
const LEN: usize = LIST_LEN as usize;
/// Where each word begins, and past the last where the next one would. A word is found without looking at the others,
/// whose number would show in the time it takes.
static STARTS: [u16; LEN + 1] = starts();

/// Which letters are capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capitals {
    /// None.
    None,
    /// The first of each word.
    First,
    /// All.
    All,
}

/// What a passphrase is made of. Made by [`Phrase::new`], so it is never weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phrase {
    words: u8,
    separator: [u8; SEPARATOR_MAX],
    separator_len: usize,
    capitals: Capitals,
}

impl Phrase {
    /// A phrase of `words` words, at most [`WORDS_MAX`]. The separator is at most [`SEPARATOR_MAX`] printable ASCII
    /// characters or blanks, and no letters; without one the words need capitals in front.
    ///
    /// # Errors
    /// [`GenerateError::Weak`] for fewer than four words (40 bits), [`GenerateError::Recipe`] for the rest.
    pub fn new(words: u8, separator: &str, capitals: Capitals) -> Result<Self, GenerateError> {
        let from = separator.as_bytes();
        let separates = from.iter().all(|byte| separates(*byte));
        if !separates || from.is_empty() && capitals != Capitals::First {
            return Err(GenerateError::Recipe);
        }
        let mut separator = [0; SEPARATOR_MAX];
        separator.get_mut(..from.len()).ok_or(GenerateError::Recipe)?.copy_from_slice(from);
        if words > WORDS_MAX {
            return Err(GenerateError::Recipe);
        }
        let phrase = Self { words, separator, separator_len: from.len(), capitals };
        if phrase.entropy_centibits() < ENTROPY_MIN_CENTIBITS {
            return Err(GenerateError::Weak);
        }
        Ok(phrase)
    }

    /// The entropy of what [`Phrase::generate`] gives, in hundredths of a bit, exact and rounded down.
    #[must_use]
    pub fn entropy_centibits(&self) -> u32 {
        entropy::uniform_centibits(u32::from(self.words), u64::from(LIST_LEN))
    }

    /// Draws a passphrase into the front of `out` and returns its length in bytes; it is ASCII.
    ///
    /// # Errors
    /// [`GenerateError::Random`]; nothing of the draw is left in `out` then.
    ///
    /// # Panics
    /// When `out` is shorter than [`PHRASE_MAX`].
    pub fn generate(&self, random: &mut impl Random, out: &mut [u8]) -> Result<usize, GenerateError> {
        let out = &mut out[..PHRASE_MAX];
        let mut dice = Dice::new(random);
        let mut length = 0;
        for number in 0..self.words {
            let Ok(index) = dice.roll_wide(LIST_LEN) else {
                out.zeroize();
                return Err(GenerateError::Random);
            };
            if number > 0 {
                let separator = &self.separator[..self.separator_len];
                out[length..length + separator.len()].copy_from_slice(separator);
                length += separator.len();
            }
            length += self.write(word(usize::from(index)), &mut out[length..]);
        }
        Ok(length)
    }

    fn write(&self, word: &str, out: &mut [u8]) -> usize {
        let out = &mut out[..word.len()];
        out.copy_from_slice(word.as_bytes());
        match self.capitals {
            Capitals::None => {}
            Capitals::First => out[..1].make_ascii_uppercase(),
            Capitals::All => out.make_ascii_uppercase(),
        }
        word.len()
    }
}

/// The word at `index`, 0 to 7775; the list is in alphabetical order.
///
/// # Panics
/// When `index` is beyond the list.
#[must_use]
pub fn word(index: usize) -> &'static str {
    // Words are lines; the line's end belongs to neither.
    &LIST[usize::from(STARTS[index])..usize::from(STARTS[index + 1]) - 1]
}

/// Whether the list has `sought`, in small letters.
#[must_use]
pub fn contains(sought: &str) -> bool {
    let index = position(sought);
    index < LEN && word(index) == sought
}

/// How many words of the list are before `sought` in the order of bytes: where it is, or where it would be.
#[must_use]
pub fn position(sought: &str) -> usize {
    let (mut low, mut high) = (0, LEN);
    while low < high {
        let middle = low.midpoint(high);
        if word(middle) < sought {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn separates(byte: u8) -> bool {
    (byte.is_ascii_graphic() || byte == b' ') && !byte.is_ascii_alphabetic()
}

#[expect(clippy::cast_possible_truncation, reason = "the list is shorter than 64 KiB, asserted")]
const fn starts() -> [u16; LEN + 1] {
    let list = LIST.as_bytes();
    assert!(list.len() <= u16::MAX as usize);
    let mut starts = [0; LEN + 1];
    let (mut at, mut count) = (0, 0);
    while at < list.len() {
        if list[at] == b'\n' {
            count += 1;
            starts[count] = at as u16 + 1;
        }
        at += 1;
    }
    assert!(count == LEN);
    starts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::random::tests::Seeded;

    fn phrase(phrase: Phrase, seed: u64) -> String {
        let mut out = [0; PHRASE_MAX];
        let length = phrase.generate(&mut Seeded(Some(seed)), &mut out).unwrap();
        String::from_utf8(out[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_list_is_the_published_one() {
        let words: BTreeSet<&str> = (0..LEN).map(word).collect();
        assert_eq!(words.len(), LEN);
        assert!(words.iter().all(|word| (3..=WORD_MAX).contains(&word.len())));
        assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
        let digest: String = Sha256::digest(LIST).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "6d557f0693958fb5e650b68b5bee585eb82cf4da32965505c789e924743bc522");
        assert_eq!((word(0), word(LEN - 1)), ("abacus", "zoom"));
    }

    #[test]
    fn every_word_is_found_and_others_are_not() {
        assert!((0..LEN).all(|index| contains(word(index))));
        for other in ["", "abacu", "abacuss", "zzz", "Abacus", "aaa"] {
            assert!(!contains(other), "{other}");
        }
    }

    #[test]
    fn no_word_with_a_hyphen_is_two_words() {
        let joined: Vec<&str> = (0..LEN).map(word).filter(|word| word.contains('-')).collect();
        assert_eq!(joined.len(), 4);
        for parts in joined.iter().map(|word| word.split_once('-').unwrap()) {
            assert!(!(contains(parts.0) && contains(parts.1)), "{parts:?}");
        }
    }

    #[test]
    fn words_are_from_the_list_and_look_as_asked() {
        for seed in 0..200 {
            let small = phrase(Phrase::new(6, " ", Capitals::None).unwrap(), seed);
            assert_eq!(small.split(' ').filter(|word| contains(word)).count(), 6, "{small}");
            let first = phrase(Phrase::new(6, "", Capitals::First).unwrap(), seed);
            assert_eq!(first.bytes().filter(u8::is_ascii_uppercase).count(), 6, "{first}");
            assert_eq!(first.to_lowercase(), small.replace(' ', ""));
            let all = phrase(Phrase::new(6, ".", Capitals::All).unwrap(), seed);
            assert_eq!(all, small.to_uppercase().replace(' ', "."));
            let wide = phrase(Phrase::new(6, " -- --- ", Capitals::None).unwrap(), seed);
            assert_eq!(wide, small.replace(' ', " -- --- "));
        }
    }

    #[test]
    fn the_first_word_and_the_last_can_be_drawn() {
        struct Always(u16);
        impl Random for Always {
            fn fill(&mut self, out: &mut [u8]) -> Result<(), crate::RandomError> {
                for pair in out.chunks_exact_mut(2) {
                    // The pool is used from its end.
                    pair.copy_from_slice(&self.0.to_be_bytes());
                }
                Ok(())
            }
        }
        let phrase = Phrase::new(4, " ", Capitals::None).unwrap();
        for (throw, word) in [(0, "abacus"), (LIST_LEN - 1, "zoom"), (LIST_LEN, "abacus"), (1, "abdomen")] {
            let mut out = [0; PHRASE_MAX];
            let length = phrase.generate(&mut Always(throw), &mut out).unwrap();
            assert_eq!(core::str::from_utf8(&out[..length]), Ok([word; 4].join(" ").as_str()));
        }
    }

    #[test]
    fn the_figure_is_the_words_times_the_logarithm_of_the_list() {
        for words in 4..=WORDS_MAX {
            let exact = 100.0 * f64::from(words) * 7_776_f64.log2();
            let got = f64::from(Phrase::new(words, "-", Capitals::None).unwrap().entropy_centibits());
            assert!(got <= exact && got > exact - 1.01, "{words}: {got} against {exact}");
        }
    }

    #[test]
    fn what_is_weak_or_cannot_be_told_apart_is_refused() {
        let new = |words, separator, capitals| Phrase::new(words, separator, capitals).err();
        assert_eq!(new(3, "-", Capitals::None), Some(GenerateError::Weak));
        assert_eq!(new(0, "-", Capitals::None), Some(GenerateError::Weak));
        assert_eq!(new(21, "-", Capitals::None), Some(GenerateError::Recipe));
        assert_eq!(new(6, "", Capitals::None), Some(GenerateError::Recipe));
        assert_eq!(new(6, "", Capitals::All), Some(GenerateError::Recipe));
        for text in ["a", "Z", "é", "\n", "\0", "\u{7f}", "€", "-a", "a-", "---------"] {
            assert_eq!(new(6, text, Capitals::First), Some(GenerateError::Recipe), "{text:?}");
        }
    }

    #[test]
    fn a_failing_source_gives_no_phrase_and_leaves_nothing() {
        let mut out = [0xaa; PHRASE_MAX];
        let phrase = Phrase::new(6, "-", Capitals::None).unwrap();
        assert_eq!(phrase.generate(&mut Seeded(None), &mut out), Err(GenerateError::Random));
        assert_eq!(out, [0; PHRASE_MAX]);
    }
}
