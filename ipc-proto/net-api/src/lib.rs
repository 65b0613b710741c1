//! Service `net`: the network as names, streams and datagrams.
//!
//! What a client opens it gets a number for, which means nothing on any other channel and is not given twice; so nobody can
//! use what another opened. Every answer is immediate: what is not there yet is [`NetError::WouldBlock`], and after a
//! [`Net::poll`], or a [`Net::receive`] that got little, the event `ready` says when to ask again. Hosts are text, names or addresses, so that a policy can look at
//! them; whoever serves looks once more, at the addresses that names have.
//!
//! Not here: encryption, which ends in the qube that uses it, and what bytes mean.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod in_place;
mod told;

use ipc_proto_derive::service;
use ipc_proto_types::{Bytes, List, Text};

pub use in_place::{
    CHANGED, InPlace, READY, RECEIVE, RECEIVE_FROM, Received, SEND, SEND_TO, dispatch_in_place, put_receive,
    put_send, put_send_to, received, received_from, serve_in_place, tell,
};
pub use told::{
    Accepted, Address, Datagram, Handle, ListenerId, NetError, Network, Readiness, SocketId, Status, StreamId,
};

/// Most bytes of a stream that one message carries.
pub const DATA_MAX: usize = 15 * 4096;

/// Longest name or address as text, in bytes (RFC 1035 section 2.3.4).
pub const HOST_MAX: usize = 253;

/// Most bytes of one datagram: what one packet of an Ethernet carries with the smaller header of IPv4. There are no fragments.
pub const DATAGRAM_MAX: usize = 1472;

/// Most addresses of a name in one answer.
pub const ADDRESSES_MAX: usize = 16;

/// Most handles that one `poll` asks about.
pub const POLL_MAX: usize = 64;

const _: () = assert!(SERVICE.message_max as usize <= ipc_proto_types::MESSAGE_MAX);

/// The network.
#[service(name = "net", version = 1)]
pub trait Net {
    /// Whether there is a network, and with which addresses.
    fn status(&mut self) -> Status;

    /// Takes as many of the bytes as there is room for, and says how many. They are sent in order, again until they arrive.
    fn send(&mut self, stream: StreamId, data: Bytes<DATA_MAX>) -> Result<u32, NetError>;

    /// The next bytes, at most `max` of them; none when the other side sends no more. After fewer than half of `max`, and after
    /// [`NetError::WouldBlock`], the event `ready` is sent once when there are more, or when no more come.
    fn receive(&mut self, stream: StreamId, max: u32) -> Result<Bytes<DATA_MAX>, NetError>;

    /// Sends a datagram to an address. It may get lost, and nobody is told.
    fn send_to(
        &mut self,
        socket: SocketId,
        host: Text<HOST_MAX>,
        port: u16,
        data: Bytes<DATAGRAM_MAX>,
    ) -> Result<(), NetError>;

    /// The next datagram from somebody that this socket has sent to, or from anybody when a rule allows to listen.
    fn receive_from(&mut self, socket: SocketId) -> Result<Datagram, NetError>;

    /// The addresses of a name. The first call asks; the answer comes with a later one.
    fn resolve(&mut self, name: Text<HOST_MAX>) -> Result<List<Address, ADDRESSES_MAX>, NetError>;

    /// Opens a stream of TCP to a name or an address. It is there at once, and writable when the other side has accepted.
    fn connect(&mut self, host: Text<HOST_MAX>, port: u16) -> Result<StreamId, NetError>;

    /// Says that no more bytes will be sent; what was taken still goes out, and the other side may go on sending.
    fn shutdown(&mut self, stream: StreamId) -> Result<(), NetError>;

    /// Gives a stream, socket or listener back. What a stream has taken still goes out, as long as there is room for it.
    fn close(&mut self, handle: Handle) -> Result<(), NetError>;

    /// Opens a socket for datagrams of UDP at a port, or at any when it is 0.
    fn bind_udp(&mut self, port: u16) -> Result<SocketId, NetError>;

    /// Takes streams of TCP that others open to a port.
    fn listen(&mut self, port: u16) -> Result<ListenerId, NetError>;

    /// The next stream that was opened to a listener.
    fn accept(&mut self, listener: ListenerId) -> Result<Accepted, NetError>;

    /// Sends an echo to an address and says after how many milliseconds it came back. The first call sends; the answer
    /// comes with a later one.
    fn ping(&mut self, host: Text<HOST_MAX>) -> Result<u32, NetError>;

    /// How these are, in the same order. When one of them changes after that, or anything asked for by `resolve` or `ping` is
    /// there, the event `ready` is sent once.
    fn poll(&mut self, handles: List<Handle, POLL_MAX>) -> Result<List<Readiness, POLL_MAX>, NetError>;

    /// Something that was asked about in `poll` changed, or there is more for a `receive` that got little. Bytes of a
    /// stream that carries much may wait for others for a few milliseconds before they are told.
    #[event]
    fn ready(&mut self);

    /// What `status` says changed.
    #[event]
    fn changed(&mut self);
}
