//! A well-behaved driver of the console device, as `unikernels/rt` has one: handshake, ports, one exit for a call and one
//! for serving it. It only touches memory; the exits it wants are handed to whoever plays the qube.

use std::collections::VecDeque;

use ipc_proto_rpc::{PortFacts, PortState, SendError};
use ipc_proto_types::{Generation, Label, PortIndex, QubeName, Role, SchemaId};
use supervisor_monitor::{Page, page_offset as at};
use supervisor_vcpu::{Exit, Ticks};
use supervisor_virtio::control::{Event, LEN, Message};
use supervisor_virtio::offset;

use crate::cpu::Cpu;
use crate::ring::{Arena, Ring, register};

const CONTROL_RECEIVE: u16 = 2;
const CONTROL_TRANSMIT: u16 = 3;
const CONTROL_DEPTH: u16 = 64;
const CONTROL_BYTES: u32 = 64;
/// Bytes of a frame before its body.
const HEADER_BYTES: u32 = 32;

/// ACKNOWLEDGE, DRIVER, then with FEATURES_OK, then with DRIVER_OK.
const STATUS: [u32; 3] = [3, 11, 15];
/// MULTIPORT, and VERSION_1 in the upper half.
const FEATURES: [u32; 2] = [2, 1];

/// The queues of one port.
#[derive(Clone, Debug)]
pub struct PortRings {
    /// What comes in.
    pub rx: Ring,
    /// What goes out.
    pub tx: Ring,
    /// While set, emptied buffers are not given back.
    pub starves: bool,
}

/// The driver.
#[derive(Debug)]
pub struct Driver {
    /// What the device announces.
    pub control_rx: Ring,
    /// What the driver says.
    pub control_tx: Ring,
    /// By port number.
    pub ports: Vec<PortRings>,
    /// Memory that no queue uses.
    pub arena: Arena,
    exits: VecDeque<Exit>,
    /// Queues the device has yet to hear of; the last became so last.
    dirty: Vec<u16>,
}

impl Driver {
    /// Sets up all queues in memory, and wants the exits that tell the device and open every port.
    pub fn new(cpu: &mut Cpu<'_>) -> Self {
        let mut arena =
            Arena::new(cpu.page_u64(Page::Info, at::ARENA_START), cpu.page_u64(Page::Info, at::ARENA_END));
        let mut driver = Self {
            control_rx: Ring::new(cpu.ram(), &mut arena, CONTROL_RECEIVE, CONTROL_DEPTH, CONTROL_BYTES),
            control_tx: Ring::new(cpu.ram(), &mut arena, CONTROL_TRANSMIT, CONTROL_DEPTH, CONTROL_BYTES),
            ports: Vec::new(),
            arena,
            exits: VecDeque::new(),
            dirty: Vec::new(),
        };
        for port in 0..cpu.page::<1>(Page::Info, at::PORT_COUNT)[0] {
            driver.add_port(cpu, port);
        }
        driver.control_rx.post_all(cpu.ram());
        driver.shake_hands(cpu);
        driver
    }

    fn add_port(&mut self, cpu: &mut Cpu<'_>, port: u8) {
        let entry = entry(port);
        let depth = u16::from_le_bytes(cpu.page(Page::Info, entry + 12));
        let each = cpu.page_u32(Page::Info, entry + 8) + HEADER_BYTES;
        let number = if port == 0 { 0 } else { 2 * u16::from(port) + 2 };
        let rx = Ring::new(cpu.ram(), &mut self.arena, number, depth, each);
        let tx = Ring::new(cpu.ram(), &mut self.arena, number + 1, depth, each);
        self.ports.push(PortRings { rx, tx, starves: false });
    }

    /// The register writes that reset the device and agree on features.
    #[must_use]
    pub fn negotiation() -> Vec<Exit> {
        let mut writes = vec![(offset::STATUS, 0), (offset::STATUS, STATUS[0])];
        for (half, features) in (0..).zip(FEATURES) {
            writes.extend([(offset::DRIVER_FEATURES_SEL, half), (offset::DRIVER_FEATURES, features)]);
        }
        writes.push((offset::STATUS, STATUS[1]));
        writes.into_iter().map(|(at, value)| register(0, at, value)).collect()
    }

