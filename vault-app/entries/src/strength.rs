//! How hard a typed password is to guess, by the method of zxcvbn.
//!
//! Somebody who guesses tries what people choose: common words and names (also in leetspeak, reversed, capitalised), walks on
//! the keyboard, sequences, repeats, dates. A password is taken apart into such patterns in the way that needs the fewest
//! guesses, and that number is the estimate. It says nothing of how the password came about: of a generated one the
//! generator's exact figure is the truth.
//!
//! Everything is in hundredths of a bit and in whole numbers. Only the first [`caps::ESTIMATE_CHARS_MAX`] characters
//! count. Deliberately absent: advice, languages but English, layouts but QWERTY, QWERTZ and the keypad.
//! Source: D. L. Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016; the tests hold the order
//! against that program.

mod keyboard;
mod patterns;
mod words;

use alloc::vec;
use alloc::vec::Vec;

use vault_app_codes::entropy;
use words::Context;
use zeroize::Zeroizing;

use crate::caps;

/// One guess in ten is right: what a character that is part of no pattern is worth.
const FREE_CHAR: u32 = 332;
/// What a pattern is worth at least, when the password is more than it: one character, several.
const PATTERN_MIN: [u32; 2] = [332, 564];
/// Log of 10,000: what having to guess how many patterns there are is worth, for each but the first.
const PATTERN_MORE: u32 = 1_328;

/// How hard a password is to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strength {
    /// The logarithm to base 2 of the number of guesses, in hundredths.
    pub centibits: u32,
}

impl Strength {
    /// 0 to 4: below 10^3, 10^6, 10^8, 10^10 guesses, above. From 3 on a slow hash protects it, from 4 on most do.
    #[must_use]
    pub const fn score(self) -> u8 {
        match self.centibits {
            0..=996 => 0,
            997..=1_993 => 1,
            1_994..=2_657 => 2,
            2_658..=3_321 => 3,
            _ => 4,
        }
    }
}

/// Estimates a password. `context` are texts that who guesses will try first, such as the user's name.
#[must_use]
pub fn estimate(password: &str, context: &[&str]) -> Strength {
    let letters = Letters::new(password);
    let context = &Context::new(context);
    let mut found = Vec::new();
    letters.patterns(context, &mut found);
    patterns::repeats(&letters, &mut found, |part| {
        let mut found = Vec::new();
        part.patterns(context, &mut found);
        fewest(part.len(), &found)
    });
    Strength { centibits: fewest(letters.len(), &found) }
}

/// The characters of a password, as they are and in small letters. Wiped when dropped.
struct Letters {
    typed: Zeroizing<Vec<char>>,
    small: Zeroizing<Vec<char>>,
}

impl Letters {
    fn new(password: &str) -> Self {
        let count = password.chars().count().min(caps::ESTIMATE_CHARS_MAX);
        let mut typed = Zeroizing::new(Vec::with_capacity(count));
        typed.extend(password.chars().take(count));
        Self::from(typed)
    }

    fn from(typed: Zeroizing<Vec<char>>) -> Self {
        let mut small = Zeroizing::new(Vec::with_capacity(typed.len()));
        small.extend(typed.iter().map(|letter| letter.to_lowercase().next().unwrap_or(*letter)));
        Self { typed, small }
    }

    fn part(&self, start: usize, end: usize) -> Self {
        Self::from(Zeroizing::new(Vec::from(&self.typed[start..end])))
    }

    fn len(&self) -> usize {
        self.typed.len()
    }

    /// All patterns but repeats.
    fn patterns(&self, context: &Context, found: &mut Vec<Pattern>) {
        words::find(self, context, found);
        keyboard::find(self, found);
        patterns::sequences(self, found);
        patterns::dates(self, found);
    }
}

/// A part of the password that somebody would guess as a whole.
#[derive(Clone, Copy)]
struct Pattern {
    start: usize,
    /// Behind the last character.
    end: usize,
    centibits: u32,
}

/// The logarithm of `guesses`, at least one, in hundredths of a bit.
fn log(guesses: u64) -> u32 {
    entropy::uniform_centibits(1, guesses.max(1))
}

/// The logarithm of the sum of two numbers whose logarithms are given; within a few hundredths.
fn log_of_sum(a: u32, b: u32) -> u32 {
    const MORE: [u32; 7] = [100, 58, 32, 17, 9, 4, 2];
    let index = usize::try_from(a.abs_diff(b) / 100).unwrap_or(usize::MAX);
    a.max(b) + MORE.get(index).copied().unwrap_or(0)
}

/// How a beginning of the password comes apart.
#[derive(Clone, Copy)]
struct Best {
    /// The logarithm of the product of the patterns' guesses.
    product: u32,
    /// Whether the last part is free characters.
    free: bool,
}

/// The fewest guesses over all ways to cover `length` characters with patterns and free characters between them.
///
/// `l` patterns cost their product times `l!` (their order) plus 10,000 for each but the first.
fn fewest(length: usize, found: &[Pattern]) -> u32 {
    // best[end][count]: the first `end` characters in `count` parts.
    let mut best: Vec<Vec<Option<Best>>> = vec![vec![None; length + 1]; length + 1];
    best[0][0] = Some(Best { product: 0, free: false });
    for end in 1..=length {
        for pattern in found.iter().filter(|pattern| pattern.end == end) {
            let min = if pattern.end - pattern.start == length {
                0
            } else {
                PATTERN_MIN[usize::from(pattern.end - pattern.start > 1)]
            };
            extend(&mut best, pattern.start, end, Best { product: pattern.centibits.max(min), free: false });
        }
        for start in 0..end {
            let count = u32::try_from(end - start).unwrap_or(u32::MAX);
            extend(&mut best, start, end, Best { product: count.saturating_mul(FREE_CHAR) + 1, free: true });
        }
    }
    let mut order = 0;
    let mut fewest = u32::MAX;
    for (count, way) in (0_u32..).zip(&best[length]) {
        order += log(u64::from(count));
        if let Some(way) = way {
            let more = count.saturating_sub(1) * PATTERN_MORE;
            let guesses = if count > 1 { log_of_sum(way.product + order, more) } else { way.product };
            fewest = fewest.min(guesses);
        }
    }
    if length == 0 { 0 } else { fewest }
}

/// Adds a part from `start` to `end` to every way to cover what is before it.
fn extend(best: &mut [Vec<Option<Best>>], start: usize, end: usize, part: Best) {
    for count in 0..=start {
        let Some(before) = best[start][count] else { continue };
        // Two runs of free characters are one.
        if before.free && part.free {
            continue;
        }
        let product = before.product + part.product;
        let place = &mut best[end][count + 1];
        if place.is_none_or(|other| product < other.product) {
            *place = Some(Best { product, free: part.free });
        }
    }
}

#[cfg(test)]
mod tests;
