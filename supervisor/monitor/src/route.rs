//! Moving messages from one end of a channel to the other.
//!
//! Nothing is buffered here: a message that its receiver has no room for stays in its sender's queue, and the receiver's next
//! wait pulls it. So what a sender can make the supervisor keep is nothing, and a peer that stops reading stalls its own
//! channel and no other.

use ipc_proto_types::{ErrorCode, Kind, QubeIndex, Role};
use ipc_proto_wire::{HEADER_SIZE, Header};
use supervisor_vcpu::Ticks;
use supervisor_virtio::Malformed;

use crate::audit::{NONE, Outcome, Record, Refusal, SUPERVISOR};
use crate::channel::EndpointIndex;
use crate::judge::{Refused, error_for, judge};
use crate::machine::Machine;
use crate::monitor::Core;
use crate::qube::wake;

/// Most messages moved in one exit. Without it a full queue of 64 would make one exit cost 64 messages.
pub(crate) const MOVES_MAX: u32 = 14;

/// Bytes after which no further message is moved in the same exit.
const BYTES_MAX: usize = 64 * 1024;

/// What became of the next message of a queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// There is none.
    Nothing,
    /// Its receiver has no room; it stays where it is.
    Blocked,
    /// It was delivered or refused; so many bytes were copied.
    Done(usize),
}

