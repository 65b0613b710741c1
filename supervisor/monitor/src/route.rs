//! Moving messages from one end of a channel to the other.
//!
//! Nothing is buffered here: a message that its receiver has no room for stays in its sender's queue, and the receiver's next
//! wait pulls it. So what a sender can make the supervisor keep is nothing, and a peer that stops reading stalls its own
//! channel and no other.
//!
//! [`Lane::carry`] is the whole way of a good message between two qubes; whatever else can happen leaves it by a [`Stop`] and
//! is dealt with out of line, in `refuse.rs`.

use ipc_proto_types::{Kind, QubeIndex, Role};
use supervisor_mem::RingWindow;
use supervisor_policy::Chains;
use supervisor_vcpu::Ticks;
use supervisor_virtio::{Chain, Malformed, Queue, Ring};

use crate::audit::{Audit, Refusal, Stamp};
use crate::channel::{Channel, ENDPOINTS, Endpoint, EndpointIndex};
use crate::judge::judge;
use crate::machine::Machine;
use crate::monitor::{Core, Staging, Window};
use crate::qube::wake;

/// Most messages moved in one exit. Without it a full queue of 64 would make one exit cost 64 messages.
const MOVES_MAX: u16 = 13;

/// Bytes after which no further message is moved in the same exit.
const BYTES_MAX: usize = 64 * 1024;

/// What one exit may still move.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    messages: u16,
    bytes: usize,
}

impl Budget {
    const EXIT: Self = Self { messages: MOVES_MAX, bytes: BYTES_MAX };

    pub(crate) fn is_used_up(self) -> bool {
        self.messages == 0 || self.bytes == 0
    }

    #[inline(always)]
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Spends what the message cost at which the moving stopped, if it was taken.
    pub(crate) fn settle(&mut self, stop: Stop) {
        match stop {
            Stop::Carried(len)
            | Stop::Refused(Taken { len, .. }, _)
            | Stop::Undelivered(Taken { len, .. }, _) => {
                self.spend(len);
            }
            _ => {}
        }
    }

    /// Whether any message was moved.
    fn is_touched(self) -> bool {
        self.messages != MOVES_MAX
    }
}

/// Why no further message is moved.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    /// A message of this length was carried, and there are more.
    Carried(usize),
    /// There is none.
    Empty,
    /// Its receiver has no room, or the exit's budget is used up; it stays where it is.
    Later,
    /// The channel is closed or looked at, or its server is the supervisor.
    Elsewhere,
    /// The sender's queue is malformed.
    Sender(Malformed),
    /// The receiver's queue is malformed.
    Receiver(Malformed),
    /// A message was taken and may not be delivered.
    Refused(Taken, Refusal),
    /// A message was taken and allowed; then its receiver's buffer turned out to be malformed or too small.
    Undelivered(Taken, Malformed),
}

/// A message that lies in the staging buffer and whose chain must be given back.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) chain: Chain,
    pub(crate) len: usize,
}

impl<'a, M: Machine> Core<'a, M> {
    /// Moves what `from` has, within the budget of one exit. Returns whether any was moved.
    #[inline(always)]
    pub(crate) fn move_all(&mut self, machine: &mut M, from: EndpointIndex, staging: &mut Staging) -> bool {
        let moved = self.carry_first(machine, from, staging) || self.move_on(machine, from, staging);
        if let Some(Channel { wiped: 1.., .. }) = self.channels[from.channel()] {
            self.wipe(from, staging);
        }
        moved
    }

    /// Leaves nothing of a channel's messages behind: they may have been secrets.
    #[cold]
    #[inline(never)]
    fn wipe(&self, from: EndpointIndex, staging: &mut Staging) {
        let wiped = self.channel_of(from).map_or(0, |channel| channel.wiped);
        staging.get_mut(..wiped).unwrap_or_default().fill(0);
    }

