//! Listeners, datagrams and echoes: what comes in is what somebody wanted, and strangers get no answer.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod world;

use std::net::{IpAddr, Ipv4Addr};

use ipc_proto_net_api::{Handle, InPlace, NetError};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4Packet, IpProtocol, Ipv4Packet, Ipv4Repr,
    TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};
use world::{OUR_HARDWARE, OURS, OURS_V6, THEIR_HARDWARE, THEIRS, World, alice, bob};

const LISTENING: &str = "net.listen alice netvm allow { address: \"10.0.2.0/24\", port: 80, protocol: tcp }";

/// A segment from anybody.
fn segment(from: (Ipv4Addr, u16), port: u16, control: TcpControl) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port: from.1,
        dst_port: port,
        control,
        seq_number: TcpSeqNumber(1),
        ack_number: (control != TcpControl::Syn).then_some(TcpSeqNumber(1)),
        window_len: 1000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    packet(from.0, OURS, IpProtocol::Tcp, tcp.buffer_len(), |payload| {
        let checksums = ChecksumCapabilities::default();
        tcp.emit(&mut TcpPacket::new_unchecked(payload), &from.0.into(), &OURS.into(), &checksums);
    })
}

fn packet(
    from: Ipv4Addr,
    to: Ipv4Addr,
    next_header: IpProtocol,
    length: usize,
    put: impl Fn(&mut [u8]),
) -> Vec<u8> {
    let header = Ipv4Repr { src_addr: from, dst_addr: to, next_header, payload_len: length, hop_limit: 64 };
    let mut bytes = vec![0; 14 + header.buffer_len() + length];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    frame.set_src_addr(EthernetAddress(THEIR_HARDWARE));
    frame.set_dst_addr(EthernetAddress(OUR_HARDWARE));
    frame.set_ethertype(EthernetProtocol::Ipv4);
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    header.emit(&mut packet, &ChecksumCapabilities::default());
    put(packet.payload_mut());
    bytes
}

/// Frames of ours that carry TCP.
fn segments(world: &World) -> usize {
    let is_tcp = |frame: &&Vec<u8>| frame[12..14] == [8, 0] && frame[23] == 6;
    world.sent.iter().filter(is_tcp).count()
}

#[test]
fn a_stream_from_outside_is_taken_when_a_rule_lets_it_in() {
    let mut world = World::with_rules(LISTENING);
    assert_eq!(world.stack.listen(&bob(), 80), Err(NetError::Denied));
    assert_eq!(world.stack.listen(&alice(), 81), Err(NetError::Denied));
    let listener = world.stack.listen(&alice(), 80).unwrap();
    assert_eq!(world.stack.accept(&alice(), listener), Err(NetError::WouldBlock));
    let handles = [Handle::Listener(listener)];
    assert!(!InPlace::poll(&mut world.stack, &alice(), &handles).unwrap()[0].readable);
    let theirs = world.host.connect((OURS.into(), 80), 40_000);
    let ready = world.until(1000, |world| world.stack.take_ready().next());
    assert_eq!(ready, alice().port);
    assert_eq!(world.stack.take_ready().count(), 0, "told once");
    let accepted = world.stack.accept(&alice(), listener).unwrap();
    assert_eq!((IpAddr::from(accepted.address), accepted.port), (IpAddr::from(THEIRS), 40_000));
    assert_eq!(world.stack.send(&alice(), accepted.stream, b"welcome"), Ok(7));
    world.until(1000, |world| world.host.tcp(theirs).can_recv().then_some(()));
    // The stream outlives its listener.
    world.stack.close(&alice(), handles[0]).unwrap();
    world.host.tcp(theirs).send_slice(b"thanks").unwrap();
    world.run(10);
    assert_eq!(world.stack.receive(&alice(), accepted.stream, &mut [0; 16]), Ok(6));
}

#[test]
fn who_is_not_let_in_gets_no_answer_at_all() {
    let mut world = World::with_rules(LISTENING);
    world.stack.listen(&alice(), 80).unwrap();
    world.host.connect((OURS_V6.into(), 80), 40_000);
    world.host.connect((OURS.into(), 81), 40_001);
    world.inject(segment((Ipv4Addr::new(10, 0, 3, 1), 1000), 80, TcpControl::Syn));
    for control in [TcpControl::Syn, TcpControl::None, TcpControl::Fin, TcpControl::Psh] {
        world.inject(segment((THEIRS, 1000), 443, control));
    }
    world.run(100);
    assert_eq!(segments(&world), 0);
}

