//! Lives that end at every moment: what was said to one is never heard by the next, and everybody recovers.

use std::cell::Cell;

use ipc_proto_ctl_api as ctl;
use ipc_proto_echo_api as echo;
use ipc_proto_rpc::PortState;
use ipc_proto_types::{Kind, Text};
use ipc_proto_wire::{Header, encode};
use supervisor_sim::{Cpu, Driver, Guest, MS, Plan, Rng, SECOND, World};
use supervisor_vcpu::{Exit, Fault, Ticks};
use tests_sim::{Caller, EchoServer, Qube, Shared, frame, seeds};

/// Kills the qube `victim` through ctl, on port 0, at random moments that are at most `pause` apart.
fn killer(mut rng: Rng, victim: &'static str, pause: u64) -> impl Guest {
    let (mut correlation, mut next) = (0, MS);
    Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
        while driver.receive(cpu, 0).is_some() {}
        if cpu.now() >= next {
            let mut body = [0; 32];
            let length = encode(&(Text::<16>::truncated(victim),), &mut body).unwrap();
            correlation += 1;
            let call = frame(&ctl::SERVICE, 3, Kind::Call, correlation, &body[..length]);
            driver.send(cpu, 0, &call).unwrap();
            next = cpu.now() + 1 + rng.below(pause);
        }
        Ticks(next)
    })
}

/// A guest that dies, in some way, at a random turn.
fn frail(mut guest: impl Guest, mut rng: Rng, turns: u64) -> impl Guest {
    let mut left = 1 + rng.below(turns);
    let fault =
        Fault::Memory { at: supervisor_mem::Gpa(rng.number()), access: supervisor_vcpu::Access::Write };
    let ends = [
        Exit::Finish { code: 1 },
        Exit::Panic { at: supervisor_mem::Gpa(rng.below(0x30_0000)) },
        Exit::Fault(fault),
        Exit::Fault(Fault::Shutdown),
    ];
    move |cpu: &mut Cpu<'_>| {
        left -= 1;
        cpu.spend(if rng.one_in(8) { rng.below(MS / 4) } else { 0 });
        if left == 0 { rng.pick(&ends) } else { guest.run(cpu) }
    }
}

/// Stamp of what is said while the channel is closed, so to nobody.
const NOBODY: u32 = u32::MAX;

/// A client on port 0 that stamps what it says with the life of the server that it sees and its own, says it whatever the
/// state of the port, and acknowledges new lives early, late or in between.
fn stamper(life: u32, mut rng: Rng) -> impl Guest {
    let mut correlation = 0;
    Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
        while let Some(message) = driver.receive(cpu, 0) {
            let (header, body) = Header::parse(&message).unwrap();
            assert!(
                header.kind == Kind::Error || body[5..] == life.to_le_bytes(),
                "said to another life of the client"
            );
        }
        let facts = driver.facts(cpu, 0);
        if rng.one_in(3) && (facts.state == PortState::Restarted || rng.one_in(5)) {
            driver.acknowledge(cpu, 0);
            correlation = 0;
        }
        let says = if facts.state == PortState::Open { rng.below(6) } else { rng.below(2) };
        for _ in 0..says {
            correlation += 1;
            let to = if facts.state == PortState::Open { facts.peer_generation.0 } else { NOBODY };
            let body = [&[8][..], &to.to_le_bytes(), &life.to_le_bytes()].concat();
            let (kind, number) = if rng.one_in(2) { (Kind::Call, correlation) } else { (Kind::Event, 0) };
            let method = if kind == Kind::Call { 1 } else { 2 };
            let _ = driver.send_anyway(cpu, 0, &frame(&echo::SERVICE, method, kind, number, &body));
        }
        // It leaves what it said lying in its queue now and then, and tells the device of it much later.
        if facts.state == PortState::Open && rng.one_in(3) {
            driver.keep_quiet();
        } else if rng.one_in(3) {
            driver.want(Exit::Notify { queue: 1 });
        }
        cpu.spend(rng.below(MS / 4));
        let pause = rng.pick(&[MS, 2 * MS, 30 * MS]);
        Ticks(cpu.now() + 1 + rng.below(pause))
    })
}

