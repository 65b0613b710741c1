//! Kind, role and error code: the small numbers of a frame.

use core::fmt;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A question of the client; gets exactly one reply or error.
    Call = 1,
    /// The server's answer.
    Reply = 2,
    /// A message nobody answers, from either end.
    Event = 3,
    /// The server or the supervisor could not answer; the body is one [`ErrorCode`].
    Error = 4,
}

impl Kind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Call),
            2 => Some(Self::Reply),
            3 => Some(Self::Event),
            4 => Some(Self::Error),
            _ => None,
        }
    }

    /// The number in the frame.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }
}

/// Which end of a channel. Fixed for the life of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Calls.
    Client = 0,
    /// Answers.
    Server = 1,
}

impl Role {
    /// The role with this number.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Client),
            1 => Some(Self::Server),
            _ => None,
        }
    }

    /// The other end.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Why a call got no reply: the one byte in the body of an error frame.
///
/// Codes below 0x80 come from servers, the others from the supervisor alone; a server that sends one of those is
/// refused, so a client may believe them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorCode {
    /// The server failed; not the caller's fault.
    Internal = 0x01,
    /// The server has too much to do; try later.
    Busy = 0x02,
    /// The server does not do this.
    Unsupported = 0x03,
    /// The policy says no.
    Denied = 0x80,
    /// The server has a new life; the call died with the old one.
    PeerRestarted = 0x81,
    /// The server is gone and won't come back.
    PeerGone = 0x82,
    /// The caller's body does not fit the schema.
    Malformed = 0x83,
    /// The caller's correlation is not the next one.
    BadCorrelation = 0x84,
    /// The caller has too many calls without a reply.
    TooManyCalls = 0x85,
    /// The receiver's buffers are too small for the body.
    TooLarge = 0x86,
    /// Reserved: the user is being asked.
    AskPending = 0x87,
}

impl ErrorCode {
    /// First code that only the supervisor may send.
    pub const SUPERVISOR_FIRST: u8 = 0x80;

    /// The code with this number.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0x01 => Some(Self::Internal),
            0x02 => Some(Self::Busy),
            0x03 => Some(Self::Unsupported),
            0x80 => Some(Self::Denied),
            0x81 => Some(Self::PeerRestarted),
            0x82 => Some(Self::PeerGone),
            0x83 => Some(Self::Malformed),
            0x84 => Some(Self::BadCorrelation),
            0x85 => Some(Self::TooManyCalls),
            0x86 => Some(Self::TooLarge),
            0x87 => Some(Self::AskPending),
            _ => None,
        }
    }

    /// The number in the frame.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// Whether only the supervisor may send it.
    #[must_use]
    pub const fn is_from_supervisor(self) -> bool {
        self as u8 >= Self::SUPERVISOR_FIRST
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Internal => "the server failed",
            Self::Busy => "the server is busy",
            Self::Unsupported => "the server does not do this",
            Self::Denied => "the policy denies it",
            Self::PeerRestarted => "the server was restarted",
            Self::PeerGone => "the server is gone",
            Self::Malformed => "the message does not fit the schema",
            Self::BadCorrelation => "the call is out of sequence",
            Self::TooManyCalls => "too many calls are waiting",
            Self::TooLarge => "the message is too large for the receiver",
            Self::AskPending => "the user is being asked",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_go_both_ways() {
        for number in 0..=u8::MAX {
            if let Some(kind) = Kind::from_u8(number) {
                assert_eq!(kind.as_u8(), number);
            }
            if let Some(role) = Role::from_u8(number) {
                assert_eq!(role as u8, number);
                assert_eq!(role.peer().peer(), role);
                assert_ne!(role.peer(), role);
            }
            if let Some(code) = ErrorCode::from_u8(number) {
                assert_eq!(code.as_u8(), number);
                assert_eq!(code.is_from_supervisor(), number >= 0x80);
            }
        }
        assert_eq!((0..=u8::MAX).filter_map(Kind::from_u8).count(), 4);
        assert_eq!((0..=u8::MAX).filter_map(Role::from_u8).count(), 2);
        assert_eq!((0..=u8::MAX).filter_map(ErrorCode::from_u8).count(), 11);
    }
}