#[test]
fn a_stream_from_the_address_that_nobody_has_stops_nothing() {
    let mut world = World::with_rules("net.* @anyvm netvm allow");
    let listener = world.stack.listen(&alice(), 80).unwrap();
    let nobody = [[0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255], [127, 0, 0, 1]];
    for from in nobody {
        for control in [TcpControl::Syn, TcpControl::None, TcpControl::Rst] {
            for port in [0, 1000] {
                world.inject(segment((from.into(), port), 80, control));
                world.step();
            }
        }
    }
    assert_eq!(segments(&world), 0);
    world.host.connect((OURS.into(), 80), 40_000);
    world.until(1000, |world| world.stack.accept(&alice(), listener).ok());
}

#[test]
fn a_caller_whose_stream_a_stranger_begins_once_more_is_heard_all_the_same() {
    // Before the caller, with it, and at every moment until well after it was accepted; once, and often in one turn; and with sockets
    // that come before its own in the set, or after it.
    let moments = (0..12).flat_map(|moment| [(moment, 1), (moment, 20)]);
    for ((moment, count), before) in moments.flat_map(|moment| (0..4).map(move |before| (moment, before))) {
        let mut world = World::with_rules("net.* @anyvm netvm allow");
        let listener = world.stack.listen(&alice(), 80).unwrap();
        for number in 0..before {
            let other = world.host.connect((OURS.into(), 80), 41_000 + number);
            let accepted = world.until(1000, |world| world.stack.accept(&alice(), listener).ok());
            world.host.tcp(other).abort();
            world.run(10);
            world.stack.close(&alice(), Handle::Stream(accepted.stream)).unwrap();
        }
        let theirs = world.host.connect((OURS.into(), 80), 40_000);
        let mut accepted = None;
        for step in 0..5000 {
            if step == moment {
                (0..count).for_each(|_| world.inject(segment((THEIRS, 40_000), 80, TcpControl::Syn)));
            }
            world.step();
            accepted = accepted.or_else(|| world.stack.accept(&alice(), listener).ok());
            if world.host.tcp(theirs).may_send() {
                let _ = world.host.tcp(theirs).send_slice(b"x");
            }
        }
        let stream = accepted.unwrap().stream;
        assert!(matches!(world.stack.receive(&alice(), stream, &mut [0; 64]), Ok(64)), "{moment} {before}");
        assert_eq!(world.stack.send(&alice(), stream, b"welcome"), Ok(7));
        world.until(1000, |world| world.host.tcp(theirs).can_recv().then_some(()));
        assert_eq!(world.stack.accept(&alice(), listener), Err(NetError::WouldBlock), "{moment} {before}");
    }
}

#[test]
fn a_caller_that_has_forgotten_its_stream_gets_in_when_it_is_asked_about_it() {
    let mut world = World::with_rules("net.* @anyvm netvm allow");
    let listener = world.stack.listen(&alice(), 80).unwrap();
    let before = world.host.connect((OURS.into(), 80), 40_000);
    let old = world.until(1000, |world| world.stack.accept(&alice(), listener).ok());
    world.host.sockets.remove(before);
    let after = world.host.connect((OURS.into(), 80), 40_000);
    let told = world.ask(80_000, |stack| stack.receive(&alice(), old.stream, &mut [0; 8]));
    assert_eq!(told, Err(NetError::Reset));
    world.stack.close(&alice(), Handle::Stream(old.stream)).unwrap();
    let new = world.until(60_000, |world| world.stack.accept(&alice(), listener).ok());
    assert_eq!(world.stack.send(&alice(), new.stream, b"welcome"), Ok(7));
    world.until(1000, |world| world.host.tcp(after).can_recv().then_some(()));
}

#[test]
fn who_comes_when_all_places_are_taken_is_not_told_that_nobody_is_here() {
    let mut world = World::with_rules("net.* @anyvm netvm allow");
    let listener = world.stack.listen(&alice(), 80).unwrap();
    world.host.connect((OURS.into(), 80), 40_000);
    world.until(1000, |world| world.stack.accept(&alice(), listener).ok());
    world.sent.clear();
    // All in one turn.
    (0..100).for_each(|number| world.inject(segment((THEIRS, 1000 + number), 80, TcpControl::Syn)));
    world.run(100);
    let is_reset = |frame: &&Vec<u8>| frame[12..14] == [8, 0] && frame[23] == 6 && frame[47] & 0b100 != 0;
    assert!(segments(&world) > 0);
    assert_eq!(world.sent.iter().filter(is_reset).count(), 0);
}

#[test]
fn a_flood_that_never_confirms_does_not_close_a_port_for_long() {
    let mut world = World::with_rules("net.* @anyvm netvm allow");
    let listener = world.stack.listen(&alice(), 80).unwrap();
    world.host.listen(7, 1);
    let stream = world.connect(&bob(), &THEIRS.to_string(), 7).unwrap();
    for number in 0..2000_u16 {
        let from = Ipv4Addr::from(0x0a00_0264 + u32::from(number % 100));
        world.inject(segment((from, 1000 + number), 80, TcpControl::Syn));
        world.step();
    }
    assert_eq!(world.stack.send(&bob(), stream, b"x"), Ok(1));
    world.host.connect((OURS.into(), 80), 40_000);
    world.until(10_000, |world| world.stack.accept(&alice(), listener).ok());
}

