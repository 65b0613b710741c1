//! A server answers each call once, never blocks on a client, and takes the caller from the port.

use ipc_proto_echo_api::{Buffers, Echo, SERVICE, serve};
use ipc_proto_rpc::{Caller, Port, PortState, SERVE_MAX};
use ipc_proto_types::{Bytes, ErrorCode, Generation, Kind, Role, SchemaId, Text};
use ipc_proto_wire::Header;
use tests_conformance::channel::{self, FakePort, Handle, channel};

/// Remembers who called.
#[derive(Default)]
struct Remembering {
    callers: Vec<Caller>,
}

impl Echo for Remembering {
    fn say(&mut self, caller: &Caller, text: Text<1024>) -> Text<1024> {
        self.callers.push(*caller);
        text
    }

    fn bytes(&mut self, caller: &Caller, data: Bytes<64>) -> Bytes<64> {
        self.callers.push(*caller);
        data
    }

    fn sink(&mut self, caller: &Caller, _: Bytes<64>) {
        self.callers.push(*caller);
    }

    fn sunk(&mut self, _: &Caller) -> u64 {
        self.callers.len() as u64
    }
}

fn frame(kind: Kind, method: u16, correlation: u64, body: &[u8]) -> Vec<u8> {
    channel::frame(SERVICE.id, kind, method, correlation, body)
}

struct World {
    echo: Remembering,
    buffers: Buffers,
    port: FakePort,
    shared: Handle,
    /// Nobody plays the client; the port only keeps its end.
    _client: FakePort,
}

impl World {
    fn new() -> Self {
        let (client, port, shared) = channel(SERVICE.id);
        Self { echo: Remembering::default(), buffers: Buffers::new(), port, shared, _client: client }
    }

    fn arrive(&mut self, frames: impl IntoIterator<Item = Vec<u8>>) {
        self.shared.borrow_mut().server.arrived.extend(frames);
    }

    fn serve(&mut self) -> usize {
        let served = serve(&mut self.echo, &mut self.port, &mut self.buffers);
        self.port.flush();
        served
    }

    /// What the client got.
    fn answers(&self) -> Vec<Vec<u8>> {
        self.shared.borrow_mut().client.arrived.drain(..).collect()
    }
}

#[test]
fn every_waiting_call_is_answered_in_order() {
    let mut world = World::new();
    world.arrive([
        frame(Kind::Call, 0, 1, b"\x02hi"),
        frame(Kind::Event, 2, 0, b"\x01x"),
        frame(Kind::Call, 3, 2, b""),
    ]);
    assert_eq!(world.serve(), 3);
    assert_eq!(world.answers(), [frame(Kind::Reply, 0, 1, b"\x02hi"), frame(Kind::Reply, 3, 2, &[2])]);
    assert_eq!(world.serve(), 0);
}

#[test]
fn the_caller_comes_from_the_port() {
    let mut world = World::new();
    world.arrive([frame(Kind::Event, 2, 0, b"\x00")]);
    world.serve();
    let first = Caller { port: world.port.index(), generation: Generation(1) };
    world.shared.borrow_mut().restart_peer_of(Role::Server);
    world.serve();
    world.arrive([frame(Kind::Event, 2, 0, b"\x00")]);
    world.serve();
    assert_eq!(world.echo.callers, [first, Caller { generation: Generation(2), ..first }]);
}

#[test]
fn a_call_that_can_not_be_served_gets_an_error() {
    let check = |call: Vec<u8>, code: ErrorCode| {
        let mut world = World::new();
        let method = Header::parse(&call).unwrap().0.method;
        world.arrive([call]);
        assert_eq!(world.serve(), 1);
        assert_eq!(world.answers(), [frame(Kind::Error, method, 1, &[code.as_u8()])]);
    };
    check(frame(Kind::Call, 4, 1, b""), ErrorCode::Unsupported);
    check(frame(Kind::Call, 0xffff, 1, b""), ErrorCode::Unsupported);
    check(frame(Kind::Call, 2, 1, b"\x00"), ErrorCode::Unsupported);
    // `Malformed` is the supervisor's word; from a server it would be refused.
    check(frame(Kind::Call, 0, 1, b"\x03hi"), ErrorCode::Internal);
    check(frame(Kind::Call, 0, 1, b"\x82\x00hi"), ErrorCode::Internal);
    check(frame(Kind::Call, 3, 1, b"\x00"), ErrorCode::Internal);
}

