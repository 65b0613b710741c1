//! What one client takes is never another's.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod world;

use ipc_proto_net_api::{Handle, InPlace, NetError, StreamId};
use ipc_proto_rpc::Caller;
use world::{THEIRS, World, alice, bob, fixed, life, port, small_quota};

const ALL: &str = "net.* @anyvm netvm allow";

/// Sends and gets back a byte on each of these streams.
fn use_all(
    world: &mut World,
    streams: &[StreamId],
    servers: &[smoltcp::iface::SocketHandle],
    caller: &Caller,
) {
    for (number, stream) in streams.iter().enumerate() {
        let byte = u8::try_from(number).unwrap();
        assert_eq!(world.stack.send(caller, *stream, &[byte]), Ok(1));
    }
    world.run(50);
    for server in servers {
        let socket = world.host.tcp(*server);
        if socket.can_recv() && socket.can_send() {
            let data = socket.recv(|data| (data.len(), data.to_vec())).unwrap();
            socket.send_slice(&data).unwrap();
        }
    }
    world.run(50);
    for (number, stream) in streams.iter().enumerate() {
        let mut room = [0; 8];
        assert_eq!(world.stack.receive(caller, *stream, &mut room), Ok(1), "stream {number}");
        assert_eq!(usize::from(room[0]), number);
    }
}

#[test]
fn a_hundred_thousand_streams_of_one_leave_the_other_its_sixty_four() {
    let mut world = World::with_rules(ALL);
    let servers = world.host.listen(7, 128);
    let to = THEIRS.to_string();
    let streams: Vec<_> = (0..64).map(|_| world.connect(&bob(), &to, 7).unwrap()).collect();
    let mut opened = Vec::new();
    for number in 0..100_000_u32 {
        match world.stack.connect(&alice(), &to, 7) {
            Ok(stream) => opened.push(stream),
            Err(error) => assert_eq!(error, NetError::Quota),
        }
        if number % 1000 == 0 {
            world.step();
        }
    }
    assert_eq!(opened.len(), 64);
    assert_eq!(
        world.stack.connect(&bob(), &to, 7),
        Err(NetError::Quota),
        "the other's own quota is full too"
    );
    use_all(&mut world, &streams, &servers, &bob());
    // Opening and closing as fast as it can does not help it either.
    for stream in opened {
        world.stack.close(&alice(), Handle::Stream(stream)).unwrap();
    }
    for _ in 0..10_000 {
        let stream = world.stack.connect(&alice(), &to, 7).unwrap();
        world.stack.close(&alice(), Handle::Stream(stream)).unwrap();
    }
    world.run(100);
    use_all(&mut world, &streams, &servers, &bob());
}

#[test]
fn every_other_thing_has_a_quota_of_its_own() {
    let mut world = World::with_rules(ALL);
    let quota = small_quota();
    let count =
        |world: &mut World, caller: Caller, what: &dyn Fn(&mut World, Caller, u16) -> Option<NetError>| {
            let mut allowed = 0;
            for number in 0..200 {
                match what(world, caller, number) {
                    None => allowed += 1,
                    Some(error) => assert_eq!(error, NetError::Quota),
                }
            }
            allowed
        };
    for (caller, base) in [(alice(), 1000), (bob(), 2000)] {
        let sockets = count(&mut world, caller, &|world, caller, _| world.stack.bind_udp(&caller, 0).err());
        assert_eq!(sockets, quota.sockets);
        let listeners = count(&mut world, caller, &|world, caller, number| {
            world.stack.listen(&caller, base + number).err()
        });
        assert_eq!(listeners, quota.listeners);
        let questions = count(&mut world, caller, &|world, caller, number| {
            let name = format!("n{number}.example");
            world.stack.resolve(&caller, &name).err().filter(|error| *error != NetError::WouldBlock)
        });
        assert_eq!(questions, quota.questions);
        let pings = count(&mut world, caller, &|world, caller, number| {
            let address = format!("10.0.2.{}", 20 + number);
            world.stack.ping(&caller, &address).err().filter(|error| *error != NetError::WouldBlock)
        });
        assert_eq!(pings, quota.pings);
    }
}

