//! The password generator.
//!
//! A password is drawn uniformly from all strings of the asked length over the asked classes, and drawn again as a whole
//! until it holds at least one character of each class. So every admissible password is exactly as likely as every other
//! (placing one of each and shuffling would not give that), and [`Recipe::entropy_centibits`] is exact.
//!
//! The symbols leave out quotes, backquote, backslash and blank: sites and shells choke on these.

use crate::entropy;
use crate::random::{Dice, Random};
use zeroize::Zeroize;

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";
const SYMBOLS: &[u8] = b"!#$%&()*+,-./:;<=>?@[]^_{|}~";
const CLASSES: [&[u8]; 4] = [LOWER, UPPER, DIGITS, SYMBOLS];
const ALPHABET_MAX: usize = LOWER.len() + UPPER.len() + DIGITS.len() + SYMBOLS.len();

/// What is easily taken for another when read from paper, in groups of the same shape.
const LOOK_ALIKES: &[u8] = b"0Oo1Il|2Z5S6G8B";

/// A recipe worth less than this, in hundredths of a bit, is refused: whoever needs a four-digit PIN types it in.
pub const ENTROPY_MIN_CENTIBITS: u32 = 4_000;

/// How often a password is drawn anew before we call the source of randomness broken. The least likely legal recipe
/// succeeds with at least one draw in 8, so an honest source gets here with a probability below 2^-190.
const DRAWS_MAX: u32 = 1_000;

/// Why there is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenerateError {
    /// No class, fewer characters than classes, or less than 40 bits.
    Weak,
    /// Asks for what can't be generated: more words than allowed, or a separator that separates nothing.
    Recipe,
    /// The source of randomness failed.
    Random,
}

/// What a password is made of. Made by [`Recipe::new`], so it is never weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    length: u8,
    wanted: [bool; CLASSES.len()],
    look_alikes: bool,
}

impl Recipe {
    /// A recipe of `length` characters with at least one of each class in `wanted`: lower, upper, digits, symbols.
    ///
    /// # Errors
    /// [`GenerateError::Weak`].
    pub fn new(length: u8, wanted: [bool; 4]) -> Result<Self, GenerateError> {
        Self { length, wanted, look_alikes: true }.checked()
    }

    /// The same without characters that look like others (`0 O o`, `1 I l |`, `2 Z`, `5 S`, `6 G`, `8 B`).
    ///
    /// # Errors
    /// [`GenerateError::Weak`], if it is too weak without them.
    pub fn without_look_alikes(self) -> Result<Self, GenerateError> {
        Self { look_alikes: false, ..self }.checked()
    }

    fn checked(self) -> Result<Self, GenerateError> {
        if self.entropy_centibits() < ENTROPY_MIN_CENTIBITS {
            return Err(GenerateError::Weak);
        }
        Ok(self)
    }

    /// The entropy of what [`Recipe::generate`] gives, in hundredths of a bit, exact and rounded down.
    #[must_use]
    pub fn entropy_centibits(&self) -> u32 {
        let mut sizes = [0; CLASSES.len()];
        let mut count = 0;
        for class in self.classes() {
            let size = class.iter().filter(|symbol| self.admits(**symbol)).count();
            sizes[count] = u8::try_from(size).unwrap_or(0);
            count += 1;
        }
        entropy::centibits(self.length, &sizes[..count])
    }

    /// Draws a password into the front of `out` and returns its length in bytes; it is ASCII.
    ///
    /// # Errors
    /// [`GenerateError::Random`]; nothing of the draw is left in `out` then.
    ///
    /// # Panics
    /// When `out` is shorter than 255 bytes, the longest password.
    pub fn generate(&self, random: &mut impl Random, out: &mut [u8]) -> Result<usize, GenerateError> {
        let length = usize::from(self.length);
        let out = &mut out[..length];
        let mut alphabet = [0; ALPHABET_MAX];
        let mut size = 0;
        for symbol in self.classes().flatten().filter(|symbol| self.admits(**symbol)) {
            alphabet[size] = *symbol;
            size += 1;
        }
        let mut dice = Dice::new(random);
        for _ in 0..DRAWS_MAX {
            if draw(&mut dice, &alphabet[..size], out).is_err() {
                break;
            }
            if self.classes().all(|class| out.iter().any(|symbol| class.contains(symbol))) {
                return Ok(length);
            }
        }
        out.zeroize();
        Err(GenerateError::Random)
    }

    fn admits(&self, symbol: u8) -> bool {
        self.look_alikes || !LOOK_ALIKES.contains(&symbol)
    }

    fn classes(&self) -> impl Iterator<Item = &'static [u8]> {
        CLASSES.into_iter().zip(self.wanted).filter(|(_, wanted)| *wanted).map(|(class, _)| class)
    }
}

