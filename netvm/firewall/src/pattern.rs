//! `HostPattern`: names that a rule means, with at most one star.

use alloc::boxed::Box;
use core::fmt;

use crate::name::{HOST_MAX, HostName, LABEL_MAX, NameError, is_letter, is_number};

/// A name, or what stands before and after one star. The star is any text, dots included, and may be nothing:
/// `*.example` is every name below `example`, and not `example`. Each matches some name: one that no name matches is an
/// error, since as a `deny` it would let everything through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    prefix: Box<str>,
    suffix: Option<Box<str>>,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternError {
    /// More than one star.
    Stars,
    /// Without a star: it is no name.
    Name(NameError),
    /// With a star: it is too long for any name to match, or has a letter that no name has.
    Letters,
    /// With a star: a part between two dots is empty or has more than 63 bytes.
    Labels,
    /// With a star: its last part is a number, as in an address.
    Address,
}

impl HostPattern {
    /// The pattern in `text`; large letters become small, one dot at the end is dropped, as it is from names.
    ///
    /// # Errors
    /// Says why it is none.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let mut parts = text.split('*');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(prefix), Some(suffix), None) => {
                let small = |part: &str| part.to_ascii_lowercase().into_boxed_str();
                let (prefix, suffix) = (small(prefix), small(suffix.strip_suffix('.').unwrap_or(suffix)));
                can_match(&prefix, &suffix).map(|()| Self { prefix, suffix: Some(suffix) })
            }
            (_, Some(_), Some(_)) => Err(PatternError::Stars),
            _ => HostName::new(text).map(|name| Self::exactly(&name)).map_err(PatternError::Name),
        }
    }

    /// The pattern that this name alone matches.
    #[must_use]
    pub fn exactly(name: &HostName) -> Self {
        Self { prefix: name.as_str().into(), suffix: None }
    }

    /// Whether the rule means this name.
    #[must_use]
    pub fn matches(&self, name: &HostName) -> bool {
        match &self.suffix {
            None => *self.prefix == *name.as_str(),
            // What the prefix took is not there for the suffix: `a*a` does not match `a`.
            Some(suffix) => {
                name.as_str().strip_prefix(&*self.prefix).is_some_and(|rest| rest.ends_with(&**suffix))
            }
        }
    }
}

/// Whether some name begins and ends so.
fn can_match(prefix: &str, suffix: &str) -> Result<(), PatternError> {
    // The parts beside the star are the beginning and the end of one, or of two.
    let (whole_before, before) =
        prefix.rsplit_once('.').map_or((None, prefix), |(all, last)| (Some(all), last));
    let (after, whole_after) =
        suffix.split_once('.').map_or((suffix, None), |(first, all)| (first, Some(all)));
    let is_part_of_label = before.is_empty() && after.is_empty();
    let bytes = prefix.len().saturating_add(suffix.len()).saturating_add(usize::from(is_part_of_label));
    if !prefix.chars().chain(suffix.chars()).all(is_letter) || bytes > HOST_MAX {
        return Err(PatternError::Letters);
    }
    let mut whole = whole_before.into_iter().chain(whole_after).flat_map(|labels| labels.split('.'));
    if whole.any(str::is_empty)
        || prefix.split('.').chain(suffix.split('.')).any(|label| label.len() > LABEL_MAX)
    {
        return Err(PatternError::Labels);
    }
    // No name ends in a number. `10.1.*` was meant as a network, and some name could match it; nobody has such a name.
    let is_network = suffix.is_empty() && whole_before.is_some_and(|all| all.split('.').all(is_number));
    if is_network || whole_after.and_then(|all| all.rsplit('.').next()).is_some_and(is_number) {
        return Err(PatternError::Address);
    }
    Ok(())
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.suffix {
            None => f.write_str(&self.prefix),
            Some(suffix) => write!(f, "{}*{suffix}", self.prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_is_any_text() {
        let check = |pattern: &str, name: &str, expected: bool| {
            let matched = HostPattern::new(pattern).unwrap().matches(&HostName::new(name).unwrap());
            assert_eq!(matched, expected, "{pattern} and {name}");
        };
        check("bank.example", "bank.example", true);
        check("Bank.Example.", "bank.example", true);
        check("bank.example", "www.bank.example", false);
        check("*.example", "a.example", true);
        check("*.example", "a.b.example", true);
        check("*.example", "example", false);
        check("*.example", "evilexample", false);
        check("*.example", "a.example.evil", false);
        check("*", "anything", true);
        check("a*a", "a", false);
        check("a*a", "aa", true);
        check("cdn-*.example", "cdn-7.example", true);
        check("*.Example.", "a.example", true);
        check("www.*.", "www.example", true);
        check("*.", "anything", true);
    }

    #[test]
    fn what_no_name_can_match_is_no_pattern() {
        let check =
            |text: &str, expected: PatternError| assert_eq!(HostPattern::new(text), Err(expected), "{text}");
        check("a*b*c", PatternError::Stars);
        check("", PatternError::Name(NameError::Empty));
        check("10.0.0.1", PatternError::Name(NameError::Address));
        check("*.bücher", PatternError::Letters);
        check(&format!("*{}", "a".repeat(HOST_MAX + 1)), PatternError::Letters);
        check("*..example", PatternError::Labels);
        check("*.example..", PatternError::Labels);
        check("*..", PatternError::Labels);
        check("www..*", PatternError::Labels);
        check(".www.*", PatternError::Labels);
        check("a..*.example", PatternError::Labels);
        check(&format!("*.{}", "a".repeat(LABEL_MAX + 1)), PatternError::Labels);
        check(&format!("{}*", "a".repeat(LABEL_MAX + 1)), PatternError::Labels);
        check("*.0.0.1", PatternError::Address);
        check("*.0x7f", PatternError::Address);
        check("192.168.*", PatternError::Address);
        let long = vec!["a".repeat(49); 5].join(".");
        check(&format!("*.{long}.bb"), PatternError::Letters);
        assert!(HostPattern::new(&format!("*.{long}.b")).is_ok());
    }

    proptest::proptest! {
        /// What could never match would be a `deny` that lets everything through.
        #[test]
        fn every_pattern_matches_some_name(prefix in "[a.0]{0,6}", suffix in "[a.0]{0,6}") {
            let Ok(pattern) = HostPattern::new(&format!("{prefix}*{suffix}")) else { return Ok(()) };
            let suffix = suffix.strip_suffix('.').unwrap_or(&suffix);
            let names = ["", "z", "."].map(|star| HostName::new(&format!("{prefix}{star}{suffix}")));
            assert!(names.iter().flatten().any(|name| pattern.matches(name)), "{prefix}*{suffix}");
        }

        /// What is refused matches no name; what was meant as a network is refused though some name could.
        #[test]
        fn what_is_refused_matches_no_name(prefix in "[a.]{0,6}", suffix in "[a.]{0,6}") {
            if HostPattern::new(&format!("{prefix}*{suffix}")).is_err() {
                let suffix = suffix.strip_suffix('.').unwrap_or(&suffix);
                for star in ["", "x", ".", "x.", ".x", "x.x"] {
                    let name = HostName::new(&format!("{prefix}{star}{suffix}."));
                    assert!(name.is_err(), "{prefix}*{suffix}");
                }
            }
        }
    }
}
