//! Two networks whose cards are joined by a cable: an 82574L and a virtio card, both simulated, with the drivers and stacks that
//! a qube has.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../../../unikernels/virtio-nic/tests/device/mod.rs"]
mod device;
#[path = "../../../unikernels/e1000e/tests/machine/mod.rs"]
mod machine;

use std::net::Ipv4Addr;

use ipc_proto_net_api::{InPlace, NetError, StreamId};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Generation, Label, PortIndex, QubeName};
use netvm_card::{Card, SECRET_BYTES, STALL_MS};
use netvm_core::{Config, Fixed, Quota, Stack};
use netvm_firewall::{Now, Rules, Source};
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;
use unikernels_nic::{FRAME_MAX, Link, Nic, NicError};
use unikernels_sdk::Csprng;

const LEFT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const RIGHT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn caller() -> Caller {
    Caller { port: port(), generation: Generation(1) }
}

fn port() -> PortIndex {
    PortIndex::new(0).unwrap()
}

fn stack<N: Nic>(mut nic: N, address: Ipv4Addr) -> Stack<Card<N>> {
    let config = Config {
        hardware: nic.mac(),
        fixed: Some(Fixed { address, prefix: 24, router: None }),
        resolvers: vec![],
        addresses_v6: vec![],
    };
    assert_eq!(nic.link(), Ok(Link::Up));
    let now = Now { ms: 0, unix_s: 1_800_000_000 };
    let seed = [address.octets()[3]; 32];
    let mut stack =
        Stack::new(Card::new(nic, &[seed[0]; SECRET_BYTES]), &config, Quota::USUAL, Csprng::new(seed), now);
    stack.admit(port(), Source { name: QubeName::new("alice").unwrap(), label: Label::Work });
    let rules = Rules::parse("net.* @anyvm netvm allow", &QubeName::new("netvm").unwrap()).unwrap();
    stack.set_rules(rules, now);
    stack
}

/// Both sides.
struct World {
    intel: machine::Machine,
    virtio: device::Machine,
    left: Stack<Card<machine::Driver>>,
    right: Stack<Card<device::Driver>>,
    ms: u64,
}

impl World {
    fn new() -> Self {
        let (intel, virtio) = (machine::Machine::new(), device::Machine::new());
        let left = stack(intel.start().unwrap(), LEFT);
        let right = stack(virtio.start().unwrap(), RIGHT);
        Self { intel, virtio, left, right, ms: 0 }
    }

    /// One turn of both, and the cable.
    fn step(&mut self) {
        self.ms += 1;
        let now = Now { ms: self.ms, unix_s: 1_800_000_000 };
        self.left.device().nic().acknowledge();
        self.left.turn(now);
        self.left.device().flush();
        self.right.turn(now);
        self.right.device().flush();
        for frame in self.intel.with(|state| std::mem::take(&mut state.sent)) {
            self.virtio.arrive(&frame);
        }
        for frame in self.virtio.with(|state| std::mem::take(&mut state.sent)) {
            self.intel.arrive(&frame);
        }
    }

    fn until<T>(&mut self, mut what: impl FnMut(&mut Self) -> Result<T, NetError>) -> T {
        for _ in 0..20_000 {
            match what(self) {
                Ok(found) => return found,
                Err(NetError::WouldBlock) => self.step(),
                Err(error) => panic!("{error:?}"),
            }
        }
        panic!("it took too long");
    }

    /// A stream from left to right.
    fn stream(&mut self) -> (StreamId, StreamId) {
        let listener = self.right.listen(&caller(), 80).unwrap();
        let ours = self.left.connect(&caller(), &RIGHT.to_string(), 80).unwrap();
        let theirs = self.until(|world| world.right.accept(&caller(), listener)).stream;
        (ours, theirs)
    }
}

#[test]
fn nothing_of_a_stream_is_left_on_either_card_when_its_client_has_ended() {
    const ASKED: &[u8] = b"what is asked for in a stream";
    const ANSWERED: &[u8] = b"the answer that comes back in it";
    let mut world = World::new();
    let (ours, theirs) = world.stream();
    let mut into = [0; 4096];
    for _ in 0..200 {
        world.left.send(&caller(), ours, ASKED).unwrap();
        let asked = world.until(|world| world.right.receive(&caller(), theirs, &mut into));
        assert_eq!(&into[..asked], ASKED);
        world.right.send(&caller(), theirs, ANSWERED).unwrap();
        let answered = world.until(|world| world.left.receive(&caller(), ours, &mut into));
        assert_eq!(&into[..answered], ANSWERED);
    }
    world.left.end(port());
    for _ in 0..100 {
        world.step();
    }
    for memory in
        [world.intel.with(|state| state.memory.clone()), world.virtio.with(|state| state.memory.clone())]
    {
        for said in [ASKED, ANSWERED] {
            assert!(!said.windows(8).any(|bytes| memchr::memmem::find(&memory, bytes).is_some()));
        }
    }
}

