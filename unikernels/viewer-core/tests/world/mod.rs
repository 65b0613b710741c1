//! A network for tests: hosts that follow scripts, behind the real client of `net`, in virtual time.
//!
//! Stricter than a real one: what is not there is `WouldBlock`, and news is told only after `poll`, once, so a viewer that
//! forgets to ask sleeps until a deadline and its test shows it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(dead_code, reason = "no test file uses all of it")]

pub(crate) mod openssl;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::rc::Rc;

use ipc_proto_net_api::{
    ADDRESSES_MAX, Accepted, Address, FRAME_MAX, Handle, InPlace, ListenerId, NetClient, NetError, POLL_MAX,
    Readiness, SERVICE, SocketId, Status, StreamId, dispatch_in_place,
};
use ipc_proto_open_api::{Open, OpenError, PAGE_MAX, Phase, Progress};
use ipc_proto_rpc::{Caller, Port, PortFacts, PortState, SendError, Ticks};
use ipc_proto_types::{Generation, Kind, Label, List, PortIndex, QubeName, Role, Text};
use ipc_proto_wire::{HEADER_SIZE, Header, encode};
use unikernels_sdk::Csprng;
use unikernels_viewer_core::{Network, Trust, Turn, Viewer};

/// Number of the event `ready` of `net`.
const READY: u16 = 14;

/// What a host does, one after the other, once it has a whole request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Say(Vec<u8>),
    Pause(u64),
    /// These bytes again and again, for ever.
    Endless(Vec<u8>),
    /// A byte, then so many milliseconds, for ever.
    Drip(u8, u64),
    Reset,
}

/// How a host takes a call.
#[derive(Debug, Clone)]
pub(crate) enum Host {
    Answers(Vec<Act>),
    Refuses,
    /// Nothing ever comes back.
    Silent,
    Denied,
    /// A real server, at this port of this machine; after so many bytes of its own somebody cuts the connection.
    Real {
        port: u16,
        cut_at: usize,
    },
}

struct Stream {
    host: Host,
    acts: VecDeque<Act>,
    request: Vec<u8>,
    /// When the act at the front may be done.
    from_ms: u64,
    /// To a real server.
    socket: Option<TcpStream>,
    received: usize,
}

/// All hosts, and what was asked of them.
pub(crate) struct World {
    pub(crate) now_ms: u64,
    /// By `name:port`.
    pub(crate) hosts: BTreeMap<String, Host>,
    /// Names that take so long to be found.
    pub(crate) slow_names: BTreeMap<String, u64>,
    /// What was sent to hosts: `name:port` and the request.
    pub(crate) requests: Vec<(String, String)>,
    pub(crate) calls: usize,
    pub(crate) received: usize,
    /// The network restarted: its clients are told once.
    pub(crate) generation: u32,
    streams: BTreeMap<u32, (String, Stream)>,
    next: u32,
    watched: Option<Vec<(Handle, Readiness)>>,
    asked: BTreeMap<String, u64>,
    is_news: bool,
}

impl World {
    pub(crate) fn new() -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            now_ms: 1_000,
            hosts: BTreeMap::new(),
            slow_names: BTreeMap::new(),
            requests: Vec::new(),
            calls: 0,
            received: 0,
            generation: 1,
            streams: BTreeMap::new(),
            next: 1,
            watched: None,
            asked: BTreeMap::new(),
            is_news: false,
        }))
    }

    /// Whether streams are left open.
    pub(crate) fn has_streams(&self) -> bool {
        !self.streams.is_empty()
    }

    fn readiness(&self, handle: Handle) -> Option<Readiness> {
        let Handle::Stream(StreamId(id)) = handle else { return None };
        let (_, stream) = self.streams.get(&id)?;
        let is_due = stream.from_ms <= self.now_ms;
        Some(match &stream.host {
            Host::Refuses => Readiness { readable: true, writable: true, over: Some(NetError::Refused) },
            Host::Silent => Readiness { readable: false, writable: false, over: None },
            Host::Denied => Readiness { readable: true, writable: true, over: Some(NetError::Denied) },
            Host::Real { .. } => Readiness { readable: stream.is_readable(), writable: true, over: None },
            Host::Answers(_) => {
                let has_request = stream.request.ends_with(b"\r\n\r\n");
                Readiness { readable: has_request && is_due, writable: true, over: None }
            }
        })
    }

    /// When something happens by itself.
    fn next_ms(&self) -> Option<u64> {
        let streams = self.streams.values().map(|(_, stream)| stream.from_ms);
        streams.chain(self.asked.values().copied()).filter(|at| *at > self.now_ms).min()
    }

    /// Whether the client has to be told; it is told once.
    fn take_news(&mut self) -> bool {
        let now = self.now_ms;
        let found = self.asked.values().any(|at| *at <= now);
        let Some(watched) = &self.watched else { return false };
        let changed = watched.iter().any(|(handle, before)| self.readiness(*handle) != Some(*before));
        if changed || found {
            self.watched = None;
        }
        changed || found
    }
}

