//! What the network is told about in: numbers, addresses, states and errors.

use core::net::IpAddr;

use ipc_proto_derive::Schema;
use ipc_proto_types::{Bytes, List};
use serde::{Deserialize, Serialize};

use crate::DATAGRAM_MAX;

/// Number of a stream on this channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub struct StreamId(pub u32);

/// Number of a socket for datagrams on this channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub struct SocketId(pub u32);

/// Number of a listener on this channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub struct ListenerId(pub u32);

/// Anything that was opened on this channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub enum Handle {
    /// A stream.
    Stream(StreamId),
    /// A socket for datagrams.
    Socket(SocketId),
    /// A listener.
    Listener(ListenerId),
}

/// An address of IP, in the order of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub enum Address {
    /// Of version 4.
    V4([u8; 4]),
    /// Of version 6.
    V6([u8; 16]),
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => Self::V6(address.octets()),
        }
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> Self {
        match address {
            Address::V4(octets) => octets.into(),
            Address::V6(octets) => octets.into(),
        }
    }
}

/// A datagram that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Datagram {
    /// From which address.
    pub address: Address,
    /// From which port.
    pub port: u16,
    /// What it carries.
    pub data: Bytes<DATAGRAM_MAX>,
}

/// A stream that somebody opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Accepted {
    /// The stream.
    pub stream: StreamId,
    /// From which address.
    pub address: Address,
    /// From which port.
    pub port: u16,
}

/// One address of ours and its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Network {
    /// The address.
    pub address: Address,
    /// How many of its first bits all addresses of the network have: 0 to 32, or to 128.
    pub prefix: u8,
}

/// Whether there is a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Status {
    /// Whether the card has a link.
    pub link: bool,
    /// Whether there are rules; before that everything is denied and nothing is sent.
    pub rules: bool,
    /// Our addresses.
    pub networks: List<Network, 8>,
    /// Where other networks are reached.
    pub routers: List<Address, 4>,
    /// Who is asked for names.
    pub resolvers: List<Address, 4>,
}

/// How something is that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Readiness {
    /// `receive`, `receive_from` or `accept` would not say `WouldBlock`.
    pub readable: bool,
    /// `send` or `send_to` would not say `WouldBlock`.
    pub writable: bool,
    /// Why it is over, if it is.
    pub over: Option<NetError>,
}

/// Why it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Schema)]
pub enum NetError {
    /// Not yet: ask again later.
    WouldBlock,
    /// No rule allows it, or there are no rules yet.
    Denied,
    /// This client has as many of these as it may have.
    Quota,
    /// This client has nothing of this number.
    NoSuchHandle,
    /// Neither a name nor an address, or an address that nobody can be at.
    BadHost,
    /// Port 0, or one that this client may not have.
    BadPort,
    /// Another socket or listener is at this port.
    PortInUse,
    /// The name does not exist or has no address.
    NoSuchName,
    /// Whoever is asked for names gave no answer, or none that can be believed.
    NoAnswer,
    /// There is no address of ours from which it could be reached.
    NoNetwork,
    /// The other side refused.
    Refused,
    /// The other side broke it off.
    Reset,
    /// The other side was silent for too long.
    TimedOut,
    /// The rules changed and no longer allow it.
    Cut,
    /// It was shut down, so no more can be sent.
    Closed,
    /// More than a datagram carries.
    TooLong,
}
