//! Nothing leaves before there are rules, and what a change forbids is cut.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod world;

use ipc_proto_net_api::{Handle, InPlace, NetError};
use netvm_core::Config;
use world::{BEGIN_S, OUR_HARDWARE, Random, THEIRS, World, alice, bob, fixed, small_quota};

const ALL: &str = "net.* @anyvm netvm allow";

#[test]
fn no_packet_leaves_before_the_rules_whatever_the_order_of_the_start() {
    let dhcp = Config { hardware: OUR_HARDWARE, fixed: None, resolvers: vec![], addresses_v6: vec![] };
    let mut frames = 0;
    for seed in 0..1000 {
        let mut random = Random(seed);
        let config = if seed % 2 == 0 { fixed() } else { dhcp.clone() };
        let mut world = World::new(&config, small_quota(), seed);
        world.host.listen(7, 1);
        let to = THEIRS.to_string();
        for _ in 0..random.below(40) {
            let caller = if random.below(2) == 0 { alice() } else { bob() };
            match random.below(9) {
                0 => assert_eq!(world.stack.connect(&caller, &to, 7), Err(NetError::Denied)),
                1 => assert_eq!(world.stack.connect(&caller, "a.example", 7), Err(NetError::Denied)),
                2 => assert_eq!(world.stack.resolve(&caller, "a.example"), Err(NetError::Denied)),
                3 => assert_eq!(world.stack.listen(&caller, 80), Err(NetError::Denied)),
                4 => assert_eq!(world.stack.ping(&caller, &to), Err(NetError::Denied)),
                5 => {
                    if let Ok(socket) = world.stack.bind_udp(&caller, 0) {
                        assert_eq!(world.stack.send_to(&caller, socket, &to, 7, b"x"), Err(NetError::Denied));
                    }
                }
                6 => world.stack.set_link(random.below(2) == 0),
                7 => {
                    // Somebody asks for our address: not even that is answered.
                    let asked = world.host.connect((world::OURS.into(), 80), 40_000);
                    world.run(5);
                    world.host.sockets.remove(asked);
                }
                _ => {
                    let ms = random.below(50);
                    world.run(ms);
                }
            }
            world.stack.flush();
        }
        world.step();
        assert_eq!(world.sent, Vec::<Vec<u8>>::new(), "seed {seed}");
        world.stack.set_link(true);
        world.set_rules(ALL);
        world.run(20);
        frames += world.sent.len();
    }
    assert!(frames > 1000, "with rules there are packets: {frames}");
}

#[test]
fn a_change_cuts_what_it_forbids_and_nothing_else() {
    let mut world = World::with_rules(ALL);
    let servers = [world.host.listen(7, 1)[0], world.host.listen(8, 1)[0]];
    let to = THEIRS.to_string();
    let streams = [7, 8].map(|port| world.connect(&alice(), &to, port).unwrap());
    let socket = world.stack.bind_udp(&alice(), 0).unwrap();
    let theirs = world.host.bind(9);
    world.stack.send_to(&alice(), socket, &to, 9, b"hello").unwrap();
    world.run(5);
    let from = world.host.udp(theirs).recv().unwrap().1.endpoint;

    world.set_rules("net.connect alice netvm allow { port: 8 }");
    assert_eq!(world.stack.send(&alice(), streams[0], b"x"), Err(NetError::Cut), "before another packet");
    assert_eq!(world.stack.receive(&alice(), streams[0], &mut [0; 8]), Err(NetError::Cut));
    world.run(10);
    assert!(!world.host.tcp(servers[0]).is_active(), "the other side knows within ten milliseconds");
    assert_eq!(world.stack.send(&alice(), streams[1], b"x"), Ok(1));
    world.run(10);
    assert!(world.host.tcp(servers[1]).can_recv());
    world.host.udp(theirs).send_slice(b"answer", from).unwrap();
    world.run(10);
    let mut room = [0; 2000];
    assert_eq!(world.stack.receive_from(&alice(), socket, &mut room), Err(NetError::WouldBlock));
    assert_eq!(world.stack.send_to(&alice(), socket, &to, 9, b"hello"), Err(NetError::Denied));
    let over = InPlace::poll(&mut world.stack, &alice(), &[Handle::Stream(streams[0])]).unwrap();
    assert_eq!(over[0].over, Some(NetError::Cut));
}

#[test]
fn what_a_rule_allowed_ends_when_the_rule_does() {
    let end = BEGIN_S + 5;
    let mut world = World::with_rules(&format!("net.connect @anyvm netvm allow {{ expires: {end} }}"));
    let server = world.host.listen(7, 1)[0];
    let stream = world.connect(&alice(), &THEIRS.to_string(), 7).unwrap();
    assert_eq!(world.stack.next_expiry(), Some(end));
    let before = 4_999 - world.ms;
    world.run(before);
    assert_eq!(world.stack.send(&alice(), stream, b"x"), Ok(1));
    world.run(2);
    assert_eq!(world.stack.send(&alice(), stream, b"x"), Err(NetError::Cut));
    world.run(5);
    assert!(!world.host.tcp(server).is_active());
    assert_eq!(world.stack.connect(&alice(), &THEIRS.to_string(), 7), Err(NetError::Denied));
}
