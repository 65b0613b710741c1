//! `ScriptPort`: one end of a channel whose other end, and whose supervisor, do what the bytes of an input say.
//!
//! It keeps to the contract of `Port` and to nothing else: frames that are none, replies to calls never made, new lives at
//! any moment, floods. It writes down all that was sent and delivered, for the oracle to hold against what came of it.

use std::cell::Cell;
use std::collections::VecDeque;

use ipc_proto_rpc::{Port, PortFacts, PortState, SendError, Ticks};
use ipc_proto_types::{Generation, Kind, Label, PortIndex, QubeName, Role};
use ipc_proto_wire::{HEADER_SIZE, Header, Method, Service};
use tests_conformance::reference::Chance;

use crate::input::Input;
use crate::message::{KINDS, shape_of};

/// Operations on the port that an input may cost, for each of its bytes; over this something does not come to an end.
const STEPS_PER_BYTE: u64 = 20_000;

/// A frame that passed the port.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    /// Life of the peer when it did.
    pub(crate) life: Generation,
    pub(crate) bytes: Vec<u8>,
}

/// The port.
pub(crate) struct ScriptPort<'i> {
    pub(crate) input: Input<'i>,
    service: Service,
    role: Role,
    state: PortState,
    life: Generation,
    /// A new life that we have not acknowledged: a port that closes meanwhile does not lose the news.
    news: bool,
    arrived: VecDeque<Vec<u8>>,
    /// Frames that fit before the port says `Full`.
    room: usize,
    now: Cell<u64>,
    steps: Cell<u64>,
    /// All that we sent, oldest first.
    pub(crate) sent: Vec<Passed>,
    /// All that we took in, oldest first.
    pub(crate) taken: Vec<Passed>,
}

impl<'i> ScriptPort<'i> {
    pub(crate) fn new(service: Service, role: Role, input: &'i [u8]) -> Self {
        let steps = STEPS_PER_BYTE * (input.len() as u64 + 8);
        ScriptPort {
            input: Input::new(input),
            service,
            role,
            state: PortState::Open,
            life: Generation(1),
            news: false,
            arrived: VecDeque::new(),
            room: 8,
            now: Cell::new(1000),
            steps: Cell::new(steps),
            sent: Vec::new(),
            taken: Vec::new(),
        }
    }

    pub(crate) fn life(&self) -> Generation {
        self.life
    }

    /// Counts an operation: what loops for ever meets the end of the count.
    fn step(&self) {
        let left = self.steps.get();
        assert!(left > 0, "it does not come to an end");
        self.steps.set(left - 1);
    }

    /// One thing that the rest of the world does.
    pub(crate) fn happen(&mut self) {
        match self.input.byte() % 16 {
            0..=5 => self.arrive(),
            6 => {
                let copies = 1 + usize::from(self.input.byte() % 40);
                self.arrive();
                if let Some(frame) = self.arrived.back().cloned() {
                    (0..copies).for_each(|_| self.arrived.push_back(frame.clone()));
                }
            }
            7 => self.restart(),
            8 => self.state = PortState::Closed,
            9 if self.state == PortState::Closed => {
                self.state = if self.news { PortState::Restarted } else { PortState::Open };
            }
            10 => self.room = usize::from(self.input.byte() % 9),
            11 => self.now.set(self.now.get().saturating_add(self.input.number())),
            _ => {
                self.room = 8;
                self.arrive();
            }
        }
    }

    fn restart(&mut self) {
        self.arrived.clear();
        self.life = self.life.next();
        self.state = PortState::Restarted;
        self.news = true;
    }

