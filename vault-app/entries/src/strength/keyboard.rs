//! Walks on the keyboard: each key beside the one before, the fewer turns the cheaper.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::words::ways;
use super::{Letters, Pattern, log};

/// A layout: rows from the top, each with its first column, unshifted and shifted.
struct Layout {
    rows: &'static [(i8, &'static str, &'static str)],
    /// Rows are half a key apart, so a key has six neighbours; else it has eight.
    slanted: bool,
    /// How many keys it has, and how many neighbours on average in hundredths of a bit.
    keys: u64,
    neighbours: u32,
}

const QWERTY: Layout = Layout {
    rows: &[
        (0, "`1234567890-=", "~!@#$%^&*()_+"),
        (1, "qwertyuiop[]\\", "QWERTYUIOP{}|"),
        (1, "asdfghjkl;'", "ASDFGHJKL:\""),
        (1, "zxcvbnm,./", "ZXCVBNM<>?"),
    ],
    slanted: true,
    keys: 47,
    neighbours: 220,
};
const QWERTZ: Layout = Layout {
    rows: &[
        (0, "^1234567890ß´", "°!\"§$%&/()=?`"),
        (1, "qwertzuiopü+", "QWERTZUIOPÜ*"),
        (1, "asdfghjklöä#", "ASDFGHJKLÖÄ'"),
        (0, "<yxcvbnm,.-", ">YXCVBNM;:_"),
    ],
    slanted: true,
    keys: 48,
    neighbours: 220,
};
const KEYPAD: Layout = Layout {
    rows: &[(0, "789", ""), (0, "456", ""), (0, "123", ""), (0, "0", "")],
    slanted: false,
    keys: 10,
    neighbours: 232,
};
/// The shortest walk.
const WALK_MIN: usize = 3;

/// A key: column, row, whether shifted.
type Key = (i8, i8, bool);

impl Layout {
    fn key(&self, letter: char) -> Option<Key> {
        for (row, (first, plain, shifted)) in (0_i8..).zip(self.rows) {
            for (keys, shift) in [(plain, false), (shifted, true)] {
                if let Some(at) = keys.chars().position(|key| key == letter) {
                    return Some((first + i8::try_from(at).unwrap_or(0), row, shift));
                }
            }
        }
        None
    }

    /// The step from one key to a neighbour.
    fn step(&self, from: Key, to: Key) -> Option<(i8, i8)> {
        let step = (to.0 - from.0, to.1 - from.1);
        let beside = match step {
            (-1 | 1, 0) | (0, -1 | 1) | (1, -1) | (-1, 1) => true,
            (-1, -1) | (1, 1) => !self.slanted,
            _ => false,
        };
        beside.then_some(step)
    }
}

pub(super) fn find(letters: &Letters, found: &mut Vec<Pattern>) {
    for layout in [&QWERTY, &QWERTZ, &KEYPAD] {
        // The keys tell the password, so they are wiped as it is.
        let mut keys = Zeroizing::new(Vec::with_capacity(letters.len()));
        keys.extend(letters.typed.iter().map(|letter| layout.key(*letter)));
        let mut start = 0;
        while start < keys.len() {
            let end = walk(layout, &keys, start);
            if end - start >= WALK_MIN {
                found.push(Pattern { start, end, centibits: worth(layout, &keys[start..end]) });
            }
            start = end.max(start + 1);
        }
    }
}

/// Where the walk that begins at `start` ends.
fn walk(layout: &Layout, keys: &[Option<Key>], start: usize) -> usize {
    let goes_on = |pair: &[Option<Key>]| match pair {
        [Some(from), Some(to)] => layout.step(*from, *to).is_some(),
        _ => false,
    };
    start + 1 + keys[start..].windows(2).take_while(|pair| goes_on(pair)).count()
}

/// Where it begins, where it turns and whither, which keys are shifted.
fn worth(layout: &Layout, keys: &[Option<Key>]) -> u32 {
    let step = |pair: &[Option<Key>]| layout.step(pair[0]?, pair[1]?);
    let turns = 1 + keys.windows(3).filter(|keys| step(&keys[..2]) != step(&keys[1..])).count();
    let (length, turns) = (u64::try_from(keys.len()).unwrap_or(0), u32::try_from(turns).unwrap_or(0));
    let places = ways(length - 1, u64::from(turns) - 1).saturating_mul(length);
    let shifted = keys.iter().flatten().filter(|key| key.2).count();
    let shifted = u64::try_from(shifted).unwrap_or(0);
    let shifts = match shifted.min(length - shifted) {
        0 => u64::from(shifted > 0) + 1,
        fewer => (1..=fewer).map(|count| ways(length, count)).fold(0, u64::saturating_add),
    };
    log(layout.keys) + turns * layout.neighbours + log(places) + log(shifts)
}
