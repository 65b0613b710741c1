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
use supervisor_virtio::{Chain, Malformed, Ring};

use crate::audit::{Audit, Refusal, Stamp};
use crate::channel::{Channel, ENDPOINTS, Endpoint, EndpointIndex};
use crate::judge::judge;
use crate::machine::Machine;
use crate::monitor::{Core, Staging, Window};
use crate::qube::wake;

/// Most messages moved in one exit. Without it a full queue of 64 would make one exit cost 64 messages.
const MOVES_MAX: u16 = 14;

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

    /// Spends what the last message cost, and says how to go on.
    #[inline(always)]
    fn settle(&mut self, carried: Result<usize, Stop>) -> Stop {
        let (len, stop) = match carried {
            Ok(len) => (len, Stop::More),
            Err(stop @ (Stop::Refused(taken, _) | Stop::Undelivered(taken, _))) => (taken.len, stop),
            Err(stop) => return stop,
        };
        self.spend(len);
        stop
    }

    /// Whether any message was moved.
    fn is_touched(self) -> bool {
        self.messages != MOVES_MAX
    }
}

/// Why no further message is moved.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    /// A message was carried, and there are more.
    More,
    /// There is none.
    Empty,
    /// Its receiver has no room, or the exit's budget is used up; it stays where it is.
    Later,
    /// The channel is closed, or its server is the supervisor.
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
    pub(crate) fn move_all(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        staging: &mut Staging,
    ) -> bool {
        match self.carry_first(now, machine, from, staging) {
            Ok(()) => true,
            Err((stop, budget)) => self.move_on(now, machine, from, stop, budget, staging),
        }
    }

    /// Goes on after a stop: the slow half of [`Self::move_all`].
    #[cold]
    #[inline(never)]
    fn move_on(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        mut stop: Stop,
        mut budget: Budget,
        staging: &mut Staging,
    ) -> bool {
        loop {
            match stop {
                Stop::More => {}
                Stop::Empty => return budget.is_touched(),
                Stop::Later => {
                    self.mark_pull(from);
                    return budget.is_touched();
                }
                Stop::Elsewhere => match self.move_elsewhere(now, machine, from, &mut budget, staging) {
                    Stop::Elsewhere => {}
                    last => {
                        stop = last;
                        continue;
                    }
                },
                Stop::Sender(fault) => {
                    self.poison(now, machine, from, Refusal::Queue(fault));
                    return budget.is_touched();
                }
                // The channel closes; what is left is refused like anything on a closed channel, and its sender told.
                Stop::Receiver(fault) => self.poison(now, machine, from.peer(), Refusal::ReceiverQueue(fault)),
                Stop::Refused(taken, why) => {
                    self.refuse(now, machine, from, why, staging.get(..taken.len).unwrap_or_default());
                    self.complete(from, taken.chain);
                }
                Stop::Undelivered(taken, fault) => {
                    self.undelivered(now, machine, from, fault, staging.get(..taken.len).unwrap_or_default());
                    self.complete(from, taken.chain);
                }
            }
            match self.carry_rest(now, machine, from, &mut budget, staging) {
                Ok(()) => return true,
                Err(next) => stop = next,
            }
        }
    }

    /// Carries the first message. `Ok` when it was the only one.
    #[inline(always)]
    fn carry_first(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        staging: &mut Staging,
    ) -> Result<(), (Stop, Budget)> {
        let mut budget = Budget::EXIT;
        let (mut lane, ahead, room) = self.lane(from).map_err(|stop| (stop, budget))?;
        if room == 0 {
            return Err((Stop::Later, budget));
        }
        let to = lane.to;
        let carried = lane.carry(now, staging);
        if carried.is_ok() {
            self.wake(machine, to, wake::CHANNEL);
        }
        match carried {
            Ok(_) if ahead == 1 => Ok(()),
            carried => Err((budget.settle(carried), budget)),
        }
    }

    /// Carries the messages that are left, as far as the budget goes. `Ok` when none is left then.
    #[inline(never)]
    fn carry_rest(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        budget: &mut Budget,
        staging: &mut Staging,
    ) -> Result<(), Stop> {
        let (mut lane, ahead, room) = self.lane(from)?;
        let to = lane.to;
        let count = ahead.min(room).min(budget.messages);
        let mut delivered = 0;
        let mut stop = Stop::More;
        while delivered < count && budget.bytes != 0 {
            stop = budget.settle(lane.carry(now, staging));
            if !matches!(stop, Stop::More) {
                break;
            }
            delivered += 1;
        }
        if delivered != 0 {
            self.wake(machine, to, wake::CHANNEL);
        }
        match stop {
            Stop::More if delivered == ahead => Ok(()),
            Stop::More => Err(Stop::Later),
            stop => Err(stop),
        }
    }

    /// The way from `from` to its peer, how many messages wait, and how many buffers.
    #[inline(always)]
    fn lane(&mut self, from: EndpointIndex) -> Result<(Lane<'_, 'a, Window<M>>, u16, u16), Stop> {
        let channel = self.channels[from.channel()].as_mut().ok_or(Stop::Empty)?;
        let (sender, receiver) = pair(&mut self.endpoints, from);
        let (true, Some(tx), Some(rx), Some(to)) =
            (channel.open, sender.tx.ring(), receiver.rx.ring(), receiver.qube)
        else {
            return Err(Stop::Elsewhere);
        };
        let ahead = tx.ahead().map_err(Stop::Sender)?;
        if ahead == 0 {
            return Err(Stop::Empty);
        }
        let room = rx.ahead().map_err(Stop::Receiver)?;
        let (chains, audit) = (&self.chains, &mut self.audit);
        let lane = Lane {
            channel,
            chains,
            audit,
            role: from.role(),
            stamp: sender.stamp,
            sent: &mut sender.sent,
            tx,
            rx,
            to,
        };
        Ok((lane, ahead, room))
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
struct Lane<'c, 'a, W> {
    channel: &'c mut Channel<'a>,
    chains: &'c Chains<'a>,
    audit: &'c mut Audit,
    /// Of the sender.
    role: Role,
    stamp: Stamp,
    sent: &'c mut u64,
    tx: &'c mut Ring<W>,
    rx: &'c mut Ring<W>,
    /// The receiver.
    to: QubeIndex,
}

impl<W: RingWindow> Lane<'_, '_, W> {
    /// Carries one message: copies it once, judges the copy, delivers that copy. Returns how long it was. Call only when
    /// there is one, and a buffer for it.
    #[inline(always)]
    fn carry(&mut self, now: Ticks, staging: &mut Staging) -> Result<usize, Stop> {
        let (chain, message) = self.tx.take(staging).map_err(Stop::Sender)?;
        let taken = Taken { chain, len: message.len() };
        let frame = judge(self.channel, self.chains, self.role, message).map_err(|why| Stop::Refused(taken, why))?;
        self.rx.put(message).map_err(|fault| Stop::Undelivered(taken, fault))?;
        self.tx.complete(chain);
        *self.sent += 1;
        // Answers are not audited: they belong to a call that was.
        if matches!(frame.kind, Kind::Call | Kind::Event) {
            self.audit.delivered(now, self.stamp, frame.method, frame.body.len());
        }
        Ok(taken.len)
    }
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