    /// Goes on after a stop: the slow half of [`Self::move_all`].
    #[cold]
    #[inline(never)]
    fn move_on(&mut self, machine: &mut M, from: EndpointIndex, staging: &mut Staging) -> bool {
        let mut budget = Budget::EXIT;
        budget.settle(self.stop);
        loop {
            match self.stop {
                Stop::Carried(_) => {}
                Stop::Empty => return budget.is_touched(),
                Stop::Later => {
                    self.mark_pull(from);
                    return budget.is_touched();
                }
                Stop::Elsewhere => match self.move_elsewhere(machine, from, &mut budget, staging) {
                    Stop::Elsewhere => {}
                    last => {
                        self.stop = last;
                        continue;
                    }
                },
                Stop::Sender(fault) => {
                    self.poison(machine, from, Refusal::Queue(fault));
                    return budget.is_touched();
                }
                // The channel closes; what is left is refused like anything on a closed channel, and its sender told.
                Stop::Receiver(fault) => self.poison(machine, from.peer(), Refusal::ReceiverQueue(fault)),
                Stop::Refused(taken, why) => {
                    self.refuse(machine, from, why, staging.get(..taken.len).unwrap_or_default());
                    self.complete(from, taken.chain);
                }
                Stop::Undelivered(taken, fault) => {
                    self.undelivered(machine, from, fault, staging.get(..taken.len).unwrap_or_default());
                    self.complete(from, taken.chain);
                }
            }
            if self.carry_rest(machine, from, &mut budget, staging) {
                return true;
            }
        }
    }

    /// Carries the first message. True when it was the only one; else [`Self::stop`] says what is the matter.
    #[inline(always)]
    fn carry_first(&mut self, machine: &mut M, from: EndpointIndex, staging: &mut Staging) -> bool {
        let Some((mut lane, ahead, room)) = self.lane(from, |it| it.direct) else { return false };
        if room == 0 {
            *lane.stop = Stop::Later;
            return false;
        }
        let Some(len) = lane.carry(staging) else { return false };
        let to = *lane.to;
        if ahead == 1 {
            self.wake(machine, to, wake::CHANNEL);
            return true;
        }
        *lane.stop = Stop::Carried(len);
        self.wake_receiver(machine, to);
        false
    }

    /// Out of line.
    #[cold]
    #[inline(never)]
    fn wake_receiver(&mut self, machine: &mut M, to: QubeIndex) {
        self.wake(machine, to, wake::CHANNEL);
    }

    /// Carries the messages that are left, as far as the budget goes. True when none is left then; else [`Self::stop`] says
    /// what is the matter.
    #[inline(never)]
    fn carry_rest(
        &mut self,
        machine: &mut M,
        from: EndpointIndex,
        budget: &mut Budget,
        staging: &mut Staging,
    ) -> bool {
        let Some((mut lane, ahead, room)) = self.lane(from, |it| it.direct) else { return false };
        let to = *lane.to;
        let count = ahead.min(room).min(budget.messages);
        let mut delivered = 0;
        *lane.stop = Stop::Later;
        while delivered < count && budget.bytes != 0 {
            let Some(len) = lane.carry(staging) else {
                budget.settle(*lane.stop);
                break;
            };
            budget.spend(len);
            delivered += 1;
        }
        if delivered != 0 {
            self.wake(machine, to, wake::CHANNEL);
        }
        delivered == ahead
    }

