//! `HostPattern`: names that a rule means, with at most one star.

use alloc::boxed::Box;
use core::fmt;

use crate::name::{HOST_MAX, HostName, NameError, is_letter};

/// A name, or what stands before and after one star. The star is any text, dots included, and may be nothing:
/// `*.example` is every name below `example`, and not `example`.
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
}

impl HostPattern {
    /// The pattern in `text`; large letters become small.
    ///
    /// # Errors
    /// Says why it is none.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let mut parts = text.split('*');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(prefix), Some(suffix), None) => {
                let is_possible = prefix.chars().chain(suffix.chars()).all(is_letter);
                if !is_possible || prefix.len().saturating_add(suffix.len()) > HOST_MAX {
                    return Err(PatternError::Letters);
                }
                let small = |part: &str| part.to_ascii_lowercase().into_boxed_str();
                Ok(Self { prefix: small(prefix), suffix: Some(small(suffix)) })
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
    }
}
