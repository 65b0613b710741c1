//! The numbers in an audit entry's `why`, as words. Those of ends are made here, the others in the monitor (`audit.rs`); a
//! test there holds numbers and words against each other.

use core::fmt;

use crate::info::EndReason;

/// From here on `why` tells how a qube ended, and the entry is about no message.
pub const ENDED: u8 = 0x80;

impl EndReason {
    /// The `why` of its entry in the audit.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Exit(_) => 0x80,
            Self::Killed => 0x81,
            Self::Panicked => 0x82,
            Self::MemoryFault(_) => 0x83,
            Self::Exception(_) => 0x84,
            Self::UnknownPort(_) => 0x85,
            Self::Msr(_) => 0x86,
            Self::TripleFault => 0x87,
            Self::UnexpectedExit(_) => 0x88,
            Self::InvalidState => 0x89,
        }
    }
}

/// As the log says it, after `ended:`.
impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Killed => f.write_str("killed"),
            Self::Panicked => f.write_str("it panicked"),
            Self::MemoryFault(at) => write!(f, "forbidden memory access at {at:#x}"),
            Self::Exception(vector) => write!(f, "exception {vector}"),
            Self::UnknownPort(port) => write!(f, "unknown port {port:#x}"),
            Self::Msr(register) => write!(f, "model-specific register {register:#x}"),
            Self::TripleFault => f.write_str("triple fault"),
            Self::UnexpectedExit(code) => write!(f, "forbidden instruction, exit code {code:#x}"),
            Self::InvalidState => f.write_str("invalid processor state"),
        }
    }
}

/// What a `why` means, as the end of a sentence. A number without a meaning says so.
#[must_use]
pub const fn why_text(why: u8) -> &'static str {
    match why {
        0 => "",
        1 => "another service's message",
        2 => "call out of sequence",
        3 => "too many open calls",
        4 => "answers no open call",
        5 => "forged error",
        6 => "denied by policy",
        7 => "nobody to ask",
        8 => "peer not there",
        9 => "peer restarted",
        10 => "receiver's buffer too small",
        11 => "senseless request to a device",
        12 => "its device would read memory not its own",
        13 => "its device would write memory not its own",
        0x10..=0x1f => frame(why),
        0x20..=0x2f => body(why),
        0x30..=0x3f => queue(why),
        0x40..=0x4f => "receiver's queue malformed",
        0x80..=0x8f => end(why),
        _ => "unknown",
    }
}

const fn frame(why: u8) -> &'static str {
    match why {
        0x10 => "frame too short",
        0x11 => "frame of unknown kind",
        0x12 => "reserved byte not zero",
        0x13 => "frame of wrong length",
        0x14 => "frame with wrong correlation",
        _ => "unknown",
    }
}

const fn body(why: u8) -> &'static str {
    match why {
        0x21 => "no such method",
        0x22 => "not this end's message",
        0x23 => "body of wrong length",
        0x24 => "number not minimal or too large",
        0x25 => "neither true nor false",
        0x26 => "not UTF-8",
        0x27 => "over its bound",
        0x28 => "no such variant",
        0x29 => "bytes left over",
        0x2a => "body cut off",
        _ => "unknown",
    }
}

const fn queue(why: u8) -> &'static str {
    match why {
        0x30 => "queue index impossible",
        0x31 => "no such descriptor",
        0x32 => "chain too long or a loop",
        0x33 => "descriptor of wrong kind",
        0x34 => "message too long",
        0x35 => "buffer outside memory",
        0x36 => "queue set up wrongly",
        _ => "unknown",
    }
}

const fn end(why: u8) -> &'static str {
    match why {
        0x80 => "it was done",
        0x81 => "killed",
        0x82 => "it panicked",
        0x83 => "forbidden memory",
        0x84 => "exception",
        0x85 => "unknown port",
        0x86 => "model-specific register",
        0x87 => "triple fault",
        0x88 => "forbidden instruction",
        0x89 => "invalid processor state",
        _ => "unknown",
    }
}
