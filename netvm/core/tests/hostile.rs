//! Whatever comes in, nothing stops: frames of random bytes, frames of the right shape with random fields, frames that were
//! once good with a few bytes changed, and server's bytes in every order.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod world;

use ipc_proto_net_api::{Handle, InPlace, NetError};
use netvm_core::Config;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv4Packet, Icmpv6Packet, IpProtocol, Ipv4Packet, Ipv6Packet,
    TcpPacket, UdpPacket,
};
use world::{OUR_HARDWARE, OURS, OURS_V6, Random, THEIRS, World, alice, bob, fixed, small_quota};

const ALL: &str = "net.* @anyvm netvm allow";

/// A world in which every door is open, and every good frame that came to us.
fn open(seed: u64, config: &Config) -> (World, Vec<Vec<u8>>) {
    let mut world = World::new(config, small_quota(), seed);
    world.set_rules(ALL);
    world.host.listen(7, 4);
    world.host.bind(9);
    world.stack.listen(&alice(), 80).unwrap();
    let to = THEIRS.to_string();
    let stream = world.stack.connect(&alice(), &to, 7);
    let socket = world.stack.bind_udp(&bob(), 5000).unwrap();
    for _ in 0..3 {
        let _ = world.stack.resolve(&bob(), "a.example");
        let _ = world.stack.send_to(&bob(), socket, &to, 9, b"x");
        let _ = world.stack.ping(&bob(), &to);
        world.host.connect((OURS.into(), 80), 40_000 + u16::try_from(world.ms).unwrap());
        world.run(4);
        if let Ok(stream) = stream {
            let _ = world.stack.send(&alice(), stream, b"hello");
        }
    }
    let seen = world.sent.clone();
    (world, seen)
}

/// Turns a frame of ours round, so that it could be one of theirs.
fn turn(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let (mut to, mut from) = ([0; 6], [0; 6]);
    to.copy_from_slice(&frame[..6]);
    from.copy_from_slice(&frame[6..12]);
    frame[..6].copy_from_slice(&from);
    frame[6..12].copy_from_slice(&to);
    if to[0] & 1 != 0 {
        frame[6..12].copy_from_slice(&world::THEIR_HARDWARE);
    }
    let swap = |frame: &mut Vec<u8>, at: usize, size: usize| {
        let (left, right) = frame[at..at + 2 * size].split_at_mut(size);
        left.swap_with_slice(right);
    };
    match (frame[12], frame[13]) {
        (8, 0) => {
            swap(&mut frame, 26, 4);
            if frame[23] == 6 || frame[23] == 17 {
                swap(&mut frame, 34, 2);
            }
        }
        (0x86, 0xdd) => {
            swap(&mut frame, 22, 16);
            if frame[20] == 6 || frame[20] == 17 {
                swap(&mut frame, 54, 2);
            }
        }
        _ => {}
    }
    frame
}

/// Makes the checksums right, so that what is behind them is looked at.
fn mend(bytes: &mut [u8]) {
    let Ok(mut frame) = EthernetFrame::new_checked(bytes) else { return };
    let kind = frame.ethertype();
    let _ = ChecksumCapabilities::default();
    if kind == EthernetProtocol::Ipv4 {
        let Ok(mut packet) = Ipv4Packet::new_checked(frame.payload_mut()) else { return };
        packet.fill_checksum();
        let (from, to, next) = (packet.src_addr(), packet.dst_addr(), packet.next_header());
        mend_inner(packet.payload_mut(), from.into(), to.into(), next);
    } else if kind == EthernetProtocol::Ipv6 {
        let Ok(mut packet) = Ipv6Packet::new_checked(frame.payload_mut()) else { return };
        let (from, to, next) = (packet.src_addr(), packet.dst_addr(), packet.next_header());
        mend_inner(packet.payload_mut(), from.into(), to.into(), next);
    }
}

fn mend_inner(
    bytes: &mut [u8],
    from: smoltcp::wire::IpAddress,
    to: smoltcp::wire::IpAddress,
    next: IpProtocol,
) {
    match next {
        IpProtocol::Tcp => {
            if let Ok(mut packet) = TcpPacket::new_checked(bytes) {
                packet.fill_checksum(&from, &to);
            }
        }
        IpProtocol::Udp => {
            if let Ok(mut packet) = UdpPacket::new_checked(bytes) {
                packet.fill_checksum(&from, &to);
            }
        }
        IpProtocol::Icmp => {
            if let Ok(mut packet) = Icmpv4Packet::new_checked(bytes) {
                packet.fill_checksum();
            }
        }
        IpProtocol::Icmpv6 => {
            if let (
                Ok(mut packet),
                smoltcp::wire::IpAddress::Ipv6(from),
                smoltcp::wire::IpAddress::Ipv6(to),
            ) = (Icmpv6Packet::new_checked(bytes), from, to)
            {
                packet.fill_checksum(&from, &to);
            }
        }
        _ => {}
    }
}

