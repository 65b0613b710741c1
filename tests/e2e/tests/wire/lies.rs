//! What a stranger on the wire says: about leases and names when somebody asks, and within streams.
//!
//! It sees everything and may be faster than those who know. What it cannot do is guess the numbers of a stream, so in streams
//! it has wrong ones; who knows them can end a stream anyway.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpControl, TcpPacket, UdpPacket,
};
use tests_e2e::forge::{Hardware, datagram, segment};
use tests_e2e::wire::{DNS, HOST, Hand, Passed, RESOLVER, Way};

use crate::faults::Random;

/// The machine's address, as the good server gives it.
pub(crate) const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// Somebody else on the link.
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 99);
/// The name of which addresses are offered that nobody asked for.
pub(crate) const VICTIM: &str = "victim.shop.example";
/// Everybody.
pub(crate) const ALL: Hardware = [0xff; 6];
/// Ports of DHCP.
const DHCP: (u16, u16) = (67, 68);
/// Bytes before the options of DHCP, and where the offered address is.
const OPTIONS: usize = 240;
const OFFERED: usize = 16;
/// Options of DHCP (RFC 2132) and two of their kinds of messages.
const MASK: u8 = 1;
const ROUTER: u8 = 3;
const LEASE: u8 = 51;
pub(crate) const KIND: u8 = 53;
pub(crate) const SERVER: u8 = 54;
pub(crate) const END: u8 = 255;
const ACK: u8 = 5;
pub(crate) const NAK: u8 = 6;
/// Every so many segments of a stream the stranger says something too.
const OFTEN: u32 = 6;
/// So often is the name of loops answered by a stranger: once less than it is asked for.
const LOOPS: usize = 3;
/// A quarter of all numbers of a stream: far beyond any window.
const FAR: u32 = 1 << 30;

/// What was said.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Said {
    /// Leases that were none.
    pub(crate) leases: usize,
    /// Frames about names.
    pub(crate) names: u32,
    /// Segments within streams.
    pub(crate) segments: u32,
    /// Good frames that were sent again, damaged.
    pub(crate) damaged: u32,
}

/// A stranger that hears everything and is first.
pub(crate) fn stranger(said: Arc<Mutex<Said>>) -> Hand {
    let (mut random, mut loops, mut segments) = (Random(1), 0, 0);
    Box::new(move |way, frame| {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = Vec::new();
        let mut inject =
            |frame: Vec<u8>| out.push(Passed { after: std::time::Duration::ZERO, way: Way::In, frame });
        let mut is_passed = true;
        if let Some(Datagram { from, to, data, hardware }) = Datagram::of(frame) {
            let is_lease =
                from.1 == DHCP.0 && way == Way::In && option(&data, KIND).as_deref() == Some(&[ACK]);
            if is_lease && let Some(lease) = leases_that_cannot_be(&data).get(said.leases) {
                said.leases += 1;
                malformed_leases(&data).into_iter().for_each(|bad| inject(lease_frame(&bad)));
                inject(lease_frame(lease));
                is_passed = false;
            }
            if to == (RESOLVER, DNS) && way == Way::Out {
                let (lies, is_answered) = names(&data, from.1, hardware, &mut loops);
                said.names += u32::try_from(lies.len()).unwrap_or(0);
                lies.into_iter().for_each(&mut inject);
                is_passed = !is_answered;
            }
        }
        if way == Way::In {
            segments += 1;
            for lie in Some(frame).filter(|_| segments % OFTEN == 0).map(in_stream).unwrap_or_default() {
                said.segments += 1;
                inject(lie);
            }
            said.damaged += 1;
            inject(damaged(frame, &mut random));
        }
        if is_passed {
            out.push(Passed::now(way, frame));
        }
        out
    })
}

/// A datagram of IPv4.
struct Datagram {
    from: (Ipv4Addr, u16),
    to: (Ipv4Addr, u16),
    data: Vec<u8>,
    /// Who sent it.
    hardware: Hardware,
}

impl Datagram {
    fn of(frame: &[u8]) -> Option<Self> {
        let frame = EthernetFrame::new_checked(frame).ok()?;
        if frame.ethertype() != EthernetProtocol::Ipv4 {
            return None;
        }
        let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
        if packet.next_header() != IpProtocol::Udp {
            return None;
        }
        let datagram = UdpPacket::new_checked(packet.payload()).ok()?;
        Some(Self {
            from: (packet.src_addr(), datagram.src_port()),
            to: (packet.dst_addr(), datagram.dst_port()),
            data: datagram.payload().to_vec(),
            hardware: frame.src_addr().0,
        })
    }
}

/// A good frame with a few bits changed, or cut off, which is not right by chance: that would be the word of one who knows the
/// numbers of the stream.
fn damaged(frame: &[u8], random: &mut Random) -> Vec<u8> {
    loop {
        let bytes = damaged_or_right(frame, random);
        if !is_right(&bytes) {
            return bytes;
        }
    }
}