    /// Status, features, queues, then the control messages (VIRTIO 1.2, 3.1.1 and 5.3.5).
    fn shake_hands(&mut self, cpu: &mut Cpu<'_>) {
        self.exits.extend(Self::negotiation());
        for ring in [&self.control_rx, &self.control_tx] {
            self.exits.extend(ring.registers(0));
        }
        for port in &mut self.ports {
            port.rx.post_all(cpu.ram());
            self.exits.extend(port.rx.registers(0));
            self.exits.extend(port.tx.registers(0));
        }
        self.exits.push_back(register(0, offset::STATUS, STATUS[2]));
        self.say(cpu, 0, Event::DeviceReady, 1);
        for port in 0..self.ports.len() {
            self.say(cpu, port, Event::PortReady, 1);
            self.say(cpu, port, Event::PortOpen, 1);
        }
    }

    /// Says something about a port on the control queue.
    pub fn say(&mut self, cpu: &mut Cpu<'_>, port: usize, event: Event, value: u16) {
        let message = Message { port: u32::try_from(port).unwrap_or(u32::MAX), event, value }.to_bytes();
        self.say_bytes(cpu, &message[..LEN]);
    }

    /// Says anything on the control queue.
    ///
    /// # Panics
    /// When more is said at once than the queue holds.
    pub fn say_bytes(&mut self, cpu: &mut Cpu<'_>, message: &[u8]) {
        while self.control_tx.take(cpu.ram).is_some() {}
        assert!(self.control_tx.send(cpu.ram(), message), "the control queue is full");
        self.exits.push_back(Exit::Notify { queue: CONTROL_TRANSMIT.into() });
    }

    /// Wants this exit, after those it wants already.
    pub fn want(&mut self, exit: Exit) {
        self.exits.push_back(exit);
    }

    /// The next exit it wants, if any.
    pub fn next_exit(&mut self) -> Option<Exit> {
        self.exits.pop_front()
    }

    /// What the info page says of a port.
    ///
    /// # Panics
    /// When it says something that makes no sense.
    #[must_use]
    pub fn facts(&self, cpu: &Cpu<'_>, port: usize) -> PortFacts {
        let (entry, pages) = (entry(port), cpu.pages);
        let name = |at| QubeName::from_padded(&pages.read(Page::Info, entry + at)).expect("a name");
        let number = |at| u32::from_le_bytes(pages.read(Page::Info, entry + at));
        let [state, role, label, pad] = pages.read(Page::Info, entry);
        assert_eq!(pad, 0);
        PortFacts {
            state: match state {
                0 => PortState::Closed,
                1 => PortState::Open,
                2 => PortState::Restarted,
                other => panic!("port {port} is in state {other}"),
            },
            role: Role::from_u8(role).expect("a role"),
            peer_generation: Generation(number(4)),
            schema: SchemaId(pages.read(Page::Info, entry + 16)),
            message_max: number(8),
            peer_label: Label::from_u8(label).expect("a label"),
            peer_name: name(48),
            service: name(32),
        }
    }

    /// Whether a port carries messages.
    #[must_use]
    pub fn state(&self, cpu: &Cpu<'_>, port: usize) -> PortState {
        self.facts(cpu, port).state
    }

    /// Queues a frame on an open port; the device hears of it at the next wait.
    ///
    /// # Errors
    /// Nothing was queued.
    pub fn send(&mut self, cpu: &mut Cpu<'_>, port: usize, frame: &[u8]) -> Result<(), SendError> {
        match self.state(cpu, port) {
            PortState::Open => self.send_anyway(cpu, port, frame),
            PortState::Closed => Err(SendError::Closed),
            PortState::Restarted => Err(SendError::Restarted),
        }
    }

    /// Queues a frame, whatever the state of the port.
    ///
    /// # Errors
    /// Nothing was queued: too large, or no room.
    pub fn send_anyway(&mut self, cpu: &mut Cpu<'_>, port: usize, frame: &[u8]) -> Result<(), SendError> {
        let tx = &mut self.ports[port].tx;
        if frame.len() > tx.each as usize {
            return Err(SendError::TooLarge);
        }
        while tx.take(cpu.ram).is_some() {}
        if !tx.send(cpu.ram(), frame) {
            return Err(SendError::Full);
        }
        let number = tx.number;
        self.dirty.retain(|queue| *queue != number);
        self.dirty.push(number);
        Ok(())
    }

