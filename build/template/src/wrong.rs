//! What is wrong with an answer or a file, what was expected, and what to do: the shape of all messages of the host tool.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// A flag, or a file and a line.
    pub place: String,
    /// What was found there.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// What to do, where there is an obvious answer.
    pub fix: Option<String>,
}

impl Wrong {
    pub(crate) fn new(place: &str, found: impl Into<String>, expected: impl Into<String>) -> Wrong {
        Wrong { place: place.to_owned(), found: found.into(), expected: expected.into(), fix: None }
    }

    pub(crate) fn at(file: &str, line: usize, found: impl Into<String>, expected: &str) -> Wrong {
        Wrong::new(&format!("{file}:{line}"), found, expected)
    }

    pub(crate) fn fix(self, fix: impl Into<String>) -> Wrong {
        Wrong { fix: Some(fix.into()), ..self }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  expected: {}", self.place, self.found, self.expected)?;
        match &self.fix {
            Some(fix) => write!(f, "\n  fix: {fix}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Wrong {}