#[test]
fn what_is_no_message_to_a_server_is_dropped() {
    let mut world = World::new();
    let mut other_schema = frame(Kind::Call, 3, 1, b"");
    other_schema[..16].copy_from_slice(&SchemaId([9; 16]).0);
    let bad = [
        other_schema,
        frame(Kind::Reply, 3, 1, b""),
        frame(Kind::Error, 3, 1, &[1]),
        frame(Kind::Event, 3, 0, b""),
        frame(Kind::Event, 2, 0, b"\x05x"),
        vec![0; 31],
        Vec::new(),
    ];
    let count = bad.len();
    world.arrive(bad);
    assert_eq!(world.serve(), count);
    assert!(world.answers().is_empty());
    assert!(world.echo.callers.is_empty());
}

#[test]
fn a_reply_without_room_waits_and_nothing_more_is_taken_before_it_is_gone() {
    let mut world = World::new();
    world.shared.borrow_mut().depth = 1;
    world.arrive((1..=4).map(|correlation| frame(Kind::Call, 0, correlation, b"\x02hi")));
    // One reply is with the client, one is queued, one found no room.
    assert_eq!(world.serve(), 3);
    assert_eq!(world.shared.borrow().server.arrived.len(), 1);
    assert_eq!(world.serve(), 0);
    let mut correlations = Vec::new();
    for _ in 0..4 {
        correlations.extend(world.answers().iter().map(|frame| Header::parse(frame).unwrap().0.correlation));
        world.serve();
    }
    assert_eq!(correlations, [1, 2, 3, 4]);
}

#[test]
fn a_reply_to_a_dead_life_is_dropped() {
    let mut world = World::new();
    world.shared.borrow_mut().depth = 1;
    world.arrive((1..=3).map(|correlation| frame(Kind::Call, 0, correlation, b"\x02hi")));
    world.serve();
    world.shared.borrow_mut().restart_peer_of(Role::Server);
    world.arrive([frame(Kind::Call, 3, 7, b"")]);
    assert_eq!(world.serve(), 0, "what was received from the old life is dropped with it");
    assert!(world.answers().is_empty());
    world.arrive([frame(Kind::Call, 3, 1, b"")]);
    assert_eq!(world.serve(), 1);
    assert_eq!(world.answers(), [frame(Kind::Reply, 3, 1, &[3])]);
}

#[test]
fn a_reply_too_large_for_the_client_becomes_an_error() {
    let mut world = World::new();
    world.shared.borrow_mut().message_max = 2;
    world.arrive([frame(Kind::Call, 0, 1, b"\x02hi")]);
    assert_eq!(world.serve(), 1);
    assert_eq!(world.answers(), [frame(Kind::Error, 0, 1, &[ErrorCode::Internal.as_u8()])]);
}

#[test]
fn a_closed_port_serves_nothing() {
    let mut world = World::new();
    world.arrive([frame(Kind::Call, 3, 1, b"")]);
    world.shared.borrow_mut().server.state = PortState::Closed;
    assert_eq!(world.serve(), 0);
}

#[test]
fn a_flood_is_served_in_portions() {
    let mut world = World::new();
    world.arrive((0..SERVE_MAX + 1).map(|_| frame(Kind::Event, 2, 0, b"\x00")));
    assert_eq!((world.serve(), world.serve(), world.serve()), (SERVE_MAX, 1, 0));
}
