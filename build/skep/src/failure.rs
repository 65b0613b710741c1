//! How a command ends: in nothing, or in one clear message and an exit code.

use std::fmt;

/// Exit codes of the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Something did not work: a build, a test, a boot.
    Failed = 1,
    /// The arguments or a manifest are wrong.
    Wrong = 2,
    /// A program this command needs is missing and could not be installed.
    Missing = 3,
}

/// Why a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What to tell the user, in whole lines.
    pub message: String,
}

/// What every command returns.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// Something did not work.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Failed, message: message.into() }
    }

    /// The user asked for something that cannot be.
    #[must_use]
    pub fn wrong(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Wrong, message: message.into() }
    }

    /// A program is missing.
    #[must_use]
    pub fn missing(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Missing, message: message.into() }
    }

    /// A file or program of the system that did not do what it should.
    #[must_use]
    pub fn of(what: impl fmt::Display, error: &std::io::Error) -> Failure {
        Failure::failed(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