    /// A frame comes in: right, nearly right or noise.
    fn arrive(&mut self) {
        let last =
            self.sent.last().and_then(|passed| Header::parse(&passed.bytes).ok()).map(|(header, _)| header);
        let how = self.input.byte();
        let (mut kind, mut method, mut correlation) = match (self.role, last) {
            (Role::Client, Some(call)) => (Kind::Reply, call.method, call.correlation),
            (Role::Client, None) => (Kind::Reply, 0, 1),
            (Role::Server, _) => (Kind::Call, u16::from(self.input.byte()), u64::from(self.input.byte()) + 1),
        };
        let count = self.service.methods.len().max(1);
        if self.role == Role::Server {
            method %= u16::try_from(count).unwrap_or(1);
        }
        if how & 1 != 0 {
            kind = self.input.pick(&KINDS);
        }
        if how & 2 != 0 {
            method = u16::from(self.input.byte());
        }
        if how & 4 != 0 {
            correlation = correlation.wrapping_add(self.input.number()).wrapping_sub(8);
        }
        if kind == Kind::Event {
            correlation = 0;
        }
        let body = self.body(how, kind, method);
        let schema = self.service.id;
        let length = u32::try_from(body.len()).unwrap_or(0);
        let header = Header { schema, method, kind, correlation, length };
        let mut frame = [header.to_bytes().as_slice(), &body].concat();
        if how & 0x10 != 0 {
            let at = usize::from(self.input.byte());
            let bits = self.input.byte();
            if let Some(byte) = frame.get_mut(at) {
                *byte ^= bits;
            }
        }
        if how & 0x20 != 0 {
            frame.truncate(usize::from(self.input.byte()));
        }
        self.arrived.push_back(frame);
    }

    /// A body: what the schema wants there, or what the input says.
    fn body(&mut self, how: u8, kind: Kind, method: u16) -> Vec<u8> {
        if how & 8 != 0 {
            return self.input.counted().to_vec();
        }
        match shape_of(&self.service, self.role.peer(), kind, method) {
            Some(crate::message::Sent::Shape(shape)) => {
                Chance::new(u64::from(self.input.u16())).encoding(shape)
            }
            _ => vec![self.input.byte()],
        }
    }

    /// The method of this number.
    pub(crate) fn method(&self, method: u16) -> Option<&'static Method> {
        self.service.methods.get(usize::from(method))
    }
}

impl Port for ScriptPort<'_> {
    fn index(&self) -> PortIndex {
        PortIndex::new(1).expect("1 is below the limit")
    }

    fn facts(&self) -> PortFacts {
        self.step();
        PortFacts {
            state: self.state,
            role: self.role,
            peer_generation: self.life,
            schema: self.service.id,
            message_max: self.service.message_max,
            peer_label: Label::Untrusted,
            peer_name: QubeName::new("mallory").expect("a legal name"),
            service: QubeName::new("service").expect("a legal name"),
        }
    }

    fn acknowledge(&mut self) {
        self.step();
        if self.state == PortState::Restarted {
            self.state = PortState::Open;
            self.news = false;
        }
        self.arrived.clear();
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
        self.step();
        match self.state {
            PortState::Closed => Err(SendError::Closed),
            PortState::Restarted => Err(SendError::Restarted),
            PortState::Open if frame.len() > HEADER_SIZE + self.service.message_max as usize => {
                Err(SendError::TooLarge)
            }
            PortState::Open if self.room == 0 => Err(SendError::Full),
            PortState::Open => {
                self.room -= 1;
                self.sent.push(Passed { life: self.life, bytes: frame.to_vec() });
                Ok(())
            }
        }
    }

    /// Makes no room: whether the peer has read is for the script to say, so a reply may stay unsent over a restart.
    fn flush(&mut self) {
        self.step();
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        self.step();
        loop {
            let frame = self.arrived.pop_front()?;
            if let Some(to) = into.get_mut(..frame.len()) {
                to.copy_from_slice(&frame);
                let length = frame.len();
                self.taken.push(Passed { life: self.life, bytes: frame });
                return Some(length);
            }
        }
    }

    fn wait(&mut self, deadline: Option<Ticks>) {
        self.step();
        self.room = 8;
        if self.input.is_empty() {
            let deadline = deadline.expect("nothing will ever end this sleep");
            self.now.set(self.now.get().max(deadline.0));
            return;
        }
        self.happen();
    }

    fn now(&self) -> Ticks {
        self.step();
        self.now.set(self.now.get().saturating_add(1));
        Ticks(self.now.get())
    }

    fn ticks_per_second(&self) -> u64 {
        1_000_000
    }
}
