//! Service `ctl`: the supervisor itself. Shows what runs and what was refused; ends qubes; starts
//! disposables; switches off.
//!
//! It tells names and numbers, never the content of a message: but for [`Ctl::tapped`], after somebody the policy lets do so
//! turned that on, and never a secret. Who may call what is the policy's business, method by method, as with every service.

#![no_std]
#![forbid(unsafe_code)]

mod info;
mod tap;
mod why;

use ipc_proto_derive::service;
use ipc_proto_types::Text;

pub use info::{
    AuditEntry, AuditPage, AuditVerdict, ChannelInfo, CtlError, EndReason, Ending, NOBODY, QubeInfo,
    QubeState, ServiceInfo, SystemInfo, Verdict,
};
pub use tap::{BODY_MAX, MessageKind, TapPage, Tapped};
pub use why::{ENDED, why_text};

/// The supervisor itself.
#[service(name = "ctl", version = 3)]
pub trait Ctl {
    /// The system as a whole.
    fn system(&mut self) -> SystemInfo;

    /// The qube of this index, if there is one.
    fn qube(&mut self, index: u8) -> Option<QubeInfo>;

    /// The channel of this index, if there is one.
    fn channel(&mut self, index: u8) -> Option<ChannelInfo>;

    /// Ends a qube. Gives the generation it will have when the manifest says that it starts again.
    fn kill(&mut self, name: Text<16>) -> Result<u32, CtlError>;

    /// The newest entries of the audit that are older than sequence number `before`; all ones asks for the newest.
    fn audit(&mut self, before: u64) -> AuditPage;

    /// The service of this index, if there is one.
    fn service(&mut self, index: u8) -> Option<ServiceInfo>;

    /// Ends every qube and switches the machine off.
    fn poweroff(&mut self);

    /// The canonical text of the service of this index, from byte `from` on; empty at its end. None when there is no such
    /// service.
    fn schema(&mut self, index: u8, from: u16) -> Option<Text<512>>;

    /// Has messages copied for `tapped` from now on, or stops that and forgets the copies. Off when the machine starts.
    fn tap(&mut self, on: bool);

    /// The oldest copies of messages after sequence number `after`; 0 asks for the oldest there are.
    fn tapped(&mut self, after: u64) -> TapPage;

    /// Starts a disposable. Gives the generation of the life that begins.
    fn start(&mut self, name: Text<16>) -> Result<u32, CtlError>;

    /// A life of a qube ended. Said to every open client that leaves room for it; who leaves none is not told again.
    #[event]
    fn ended(&mut self, end: Ending);
}
