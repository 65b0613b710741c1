//! The tap: it shows what passes, changes nothing of it, and never shows a secret.

use std::cell::RefCell;

use ipc_proto_ctl_api::{self as ctl, AuditVerdict, CtlClient, MessageKind, NOBODY, TapPage, Tapped};
use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_rpc::{CallError, PortState};
use ipc_proto_types::{Bytes, ErrorCode, Kind, List, Text};
use supervisor_monitor::Record;
use supervisor_sim::{Driven, Driver, MS, Plan, Rng, World};
use supervisor_vcpu::Ticks;
use tests_sim::{Caller, EchoServer, Hostile, Qube, Shared, Streamer, frame, seeds, witness};

use crate::secrets as safe;

/// The inspector has ctl on port 0, an echo on port 1 of which it may not call `bytes`, a safe on port 2; `other` has a ctl
/// and an echo too.
pub(crate) fn plan() -> Plan {
    let mut plan = Plan::new(&["inspector", "server", "keeper", "other"]);
    plan.channel("inspector", "@supervisor", &ctl::SERVICE);
    plan.channel("inspector", "server", &echo::SERVICE).decisions = vec![1, 0, 1, 1];
    plan.channel("inspector", "keeper", &safe::SERVICE);
    plan.channel("other", "@supervisor", &ctl::SERVICE);
    plan.channel("other", "server", &echo::SERVICE);
    plan
}

pub(crate) fn inspect(plan: &Plan, test: impl FnOnce(&Driven<'_, '_, '_>)) {
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    world.program("keeper", |_| safe::keeper());
    let inspector = world.drive("inspector");
    world.boot();
    let inspector = Driven::start(&mut world, inspector);
    inspector.sleep(10 * MS);
    test(&inspector);
}

/// All copies after `after`, and how many were lost.
pub(crate) fn read(ctl: &mut CtlClient<'_, impl ipc_proto_rpc::Port>, after: u64) -> (Vec<Tapped>, u64) {
    let (mut copies, mut lost, mut after) = (Vec::new(), 0, after);
    loop {
        let page = ctl.tapped(after).unwrap();
        assert!(page.on);
        lost += page.lost;
        copies.extend(page.messages.iter().cloned());
        match page.messages.last() {
            Some(last) => after = last.sequence,
            None => return (copies, lost),
        }
    }
}

#[test]
fn every_message_is_shown_with_its_kind_its_parties_and_its_verdict() {
    inspect(&plan(), |inspector| {
        let (mut first, mut second) = (inspector.port(0), inspector.port(1));
        let (mut ctl, mut echo) = (CtlClient::new(&mut first), EchoClient::new(&mut second));
        ctl.tap(true).unwrap();
        assert_eq!(echo.say(Text::truncated("hi")), Ok(Text::truncated("hi")));
        echo.sink(Bytes::from([7; 64])).unwrap();
        assert_eq!(echo.bytes(Bytes::from([9; 64])), Err(CallError::Denied));
        let (copies, lost) = read(&mut ctl, 0);
        assert_eq!(lost, 0);
        let found: Vec<_> = copies
            .iter()
            .map(|it| (it.kind, (it.from, it.to, it.service), it.method, it.verdict, it.why, it.correlation))
            .collect();
        let (allowed, denied) = (AuditVerdict::Allowed, AuditVerdict::Denied);
        assert_eq!(
            found,
            [
                (MessageKind::Call, (0, 1, 1), 0, allowed, 0, 1),
                (MessageKind::Reply, (1, 0, 1), 0, allowed, 0, 1),
                (MessageKind::Event, (0, 1, 1), 2, allowed, 0, 0),
                (MessageKind::Call, (0, 1, 1), 1, denied, 6, 2),
                (MessageKind::Error, (NOBODY, 0, 1), 1, allowed, 0, 2),
            ]
        );
        let bodies: Vec<(u32, &[u8])> = copies.iter().map(|it| (it.size, &it.body[..])).collect();
        assert_eq!(bodies[..2], [(3, &b"\x02hi"[..]), (3, b"\x02hi")]);
        assert_eq!((bodies[2].0, bodies[2].1.len()), (65, 65));
        assert_eq!(bodies[3..], [(65, &[][..]), (1, &[ErrorCode::Denied.as_u8()])]);
        assert!(copies.iter().zip(1..).all(|(copy, number)| copy.sequence == number));
        assert!(copies.is_sorted_by_key(|copy| copy.time_ns) && copies[0].time_ns > 10_000_000);
    });
}

#[test]
fn what_the_supervisor_says_and_hears_is_shown_too() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    let mut asked = false;
    world.program("other", move |_| {
        Qube::new(move |driver: &mut Driver, cpu| {
            if cpu.now() > 50 * MS && !std::mem::replace(&mut asked, true) {
                driver.send(cpu, 0, &frame(&ctl::SERVICE, 1, Kind::Call, 1, &[1])).unwrap();
            }
            while driver.receive(cpu, 0).is_some() {}
            Ticks(cpu.now() + 10 * MS)
        })
    });
    let inspector = world.drive("inspector");
    world.boot();
    let inspector = Driven::start(&mut world, inspector);
    let mut port = inspector.port(0);
    let mut ctl = CtlClient::new(&mut port);
    ctl.tap(true).unwrap();
    inspector.sleep(100 * MS);
    assert!(ctl.kill(Text::truncated("server")).unwrap().is_ok());
    inspector.sleep(100 * MS);
    let (copies, _) = read(&mut ctl, 0);
    let found: Vec<_> = copies.iter().map(|it| (it.kind, it.from, it.to, it.service, it.method)).collect();
    assert_eq!(
        found,
        [
            (MessageKind::Call, 3, NOBODY, 0, 1),
            (MessageKind::Reply, NOBODY, 3, 0, 1),
            (MessageKind::Event, NOBODY, 3, 0, 11),
        ]
    );
    let qube = ipc_proto_wire::decode::<Option<ctl::QubeInfo>>(&copies[1].body).unwrap().unwrap();
    assert_eq!(qube.name, "server");
    assert_eq!(ipc_proto_wire::decode::<ctl::Ending>(&copies[2].body).unwrap().why, ctl::EndReason::Killed);
}

