//! Lives of a qube: how one ends, what its peers hear, and what the next one finds.

use ipc_proto_ctl_api::{self as ctl, CtlClient, EndReason, QubeState};
use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_rpc::{CallError, PortState};
use ipc_proto_types::{Generation, Kind, Text};
use ipc_proto_wire::encode;
use supervisor_image::Restart;
use supervisor_monitor::{Outcome, Refusal};
use supervisor_sim::{Cpu, Driven, Guest, MS, Plan, Rng, SECOND, World};
use supervisor_vcpu::{Exit, Fault, Ticks};
use tests_sim::{Caller, EchoServer, Inbox, Shared, frame, recorder};

fn name(text: &str) -> Text<16> {
    Text::truncated(text)
}

/// A client on port 0 of `server`'s echo and on port 1 of the supervisor's ctl.
fn plan() -> Plan {
    let mut plan = Plan::new(&["client", "server"]);
    plan.channel("client", "server", &echo::SERVICE);
    plan.channel("client", "@supervisor", &ctl::SERVICE);
    plan
}

/// A guest that computes for so long before it does anything.
fn late(mut guest: impl Guest, ticks: u64) -> impl Guest {
    let mut ticks = Some(ticks);
    move |cpu: &mut Cpu<'_>| {
        cpu.spend(ticks.take().unwrap_or(0));
        guest.run(cpu)
    }
}

/// A guest that ends at `end`.
fn late_end(mut guest: impl Guest, end: u64) -> impl Guest {
    move |cpu: &mut Cpu<'_>| {
        if cpu.now() >= end {
            return Exit::Finish { code: 0 };
        }
        match guest.run(cpu) {
            Exit::Wait { deadline } => Exit::Wait { deadline: deadline.min(Ticks(end)) },
            exit => exit,
        }
    }
}

/// A guest that leaves by `exit` after so many turns.
fn mortal(mut guest: impl Guest, turns: u64, exit: Exit) -> impl Guest {
    let mut left = turns;
    move |cpu: &mut Cpu<'_>| {
        left = left.saturating_sub(1);
        if left == 0 { exit } else { guest.run(cpu) }
    }
}

#[test]
fn a_client_that_waits_hears_that_its_server_opened() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| late(EchoServer::default(), 30 * MS));
    let client = world.drive("client");
    world.boot();
    let client = Driven::start(&mut world, client);
    for _ in 0..3 {
        if client.facts(0).state == PortState::Closed {
            client.wait(Ticks(SECOND));
        }
    }
    assert_eq!(client.facts(0).state, PortState::Open);
    assert!(client.now() < 40 * MS, "it heard so only after {} ms", client.now() / MS);
}

#[test]
fn a_server_that_waits_hears_of_its_clients_new_life() {
    let (image, diary) = (plan().image(), Shared::default());
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    world.program("client", |life| {
        mortal(Caller::new(MS, &diary, Rng::new(life.into())), 200, Exit::Finish { code: 7 })
    });
    world.boot();
    world.run_for(SECOND);
    let lives = u64::from(world.tally("client").lives);
    assert!(lives >= 4, "{lives} lives");
    let diary = diary.borrow();
    assert!(diary.replies > 50 * (lives - 1), "{diary:?} in {lives} lives");
    assert_eq!((diary.timeouts, diary.errors.len()), (0, 0));
}

#[test]
fn a_killed_server_gives_its_client_a_restarted_state_and_the_next_generation() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let (mut port, mut ctl_port) = (driven.port(0), driven.port(1));
    let (mut echo, mut ctl) = (EchoClient::new(&mut port), CtlClient::new(&mut ctl_port));
    let hello = Text::truncated("hello");
    for life in 1..5 {
        for _ in 0..10 {
            assert_eq!(echo.say(hello.clone()), Ok(hello.clone()));
        }
        assert_eq!(driven.facts(0).peer_generation, Generation(life));
        assert_eq!(ctl.kill(name("server")), Ok(Ok(life + 1)));
        assert_eq!(driven.facts(0).state, PortState::Closed);
        let killed = driven.now();
        assert_eq!(echo.say(hello.clone()), Err(CallError::PeerRestarted(Generation(life + 1))));
        assert!(driven.now() - killed >= 10 * MS, "a new life begins after a delay");
        let info = ctl.qube(1).unwrap().unwrap();
        assert_eq!((info.generation, info.last_end), (life + 1, Some(EndReason::Killed)));
    }
}