/// A frame of the right shape with random fields.
fn shaped(random: &mut Random) -> Vec<u8> {
    let size = usize::try_from(random.below(120)).unwrap();
    let payload = random.bytes(size);
    let mut frame = OUR_HARDWARE.to_vec();
    if random.below(4) == 0 {
        frame = match random.below(3) {
            0 => vec![0xff; 6],
            1 => vec![0x33, 0x33, 0, 0, 0, 1],
            _ => vec![0x33, 0x33, 0xff, 0, 0, 0x15],
        };
    }
    frame.extend_from_slice(&world::THEIR_HARDWARE);
    let pick =
        |random: &mut Random, some: &[u8]| some[usize::try_from(random.below(some.len() as u64)).unwrap()];
    if random.below(2) == 0 {
        frame.extend_from_slice(&[8, 0, 0x45, 0]);
        frame.extend_from_slice(&u16::try_from(20 + size).unwrap().to_be_bytes());
        let flags = pick(random, &[0, 0, 0x40, 0x20, 1]);
        let next = pick(random, &[1, 6, 17, 2, 0, 58]);
        frame.extend_from_slice(&[0, 0, flags, 0, 64, next, 0, 0]);
        let from = [[10, 0, 2, 2], [0, 0, 0, 0], [255, 255, 255, 255], [224, 0, 0, 1], [10, 0, 2, 15]];
        frame.extend_from_slice(&from[usize::try_from(random.below(5)).unwrap()]);
        let to = [OURS.octets(), [255; 4], [10, 0, 2, 255], [224, 0, 0, 1]];
        frame.extend_from_slice(&to[usize::try_from(random.below(4)).unwrap()]);
    } else {
        frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend_from_slice(&u16::try_from(size).unwrap().to_be_bytes());
        let hops = pick(random, &[255, 64]);
        frame.extend_from_slice(&[pick(random, &[58, 58, 6, 17, 0, 43, 44]), hops]);
        let froms = ["fe80::ff:fe00:2", "2001:db8::2", "::", "ff02::1", "::1", "::ffff:10.0.2.2"];
        let from: std::net::Ipv6Addr = froms[usize::try_from(random.below(6)).unwrap()].parse().unwrap();
        frame.extend_from_slice(&from.octets());
        let all: std::net::Ipv6Addr = "ff02::1".parse().unwrap();
        frame.extend_from_slice(&[OURS_V6, all][usize::try_from(random.below(2)).unwrap()].octets());
    }
    let start = frame.len();
    frame.extend(payload);
    // Kinds and ports that lead further in.
    if size > 4 {
        match random.below(3) {
            0 => frame[start] = pick(random, &[133, 134, 135, 136, 137, 129, 128, 0, 8, 3]),
            1 => {
                let port: u16 = [68, 80, 5000, 53][usize::try_from(random.below(4)).unwrap()];
                frame[start + 2..start + 4].copy_from_slice(&port.to_be_bytes());
                let from: u16 = [67, 7, 9, 53][usize::try_from(random.below(4)).unwrap()];
                frame[start..start + 2].copy_from_slice(&from.to_be_bytes());
                if size > 14 {
                    frame[start + 12] = 0x50;
                    frame[start + 4..start + 6].copy_from_slice(&u16::try_from(size).unwrap().to_be_bytes());
                }
            }
            _ => {}
        }
    }
    mend(&mut frame);
    frame
}

