//! `Machine`: the interface, its sockets and what all clients share of it.

use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};

use ipc_proto_net_api::NetError;
use netvm_firewall::{Flow, Now};
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpCidr;
use unikernels_sdk::Csprng;

use crate::arrival::Arrival;
use crate::doors::{Doors, Tuple};
use crate::guard::can_be_at;
use crate::quota::Quota;

/// The ports that are given to whoever needs any (RFC 6335 section 6).
const FIRST_DYNAMIC_PORT: u16 = 49_152;
/// Random ports that are tried before it is said that all are taken; a client cannot take a share of them that matters.
const PORT_TRIES: usize = 64;
/// How long the other side may leave unanswered what was sent to it: at least 100 seconds (RFC 9293 section 3.8.3).
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// How long an idle stream waits before it asks whether the other side is still there: less than any router forgets it.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The interface and its sockets.
pub(crate) struct Machine {
    pub(crate) interface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    pub(crate) doors: Doors,
    pub(crate) random: Csprng,
    pub(crate) quota: Quota,
    /// Longest packet in bytes.
    pub(crate) packet_max: usize,
    /// Who is asked for names.
    pub(crate) resolvers: Vec<IpAddr>,
    pub(crate) now: Now,
}

/// A stream that has a socket.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) handle: SocketHandle,
    pub(crate) flow: Flow,
    /// Its name in packets.
    pub(crate) tuple: Tuple,
    /// Whether our side sends no more.
    pub(crate) is_shut: bool,
    /// When its client is told of what came.
    pub(crate) arrival: Arrival,
}

impl Connection {
    pub(crate) fn new(handle: SocketHandle, flow: Flow, tuple: Tuple) -> Self {
        Self { handle, flow, tuple, is_shut: false, arrival: Arrival::default() }
    }
}

/// Milliseconds of our clock as the stack counts them.
pub(crate) fn instant(now: Now) -> Instant {
    Instant::from_millis(i64::try_from(now.ms).unwrap_or(i64::MAX))
}

impl Machine {
    fn random_u16(&mut self) -> u16 {
        let mut bytes = [0; 2];
        self.random.fill(&mut bytes);
        u16::from_le_bytes(bytes)
    }

    /// A random number for a question or an echo.
    pub(crate) fn random_id(&mut self) -> u16 {
        self.random_u16()
    }

    fn random_port(&mut self, is_free: impl Fn(&Doors, u16) -> bool) -> Option<u16> {
        for _ in 0..PORT_TRIES {
            let port = FIRST_DYNAMIC_PORT | self.random_u16();
            if is_free(&self.doors, port) {
                return Some(port);
            }
        }
        None
    }

    /// A port of ours for datagrams that nobody has and nobody can guess.
    pub(crate) fn datagram_port(&mut self) -> Option<u16> {
        self.random_port(Doors::is_free_for_datagrams)
    }

    /// Whether an address of this version could be reached from one of ours; of version 6 a global one is needed for what is
    /// not on our own link.
    pub(crate) fn has_source_for(&self, address: IpAddr) -> bool {
        self.interface.ip_addrs().iter().any(|own| match (IpAddr::from(own.address()), address) {
            (IpAddr::V4(_), IpAddr::V4(_)) => true,
            (IpAddr::V6(own), IpAddr::V6(there)) => {
                !own.is_unicast_link_local() || there.is_unicast_link_local()
            }
            _ => false,
        })
    }

    /// Whether an address is of the world and all of ours of its version are of one house (RFC 4193): another version is tried
    /// first (RFC 6724 section 6, rule 5).
    pub(crate) fn is_far_from_source(&self, address: IpAddr) -> bool {
        let IpAddr::V6(there) = address else { return false };
        let is_global = |address: &Ipv6Addr| !address.is_unicast_link_local() && !address.is_unique_local();
        is_global(&there)
            && !self.interface.ip_addrs().iter().any(|own| match IpAddr::from(own.address()) {
                IpAddr::V6(own) => is_global(&own),
                IpAddr::V4(_) => false,
            })
    }

    /// Whether the address is one of ours, or means everybody in our network.
    fn is_own(&self, address: IpAddr) -> bool {
        self.interface.ip_addrs().iter().any(|own| {
            let all = match own {
                IpCidr::Ipv4(own) => own.broadcast().map(IpAddr::V4),
                IpCidr::Ipv6(_) => None,
            };
            IpAddr::from(own.address()) == address || all == Some(address)
        })
    }

    /// Whether packets can be sent there.
    pub(crate) fn check_reach(&self, address: IpAddr) -> Result<(), NetError> {
        if !can_be_at(address) || self.is_own(address) {
            Err(NetError::BadHost)
        } else if self.has_source_for(address) {
            Ok(())
        } else {
            Err(NetError::NoNetwork)
        }
    }

    /// A socket for a stream, with its buffers; `window` is how many bytes it may receive ahead.
    pub(crate) fn stream_socket(&self, window: usize) -> tcp::Socket<'static> {
        let buffer = |bytes: usize| tcp::SocketBuffer::new(vec![0; bytes]);
        let mut socket = tcp::Socket::new(buffer(window), buffer(self.quota.send_bytes));
        socket.set_timeout(Some(SILENCE_MAX));
        socket.set_keep_alive(Some(KEEP_ALIVE));
        socket.set_congestion_control(tcp::CongestionControl::Reno);
        // A client sends what it has; waiting for more would only delay the last part.
        socket.set_nagle_enabled(false);
        socket
    }

    /// A socket that holds so many datagrams of at most so many bytes: first what it receives, then what it sends.
    pub(crate) fn datagram_socket(
        incoming: (usize, usize),
        outgoing: (usize, usize),
    ) -> udp::Socket<'static> {
        let buffer = |(count, bytes): (usize, usize)| {
            let room = vec![0; count.saturating_mul(bytes)];
            udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; count], room)
        };
        udp::Socket::new(buffer(incoming), buffer(outgoing))
    }

    /// Opens a stream that a rule allows.
    pub(crate) fn open(&mut self, flow: Flow, port: u16, window: usize) -> Result<Connection, NetError> {
        self.check_reach(flow.address)?;
        let ours = self.random_port(Doors::is_free_for_streams).ok_or(NetError::PortInUse)?;
        let mut socket = self.stream_socket(window);
        socket
            .connect(self.interface.context(), (flow.address, port), ours)
            .map_err(|_| NetError::NoNetwork)?;
        let tuple = (ours, flow.address, port);
        self.doors.streams.insert(tuple);
        Ok(Connection::new(self.sockets.add(socket), flow, tuple))
    }

    /// The socket of a stream.
    pub(crate) fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// The socket for datagrams.
    pub(crate) fn udp(&mut self, handle: SocketHandle) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Forgets a stream at once; nothing more is sent.
    pub(crate) fn drop_connection(&mut self, connection: &Connection) {
        self.sockets.remove(connection.handle);
        self.doors.streams.remove(&connection.tuple);
    }
}
