//! What the monitor keeps for each qube.

use ipc_proto_types::{Generation, MAX_PORTS, QubeIndex, QubeName};
use supervisor_image as image;
use supervisor_vcpu::Ticks;
use supervisor_virtio::{DeviceKind, Queue, Registers};

use crate::lifecycle::End;

/// Why a qube comes back from a wait; the bits of the call's result.
pub(crate) mod wake {
    /// A channel moved.
    pub(crate) const CHANNEL: u8 = 1;
    /// The deadline passed.
    pub(crate) const DEADLINE: u8 = 2;
    /// Its device raised an interrupt.
    pub(crate) const DEVICE: u8 = 4;
}

/// Where a qube is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Can run, or runs.
    Runnable,
    /// Sleeps until something moves or its deadline.
    Waiting,
    /// Its memory is being brought back to the first state.
    Rebuilding,
    /// Rebuilt; a new life begins at its deadline.
    BackingOff,
    /// Gone for good, its memory zeroed.
    Ended,
}

/// One qube.
pub(crate) struct Qube<'a> {
    pub(crate) facts: image::Qube<'a>,
    pub(crate) life: Life,
    pub(crate) generation: Generation,
    /// Until when it waits or backs off.
    pub(crate) deadline: Ticks,
    /// Wake bits that arrived while it was not waiting.
    pub(crate) pending: u8,
    /// Result of the call it will return from.
    pub(crate) result: Option<u32>,
    /// Ports whose peer has messages that did not fit yet, one bit each.
    pub(crate) pull: u32,
    /// The port that was looked at last.
    pub(crate) pulled: u32,
    /// Ports with control messages to send, one bit each.
    pub(crate) announce: u32,
    /// Endpoint of each port.
    pub(crate) endpoints: [u8; MAX_PORTS],
    pub(crate) console: Registers,
    pub(crate) entropy: Registers,
    pub(crate) control_rx: Queue,
    pub(crate) control_tx: Queue,
    pub(crate) entropy_queue: Queue,
    pub(crate) exits: u64,
    pub(crate) messages_in: u64,
    pub(crate) messages_out: u64,
    pub(crate) refused: u64,
    pub(crate) last_end: Option<End>,
    /// When the current life began.
    pub(crate) born: Ticks,
    /// Lives in a row that ended early; the delay before the next one doubles with each.
    pub(crate) failures: u32,
    /// It has said that it is set up.
    pub(crate) ready: bool,
    /// Its control queue holds messages that were not taken yet.
    pub(crate) control_backlog: bool,
}

impl<'a> Qube<'a> {
    pub(crate) fn new(facts: image::Qube<'a>) -> Self {
        let console = Registers::new(DeviceKind::Console { ports: facts.port_count });
        Self {
            facts,
            life: Life::Rebuilding,
            generation: Generation::NONE,
            deadline: Ticks::NEVER,
            pending: 0,
            result: None,
            pull: 0,
            pulled: 0,
            announce: 0,
            endpoints: [crate::channel::NO_ENDPOINT; MAX_PORTS],
            console,
            entropy: Registers::new(DeviceKind::Entropy),
            control_rx: Queue::default(),
            control_tx: Queue::default(),
            entropy_queue: Queue::default(),
            exits: 0,
            messages_in: 0,
            messages_out: 0,
            refused: 0,
            last_end: None,
            born: Ticks(0),
            failures: 0,
            ready: false,
            control_backlog: false,
        }
    }

    pub(crate) fn name(&self) -> QubeName {
        self.facts.name
    }

    /// Whether it can be killed, waited for or sent to.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.life, Life::Runnable | Life::Waiting)
    }
}

/// One bit for a qube in a mask.
#[inline]
pub(crate) fn bit(qube: QubeIndex) -> u16 {
    1 << (qube.get() & 15)
}