/// What a router could say, with any prefix.
fn router(random: &mut Random) -> Vec<u8> {
    let mut frame = vec![0x33, 0x33, 0, 0, 0, 1];
    frame.extend_from_slice(&world::THEIR_HARDWARE);
    frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 48, 58, 255]);
    let (router, all) = ("fe80::ff:fe00:2", "ff02::1");
    for address in [router, all] {
        frame.extend_from_slice(&address.parse::<std::net::Ipv6Addr>().unwrap().octets());
    }
    frame.extend_from_slice(&[134, 0, 0, 0, 64, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
    let bits = [64, 64, 64, 0, 8, 128][usize::try_from(random.below(6)).unwrap()];
    frame.extend_from_slice(&[3, 4, bits, 0xc0, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0, 0]);
    let prefixes = ["ff02::", "::", "2001:db8:1::", "2001:db8:2::", "fe80::", "fd00::", "::1"];
    let prefix: std::net::Ipv6Addr = prefixes[usize::try_from(random.below(7)).unwrap()].parse().unwrap();
    frame.extend_from_slice(&prefix.octets());
    if random.below(3) == 0 {
        let place = 54 + usize::try_from(random.below(48)).unwrap();
        frame[place] = random.bytes(1)[0];
    }
    mend(&mut frame);
    frame
}

/// What a server of DHCP could say to the last question, with any address.
fn lease(random: &mut Random, good: &[Vec<u8>]) -> Vec<u8> {
    let is_dhcp = |frame: &&Vec<u8>| frame.len() > 290 && frame[12..14] == [8, 0] && frame[36..38] == [0, 67];
    let Some(asked) = good.iter().rev().find(is_dhcp) else { return shaped(random) };
    let mut frame = turn(asked);
    let (server, all) = ([10, 0, 2, 2], [255; 4]);
    frame[26..30].copy_from_slice(&server);
    frame[30..34].copy_from_slice(&all);
    frame[..6].copy_from_slice(&[0xff; 6]);
    frame[42] = 2;
    let addresses = [[10, 0, 2, 15], [224, 0, 0, 1], [0; 4], [255; 4], [127, 0, 0, 1], [10, 0, 2, 77]];
    let any = |random: &mut Random| addresses[usize::try_from(random.below(6)).unwrap()];
    frame[58..62].copy_from_slice(&any(random));
    let kind = [2, 5, 5, 6][usize::try_from(random.below(4)).unwrap()];
    let mut options = vec![53, 1, kind, 54, 4, 10, 0, 2, 2, 51, 4, 0, 0, 0, random.bytes(1)[0]];
    for option in [1, 3, 6] {
        options.extend_from_slice(&[option, 4]);
        let value = if option == 1 && random.below(2) == 0 { [255, 255, 255, 0] } else { any(random) };
        options.extend_from_slice(&value);
    }
    options.push(255);
    frame.truncate(42 + 240);
    frame.extend(options);
    let length = u16::try_from(frame.len() - 14).unwrap();
    frame[16..18].copy_from_slice(&length.to_be_bytes());
    frame[38..40].copy_from_slice(&(length - 20).to_be_bytes());
    mend(&mut frame);
    frame
}

/// A good frame with a few bytes changed, or cut off, or with more at its end.
fn changed(random: &mut Random, good: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = good[usize::try_from(random.below(good.len() as u64)).unwrap()].clone();
    if random.below(2) == 0 {
        frame = turn(&frame);
    }
    for _ in 0..random.below(6) {
        // Header and options more often than data.
        let end = if random.below(2) == 0 { frame.len() } else { frame.len().min(74) };
        let place = usize::try_from(random.below(end as u64)).unwrap();
        frame[place] = match random.below(4) {
            0 => 0,
            1 => 0xff,
            2 => frame[place] ^ (1 << random.below(8)),
            _ => random.bytes(1)[0],
        };
    }
    match random.below(8) {
        0 => frame.truncate(usize::try_from(random.below(frame.len() as u64 + 1)).unwrap()),
        1 => frame.extend(random.bytes(40)),
        _ => {}
    }
    if random.below(4) != 0 {
        mend(&mut frame);
    }
    frame
}

/// So many frames from a seed; afterwards the network still works.
fn storm(seed: u64, frames: usize, config: &Config) {
    let (mut world, mut good) = open(seed, config);
    let mut random = Random(seed ^ 0x5eed);
    for number in 0..frames {
        let frame = match random.below(8) {
            0 => {
                let size = usize::try_from(random.below(200)).unwrap();
                random.bytes(size)
            }
            1 | 2 => shaped(&mut random),
            3 => router(&mut random),
            4 => lease(&mut random, &good),
            _ => changed(&mut random, &good),
        };
        world.inject(frame);
        if number % 16 == 0 {
            world.step();
            // The last questions are the ones that an answer can be made for.
            good.extend(world.sent.drain(..).filter(|frame| frame.len() > 290).take(1));
            good.truncate(1000);
            let jump = random.below(200);
            if random.below(50) == 0 {
                world.ms += jump * 100;
            }
            if let Some(at) = world.stack.turn_at() {
                assert!(at < u64::MAX);
            }
            let _ = world.stack.resolve(&bob(), "a.example");
            let _ = world.stack.ping(&bob(), &THEIRS.to_string());
        }
    }
    world.run(100);
    if config.fixed.is_none() {
        return;
    }
    // Neighbors may have been lied about; they are asked for again before long.
    let end = world.ms + 200_000;
    loop {
        world.host.listen(4000, 1);
        let open = world.connect(&bob(), &THEIRS.to_string(), 4000);
        match open {
            Ok(stream) => {
                assert_eq!(world.stack.send(&bob(), stream, b"alive"), Ok(5));
                world.stack.close(&bob(), Handle::Stream(stream)).unwrap();
                return;
            }
            Err(NetError::TimedOut | NetError::Refused | NetError::Reset) => {
                assert!(world.ms < end, "seed {seed}")
            }
            Err(error) => panic!("seed {seed}: {error:?}"),
        }
    }
}

#[test]
fn three_hundred_thousand_frames_from_anybody_stop_nothing() {
    for seed in 0..30 {
        storm(seed, 10_000, &fixed());
    }
}

#[test]
fn a_hundred_thousand_frames_stop_nothing_without_an_address_either() {
    let config = Config { hardware: OUR_HARDWARE, fixed: None, resolvers: vec![], addresses_v6: vec![] };
    for seed in 100..110 {
        storm(seed, 10_000, &config);
    }
}