#[test]
fn a_mebibyte_goes_each_way_whole_over_both_drivers() {
    let mut world = World::new();
    let (ours, theirs) = world.stream();
    let bytes: Vec<u8> =
        (0..1_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
    let (mut out, mut back) = (vec![], vec![]);
    let (mut sent, mut returned) = (0, 0);
    while back.len() < bytes.len() {
        let before = out.len() + back.len() + sent + returned;
        sent += world.left.send(&caller(), ours, &bytes[sent..]).unwrap_or(0);
        let mut into = [0; 16 * 1024];
        if let Ok(len) = world.right.receive(&caller(), theirs, &mut into) {
            out.extend_from_slice(&into[..len]);
        }
        returned += world.right.send(&caller(), theirs, &out[returned..]).unwrap_or(0);
        if let Ok(len) = world.left.receive(&caller(), ours, &mut into) {
            back.extend_from_slice(&into[..len]);
        }
        world.step();
        assert!(world.ms < 20_000 || out.len() + back.len() + sent + returned > before, "it stands still");
    }
    assert!(out == bytes && back == bytes);
    assert_eq!((world.left.device().failure(), world.right.device().failure()), (None, None));
    let (left, right) = (world.left.device().nic().dropped(), world.right.device().nic().dropped());
    assert_eq!((left, right), Default::default());
    let (writes, notifications) =
        (world.intel.with(|state| state.register_writes), world.virtio.with(|state| state.notifications));
    // Per turn at most: two tails of the ring of each, the causes, and starting once.
    assert!(
        writes < 5 * world.ms + 300 && notifications < 4 * world.ms,
        "{writes}, {notifications} in {}",
        world.ms
    );
}

#[test]
fn a_card_that_breaks_its_queue_stops_and_its_stack_does_not() {
    let mut world = World::new();
    let (ours, theirs) = world.stream();
    // More than was given.
    world.virtio.forge(|at, value| if at == 2560 { 0x7777 << 48 } else { value });
    for _ in 0..100 {
        world.step();
    }
    assert_eq!(world.right.device().failure(), Some(NicError::Broken));
    assert_eq!(world.right.device().link(), Link::Down);
    assert!(world.right.send(&caller(), theirs, b"kept").is_ok());
    assert!(world.left.send(&caller(), ours, b"kept").is_ok());
    assert_eq!(world.left.device().failure(), None, "the other side goes on");
}

#[test]
fn before_rules_no_frame_leaves_either_card() {
    let intel = machine::Machine::new();
    let config = Config { hardware: machine::MAC, fixed: None, resolvers: vec![], addresses_v6: vec![] };
    let card = Card::new(intel.start().unwrap(), &[0; SECRET_BYTES]);
    let now = Now { ms: 0, unix_s: 1_800_000_000 };
    let mut stack = Stack::new(card, &config, Quota::USUAL, Csprng::new([1; 32]), now);
    for ms in 0..10_000 {
        stack.turn(Now { ms, ..now });
        stack.flush();
        stack.device().flush();
    }
    assert!(intel.with(|state| state.sent.is_empty()));
}

#[test]
fn a_card_whose_ring_stays_full_has_failed_and_one_that_moves_has_not() {
    for moves in [false, true] {
        let intel = machine::Machine::new();
        intel.with(|state| state.is_slow = true);
        let mut card = Card::new(intel.start().unwrap(), &[0; SECRET_BYTES]);
        let mut refused = 0;
        for ms in 0..3 * STALL_MS {
            match card.transmit(Instant::from_millis(ms)) {
                Some(room) => room.consume(100, |frame| frame.fill(7)),
                None => refused += 1,
            }
            assert!(card.failure().is_none() || ms >= STALL_MS, "at {ms} ms");
            if moves && ms % 1000 == 0 {
                intel.send_now();
            }
        }
        assert!(refused > 0);
        assert_eq!(card.failure(), (!moves).then_some(NicError::Broken));
        assert_eq!(card.link(), if moves { Link::Up } else { Link::Down });
    }
}

#[test]
fn frames_wait_in_the_ring_while_there_is_no_room_for_answers() {
    let intel = machine::Machine::new();
    intel.with(|state| state.is_slow = true);
    let mut card = Card::new(intel.start().unwrap(), &[0; SECRET_BYTES]);
    let now = Instant::from_millis(0);
    while let Some(room) = card.transmit(now) {
        room.consume(FRAME_MAX, |frame| frame.fill(1));
    }
    let mut frame = vec![9; 100];
    frame[..6].copy_from_slice(&machine::MAC);
    intel.arrive(&frame);
    assert!(card.receive(now).is_none());
    intel.send_now();
    let (received, _) = card.receive(now).unwrap();
    received.consume(|bytes| assert_eq!(bytes, frame));
}
