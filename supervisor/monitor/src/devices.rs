//! A qube's two devices: register writes, notifications, entropy, log text. The console's control queue is `control.rs`.

use core::fmt::Write as _;

use ipc_proto_types::{PortIndex, QubeIndex};
use supervisor_mem::{Gpa, GuestMemory};
use supervisor_virtio::{DeviceKind, Effect, Queue, QueueState, Registers, initial_page, offset};

use crate::audit::{Outcome, Refusal, Stamp};
use crate::channel::EndpointIndex;
use crate::log::{LINE_MAX, Line, tame};
use crate::machine::{Machine, Page};
use crate::monitor::{Core, Staging, Window};
use crate::qube::Qube;

/// Queue numbers of the console's control queues (VIRTIO 1.2, 5.3.2).
const CONTROL_RX: u16 = 2;
const CONTROL_TX: u16 = 3;

/// Most random bytes given at once: each 64 cost a block of the cipher.
const ENTROPY_MAX: usize = 64;

/// Longest panic report.
const LAST_WORDS_MAX: usize = 512;

/// Most bytes of it in one line: so many fit behind the longest name and number. The parts put together are the report.
const LAST_WORDS_LINE: usize = 192;

/// What a queue number of the console means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsoleQueue {
    Receive(usize),
    Transmit(usize),
    ControlReceive,
    ControlTransmit,
}

impl ConsoleQueue {
    /// Number of a port's transmit queue.
    pub(crate) const fn transmit(port: PortIndex) -> usize {
        match port.as_usize() {
            0 => 1,
            port => 2 * port + 3,
        }
    }

    #[inline]
    pub(crate) fn of(number: u16) -> Self {
        match number {
            CONTROL_RX => Self::ControlReceive,
            CONTROL_TX => Self::ControlTransmit,
            0 => Self::Receive(0),
            1 => Self::Transmit(0),
            n if n % 2 == 1 => Self::Transmit(usize::from(n - 2) / 2),
            n => Self::Receive(usize::from(n - 2) / 2),
        }
    }
}