#[test]
fn a_reset_counts_only_from_whom_the_stream_is_with_and_within_its_window() {
    let mut world = World::with_rules("net.* @anyvm netvm allow");
    let server = world.host.listen(7, 1)[0];
    let stream = world.connect(&alice(), &THEIRS.to_string(), 7).unwrap();
    let ours = world.host.tcp(server).remote_endpoint().unwrap().port;
    for from in [(THEIRS, 8), (Ipv4Addr::new(10, 0, 2, 99), 7), (THEIRS, 7)] {
        // The last is from the right place, with a number that is none of the stream's.
        world.inject(segment(from, ours, TcpControl::Rst));
        world.step();
        assert_eq!(world.stack.send(&alice(), stream, b"x"), Ok(1), "{from:?}");
    }
    world.host.tcp(server).abort();
    world.run(5);
    assert_eq!(world.stack.receive(&alice(), stream, &mut [0; 8]), Err(NetError::Reset));
    assert_eq!(world.stack.send(&alice(), stream, b"x"), Err(NetError::Reset));
}

#[test]
fn a_stranger_who_calls_at_the_same_time_does_not_get_into_a_stream_that_begins() {
    let mut world = World::with_rules("net.* @anyvm netvm allow");
    let server = world.host.listen(7, 1)[0];
    world.tap = Box::new(|frame| {
        let is_first = frame[12..14] == [8, 0] && frame[23] == 6 && frame[47] == 0b10;
        let ours = u16::from_be_bytes([frame[34], frame[35]]);
        if is_first { vec![segment((THEIRS, 7), ours, TcpControl::Syn)] } else { vec![] }
    });
    let stream = world.connect(&alice(), &THEIRS.to_string(), 7).unwrap();
    assert_eq!(world.stack.send(&alice(), stream, b"x"), Ok(1));
    world.until(1000, |world| world.host.tcp(server).can_recv().then_some(()));
}

#[test]
fn a_stream_that_nobody_takes_is_refused_or_times_out() {
    let mut world = World::with_rules("net.* @anyvm netvm allow");
    assert_eq!(world.connect(&alice(), &THEIRS.to_string(), 9), Err(NetError::Refused));
    assert_eq!(world.connect(&alice(), "10.0.2.99", 9), Err(NetError::TimedOut));
    for (host, error) in [
        ("0.0.0.0", NetError::BadHost),
        ("127.0.0.1", NetError::BadHost),
        ("::ffff:127.0.0.1", NetError::BadHost),
        ("224.0.0.1", NetError::BadHost),
        ("255.255.255.255", NetError::BadHost),
        ("10.0.2.255", NetError::BadHost),
        ("10.0.2.15", NetError::BadHost),
        ("127.1", NetError::BadHost),
        ("ff02::1", NetError::BadHost),
        ("", NetError::BadHost),
        ("a b", NetError::BadHost),
    ] {
        assert_eq!(world.stack.connect(&alice(), host, 80), Err(error), "{host}");
    }
    assert_eq!(world.stack.connect(&alice(), &THEIRS.to_string(), 0), Err(NetError::BadPort));
}

#[test]
fn datagrams_come_from_those_who_were_sent_to() {
    let mut world = World::with_rules("net.send_to alice netvm allow { port: 9 }");
    let (theirs, stranger) = (world.host.bind(9), world.host.bind(10));
    let socket = world.stack.bind_udp(&alice(), 0).unwrap();
    let to = THEIRS.to_string();
    assert_eq!(world.stack.send_to(&alice(), socket, &to, 10, b"x"), Err(NetError::Denied));
    assert_eq!(world.stack.send_to(&alice(), socket, "a.example", 9, b"x"), Err(NetError::BadHost));
    assert_eq!(world.stack.send_to(&alice(), socket, &to, 9, &[0; 1473]), Err(NetError::TooLong));
    assert_eq!(world.stack.send_to(&alice(), socket, &to, 9, &[7; 1472]), Ok(()));
    let from = world.until(1000, |world| {
        let (data, from) = world.host.udp(theirs).recv().ok()?;
        assert_eq!(data, [7; 1472]);
        Some(from.endpoint)
    });
    world.host.udp(stranger).send_slice(b"psst", from).unwrap();
    world.host.udp(theirs).send_slice(b"answer", from).unwrap();
    let mut room = [0; 1472];
    let got = world.ask(1000, |stack| stack.receive_from(&alice(), socket, &mut room)).unwrap();
    assert_eq!((&room[..got.0], got.1, got.2), (&b"answer"[..], THEIRS.into(), 9));
    world.run(50);
    assert_eq!(world.stack.receive_from(&alice(), socket, &mut room), Err(NetError::WouldBlock));
    // With a rule to listen, anybody may send whom it names.
    world.set_rules("net.listen alice netvm allow { protocol: udp, address: \"10.0.2.2\" }");
    world.host.udp(stranger).send_slice(b"hello", from).unwrap();
    let got = world.ask(1000, |stack| stack.receive_from(&alice(), socket, &mut room)).unwrap();
    assert_eq!((&room[..got.0], got.2), (&b"hello"[..], 10));
    assert_eq!(world.stack.bind_udp(&alice(), 68), Err(NetError::BadPort));
}

