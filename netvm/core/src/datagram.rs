//! Sockets for datagrams.

use core::net::IpAddr;

use ipc_proto_net_api::{DATAGRAM_MAX, NetError, Readiness, SocketId};
use netvm_firewall::{Attempt, Firewall, Flow, Operation, Protocol};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp;

use crate::client::Client;
use crate::doors::Peers;
use crate::guard::{DHCP_CLIENT, DHCP_SERVER};
use crate::machine::Machine;

/// A socket of a client. Who may send to it stands at its door.
#[derive(Debug)]
pub(crate) struct Socket {
    handle: SocketHandle,
    port: u16,
}

/// What the headers of IPv6 and UDP take of a packet, in bytes, and those of IPv4.
const HEADERS_V6: usize = 40 + 8;
const HEADERS_V4: usize = 20 + 8;

/// Whether datagrams to or from this port are about our own lease: a client that sends one could give it up for all.
const fn is_of_dhcp(port: u16) -> bool {
    matches!(port, DHCP_CLIENT | DHCP_SERVER)
}

impl Client {
    /// Opens a socket at any port; or at this one, when there is anybody whom a rule lets in there: who only sends needs no
    /// port of its own, and would keep it from others.
    pub(crate) fn bind_udp(
        &mut self,
        machine: &mut Machine,
        firewall: &Firewall,
        port: u16,
    ) -> Result<SocketId, NetError> {
        if is_of_dhcp(port) {
            return Err(NetError::BadPort);
        }
        if port != 0 {
            let attempt = Attempt {
                operation: Operation::Listen,
                protocol: Some(Protocol::Udp),
                address: None,
                port: Some(port),
                name: None,
            };
            firewall.could_allow(self.port, &attempt, machine.now).map_err(|_| NetError::Denied)?;
        }
        if self.sockets.len() >= machine.quota.sockets {
            return Err(NetError::Quota);
        }
        let port = if port == 0 { machine.datagram_port().ok_or(NetError::PortInUse)? } else { port };
        if !machine.doors.is_free_for_datagrams(port) {
            return Err(NetError::PortInUse);
        }
        let room = (machine.quota.datagrams, DATAGRAM_MAX);
        let mut socket = Machine::datagram_socket(room, room);
        socket.bind(port).map_err(|_| NetError::BadPort)?;
        machine.doors.sockets.insert(port, Peers { client: self.port, flows: alloc::vec::Vec::new() });
        let handle = machine.sockets.add(socket);
        self.sockets
            .insert(Socket { handle, port }, machine.quota.sockets)
            .map(SocketId)
            .ok_or(NetError::Quota)
    }

    /// Sends a datagram that a rule allows; from now on its receiver may answer.
    pub(crate) fn send_to(
        &mut self,
        machine: &mut Machine,
        firewall: &Firewall,
        socket: SocketId,
        to: (IpAddr, u16),
        data: &[u8],
    ) -> Result<(), NetError> {
        let socket = self.sockets.get(socket.0).ok_or(NetError::NoSuchHandle)?;
        let (address, port) = (to.0.to_canonical(), to.1);
        if port == 0 || is_of_dhcp(port) {
            return Err(NetError::BadPort);
        }
        let attempt = Attempt {
            operation: Operation::SendTo,
            protocol: Some(Protocol::Udp),
            address: Some(address),
            port: Some(port),
            name: None,
        };
        let grant = firewall.judge(self.port, &attempt, machine.now).map_err(|_| NetError::Denied)?;
        machine.check_reach(address)?;
        let headers = if address.is_ipv4() { HEADERS_V4 } else { HEADERS_V6 };
        if data.len() > machine.packet_max.saturating_sub(headers).min(DATAGRAM_MAX) {
            return Err(NetError::TooLong);
        }
        let peers_max = machine.quota.peers;
        if let Some(peers) = machine.doors.sockets.get_mut(&socket.port) {
            let flows = &mut peers.flows;
            if !flows.iter().any(|flow| flow.address == address && flow.port == Some(port)) {
                if flows.len() >= peers_max {
                    flows.remove(0);
                }
                flows.push(Flow {
                    operation: Operation::SendTo,
                    protocol: Protocol::Udp,
                    address,
                    port: Some(port),
                    name: None,
                    pinned: grant.name,
                });
            }
        }
        self.wanted.want(machine, address);
        machine.udp(socket.handle).send_slice(data, (address, port)).map_err(|error| match error {
            udp::SendError::BufferFull => NetError::WouldBlock,
            udp::SendError::Unaddressable => NetError::NoNetwork,
        })
    }

    /// The next datagram that came.
    pub(crate) fn receive_from(
        &mut self,
        machine: &mut Machine,
        socket: SocketId,
        into: &mut [u8],
    ) -> Result<(usize, IpAddr, u16), NetError> {
        let socket = self.sockets.get(socket.0).ok_or(NetError::NoSuchHandle)?;
        let (data, from) = machine.udp(socket.handle).recv().map_err(|_| NetError::WouldBlock)?;
        let place = into.get_mut(..data.len()).ok_or(NetError::TooLong)?;
        place.copy_from_slice(data);
        Ok((data.len(), from.endpoint.addr.into(), from.endpoint.port))
    }

    /// Gives a socket up.
    pub(crate) fn close_socket(machine: &mut Machine, socket: &Socket) {
        machine.sockets.remove(socket.handle);
        machine.doors.sockets.remove(&socket.port);
    }

    /// How a socket is.
    pub(crate) fn socket_readiness(
        &self,
        machine: &Machine,
        socket: SocketId,
    ) -> Result<Readiness, NetError> {
        let socket = self.sockets.get(socket.0).ok_or(NetError::NoSuchHandle)?;
        let socket = machine.sockets.get::<udp::Socket<'_>>(socket.handle);
        Ok(Readiness { readable: socket.can_recv(), writable: socket.can_send(), over: None })
    }

    /// Forgets those who may no longer send, and what they have sent: a socket that lost one begins anew.
    pub(crate) fn review_sockets(&mut self, machine: &mut Machine, firewall: &Firewall) {
        let now = machine.now;
        for (_, socket) in self.sockets.iter_mut() {
            let Some(peers) = machine.doors.sockets.get_mut(&socket.port) else { continue };
            let before = peers.flows.len();
            peers.flows.retain(|flow| firewall.still_allowed(self.port, flow, now));
            if peers.flows.len() != before {
                // What waits to be sent may be for one that is no longer allowed.
                let room = (machine.quota.datagrams, DATAGRAM_MAX);
                let mut fresh = Machine::datagram_socket(room, room);
                if fresh.bind(socket.port).is_ok() {
                    machine.sockets.remove(socket.handle);
                    socket.handle = machine.sockets.add(fresh);
                }
            }
        }
    }
}