impl InPlace for World {
    fn send(&mut self, _: &Caller, stream: StreamId, data: &[u8]) -> Result<usize, NetError> {
        let now_ms = self.now_ms;
        let (host, stream) = self.streams.get_mut(&stream.0).ok_or(NetError::NoSuchHandle)?;
        if let Some(socket) = &mut stream.socket {
            return openssl::send(socket, data);
        }
        // A little at a time, so that a request takes several.
        let taken = data.len().min(100);
        stream.request.extend_from_slice(&data[..taken]);
        if stream.request.ends_with(b"\r\n\r\n") {
            stream.from_ms = now_ms;
            if let Some(Act::Pause(ms)) = stream.acts.front() {
                stream.from_ms = now_ms + ms;
                stream.acts.pop_front();
            }
            let request = String::from_utf8(stream.request.clone()).expect("requests are text");
            self.requests.push((host.clone(), request));
        }
        Ok(taken)
    }

    fn receive(&mut self, _: &Caller, stream: StreamId, into: &mut [u8]) -> Result<usize, NetError> {
        let now_ms = self.now_ms;
        let (_, stream) = self.streams.get_mut(&stream.0).ok_or(NetError::NoSuchHandle)?;
        if stream.socket.is_some() {
            let taken = stream.receive(into)?;
            self.received += taken;
            return Ok(taken);
        }
        if stream.from_ms > now_ms || !stream.request.ends_with(b"\r\n\r\n") {
            return Err(NetError::WouldBlock);
        }
        let taken = match stream.acts.pop_front() {
            None => 0,
            Some(Act::Reset) => return Err(NetError::Reset),
            Some(Act::Pause(ms)) => {
                stream.from_ms = now_ms + ms;
                return Err(NetError::WouldBlock);
            }
            Some(Act::Say(bytes)) => {
                let taken = bytes.len().min(into.len());
                into[..taken].copy_from_slice(&bytes[..taken]);
                if taken < bytes.len() {
                    stream.acts.push_front(Act::Say(bytes[taken..].to_vec()));
                }
                taken
            }
            Some(Act::Endless(bytes)) => {
                let taken = into.len() / bytes.len() * bytes.len();
                into[..taken].chunks_mut(bytes.len()).for_each(|place| place.copy_from_slice(&bytes));
                stream.acts.push_front(Act::Endless(bytes));
                taken
            }
            Some(Act::Drip(byte, ms)) => {
                into[0] = byte;
                stream.from_ms = now_ms + ms;
                stream.acts.push_front(Act::Drip(byte, ms));
                1
            }
        };
        self.received += taken;
        Ok(taken)
    }

    fn send_to(&mut self, _: &Caller, _: SocketId, _: &str, _: u16, _: &[u8]) -> Result<(), NetError> {
        panic!("a viewer sends no datagrams")
    }

    fn receive_from(
        &mut self,
        _: &Caller,
        _: SocketId,
        _: &mut [u8],
    ) -> Result<(usize, IpAddr, u16), NetError> {
        panic!("a viewer takes no datagrams")
    }

    fn status(&mut self, _: &Caller) -> Status {
        panic!("a viewer does not care")
    }

    fn resolve(&mut self, _: &Caller, name: &str) -> Result<List<Address, ADDRESSES_MAX>, NetError> {
        let slow = self.slow_names.get(name).copied().unwrap_or(0);
        let at = *self.asked.entry(name.into()).or_insert(self.now_ms + slow);
        if at > self.now_ms {
            return Err(NetError::WouldBlock);
        }
        self.asked.remove(name);
        self.slow_names.remove(name);
        let prefix = format!("{name}:");
        if !self.hosts.keys().any(|host| host.starts_with(&prefix)) {
            return Err(NetError::NoSuchName);
        }
        Ok(List::try_from([Address::from(IpAddr::from(Ipv4Addr::LOCALHOST))].as_slice()).expect("one fits"))
    }

