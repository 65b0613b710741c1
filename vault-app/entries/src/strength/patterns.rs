//! Sequences, repeats and dates.

use alloc::vec::Vec;

use super::{Letters, Pattern, log};

/// The shortest sequence.
const SEQUENCE_MIN: usize = 3;
/// The largest step of a sequence: `acegi` is one of 2.
const STEP_MAX: i64 = 5;
/// Where people begin sequences.
const OBVIOUS: &[char] = &['a', 'A', 'z', 'Z', '0', '1', '9'];
/// Years that people choose are within about as many of now.
const YEARS: u64 = 60;
/// Years that are looked for.
const YEAR_RANGE: core::ops::RangeInclusive<u32> = 1900..=2060;
/// Two bits for which separator a date has.
const SEPARATOR: u32 = 200;

/// Characters one step apart.
pub(super) fn sequences(letters: &Letters, found: &mut Vec<Pattern>) {
    let typed = &letters.typed;
    let step_to = |pair: &[char]| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]));
    let mut start = 0;
    while start + SEQUENCE_MIN <= typed.len() {
        let step = step_to(&typed[start..start + 2]);
        let end = start + 1 + typed[start..].windows(2).take_while(|pair| step_to(pair) == step).count();
        if end - start >= SEQUENCE_MIN && (1..=STEP_MAX).contains(&step.abs()) {
            let first = typed[start];
            let from = if OBVIOUS.contains(&first) {
                4
            } else if first.is_ascii_digit() {
                10
            } else {
                26
            };
            let down = if step < 0 { 2 } else { 1 };
            let length = u64::try_from(end - start).unwrap_or(0);
            found.push(Pattern { start, end, centibits: log(from * down * length) });
        }
        start = (end - 1).max(start + 1);
    }
}

/// A part several times in a row: worth the part and how often it comes. `worth` estimates a part.
pub(super) fn repeats(letters: &Letters, found: &mut Vec<Pattern>, worth: impl Fn(&Letters) -> u32) {
    let typed = &letters.typed;
    let mut start = 0;
    while start + 1 < typed.len() {
        // The period that covers most; of several that cover as much, the shortest.
        let covered = |period: usize| {
            let same = |(a, b): &(&char, &char)| a == b;
            let run = typed[start..].iter().zip(&typed[start + period..]).take_while(same).count();
            run / period * period + period
        };
        let periods = 1..=(typed.len() - start) / 2;
        let repeated =
            periods.map(|period| (covered(period), period)).filter(|(covered, period)| covered > period);
        let best = repeated.max_by_key(|(covered, period)| (*covered, usize::MAX - period));
        let Some((covered, period)) = best else {
            start += 1;
            continue;
        };
        let times = u64::try_from(covered / period).unwrap_or(u64::MAX);
        let centibits = worth(&letters.part(start, start + period)) + log(times);
        found.push(Pattern { start, end: start + covered, centibits });
        start += covered;
    }
}

/// Years, and days with or without separators.
pub(super) fn dates(letters: &Letters, found: &mut Vec<Pattern>) {
    for start in 0..letters.len() {
        for end in start + 4..=letters.len().min(start + 10) {
            if let Some(centibits) = date(&letters.typed[start..end]) {
                found.push(Pattern { start, end, centibits });
            }
        }
    }
}

fn date(text: &[char]) -> Option<u32> {
    let mut digits = [0; 8];
    let mut count = 0;
    let mut separators: [(usize, char); 2] = [(0, ' '); 2];
    let mut between = 0;
    for letter in text {
        match letter.to_digit(10) {
            Some(digit) => {
                *digits.get_mut(count)? = digit;
                count += 1;
            }
            None if matches!(letter, '/' | '-' | '.' | '_' | ' ' | '\\') => {
                *separators.get_mut(between)? = (count, *letter);
                between += 1;
            }
            None => return None,
        }
    }
    let digits = &digits[..count];
    let number = |part: &[u32]| part.iter().fold(0, |number, digit| number * 10 + digit);
    if between == 0 && count == 4 && YEAR_RANGE.contains(&number(digits)) {
        return Some(log(YEARS));
    }
    let cuts = match between {
        0 => cuts(count),
        2 if separators[0].1 == separators[1].1 => separated(separators[0].0, separators[1].0),
        _ => return None,
    };
    let is_day = cuts.iter().filter(|(a, b)| 0 < *a && a < b && *b < count).any(|(a, b)| {
        let (first, second, third) = (number(&digits[..*a]), number(&digits[*a..*b]), number(&digits[*b..]));
        day(first, second) && year(third, count - b) || day(second, third) && year(first, *a)
    });
    is_day.then(|| log(365 * YEARS) + if between == 0 { 0 } else { SEPARATOR })
}

/// Where day, month and year may end in so many digits.
fn cuts(count: usize) -> &'static [(usize, usize)] {
    match count {
        4 => &[(1, 2), (2, 3)],
        5 => &[(1, 3), (2, 3)],
        6 => &[(1, 2), (2, 4), (4, 5)],
        7 => &[(1, 3), (2, 3), (4, 5), (4, 6)],
        8 => &[(2, 4), (4, 6)],
        _ => &[],
    }
}

fn separated(first: usize, second: usize) -> &'static [(usize, usize)] {
    match (first, second) {
        (1, 2) => &[(1, 2)],
        (1, 3) => &[(1, 3)],
        (2, 3) => &[(2, 3)],
        (2, 4) => &[(2, 4)],
        (4, 5) => &[(4, 5)],
        (4, 6) => &[(4, 6)],
        _ => &[],
    }
}

fn day(a: u32, b: u32) -> bool {
    let fits = |day: u32, month: u32| (1..=31).contains(&day) && (1..=12).contains(&month);
    fits(a, b) || fits(b, a)
}

fn year(number: u32, digits: usize) -> bool {
    match digits {
        2 => true,
        4 => YEAR_RANGE.contains(&number),
        _ => false,
    }
}