    /// Takes one message that has arrived.
    pub fn receive(&mut self, cpu: &mut Cpu<'_>, port: usize) -> Option<Vec<u8>> {
        let PortRings { rx, starves, .. } = &mut self.ports[port];
        let (slot, len) = rx.take(cpu.ram)?;
        let message = cpu.ram.read(rx.buffer(slot), len as usize).expect("buffers are in the arena");
        if !*starves {
            rx.post_all(cpu.ram());
        }
        Some(message)
    }

    /// Accepts the peer's new life: drops what the old one sent, opens our end anew.
    pub fn acknowledge(&mut self, cpu: &mut Cpu<'_>, port: usize) {
        while self.receive(cpu, port).is_some() {}
        self.say(cpu, port, Event::PortOpen, 1);
    }

    /// Wants the device to hear of what is queued, on one port or on all.
    pub fn flush(&mut self, port: Option<usize>) {
        let number = port.map(|port| self.ports[port].tx.number);
        let (now, later) =
            self.dirty.drain(..).partition(|queue| number.is_none_or(|number| number == *queue));
        self.dirty = later;
        let now: Vec<u16> = now;
        self.exits.extend(now.into_iter().map(|queue| Exit::Notify { queue: queue.into() }));
    }

    /// Tells the device nothing of what is queued so far; it finds out when it next looks.
    pub fn keep_quiet(&mut self) {
        self.dirty.clear();
    }

    /// The next exit on the way to sleep until `deadline`: what is wanted, what is dirty, the wait itself. Every turn of an
    /// ordinary guest ends with it.
    pub fn wait(&mut self, cpu: &mut Cpu<'_>, deadline: Ticks) -> Exit {
        while self.control_rx.take(cpu.ram).is_some() {}
        self.control_rx.post_all(cpu.ram());
        let last = self.dirty.pop();
        self.flush(None);
        self.exits.push_back(match last {
            Some(queue) => Exit::NotifyAndWait { queue: queue.into(), deadline },
            None => Exit::Wait { deadline },
        });
        self.exits.pop_front().expect("just pushed")
    }
}

/// Offset of a port's entry in the info page.
fn entry(port: impl TryInto<u16>) -> u16 {
    let port = port.try_into().unwrap_or_default();
    at::PORTS + at::PORT_BYTES * port
}

/// A port, for the code of a server that never blocks: what it flushes goes out after it has returned.
pub struct ServerPort<'d, 'c> {
    driver: &'d mut Driver,
    cpu: &'d mut Cpu<'c>,
    port: usize,
}

impl<'d, 'c> ServerPort<'d, 'c> {
    /// Port `port` of the qube that `cpu` plays.
    pub fn new(driver: &'d mut Driver, cpu: &'d mut Cpu<'c>, port: usize) -> Self {
        Self { driver, cpu, port }
    }
}

impl ipc_proto_rpc::Port for ServerPort<'_, '_> {
    fn index(&self) -> PortIndex {
        PortIndex::new(u8::try_from(self.port).expect("a port")).expect("a port")
    }

    fn facts(&self) -> PortFacts {
        self.driver.facts(self.cpu, self.port)
    }

    fn acknowledge(&mut self) {
        self.driver.acknowledge(self.cpu, self.port);
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
        self.driver.send(self.cpu, self.port, frame)
    }

    fn flush(&mut self) {
        self.driver.flush(Some(self.port));
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        let message = self.driver.receive(self.cpu, self.port)?;
        into[..message.len()].copy_from_slice(&message);
        Some(message.len())
    }

    fn wait(&mut self, _: Option<ipc_proto_rpc::Ticks>) {
        unreachable!("a server does not block");
    }

    fn now(&self) -> ipc_proto_rpc::Ticks {
        ipc_proto_rpc::Ticks(self.cpu.now())
    }

    fn ticks_per_second(&self) -> u64 {
        self.cpu.page_u64(Page::Info, at::TSC_HZ)
    }
}
