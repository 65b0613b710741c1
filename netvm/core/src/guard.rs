//! `Guard`: a network card that only lets in what has a door.
//!
//! It stands between the card and the stack, so a packet that is refused is never processed and never answered. It also
//! keeps from the stack what has stopped it before: connections from addresses that nobody can have, and router
//! advertisements whose prefix is no network to have an address in (smoltcp 0.14 panics on a multicast one).
//! Sources: RFC 9293 section 3.10.7.2, RFC 4861 sections 6.1 and 7.1, RFC 4862 section 5.5.3, RFC 1122 section 3.2.1.3.

use core::cell::Cell;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipc_proto_types::PortIndex;
use netvm_firewall::{Attempt, Firewall, Now, Operation, Protocol};
use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, UdpPacket,
};

use crate::doors::Doors;

/// Ports of DHCP (RFC 2131 section 4.1).
pub(crate) const DHCP_SERVER: u16 = 67;
pub(crate) const DHCP_CLIENT: u16 = 68;
/// Port of DNS (RFC 1035 section 4.2).
pub(crate) const DNS: u16 = 53;

/// Types of ICMP and ICMPv6 (RFC 792, RFC 4443, RFC 4861).
const ECHO_REPLY_V4: u8 = 0;
const ECHO_REPLY_V6: u8 = 129;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
/// What no router between us and a neighbor can have counted down (RFC 4861 section 7.1.1).
const HOP_LIMIT_OF_NEIGHBORS: u8 = 255;
/// Where options of a router advertisement begin, the option with a prefix and its length in units of eight bytes.
const ROUTER_OPTIONS: usize = 16;
const PREFIX_OPTION: u8 = 3;
const PREFIX_OPTION_UNITS: u8 = 4;
/// Where the prefix begins in its option.
const PREFIX_AT: usize = 16;
/// The only length from which an address can be made (RFC 4862 section 5.5.3 with RFC 2464).
const PREFIX_BITS: u8 = 64;

/// What decides about a frame.
#[derive(Clone, Copy)]
pub(crate) struct Gate<'a> {
    pub(crate) doors: &'a Doors,
    pub(crate) firewall: &'a Firewall,
    pub(crate) now: Now,
    /// Where to say whose listener gets the beginning of a stream: until that is noted, no other frame may pass.
    pub(crate) begun: &'a Cell<Option<PortIndex>>,
}

impl Gate<'_> {
    /// Whether the stack may see this frame.
    pub(crate) fn lets_in(&self, frame: &[u8]) -> bool {
        let Ok(frame) = EthernetFrame::new_checked(frame) else { return false };
        if !frame.src_addr().is_unicast() {
            return false;
        }
        match frame.ethertype() {
            EthernetProtocol::Arp => true,
            EthernetProtocol::Ipv4 => self.lets_v4(frame.payload()),
            EthernetProtocol::Ipv6 => self.lets_v6(frame.payload()),
            EthernetProtocol::Unknown(_) => false,
        }
    }

    fn lets_v4(&self, packet: &[u8]) -> bool {
        let Ok(packet) = Ipv4Packet::new_checked(packet) else { return false };
        let from = packet.src_addr();
        // The ports of a fragment cannot be judged.
        if packet.more_frags() || packet.frag_offset() != 0 || !can_be_at_v4(from) {
            return false;
        }
        let (from, is_for_one) = (IpAddr::V4(from), can_be_at_v4(packet.dst_addr()));
        match packet.next_header() {
            IpProtocol::Tcp => is_for_one && self.lets_tcp(from, packet.payload()),
            IpProtocol::Udp => self.lets_udp(from, packet.payload(), is_for_one),
            IpProtocol::Icmp => is_for_one && self.lets_echo(from, packet.payload(), ECHO_REPLY_V4),
            _ => false,
        }
    }

    fn lets_v6(&self, packet: &[u8]) -> bool {
        let Ok(packet) = Ipv6Packet::new_checked(packet) else { return false };
        let from = packet.src_addr();
        if !can_be_at_v6(from) {
            return false;
        }
        let is_for_one = can_be_at_v6(packet.dst_addr());
        match packet.next_header() {
            IpProtocol::Tcp => is_for_one && self.lets_tcp(IpAddr::V6(from), packet.payload()),
            IpProtocol::Udp => is_for_one && self.lets_udp(IpAddr::V6(from), packet.payload(), true),
            IpProtocol::Icmpv6 => {
                let is_near = packet.hop_limit() == HOP_LIMIT_OF_NEIGHBORS;
                match packet.payload().first() {
                    Some(&ROUTER_ADVERTISEMENT) => is_near && is_router(from, packet.payload()),
                    Some(&(NEIGHBOR_SOLICITATION | NEIGHBOR_ADVERTISEMENT)) => {
                        is_near && is_neighbor(packet.payload())
                    }
                    _ => is_for_one && self.lets_echo(IpAddr::V6(from), packet.payload(), ECHO_REPLY_V6),
                }
            }
            _ => false,
        }
    }

    fn lets_tcp(&self, from: IpAddr, segment: &[u8]) -> bool {
        let Ok(segment) = TcpPacket::new_checked(segment) else { return false };
        let (ours, theirs) = (segment.dst_port(), segment.src_port());
        let (tuple, is_new) = ((ours, from, theirs), segment.syn() && !segment.ack());
        // A stream begins once. The library would have a second beginning take another socket that listens, and segments would
        // go to either; of our own streams, two that call each other at once become one (RFC 9293 section 3.5). A stranger who
        // does this would need to guess no number. A caller that has forgotten its stream gets in when our keep-alive has found out.
        if is_new && self.doors.has_stream(&tuple) {
            return false;
        }
        self.doors.streams.contains(&tuple)
            || self.doors.listeners.get(&ours).is_some_and(|door| {
                let attempt = Attempt {
                    operation: Operation::Listen,
                    protocol: Some(Protocol::Tcp),
                    address: Some(from),
                    port: Some(ours),
                    name: None,
                };
                let is_let_in = theirs != 0
                    && !(is_new && door.is_full)
                    && self.firewall.judge(door.client, &attempt, self.now).is_ok();
                if is_let_in && is_new {
                    self.begun.set(Some(door.client));
                }
                is_let_in
            })
    }

    fn lets_udp(&self, from: IpAddr, datagram: &[u8], is_for_one: bool) -> bool {
        let Ok(datagram) = UdpPacket::new_checked(datagram) else { return false };
        let (ours, theirs) = (datagram.dst_port(), datagram.src_port());
        if ours == DHCP_CLIENT {
            return theirs == DHCP_SERVER && from.is_ipv4();
        }
        if !is_for_one {
            return false;
        }
        if let Some(asked) = self.doors.questions.get(&ours) {
            return *asked == from && theirs == DNS;
        }
        self.doors.sockets.get(&ours).is_some_and(|peers| {
            let is_peer = peers.flows.iter().any(|flow| flow.address == from && flow.port == Some(theirs));
            is_peer || {
                let attempt = Attempt {
                    operation: Operation::Listen,
                    protocol: Some(Protocol::Udp),
                    address: Some(from),
                    port: Some(ours),
                    name: None,
                };
                theirs != 0 && self.firewall.judge(peers.client, &attempt, self.now).is_ok()
            }
        })
    }

    /// Whether this is the echo that somebody asked for.
    fn lets_echo(&self, from: IpAddr, message: &[u8], reply: u8) -> bool {
        match message {
            [kind, _, _, _, high, low, ..] if *kind == reply => {
                self.doors.pings.get(&u16::from_be_bytes([*high, *low])) == Some(&from)
            }
            _ => false,
        }
    }
}

