//! What the monitor keeps for each qube.

use ipc_proto_ctl_api::EndReason;
use ipc_proto_types::{Generation, MAX_PORTS, MAX_QUBES, QubeIndex, QubeName};
use supervisor_image as image;
use supervisor_mem::GuestMemory;
use supervisor_vcpu::Ticks;
use supervisor_virtio::{DeviceKind, Queue, Registers};

use crate::channel::NO_ENDPOINT;

/// Places for qubes: a power of two, so that an index is masked instead of checked.
pub(crate) const QUBES: usize = MAX_QUBES.next_power_of_two();

/// Queue numbers that a console device may have, rounded up.
pub(crate) const QUEUES: usize = 64;
const _: () = assert!(2 * MAX_PORTS + 2 <= QUEUES);

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
    /// There is no such qube.
    Nobody,
    /// Can run, or runs.
    Runnable,
    /// Sleeps until something moves or its deadline.
    Waiting,
    /// Its memory is being brought back to the first state.
    Rebuilding,
    /// Rebuilt; a new life begins at its deadline.
    BackingOff,
    /// Rebuilt; a new life begins when somebody asks for it.
    Prepared,
    /// Gone for good, its memory zeroed.
    Ended,
}

/// What a qube's next wait does first, in one word: it is nearly always nothing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Chores(u64);

impl Chores {
    const ANNOUNCE: u32 = 32;
    const BACKLOG: u64 = 1 << 63;

    #[inline]
    pub(crate) fn any(self) -> bool {
        self.0 != 0
    }

    /// Ports whose peer has messages that did not fit yet, one bit each.
    pub(crate) fn pulls(self) -> u32 {
        (self.0 & 0xff_ffff) as u32
    }

    /// Ports with control messages to send, one bit each.
    pub(crate) fn announcements(self) -> u32 {
        (self.0 >> Self::ANNOUNCE & 0xff_ffff) as u32
    }

    /// Whether its control queue holds messages that were not taken yet.
    pub(crate) fn has_backlog(self) -> bool {
        self.0 & Self::BACKLOG != 0
    }

    pub(crate) fn set_pull(&mut self, port: u8) {
        self.0 |= 1 << (port % 24);
    }

    pub(crate) fn clear_pull(&mut self, port: u8) {
        self.0 &= !(1 << (port % 24));
    }

    pub(crate) fn set_announcement(&mut self, port: u8) {
        self.0 |= 1 << (Self::ANNOUNCE + u32::from(port % 24));
    }

    pub(crate) fn clear_announcement(&mut self, port: u8) {
        self.0 &= !(1 << (Self::ANNOUNCE + u32::from(port % 24)));
    }

    pub(crate) fn set_backlog(&mut self) {
        self.0 |= Self::BACKLOG;
    }

    pub(crate) fn clear_backlog(&mut self) {
        self.0 &= !Self::BACKLOG;
    }
}

const _: () = assert!(MAX_PORTS <= 24, "a bit for each port");

/// One qube.
pub(crate) struct Qube<'a, G: GuestMemory> {
    pub(crate) facts: image::Qube<'a>,
    pub(crate) life: Life,
    pub(crate) generation: Generation,
    /// Until when it waits or backs off.
    pub(crate) deadline: Ticks,
    /// Wake bits that arrived while it was not waiting.
    pub(crate) pending: u8,
    pub(crate) chores: Chores,
    /// The port that was pulled last.
    pub(crate) pulled: u32,
    /// Endpoint of each port.
    pub(crate) endpoints: [u8; MAX_PORTS],
    /// The same by the number of the port's transmit queue.
    pub(crate) transmits: [u8; QUEUES],
    pub(crate) console: Registers,
    pub(crate) entropy: Registers,
    pub(crate) control_rx: Queue<G::Window>,
    pub(crate) control_tx: Queue<G::Window>,
    pub(crate) entropy_queue: Queue<G::Window>,
    pub(crate) exits: u64,
    /// Messages that its ends had received and sent when the current life began.
    pub(crate) carried_before: (u64, u64),
    pub(crate) refused: u64,
    pub(crate) last_end: Option<EndReason>,
    /// When the current life began.
    pub(crate) born: Ticks,
    /// Lives in a row that ended early; the delay before the next one doubles with each.
    pub(crate) failures: u32,
    /// It has said that it is set up.
    pub(crate) ready: bool,
}

impl<'a, G: GuestMemory> Qube<'a, G> {
    /// The qube that is not there.
    pub(crate) const NOBODY: Self = Self::with(image::Qube::NOBODY, Life::Nobody);

    pub(crate) fn new(facts: image::Qube<'a>) -> Self {
        Self::with(facts, Life::Rebuilding)
    }

    const fn with(facts: image::Qube<'a>, life: Life) -> Self {
        Self {
            life,
            generation: Generation::NONE,
            deadline: Ticks::NEVER,
            pending: 0,
            chores: Chores(0),
            pulled: 0,
            endpoints: [NO_ENDPOINT; MAX_PORTS],
            transmits: [NO_ENDPOINT; QUEUES],
            console: Registers::new(DeviceKind::Console { ports: facts.port_count }),
            entropy: Registers::new(DeviceKind::Entropy),
            control_rx: Queue::Off,
            control_tx: Queue::Off,
            entropy_queue: Queue::Off,
            exits: 0,
            carried_before: (0, 0),
            refused: 0,
            last_end: None,
            born: Ticks(0),
            failures: 0,
            ready: false,
            facts,
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
pub(crate) fn bit(qube: QubeIndex) -> u32 {
    1 << (qube.get() & 31)
}
