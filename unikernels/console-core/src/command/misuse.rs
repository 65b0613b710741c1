//! What is wrong with a line, as a sentence.

use crate::spec::Spec;
use crate::words::{LINE_MAX, WORDS_MAX, WordsError};
use core::fmt;

/// What is wrong with a line. Displays as a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misuse<'w> {
    Words(WordsError),
    UnknownCommand { word: &'w str, near: Option<&'static str> },
    UnknownVaultCommand { word: &'w str, near: Option<&'static str> },
    BareVault,
    UnknownTopic { word: &'w str, near: Option<&'static str> },
    Missing { what: &'static str, spec: &'static Spec },
    Surplus { word: &'w str, spec: &'static Spec },
    UnknownOption { option: &'w str, near: Option<&'static str>, spec: &'static Spec },
    NoValue { option: &'static str, spec: &'static Spec },
    Exclusive { one: &'static str, other: &'static str },
    NotOneOf { what: &'static str, word: &'w str, expected: &'static str },
    NotANumber { what: &'static str, word: &'w str, low: u64, high: u64 },
    TooLong { what: &'static str, max: usize },
    TooMany { what: &'static str, max: usize },
    Empty { what: &'static str },
}

impl fmt::Display for Misuse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Words(WordsError::OpenQuote(quote)) => {
                write!(f, "A quote {quote} is opened and not closed.")
            }
            Self::Words(WordsError::TooMany) => {
                write!(f, "More than {WORDS_MAX} words; put a text in quotes.")
            }
            Self::Words(WordsError::TooLong) => write!(f, "More than {LINE_MAX} bytes."),
            Self::UnknownCommand { word, near: None } => write!(f, "Unknown command '{word}'. Type 'help'."),
            Self::UnknownCommand { word, near: Some(near) } => {
                write!(f, "Unknown command '{word}'. Did you mean '{near}'?")
            }
            Self::UnknownVaultCommand { word, near: None } => {
                write!(f, "The vault has no command '{word}'. Type 'help vault'.")
            }
            Self::UnknownVaultCommand { word, near: Some(near) } => {
                write!(f, "The vault has no command '{word}'. Did you mean 'vault {near}'?")
            }
            Self::BareVault => f.write_str("'vault' needs a command after it. Type 'help vault'."),
            Self::UnknownTopic { word, near: None } => {
                write!(f, "There is no command '{word}'. Type 'help'.")
            }
            Self::UnknownTopic { word, near: Some(near) } => {
                write!(f, "There is no command '{word}'. Did you mean '{near}'?")
            }
            Self::Missing { what, spec } => write!(f, "'{}' needs {what}.\n{}", spec.name, Usage(spec)),
            Self::Surplus { word, spec } => write!(f, "'{word}' is one word too many.\n{}", Usage(spec)),
            Self::UnknownOption { option, near: Some(near), .. } => {
                write!(f, "Unknown option '{option}'. Did you mean '{near}'?")
            }
            Self::UnknownOption { option, near: None, spec } => {
                write!(f, "Unknown option '{option}'.\n{}", Usage(spec))
            }
            Self::NoValue { option, spec } => write!(f, "'{option}' needs a value.\n{}", Usage(spec)),
            Self::Exclusive { one, other } => write!(f, "'{one}' and '{other}' exclude each other."),
            Self::NotOneOf { what, word, expected } => {
                write!(f, "'{word}' is no {what}: expected {expected}.")
            }
            Self::NotANumber { what, word, low, high } => {
                write!(f, "'{word}' is no {what}: expected a number from {low} to {high}.")
            }
            Self::TooLong { what, max } => write!(f, "The {what} is longer than {max} bytes."),
            Self::TooMany { what, max } => write!(f, "{max} {what} are the most."),
            Self::Empty { what } => write!(f, "The {what} is empty."),
        }
    }
}

/// Displays as the usage line of a command.
pub(crate) struct Usage(pub(crate) &'static Spec);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blank = if self.0.operands.is_empty() { "" } else { " " };
        write!(f, "Usage: {}{blank}{}", self.0.name, self.0.operands)
    }
}
