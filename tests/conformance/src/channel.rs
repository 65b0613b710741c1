//! An in-memory channel: two ports, a clock, and a script for what happens while one of them sleeps.
//!
//! Stricter than the real thing: nothing arrives before a flush, a sleep that nothing can end is a panic, and every look
//! at the clock costs a tick, so a loop that never sleeps still meets its deadline.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use ipc_proto_rpc::{Port, PortFacts, PortState, SendError, Ticks};
use ipc_proto_types::{Generation, Kind, Label, PortIndex, QubeName, Role, SchemaId};
use ipc_proto_wire::Header;

/// Ticks in a second of the fake clock.
pub const TICKS_PER_SECOND: u64 = 1_000_000;

/// What both ends see.
pub struct Shared {
    /// The time.
    pub now: u64,
    /// Schema of the channel.
    pub schema: SchemaId,
    /// Longest body.
    pub message_max: u32,
    /// Most frames on the way in one direction.
    pub depth: usize,
    /// The client's end.
    pub client: End,
    /// The server's end.
    pub server: End,
}

/// One end.
#[derive(Debug)]
pub struct End {
    /// What this end knows of the channel.
    pub state: PortState,
    /// Life of the peer.
    pub peer_generation: Generation,
    /// Frames that have arrived here.
    pub arrived: VecDeque<Vec<u8>>,
    /// Frames queued here and not flushed.
    pub queued: VecDeque<Vec<u8>>,
    /// How often this end acknowledged a new life.
    pub acknowledged: usize,
    /// How often it slept.
    pub slept: usize,
}

impl End {
    fn new() -> Self {
        Self {
            state: PortState::Open,
            peer_generation: Generation(1),
            arrived: VecDeque::new(),
            queued: VecDeque::new(),
            acknowledged: 0,
            slept: 0,
        }
    }
}

impl Shared {
    fn end(&mut self, role: Role) -> &mut End {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    fn flush(&mut self, from: Role) {
        let depth = self.depth;
        let mut queued = std::mem::take(&mut self.end(from).queued);
        let to = self.end(from.peer());
        while to.arrived.len() < depth {
            let Some(frame) = queued.pop_front() else { break };
            to.arrived.push_back(frame);
        }
        self.end(from).queued = queued;
    }

    /// Gives the peer of `role` a new life: what is on its way dies.
    pub fn restart_peer_of(&mut self, role: Role) {
        let peer = self.end(role.peer());
        peer.arrived.clear();
        peer.queued.clear();
        let end = self.end(role);
        end.state = PortState::Restarted;
        end.peer_generation = end.peer_generation.next();
        end.queued.clear();
    }
}

/// Both ends, for the script of a test.
pub type Handle = Rc<RefCell<Shared>>;

/// A frame of this schema.
///
/// # Panics
/// The body is longer than a length can say.
#[must_use]
pub fn frame(schema: SchemaId, kind: Kind, method: u16, correlation: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a test body is short");
    let header = Header { schema, method, kind, correlation, length };
    [header.to_bytes().as_slice(), body].concat()
}

/// One port of the channel.
pub struct FakePort {
    role: Role,
    shared: Handle,
    asleep: Option<Box<dyn FnMut()>>,
}

/// A channel with an open port at either end: the client's, the server's, and what both see.
#[must_use]
pub fn channel(schema: SchemaId) -> (FakePort, FakePort, Handle) {
    let (client, server) = (End::new(), End::new());
    let shared = Shared { now: 1000, schema, message_max: 4096, depth: 8, client, server };
    let shared = Rc::new(RefCell::new(shared));
    let port = |role| FakePort { role, shared: shared.clone(), asleep: None };
    (port(Role::Client), port(Role::Server), shared)
}

impl FakePort {
    /// Runs `script` whenever this port sleeps, after its flush: the rest of the world.
    #[must_use]
    pub fn while_asleep(mut self, script: impl FnMut() + 'static) -> Self {
        self.asleep = Some(Box::new(script));
        self
    }

    /// What would wake this port: messages that arrived, and the state of the channel.
    fn awaited(&self) -> (usize, PortState) {
        let mut shared = self.shared.borrow_mut();
        let end = shared.end(self.role);
        (end.arrived.len(), end.state)
    }
}

impl Port for FakePort {
    fn index(&self) -> PortIndex {
        PortIndex::new(3).expect("3 is below the limit")
    }

    fn facts(&self) -> PortFacts {
        let mut shared = self.shared.borrow_mut();
        let (schema, message_max) = (shared.schema, shared.message_max);
        let end = shared.end(self.role);
        PortFacts {
            state: end.state,
            role: self.role,
            peer_generation: end.peer_generation,
            schema,
            message_max,
            peer_label: Label::Work,
            peer_name: QubeName::new("peer").expect("a legal name"),
            service: QubeName::new("service").expect("a legal name"),
        }
    }

    fn acknowledge(&mut self) {
        let mut shared = self.shared.borrow_mut();
        let end = shared.end(self.role);
        assert_eq!(end.state, PortState::Restarted, "there is nothing to acknowledge");
        end.state = PortState::Open;
        end.arrived.clear();
        end.acknowledged += 1;
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
        let mut shared = self.shared.borrow_mut();
        let (depth, limit) = (shared.depth, shared.message_max as usize + 32);
        let end = shared.end(self.role);
        match end.state {
            PortState::Closed => Err(SendError::Closed),
            PortState::Restarted => Err(SendError::Restarted),
            PortState::Open if frame.len() > limit => Err(SendError::TooLarge),
            PortState::Open if end.queued.len() >= depth => Err(SendError::Full),
            PortState::Open => {
                end.queued.push_back(frame.to_vec());
                Ok(())
            }
        }
    }

    fn flush(&mut self) {
        self.shared.borrow_mut().flush(self.role);
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        let mut shared = self.shared.borrow_mut();
        loop {
            let frame = shared.end(self.role).arrived.pop_front()?;
            if let Some(to) = into.get_mut(..frame.len()) {
                to.copy_from_slice(&frame);
                return Some(frame.len());
            }
        }
    }

    fn wait(&mut self, deadline: Option<Ticks>) {
        self.flush();
        self.shared.borrow_mut().end(self.role).slept += 1;
        let before = self.awaited();
        if let Some(script) = &mut self.asleep {
            script();
        }
        if self.awaited() == before && before.0 == 0 {
            let deadline = deadline.expect("nothing will ever end this sleep");
            let mut shared = self.shared.borrow_mut();
            shared.now = shared.now.max(deadline.0);
        }
    }

    fn now(&self) -> Ticks {
        let mut shared = self.shared.borrow_mut();
        shared.now += 1;
        Ticks(shared.now)
    }

    fn ticks_per_second(&self) -> u64 {
        TICKS_PER_SECOND
    }
}
