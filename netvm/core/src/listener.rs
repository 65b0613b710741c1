//! Listeners: streams that others open.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::IpAddr;

use ipc_proto_net_api::{ListenerId, NetError, Readiness, StreamId};
use netvm_firewall::{Attempt, Firewall, Flow, Operation, Protocol};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;

use crate::client::Client;
use crate::doors::{Open, Tuple};
use crate::machine::{Connection, Machine};
use crate::stream::Stream;

/// How long whoever opens a stream may take to confirm it, in milliseconds; then its place is free again. Without it as many
/// opened and never confirmed as there are places would close the port.
const HALF_OPEN_MS: u64 = 5000;

/// A listener of a client.
#[derive(Debug)]
pub(crate) struct Listener {
    port: u16,
    places: Vec<Place>,
    /// Opened, and not accepted yet.
    pub(crate) ready: VecDeque<Connection>,
}

/// A socket that listens, or is being opened since then.
#[derive(Debug)]
struct Place {
    handle: SocketHandle,
    caller: Option<Caller>,
}

/// Who opens a stream, and since when.
#[derive(Debug, Clone, Copy)]
struct Caller {
    tuple: Tuple,
    since_ms: u64,
}

impl Place {
    /// Notes who opens a stream here, or that nobody does any more. Gives where somebody new is.
    fn note(&mut self, machine: &mut Machine, port: u16) -> Option<IpAddr> {
        let remote = machine.tcp(self.handle).remote_endpoint();
        let tuple = remote.map(|remote| (port, IpAddr::from(remote.addr), remote.port));
        if tuple == self.caller.map(|caller| caller.tuple) {
            return None;
        }
        self.forget(machine);
        let tuple = tuple?;
        machine.doors.beginning.insert(tuple);
        self.caller = Some(Caller { tuple, since_ms: machine.now.ms });
        Some(tuple.1)
    }

    fn forget(&mut self, machine: &mut Machine) {
        if let Some(caller) = self.caller.take() {
            machine.doors.beginning.remove(&caller.tuple);
        }
    }

    fn due_ms(&self) -> Option<u64> {
        Some(self.caller?.since_ms.saturating_add(HALF_OPEN_MS))
    }
}

fn attempt(address: Option<IpAddr>, port: u16) -> Attempt<'static> {
    Attempt {
        operation: Operation::Listen,
        protocol: Some(Protocol::Tcp),
        address,
        port: Some(port),
        name: None,
    }
}

impl Client {
    /// Listens at a port, when there is anybody whom a rule lets in.
    pub(crate) fn listen(
        &mut self,
        machine: &mut Machine,
        firewall: &Firewall,
        port: u16,
    ) -> Result<ListenerId, NetError> {
        if port == 0 {
            return Err(NetError::BadPort);
        }
        firewall.could_allow(self.port, &attempt(None, port), machine.now).map_err(|_| NetError::Denied)?;
        if self.listeners.len() >= machine.quota.listeners {
            return Err(NetError::Quota);
        }
        if !machine.doors.is_free_for_streams(port) {
            return Err(NetError::PortInUse);
        }
        let mut listener = Listener { port, places: Vec::new(), ready: VecDeque::new() };
        for _ in 0..machine.quota.backlog {
            listener.places.extend(place(machine, port));
        }
        machine.doors.listeners.insert(port, Open { client: self.port, is_full: false });
        self.listeners.insert(listener, machine.quota.listeners).map(ListenerId).ok_or(NetError::Quota)
    }

    /// The next stream that was opened, and by whom.
    pub(crate) fn accept(
        &mut self,
        machine: &mut Machine,
        listener: ListenerId,
    ) -> Result<(StreamId, IpAddr, u16), NetError> {
        let listener = self.listeners.get_mut(listener.0).ok_or(NetError::NoSuchHandle)?;
        let connection = listener.ready.pop_front().ok_or(NetError::WouldBlock)?;
        let (_, address, port) = connection.tuple;
        let stream = self.add_stream(machine, Stream::Open { connection })?;
        Ok((stream, address, port))
    }

    /// Gives a listener up, with the streams that nobody accepted.
    pub(crate) fn close_listener(&mut self, machine: &mut Machine, listener: Listener) {
        for mut place in listener.places {
            place.forget(machine);
            machine.sockets.remove(place.handle);
        }
        machine.doors.listeners.remove(&listener.port);
        for connection in listener.ready {
            self.cut(machine, connection);
        }
    }