/// Whether the sums of a segment are right.
fn is_right(frame: &[u8]) -> bool {
    let Ok(frame) = EthernetFrame::new_checked(frame) else { return false };
    let Ok(packet) = Ipv4Packet::new_checked(frame.payload()) else { return false };
    let (from, to) = (packet.src_addr().into(), packet.dst_addr().into());
    let is_whole = |segment: TcpPacket<&[u8]>| segment.verify_checksum(&from, &to);
    frame.ethertype() == EthernetProtocol::Ipv4
        && packet.next_header() == IpProtocol::Tcp
        && packet.verify_checksum()
        && TcpPacket::new_checked(packet.payload()).is_ok_and(is_whole)
}

fn damaged_or_right(frame: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = frame.to_vec();
    let mut place = |length: usize| usize::try_from(random.below(length as u64)).unwrap_or(0);
    for _ in 0..3 {
        let at = place(bytes.len());
        bytes[at] ^= 1 << place(8);
    }
    if place(2) == 0 {
        bytes.truncate(place(bytes.len()).max(1));
    }
    bytes
}

pub(crate) fn lease_frame(data: &[u8]) -> Vec<u8> {
    datagram(ALL, (HOST.into(), DHCP.0), (Ipv4Addr::BROADCAST.into(), DHCP.1), data)
}

/// An option of a message of DHCP.
fn option(data: &[u8], wanted: u8) -> Option<Vec<u8>> {
    options(data).into_iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

fn options(data: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut options = Vec::new();
    let mut rest = data.get(OPTIONS..).unwrap_or_default();
    while let [kind, length, after @ ..] = rest
        && *kind != END
    {
        let Some((value, more)) = after.split_at_checked(usize::from(*length)) else { break };
        options.push((*kind, value.to_vec()));
        rest = more;
    }
    options
}

/// The message with other values of these options; one without a value is left out.
fn with(data: &[u8], changes: &[(u8, Option<&[u8]>)]) -> Vec<u8> {
    let mut bytes = data[..OPTIONS].to_vec();
    for (kind, value) in options(data) {
        let value = match changes.iter().find(|(changed, _)| *changed == kind) {
            Some((_, change)) => change.map(<[u8]>::to_vec),
            None => Some(value),
        };
        if let Some(value) = value {
            bytes.extend([kind, u8::try_from(value.len()).expect("a short option")]);
            bytes.extend(value);
        }
    }
    bytes.push(END);
    bytes
}

fn with_bytes(data: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

/// What is no message of a server to us, or no lease: it must be as if it had not come.
fn malformed_leases(good: &[u8]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..OPTIONS + 8).step_by(7).map(|at| good[..at].to_vec()).collect();
    for (at, new) in [
        (0, &[1][..]),
        (1, &[6]),
        (2, &[16]),
        (2, &[0]),
        (4, &[0; 4]),
        (28, &[0; 6]),
        (236, &[0; 4]),
        (OFFERED, &[0; 4]),
        (OFFERED, &[255; 4]),
        (OFFERED, &[224, 0, 0, 1]),
        (OPTIONS + 1, &[255]),
        (OPTIONS, &[0; 12]),
    ] {
        all.push(with_bytes(good, at, new));
    }
    all.push(with(good, &[(MASK, Some(&[255, 0, 255, 0]))]));
    all.push(with(good, &[(MASK, None)]));
    all.push(with(good, &[(SERVER, None)]));
    all.push(with(good, &[(KIND, Some(&[99]))]));
    all.push(with(good, &[(KIND, Some(&[]))]));
    let mut long = with(good, &[(SERVER, None)]);
    long.pop();
    long.extend([MASK, 255].into_iter().cycle().take(1000));
    all.push(long);
    all
}

/// Leases that are read and cannot be: each has us ask anew, most of them a second later. More are in the tests of `netvm/core`.
fn leases_that_cannot_be(good: &[u8]) -> Vec<Vec<u8>> {
    vec![
        with(good, &[(KIND, Some(&[NAK]))]),
        with(good, &[(LEASE, Some(&[0; 4]))]),
        with(good, &[(MASK, Some(&[255; 4]))]),
        with(good, &[(ROUTER, Some(&[10, 0, 3, 1]))]),
        with_bytes(good, OFFERED, &[127, 0, 0, 1]),
    ]
}

/// A name as in a packet.
pub(crate) fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).expect("a label"));
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

