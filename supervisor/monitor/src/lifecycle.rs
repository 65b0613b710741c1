//! Birth, end and rebirth of a qube. An end zeroes its memory, tells its peers, and, if the manifest says so, a new life
//! begins after a delay that doubles while lives stay short, or when `ctl` is asked for it.

use ipc_proto_ctl_api::EndReason;
use ipc_proto_types::{Generation, MAX_CHANNELS, MAX_PORTS, MAX_QUBES, QubeIndex};
use supervisor_image::Restart;
use supervisor_mem::Gpa;
use supervisor_vcpu::Ticks;
use supervisor_virtio::{DeviceKind, Queue, Registers};

use crate::audit::{Access, Outcome, Stamp};
use crate::channel::{ENDPOINTS, EndpointIndex};
use crate::machine::{Machine, Next, Page};
use crate::monitor::{Core, Monitor, attention};
use crate::qube::{Chores, Life, QUBES, bit, wake};
use crate::schedule::first;

/// The first delay is a second divided by this: 10 ms.
const BACKOFF_FRACTION: u64 = 100;
/// The least delay where a PCI function is reset, which takes it up to 100 ms.
const DEVICE_RESET_FRACTION: u64 = 10;
/// The delay doubles at most this often: to about 10 s.
const BACKOFF_DOUBLINGS: u32 = 10;
/// A life of this many seconds was a good one; the delay starts small again.
const GOOD_LIFE_SECONDS: u64 = 10;

impl<M: Machine> Monitor<'_, M> {
    /// The machine has built the last piece of `qube`'s memory. What to do next, [`Monitor::interrupts`] says.
    pub fn rebuilt(&mut self, now: Ticks, qube: QubeIndex, machine: &mut M) {
        let core = &mut self.core;
        core.now = now;
        core.rebuilding &= !bit(qube);
        core.prepare_life(qube, machine);
        core.await_life(qube, machine);
    }

    /// Keeps a qube from ever starting; `why` ends a sentence of the log. Call before [`Self::start`].
    pub fn withhold(&mut self, now: Ticks, qube: QubeIndex, why: core::fmt::Arguments<'_>, machine: &mut M) {
        let core = &mut self.core;
        core.now = now;
        let Some(q) = core.qube_mut(qube) else { return };
        q.life = Life::Ended;
        let name = q.name();
        core.rebuilding &= !bit(qube);
        core.note(machine, format_args!("{name} does not start: {why}"));
    }

    /// Some qube's device can reach all memory: every qube may tell its user.
    pub fn warn_of_devices(&mut self) {
        self.core.dma_unprotected = true;
    }

    /// A device would have read or written memory that it may not have; `qube` owns it.
    pub fn device_refused(&mut self, now: Ticks, qube: Option<QubeIndex>, access: Access) {
        let core = &mut self.core;
        core.audit.record(now, Stamp::of_device(qube), None, Outcome::Refused, access.code());
        core.refused += 1;
        if let Some(qube) = qube.and_then(|qube| core.qube_mut(qube)) {
            qube.refused += 1;
        }
    }

    /// Begins: the memory of the qubes is built in the order of the image, and who has its own runs meanwhile.
    pub fn start(&mut self, now: Ticks, machine: &mut M) -> Next {
        self.core.now = now;
        self.core.pick(machine)
    }
}