impl Core<'_> {
    /// Moves what `from` has, within the budget of one exit. Returns whether any was moved.
    #[inline]
    pub(crate) fn move_all<M: Machine>(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        staging: &mut [u8],
    ) -> bool {
        let mut bytes = 0;
        for moves in 0..MOVES_MAX {
            match self.move_one(now, machine, from, staging) {
                Moved::Nothing => return moves > 0,
                Moved::Blocked => {
                    self.mark_pull(from);
                    return moves > 0;
                }
                Moved::Done(count) => bytes += count,
            }
            if bytes >= BYTES_MAX {
                break;
            }
        }
        self.mark_pull(from);
        true
    }

    /// Remembers that the receiver of `from` should look for more when it next waits.
    fn mark_pull(&mut self, from: EndpointIndex) {
        let receiver = self.receiver_of(from);
        let end = &self.endpoints[receiver.index()];
        let (qube, port) = (end.qube, end.port.get());
        if let Some(qube) = qube.and_then(|q| self.qube_mut(q)) {
            qube.pull |= 1 << (port & 31);
        }
    }

    /// The end whose receive queue a message from `from` or the answer to it goes to: the peer, or `from` itself when the
    /// supervisor is the peer.
    #[inline]
    fn receiver_of(&self, from: EndpointIndex) -> EndpointIndex {
        if self.endpoints[from.peer().index()].qube.is_some() { from.peer() } else { from }
    }

    /// Moves one message.
    #[inline]
    pub(crate) fn move_one<M: Machine>(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        staging: &mut [u8],
    ) -> Moved {
        let to = self.receiver_of(from);
        let (Some(sender), Some(receiver)) =
            (self.endpoints[from.index()].qube, self.endpoints[to.index()].qube)
        else {
            return Moved::Nothing;
        };
        match self.endpoints[from.index()].tx.has_available(machine.memory(sender)) {
            Ok(true) => {}
            Ok(false) => return Moved::Nothing,
            Err(fault) => return self.poison(now, machine, from, Refusal::Queue(fault)),
        }
        let open = self.channel_of(from).is_some_and(|c| c.open);
        match self.endpoints[to.index()].rx.has_available(machine.memory(receiver)) {
            Ok(true) => {}
            // While the channel is closed a message is refused, and whether that can be said does not matter.
            Ok(false) if open => return Moved::Blocked,
            Ok(false) => {}
            // The channel closes; the message is then refused like any other on a closed channel, and its sender told.
            Err(fault) => {
                let moved = self.poison(now, machine, to, Refusal::ReceiverQueue(fault));
                if to == from {
                    return moved;
                }
            }
        }
        let chain = match self.endpoints[from.index()].tx.take(machine.memory(sender), staging) {
            Ok(chain) => chain,
            Err(fault) => return self.poison(now, machine, from, Refusal::Queue(fault)),
        };
        let message = staging.get_mut(..chain.len).unwrap_or_default();
        let moved = chain.len;
        self.settle(now, machine, from, to, message);
        if let Err(fault) = self.endpoints[from.index()].tx.complete(machine.memory(sender), chain) {
            return self.poison(now, machine, from, Refusal::Queue(fault));
        }
        Moved::Done(moved)
    }

    /// Judges a copied message and delivers or refuses it.
    #[inline]
    fn settle<M: Machine>(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        to: EndpointIndex,
        message: &mut [u8],
    ) {
        let closed = self.why_closed(from);
        let chains = self.chains;
        let Some(channel) = self.channels[from.channel()].as_mut() else { return };
        match judge(channel, &chains, from.role(), closed, message) {
            Ok(header) => {
                channel.messages += 1;
                self.messages += 1;
                // Answers are not audited: they belong to a call that was.
                if matches!(header.kind, Kind::Call | Kind::Event) {
                    self.record(now, from, Some(&header), Outcome::Allowed, 0);
                }
                if to == from {
                    self.serve(now, machine, from, &header, message);
                } else {
                    self.deliver(now, machine, from, to, &header, message);
                }
            }
            Err(Refused { why, header }) => self.refuse(now, machine, from, why, header.as_ref()),
        }
    }

    /// Why messages from `from` are refused while its channel is closed.
    fn why_closed(&self, from: EndpointIndex) -> Refusal {
        if self.endpoints[from.index()].stale { Refusal::PeerRestarted } else { Refusal::PeerGone }
    }

    /// Puts a judged message into the receiver's queue.
    #[inline]
    fn deliver<M: Machine>(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        to: EndpointIndex,
        header: &Header,
        message: &[u8],
    ) {
        let Some(receiver) = self.endpoints[to.index()].qube else { return };
        let put = self.endpoints[to.index()].rx.put(machine.memory(receiver), message);
        match put {
            Ok(()) => {
                if let Some(sender) = self.endpoints[from.index()].qube.and_then(|q| self.qube_mut(q)) {
                    sender.messages_out += 1;
                }
                if let Some(qube) = self.qube_mut(receiver) {
                    qube.messages_in += 1;
                }
                self.wake(receiver, wake::CHANNEL);
            }
            Err(Malformed::TooLong) => {
                self.forget_call(from, header);
                self.refuse(now, machine, from, Refusal::ReceiverTooSmall, Some(header));
            }
            Err(fault) => {
                let why = Refusal::ReceiverQueue(fault);
                self.forget_call(from, header);
                let _ = self.poison(now, machine, to, why);
                if (from.role(), header.kind) == (Role::Client, Kind::Call) {
                    self.answer(machine, from, header, error_for(why));
                }
            }
        }
    }

    /// A call that was counted but not delivered waits for no answer.
    fn forget_call(&mut self, from: EndpointIndex, header: &Header) {
        if let (Role::Client, Kind::Call, Some(channel)) =
            (from.role(), header.kind, self.channels[from.channel()].as_mut())
        {
            channel.calls.end(header.correlation);
        }
    }

    /// Refuses a message: audit, counters, and an error to the client if a call of its is over by this.
    #[cold]
    pub(crate) fn refuse<M: Machine>(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        why: Refusal,
        header: Option<&Header>,
    ) {
        let outcome = match why {
            Refusal::Policy => Outcome::Denied,
            Refusal::Ask => Outcome::Asked,
            _ => Outcome::Refused,
        };
        self.record(now, from, header, outcome, why.code());
        self.count_refused(from);
        let Some(header) = header else { return };
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
    pub(crate) fn answer<M: Machine>(
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
        let Some(qube) = self.endpoints[client.index()].qube.filter(|_| written) else { return };
        let rx = &mut self.endpoints[client.index()].rx;
        if rx.has_available(machine.memory(qube)) == Ok(true) && rx.put(machine.memory(qube), &frame).is_ok() {
            self.wake(qube, wake::CHANNEL);
        }
    }

    /// Closes a channel whose queue at `end` lied, for the rest of its owner's life, and tells both ends.
    #[cold]
    pub(crate) fn poison<M: Machine>(
        &mut self,
        now: Ticks,
        machine: &mut M,
        end: EndpointIndex,
        why: Refusal,
    ) -> Moved {
        self.record(now, end, None, Outcome::Refused, why.code());
        self.count_refused(end);
        let endpoint = &mut self.endpoints[end.index()];
        endpoint.rx.poison();
        endpoint.tx.poison();
        endpoint.opened = false;
        let owner = endpoint.qube;
        self.refresh(machine, end.channel());
        if let Some(owner) = owner {
            self.show_needs_reset(machine, owner);
            self.wake(owner, wake::CHANNEL);
        }
        if let Some(peer) = self.endpoints[end.peer().index()].qube {
            self.wake(peer, wake::CHANNEL);
        }
        Moved::Nothing
    }

    /// Adds a line about a message of `from` to the audit.
    #[inline]
    pub(crate) fn record(
        &mut self,
        now: Ticks,
        from: EndpointIndex,
        header: Option<&Header>,
        outcome: Outcome,
        why: u8,
    ) {
        let number = |qube: Option<QubeIndex>| qube.map_or(SUPERVISOR, QubeIndex::get);
        let service = self.channel_of(from).map_or(NONE, |c| c.facts.service.get());
        self.audit.push(Record {
            time: now.0,
            size: header.map_or(0, |h| h.length),
            from: number(self.endpoints[from.index()].qube),
            to: number(self.endpoints[from.peer().index()].qube),
            service,
            method: header.map_or(NONE, |h| u8::try_from(h.method).unwrap_or(NONE)),
            outcome,
            why,
        });
    }

    fn count_refused(&mut self, from: EndpointIndex) {
        self.refused += 1;
        if let Some(channel) = self.channels[from.channel()].as_mut() {
            channel.refused += 1;
        }
        if let Some(qube) = self.endpoints[from.index()].qube.and_then(|q| self.qube_mut(q)) {
            qube.refused += 1;
        }
    }
}