#[test]
fn what_waits_in_a_queue_when_its_receiver_dies_is_dropped_by_the_acknowledgement() {
    let (image, inbox) = (plan().image(), Inbox::default());
    let mut world = World::new(&image, 0);
    world.program("server", |_| recorder(&inbox));
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    driven.sleep(MS);
    for _ in 0..5 {
        driven
            .with(|driver, cpu| driver.send(cpu, 0, &frame(&echo::SERVICE, 2, Kind::Event, 0, &[0])))
            .unwrap();
    }
    driven.with(|driver, _| driver.keep_quiet());
    let mut ctl_port = driven.port(1);
    assert_eq!(CtlClient::new(&mut ctl_port).kill(name("server")), Ok(Ok(2)));
    driven.sleep(30 * MS);
    assert_eq!(driven.facts(0).state, PortState::Restarted);
    driven.with(|driver, cpu| driver.acknowledge(cpu, 0));
    driven.settle();
    let records = driven.world().monitor().records();
    let dropped = driven.world().monitor().record(records - 1).unwrap();
    assert_eq!((dropped.outcome, dropped.why), (Outcome::Refused, Refusal::PeerRestarted.code()));
    driven.send(0, &frame(&echo::SERVICE, 2, Kind::Event, 0, &[1, 9]));
    driven.sleep(MS);
    let heard: Vec<u8> = inbox.borrow().iter().map(|(_, message)| message[32]).collect();
    assert_eq!(heard, [1], "only what was said to the new life");
}

#[test]
fn a_client_that_waits_hears_that_its_server_ended() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| late_end(EchoServer::default(), 20 * MS));
    let client = world.drive("client");
    world.boot();
    let client = Driven::start(&mut world, client);
    client.sleep(10 * MS);
    assert_eq!(client.facts(0).state, PortState::Open);
    client.leave(Exit::Wait { deadline: Ticks(SECOND) });
    assert!((20 * MS..21 * MS).contains(&client.now()), "it heard so at {}", client.now());
    assert_eq!(client.facts(0).state, PortState::Closed);
}

#[test]
fn a_message_refused_on_a_closed_channel_touches_no_receive_queue_without_buffers() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    let client = world.drive("client");
    world.boot();
    let client = Driven::start(&mut world, client);
    // All eight buffers are used up by refusals, the ninth finds none.
    client.with(|driver, _| driver.ports[0].starves = true);
    for correlation in 1..=12 {
        client.send(0, &frame(&echo::SERVICE, 3, Kind::Call, correlation, &[]));
    }
    let heard = std::iter::from_fn(|| client.receive(0)).count();
    assert_eq!(heard, 8);
    assert_eq!(client.world().monitor().carried(), (0, 12));
}