/// A server that counts what it hears, each of which must be stamped with the server's own life.
fn stamped<'t>(life: u32, heard: &'t Cell<u64>, mut rng: Rng) -> impl Guest + 't {
    Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
        for port in 0..driver.ports.len() {
            driver.ports[port].starves = rng.one_in(2);
            if !driver.ports[port].starves {
                driver.ports[port].rx.post_all(cpu.ram());
            }
            while let Some(message) = driver.receive(cpu, port) {
                let (header, body) = Header::parse(&message).unwrap();
                let stamp = u32::from_le_bytes(body[1..5].try_into().unwrap());
                assert!([life, NOBODY].contains(&stamp), "said to life {stamp}, heard by life {life}");
                heard.set(heard.get() + 1);
                if header.kind == Kind::Call && !rng.one_in(4) {
                    let reply = [&message[..18], &[Kind::Reply.as_u8()], &message[19..]].concat();
                    let _ = driver.send(cpu, port, &reply);
                }
            }
            if driver.state(cpu, port) == PortState::Restarted && rng.one_in(2) {
                driver.acknowledge(cpu, port);
            }
        }
        cpu.spend(rng.below(MS / 4));
        Ticks(cpu.now() + 1 + rng.below(2 * MS))
    })
}

#[test]
fn what_was_said_to_one_life_is_never_heard_by_the_next() {
    let (heard, lives) = (Cell::new(0), Cell::new(0));
    let done = seeds("what_was_said_to_one_life_is_never_heard_by_the_next", 2000, |seed| {
        let mut plan = Plan::new(&["killer", "one", "server", "two"]);
        plan.channel("killer", "@supervisor", &ctl::SERVICE);
        plan.channel("one", "server", &echo::SERVICE).depth = 4;
        plan.channel("two", "server", &echo::SERVICE).depth = 4;
        plan.qubes.iter_mut().for_each(|qube| qube.pages = 40);
        let (image, mut rng) = (plan.image(), Rng::new(seed));
        let mut world = World::new(&image, seed);
        let [mut one, mut two, mut server, kills] = [(); 4].map(|()| rng.fork());
        world.program("killer", move |_| killer(kills.clone(), "server", 40 * MS));
        world.program("one", move |life| stamper(life, one.fork()));
        world.program("two", move |life| {
            let guest = stamper(life, two.fork());
            frail(guest, two.fork(), 400)
        });
        let heard = &heard;
        world.program("server", move |life| {
            let guest = stamped(life, heard, server.fork());
            frail(guest, server.fork(), 400)
        });
        world.boot();
        world.run_for(100 * MS);
        lives.set(lives.get() + world.tally("server").lives);
    });
    // On average; a seed alone may have few.
    assert!(done < 100 || u64::from(lives.get()) > 3 * done / 2, "{} lives", lives.get());
    assert!(done < 100 || heard.get() > 5 * done, "{} messages heard", heard.get());
}

#[test]
fn clients_recover_from_every_end_of_their_server() {
    seeds("clients_recover_from_every_end_of_their_server", 60, |seed| {
        let mut plan = Plan::new(&["killer", "one", "server", "two", "canary", "nest"]);
        plan.channel("killer", "@supervisor", &ctl::SERVICE);
        plan.channel("one", "server", &echo::SERVICE);
        plan.channel("two", "server", &echo::SERVICE);
        plan.channel("canary", "nest", &echo::SERVICE);
        let (image, diaries) = (plan.image(), [Shared::default(), Shared::default(), Shared::default()]);
        let (mut world, mut rng) = (World::new(&image, seed), Rng::new(seed));
        let mut ends = rng.fork();
        world.program("killer", {
            let rng = rng.fork();
            move |_| killer(rng.clone(), "server", 400 * MS)
        });
        for (name, diary) in ["one", "two", "canary"].into_iter().zip(&diaries) {
            let mut rng = rng.fork();
            world.program(name, move |_| Caller::new(3 * MS, diary, rng.fork()));
        }
        world.program("server", move |_| frail(EchoServer::default(), ends.fork(), 1000));
        world.program("nest", |_| EchoServer::default());
        world.boot();
        world.run_for(10 * SECOND);
        let lives = world.tally("server").lives;
        assert!(lives > 4, "{lives} lives");
        for diary in &diaries[..2] {
            let diary = diary.borrow();
            assert!(diary.restarts.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", diary.restarts);
            assert!(
                (2..u64::from(lives)).contains(&(diary.restarts.len() as u64)),
                "{lives} lives, {:?}",
                diary.restarts
            );
            assert!(diary.replies > 100 && diary.timeouts < lives.into(), "{diary:?}");
            // Each end costs one call at most.
            assert!(diary.calls - diary.replies <= u64::from(lives) + 1, "{lives} lives, {diary:?}");
        }
        let canary = diaries[2].borrow();
        assert!(canary.replies > 1000 && canary.calls - canary.replies <= 1, "{canary:?}");
        assert!(canary.errors.is_empty() && canary.restarts.is_empty(), "{canary:?}");
    });
}
