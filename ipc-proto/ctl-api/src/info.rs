//! What the supervisor tells about a system.

use ipc_proto_derive::Schema;
use ipc_proto_types::{Bytes, Label, List, Text};
use serde::{Deserialize, Serialize};

/// In an index of an audit entry: the supervisor, or no service at all.
pub const NOBODY: u8 = 255;

/// The system as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct SystemInfo {
    /// Its name, from the manifest.
    pub name: Text<16>,
    /// Version of the supervisor.
    pub version: Text<16>,
    /// How many qubes it has.
    pub qubes: u8,
    /// How many channels it has.
    pub channels: u8,
    /// Nanoseconds since the supervisor was entered.
    pub uptime_ns: u64,
    /// Memory of all qubes, in pages of 4 KiB.
    pub memory_pages: u32,
    /// Messages carried.
    pub messages: u64,
    /// Messages refused.
    pub refused: u64,
}

/// What a qube is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum QubeState {
    /// Its memory is being made.
    Starting,
    /// It has work.
    Running,
    /// It waits for a message, a deadline or a device.
    Waiting,
    /// It ended and will start again.
    Restarting,
    /// It ended for good.
    Ended,
    /// It is a disposable whose memory is as new; it waits until it is started.
    Prepared,
}

/// Why a life of a qube ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum EndReason {
    /// It left with this code.
    Exit(i32),
    /// Somebody killed it through `ctl`.
    Killed,
    /// It panicked.
    Panicked,
    /// It touched memory it does not have, at this guest address.
    MemoryFault(u64),
    /// The CPU raised an exception it could not handle, of this number.
    Exception(u8),
    /// It used an I/O port it does not have.
    UnknownPort(u16),
    /// It used a model-specific register.
    Msr(u32),
    /// A fault while handling a fault while handling a fault.
    TripleFault,
    /// It left in another way no qube should; the number is the CPU's.
    UnexpectedExit(u32),
    /// The processor refused its state.
    InvalidState,
}

/// The end of a life of a qube.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Ending {
    /// Index of the qube.
    pub qube: u8,
    /// Which life it was.
    pub generation: u32,
    /// Why it ended.
    pub why: EndReason,
    /// Position in the log where its last words begin; the supervisor's line about the end follows them.
    pub log: u64,
    /// Sequence number of its entry in the audit: `audit` of it tells what was sent before.
    pub audit: u64,
}

/// A qube.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct QubeInfo {
    /// Its name.
    pub name: Text<16>,
    /// Its trust label.
    pub label: Label,
    /// What it is doing.
    pub state: QubeState,
    /// Whether it lives only when it is started, and each life starts with memory as new.
    pub disposable: bool,
    /// Index of the qube on whose behalf it is opened: the policy gives it no more than that one has.
    pub opened_for: Option<u8>,
    /// Which life it is in, from 1.
    pub generation: u32,
    /// Its memory in KiB.
    pub memory_kib: u32,
    /// How often it left to the supervisor, in this life.
    pub exits: u64,
    /// Messages it got, in this life.
    pub messages_in: u64,
    /// Messages it sent, in this life.
    pub messages_out: u64,
    /// Messages of it that were refused, in this life.
    pub refused: u64,
    /// Why its last life ended.
    pub last_end: Option<EndReason>,
}

/// What the policy says of a method of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Verdict {
    /// Never.
    Deny,
    /// Always.
    Allow,
    /// When the user says so.
    Ask,
    /// It depends on the arguments.
    Conditional,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct ChannelInfo {
    /// Index of the qube that calls.
    pub client: u8,
    /// Index of the qube that answers; none is the supervisor.
    pub server: Option<u8>,
    /// Name of the service.
    pub service: Text<16>,
    /// Whether both ends are open.
    pub open: bool,
    /// Messages carried, both ways.
    pub messages: u64,
    /// Messages refused, both ways.
    pub refused: u64,
    /// What the policy says, method by method.
    pub verdicts: List<Verdict, 32>,
}

/// Why a request about a qube failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum CtlError {
    /// No qube has this name.
    NoSuchQube,
    /// It has ended already.
    NotRunning,
    /// It is no disposable: it starts by itself, or not at all.
    NotDisposable,
    /// It is running already.
    AlreadyRunning,
    /// Its memory is being wiped of its last life and made anew.
    NotPrepared,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum AuditVerdict {
    /// The policy allowed it.
    Allowed,
    /// The policy denied it.
    Denied,
    /// The user was asked.
    Asked,
    /// It broke a rule; `why` says which.
    Refused,
}

/// A line of the audit. It says that there was a message, never what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct AuditEntry {
    /// Counts the entries, from 1.
    pub sequence: u64,
    /// Nanoseconds since the supervisor was entered.
    pub time_ns: u64,
    /// Index of the sender; [`NOBODY`] is the supervisor.
    pub from: u8,
    /// Index of the receiver; [`NOBODY`] is the supervisor.
    pub to: u8,
    /// Index of the service; [`NOBODY`] for none.
    pub service: u8,
    /// Number of the method.
    pub method: u8,
    /// What became of it.
    pub verdict: AuditVerdict,
    /// Which rule a refused message broke; 0 otherwise.
    pub why: u8,
    /// Length of the body in bytes.
    pub size: u32,
}

/// Some entries of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct AuditPage {
    /// The entries, newest first.
    pub entries: List<AuditEntry, 8>,
    /// What to give as `before` to get the next page; 0 when there is none.
    pub next: u64,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct ServiceInfo {
    /// Its name.
    pub name: Text<16>,
    /// Its version.
    pub version: u16,
    /// Its schema id.
    pub id: Bytes<16>,
}