impl<M: Machine> Core<'_, M> {
    /// A qube says that a queue has new buffers; `number` is device << 16 | queue as it claims.
    #[inline(always)]
    pub(crate) fn notified(&mut self, machine: &mut M, qube: QubeIndex, number: u32, staging: &mut Staging) {
        let end = self.at(qube).transmits.get(number as usize).copied();
        match end.and_then(EndpointIndex::from_u8) {
            Some(end) => {
                self.move_all(machine, end, staging);
            }
            None => self.notified_otherwise(machine, qube, number, staging),
        }
    }

    /// The same for any queue but a port's transmit queue.
    #[cold]
    #[inline(never)]
    fn notified_otherwise(&mut self, machine: &mut M, qube: QubeIndex, number: u32, staging: &mut Staging) {
        let queue = (number & 0xffff) as u16;
        match (number >> 16, ConsoleQueue::of(queue)) {
            (0, ConsoleQueue::Receive(port)) => match self.endpoint_at(qube, port) {
                Some(_) => self.pull(machine, qube, 1 << (port & 31), staging),
                None => self.refuse_control(qube),
            },
            (0, ConsoleQueue::ControlReceive) => self.announce(machine, qube),
            (0, ConsoleQueue::ControlTransmit) => self.control(machine, qube),
            (1, _) if queue == 0 => self.give_entropy(machine, qube),
            _ => self.refuse_control(qube),
        }
    }

    /// Moves what peers could not deliver to `qube` before, for the ports in `mask`.
    #[inline(never)]
    pub(crate) fn pull(&mut self, machine: &mut M, qube: QubeIndex, mask: u32, staging: &mut Staging) {
        // One port at a time: the budget of an exit is one queue's. In turn: else a flood on one kept the others waiting.
        let q = self.at(qube);
        let later = mask & (u32::MAX << (q.pulled & 31) << 1);
        let port = if later != 0 { later } else { mask }.trailing_zeros() & 31;
        q.chores.clear_pull(port as u8);
        q.pulled = port;
        let Some(end) = self.endpoint_at(qube, port as usize) else { return };
        let peer = end.peer();
        let from = if self.endpoints[peer.index()].qube.is_some() { peer } else { end };
        if self.move_all(machine, from, staging)
            && let Some(sender) = self.endpoints[from.index()].qube.filter(|&sender| sender != qube)
        {
            let woken = self.woken;
            self.wake(machine, sender, crate::qube::wake::CHANNEL);
            self.woken = woken;
        }
    }

    /// A write to a device register; `register` is device << 16 | offset as the qube claims.
    pub(crate) fn register_written(&mut self, machine: &mut M, qube: QubeIndex, register: u64, value: u32) {
        let at = (register & 0xffff) as u16;
        let Some(q) = self.qube_mut(qube) else { return };
        let (page, registers) = match register >> 16 {
            0 => (Page::Console, &mut q.console),
            1 => (Page::Entropy, &mut q.entropy),
            _ => return self.refuse_control(qube),
        };
        match registers.write(at, value) {
            Effect::None => {}
            Effect::Show { at, value } => machine.write_page(qube, page, at, &value.to_le_bytes()),
            Effect::Selected { queue } => self.show_queue(machine, qube, page, queue),
            Effect::Enable { queue, areas } => {
                let ready = self
                    .queue_mut(qube, page, queue)
                    .is_some_and(|slot| slot.enable(areas, machine.memory(qube)).is_ok());
                if !ready {
                    self.refuse_control(qube);
                }
                self.show_queue(machine, qube, page, Some(queue));
            }
            Effect::Reset => self.reset_device(machine, qube, page),
            Effect::Refused => self.refuse_control(qube),
        }
    }

    fn show_queue(&mut self, machine: &mut M, qube: QubeIndex, page: Page, queue: Option<u16>) {
        let max = if queue.is_some() { u32::from(supervisor_virtio::QUEUE_SIZE_MAX) } else { 0 };
        let state = queue.and_then(|queue| self.queue_mut(qube, page, queue)).map(|slot| slot.state());
        let ready = u32::from(state == Some(QueueState::Ready));
        machine.write_page(qube, page, offset::QUEUE_NUM_MAX, &max.to_le_bytes());
        machine.write_page(qube, page, offset::QUEUE_READY, &ready.to_le_bytes());
    }

    /// The queue of this number of a device.
    fn queue_mut(&mut self, qube: QubeIndex, page: Page, queue: u16) -> Option<&mut Queue<Window<M>>> {
        match (page, ConsoleQueue::of(queue)) {
            (Page::Entropy, _) if queue == 0 => Some(&mut self.qube_mut(qube)?.entropy_queue),
            (Page::Console, ConsoleQueue::ControlReceive) => Some(&mut self.qube_mut(qube)?.control_rx),
            (Page::Console, ConsoleQueue::ControlTransmit) => Some(&mut self.qube_mut(qube)?.control_tx),
            (Page::Console, ConsoleQueue::Receive(port)) => {
                let end = self.endpoint_at(qube, port)?;
                Some(&mut self.endpoints[end.index()].rx)
            }
            (Page::Console, ConsoleQueue::Transmit(port)) => {
                let end = self.endpoint_at(qube, port)?;
                Some(&mut self.endpoints[end.index()].tx)
            }
            (Page::Entropy | Page::Info, _) => None,
        }
    }

    /// A driver reset its device: as if its qube had just begun, as far as that device goes.
    fn reset_device(&mut self, machine: &mut M, qube: QubeIndex, page: Page) {
        if page == Page::Console {
            self.close_ports(qube);
        }
        let Some(q) = self.qube_mut(qube) else { return };
        let poisoned = |queue: &Queue<Window<M>>| queue.state() == QueueState::Poisoned;
        match page {
            Page::Console => {
                if !poisoned(&q.control_rx) {
                    q.control_rx = Queue::Off;
                }
                if !poisoned(&q.control_tx) {
                    q.control_tx = Queue::Off;
                }
            }
            Page::Entropy if !poisoned(&q.entropy_queue) => q.entropy_queue = Queue::Off,
            Page::Entropy | Page::Info => {}
        }
        self.show_device(machine, qube, page);
    }

    /// Writes a device's page as a driver finds it first.
    pub(crate) fn show_device(&mut self, machine: &mut M, qube: QubeIndex, page: Page) {
        let Some(q) = self.qube(qube) else { return };
        let kind = match page {
            Page::Console => DeviceKind::Console { ports: q.facts.port_count },
            Page::Entropy | Page::Info => DeviceKind::Entropy,
        };
        machine.write_page(qube, page, 0, &initial_page(kind));
        let off = 0u32.to_le_bytes();
        machine.write_page(qube, page, offset::QUEUE_READY, &off);
        machine.write_page(qube, page, offset::STATUS, &off);
    }

    /// Tells the owner of a poisoned queue (VIRTIO 1.2, 2.1: DEVICE_NEEDS_RESET).
    pub(crate) fn show_needs_reset(&mut self, machine: &mut M, qube: QubeIndex) {
        let Some(q) = self.qube(qube) else { return };
        let status = Registers::needs_reset(&q.console);
        machine.write_page(qube, Page::Console, offset::STATUS, &status.to_le_bytes());
    }

    /// Fills one buffer with random bytes.
    fn give_entropy(&mut self, machine: &mut M, qube: QubeIndex) {
        let mut bytes = [0; ENTROPY_MAX];
        machine.random(&mut bytes);
        let Some(q) = self.qube_mut(qube) else { return };
        let given = match q.entropy_queue.waiting() {
            Ok(Some(ring)) => ring.fill(&bytes),
            Ok(None) => Ok(()),
            Err(fault) => Err(fault),
        };
        bytes.fill(0);
        if let Err(fault) = given {
            q.entropy_queue.poison();
            self.refuse_request(qube, Refusal::Queue(fault));
        }
    }

    /// Something that makes no sense; noted, not answered.
    pub(crate) fn refuse_control(&mut self, qube: QubeIndex) {
        self.refuse_request(qube, Refusal::Control);
    }

    /// A request to a device, refused for this reason: an audit line, and it counts.
    pub(crate) fn refuse_request(&mut self, qube: QubeIndex, why: Refusal) {
        self.record_qube(qube, Outcome::Refused, why.code());
        self.refused += 1;
        if let Some(q) = self.qube_mut(qube) {
            q.refused += 1;
        }
    }

    /// An audit line about a qube and no message.
    pub(crate) fn record_qube(&mut self, qube: QubeIndex, outcome: Outcome, why: u8) {
        self.audit.record(self.now, Stamp::of_qube(qube), None, outcome, why);
    }

    /// Takes a line of log text from a qube.
    pub(crate) fn log_from(&mut self, machine: &mut M, qube: QubeIndex, at: Gpa) {
        let mut text = [0; LINE_MAX];
        let text = copy_text(machine.memory(qube), at, &mut text);
        let Some(q) = self.qube(qube) else { return };
        let mut line = Line::by(q.name().as_str(), self.uptime_ns(self.now));
        line.push(tame(text));
        self.show(machine, line);
    }

    /// Takes a qube's panic report, as several log lines.
    pub(crate) fn last_words_from(&mut self, machine: &mut M, qube: QubeIndex, at: Gpa) {
        let mut text = [0; LAST_WORDS_MAX];
        let text = copy_text(machine.memory(qube), at, &mut text);
        let Some((name, generation)) =
            self.qube(qube).map(|q: &Qube<'_, M::Memory>| (q.name(), q.generation))
        else {
            return;
        };
        let mut rest = tame(text);
        while !rest.is_empty() {
            let (part, after) = rest.split_at(whole(rest, LAST_WORDS_LINE));
            rest = after;
            let mut line = Line::by(name.as_str(), self.uptime_ns(self.now));
            let _ = write!(line, "generation {generation}: ");
            line.push(part);
            self.show(machine, line);
        }
    }

    /// A line of the supervisor's own.
    pub(crate) fn note(&mut self, machine: &mut M, text: core::fmt::Arguments<'_>) {
        let mut line = Line::by("skep", self.uptime_ns(self.now));
        let _ = write!(line, "{text}");
        self.show(machine, line);
    }

    fn show(&mut self, machine: &mut M, mut line: Line) {
        let line = line.finish();
        self.log.push(line);
        machine.emit(line);
    }
}

