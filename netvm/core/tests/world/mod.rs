//! A small world: our stack, a wire that loses, repeats and reorders, and a host at its other end. Time is an argument.

#![allow(dead_code, reason = "each test uses part of it")]
#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use ipc_proto_net_api::{Address, InPlace, NetError, StreamId};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Generation, Label, PortIndex, QubeName};
use netvm_core::{Config, Fixed, Quota, Stack};
use netvm_firewall::{Now, Rules, Source};
use smoltcp::iface::{Config as InterfaceConfig, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};
use unikernels_sdk::Csprng;

pub(crate) const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
pub(crate) const THEIRS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
pub(crate) const OURS_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x15);
pub(crate) const THEIRS_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
pub(crate) const OUR_HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const THEIR_HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 2];
/// Seconds since 1970 when a world begins.
pub(crate) const BEGIN_S: u64 = 1_800_000_000;

/// Random numbers of a test (splitmix64).
#[derive(Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// To how many frames in a hundred a wire does what: one that is reordered comes up to 20 ms later.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) repeated: u64,
    pub(crate) reordered: u64,
}

/// One direction of a wire.
pub(crate) type Lane = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// What gets every frame of ours and gives frames to us.
pub(crate) type Tap = Box<dyn FnMut(&[u8]) -> Vec<Vec<u8>>>;

/// One end of a wire.
pub(crate) struct Card {
    pub(crate) incoming: Lane,
    pub(crate) outgoing: Lane,
}

pub(crate) struct Received(Vec<u8>);
pub(crate) struct Sending(Lane);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sending {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        self.0.borrow_mut().push_back(frame);
        result
    }
}

impl Device for Card {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending)> {
        let frame = self.incoming.borrow_mut().pop_front()?;
        Some((Received(frame), Sending(self.outgoing.clone())))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending> {
        Some(Sending(self.outgoing.clone()))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// The host at the other end: a stack of the library with a few sockets.
pub(crate) struct Host {
    card: Card,
    pub(crate) interface: Interface,
    pub(crate) sockets: SocketSet<'static>,
}

impl Host {
    fn new(incoming: Lane, outgoing: Lane) -> Self {
        let mut card = Card { incoming, outgoing };
        let mut config = InterfaceConfig::new(HardwareAddress::Ethernet(EthernetAddress(THEIR_HARDWARE)));
        config.random_seed = 7;
        let mut interface = Interface::new(config, &mut card, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(THEIRS.into(), 24)).unwrap();
            addresses.push(IpCidr::new(THEIRS_V6.into(), 64)).unwrap();
            addresses
                .push(IpCidr::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 2).into(), 64))
                .unwrap();
        });
        Self { card, interface, sockets: SocketSet::new(vec![]) }
    }

    fn poll(&mut self, ms: u64) {
        self.interface.poll(instant(ms), &mut self.card, &mut self.sockets);
    }

    /// Listens at a port with so many sockets.
    pub(crate) fn listen(&mut self, port: u16, count: usize) -> Vec<SocketHandle> {
        let buffer = || tcp::SocketBuffer::new(vec![0; 8192]);
        (0..count)
            .map(|_| {
                let mut socket = tcp::Socket::new(buffer(), buffer());
                socket.listen(port).unwrap();
                self.sockets.add(socket)
            })
            .collect()
    }

    pub(crate) fn connect(&mut self, to: (IpAddr, u16), from: u16) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 8192]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.connect(self.interface.context(), to, from).unwrap();
        self.sockets.add(socket)
    }

    pub(crate) fn bind(&mut self, port: u16) -> SocketHandle {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 64], vec![0; 65536]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).unwrap();
        self.sockets.add(socket)
    }

    pub(crate) fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    pub(crate) fn udp(&mut self, handle: SocketHandle) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(handle)
    }
}

fn instant(ms: u64) -> Instant {
    Instant::from_millis(i64::try_from(ms).unwrap())
}

/// Everything.
pub(crate) struct World {
    pub(crate) stack: Stack<Card>,
    pub(crate) host: Host,
    pub(crate) ms: u64,
    faults: Faults,
    /// How many frames the wire lost, repeated or moved.
    pub(crate) harmed: u64,
    random: Random,
    out: Way,
    back: Way,
    /// From our stack to the wire, and from the wire to our stack.
    from_us: Lane,
    to_us: Lane,
    /// From the host to the wire, and from the wire to the host.
    from_them: Lane,
    to_them: Lane,
    /// Every frame that our stack sent.
    pub(crate) sent: Vec<Vec<u8>>,
    /// What is done to each frame of ours beside sending it; frames it gives come to us.
    pub(crate) tap: Tap,
}

/// A network with fixed addresses of both versions, whose host is asked for names.
pub(crate) fn fixed() -> Config {
    Config {
        hardware: OUR_HARDWARE,
        fixed: Some(Fixed { address: OURS, prefix: 24, router: Some(THEIRS) }),
        resolvers: vec![THEIRS.into()],
        addresses_v6: vec![(OURS_V6, 64)],
    }
}

pub(crate) fn small_quota() -> Quota {
    Quota { stream_bytes: 4096, send_bytes: 4096, wide: 0, ..Quota::USUAL }
}

