//! What the simulator and its tests look at. Nothing here changes anything, and the machine of a user does not link it.

use ipc_proto_types::{ChannelIndex, Generation, QubeIndex, Role};
use supervisor_vcpu::Ticks;
use supervisor_virtio::QueueState;

use crate::audit::Record;
use crate::channel::EndpointIndex;
use crate::machine::Machine;
use crate::monitor::{Core, Monitor};
use crate::qube::{Life, bit};

impl<M: Machine> Monitor<'_, M> {
    /// Audit records ever written.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.core.audit.next()
    }

    /// The audit record with this number, from 0, unless it was overwritten or is yet to come.
    #[must_use]
    pub fn record(&self, sequence: u64) -> Option<Record> {
        self.core.audit.get(sequence)
    }

    /// Messages carried and refused so far.
    #[must_use]
    pub fn carried(&self) -> (u64, u64) {
        (self.core.endpoints.iter().map(|end| end.sent).sum(), self.core.refused)
    }

    /// Which life a qube is in, or was in last.
    #[must_use]
    pub fn generation(&self, qube: QubeIndex) -> Generation {
        self.core.qube(qube).map_or(Generation::NONE, |q| q.generation)
    }

    /// Whether a qube is in a life: runs, can run or waits.
    #[must_use]
    pub fn is_alive(&self, qube: QubeIndex) -> bool {
        self.core.qube(qube).is_some_and(crate::qube::Qube::is_alive)
    }

    /// Whether a qube can run.
    #[must_use]
    pub fn is_runnable(&self, qube: QubeIndex) -> bool {
        self.core.qube(qube).is_some_and(|q| q.life == Life::Runnable)
    }

    /// When the one-shot timer is believed to fire.
    #[must_use]
    pub fn armed(&self) -> Ticks {
        self.core.armed
    }

    /// Whether the state agrees with itself.
    ///
    /// # Errors
    /// Says what does not.
    pub fn check(&self) -> Result<(), &'static str> {
        QubeIndex::all().try_for_each(|qube| self.core.check_qube(qube))?;
        ChannelIndex::all().try_for_each(|channel| self.core.check_channel(channel))?;
        let contenders = self.core.runnable.count_ones() + self.core.rebuilding.count_ones();
        holds(contenders < 2 || self.core.armed != Ticks::NEVER, "two can run and no timer is set")
    }
}

impl<M: Machine> Core<'_, M> {
    fn check_qube(&self, index: QubeIndex) -> Result<(), &'static str> {
        let Some(q) = self.qube(index) else {
            return holds(
                (self.runnable | self.rebuilding) & bit(index) == 0,
                "a qube that is not there can run",
            );
        };
        let sleeps = matches!(q.life, Life::Waiting | Life::BackingOff);
        let is = |mask: u32| mask & bit(index) != 0;
        holds(is(self.runnable) == (q.life == Life::Runnable), "the mask of those that can run is wrong")?;
        holds(
            is(self.rebuilding) == (q.life == Life::Rebuilding),
            "the mask of those being rebuilt is wrong",
        )?;
        holds(
            !sleeps || self.next_deadline <= q.deadline,
            "somebody waits for a time before the next deadline",
        )?;
        holds(!sleeps || self.armed <= q.deadline, "somebody waits and the timer is set too late")?;
        holds(q.life != Life::Waiting || q.pending == 0, "a qube sleeps although something is pending")
    }

    fn check_channel(&self, index: ChannelIndex) -> Result<(), &'static str> {
        let Some(channel) = &self.channels[index.as_usize()] else { return Ok(()) };
        let mut ready = true;
        for role in [Role::Client, Role::Server] {
            let end = &self.endpoints[EndpointIndex::new(index, role).index()];
            let alive = end.qube.is_none_or(|qube| self.qube(qube).is_some_and(crate::qube::Qube::is_alive));
            let poisoned = [end.rx.state(), end.tx.state()].contains(&QueueState::Poisoned);
            holds(alive || !end.opened, "an end is open and its qube is not alive")?;
            holds(!poisoned || !end.opened, "an end is open and its queue is poisoned")?;
            ready &= end.opened && !end.stale;
        }
        holds(channel.open == ready, "a channel is open and its ends are not, or the reverse")
    }
}

fn holds(what: bool, broken: &'static str) -> Result<(), &'static str> {
    if what { Ok(()) } else { Err(broken) }
}
