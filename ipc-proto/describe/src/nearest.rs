//! The nearest of some names to one that is not among them.
//!
//! Nearness is the number of letters to change, insert, drop or swap with the neighbour. At most two, and fewer than the word
//! has letters, or the suggestion would be a guess. Case does not count.

/// Longer names are never suggested.
const LENGTH_MAX: usize = 32;
const DISTANCE_MAX: usize = 2;

/// The candidate nearest to `word`, the first of equals; `None` when nothing is near.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = DISTANCE_MAX.min(word.len().saturating_sub(1));
    candidates
        .filter_map(|candidate| Some((distance(word.as_bytes(), candidate.as_bytes())?, candidate)))
        .filter(|(distance, candidate)| *distance <= near || candidate.eq_ignore_ascii_case(word))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many steps lead from `a` to `b`; `None` when one of them is too long.
fn distance(a: &[u8], b: &[u8]) -> Option<usize> {
    if a.len() > LENGTH_MAX || b.len() > LENGTH_MAX {
        return None;
    }
    let mut before = [0_usize; LENGTH_MAX + 1];
    let mut above = [0_usize; LENGTH_MAX + 1];
    for (column, place) in above.iter_mut().enumerate() {
        *place = column;
    }
    let mut last_of_a = None;
    for (row_number, from) in (1..).zip(a) {
        let mut row = [0_usize; LENGTH_MAX + 1];
        let mut left = row_number;
        *row.first_mut()? = left;
        let mut last_of_b = None;
        for (column, to) in b.iter().enumerate() {
            let is_same = from.eq_ignore_ascii_case(to);
            let change = above.get(column)?.saturating_add(usize::from(!is_same));
            let drop = above.get(column.checked_add(1)?)?.saturating_add(1);
            let mut best = change.min(drop).min(left.saturating_add(1));
            if last_of_a == Some(to) && last_of_b == Some(from) {
                best = best.min(before.get(column.checked_sub(1)?)?.saturating_add(1));
            }
            *row.get_mut(column.checked_add(1)?)? = best;
            left = best;
            last_of_b = Some(to);
        }
        before = above;
        above = row;
        last_of_a = Some(from);
    }
    above.get(b.len()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expected: Option<&str>) {
        let known = ["Locked", "Unlocked", "Empty", "Sha1", "Sha256"];
        assert_eq!(nearest(word, known.into_iter()), expected, "{word}");
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        check("locked", Some("Locked"));
        check("Lokced", Some("Locked"));
        check("Emty", Some("Empty"));
        check("sha-256", Some("Sha256"));
    }

    #[test]
    fn what_is_not_near_gets_no_suggestion() {
        check("", None);
        check("x", None);
        check("Restarting", None);
        check(&"Locked".repeat(9), None);
    }
}
