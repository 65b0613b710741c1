//! What becomes of messages that do not simply pass: refused, on a closed channel, for the supervisor itself, or met by a
//! malformed queue. All of it out of the way of `route.rs`.

use ipc_proto_types::{ErrorCode, Kind, Role};
use ipc_proto_wire::{HEADER_SIZE, Header};
use supervisor_virtio::Malformed;

use crate::audit::{Outcome, Refusal};
use crate::channel::EndpointIndex;
use crate::judge::{error_for, judge, read};
use crate::machine::Machine;
use crate::monitor::{Core, Staging};
use crate::qube::wake;
use crate::route::{Budget, Stop};

impl<M: Machine> Core<'_, M> {
    /// Moves one message of a channel that is closed or looked at, or whose server is the supervisor. [`Stop::Elsewhere`] when it is done.
    pub(crate) fn move_elsewhere(
        &mut self,
        machine: &mut M,
        from: EndpointIndex,
        budget: &mut Budget,
        staging: &mut Staging,
    ) -> Stop {
        let Some(channel) = &mut self.channels[from.channel()] else { return Stop::Empty };
        let open = channel.open;
        if open && channel.facts.server.is_some() {
            return self.move_tapped(machine, from, budget, staging);
        }
        let end = &mut self.endpoints[from.index()];
        let tx = match end.tx.waiting() {
            Ok(Some(tx)) => tx,
            Ok(None) => return Stop::Empty,
            Err(fault) => return Stop::Sender(fault),
        };
        if budget.is_used_up() {
            return Stop::Later;
        }
        // While the channel is closed a message is refused, and whether that can be said does not matter.
        if open {
            match end.rx.waiting() {
                Ok(Some(_)) => {}
                Ok(None) => return Stop::Later,
                Err(fault) => {
                    self.poison(machine, from, Refusal::ReceiverQueue(fault));
                    return Stop::Empty;
                }
            }
        }
        let (chain, message) = match tx.take(staging) {
            Ok(taken) => taken,
            Err(fault) => return Stop::Sender(fault),
        };
        let len = message.len();
        budget.spend(len);
        let judged = match open {
            true => judge(channel, &self.chains, from.role(), message),
            false => read(channel, message).and(Err(match end.stale {
                true => Refusal::PeerRestarted,
                false => Refusal::PeerGone,
            })),
        };
        match judged {
            Ok(frame) => {
                end.sent += 1;
                self.audit.delivered(self.now, end.stamp, frame.method, frame.body.len());
                self.tap_delivered(from, &frame.header(), frame.body);
                self.serve(machine, from, &frame.header(), message);
            }
            Err(why) => self.refuse(machine, from, why, message),
        }
        self.complete(from, chain);
        // It may have been for a life that is over, of which nothing is to be left.
        staging.get_mut(..len).unwrap_or_default().fill(0);
        Stop::Elsewhere
    }

    /// An allowed message met a buffer that is malformed or too small for it.
    pub(crate) fn undelivered(
        &mut self,
        machine: &mut M,
        from: EndpointIndex,
        fault: Malformed,
        message: &[u8],
    ) {
        let header = Header::parse(message).ok().map(|(header, _)| header);
        let call = header.filter(|header| (from.role(), header.kind) == (Role::Client, Kind::Call));
        // A call that was counted but not delivered waits for no answer.
        if let (Some(call), Some(channel)) = (&call, self.channels[from.channel()].as_mut()) {
            channel.calls.end(call.correlation);
        }
        if fault == Malformed::TooLong {
            return self.refuse(machine, from, Refusal::ReceiverTooSmall, message);
        }
        let why = Refusal::ReceiverQueue(fault);
        let (stamp, body) =
            (self.endpoints[from.index()].stamp, message.get(HEADER_SIZE..).unwrap_or_default());
        self.tap_message(from, stamp, header.as_ref(), body, (Outcome::Refused, why.code()));
        self.poison(machine, from.peer(), why);
        if let Some(call) = call {
            self.answer(machine, from, &call, error_for(why));
        }
    }

    /// Refuses a message: audit, counters, and an error to the client if a call of its is over by this.
    #[cold]
    pub(crate) fn refuse(&mut self, machine: &mut M, from: EndpointIndex, why: Refusal, message: &[u8]) {
        // What does not belong to this channel is not looked into.
        let foreign = matches!(why, Refusal::Frame(_) | Refusal::Schema);
        let header = Header::parse(message).ok().map(|(header, _)| header).filter(|_| !foreign);
        let outcome = match why {
            Refusal::Policy => Outcome::Denied,
            Refusal::Ask => Outcome::Asked,
            _ => Outcome::Refused,
        };
        self.record(from, header.as_ref(), outcome, why.code());
        self.count_refused(from);
        let body = message.get(HEADER_SIZE..).unwrap_or_default();
        let stamp = self.endpoints[from.index()].stamp;
        self.tap_message(from, stamp, header.as_ref(), body, (outcome, why.code()));
        let Some(header) = &header else { return };
        match (from.role(), header.kind, why) {
            (Role::Client, Kind::Call, _) => self.answer(machine, from, header, error_for(why)),
            (
                Role::Server,
                Kind::Reply | Kind::Error,
                Refusal::Body(_) | Refusal::ForgedError | Refusal::ReceiverTooSmall,
            ) => self.answer(machine, from.peer(), header, ErrorCode::Internal),
            _ => {}
        }
    }

    /// Puts an error frame into the queue of client end `client`, if it left room for one.
    pub(crate) fn answer(
        &mut self,
        machine: &mut M,
        client: EndpointIndex,
        header: &Header,
        code: ErrorCode,
    ) {
        let error = Header { kind: Kind::Error, length: 1, ..*header };
        let mut frame = [0; HEADER_SIZE + 1];
        let written = error.write_to(&mut frame).is_ok();
        if let Some(last) = frame.last_mut() {
            *last = code.as_u8();
        }
        let end = &mut self.endpoints[client.index()];
        let Some(qube) = end.qube.filter(|_| written) else { return };
        if let Ok(Some(rx)) = end.rx.waiting()
            && rx.put(&frame).is_ok()
        {
            self.wake(machine, qube, wake::CHANNEL);
            let stamp = self.endpoints[client.index()].stamp.answered();
            self.tap_message(client.peer(), stamp, Some(&error), &[code.as_u8()], (Outcome::Allowed, 0));
        }
    }

    /// Closes a channel whose queue at `end` lied, for the rest of its owner's life, and tells both ends.
    #[cold]
    pub(crate) fn poison(&mut self, machine: &mut M, end: EndpointIndex, why: Refusal) {
        self.record(end, None, Outcome::Refused, why.code());
        self.count_refused(end);
        let endpoint = &mut self.endpoints[end.index()];
        endpoint.rx.poison();
        endpoint.tx.poison();
        endpoint.opened = false;
        let owner = endpoint.qube;
        self.refresh(machine, end.channel());
        if let Some(owner) = owner {
            self.show_needs_reset(machine, owner);
            self.wake(machine, owner, wake::CHANNEL);
        }
        if let Some(peer) = self.endpoints[end.peer().index()].qube {
            self.wake(machine, peer, wake::CHANNEL);
        }
    }

    /// Adds a line about a message of `from` to the audit.
    pub(crate) fn record(&mut self, from: EndpointIndex, header: Option<&Header>, outcome: Outcome, why: u8) {
        let about = header.map(|header| (header.method, header.length));
        self.audit.record(self.now, self.endpoints[from.index()].stamp, about, outcome, why);
    }

    fn count_refused(&mut self, from: EndpointIndex) {
        self.refused += 1;
        if let Some(channel) = self.channels[from.channel()].as_mut() {
            channel.refused += 1;
        }
        if let Some(qube) = self.endpoints[from.index()].qube {
            self.at(qube).refused += 1;
        }
    }
}