    /// How a listener is.
    pub(crate) fn listener_readiness(&self, listener: ListenerId) -> Result<Readiness, NetError> {
        let listener = self.listeners.get(listener.0).ok_or(NetError::NoSuchHandle)?;
        Ok(Readiness { readable: !listener.ready.is_empty(), writable: false, over: None })
    }

    /// Notes who begins a stream. Until then the doors do not know of it, so this is done after each frame that begins one.
    pub(crate) fn note_callers(&mut self, machine: &mut Machine) {
        for (_, listener) in self.listeners.iter_mut() {
            let mut is_full = true;
            for place in &mut listener.places {
                if let Some(there) = place.note(machine, listener.port) {
                    self.wanted.want(machine, there);
                }
                is_full &= machine.tcp(place.handle).state() != tcp::State::Listen;
            }
            if let Some(door) = machine.doors.listeners.get_mut(&listener.port) {
                door.is_full = is_full;
            }
        }
    }

    /// Takes what was opened, frees what was not confirmed in time, and listens again in their places.
    pub(crate) fn advance_listeners(&mut self, machine: &mut Machine, firewall: &Firewall) {
        self.note_callers(machine);
        let mut room = machine.quota.streams.saturating_sub(self.stream_count());
        let client = self.port;
        let now = machine.now;
        let mut refused = Vec::new();
        for (_, listener) in self.listeners.iter_mut() {
            for place_at in &mut listener.places {
                let state = machine.tcp(place_at.handle).state();
                let is_late = place_at.due_ms().is_some_and(|due| now.ms >= due);
                if state == tcp::State::Listen || state == tcp::State::SynReceived && !is_late {
                    continue;
                }
                let Some(fresh) = place(machine, listener.port) else { continue };
                let mut place = core::mem::replace(place_at, fresh);
                let caller = place.caller;
                place.forget(machine);
                if let Some(door) = machine.doors.listeners.get_mut(&listener.port) {
                    door.is_full = false;
                }
                let Some(Caller { tuple, .. }) = caller else {
                    // It was refused before anybody looked.
                    machine.sockets.remove(place.handle);
                    continue;
                };
                let address = tuple.1;
                let grant = firewall.judge(client, &attempt(Some(address), listener.port), now);
                let flow = Flow {
                    operation: Operation::Listen,
                    protocol: Protocol::Tcp,
                    address,
                    port: Some(listener.port),
                    name: None,
                    pinned: grant.as_ref().ok().and_then(|grant| grant.name.clone()),
                };
                machine.doors.streams.insert(tuple);
                let connection = Connection::new(place.handle, flow, tuple);
                let is_open = matches!(state, tcp::State::Established | tcp::State::CloseWait);
                if is_open && room > 0 && grant.is_ok() {
                    room = room.saturating_sub(1);
                    listener.ready.push_back(connection);
                } else {
                    refused.push(connection);
                }
            }
        }
        for connection in refused {
            self.cut(machine, connection);
        }
    }

    /// Cuts what was not accepted yet and is no longer allowed. The port stays: rules are asked about everybody who comes.
    pub(crate) fn review_listeners(&mut self, machine: &mut Machine, firewall: &Firewall) {
        let client = self.port;
        let mut cut = Vec::new();
        for (_, listener) in self.listeners.iter_mut() {
            for connection in core::mem::take(&mut listener.ready) {
                if firewall.still_allowed(client, &connection.flow, machine.now) {
                    listener.ready.push_back(connection);
                } else {
                    cut.push(connection);
                }
            }
        }
        for connection in cut {
            self.cut(machine, connection);
        }
    }

    /// When a place has to be freed, in milliseconds.
    pub(crate) fn next_listener_ms(&self) -> Option<u64> {
        self.listeners.iter().flat_map(|(_, listener)| &listener.places).filter_map(Place::due_ms).min()
    }
}

/// A socket that listens.
fn place(machine: &mut Machine, port: u16) -> Option<Place> {
    let mut socket = machine.stream_socket(machine.quota.stream_bytes);
    socket.listen(port).ok()?;
    Some(Place { handle: machine.sockets.add(socket), caller: None })
}
