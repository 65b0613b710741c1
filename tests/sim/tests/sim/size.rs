//! The largest of everything, and the entropy device.

use std::cell::RefCell;

use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_rpc::PortState;
use ipc_proto_types::{Kind, MAX_CHANNELS, MAX_PORTS, MAX_QUBES, Text};
use supervisor_monitor::{Outcome, Page, Refusal};
use supervisor_sim::{Cpu, Driven, Driver, MS, Plan, Ring, Rng, SECOND, World, register};
use supervisor_vcpu::{Exit, Ticks};
use supervisor_virtio::{Malformed, offset};
use tests_sim::probe::bulk;
use tests_sim::{Caller, EchoServer, Inbox, Qube, Shared, frame, recorder};

#[test]
fn a_system_of_twenty_four_qubes_and_sixty_four_channels_talks() {
    let names: [&'static str; 24] = std::array::from_fn(|number| &*format!("q{number}").leak());
    assert_eq!(names.len(), MAX_QUBES);
    let mut plan = Plan::new(&names);
    plan.qubes.iter_mut().for_each(|qube| qube.pages = 200);
    // Two dozen ports of the first qube, the rest among the others.
    for number in 0..MAX_CHANNELS {
        let (client, server) = if number < MAX_PORTS {
            (names[1 + number % 23], names[0])
        } else {
            (names[12 + number % 12], names[1 + number % 11])
        };
        plan.channel(client, server, &echo::SERVICE).depth = 2;
    }
    let (image, diaries) = (plan.image(), [(); MAX_QUBES].map(|()| Shared::default()));
    let mut world = World::new(&image, 0);
    for (place, name) in names.into_iter().enumerate() {
        // Each calls on its port 0 if it is a client there, and serves everywhere else.
        if place < 12 {
            world.program(name, |_| EchoServer::default());
        } else {
            let diary = &diaries[place];
            world.program(name, move |_| Caller::new(MS, diary, Rng::new(place as u64)));
        }
    }
    world.boot();
    world.run_for(SECOND);
    for diary in &diaries[12..] {
        let diary = diary.borrow();
        assert!(diary.replies > 900 && diary.errors.is_empty(), "{diary:?}");
    }
    let opened = (0..MAX_PORTS).filter(|port| {
        let driver_state: [u8; 1] = world.with_cpu(world.qube("q0"), |cpu| {
            cpu.page(Page::Info, 0x200 + 64 * u16::try_from(*port).unwrap())
        });
        driver_state == [1]
    });
    assert_eq!(opened.count(), MAX_PORTS);
}

/// The longest body there is.
fn body(number: u8) -> Vec<u8> {
    [&[0xfd, 0xff, 0x03][..], &vec![number; 65533]].concat()
}

#[test]
fn the_largest_messages_arrive_whole_and_delay_others_little() {
    let mut plan = Plan::new(&["source", "sink", "canary", "nest"]);
    for name in ["source", "sink"] {
        plan.qube(name).pages = 200;
    }
    plan.channel("source", "sink", &bulk::SERVICE).depth = 4;
    plan.channel("canary", "nest", &echo::SERVICE);
    let (image, inbox, diary) = (plan.image(), Inbox::default(), Shared::default());
    let mut world = World::new(&image, 0);
    world.program("source", |_| {
        let mut number = 0;
        Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
            while number < 50
                && driver.send(cpu, 0, &frame(&bulk::SERVICE, 0, Kind::Event, 0, &body(number))).is_ok()
            {
                number += 1;
            }
            Ticks::NEVER
        })
    });
    world.program("sink", |_| recorder(&inbox));
    world.program("canary", |_| Caller::new(0, &diary, Rng::new(1)));
    world.program("nest", |_| EchoServer::default());
    world.boot();
    world.run_for(SECOND / 10);
    let inbox = inbox.borrow();
    let numbers: Vec<u8> = inbox.iter().map(|(_, message)| message[35]).collect();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    assert!(inbox.iter().all(|(_, message)| message[32..] == body(message[35])));
    assert!(diary.borrow().slowest < 5 * MS, "{diary:?}");
}

