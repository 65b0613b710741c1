//! Frames as a stranger on the wire makes them: any sender, any address, with sums that are right.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv6Packet,
    IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
    UdpPacket, UdpRepr,
};

/// Bytes of a header of Ethernet.
pub const ETHERNET: usize = 14;
/// What no router has counted down.
const HOP_LIMIT: u8 = 255;

/// A hardware address.
pub type Hardware = [u8; 6];
/// Somebody's address and port.
pub type Place = (IpAddr, u16);

/// A frame of this kind.
#[must_use]
pub fn frame(kind: EthernetProtocol, from: Hardware, to: Hardware, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; ETHERNET];
    let mut header = EthernetFrame::new_unchecked(&mut bytes[..]);
    header.set_src_addr(EthernetAddress(from));
    header.set_dst_addr(EthernetAddress(to));
    header.set_ethertype(kind);
    bytes.extend_from_slice(payload);
    bytes
}

/// A packet with this payload.
///
/// # Panics
/// When the addresses are of two versions of IP.
#[must_use]
pub fn packet(to: Hardware, ends: (IpAddr, IpAddr), next_header: IpProtocol, payload: &[u8]) -> Vec<u8> {
    let (from, payload_len, hop_limit) = (STRANGER, payload.len(), HOP_LIMIT);
    match ends {
        (IpAddr::V4(src_addr), IpAddr::V4(dst_addr)) => {
            let header = Ipv4Repr { src_addr, dst_addr, next_header, payload_len, hop_limit };
            let mut bytes = vec![0; header.buffer_len()];
            header.emit(&mut Ipv4Packet::new_unchecked(&mut bytes[..]), &ChecksumCapabilities::default());
            bytes.extend_from_slice(payload);
            frame(EthernetProtocol::Ipv4, from, to, &bytes)
        }
        (IpAddr::V6(src_addr), IpAddr::V6(dst_addr)) => {
            let header = Ipv6Repr { src_addr, dst_addr, next_header, payload_len, hop_limit };
            let mut bytes = vec![0; header.buffer_len()];
            header.emit(&mut Ipv6Packet::new_unchecked(&mut bytes[..]));
            bytes.extend_from_slice(payload);
            frame(EthernetProtocol::Ipv6, from, to, &bytes)
        }
        _ => panic!("two versions of IP: {ends:?}"),
    }
}

/// The hardware address of whoever makes these frames.
pub const STRANGER: Hardware = [0x52, 0x66, 0x66, 0x66, 0x66, 0x66];

/// A datagram.
#[must_use]
pub fn datagram(to_hardware: Hardware, from: Place, to: Place, data: &[u8]) -> Vec<u8> {
    let header = UdpRepr { src_port: from.1, dst_port: to.1 };
    let mut bytes = vec![0; header.header_len() + data.len()];
    header.emit(
        &mut UdpPacket::new_unchecked(&mut bytes[..]),
        &from.0.into(),
        &to.0.into(),
        data.len(),
        |payload| payload.copy_from_slice(data),
        &ChecksumCapabilities::default(),
    );
    packet(to_hardware, (from.0, to.0), IpProtocol::Udp, &bytes)
}

/// A segment without data; with an acknowledgement, unless it begins a stream.
#[must_use]
pub fn segment(
    to_hardware: Hardware,
    from: Place,
    to: Place,
    control: TcpControl,
    (seq, ack): (u32, u32),
) -> Vec<u8> {
    // The numbers of the library are signed.
    let number = |number: u32| TcpSeqNumber(number.cast_signed());
    let header = TcpRepr {
        src_port: from.1,
        dst_port: to.1,
        control,
        seq_number: number(seq),
        ack_number: (control != TcpControl::Syn).then_some(number(ack)),
        window_len: 1000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let mut bytes = vec![0; header.buffer_len()];
    let checksums = ChecksumCapabilities::default();
    header.emit(&mut TcpPacket::new_unchecked(&mut bytes[..]), &from.0.into(), &to.0.into(), &checksums);
    packet(to_hardware, (from.0, to.0), IpProtocol::Tcp, &bytes)
}

/// A message of ICMPv6, whose sum is made right.
#[must_use]
pub fn message(to_hardware: Hardware, ends: (Ipv6Addr, Ipv6Addr), message: &[u8]) -> Vec<u8> {
    let mut bytes = message.to_vec();
    Icmpv6Packet::new_unchecked(&mut bytes[..]).fill_checksum(&ends.0, &ends.1);
    packet(to_hardware, (ends.0.into(), ends.1.into()), IpProtocol::Icmpv6, &bytes)
}

/// A claim to have an address, as an answer that nobody asked for or as a question.
#[must_use]
pub fn claim(
    operation: ArpOperation,
    (hardware, address): (Hardware, Ipv4Addr),
    to: (Hardware, Ipv4Addr),
) -> Vec<u8> {
    let claim = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(hardware),
        source_protocol_addr: address,
        target_hardware_addr: EthernetAddress(to.0),
        target_protocol_addr: to.1,
    };
    let mut bytes = vec![0; claim.buffer_len()];
    claim.emit(&mut ArpPacket::new_unchecked(&mut bytes[..]));
    frame(EthernetProtocol::Arp, hardware, to.0, &bytes)
}