    /// The way from `from` to its peer if the channel `is_open`, how many messages wait, at least one, and how many buffers. `None` when there is
    /// none; then [`Self::stop`] says why.
    #[inline(always)]
    pub(crate) fn lane(
        &mut self,
        from: EndpointIndex,
        is_open: impl Fn(&Channel<'_>) -> bool,
    ) -> Option<(Lane<'_, 'a, Window<M>>, u16, u16)> {
        let stop = &mut self.stop;
        let (sender, receiver) = pair(&mut self.endpoints, from);
        let channel = match &mut self.channels[from.channel()] {
            Some(channel) if is_open(channel) => channel,
            _ => return none(stop, Stop::Elsewhere),
        };
        let (Queue::Ready(tx), Queue::Ready(rx), Some(to)) =
            (&mut sender.tx, &mut receiver.rx, &receiver.qube)
        else {
            return none(stop, Stop::Elsewhere);
        };
        let ahead = match tx.ahead() {
            Ok(0) => return none(stop, Stop::Empty),
            Ok(ahead) => ahead,
            Err(fault) => return none(stop, Stop::Sender(fault)),
        };
        let room = match rx.ahead() {
            Ok(room) => room,
            Err(fault) => return none(stop, Stop::Receiver(fault)),
        };
        let (chains, audit, now) = (&self.chains, &mut self.audit, self.now);
        let (role, stamp, sent) = (from.role(), &sender.stamp, &mut sender.sent);
        Some((Lane { stop, channel, chains, audit, now, role, stamp, sent, tx, rx, to }, ahead, room))
    }

    /// Gives a chain back.
    pub(crate) fn complete(&mut self, from: EndpointIndex, chain: Chain) {
        if let Some(tx) = self.endpoints[from.index()].tx.ring() {
            tx.complete(chain);
        }
    }

    /// Remembers that the receiver of `from` should look for more when it next waits.
    pub(crate) fn mark_pull(&mut self, from: EndpointIndex) {
        let end = &self.endpoints[self.receiver_of(from).index()];
        let (qube, port) = (end.qube, end.port.get());
        if let Some(qube) = qube {
            self.at(qube).chores.set_pull(port);
        }
    }

    /// The end whose receive queue a message from `from` or the answer to it goes to: the peer, or `from` itself when the
    /// supervisor is the peer.
    fn receiver_of(&self, from: EndpointIndex) -> EndpointIndex {
        if self.endpoints[from.peer().index()].qube.is_some() { from.peer() } else { from }
    }
}

/// The way of messages from one qube to another, open and with good queues.
pub(crate) struct Lane<'c, 'a, W> {
    /// Where to say what is the matter. In memory and not in results, which would cost the good messages.
    stop: &'c mut Stop,
    channel: &'c mut Channel<'a>,
    chains: &'c Chains<'a>,
    audit: &'c mut Audit,
    now: Ticks,
    /// Of the sender.
    role: Role,
    stamp: &'c Stamp,
    sent: &'c mut u64,
    tx: &'c mut Ring<W>,
    rx: &'c mut Ring<W>,
    /// The receiver.
    pub(crate) to: &'c QubeIndex,
}

impl<W: RingWindow> Lane<'_, '_, W> {
    /// Carries one message: copies it once, judges the copy, delivers that copy. Returns how long it was; `None` when
    /// something is the matter with it. Call only when there is one, and a buffer for it.
    #[inline(always)]
    pub(crate) fn carry(&mut self, staging: &mut Staging) -> Option<usize> {
        let (chain, message) = match self.tx.take(staging) {
            Ok(taken) => taken,
            Err(fault) => return none(self.stop, Stop::Sender(fault)),
        };
        let taken = Taken { chain, len: message.len() };
        let frame = match judge(self.channel, self.chains, self.role, message) {
            Ok(frame) => frame,
            Err(why) => return none(self.stop, Stop::Refused(taken, why)),
        };
        if let Err(fault) = self.rx.put(message) {
            return none(self.stop, Stop::Undelivered(taken, fault));
        }
        self.tx.complete(chain);
        *self.sent += 1;
        // Answers are not audited: they belong to a call that was.
        if is_audited(frame.kind) {
            self.audit.delivered(self.now, *self.stamp, frame.method, frame.body.len());
        }
        Some(taken.len)
    }
}

/// Whether a message is a call or an event.
#[inline(always)]
pub(crate) const fn is_audited(kind: Kind) -> bool {
    kind.as_u8() & 1 != 0
}

const _: () = assert!(is_audited(Kind::Call) && is_audited(Kind::Event));
const _: () = assert!(!is_audited(Kind::Reply) && !is_audited(Kind::Error));

/// Says what is the matter.
#[cold]
fn none<T>(place: &mut Stop, stop: Stop) -> Option<T> {
    *place = stop;
    None
}

/// Both ends of the channel that `from` is an end of, `from` first.
#[inline(always)]
fn pair<W>(ends: &mut [Endpoint<W>; ENDPOINTS], from: EndpointIndex) -> (&mut Endpoint<W>, &mut Endpoint<W>) {
    let [client, server] = &mut ends.as_chunks_mut::<2>().0[from.channel()];
    match from.role() {
        Role::Client => (client, server),
        Role::Server => (server, client),
    }
}
