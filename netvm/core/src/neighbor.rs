//! Finding neighbors for each client alike.
//!
//! The library asks for one neighbor a second, and always for the one that the first socket waits for; so whoever waits for
//! somebody who is not there would keep all others from finding anybody. What a client needs is asked for here, three times
//! a second apart, whatever others wait for, and again while it has streams, before the library forgets; the library takes
//! the answers.
//! Sources: RFC 826, RFC 4861 section 7.2.2.

use alloc::collections::VecDeque;
use core::net::{IpAddr, Ipv6Addr};

use smoltcp::iface::Interface;
use smoltcp::phy::{ChecksumCapabilities, Device, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, HardwareAddress,
    Icmpv6Packet, Icmpv6Repr, IpAddress, IpProtocol, Ipv6Packet, Ipv6Repr, NdiscRepr,
};

use crate::machine::Machine;

/// Neighbors that one client waits for; then the oldest is forgotten.
const WANTED_MAX: usize = 8;
/// How often each is asked for, and how long after another in milliseconds.
const TRIES: u8 = 3;
const PAUSE_MS: u64 = 1000;
/// How long after neighbors of streams are asked for once more, in milliseconds: the library forgets a neighbor after a minute,
/// also one through whom packets of others keep coming (smoltcp 0.14).
const REFRESH_MS: u64 = 45_000;
/// Bytes of a header of Ethernet, a message of ARP, a header of IPv6, and a solicitation with our address.
const ETHERNET: usize = 14;
const ARP: usize = 28;
const IPV6: usize = 40;
const SOLICITATION: usize = 32;
const HOP_LIMIT: u8 = 255;

/// The neighbors that a client needs.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    wants: VecDeque<Want>,
    /// When those of streams have to be asked for again; nothing while there are none.
    refresh_ms: Option<u64>,
}

#[derive(Debug)]
struct Want {
    address: IpAddr,
    tries: u8,
    next_ms: u64,
}

impl Wanted {
    pub(crate) const fn new() -> Self {
        Self { wants: VecDeque::new(), refresh_ms: None }
    }

    /// Whether it is time to want again who is reached through neighbors.
    pub(crate) fn is_refresh(&mut self, has_streams: bool, now_ms: u64) -> bool {
        let is_due = has_streams && self.refresh_ms.is_some_and(|at_ms| now_ms >= at_ms);
        if is_due || !has_streams {
            self.refresh_ms = None;
        }
        if has_streams {
            self.refresh_ms.get_or_insert(now_ms.saturating_add(REFRESH_MS));
        }
        is_due
    }

    /// The client sends to this address.
    pub(crate) fn want(&mut self, machine: &Machine, address: IpAddr) {
        let Some(neighbor) = next_hop(&machine.interface, address) else { return };
        let now_ms = machine.now.ms;
        self.wants.retain(|want| want.tries < TRIES || now_ms < want.next_ms);
        if self.wants.iter().any(|want| want.address == neighbor) {
            return;
        }
        if self.wants.len() >= WANTED_MAX {
            self.wants.pop_front();
        }
        self.wants.push_back(Want { address: neighbor, tries: 0, next_ms: now_ms });
    }

    /// Asks for those whose time has come.
    pub(crate) fn ask(&mut self, interface: &Interface, device: &mut impl Device, at: Instant, now_ms: u64) {
        for want in self.wants.iter_mut().filter(|want| want.tries < TRIES && now_ms >= want.next_ms) {
            if send(interface, device, at, want.address).is_none() {
                // The card takes no more now.
                return;
            }
            want.tries = want.tries.saturating_add(1);
            want.next_ms = now_ms.saturating_add(PAUSE_MS);
        }
    }

    /// When the next has to be asked for, in milliseconds.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        let wants = self.wants.iter().filter(|want| want.tries < TRIES).map(|want| want.next_ms).min();
        [wants, self.refresh_ms].into_iter().flatten().min()
    }
}

/// Who gets packets to this address: itself on our own link, else a router.
fn next_hop(interface: &Interface, address: IpAddr) -> Option<IpAddr> {
    let there = IpAddress::from(address);
    if interface.ip_addrs().iter().any(|own| own.contains_addr(&there)) {
        return Some(address);
    }
    let route = match address {
        IpAddr::V4(_) => interface.routes().get_default_ipv4_route(),
        IpAddr::V6(_) => interface.routes().get_default_ipv6_route(),
    };
    route.map(|route| route.via_router.into())
}

/// Sends a question for the hardware address of a neighbor, if the card takes it.
fn send(interface: &Interface, device: &mut impl Device, at: Instant, neighbor: IpAddr) -> Option<()> {
    let HardwareAddress::Ethernet(ours) = interface.hardware_addr();
    match neighbor {
        IpAddr::V4(neighbor) => {
            let Some(source) = interface.get_source_address_ipv4(&neighbor) else { return Some(()) };
            let question = ArpRepr::EthernetIpv4 {
                operation: ArpOperation::Request,
                source_hardware_addr: ours,
                source_protocol_addr: source,
                target_hardware_addr: EthernetAddress([0; 6]),
                target_protocol_addr: neighbor,
            };
            device.transmit(at)?.consume(ETHERNET.saturating_add(ARP), |frame| {
                let mut frame = EthernetFrame::new_unchecked(frame);
                frame.set_src_addr(ours);
                frame.set_dst_addr(EthernetAddress::BROADCAST);
                frame.set_ethertype(EthernetProtocol::Arp);
                question.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
            });
        }
        IpAddr::V6(neighbor) => {
            let source = interface.get_source_address_ipv6(&neighbor);
            solicit(device, at, ours, (source, neighbor))?;
        }
    }
    Some(())
}

fn solicit(
    device: &mut impl Device,
    at: Instant,
    ours: EthernetAddress,
    (source, neighbor): (Ipv6Addr, Ipv6Addr),
) -> Option<()> {
    let [.., a, b, c] = neighbor.octets();
    let group = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
    let question =
        Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr: neighbor, lladdr: Some(ours.into()) });
    let header = Ipv6Repr {
        src_addr: source,
        dst_addr: group,
        next_header: IpProtocol::Icmpv6,
        payload_len: question.buffer_len(),
        hop_limit: HOP_LIMIT,
    };
    let length = ETHERNET.saturating_add(IPV6).saturating_add(question.buffer_len());
    debug_assert_eq!(question.buffer_len(), SOLICITATION, "a solicitation with one option");
    device.transmit(at)?.consume(length, |frame| {
        let mut frame = EthernetFrame::new_unchecked(frame);
        frame.set_src_addr(ours);
        frame.set_dst_addr(EthernetAddress([0x33, 0x33, 0xff, a, b, c]));
        frame.set_ethertype(EthernetProtocol::Ipv6);
        let mut packet = Ipv6Packet::new_unchecked(frame.payload_mut());
        header.emit(&mut packet);
        let checksums = ChecksumCapabilities::default();
        question.emit(&source, &group, &mut Icmpv6Packet::new_unchecked(packet.payload_mut()), &checksums);
    });
    Some(())
}
