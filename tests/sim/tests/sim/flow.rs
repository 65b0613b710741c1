//! Flow between channels: who floods, starves or stops reading harms itself.

use std::cell::{Cell, RefCell};

use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_types::{Bytes, Kind, Text};
use supervisor_sim::{Cpu, Driven, Driver, Guest, MS, Plan, Rng, SECOND, World};
use supervisor_vcpu::{Exit, Ticks};
use tests_sim::{Caller, EchoServer, Inbox, Qube, Shared, Streamer, frame, recorder, seeds};

/// A server that takes so long for each message, and counts them by port.
fn slow(ticks: u64, counts: &RefCell<Vec<u64>>) -> impl Guest {
    Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
        counts.borrow_mut().resize(driver.ports.len(), 0);
        for port in 0..driver.ports.len() {
            while driver.receive(cpu, port).is_some() {
                cpu.spend(ticks);
                counts.borrow_mut()[port] += 1;
            }
        }
        Ticks::NEVER
    })
}

#[test]
fn a_flood_on_one_port_does_not_keep_others_from_being_read() {
    let names = ["a", "b", "c"];
    for flooder in names {
        let mut plan = Plan::new(&["a", "b", "c", "server"]);
        for name in names {
            plan.channel(name, "server", &echo::SERVICE).depth = 64;
        }
        let (image, counts) = (plan.image(), RefCell::new(Vec::new()));
        let mut world = World::new(&image, 0);
        for name in names {
            world.program(name, move |_| Streamer::new(if name == flooder { u64::MAX } else { 64 }));
        }
        world.program("server", |_| slow(MS / 12, &counts));
        world.boot();
        world.run_for(SECOND);
        for (name, count) in names.into_iter().zip(counts.borrow().iter().copied()) {
            if name == flooder {
                assert!(count > 1000, "the attack did not run: {counts:?}");
            } else {
                assert_eq!(count, 64, "{counts:?}");
            }
        }
    }
}

#[test]
fn a_flood_on_one_channel_does_not_delay_others_beyond_their_slices() {
    let mut plan = Plan::new(&["flooder", "sink", "canary", "nest"]);
    plan.channel("flooder", "sink", &echo::SERVICE).depth = 64;
    plan.channel("canary", "nest", &echo::SERVICE);
    let (image, diary, counts) = (plan.image(), Shared::default(), RefCell::new(Vec::new()));
    let mut world = World::new(&image, 0);
    world.program("flooder", |_| Streamer::new(u64::MAX));
    world.program("sink", |_| slow(100, &counts));
    world.program("canary", |_| Caller::new(0, &diary, Rng::new(1)));
    world.program("nest", |_| EchoServer::default());
    world.boot();
    world.run_for(SECOND);
    assert!(counts.borrow()[0] > 20_000, "the attack did not run: {counts:?}");
    let diary = diary.borrow();
    // Two others, a slice each, around each half of a call.
    assert!(diary.slowest < 5 * MS, "{diary:?}");
    assert!(diary.replies > 60_000, "{diary:?}");
}

