//! Why words are no request.

use core::fmt;

use crate::quote::Harmless;
use crate::words::Written;

/// Why words are no request. Whoever wrote them is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeError<'a> {
    /// The argument; empty when it is about the words as a whole.
    pub argument: &'a str,
    /// The field in it; empty when it is the argument itself.
    pub field: &'a str,
    /// What was found; empty when nothing was there.
    pub found: &'a str,
    /// What was expected.
    pub expected: Expected<'a>,
    /// What was meant, perhaps.
    pub nearest: Option<&'a str>,
}

/// What was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected<'a> {
    /// A value of this type, as the canonical text writes it.
    Type(&'a str),
    /// This.
    What(&'static str),
    /// A secret that was asked for and not given.
    Secret,
    /// A request of at most so many bytes: there is no room for more.
    Room(usize),
}

impl<'a> EncodeError<'a> {
    pub(crate) const fn new(found: &'a str, expected: Expected<'a>) -> Self {
        Self { argument: "", field: "", found, expected, nearest: None }
    }

    /// Whether somebody was asked for a secret and did not give it: there is nothing to complain of then.
    #[must_use]
    pub const fn is_secret_not_given(&self) -> bool {
        matches!(self.expected, Expected::Secret)
    }
}

impl fmt::Display for EncodeError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.argument, self.field) {
            ("", "") => {}
            ("", name) | (name, "") => write!(f, "{name}: ")?,
            (argument, field) => write!(f, "{argument}, {field}: ")?,
        }
        match self.found {
            "" => f.write_str("found nothing, expected ")?,
            found => write!(f, "found '{}', expected ", Harmless(found))?,
        }
        match self.expected {
            Expected::Type(text) => write!(f, "{}", Written(text))?,
            Expected::What(what) => f.write_str(what)?,
            Expected::Secret => f.write_str("a secret")?,
            Expected::Room(size) => write!(f, "at most {size} bytes: there is no room for more")?,
        }
        match self.nearest {
            Some(nearest) => write!(f, " (did you mean '{nearest}'?)"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for EncodeError<'_> {}
