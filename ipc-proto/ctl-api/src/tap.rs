//! Copies of messages, for whoever looks into a running system.

use ipc_proto_derive::Schema;
use ipc_proto_types::{Bytes, Kind, List};
use serde::{Deserialize, Serialize};

use crate::info::AuditVerdict;

/// Most bytes of a body that are copied.
pub const BODY_MAX: usize = 256;

/// What kind of message it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum MessageKind {
    /// A call of the client.
    Call,
    /// The server's answer.
    Reply,
    /// A message that nobody answers.
    Event,
    /// The server could not answer.
    Error,
}

impl From<Kind> for MessageKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Call => Self::Call,
            Kind::Reply => Self::Reply,
            Kind::Event => Self::Event,
            Kind::Error => Self::Error,
        }
    }
}

/// A copy of a message. Every secret in it was masked before it was kept: of a text or byte string each byte is `*`, of any
/// other leaf of one byte it is 0; before a secret that shows in more than its value (a number of several bytes, the tag of an
/// option or an enum, a count) the copy ends. Of a refused message no byte of the body is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Tapped {
    /// Counts the copies, from 1.
    pub sequence: u64,
    /// Nanoseconds since the supervisor was entered.
    pub time_ns: u64,
    /// Index of the sender; [`crate::NOBODY`] is the supervisor.
    pub from: u8,
    /// Index of the receiver; [`crate::NOBODY`] is the supervisor.
    pub to: u8,
    /// Index of the service.
    pub service: u8,
    /// What kind of message it was.
    pub kind: MessageKind,
    /// Number of the method; [`crate::NOBODY`] when the message was no frame of the channel.
    pub method: u8,
    /// What became of it.
    pub verdict: AuditVerdict,
    /// Which rule a refused message broke; 0 otherwise.
    pub why: u8,
    /// Number of the call that it is or answers.
    pub correlation: u64,
    /// Length of the body in bytes.
    pub size: u32,
    /// The first bytes of the body, secrets masked.
    pub body: Bytes<BODY_MAX>,
}

/// Some copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct TapPage {
    /// The copies, oldest first.
    pub messages: List<Tapped, 4>,
    /// How many after `after` were overwritten before they could be read.
    pub lost: u64,
    /// Whether messages are being copied.
    pub on: bool,
}
