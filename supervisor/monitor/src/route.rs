//! Moving messages from one end of a channel to the other.
//!
//! Nothing is buffered here: a message that its receiver has no room for stays in its sender's queue, and the receiver's next
//! wait pulls it. So what a sender can make the supervisor keep is nothing, and a peer that stops reading stalls its own
//! channel and no other.
//!
//! [`Core::carry`] is the whole way of a good message between two qubes; whatever else can happen leaves it by a [`Stop`] and
//! is dealt with out of line, in `refuse.rs`.

use ipc_proto_types::{Kind, Role};
use supervisor_mem::RingWindow;
use supervisor_policy::Chains;
use supervisor_vcpu::Ticks;
use supervisor_virtio::{Chain, Malformed, Ring};

use crate::audit::{Audit, Refusal, Stamp};
use crate::channel::{Channel, ENDPOINTS, Endpoint, EndpointIndex};
use crate::judge::judge;
use crate::machine::Machine;
use crate::monitor::{Core, Staging};
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

    #[inline(always)]
    pub(crate) fn is_used_up(self) -> bool {
        self.messages == 0 || self.bytes == 0
    }

    #[inline(always)]
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Whether any message was moved.
    fn is_touched(self) -> bool {
        self.messages != MOVES_MAX
    }
}

/// Why no further message is moved.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
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

impl<M: Machine> Core<'_, M> {
    /// Moves what `from` has, within the budget of one exit. Returns whether any was moved.
    #[inline(always)]
    pub(crate) fn move_all(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        staging: &mut Staging,
    ) -> bool {
        match self.carry(now, machine, from, Budget::EXIT, staging) {
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
            match self.carry_on(now, machine, from, budget, staging) {
                Ok(()) => return true,
                Err(next) => (stop, budget) = next,
            }
        }
    }

    /// [`Self::carry`], out of line.
    #[inline(never)]
    fn carry_on(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        budget: Budget,
        staging: &mut Staging,
    ) -> Result<(), (Stop, Budget)> {
        self.carry(now, machine, from, budget, staging)
    }

    /// Carries messages from a qube to a qube as long as nothing is the matter: copies each once, judges the copy, delivers
    /// that copy. `Ok` when all there were are delivered, and there was one.
    #[inline(always)]
    fn carry(
        &mut self,
        now: Ticks,
        machine: &mut M,
        from: EndpointIndex,
        mut budget: Budget,
        staging: &mut Staging,
    ) -> Result<(), (Stop, Budget)> {
        let Some(channel) = &mut self.channels[from.channel()] else { return Err((Stop::Empty, budget)) };
        let (sender, receiver) = pair(&mut self.endpoints, from);
        let (true, Some(tx), Some(rx), Some(qube)) =
            (channel.open, sender.tx.ring(), receiver.rx.ring(), receiver.qube)
        else {
            return Err((Stop::Elsewhere, budget));
        };
        let ahead = tx.ahead().map_err(|fault| (Stop::Sender(fault), budget))?;
        if ahead == 0 {
            return Err((Stop::Empty, budget));
        }
        let room = rx.ahead().map_err(|fault| (Stop::Receiver(fault), budget))?;
        let count = ahead.min(room).min(budget.messages);
        for done in 0..count {
            let carried = carry_one(now, channel, &self.chains, from.role(), sender.stamp, tx, rx, &mut self.audit, staging);
            let stop = match carried {
                Ok(len) => {
                    sender.sent += 1;
                    budget.spend(len);
                    if budget.bytes != 0 {
                        continue;
                    }
                    Stop::Later
                }
                Err(stop) => {
                    budget.messages -= 1;
                    stop
                }
            };
            if done != 0 {
                self.wake(machine, qube, wake::CHANNEL);
            }
            return Err((stop, budget));
        }
        if count != 0 {
            self.wake(machine, qube, wake::CHANNEL);
        }
        if count == ahead { Ok(()) } else { Err((Stop::Later, budget)) }
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

/// Carries one message. Returns how long it was.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "all of it is in registers or close by")]
fn carry_one<W: RingWindow>(
    now: Ticks,
    channel: &mut Channel<'_>,
    chains: &Chains<'_>,
    role: Role,
    stamp: Stamp,
    tx: &mut Ring<W>,
    rx: &mut Ring<W>,
    audit: &mut Audit,
    staging: &mut Staging,
) -> Result<usize, Stop> {
    let (chain, message) = tx.take(staging).map_err(Stop::Sender)?;
    let taken = Taken { chain, len: message.len() };
    let header = judge(channel, chains, role, message).map_err(|why| Stop::Refused(taken, why))?;
    rx.put(message).map_err(|fault| Stop::Undelivered(taken, fault))?;
    tx.complete(chain);
    // Answers are not audited: they belong to a call that was.
    if matches!(header.kind, Kind::Call | Kind::Event) {
        audit.delivered(now, stamp, header.method, header.length);
    }
    Ok(taken.len)
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