fn draw<R: Random>(
    dice: &mut Dice<'_, R>,
    alphabet: &[u8],
    out: &mut [u8],
) -> Result<(), crate::RandomError> {
    let sides = u8::try_from(alphabet.len()).unwrap_or(0);
    for place in out {
        *place = alphabet[usize::from(dice.roll(sides)?)];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::random::tests::Seeded;
    use std::vec::Vec;

    const ALL: [bool; 4] = [true; 4];

    fn password(recipe: Recipe, seed: u64) -> Vec<u8> {
        let mut out = [0; 255];
        let length = recipe.generate(&mut Seeded(Some(seed)), &mut out).unwrap();
        out[..length].to_vec()
    }

    #[test]
    fn no_class_is_listed_twice_and_all_is_printable_ascii() {
        let mut all: Vec<u8> = CLASSES.concat();
        assert!(all.iter().all(u8::is_ascii_graphic));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), ALPHABET_MAX);
    }

    #[test]
    fn every_asked_class_is_there_and_no_other() {
        for mask in 1..16_u8 {
            let wanted = [mask & 1 != 0, mask & 2 != 0, mask & 4 != 0, mask & 8 != 0];
            let recipe = Recipe::new(16, wanted).unwrap();
            for seed in 0..50 {
                let password = password(recipe, seed);
                assert_eq!(password.len(), 16);
                for (class, wanted) in CLASSES.iter().zip(wanted) {
                    assert_eq!(password.iter().any(|symbol| class.contains(symbol)), wanted);
                }
            }
        }
    }

    #[test]
    fn without_look_alikes_none_is_there_and_the_figure_is_lower() {
        for mask in 1..16_u8 {
            let wanted = [mask & 1 != 0, mask & 2 != 0, mask & 4 != 0, mask & 8 != 0];
            let all = Recipe::new(24, wanted).unwrap();
            let recipe = all.without_look_alikes().unwrap();
            assert!(recipe.entropy_centibits() < all.entropy_centibits());
            for seed in 0..50 {
                let password = password(recipe, seed);
                assert!(password.iter().all(|symbol| !LOOK_ALIKES.contains(symbol)));
                for (class, wanted) in CLASSES.iter().zip(wanted) {
                    assert_eq!(password.iter().any(|symbol| class.contains(symbol)), wanted);
                }
            }
        }
        let pin = Recipe::new(13, [false, false, true, false]).unwrap();
        assert_eq!(pin.without_look_alikes(), Err(GenerateError::Weak));
    }

    #[test]
    fn every_legal_recipe_succeeds_with_one_draw_in_eight() {
        for mask in 1..16_u8 {
            let wanted = [mask & 1 != 0, mask & 2 != 0, mask & 4 != 0, mask & 8 != 0];
            for recipe in (1..=255).filter_map(|length| Recipe::new(length, wanted).ok()) {
                for recipe in [Some(recipe), recipe.without_look_alikes().ok()].into_iter().flatten() {
                    let symbols = recipe.classes().flatten().filter(|symbol| recipe.admits(**symbol)).count();
                    let all = entropy::uniform_centibits(recipe.length.into(), symbols.try_into().unwrap());
                    assert!(all - recipe.entropy_centibits() <= 300, "{recipe:?}");
                }
            }
        }
    }

    #[test]
    fn a_weak_recipe_is_refused() {
        for (length, wanted) in
            [(24, [false; 4]), (0, ALL), (3, ALL), (6, ALL), (12, [false, false, true, false])]
        {
            assert_eq!(Recipe::new(length, wanted), Err(GenerateError::Weak), "{length} {wanted:?}");
        }
        assert!(Recipe::new(7, ALL).is_ok());
        assert!(Recipe::new(13, [false, false, true, false]).is_ok());
    }

    #[test]
    fn the_longest_password_fits() {
        assert_eq!(password(Recipe::new(255, ALL).unwrap(), 1).len(), 255);
    }

    #[test]
    fn a_failing_source_gives_no_password_and_leaves_nothing() {
        let mut out = [0xaa; 255];
        let got = Recipe::new(24, ALL).unwrap().generate(&mut Seeded(None), &mut out);
        assert_eq!(got, Err(GenerateError::Random));
        assert_eq!(out[..24], [0; 24]);
    }

    #[test]
    fn a_source_stuck_at_one_value_is_noticed() {
        struct Stuck;
        impl Random for Stuck {
            fn fill(&mut self, out: &mut [u8]) -> Result<(), crate::RandomError> {
                out.fill(7);
                Ok(())
            }
        }
        let got = Recipe::new(24, ALL).unwrap().generate(&mut Stuck, &mut [0; 255]);
        assert_eq!(got, Err(GenerateError::Random));
    }

    #[test]
    fn every_symbol_stands_everywhere_about_equally_often() {
        let recipe = Recipe::new(13, [false, false, true, false]).unwrap();
        let mut seen = [[0_u32; 10]; 13];
        let mut out = [0; 255];
        let mut random = Seeded(Some(3));
        for _ in 0..10_000 {
            recipe.generate(&mut random, &mut out).unwrap();
            for (place, symbol) in seen.iter_mut().zip(&out) {
                place[usize::from(symbol - b'0')] += 1;
            }
        }
        // Expected 1000 each, standard deviation 30.
        assert!(seen.iter().flatten().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }
}