    fn connect(&mut self, _: &Caller, host: &str, port: u16) -> Result<StreamId, NetError> {
        let key = format!("{host}:{port}");
        let host = self.hosts.get(&key).cloned().unwrap_or(Host::Refuses);
        let acts = if let Host::Answers(acts) = &host { acts.clone().into() } else { VecDeque::new() };
        let id = self.next;
        self.next += 1;
        let socket = if let Host::Real { port, .. } = host { Some(openssl::connect(port)) } else { None };
        let (request, from_ms) = (Vec::new(), self.now_ms);
        self.streams.insert(id, (key, Stream { host, acts, request, from_ms, socket, received: 0 }));
        Ok(StreamId(id))
    }

    fn shutdown(&mut self, _: &Caller, _: StreamId) -> Result<(), NetError> {
        panic!("a viewer closes")
    }

    fn close(&mut self, _: &Caller, handle: Handle) -> Result<(), NetError> {
        let Handle::Stream(StreamId(id)) = handle else { return Err(NetError::NoSuchHandle) };
        self.streams.remove(&id).map(|_| ()).ok_or(NetError::NoSuchHandle)
    }

    fn bind_udp(&mut self, _: &Caller, _: u16) -> Result<SocketId, NetError> {
        panic!("a viewer sends no datagrams")
    }

    fn listen(&mut self, _: &Caller, _: u16) -> Result<ListenerId, NetError> {
        panic!("a viewer does not listen")
    }

    fn accept(&mut self, _: &Caller, _: ListenerId) -> Result<Accepted, NetError> {
        panic!("a viewer does not listen")
    }

    fn ping(&mut self, _: &Caller, _: &str) -> Result<u32, NetError> {
        panic!("a viewer sends no echoes")
    }

    fn poll(&mut self, _: &Caller, handles: &[Handle]) -> Result<List<Readiness, POLL_MAX>, NetError> {
        let mut watched = Vec::new();
        let mut list = List::new();
        for handle in handles {
            let readiness = self.readiness(*handle).ok_or(NetError::NoSuchHandle)?;
            watched.push((*handle, readiness));
            list.push(readiness).expect("one fits");
        }
        self.watched = Some(watched);
        Ok(list)
    }
}

/// The viewer's end of its channel to the network.
pub(crate) struct FakePort {
    world: Rc<RefCell<World>>,
    inbox: VecDeque<Vec<u8>>,
    acknowledged: u32,
}

impl FakePort {
    pub(crate) fn new(world: &Rc<RefCell<World>>) -> &'static mut Self {
        Box::leak(Box::new(Self { world: Rc::clone(world), inbox: VecDeque::new(), acknowledged: 1 }))
    }
}

impl Port for FakePort {
    fn index(&self) -> PortIndex {
        PortIndex::new(0).expect("a port")
    }

    fn facts(&self) -> PortFacts {
        let generation = self.world.borrow().generation;
        PortFacts {
            state: if generation == self.acknowledged { PortState::Open } else { PortState::Restarted },
            role: Role::Client,
            peer_generation: Generation(generation),
            schema: SERVICE.id,
            message_max: SERVICE.message_max,
            peer_label: Label::Untrusted,
            peer_name: QubeName::new("netvm").expect("a name"),
            service: QubeName::new("net").expect("a name"),
        }
    }

    fn acknowledge(&mut self) {
        self.acknowledged = self.world.borrow().generation;
        self.inbox.clear();
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
        let (header, body) = Header::parse(frame).expect("a frame");
        let caller = Caller { port: self.index(), generation: Generation(1) };
        let mut reply = vec![0; FRAME_MAX];
        let mut world = self.world.borrow_mut();
        world.calls += 1;
        let length = dispatch_in_place(&mut *world, &caller, &header, body, &mut reply[HEADER_SIZE..])
            .expect("a call that is understood")
            .expect("a reply");
        let header = Header { kind: Kind::Reply, length: u32::try_from(length).expect("short"), ..header };
        header.write_to(&mut reply).expect("room for a header");
        reply.truncate(HEADER_SIZE + length);
        self.inbox.push_back(reply);
        Ok(())
    }