impl<M: Machine> Core<'_, M> {
    /// Ends a life that left no last words.
    pub(crate) fn end(&mut self, machine: &mut M, index: QubeIndex, how: EndReason) {
        self.end_after(machine, index, how, self.log.written());
    }

    /// Ends a life whose last words begin at `words` of the log.
    pub(crate) fn end_after(&mut self, machine: &mut M, index: QubeIndex, how: EndReason, words: u64) {
        let Some(q) = self.qube_mut(index).filter(|q| q.is_alive()) else { return };
        let memory_is_free = machine.stop(index);
        q.life = if memory_is_free { Life::Rebuilding } else { Life::Ended };
        q.last_end = Some(how);
        q.pending = 0;
        q.chores = Chores::default();
        q.console = Registers::new(DeviceKind::Console { ports: q.facts.port_count });
        q.entropy = Registers::new(DeviceKind::Entropy);
        q.control_rx = Queue::Off;
        q.control_tx = Queue::Off;
        q.entropy_queue = Queue::Off;
        let (name, generation) = (q.name(), q.generation);
        self.runnable &= !bit(index);
        if memory_is_free {
            self.rebuilding |= bit(index);
        } else {
            self.note(machine, format_args!("{name} is lost: its device may still reach its memory"));
        }
        self.attention &= !bit(index);
        self.staging_wiped = 0;
        self.record_qube(index, Outcome::Ended, how.code());
        self.tell_ended_later(index, words);
        self.note(machine, format_args!("{name} generation {generation} ended: {how}"));
        for port in 0..MAX_PORTS {
            if let Some(end) = self.endpoint_at(index, port) {
                self.endpoints[end.index()].reset();
                self.part_later(end);
            }
        }
    }

    /// The driver reset the console device: its ports close, its peers hear of it.
    pub(crate) fn close_ports(&mut self, index: QubeIndex) {
        for port in 0..MAX_PORTS {
            let Some(end) = self.endpoint_at(index, port) else { continue };
            let endpoint = &mut self.endpoints[end.index()];
            let poisoned = endpoint.rx.state() == supervisor_virtio::QueueState::Poisoned;
            let was_used = endpoint.opened;
            if !poisoned {
                endpoint.reset();
            }
            if was_used {
                self.part_later(end);
            }
        }
    }

    /// One end has forgotten everything: its peer must acknowledge before they talk again.
    pub(crate) fn part(&mut self, machine: &mut M, end: EndpointIndex) {
        self.forget(end);
        self.tell_parted(machine, end.channel());
    }

    /// The same when many ends do at once: the channel closes now, and who is at its ends hears of it in one of the next
    /// exits. Telling all in one would cost the time of 24 ports.
    fn part_later(&mut self, end: EndpointIndex) {
        self.forget(end);
        self.parted |= 1 << (end.channel() & 63);
        self.attention |= attention::PARTED;
    }

    fn forget(&mut self, end: EndpointIndex) {
        let peer = &mut self.endpoints[end.peer().index()];
        if peer.qube.is_some() && peer.opened {
            peer.stale = true;
        }
        self.settle(end.channel());
    }

    fn tell_parted(&mut self, machine: &mut M, channel: usize) {
        self.tell(machine, channel);
        for end in 0..2 {
            if let Some(qube) = self.endpoints[(2 * channel + end) % ENDPOINTS].qube {
                self.wake(machine, qube, wake::CHANNEL);
            }
        }
    }

    /// Does one piece of what was put off: ends or starts a qube that a ctl call names, or tells of one channel that was parted,
    /// or of one end. What is left is for the next exit, which comes at once: two pieces, or one and the call that asked for it,
    /// would be the dearest exit.
    #[cold]
    #[inline(never)]
    pub(crate) fn attend(&mut self, machine: &mut M) {
        let asked_now = self.attention & attention::LATER != 0;
        self.attention &= (1 << MAX_QUBES) - 1;
        if !asked_now {
            self.attend_one(machine);
        }
        if self.parted != 0 {
            self.attention |= attention::PARTED;
        }
        if self.untold.qubes != 0 {
            self.attention |= attention::ENDED;
        }
        if self.attention != 0 {
            self.armed = self.now;
            machine.set_timer(self.now);
        }
    }

    fn attend_one(&mut self, machine: &mut M) {
        if let Some(named) = first(self.attention) {
            self.attention &= !bit(named);
            match self.at(named).life {
                Life::Prepared => self.begin_life(named, machine),
                _ => self.end(machine, named, EndReason::Killed),
            }
        } else if self.parted != 0 {
            let channel = self.parted.trailing_zeros();
            self.parted &= self.parted - 1;
            self.tell_parted(machine, channel as usize % MAX_CHANNELS);
        } else {
            self.tell_ended(machine);
        }
    }

    /// Begins a life whose time has come, one an interrupt, and none before its last end was told.
    pub(crate) fn begin_due(&mut self, machine: &mut M) {
        let is_due = |index: &QubeIndex| {
            let q = &self.qubes[index.as_usize() % QUBES];
            q.life == Life::BackingOff && q.deadline <= self.now && self.untold.qubes & bit(*index) == 0
        };
        if let Some(index) = QubeIndex::all().find(is_due) {
            self.begin_life(index, machine);
        }
    }

    /// The memory is as new: when does the next life begin, if ever? The first at once, but not in the same step.
    fn await_life(&mut self, index: QubeIndex, machine: &mut M) {
        let (now, second) = (self.now, self.times.ticks_per_second);
        let Some(q) = self.qube_mut(index) else { return };
        q.deadline = now;
        q.life = match q.facts.restart {
            Restart::OnDemand => Life::Prepared,
            Restart::Never if q.generation != Generation::NONE => Life::Ended,
            Restart::Never | Restart::Always => Life::BackingOff,
        };
        if q.life != Life::BackingOff {
            return;
        }
        if q.generation == Generation::NONE {
            self.next_deadline = self.next_deadline.min(now);
            return;
        }
        let good = now.0.saturating_sub(q.born.0) >= GOOD_LIFE_SECONDS.saturating_mul(second);
        q.failures = if good { 0 } else { q.failures.saturating_add(1) };
        let doublings = q.failures.saturating_sub(1).min(BACKOFF_DOUBLINGS);
        let mut delay = (second / BACKOFF_FRACTION) << doublings;
        if q.facts.has_pci() {
            delay = delay.max(second / DEVICE_RESET_FRACTION);
        }
        let until = Ticks(now.0.saturating_add(delay));
        q.deadline = until;
        let name = q.name();
        self.next_deadline = self.next_deadline.min(until);
        self.note(machine, format_args!("{name} restarts in {} ms", delay / (second / 1000).max(1)));
    }

    /// Writes all pages for the next life, which may begin in an exit; this does not run in one.
    fn prepare_life(&mut self, index: QubeIndex, machine: &mut M) {
        self.show_device(machine, index, Page::Console);
        self.show_device(machine, index, Page::Entropy);
        self.publish_info(machine, index);
        self.write_boot_info(machine, index);
    }

    /// A life begins, after [`Self::prepare_life`].
    pub(crate) fn begin_life(&mut self, index: QubeIndex, machine: &mut M) {
        let (now, carried_before) = (self.now, self.carried(index));
        let Some(q) = self.qube_mut(index) else { return };
        q.life = Life::Runnable;
        q.generation = q.generation.next();
        q.born = now;
        q.deadline = Ticks::NEVER;
        q.ready = false;
        // Peers may have left something for it since its last life ended.
        q.pending = 0;
        q.chores = Chores::default();
        q.exits = 0;
        q.carried_before = carried_before;
        q.refused = 0;
        let (name, generation) = (q.name(), q.generation);
        self.runnable |= bit(index);
        machine.start(index);
        self.note(machine, format_args!("{name} generation {generation} starts"));
    }

    /// Fills the two fields of the boot information that are known only now (`hermit-entry`, `RawBootInfo`).
    fn write_boot_info(&mut self, machine: &mut M, index: QubeIndex) {
        use supervisor_mem::GuestMemory as _;
        let times = self.times;
        let Some(facts) = self.qube(index).map(|q| q.facts) else { return };
        let khz = u32::try_from(times.ticks_per_second / 1000).unwrap_or(u32::MAX);
        let memory = machine.memory(index);
        // The image checks that both lie in writable memory of the qube.
        let _ = memory.copy_out(Gpa(facts.cpu_khz_at), &khz.to_le_bytes());
        let _ = memory.copy_out(Gpa(facts.boot_time_at), &u128::from(times.unix_ns_at_zero).to_le_bytes());
    }
}
