//! Words: common passwords, English, names, the EFF's list, the context; capitalised, in leetspeak, reversed.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use vault_app_codes::phrase;
use zeroize::Zeroizing;

use super::{Letters, Pattern, log};

/// Sorted lines of a word, a blank and its rank; see `data/README.md`.
const LIST: &str = include_str!("../../data/common-words.txt");
/// The shortest word looked for.
const WORD_MIN: usize = 3;
/// The longest word of the list, and the longest part of the context looked for.
const WORD_MAX: usize = 18;
/// A word of the context is among the first tries.
const CONTEXT_RANK: u64 = 10;
/// One bit for having been reversed, one for leetspeak.
const TWIST: u32 = 100;

/// What a character stands for in leetspeak; where two are usual, one table has the one and one the other.
const LEET: [&[(char, char)]; 2] = [
    &[
        ('4', 'a'),
        ('@', 'a'),
        ('8', 'b'),
        ('(', 'c'),
        ('{', 'c'),
        ('[', 'c'),
        ('<', 'c'),
        ('3', 'e'),
        ('6', 'g'),
        ('9', 'g'),
        ('1', 'i'),
        ('!', 'i'),
        ('|', 'i'),
        ('0', 'o'),
        ('$', 's'),
        ('5', 's'),
        ('+', 't'),
        ('7', 't'),
        ('%', 'x'),
        ('2', 'z'),
    ],
    &[
        ('4', 'a'),
        ('@', 'a'),
        ('8', 'b'),
        ('(', 'c'),
        ('{', 'c'),
        ('[', 'c'),
        ('<', 'c'),
        ('3', 'e'),
        ('6', 'g'),
        ('9', 'g'),
        ('1', 'l'),
        ('!', 'l'),
        ('|', 'l'),
        ('0', 'o'),
        ('$', 's'),
        ('5', 's'),
        ('+', 't'),
        ('7', 'l'),
        ('%', 'x'),
        ('2', 'z'),
    ],
];

pub(super) fn find(letters: &Letters, context: &[&str], found: &mut Vec<Pattern>) {
    for start in 0..letters.len() {
        for end in start + WORD_MIN..=letters.len().min(start + WORD_MAX) {
            if let Some(centibits) = cheapest(&letters.small[start..end], context) {
                let centibits = centibits + capitals(&letters.typed[start..end]);
                found.push(Pattern { start, end, centibits });
            }
        }
    }
}

/// The cheapest way in which these small letters are a word.
fn cheapest(small: &[char], context: &[&str]) -> Option<u32> {
    let mut word = Zeroizing::new(String::with_capacity(small.len() * 4));
    word.extend(small);
    let mut best = rank(&word, context).map(log);
    let mut consider = |word: &str, twists: u32| {
        if let Some(rank) = rank(word, context) {
            let centibits = log(rank) + twists;
            best = Some(best.map_or(centibits, |best| best.min(centibits)));
        }
    };
    word.clear();
    word.extend(small.iter().rev());
    consider(&word, TWIST);
    for table in LEET {
        let swapped = |letter: &char| table.iter().find(|(from, _)| from == letter).map(|(_, to)| *to);
        let kinds = table.iter().filter(|(from, _)| small.contains(from)).count();
        let kinds = u32::try_from(kinds).unwrap_or(0);
        // Digits alone are a number and no word.
        if kinds > 0 && small.iter().any(|letter| swapped(letter).is_none()) {
            word.clear();
            word.extend(small.iter().map(|letter| swapped(letter).unwrap_or(*letter)));
            consider(&word, kinds * TWIST);
        }
    }
    best
}

/// How many words are tried before this one.
fn rank(word: &str, context: &[&str]) -> Option<u64> {
    let lower = |other: &str| other.chars().flat_map(char::to_lowercase).eq(word.chars());
    if context.iter().any(|text| lower(text) || text.split(|c: char| !c.is_alphanumeric()).any(lower)) {
        return Some(CONTEXT_RANK);
    }
    let common = common_rank(word);
    let drawn = phrase::contains(word).then_some(u64::from(phrase::LIST_LEN));
    common.into_iter().chain(drawn).min()
}

/// The rank in the list, by halving: at each step the line around the middle is compared.
fn common_rank(word: &str) -> Option<u64> {
    let (mut low, mut high) = (0, LIST.len());
    while low < high {
        let middle = low.midpoint(high);
        // The list is ASCII; a middle within it is a boundary.
        let start = LIST[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = LIST[middle..].find('\n').map_or(LIST.len(), |at| middle + at);
        let (other, rank) = LIST[start..end].split_once(' ')?;
        match other.cmp(word) {
            Ordering::Equal => return rank.parse().ok(),
            Ordering::Less => low = end + 1,
            Ordering::Greater => high = start,
        }
    }
    None
}

/// What the choice of capitals is worth: none or the usual ones little, others the ways to choose as many.
fn capitals(typed: &[char]) -> u32 {
    let upper = typed.iter().filter(|letter| letter.is_uppercase()).count();
    let lower = typed.iter().filter(|letter| letter.is_lowercase()).count();
    let ends = [typed.first(), typed.last()];
    if upper == 0 {
        0
    } else if lower == 0 || (upper == 1 && ends.iter().flatten().any(|letter| letter.is_uppercase())) {
        TWIST
    } else {
        let all = u64::try_from(upper + lower).unwrap_or(u64::MAX);
        let fewer = u64::try_from(upper.min(lower)).unwrap_or(u64::MAX);
        log((1..=fewer).map(|count| ways(all, count)).fold(0, u64::saturating_add))
    }
}

/// Binomial coefficient.
pub(super) fn ways(all: u64, chosen: u64) -> u64 {
    (0..chosen).fold(1_u64, |ways, step| ways.saturating_mul(all.saturating_sub(step)) / (step + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_every_word_is_found_with_its_rank() {
        let lines: Vec<(&str, &str)> = LIST.lines().map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(lines.len(), 22_959);
        assert!(LIST.is_ascii() && lines.is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(lines.iter().all(|(word, _)| (WORD_MIN..=WORD_MAX).contains(&word.len())));
        assert!(lines.iter().all(|(word, rank)| common_rank(word) == rank.parse().ok()));
        for other in ["", "a", "passwordx", "passwordd", "~~~~", "!!!", "日本"] {
            assert_eq!(common_rank(other), None, "{other}");
        }
    }

    #[test]
    fn binomials_are_binomials() {
        assert_eq!(
            (ways(5, 0), ways(5, 1), ways(5, 2), ways(5, 5), ways(60, 30)),
            (1, 5, 10, 1, 118_264_581_564_861_424)
        );
    }
}