#[test]
fn nobody_speaks_with_a_dhcp_server_in_our_name() {
    let mut world = World::with_rules("net.* alice netvm allow");
    let socket = world.stack.bind_udp(&alice(), 0).unwrap();
    for host in ["10.0.2.2", "::ffff:10.0.2.2", "192.0.2.1", "2001:db8::2"] {
        for port in [67, 68] {
            let said = world.stack.send_to(&alice(), socket, host, port, b"release");
            assert_eq!(said, Err(NetError::BadPort), "{host} {port}");
        }
    }
    assert_eq!(world.stack.send_to(&alice(), socket, "10.0.2.2", 69, b"release"), Ok(()));
}

#[test]
fn a_port_of_its_own_has_who_may_listen_there() {
    let rules = |line: &str| World::with_rules(&format!("net.connect alice netvm allow\n{line}"));
    let check = |line: &str, port: u16, expected: Result<(), NetError>| {
        let bound = rules(line).stack.bind_udp(&alice(), port).map(|_| ());
        assert_eq!(bound, expected, "{line:?} {port}");
    };
    for port in [1, 53, 5000, 65535] {
        check("", port, Err(NetError::Denied));
        check("net.send_to alice netvm allow", port, Err(NetError::Denied));
        check("net.listen alice netvm allow { protocol: tcp }", port, Err(NetError::Denied));
        check("net.listen bob netvm allow", port, Err(NetError::Denied));
        check("net.listen alice netvm allow", port, Ok(()));
    }
    check("", 0, Ok(()));
    let one = "net.listen alice netvm allow { protocol: udp, port: 5000, address: \"10.0.2.0/24\" }";
    check(one, 5000, Ok(()));
    check(one, 5001, Err(NetError::Denied));
    // So who may not keeps it from nobody who may.
    let mut world = rules("net.listen bob netvm allow { port: 5000 }");
    assert_eq!(world.stack.bind_udp(&alice(), 5000), Err(NetError::Denied));
    assert!(world.stack.bind_udp(&bob(), 5000).is_ok());
}

/// The answer to an echo, if this is one; its data changed when `spoil`.
fn echo(frame: &[u8], spoil: bool) -> Vec<Vec<u8>> {
    let is_echo = frame[12..14] == [8, 0] && frame[23] == 1 && frame[34] == 8;
    if !is_echo {
        return vec![];
    }
    let mut message = frame[34..].to_vec();
    message[0] = 0;
    if spoil {
        *message.last_mut().unwrap() ^= 1;
    }
    Icmpv4Packet::new_unchecked(&mut message[..]).fill_checksum();
    vec![packet(THEIRS, OURS, IpProtocol::Icmp, message.len(), |payload| payload.copy_from_slice(&message))]
}

#[test]
fn an_echo_comes_back_from_whom_it_was_sent_to_with_what_was_sent() {
    let mut world = World::with_rules("net.ping alice netvm allow { address: \"10.0.2.0/24\" }");
    let to = THEIRS.to_string();
    assert_eq!(world.stack.ping(&bob(), &to), Err(NetError::Denied));
    assert_eq!(world.stack.ping(&alice(), "10.0.3.1"), Err(NetError::Denied));
    world.tap = Box::new(|frame| echo(frame, false));
    let ms = world.ask(1000, |stack| stack.ping(&alice(), &to)).unwrap();
    assert!(ms < 10, "{ms} ms");
    world.tap = Box::new(|frame| echo(frame, true));
    assert_eq!(world.ask(10_000, |stack| stack.ping(&alice(), &to)), Err(NetError::TimedOut));
    world.tap = Box::new(|frame| echo(frame, false));
    assert_eq!(world.ask(10_000, |stack| stack.ping(&alice(), "10.0.2.99")), Err(NetError::TimedOut));
    // Nobody gets an echo from us.
    let before = world.sent.len();
    world.inject(packet(THEIRS, OURS, IpProtocol::Icmp, 16, |payload| {
        payload[0] = 8;
        Icmpv4Packet::new_unchecked(payload).fill_checksum();
    }));
    world.run(50);
    assert_eq!(world.sent.len(), before);
}