#[test]
fn who_waits_for_nobody_keeps_no_other_from_finding_its_neighbor() {
    for host in ["10.0.2", "2001:db8:0:0:0:0:0"] {
        let mut world = World::with_rules(ALL);
        world.host.listen(7, 1);
        let join = if host.contains(':') { ":" } else { "." };
        for number in 100..164 {
            world.stack.connect(&alice(), &format!("{host}{join}{number}"), 7).unwrap();
        }
        world.run(10);
        let began = world.ms;
        world.connect(&bob(), &format!("{host}{join}2"), 7).unwrap();
        assert!(world.ms - began < 50, "{} ms", world.ms - began);
    }
}

#[test]
fn a_number_means_nothing_to_another_client_or_another_life() {
    let mut world = World::new(&fixed(), small_quota(), 3);
    world.set_rules(ALL);
    let server = world.host.listen(7, 1)[0];
    let stream = world.connect(&alice(), &THEIRS.to_string(), 7).unwrap();
    let socket = world.stack.bind_udp(&alice(), 5000).unwrap();
    let again = life(port(0), 2);
    assert_eq!(world.stack.bind_udp(&bob(), 5000), Err(NetError::PortInUse));
    for stranger in [bob(), again] {
        assert_eq!(world.stack.send(&stranger, stream, b"x"), Err(NetError::NoSuchHandle));
        assert_eq!(world.stack.receive_from(&stranger, socket, &mut [0; 9]), Err(NetError::NoSuchHandle));
        assert_eq!(world.stack.close(&stranger, Handle::Stream(stream)), Err(NetError::NoSuchHandle));
    }
    // Its new life called, so what the old one had is gone, and the other side knows.
    world.run(20);
    assert!(!world.host.tcp(server).is_active());
    assert!(world.stack.bind_udp(&bob(), 5000).is_ok());
    let nobody = life(port(9), 1);
    assert_eq!(world.stack.connect(&nobody, &THEIRS.to_string(), 7), Err(NetError::Denied));
}

#[test]
fn a_stream_that_was_closed_ends_with_its_client_once_all_it_took_is_there() {
    for length in [0, 3000] {
        let mut world = World::new(&fixed(), small_quota(), 4);
        world.set_rules(ALL);
        let server = world.host.listen(7, 1)[0];
        let stream = world.connect(&alice(), &THEIRS.to_string(), 7).unwrap();
        assert_eq!(world.stack.send(&alice(), stream, &vec![b'x'; length]), Ok(length));
        world.stack.close(&alice(), Handle::Stream(stream)).unwrap();
        if length == 0 {
            world.run(50);
            assert!(world.host.tcp(server).is_active(), "the other side may still send");
        }
        world.stack.end(port(0));
        world.run(50);
        let mut into = [0; 4096];
        assert_eq!(world.host.tcp(server).recv_slice(&mut into).unwrap_or(0), length);
        if length == 0 {
            assert!(!world.host.tcp(server).is_active(), "what it has sent and received waits for nobody");
        }
    }
}

#[test]
fn a_stream_that_only_receives_goes_on_while_another_client_looks_for_nobody() {
    let mut world = World::with_rules(ALL);
    // Beyond the router: what comes from there does not tell who the router is.
    world.host.interface.update_ip_addrs(|own| own.push("192.0.2.7/24".parse().unwrap()).unwrap());
    let server = world.host.listen(7, 1)[0];
    let stream = world.connect(&bob(), "192.0.2.7", 7).unwrap();
    let mut looking = std::collections::VecDeque::new();
    let (mut received, mut last_ms) = (0, world.ms);
    for number in 0..150_000_u32 {
        if number % 100 == 0 {
            if looking.len() >= 40 {
                let oldest = looking.pop_front().unwrap();
                world.stack.close(&alice(), Handle::Stream(oldest)).unwrap();
            }
            let nobody = format!("10.0.2.{}", 100 + number / 100 % 100);
            looking.extend(world.stack.connect(&alice(), &nobody, 9));
        }
        if number % 10 == 0 && world.host.tcp(server).can_send() {
            world.host.tcp(server).send_slice(&[1; 500]).unwrap();
        }
        world.step();
        world.sent.clear();
        if let Ok(count) = world.stack.receive(&bob(), stream, &mut [0; 4096]) {
            (received, last_ms) = (received + count, world.ms);
        }
        assert!(world.ms - last_ms < 100, "nothing came for {} ms", world.ms - last_ms);
    }
    assert!(received > 7_000_000, "{received}");
}
