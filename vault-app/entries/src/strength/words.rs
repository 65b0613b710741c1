//! Words: common passwords, English, names, the EFF's list, the context; capitalised, in leetspeak, reversed.

use alloc::string::String;
use alloc::vec::Vec;

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

/// What a character stands for in leetspeak, and what else where two are usual.
const LEET: [(char, char, char); 20] = [
    ('4', 'a', 'a'),
    ('@', 'a', 'a'),
    ('8', 'b', 'b'),
    ('(', 'c', 'c'),
    ('{', 'c', 'c'),
    ('[', 'c', 'c'),
    ('<', 'c', 'c'),
    ('3', 'e', 'e'),
    ('6', 'g', 'g'),
    ('9', 'g', 'g'),
    ('1', 'i', 'l'),
    ('!', 'i', 'l'),
    ('|', 'i', 'l'),
    ('0', 'o', 'o'),
    ('$', 's', 's'),
    ('5', 's', 's'),
    ('+', 't', 't'),
    ('7', 't', 'l'),
    ('%', 'x', 'x'),
    ('2', 'z', 'z'),
];

pub(super) fn find(letters: &Letters, context: &Context, found: &mut Vec<Pattern>) {
    let count = letters.len();
    let forward = |index: usize| Some(letters.small[index]);
    look(count, context, forward, |start, end, rank| {
        found.push(Pattern { start, end, centibits: log(rank) + capitals(&letters.typed[start..end]) });
    });
    let backward = |index: usize| Some(letters.small[count - 1 - index]);
    look(count, context, backward, |start, end, rank| {
        let (start, end) = (count - end, count - start);
        let centibits = log(rank) + TWIST + capitals(&letters.typed[start..end]);
        found.push(Pattern { start, end, centibits });
    });
    for is_other in [false, true] {
        let meant = |letter: &char| {
            let known = LEET.iter().find(|(from, _, _)| from == letter);
            known.map(|(_, one, other)| if is_other { *other } else { *one })
        };
        let swapped = |index: usize| letters.small.get(index).map(|letter| meant(letter).unwrap_or(*letter));
        look(count, context, swapped, |start, end, rank| {
            let small = &letters.small[start..end];
            let kinds = LEET.iter().filter(|(from, _, _)| small.contains(from)).count();
            // Digits alone are a number and no word; what has none is found above.
            if kinds > 0 && small.iter().any(|letter| meant(letter).is_none()) {
                let twists = u32::try_from(kinds).unwrap_or(0) * TWIST;
                let centibits = log(rank) + twists + capitals(&letters.typed[start..end]);
                found.push(Pattern { start, end, centibits });
            }
        });
    }
}

/// Tells every word among `count` letters: start, end, rank. Longer ones from a start are looked for only as long as some
/// word begins so: a report estimates thousands of passwords.
fn look(
    count: usize,
    context: &Context,
    letter: impl Fn(usize) -> Option<char>,
    mut tell: impl FnMut(usize, usize, u64),
) {
    let mut word = Zeroizing::new(String::with_capacity(WORD_MAX * 4));
    for start in 0..count {
        word.clear();
        for end in start + 1..=count.min(start + WORD_MAX) {
            word.extend(letter(end - 1));
            if end - start < WORD_MIN {
                continue;
            }
            let (rank, more) = rank(&word, context);
            if let Some(rank) = rank {
                tell(start, end, rank);
            }
            if !more {
                break;
            }
        }
    }
}

/// What who guesses knows, in small letters: each text whole, and its words.
pub(super) struct Context(Vec<Zeroizing<String>>);

impl Context {
    pub(super) fn new(texts: &[&str]) -> Self {
        let mut known = Vec::new();
        for text in texts {
            let words = text.split(|letter: char| !letter.is_alphanumeric());
            for word in core::iter::once(*text).chain(words) {
                let length = word.chars().flat_map(char::to_lowercase).map(char::len_utf8).sum();
                let mut small = Zeroizing::new(String::with_capacity(length));
                small.extend(word.chars().flat_map(char::to_lowercase));
                known.push(small);
            }
        }
        Self(known)
    }
}

/// How many words are tried before this one, and whether longer words begin with it.
fn rank(word: &str, context: &Context) -> (Option<u64>, bool) {
    let (common, common_more) = common(word);
    let at = phrase::position(word);
    let drawn =
        (at..usize::from(phrase::LIST_LEN)).take(2).map(phrase::word).filter(|other| other.starts_with(word));
    let is_drawn = drawn.clone().next() == Some(word);
    let known = context.0.iter().filter(|known| known.starts_with(word));
    let is_known = known.clone().any(|known| known.len() == word.len());
    let more = common_more
        || drawn.clone().any(|other| other.len() > word.len())
        || known.clone().any(|known| known.len() > word.len());
    let ranks = [is_known.then_some(CONTEXT_RANK), common, is_drawn.then_some(phrase::LIST_LEN.into())];
    (ranks.into_iter().flatten().min(), more)
}

/// The rank in the list, and whether longer words of it begin so. By halving: at each step the line around the middle is compared.
fn common(word: &str) -> (Option<u64>, bool) {
    let (mut low, mut high) = (0, LIST.len());
    while low < high {
        let middle = low.midpoint(high);
        // The list is ASCII; a middle within it is a boundary.
        let start = LIST[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = LIST[middle..].find('\n').map_or(LIST.len(), |at| middle + at);
        if LIST[start..end].split(' ').next().unwrap_or("") < word {
            low = end + 1;
        } else {
            high = start;
        }
    }
    let (mut rank, mut more) = (None, false);
    for (other, number) in LIST[low.min(LIST.len())..].lines().take(2).filter_map(|line| line.split_once(' '))
    {
        if other == word {
            rank = number.parse().ok();
        } else {
            more |= other.starts_with(word);
        }
    }
    (rank, more)
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
        assert!(lines.iter().all(|(word, rank)| common(word).0 == rank.parse().ok()));
        for (index, (word, _)) in lines.iter().enumerate() {
            for length in 1..=word.len() {
                let begins =
                    |(other, _): &(&str, &str)| other.starts_with(&word[..length]) && other.len() > length;
                // Sorted, so that words that begin alike are neighbours.
                let near = &lines[index.saturating_sub(2)..lines.len().min(index + 3)];
                assert!(common(&word[..length]).1 || !near.iter().any(begins), "{word} {length}");
            }
            assert_eq!(common(&format!("{word}~")), (None, false));
        }
        for other in ["", "a", "passwordx", "passwordd", "~~~~", "!!!", "日本"] {
            assert_eq!(common(other).0, None, "{other}");
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