#[test]
fn a_body_one_byte_too_long_is_refused() {
    let mut plan = Plan::new(&["source", "sink"]);
    plan.qubes.iter_mut().for_each(|qube| qube.pages = 200);
    plan.channel("source", "sink", &bulk::SERVICE).depth = 2;
    let (image, inbox) = (plan.image(), Inbox::default());
    let mut world = World::new(&image, 0);
    world.program("sink", |_| recorder(&inbox));
    let source = world.drive("source");
    world.boot();
    let source = Driven::start(&mut world, source);
    source.sleep(MS);
    let body = [&[0xfe, 0xff, 0x03][..], &vec![0; 65534]].concat();
    let message = frame(&bulk::SERVICE, 0, Kind::Event, 0, &body);
    source.with(|driver, cpu| {
        // One byte more than the buffer: it runs into the next one, which is free.
        let tx = &mut driver.ports[0].tx;
        cpu.ram().write(tx.buffer(0), &message).unwrap();
        tx.describe(cpu.ram(), 0, tx.buffer(0), u32::try_from(message.len()).unwrap(), 0, 0);
        tx.offer(cpu.ram(), 0);
    });
    source.leave(Exit::Notify { queue: 1 });
    let world = source.world();
    let record = world.monitor().record(world.monitor().records() - 1).unwrap();
    assert_eq!((record.outcome, record.why), (Outcome::Refused, Refusal::Queue(Malformed::TooLong).code()));
    assert!(inbox.borrow().is_empty());
}

/// A qube with one queue of the entropy device, ready.
fn with_entropy(test: impl FnOnce(&Driven<'_, '_, '_>, &mut Ring)) {
    let mut plan = Plan::new(&["user", "server"]);
    plan.channel("user", "server", &echo::SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 5);
    world.program("server", |_| EchoServer::default());
    let user = world.drive("user");
    world.boot();
    let user = Driven::start(&mut world, user);
    user.sleep(MS);
    let mut ring = user.with(|driver, cpu| {
        let ring = Ring::new(cpu.ram(), &mut driver.arena, 0, 4, 64);
        for (at, value) in [
            (offset::STATUS, 3),
            (offset::DRIVER_FEATURES_SEL, 1),
            (offset::DRIVER_FEATURES, 1),
            (offset::STATUS, 11),
        ] {
            driver.want(register(1, at, value));
        }
        ring.registers(1).into_iter().for_each(|exit| driver.want(exit));
        ring
    });
    user.settle();
    assert_eq!(user.with(|_, cpu| cpu.page_u32(Page::Entropy, offset::QUEUE_READY)), 1);
    test(&user, &mut ring);
}

#[test]
fn the_entropy_device_fills_each_buffer_anew() {
    with_entropy(|user, ring| {
        let seen = RefCell::new(Vec::new());
        user.with(|_, cpu| ring.post_all(cpu.ram()));
        for _ in 0..4 {
            user.leave(Exit::Notify { queue: 1 << 16 });
            let bytes = user.with(|_, cpu| {
                let (slot, len) = ring.take(cpu.ram()).expect("a buffer for each notification");
                cpu.ram().read(ring.buffer(slot), len as usize).unwrap()
            });
            assert_eq!(bytes.len(), 64);
            assert!(!seen.borrow().contains(&bytes) && bytes.iter().any(|byte| *byte != 0));
            seen.borrow_mut().push(bytes);
        }
        // None is left; asking again changes nothing.
        user.leave(Exit::Notify { queue: 1 << 16 });
        assert_eq!(user.with(|_, cpu| ring.take(cpu.ram())), None);
    });
}

#[test]
fn a_malformed_entropy_queue_is_poisoned_and_the_channels_go_on() {
    for (at, flags, why) in
        [(0, 2, Malformed::Outside), (0x20_0000, 2, Malformed::Outside), (0x20_5000, 0, Malformed::Flags)]
    {
        with_entropy(|user, ring| {
            user.with(|_, cpu| {
                ring.describe(cpu.ram(), 0, at, 64, flags, 0);
                ring.offer(cpu.ram(), 0);
            });
            user.leave(Exit::Notify { queue: 1 << 16 });
            let records = user.world().monitor().records();
            let record = user.world().monitor().record(records - 1).unwrap();
            assert_eq!((record.outcome, record.why), (Outcome::Refused, Refusal::Queue(why).code()));
            // It never gives anything again.
            user.with(|_, cpu| ring.post_all(cpu.ram()));
            user.leave(Exit::Notify { queue: 1 << 16 });
            assert_eq!(user.world().monitor().records(), records);
            assert_eq!(user.with(|_, cpu| ring.take(cpu.ram())), None);
            assert_eq!(user.facts(0).state, PortState::Open);
            let mut port = user.port(0);
            let text = Text::truncated("still here");
            assert_eq!(EchoClient::new(&mut port).say(text.clone()), Ok(text));
        });
    }
}