#[test]
fn the_rebuilding_of_a_large_qube_leaves_the_others_their_turns() {
    let mut plan = Plan::new(&["canary", "nest", "large"]);
    plan.qube("large").pages = 8192;
    plan.channel("canary", "nest", &echo::SERVICE);
    let (image, diary) = (plan.image(), Shared::default());
    let mut world = World::new(&image, 0);
    world.program("canary", |_| Caller::new(MS / 10, &diary, Rng::new(1)));
    world.program("nest", |_| EchoServer::default());
    world.program("large", |_| |_: &mut Cpu<'_>| Exit::Fault(Fault::Shutdown));
    world.boot();
    world.run_for(SECOND / 2);
    assert!(world.tally("large").lives > 3);
    assert!(diary.borrow().slowest < MS / 5, "{diary:?}");
}

#[test]
fn who_has_its_memory_runs_and_calls_while_that_of_others_is_built() {
    let mut plan = Plan::new(&["canary", "nest", "large", "last"]);
    plan.qube("large").pages = 8192;
    plan.channel("canary", "nest", &echo::SERVICE);
    plan.channel("canary", "last", &echo::SERVICE);
    let (image, diary) = (plan.image(), Shared::default());
    let mut world = World::new(&image, 0);
    world.program("canary", |_| Caller::new(MS / 10, &diary, Rng::new(1)));
    world.program("nest", |_| EchoServer::default());
    world.program("large", |_| |_: &mut Cpu<'_>| Exit::Wait { deadline: Ticks::NEVER });
    world.program("last", |_| EchoServer::default());
    world.boot_in_pieces();
    let mut before = 0;
    while world.tally("large").lives == 0 {
        world.run_for(MS / 100);
        before = diary.borrow().replies;
    }
    assert!(before > 0, "a call was answered before the large qube began: {diary:?}");
    world.run_for(SECOND / 10);
    for name in ["canary", "nest", "large", "last"] {
        assert_eq!(world.tally(name).lives, 1, "{name}");
    }
}

#[test]
fn a_server_that_ended_for_good_is_gone() {
    let mut plan = plan();
    plan.qube("server").restart = Restart::Never;
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let (mut port, mut ctl_port) = (driven.port(0), driven.port(1));
    let (mut echo, mut ctl) = (EchoClient::new(&mut port), CtlClient::new(&mut ctl_port));
    assert_eq!(echo.sunk(), Ok(0));
    assert_eq!(ctl.kill(name("server")), Ok(Ok(2)));
    assert_eq!(echo.sunk(), Err(CallError::PeerGone));
    driven.sleep(60 * SECOND);
    assert_eq!(echo.sunk(), Err(CallError::PeerGone));
    let info = ctl.qube(1).unwrap().unwrap();
    assert_eq!((info.state, info.generation, info.last_end), (QubeState::Ended, 1, Some(EndReason::Killed)));
    assert_eq!(ctl.kill(name("server")), Ok(Err(ctl::CtlError::NotRunning)));
    assert_eq!(driven.world().tally("server").lives, 1);
}

#[test]
fn two_kills_in_one_exit_are_both_carried_out() {
    let mut plan = Plan::new(&["client", "one", "two"]);
    plan.channel("client", "@supervisor", &ctl::SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    for (correlation, who) in [(1, "one"), (2, "two")] {
        let mut body = [0; 32];
        let length = encode(&(name(who),), &mut body).unwrap();
        let message = frame(&ctl::SERVICE, 3, Kind::Call, correlation, &body[..length]);
        driven.with(|driver, cpu| driver.send(cpu, 0, &message)).unwrap();
    }
    driven.wait(Ticks(0));
    driven.sleep(SECOND);
    for who in ["one", "two"] {
        assert_eq!(driven.world().tally(who).lives, 2, "{who}");
    }
}

#[test]
fn a_kill_that_was_taken_late_is_carried_out_at_once() {
    let mut plan = Plan::new(&["client", "victim"]);
    plan.channel("client", "@supervisor", &ctl::SERVICE).depth = 32;
    let image = plan.image();
    let mut world = World::new(&image, 0);
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    // More than one exit takes; the last of them is the kill, so it is pulled by a wait.
    for correlation in 1..=20 {
        let mut body = [0; 32];
        let (method, length) =
            if correlation < 20 { (0, 0) } else { (3, encode(&(name("victim"),), &mut body).unwrap()) };
        let message = frame(&ctl::SERVICE, method, Kind::Call, correlation, &body[..length]);
        driven.with(|driver, cpu| driver.send(cpu, 0, &message)).unwrap();
    }
    while driven.wait(Ticks::NEVER) != 0 && driven.now() < SECOND {
        let mut last = 0;
        while let Some(message) = driven.receive(0) {
            last = last.max(message[24]);
        }
        if last == 20 {
            break;
        }
    }
    let victim = driven.world().qube("victim");
    assert!(!driven.world().monitor().is_alive(victim), "the kill was answered and not carried out");
}

#[test]
fn a_kill_the_call_for_it_and_all_who_hear_of_it_have_exits_of_their_own() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let mut ctl_port = driven.port(1);
    let mut ctl = CtlClient::new(&mut ctl_port);
    let before = driven.world().tally("client").interruptions;
    assert_eq!(ctl.kill(name("server")), Ok(Ok(2)));
    // The end, the channel that was parted by it, the client of ctl: each at once, and none with another.
    assert_eq!(driven.world().tally("client").interruptions - before, 3);
}

#[test]
fn the_delay_before_a_new_life_doubles_and_starts_anew_after_a_long_life() {
    let image = Plan::new(&["mayfly"]).image();
    let mut world = World::new(&image, 0);
    // Fourteen short lives, one of ten seconds, two short ones.
    world.program("mayfly", |life| {
        let age = if life == 15 { 10 * SECOND } else { MS };
        late(|_: &mut Cpu<'_>| Exit::Fault(Fault::Shutdown), age)
    });
    world.boot();
    world.run_for(100 * SECOND);
    let delays: Vec<u64> = world
        .lines()
        .filter_map(|line| line.split_once("mayfly restarts in ")?.1.strip_suffix(" ms")?.parse().ok())
        .collect();
    let mut expected: Vec<u64> = (0..14).map(|doublings| 10 << doublings.min(10)).collect();
    expected.extend([10, 10, 20]);
    assert_eq!(delays[..expected.len()], expected);
}

#[test]
fn a_new_life_finds_nothing_of_the_last_one_in_its_memory() {
    let mut plan = Plan::new(&["writer"]);
    plan.qube("writer").pages = 600;
    let (image, writes) = (plan.image(), std::cell::Cell::new(0));
    let mut world = World::new(&image, 0);
    world.program("writer", |_| {
        |cpu: &mut Cpu<'_>| {
            // Everything it may write, which the machine checks before each life.
            let first = 0x20_0000 + 2 * 4096;
            cpu.ram().write(first, &vec![0x5a; 598 * 4096]).unwrap();
            writes.set(writes.get() + 1);
            Exit::Panic { at: supervisor_mem::Gpa(first) }
        }
    });
    world.boot();
    world.run_for(SECOND);
    assert!(writes.get() >= 5, "{} lives", writes.get());
}

#[test]
fn the_counters_of_a_qube_start_at_zero_in_each_life() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let (mut port, mut ctl_port) = (driven.port(0), driven.port(1));
    let (mut echo, mut ctl) = (EchoClient::new(&mut port), CtlClient::new(&mut ctl_port));
    for _ in 0..200 {
        assert_eq!(echo.sunk(), Ok(0));
    }
    let before = ctl.qube(1).unwrap().unwrap();
    assert_eq!((before.messages_in, before.messages_out, before.refused), (200, 200, 0));
    assert!(before.exits > 200);
    assert_eq!(ctl.kill(name("server")), Ok(Ok(2)));
    driven.sleep(SECOND);
    let after = ctl.qube(1).unwrap().unwrap();
    assert_eq!((after.messages_in, after.messages_out, after.refused), (0, 0, 0));
    assert!(after.exits < 100, "{after:?}");
}
