//! The line that decides whether A may say this to B now: [`judge`].
//!
//! In this order: the frame is well formed, it speaks the channel's schema, the channel is open (`route.rs`), a call has the next number
//! and an answer answers an open call, the body fits the schema, the policy allows it. The first failure is the verdict.

use ipc_proto_types::{ErrorCode, Kind, Role};
use ipc_proto_wire::Frame;
use supervisor_policy::{BodyFields, Chains, Verdict, decide};

use crate::audit::Refusal;
use crate::channel::{CallFault, Channel};

/// The frame of a message, if it is one and speaks the channel's schema.
#[inline(always)]
pub(crate) fn read<'m>(channel: &Channel<'_>, message: &'m [u8]) -> Result<Frame<'m>, Refusal> {
    let frame = Frame::parse(message).map_err(Refusal::Frame)?;
    if *frame.schema == channel.service.id.0 { Ok(frame) } else { Err(Refusal::Schema) }
}

/// May the end with `sender`'s role of the open `channel` say `message` now? Counts and ends calls as a side effect.
#[inline(always)]
pub(crate) fn judge<'m>(
    channel: &mut Channel<'_>,
    chains: &Chains<'_>,
    sender: Role,
    message: &'m [u8],
) -> Result<Frame<'m>, Refusal> {
    let frame = read(channel, message)?;
    let Frame { method, kind, correlation, body, .. } = frame;
    match (sender, kind) {
        (Role::Client, Kind::Call) => {
            channel.calls.count(correlation).map_err(|fault| match fault {
                CallFault::NotNext => Refusal::Correlation,
                CallFault::TooMany => Refusal::TooManyCalls,
            })?;
            if !channel.quick[0].passes(method, body) {
                allow(channel, chains, sender, kind, method, body)?;
            }
            channel.calls.begin(correlation, method);
        }
        (Role::Server, Kind::Reply | Kind::Error) => {
            if !channel.calls.waits(correlation, method) {
                return Err(Refusal::NoSuchCall);
            }
            // A bad answer is an answer: the call is over, and the client hears that its server failed.
            channel.calls.end(correlation);
            if kind != Kind::Reply || !channel.quick[1].passes(method, body) {
                check_answer(channel, kind, method, body)?;
            }
        }
        (Role::Client, Kind::Event) if channel.quick[2].passes(method, body) => {}
        (Role::Server, Kind::Event) if channel.quick[3].passes(method, body) => {}
        (Role::Client | Role::Server, _) => allow(channel, chains, sender, kind, method, body)?,
    }
    Ok(frame)
}

/// The schema's word on a server's reply or error.
#[inline(never)]
fn check_answer(channel: &Channel<'_>, kind: Kind, method: u16, body: &[u8]) -> Result<(), Refusal> {
    channel.table.check_body(Role::Server, kind, method, body, &mut ()).map_err(|violation| match kind {
        Kind::Error => Refusal::ForgedError,
        _ => Refusal::Body(violation),
    })
}

/// Schema, then policy.
#[inline(never)]
fn allow(
    channel: &Channel<'_>,
    chains: &Chains<'_>,
    sender: Role,
    kind: Kind,
    method: u16,
    body: &[u8],
) -> Result<(), Refusal> {
    if method < 32 && channel.allowed & 1 << method != 0 {
        return channel.table.check_body(sender, kind, method, body, &mut ()).map_err(Refusal::Body);
    }
    decide_otherwise(channel, chains, sender, kind, method, body)
}

/// The same for a method that is not always allowed.
#[cold]
#[inline(never)]
fn decide_otherwise(
    channel: &Channel<'_>,
    chains: &Chains<'_>,
    sender: Role,
    kind: Kind,
    method: u16,
    body: &[u8],
) -> Result<(), Refusal> {
    let decision = channel.facts.decision(method);
    let mut arguments = BodyFields::new(body);
    channel.table.check_body(sender, kind, method, body, &mut arguments).map_err(Refusal::Body)?;
    match decide(decision, chains, &arguments) {
        Verdict::Allow => Ok(()),
        Verdict::Deny => Err(Refusal::Policy),
        Verdict::Ask => Err(Refusal::Ask),
    }
}

/// What a client whose call was refused is told.
pub(crate) fn error_for(why: Refusal) -> ErrorCode {
    match why {
        Refusal::Policy | Refusal::Ask => ErrorCode::Denied,
        Refusal::Correlation => ErrorCode::BadCorrelation,
        Refusal::TooManyCalls => ErrorCode::TooManyCalls,
        Refusal::PeerRestarted => ErrorCode::PeerRestarted,
        Refusal::PeerGone | Refusal::ReceiverQueue(_) => ErrorCode::PeerGone,
        Refusal::ReceiverTooSmall => ErrorCode::TooLarge,
        Refusal::Frame(_)
        | Refusal::Schema
        | Refusal::Body(_)
        | Refusal::NoSuchCall
        | Refusal::ForgedError
        | Refusal::Queue(_)
        | Refusal::Control => ErrorCode::Malformed,
    }
}