impl World {
    pub(crate) fn new(config: &Config, quota: Quota, seed: u64) -> Self {
        let [from_us, to_us, from_them, to_them] = [(); 4].map(|()| Lane::default());
        let card = Card { incoming: to_us.clone(), outgoing: from_us.clone() };
        let now = Now { ms: 0, unix_s: BEGIN_S };
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut stack = Stack::new(card, config, quota, Csprng::new(key), now);
        for (number, (name, label)) in (0..).zip([("alice", Label::Work), ("bob", Label::Untrusted)]) {
            stack.admit(port(number), Source { name: QubeName::new(name).unwrap(), label });
        }
        let host = Host::new(to_them.clone(), from_them.clone());
        let tap = Box::new(|_: &[u8]| vec![]);
        let (faults, random) = (Faults::default(), Random(seed));
        Self {
            stack,
            host,
            ms: 0,
            faults,
            harmed: 0,
            out: Way::default(),
            back: Way::default(),
            random,
            from_us,
            to_us,
            from_them,
            to_them,
            sent: vec![],
            tap,
        }
    }

    /// With rules.
    pub(crate) fn with_rules(text: &str) -> Self {
        let mut world = Self::new(&fixed(), small_quota(), 1);
        world.set_rules(text);
        world
    }

    pub(crate) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    pub(crate) fn now(&self) -> Now {
        Now { ms: self.ms, unix_s: BEGIN_S + self.ms / 1000 }
    }

    pub(crate) fn set_rules(&mut self, text: &str) {
        let rules = Rules::parse(text, &QubeName::new("netvm").unwrap()).unwrap();
        let now = self.now();
        self.stack.set_rules(rules, now);
    }

    /// A frame that somebody else puts on the wire.
    pub(crate) fn inject(&mut self, frame: Vec<u8>) {
        self.to_us.borrow_mut().push_back(frame);
    }

    /// One millisecond.
    pub(crate) fn step(&mut self) {
        self.ms += 1;
        let now = self.now();
        self.stack.turn(now);
        self.carry();
    }

    /// One millisecond of a qube that sleeps while it may: until its card has as many frames as it has patience for, or it said
    /// that it has to be woken. Says whether it was.
    pub(crate) fn doze(&mut self) -> bool {
        self.ms += 1;
        let is_full = self.to_us.borrow().len() >= self.stack.patience().into();
        let is_awake = is_full || self.stack.turn_at().is_some_and(|at_ms| at_ms <= self.ms);
        if is_awake {
            let now = self.now();
            self.stack.turn(now);
        }
        self.carry();
        is_awake
    }

    /// What is on the wire gets to the other side.
    fn carry(&mut self) {
        let frames: Vec<_> = self.from_us.borrow_mut().drain(..).collect();
        for frame in &frames {
            self.to_us.borrow_mut().extend((self.tap)(frame));
        }
        self.sent.extend(frames.iter().cloned());
        self.harmed += self.out.carry(frames, &self.to_them, self.faults, &mut self.random, self.ms);
        self.host.poll(self.ms);
        let frames = self.from_them.borrow_mut().drain(..).collect();
        self.harmed += self.back.carry(frames, &self.to_us, self.faults, &mut self.random, self.ms);
    }

    /// So many milliseconds.
    pub(crate) fn run(&mut self, ms: u64) {
        for _ in 0..ms {
            self.step();
        }
    }

    /// Steps until it gives something, for at most so many milliseconds.
    pub(crate) fn until<T>(&mut self, ms: u64, mut what: impl FnMut(&mut Self) -> Option<T>) -> T {
        let end = self.ms + ms;
        loop {
            if let Some(found) = what(self) {
                return found;
            }
            assert!(self.ms < end, "it took more than {ms} ms");
            self.step();
        }
    }

    /// Asks until the answer is another than "not yet".
    pub(crate) fn ask<T>(
        &mut self,
        ms: u64,
        mut what: impl FnMut(&mut Stack<Card>) -> Result<T, NetError>,
    ) -> Result<T, NetError> {
        self.until(ms, |world| match what(&mut world.stack) {
            Err(NetError::WouldBlock) => None,
            other => Some(other),
        })
    }

    /// Opens a stream and waits until it is open, or over.
    pub(crate) fn connect(&mut self, caller: &Caller, host: &str, port: u16) -> Result<StreamId, NetError> {
        let stream = self.stack.connect(caller, host, port)?;
        self.ask(60_000, |stack| stack.send(caller, stream, b"").map(|_| stream))
    }
}

/// One direction of the wire: frames that are late are held.
#[derive(Default)]
struct Way {
    held: Vec<(u64, Vec<u8>)>,
}

/// How late a frame can be, in milliseconds.
const LATE_MS: u64 = 20;

impl Way {
    /// Puts frames on the other side; says to how many it did something.
    fn carry(
        &mut self,
        frames: Vec<Vec<u8>>,
        to: &Lane,
        faults: Faults,
        random: &mut Random,
        ms: u64,
    ) -> u64 {
        let mut to = to.borrow_mut();
        let mut harmed = 0;
        let (due, held) = self.held.drain(..).partition::<Vec<_>, _>(|held| held.0 <= ms);
        self.held = held;
        to.extend(due.into_iter().map(|due| due.1));
        for frame in frames {
            let mut chance = |of: u64| {
                let happens = random.below(100) < of;
                harmed += u64::from(happens);
                happens
            };
            if chance(faults.lost) {
                continue;
            }
            if chance(faults.repeated) {
                to.push_back(frame.clone());
            }
            if chance(faults.reordered) {
                self.held.push((ms + 1 + random.below(LATE_MS), frame));
            } else {
                to.push_back(frame);
            }
        }
        harmed
    }
}

pub(crate) fn port(number: u8) -> PortIndex {
    PortIndex::new(number).unwrap()
}

pub(crate) const fn life(port: PortIndex, generation: u32) -> Caller {
    Caller { port, generation: Generation(generation) }
}

pub(crate) fn alice() -> Caller {
    life(port(0), 1)
}

pub(crate) fn bob() -> Caller {
    life(port(1), 1)
}

pub(crate) fn told(address: impl Into<IpAddr>) -> Address {
    Address::from(address.into())
}
