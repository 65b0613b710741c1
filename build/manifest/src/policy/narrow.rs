//! What is left of a disposable's rules where its opener's rules have a say too: for every message the narrower of both
//! verdicts.
//!
//! Both lists are read as always, first match wins and no match denies. Their product in lexicographic order, each pair with
//! the conditions of both and the narrower verdict, is a list whose first match is the pair of the first matches: so it is
//! compiled like any other, and nothing is left to do at run time.

use supervisor_policy::Verdict;

use super::Rule;

/// The rules that give the narrower verdict of `own` and `openers`, which are what may decide one method, each up to the
/// first rule without conditions. Empty when nothing is allowed and one of them says nothing at all.
pub(super) fn narrowed(own: &[&Rule], openers: &[&Rule]) -> Vec<Rule> {
    let denies = |rules: &&[&Rule]| {
        rules.first().is_some_and(|first| first.verdict == Verdict::Deny && first.conditions.is_empty())
    };
    if let Some(denying) = [own, openers].into_iter().find(denies) {
        return denying.iter().copied().cloned().collect();
    }
    let mut rules = Vec::new();
    for one in own {
        for other in openers {
            // The one with the narrower verdict is named as the one that decides.
            let (narrow, wide) =
                if rank(other.verdict) < rank(one.verdict) { (other, one) } else { (one, other) };
            let mut rule = Rule::clone(narrow);
            rule.conditions.extend(wide.conditions.iter().cloned());
            rules.push(rule);
        }
    }
    // No match denies: rules at the end that do so too say nothing. One stays, to be named.
    let last = rules.iter().rposition(|rule| rule.verdict != Verdict::Deny).unwrap_or(0);
    rules.truncate(last + 1);
    if let [only] = rules.as_mut_slice()
        && only.verdict == Verdict::Deny
    {
        only.conditions.clear();
    }
    rules
}

/// The wider a verdict, the higher.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Deny => 0,
        Verdict::Ask => 1,
        Verdict::Allow => 2,
    }
}
