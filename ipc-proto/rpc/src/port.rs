//! `Port`: one end of a channel, as a platform offers it.

use ipc_proto_types::{Generation, Label, PortIndex, QubeName, Role, SchemaId};

/// Absolute time in ticks of the time stamp counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticks(pub u64);

impl Ticks {
    /// This time plus so many ticks; stays at the end of time instead of starting over.
    #[must_use]
    pub const fn after(self, ticks: u64) -> Self {
        Self(self.0.saturating_add(ticks))
    }
}

/// Whether a port carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortState {
    /// The peer's end is closed.
    Closed,
    /// Both ends are open.
    Open,
    /// The peer has a new life we have not acknowledged; nothing passes until we do.
    Restarted,
}

/// What the supervisor says of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortFacts {
    /// Whether it carries messages.
    pub state: PortState,
    /// Which end we are.
    pub role: Role,
    /// Life of the peer.
    pub peer_generation: Generation,
    /// Schema the channel is bound to.
    pub schema: SchemaId,
    /// Longest body in bytes.
    pub message_max: u32,
    /// How far the peer is trusted.
    pub peer_label: Label,
    /// The peer's name.
    pub peer_name: QubeName,
    /// The service's name.
    pub service: QubeName,
}

/// Who sent a message: taken from the queue it came in on, never from its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Our port it came in on.
    pub port: PortIndex,
    /// The sender's life.
    pub generation: Generation,
}

/// Why a frame was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendError {
    /// No free buffer; try again after a wait.
    Full,
    /// Longer than the channel carries.
    TooLarge,
    /// The channel is closed.
    Closed,
    /// The peer has a new life we have not acknowledged.
    Restarted,
}

/// One end of a channel.
pub trait Port {
    /// Number of the port in this qube.
    fn index(&self) -> PortIndex;

    /// What the supervisor says of it. Read from a page; costs no exit.
    fn facts(&self) -> PortFacts;

    /// Accepts the peer's new life and drops what was received from the old one. Costs one exit.
    fn acknowledge(&mut self);

    /// Leaves nothing of what the peer's life that is over said and heard, as far as it is in memory of this end. To be called when
    /// the channel is not open; costs no exit. An end that keeps no copies has nothing to do.
    fn forget(&mut self) {}

    /// Queues a frame. The peer hears of it at the next `wait` or `flush`.
    ///
    /// # Errors
    /// Nothing is queued then; says why.
    fn send(&mut self, frame: &[u8]) -> Result<(), SendError>;

    /// Tells the supervisor of what was queued.
    fn flush(&mut self);

    /// Takes one message, at most `into.len()` bytes, and gives its length; `None` when there is none. Costs no exit.
    /// A message that does not fit is dropped.
    fn receive(&mut self, into: &mut [u8]) -> Option<usize>;

    /// Flushes all ports and sleeps until anything moved or the deadline passed.
    fn wait(&mut self, deadline: Option<Ticks>);

    /// The time.
    fn now(&self) -> Ticks;

    /// Ticks in a second.
    fn ticks_per_second(&self) -> u64;
}

impl<P: Port + ?Sized> Port for &mut P {
    fn index(&self) -> PortIndex {
        (**self).index()
    }

    fn facts(&self) -> PortFacts {
        (**self).facts()
    }

    fn acknowledge(&mut self) {
        (**self).acknowledge();
    }

    fn forget(&mut self) {
        (**self).forget();
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
        (**self).send(frame)
    }

    fn flush(&mut self) {
        (**self).flush();
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        (**self).receive(into)
    }

    fn wait(&mut self, deadline: Option<Ticks>) {
        (**self).wait(deadline);
    }

    fn now(&self) -> Ticks {
        (**self).now()
    }

    fn ticks_per_second(&self) -> u64 {
        (**self).ticks_per_second()
    }
}
