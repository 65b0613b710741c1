//! What keeps the inspector from looking, in words for a person.

use std::fmt;

use ipc_proto_rpc::CallError;

/// Why it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There is nothing to attach to, or too much.
    NoSystem(String),
    /// The system is gone.
    Ended,
    /// It does not answer, or nonsense.
    Silent(CallError),
    /// The terminal or a file failed.
    Failed(String),
}

impl Trouble {
    /// A file, socket or terminal that did not do what it should.
    #[must_use]
    pub fn of(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSystem(what) | Self::Failed(what) => f.write_str(what),
            Self::Ended => f.write_str("the system ended"),
            Self::Silent(why) => write!(
                f,
                "the inspector qube does not answer: {why}\n  expected: a system that runs, and one `skep inspect` at a time\n  \
                 fix: close the other one; at the terminal, `qubes` tells whether the inspector runs"
            ),
        }
    }
}

impl std::error::Error for Trouble {}