/// Whether somebody else can have this address.
pub(crate) fn can_be_at(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => can_be_at_v4(address),
        IpAddr::V6(address) => can_be_at_v6(address),
    }
}

fn can_be_at_v4(address: Ipv4Addr) -> bool {
    // 0.0.0.0/8 is this network, 240.0.0.0/4 with the broadcast is nobody's.
    let first = address.octets()[0];
    first != 0 && first < 240 && !address.is_loopback() && !address.is_multicast()
}

fn can_be_at_v6(address: Ipv6Addr) -> bool {
    !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && address.to_ipv4_mapped().is_none()
}

/// Whether what a neighbor says is about an address that somebody can have.
fn is_neighbor(message: &[u8]) -> bool {
    let target = message.get(8..24).and_then(|target| <[u8; 16]>::try_from(target).ok());
    target.is_some_and(|target| can_be_at_v6(target.into()))
}

/// Whether a router says only what can be: prefixes in which an address can be made.
fn is_router(from: Ipv6Addr, message: &[u8]) -> bool {
    if !from.is_unicast_link_local() {
        return false;
    }
    let Some(mut options) = message.get(ROUTER_OPTIONS..) else { return false };
    while let [kind, units, ..] = *options {
        let length = usize::from(units).saturating_mul(8);
        let Some((option, rest)) = options.split_at_checked(length).filter(|_| length > 0) else {
            return false;
        };
        if kind == PREFIX_OPTION && (units != PREFIX_OPTION_UNITS || !is_prefix(option)) {
            return false;
        }
        options = rest;
    }
    options.is_empty()
}

/// Global unicast, or unique local (RFC 4193), of 64 bits.
fn is_prefix(option: &[u8]) -> bool {
    let is_ours = option.get(PREFIX_AT).is_some_and(|first| first >> 5 == 0b001 || first >> 1 == 0b111_1110);
    is_ours && option.get(2) == Some(&PREFIX_BITS)
}

/// The card behind its gate.
pub(crate) struct Guard<'a, D> {
    pub(crate) device: &'a mut D,
    pub(crate) gate: Gate<'a>,
}

/// A frame behind its gate.
pub(crate) struct GuardedRx<'a, R> {
    inner: R,
    gate: Gate<'a>,
}

impl<R: RxToken> RxToken for GuardedRx<'_, R> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, f: F) -> T {
        let gate = self.gate;
        // An empty frame is no frame to the stack.
        self.inner.consume(|frame| f(if gate.lets_in(frame) { frame } else { &[] }))
    }

    fn meta(&self) -> PacketMeta {
        self.inner.meta()
    }
}

impl<D: Device> Device for Guard<'_, D> {
    type RxToken<'t>
        = GuardedRx<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = D::TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (inner, tx) = self.device.receive(timestamp)?;
        Some((GuardedRx { inner, gate: self.gate }, tx))
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(timestamp)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}