pub(crate) fn record(owner: &[u8], address: Ipv4Addr) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend([0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    bytes.extend(address.octets());
    bytes
}

/// An answer with this id to this question.
pub(crate) fn answer(id: [u8; 2], questions: u8, question: &[u8], records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = id.to_vec();
    bytes.extend([
        0x81,
        0x80,
        0,
        questions,
        0,
        u8::try_from(records.len()).expect("few records"),
        0,
        0,
        0,
        0,
    ]);
    bytes.extend(question);
    bytes.extend(records.concat());
    bytes
}

/// What is said to a question from this port, and whether that is all.
fn names(asked: &[u8], port: u16, hardware: Hardware, loops: &mut usize) -> (Vec<Vec<u8>>, bool) {
    let end = 12 + asked[12..].iter().position(|byte| *byte == 0).unwrap_or(0) + 5;
    let (id, question, is_a) = ([asked[0], asked[1]], &asked[12..end], asked[end - 3] == 1);
    let name = &question[..question.len() - 4];
    let to = (IpAddr::V4(OURS), port);
    let from_resolver = |data: &[u8]| datagram(hardware, (RESOLVER.into(), DNS), to, data);
    let lie = answer(id, 1, question, &[record(name, OTHER)]);
    if question.starts_with(b"\x05guess") && is_a {
        // From whom nobody asked, to where nobody waits, with numbers that were not asked with.
        let mut all = vec![
            datagram(hardware, (OTHER.into(), DNS), to, &lie),
            datagram(hardware, (HOST.into(), DNS), to, &lie),
            datagram(hardware, (RESOLVER.into(), 54), to, &lie),
            datagram(hardware, (RESOLVER.into(), DNS), (to.0, port ^ 1), &lie),
        ];
        all.push(from_resolver(&answer([id[0], id[1] ^ 1], 1, question, &[record(name, OTHER)])));
        all.push(from_resolver(&with_bytes(&lie, 2, &[0x01])));
        all.push(from_resolver(&answer(id, 2, question, &[record(name, OTHER)])));
        let other = [&wire(VICTIM)[..], &question[question.len() - 4..]].concat();
        all.push(from_resolver(&answer(id, 1, &other, &[record(name, OTHER)])));
        all.push(from_resolver(&answer(id, 1, question, &vec![record(name, OTHER); 60])));
        return (all, false);
    }
    if question.starts_with(b"\x04loop") && is_a && *loops < LOOPS {
        // With the right number: the same question is asked again of whoever knows.
        let itself = [[0xc0, 12], [0xc0, 40], [0xff, 0xff]];
        let cut = lie[..lie.len() - 5].to_vec();
        let records_without_end = with_bytes(&lie, 6, &[0xff, 0xff]);
        let record_without_end = with_bytes(&lie, lie.len() - 6, &[0xff, 0xff]);
        let number = *loops;
        let looping = [&itself[number][..], &question[question.len() - 4..]].concat();
        let unreadable = [cut, records_without_end, record_without_end];
        *loops += 1;
        return (
            vec![from_resolver(&answer(id, 1, &looping, &[])), from_resolver(&unreadable[number])],
            true,
        );
    }
    if question.starts_with(b"\x06poison") && is_a {
        let records = [record(&wire(VICTIM), HOST), record(name, HOST), record(&wire(VICTIM), HOST)];
        return (vec![from_resolver(&answer(id, 1, question, &records))], true);
    }
    (vec![], false)
}

/// Segments of somebody who knows who talks with whom, and not where they are.
fn in_stream(frame: &[u8]) -> Vec<Vec<u8>> {
    let Ok(frame) = EthernetFrame::new_checked(frame) else { return vec![] };
    let Some(packet) =
        Ipv4Packet::new_checked(frame.payload()).ok().filter(|_| frame.ethertype() == EthernetProtocol::Ipv4)
    else {
        return vec![];
    };
    let Some(tcp) =
        TcpPacket::new_checked(packet.payload()).ok().filter(|_| packet.next_header() == IpProtocol::Tcp)
    else {
        return vec![];
    };
    if tcp.syn() && !tcp.ack() {
        // Nobody knows of a stream before it begins.
        return vec![];
    }
    let to = (IpAddr::V4(packet.dst_addr()), tcp.dst_port());
    let from = (IpAddr::V4(packet.src_addr()), tcp.src_port());
    let (seq, ack) = (tcp.seq_number().0.cast_unsigned(), tcp.ack_number().0.cast_unsigned());
    let make = |from, control, seq, ack| segment(frame.dst_addr().0, from, to, control, (seq, ack));
    // Who knows the second number may refuse a stream that begins.
    let (far, unsent) = (seq.wrapping_add(FAR), ack.wrapping_add(FAR));
    vec![
        make(from, TcpControl::Rst, far, unsent),
        make(from, TcpControl::Rst, seq.wrapping_sub(1 << 20), unsent),
        make(from, TcpControl::Fin, far, unsent),
        make(from, TcpControl::None, far, unsent),
        make((from.0, from.1 ^ 1), TcpControl::Rst, seq, ack),
        make((IpAddr::V4(OTHER), from.1), TcpControl::Rst, seq, ack),
        make(from, TcpControl::Syn, far, 0),
    ]
}