#[test]
fn reading_the_tap_makes_no_copies() {
    inspect(&plan(), |inspector| {
        let mut port = inspector.port(0);
        let mut ctl = CtlClient::new(&mut port);
        ctl.tap(true).unwrap();
        for _ in 0..200 {
            assert_eq!(ctl.tapped(0), Ok(TapPage { messages: List::new(), lost: 0, on: true }));
            assert!(ctl.system().is_ok());
        }
        ctl.tap(true).unwrap();
        ctl.tap(false).unwrap();
        assert_eq!(ctl.tapped(0), Ok(TapPage { messages: List::new(), lost: 0, on: false }));
    });
}

#[test]
fn who_reads_too_late_is_told_how_many_were_lost() {
    inspect(&plan(), |inspector| {
        let (mut first, mut second) = (inspector.port(0), inspector.port(1));
        let (mut ctl, mut echo) = (CtlClient::new(&mut first), EchoClient::new(&mut second));
        ctl.tap(true).unwrap();
        for _ in 0..100 {
            assert_eq!(echo.sunk(), Ok(0));
        }
        let (copies, lost) = read(&mut ctl, 0);
        assert_eq!((copies.len(), lost), (64, 136));
        assert!(copies.iter().zip(137..).all(|(copy, number)| copy.sequence == number));
        assert_eq!(read(&mut ctl, 150).0[0].sequence, 151);
        assert_eq!(read(&mut ctl, 100).1, 36);
        assert_eq!(read(&mut ctl, u64::MAX), (vec![], 0));
        assert_eq!(echo.sunk(), Ok(0));
        assert_eq!(read(&mut ctl, 200).0.len(), 2);
        // Off and on again it begins anew.
        ctl.tap(false).unwrap();
        assert_eq!(echo.sunk(), Ok(0));
        ctl.tap(true).unwrap();
        assert_eq!(read(&mut ctl, 0), (vec![], 0));
        assert_eq!(echo.sunk(), Ok(0));
        assert_eq!(read(&mut ctl, 0).0[0].sequence, 1);
    });
}

