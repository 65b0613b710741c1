//! The nearest known word to one that is not known.
//!
//! Nearness is the number of letters to change, insert, drop or swap with the neighbour (Damerau's distance, optimal
//! string alignment). At most two, and fewer than the word has letters, or the suggestion would be a guess.

const LENGTH_MAX: usize = 24;
const DISTANCE_MAX: usize = 2;

/// The candidate nearest to `word`, the first of equals; `None` when nothing is near.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = DISTANCE_MAX.min(word.len().saturating_sub(1));
    candidates
        .filter_map(|candidate| {
            distance(word.as_bytes(), candidate.as_bytes()).map(|distance| (distance, candidate))
        })
        .filter(|(distance, _)| *distance <= near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many steps lead from `a` to `b`; `None` when one of them is longer than any word we know.
fn distance(a: &[u8], b: &[u8]) -> Option<usize> {
    if a.len() > LENGTH_MAX || b.len() > LENGTH_MAX {
        return None;
    }
    let mut before = [0; LENGTH_MAX + 1];
    let mut row = [0; LENGTH_MAX + 1];
    for (column, place) in row.iter_mut().enumerate() {
        *place = column;
    }
    for (i, &from) in a.iter().enumerate() {
        let above = row;
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let change = above[j] + usize::from(from != to);
            let mut best = change.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from == b[j - 1] && a[i - 1] == to {
                best = best.min(before[j - 1] + 1);
            }
            row[j + 1] = best;
        }
        before = above;
    }
    Some(row[b.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expected: Option<&str>) {
        let known = ["qubes", "vault", "say", "kill", "policy", "audit", "help", "poweroff", "ls"];
        assert_eq!(nearest(word, known.into_iter()), expected, "{word}");
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        check("qbues", Some("qubes"));
        check("vualt", Some("vault"));
        check("hlep", Some("help"));
        check("poweof", Some("poweroff"));
        check("audits", Some("audit"));
        check("kil", Some("kill"));
        check("sl", Some("ls"));
    }

    #[test]
    fn what_is_not_near_gets_no_suggestion() {
        check("x", None);
        check("reboot", None);
        check("", None);
        check("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", None);
    }

    #[test]
    fn distances_are_those_of_the_definition() {
        let cases = [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("kitten", "sitting", 3), ("ca", "abc", 3)];
        for (a, b, expected) in cases {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), Some(expected), "{a} {b}");
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), Some(expected), "{b} {a}");
        }
    }
}