    fn flush(&mut self) {}

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        if self.world.borrow_mut().take_news() {
            let mut frame = vec![0; HEADER_SIZE + 8];
            let length = encode(&(), &mut frame[HEADER_SIZE..]).expect("nothing fits");
            let header = Header {
                schema: SERVICE.id,
                method: READY,
                kind: Kind::Event,
                correlation: 0,
                length: u32::try_from(length).expect("short"),
            };
            header.write_to(&mut frame).expect("room for a header");
            frame.truncate(HEADER_SIZE + length);
            self.inbox.push_back(frame);
        }
        let frame = self.inbox.pop_front()?;
        into[..frame.len()].copy_from_slice(&frame);
        Some(frame.len())
    }

    fn wait(&mut self, _: Option<Ticks>) {
        assert!(!self.inbox.is_empty(), "every call is answered at once");
    }

    fn now(&self) -> Ticks {
        Ticks(self.world.borrow().now_ms)
    }

    fn ticks_per_second(&self) -> u64 {
        1000
    }
}

/// A viewer in a world.
pub(crate) struct Scene {
    pub(crate) world: Rc<RefCell<World>>,
    pub(crate) viewer: Viewer,
    /// What the viewer takes for the time that certificates are judged by.
    pub(crate) unix_s: u64,
    net: Network<'static, FakePort>,
    /// How often somebody had to be told of a change.
    pub(crate) changes: usize,
    /// The most calls of `net` in one turn.
    pub(crate) calls_max: usize,
}

pub(crate) fn caller() -> Caller {
    Caller { port: PortIndex::new(1).expect("a port"), generation: Generation(1) }
}

impl Scene {
    /// A viewer that believes nobody.
    pub(crate) fn new(world: &Rc<RefCell<World>>) -> Self {
        Self::with(world, Trust::nobody(Csprng::new([1; 32])))
    }

    pub(crate) fn with(world: &Rc<RefCell<World>>, trust: Trust) -> Self {
        let client = Box::leak(Box::new(NetClient::new(FakePort::new(world))));
        let net = Network::new(client);
        let (world, viewer, unix_s) = (Rc::clone(world), Viewer::new(trust), openssl::now_s());
        Self { world, viewer, unix_s, net, changes: 0, calls_max: 0 }
    }

    pub(crate) fn open(&mut self, url: &str) -> Result<(), OpenError> {
        self.viewer.set_now(self.world.borrow().now_ms, self.unix_s);
        self.viewer.open(&caller(), Text::try_from(url).expect("a short address"), 40)
    }

    /// One turn. False when there is nothing to wait for any more.
    pub(crate) fn turn(&mut self) -> bool {
        self.viewer.set_now(self.world.borrow().now_ms, self.unix_s);
        let before = self.world.borrow().calls;
        let turn = self.viewer.turn(&mut self.net);
        let mut world = self.world.borrow_mut();
        self.calls_max = self.calls_max.max(world.calls - before);
        self.changes += usize::from(self.viewer.take_changed());
        match turn {
            Turn::Again => true,
            Turn::Wait { until_ms: None } => false,
            Turn::Wait { until_ms: Some(until) } => {
                assert!(until > world.now_ms, "it waits for what is past");
                if let Some(stream) = world.streams.values().find(|(_, stream)| stream.socket.is_some()) {
                    openssl::wait(|| stream.1.is_readable());
                    return true;
                }
                world.now_ms = world.next_ms().unwrap_or(until).min(until);
                true
            }
        }
    }

    /// Opens an address and takes turns until there is a document or a failure.
    pub(crate) fn load(&mut self, url: &str) -> Progress {
        self.open(url).expect("an address");
        for _ in 0..100_000 {
            if !self.turn() {
                return self.viewer.progress(&caller());
            }
        }
        panic!("it does not come to an end");
    }

    /// The whole page, piece by piece, each of whole lines.
    pub(crate) fn page(&mut self) -> String {
        let mut page = String::new();
        loop {
            let piece =
                self.viewer.page(&caller(), u32::try_from(page.len()).expect("short")).expect("a piece");
            assert!(piece.len() <= PAGE_MAX);
            if piece.is_empty() {
                return page;
            }
            assert!(piece.ends_with('\n'), "whole lines");
            page.push_str(&piece);
        }
    }
}

/// An answer of a well-behaved host.
pub(crate) fn answer(media: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The failure in words, or what came instead.
pub(crate) fn failure(progress: &Progress) -> String {
    match &progress.phase {
        Phase::Failed(failed) => format!("{:?}: {}", failed.reason, failed.detail),
        other => format!("{other:?}"),
    }
}
