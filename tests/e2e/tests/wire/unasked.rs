//! What a stranger sends to a machine that asked for nothing: beginnings of streams, claims to be somebody, answers and noise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::wire::{ArpOperation, EthernetProtocol, IpProtocol, TcpControl};
use tests_e2e::forge::{self, STRANGER, claim, datagram, message, segment};
use tests_e2e::wire::{DNS, HOST, RESOLVER, Station};

use crate::faults::Random;
use crate::lies::{ALL, END, KIND, NAK, OURS, SERVER, VICTIM, answer, lease_frame, record, wire};

/// Beginnings of streams from where nobody is, and whatever else never was a stream.
pub(crate) fn from_nowhere(station: Station, port: u16) -> Vec<Vec<u8>> {
    let v4 = [[0; 4], [255; 4], [127, 0, 0, 1], [224, 0, 0, 1], [240, 0, 0, 1]];
    let v6 = [Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST, Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)];
    let from_v4 = v4.into_iter().map(|from| (IpAddr::from(from), IpAddr::V4(OURS)));
    let from_v6 = v6.into_iter().map(|from| (IpAddr::V6(from), IpAddr::V6(station.v6)));
    let ends: Vec<(IpAddr, IpAddr)> = from_v4.chain(from_v6).collect();
    let mut all = Vec::new();
    for control in [TcpControl::Syn, TcpControl::None, TcpControl::Rst, TcpControl::Fin] {
        for their_port in [0, port, 40_000] {
            let one = |(from, to)| segment(station.hardware, (from, their_port), (to, port), control, (1, 1));
            all.extend(ends.iter().copied().map(one));
        }
    }
    all
}

/// Beginnings of streams that nobody goes on with, some as if from the machine itself.
pub(crate) fn flood(station: Station, port: u16, count: u16) -> Vec<Vec<u8>> {
    let begin = |from: IpAddr, to: IpAddr, number: u16| {
        let (from, to) = ((from, 1000 + number), (to, port));
        segment(station.hardware, from, to, TcpControl::Syn, (u32::from(number), 0))
    };
    let stranger = |number: u16| IpAddr::from([10, 0, 2, 100 + u8::try_from(number % 100).unwrap_or(0)]);
    let ourselves = (0..8).flat_map(|number| {
        let v6 = IpAddr::V6(station.v6);
        [begin(v6, v6, number), begin(OURS.into(), OURS.into(), number)]
    });
    ourselves.chain((0..count).map(|number| begin(stranger(number), OURS.into(), number))).collect()
}

/// Claims to be us, the host, everybody and nobody, of ARP and of its like in IPv6.
pub(crate) fn claims(station: Station) -> Vec<Vec<u8>> {
    let us = (station.hardware, OURS);
    let mut all = Vec::new();
    for operation in [ArpOperation::Request, ArpOperation::Reply, ArpOperation::Unknown(9)] {
        for address in
            [OURS, HOST, RESOLVER, Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1)]
        {
            for hardware in [STRANGER, ALL, station.hardware, [1, 0, 0, 0, 0, 1]] {
                all.push(claim(operation, (hardware, address), us));
            }
        }
    }
    let whole = claim(ArpOperation::Reply, (STRANGER, HOST), us);
    all.extend((forge::ETHERNET..whole.len()).map(|end| whole[..end].to_vec()));
    let near = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x66);
    let everybody = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let host = Ipv6Addr::new(0xfd53, 0x6b65, 0x7000, 0, 0, 0, 0, 2);
    for target in [station.v6, host, Ipv6Addr::UNSPECIFIED, everybody] {
        for (kind, from) in
            [(135, near), (136, near), (135, Ipv6Addr::UNSPECIFIED), (136, host), (136, station.v6)]
        {
            let mut said = vec![kind, 0, 0, 0, 0xe0, 0, 0, 0];
            said.extend(target.octets());
            said.extend([2, 1]);
            said.extend(STRANGER);
            for to in [station.v6, everybody] {
                all.push(message(station.hardware, (from, to), &said));
            }
        }
    }
    // Routers whose prefixes are none, and one that says it is none any more.
    for (bits, first, units) in
        [(64, 0xff, 4), (0, 0xfd, 4), (128, 0xfd, 4), (255, 0x20, 4), (64, 0xfd, 0), (64, 0xfd, 255)]
    {
        let mut said = vec![134, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        said.extend([3, units, bits, 0xc0]);
        said.extend([0xff; 8]);
        said.extend([0; 4]);
        said.push(first);
        said.extend([2; 15]);
        all.push(message(station.hardware, (near, everybody), &said));
        all.push(message(station.hardware, (host, station.v6), &said));
    }
    all
}

/// Answers to what nobody asked, errors about what nobody sent, and noise.
pub(crate) fn unasked(station: Station) -> Vec<Vec<u8>> {
    let mut random = Random(3);
    let mut all = Vec::new();
    let name = wire(VICTIM);
    let question = [&name[..], &[0, 1, 0, 1]].concat();
    for _ in 0..500 {
        let number = |random: &mut Random| u16::try_from(random.below(1 << 16)).unwrap_or(0);
        let id = number(&mut random).to_be_bytes();
        let to = (IpAddr::V4(OURS), number(&mut random));
        all.push(datagram(
            station.hardware,
            (RESOLVER.into(), DNS),
            to,
            &answer(id, 1, &question, &[record(&name, HOST)]),
        ));
    }
    for _ in 0..100 {
        let mut refused = vec![2, 1, 6, 0];
        refused.extend((0..4).map(|_| u8::try_from(random.below(256)).unwrap_or(0)));
        refused.resize(28, 0);
        refused.extend(station.hardware);
        refused.resize(236, 0);
        refused.extend([0x63, 0x82, 0x53, 0x63, KIND, 1, NAK, SERVER, 4, 10, 0, 2, 2, END]);
        all.push(lease_frame(&refused));
    }
    for kind in 0..=255_u8 {
        let noise: Vec<u8> = (0..64).map(|_| u8::try_from(random.below(256)).unwrap_or(0)).collect();
        let errors = [&[kind, 1, 0, 0][..], &noise].concat();
        all.push(forge::packet(station.hardware, (HOST.into(), OURS.into()), IpProtocol::Icmp, &errors));
        all.push(forge::packet(station.hardware, (HOST.into(), OURS.into()), IpProtocol::from(kind), &noise));
        all.push(message(
            station.hardware,
            (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2), station.v6),
            &errors,
        ));
        all.push(forge::frame(
            EthernetProtocol::from(u16::from(kind) << 8),
            STRANGER,
            station.hardware,
            &noise,
        ));
    }
    all
}