/// How many of the first `most` bytes of `text` to take so that no character is cut, one at least.
fn whole(text: &[u8], most: usize) -> usize {
    let is_within = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let most = most.min(text.len());
    // A character has at most three bytes behind its first.
    (most.saturating_sub(3).max(1)..=most).rev().find(|at| !is_within(at)).unwrap_or(most)
}

/// Copies the text that `{len: u64, buf: u64}` at `at` names, at most as much as `into` holds. What cannot be read is empty.
fn copy_text<'t, G: GuestMemory>(memory: &G, at: Gpa, into: &'t mut [u8]) -> &'t mut [u8] {
    let mut parameters = [0; 16];
    let read = memory.copy_in(at, &mut parameters).is_ok();
    let ([l0, l1, l2, l3, l4, l5, l6, l7], address) = match parameters.split_first_chunk::<8>() {
        Some((len, rest)) if read => (*len, rest.first_chunk::<8>().copied().unwrap_or_default()),
        _ => ([0; 8], [0; 8]),
    };
    let len = u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]).min(into.len() as u64) as usize;
    let Some(text) = into.get_mut(..len) else { return Default::default() };
    if memory.copy_in(Gpa(u64::from_le_bytes(address)), text).is_err() {
        return Default::default();
    }
    text
}

/// The end behind a port, for control messages.
pub(crate) fn port_end<M: Machine>(core: &Core<'_, M>, qube: QubeIndex, port: u32) -> Option<EndpointIndex> {
    core.endpoint_at(qube, usize::try_from(port).ok()?)
}