#[test]
fn a_peer_that_stops_reading_stalls_its_own_channel_and_no_other() {
    let mut plan = Plan::new(&["client", "deaf", "server"]);
    plan.channel("client", "deaf", &echo::SERVICE);
    plan.channel("client", "server", &echo::SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("deaf", |_| Qube::new(|_: &mut Driver, _: &mut Cpu<'_>| Ticks::NEVER));
    world.program("server", |_| EchoServer::default());
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    driven.sleep(MS);
    let message = frame(&echo::SERVICE, 2, Kind::Event, 0, &[0]);
    let mut queued = 0;
    while driven.with(|driver, cpu| driver.send(cpu, 0, &message)).is_ok() {
        queued += 1;
        driven.wait(Ticks(driven.now() + 1000));
    }
    assert_eq!(queued, 16, "its receive buffers and our transmit buffers");
    let mut port = driven.port(1);
    let mut echo = EchoClient::new(&mut port);
    for number in 0..50 {
        let before = driven.now();
        assert_eq!(echo.bytes(Bytes::from([number; 64])), Ok(Bytes::from([number; 64])));
        assert!(driven.now() - before < MS);
    }
    assert_eq!(driven.world().monitor().carried(), (8 + 100, 0));
}

#[test]
fn what_found_no_room_arrives_when_there_is_some_without_another_word() {
    let mut plan = Plan::new(&["client", "server"]);
    plan.channel("client", "server", &echo::SERVICE);
    let (image, inbox) = (plan.image(), Inbox::default());
    let mut world = World::new(&image, 0);
    world.program("server", |_| recorder(&inbox));
    let client = world.drive("client");
    world.boot();
    let client = Driven::start(&mut world, client);
    client.sleep(MS);
    // Twice as many as the server has buffers, before it runs.
    for number in 0..16 {
        client.send(0, &frame(&echo::SERVICE, 2, Kind::Event, 0, &[1, number]));
    }
    assert_eq!(client.world().monitor().carried(), (8, 0));
    client.leave(Exit::Wait { deadline: Ticks(client.now() + 10 * MS) });
    client.leave(Exit::Wait { deadline: Ticks(client.now() + 10 * MS) });
    let numbers: Vec<u8> = inbox.borrow().iter().map(|(_, message)| message[33]).collect();
    assert_eq!(numbers, (0..16).collect::<Vec<_>>());
}

#[test]
fn replies_reach_only_their_caller() {
    seeds("replies_reach_only_their_caller", 40, |seed| {
        let names = ["a", "b", "c", "d"];
        let mut plan = Plan::new(&["a", "b", "server", "c", "d"]);
        for name in names {
            plan.channel(name, "server", &echo::SERVICE).depth = 4;
        }
        // A caller checks each reply against what it said; all of them use the same numbers.
        let (image, diaries) = (plan.image(), names.map(|_| Shared::default()));
        let mut world = World::new(&image, seed);
        let mut rng = Rng::new(seed);
        for (name, diary) in names.into_iter().zip(&diaries) {
            let (period, rng) = (rng.below(MS / 4), rng.fork());
            world.program(name, move |_| Caller::new(period, diary, rng.clone()));
        }
        world.program("server", move |_| {
            let (mut server, mut rng) = (EchoServer::default(), rng.fork());
            move |cpu: &mut Cpu<'_>| {
                cpu.spend(rng.below(MS / 5));
                server.run(cpu)
            }
        });
        world.boot();
        world.run_for(SECOND / 5);
        for diary in &diaries {
            let diary = diary.borrow();
            assert!(diary.replies > 100 && diary.calls - diary.replies <= 1, "{diary:?}");
            assert_eq!((diary.errors.len(), diary.timeouts), (0, 0));
        }
    });
}

#[test]
fn nothing_is_lost_or_doubled_when_a_receiver_starves_now_and_then() {
    let delivered = Cell::new(0);
    let done = seeds("nothing_is_lost_or_doubled_when_a_receiver_starves_now_and_then", 100, |seed| {
        let mut rng = Rng::new(seed);
        let mut plan = Plan::new(&["source", "server"]);
        plan.channel("source", "server", &echo::SERVICE).depth = u16::try_from(1 << rng.below(7)).unwrap();
        let (image, next) = (plan.image(), Cell::new(0));
        let mut world = World::new(&image, seed);
        world.program("source", |_| {
            let mut said = 0;
            Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
                let text = |number: u32| [&[4][..], &number.to_le_bytes()].concat();
                while driver.send(cpu, 0, &frame(&echo::SERVICE, 2, Kind::Event, 0, &text(said))).is_ok() {
                    said += 1;
                }
                Ticks::NEVER
            })
        });
        let next = &next;
        world.program("server", move |_| {
            let mut rng = rng.fork();
            Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
                driver.ports[0].starves = rng.one_in(2);
                while let Some(message) = driver.receive(cpu, 0) {
                    assert_eq!(message[33..37], u32::to_le_bytes(next.get()));
                    next.set(next.get() + 1);
                }
                if !driver.ports[0].starves {
                    driver.ports[0].rx.post_all(cpu.ram());
                    if rng.one_in(2) {
                        driver.want(Exit::Notify { queue: 0 });
                    }
                }
                Ticks(cpu.now() + 1 + rng.below(MS))
            })
        });
        world.boot();
        world.run_for(SECOND / 10);
        delivered.set(delivered.get() + next.get());
        assert_eq!(world.monitor().carried().1, 0);
    });
    assert!(done < 100 || u64::from(delivered.get()) > 10 * done, "{delivered:?}");
}

#[test]
fn a_long_text_arrives_whole() {
    let mut plan = Plan::new(&["client", "server"]);
    plan.channel("client", "server", &echo::SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let mut port = driven.port(0);
    let mut echo = EchoClient::new(&mut port);
    for length in [0, 1, 127, 128, 1000, 1024] {
        let text: Text<1024> = Text::truncated(&"ü!x".repeat(342)[..length & !3]);
        assert_eq!(echo.say(text.clone()), Ok(text));
    }
}