/// What the next life of an inspector that turned the tap on finds, `ends` having been done to it.
fn after(ends: impl FnOnce(Driven<'_, '_, '_>)) -> TapPage {
    let (image, found) = (plan().image(), RefCell::new(None));
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    // The other asks all the time; it is not who turned it on.
    world.program("other", |_| {
        let (found, mut correlation) = (&found, 0);
        Qube::new(move |driver: &mut Driver, cpu| {
            while let Some(message) = driver.receive(cpu, 0) {
                if message[18] == Kind::Reply.as_u8() {
                    *found.borrow_mut() = Some(ipc_proto_wire::decode::<TapPage>(&message[32..]).unwrap());
                }
            }
            correlation += 1;
            let _ = driver.send(cpu, 0, &frame(&ctl::SERVICE, 9, Kind::Call, correlation, &[0]));
            Ticks(cpu.now() + 10 * MS)
        })
    });
    let inspector = world.drive("inspector");
    world.boot();
    let driven = Driven::start(&mut world, inspector);
    let mut port = driven.port(0);
    CtlClient::new(&mut port).tap(true).unwrap();
    driven.sleep(50 * MS);
    let page = found.borrow_mut().take().unwrap();
    assert!(page.on && page.messages.is_empty(), "another reads nothing");
    ends(driven);
    world.run_for(50 * MS);
    found.take().unwrap()
}

#[test]
fn the_tap_ends_with_the_life_that_turned_it_on() {
    let page = after(|inspector| {
        inspector.end(supervisor_vcpu::Exit::Finish { code: 1 });
    });
    assert_eq!(page, TapPage { messages: List::new(), lost: 0, on: false });
}

#[test]
fn the_tap_ends_when_its_channel_is_closed() {
    use supervisor_virtio::control::{Event, Message};
    let page = after(|inspector| {
        inspector.with(|driver, cpu| {
            let close = Message { port: 0, event: Event::PortOpen, value: 0 }.to_bytes();
            driver.control_tx.send(cpu.ram(), &close);
            driver.want(supervisor_vcpu::Exit::Notify { queue: 3 });
        });
        inspector.settle();
        inspector.sleep(50 * MS);
        let exit = inspector.with(|driver, cpu| driver.wait(cpu, Ticks::NEVER));
        inspector.end(exit);
    });
    assert_eq!(page, TapPage { messages: List::new(), lost: 0, on: false });
}

#[test]
fn whom_the_policy_does_not_let_tap_cannot() {
    let mut plan = plan();
    let mut decisions = vec![supervisor_policy::ALLOW; ctl::SERVICE.methods.len()];
    (decisions[8], decisions[9]) = (supervisor_policy::DENY, supervisor_policy::DENY);
    plan.channels[0].decisions = decisions;
    inspect(&plan, |inspector| {
        let mut port = inspector.port(0);
        let mut ctl = CtlClient::new(&mut port);
        assert_eq!(ctl.tap(true), Err(CallError::Denied));
        assert_eq!(ctl.tapped(0), Err(CallError::Denied));
    });
}

/// All that can be seen of a run from outside: what was recorded, delivered and logged, and when.
#[derive(Debug, PartialEq)]
struct Run {
    records: Vec<Record>,
    carried: (u64, u64),
    lines: Vec<String>,
    replies: u64,
    heard: u64,
    exits: u64,
}

fn run(seed: u64, on: bool) -> Run {
    let services: &[_] = &[&echo::SERVICE, &echo::SERVICE];
    let mut plan = Plan::new(&["inspector", "caller", "server", "hostile", "witness", "source"]);
    plan.channel("inspector", "@supervisor", &ctl::SERVICE);
    plan.channel("caller", "server", &echo::SERVICE);
    plan.channel("hostile", "server", &echo::SERVICE).depth = 4;
    plan.channel("hostile", "witness", &echo::SERVICE).decisions = vec![1, 0, 2, 1];
    plan.channel("witness", "server", &echo::SERVICE);
    plan.channel("source", "server", &echo::SERVICE).depth = 64;
    let (image, mut rng) = (plan.image(), Rng::new(seed));
    let (diary, heard) = (Shared::default(), std::rc::Rc::default());
    let mut world = World::new(&image, seed);
    world.program("inspector", move |_| {
        let mut said = false;
        Qube::new(move |driver: &mut Driver, cpu| {
            if driver.state(cpu, 0) == PortState::Open && !std::mem::replace(&mut said, true) {
                driver.send(cpu, 0, &frame(&ctl::SERVICE, 8, Kind::Call, 1, &[on.into()])).unwrap();
            }
            while driver.receive(cpu, 0).is_some() {}
            Ticks::NEVER
        })
    });
    let (shared, mut callers) = (diary.clone(), rng.fork());
    world.program("caller", move |_| Caller::new(MS / 2, &shared, callers.fork()));
    world.program("server", |_| EchoServer::default());
    let (counted, mut witnesses) = (std::rc::Rc::clone(&heard), rng.fork());
    world.program("witness", move |_| witness(witnesses.fork(), services, &counted));
    let mut hostiles = rng.fork();
    world.program("hostile", move |_| Hostile::new(hostiles.fork(), services, 500));
    world.program("source", |_| Streamer::new(300));
    world.boot();
    let mut records = Vec::new();
    for _ in 0..4000 {
        world.run_for(MS / 40);
        let monitor = world.monitor();
        records.extend((records.len() as u64..monitor.records()).filter_map(|number| monitor.record(number)));
        assert_eq!(records.len() as u64, monitor.records(), "some were overwritten");
    }
    let lines = world.lines().collect();
    let replies = diary.borrow().replies;
    Run {
        records,
        carried: world.monitor().carried(),
        lines,
        replies,
        heard: heard.get(),
        exits: world.exits(),
    }
}

#[test]
fn a_run_that_is_looked_at_is_the_same_to_the_last_tick() {
    let moved = RefCell::new((0, 0));
    let done = seeds("a_run_that_is_looked_at_is_the_same_to_the_last_tick", 40, |seed| {
        let (untapped, tapped) = (run(seed, false), run(seed, true));
        assert!(tapped == untapped, "{tapped:?}\n{untapped:?}");
        let mut moved = moved.borrow_mut();
        *moved = (moved.0 + tapped.carried.0, moved.1 + tapped.carried.1);
    });
    let (carried, refused) = *moved.borrow();
    assert!(done < 40 || (carried > 10_000 && refused > 500), "{carried} {refused}");
}
