//! Errors as sentences for the person at the terminal: what happened, and what to do about it.

use core::fmt;
use ipc_proto_ctl_api::EndReason;
use ipc_proto_rpc::{CallError, TIMEOUT_MS};
use ipc_proto_types::ErrorCode;

/// What the supervisor is called in a sentence.
pub(crate) const SUPERVISOR: &str = "the supervisor";

/// A call that got no answer: whom it was for, and why.
pub(crate) struct NoAnswer<'a> {
    /// Whom it was for.
    pub(crate) peer: &'a str,
    /// Why.
    pub(crate) error: CallError,
    /// What to do when the peer restarted.
    pub(crate) after_restart: &'a str,
}

impl fmt::Display for NoAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = self.peer;
        // The name of a qube is written as it is; "the supervisor" is no name.
        let first = if peer == SUPERVISOR { "The supervisor" } else { peer };
        match self.error {
            CallError::PeerRestarted(generation) => {
                write!(f, "{first} restarted (generation {generation}); {}", self.after_restart)
            }
            CallError::PeerGone => write!(f, "{first} is not running."),
            CallError::Denied => write!(f, "The policy denies this call to {peer}."),
            CallError::TimedOut => write!(f, "{first} did not answer within {} seconds.", TIMEOUT_MS / 1000),
            CallError::Refused(ErrorCode::Busy) => write!(f, "{first} is busy; try again."),
            CallError::Refused(code) => write!(f, "{first} did not do it: {code}."),
            CallError::Malformed => write!(f, "The message does not fit what {peer} understands."),
            CallError::TooLarge => write!(f, "The message is too large for the channel to {peer}."),
        }
    }
}

/// Why a life of a qube ended.
pub(crate) struct Ended(pub(crate) EndReason);

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            EndReason::Exit(code) => write!(f, "it left with code {code}"),
            EndReason::Killed => f.write_str("it was killed"),
            EndReason::Panicked => f.write_str("it panicked"),
            EndReason::MemoryFault(address) => {
                write!(f, "it touched memory it does not have, at {address:#x}")
            }
            EndReason::Exception(vector) => write!(f, "it raised CPU exception {vector}"),
            EndReason::UnknownPort(port) => write!(f, "it used I/O port {port:#x}"),
            EndReason::Msr(number) => write!(f, "it used model-specific register {number:#x}"),
            EndReason::TripleFault => f.write_str("triple fault"),
            EndReason::UnexpectedExit(code) => write!(f, "it left in a way no qube may (CPU exit {code:#x})"),
            EndReason::InvalidState => f.write_str("the processor refused its state"),
        }
    }
}

/// Hundredths of a bit.
pub(crate) struct Bits(pub(crate) u32);

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} bits", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use ipc_proto_types::Generation;
    use std::string::ToString;

    #[test]
    fn a_restart_is_said_with_its_generation_and_what_to_do() {
        let error = CallError::PeerRestarted(Generation(2));
        let after_restart = "what it held in memory is gone: run 'vault init'.";
        assert_eq!(
            NoAnswer { peer: "vault", error, after_restart }.to_string(),
            "vault restarted (generation 2); what it held in memory is gone: run 'vault init'."
        );
    }

    #[test]
    fn every_error_is_one_whole_sentence() {
        let errors = [
            CallError::PeerGone,
            CallError::Denied,
            CallError::TimedOut,
            CallError::Refused(ErrorCode::Busy),
            CallError::Refused(ErrorCode::Internal),
            CallError::Malformed,
            CallError::TooLarge,
        ];
        let calls = errors.map(|error| NoAnswer { peer: SUPERVISOR, error, after_restart: "" }.to_string());
        for sentence in &calls {
            assert!(sentence.starts_with(|first: char| first.is_uppercase()), "{sentence}");
            assert!(sentence.ends_with('.') && sentence.len() < 110, "{sentence}");
        }
    }
}
