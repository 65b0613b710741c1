//! Disposables: they live when they are asked for, and nothing of a life is left for the next.

use std::cell::Cell;

use ipc_proto_ctl_api::{self as ctl, CtlClient, CtlError, EndReason, QubeState};
use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_rpc::CallError;
use ipc_proto_types::{QubeIndex, Text};
use supervisor_image::Restart;
use supervisor_sim::{Cpu, Driven, Guest, MS, Plan, Rng, SECOND, World};
use supervisor_vcpu::{Exit, Fault};
use tests_sim::{EchoServer, seeds};

/// First address that a qube of a plan may write, and how many bytes from there on are nobody's but its own.
const WRITABLE: u64 = 0x20_0000 + 2 * 4096;
const CANARY: &[u8] = b"what the last life was told";

fn name(text: &str) -> Text<16> {
    Text::truncated(text)
}

/// `client` may ask ctl on port 0 and talk to the disposable on port 1.
fn plan() -> Plan {
    let mut plan = Plan::new(&["client", "viewer"]);
    plan.qube("viewer").restart = Restart::OnDemand;
    plan.qube("viewer").opened_for = QubeIndex::new(0);
    plan.channel("client", "@supervisor", &ctl::SERVICE);
    plan.channel("client", "viewer", &echo::SERVICE);
    plan
}

/// An echo server that writes a canary all over its memory first, and finds none when it begins.
fn remembering() -> impl Guest {
    let mut server = EchoServer::default();
    let mut born = false;
    move |cpu: &mut Cpu<'_>| {
        if !std::mem::replace(&mut born, true) {
            for page in [0, 60, 100] {
                let at = WRITABLE + page * 4096 + 1024;
                assert_ne!(cpu.ram().read(at, CANARY.len()).unwrap(), CANARY, "a life that remembers");
                cpu.ram().write(at, CANARY).unwrap();
            }
        }
        server.run(cpu)
    }
}

fn state(ctl: &mut CtlClient<'_, impl ipc_proto_rpc::Port>) -> (QubeState, u32, Option<EndReason>) {
    let info = ctl.qube(1).unwrap().unwrap();
    assert!(info.disposable && info.opened_for == Some(0));
    (info.state, info.generation, info.last_end)
}

#[test]
fn a_disposable_does_not_live_before_it_is_started() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("viewer", |_| remembering());
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let (mut ctl_port, mut port) = (driven.port(0), driven.port(1));
    let (mut ctl, mut echo) = (CtlClient::new(&mut ctl_port), EchoClient::new(&mut port));
    assert_eq!(state(&mut ctl), (QubeState::Prepared, 0, None));
    assert_eq!(echo.sunk(), Err(CallError::PeerGone));
    driven.sleep(60 * SECOND);
    assert_eq!(state(&mut ctl), (QubeState::Prepared, 0, None));
    let tally = driven.world().tally("viewer");
    assert_eq!((tally.lives, tally.exits), (0, 0));
    assert!(driven.world().is_as_new("viewer"));
    assert_eq!(ctl.kill(name("viewer")), Ok(Err(CtlError::NotRunning)));

    assert_eq!(ctl.start(name("viewer")), Ok(Ok(1)));
    assert_eq!(ctl.start(name("viewer")), Ok(Err(CtlError::AlreadyRunning)));
    driven.sleep(MS);
    assert_eq!(echo.say(Text::truncated("hello")), Ok(Text::truncated("hello")));
    assert_eq!(ctl.start(name("viewer")), Ok(Err(CtlError::AlreadyRunning)));
    assert_eq!(state(&mut ctl).1, 1);
}

#[test]
fn what_is_no_disposable_cannot_be_started() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let mut port = driven.port(0);
    let mut ctl = CtlClient::new(&mut port);
    assert_eq!(ctl.start(name("nobody")), Ok(Err(CtlError::NoSuchQube)));
    assert_eq!(ctl.start(name("")), Ok(Err(CtlError::NoSuchQube)));
    assert_eq!(ctl.start(name("client")), Ok(Err(CtlError::NotDisposable)));
}

#[test]
fn every_life_begins_with_memory_as_new_and_only_when_it_is_asked_for() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("viewer", |_| remembering());
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let (mut ctl_port, mut port) = (driven.port(0), driven.port(1));
    let (mut ctl, mut echo) = (CtlClient::new(&mut ctl_port), EchoClient::new(&mut port));
    for life in 1..5 {
        assert_eq!(ctl.start(name("viewer")), Ok(Ok(life)));
        driven.sleep(MS);
        if life > 1 {
            assert!(matches!(echo.sunk(), Err(CallError::PeerRestarted(_))));
        }
        assert_eq!(echo.say(Text::truncated("hello")), Ok(Text::truncated("hello")));
        assert!(!driven.world().is_as_new("viewer"));
        assert_eq!(ctl.kill(name("viewer")), Ok(Ok(life + 1)));
        // Before anything else of it is looked at: half wiped at the most, so not startable.
        assert_eq!(ctl.start(name("viewer")), Ok(Err(CtlError::NotPrepared)));
        assert_eq!(state(&mut ctl), (QubeState::Restarting, life, Some(EndReason::Killed)));
        driven.sleep(SECOND);
        assert!(driven.world().is_as_new("viewer"), "a byte of life {life} is left");
        assert_eq!(state(&mut ctl), (QubeState::Prepared, life, Some(EndReason::Killed)));
        driven.sleep(60 * SECOND);
        assert_eq!(driven.world().tally("viewer").lives, life, "it started by itself");
    }
}

#[test]
fn nothing_that_a_life_said_is_left_in_the_buffer_that_messages_pass_through() {
    const SAID: &[u8] =
        b"what is said to this life, and answered by it, longer than what the supervisor says of its end";
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("viewer", |_| remembering());
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let (mut ctl_port, mut port) = (driven.port(0), driven.port(1));
    let (mut ctl, mut echo) = (CtlClient::new(&mut ctl_port), EchoClient::new(&mut port));
    // The end of it: shorter messages come after it.
    let is_left = || driven.world().monitor().staging.windows(16).any(|bytes| SAID.ends_with(bytes));
    for life in 1..4 {
        assert_eq!(ctl.start(name("viewer")), Ok(Ok(life)));
        driven.sleep(MS);
        if life > 1 {
            assert!(matches!(echo.sunk(), Err(CallError::PeerRestarted(_))));
        }
        let text = Text::truncated(core::str::from_utf8(SAID).unwrap());
        assert_eq!(echo.say(text.clone()), Ok(text.clone()));
        assert!(is_left(), "the buffer is not where messages pass through");
        assert_eq!(ctl.kill(name("viewer")), Ok(Ok(life + 1)));
        driven.sleep(SECOND);
        assert_eq!(state(&mut ctl), (QubeState::Prepared, life, Some(EndReason::Killed)));
        assert!(!is_left(), "of life {life}");
        // Said to nobody.
        assert_eq!(echo.say(text), Err(CallError::PeerGone));
        assert!(!is_left(), "what is refused on a closed channel");
    }
}

#[test]
fn after_every_kind_of_end_it_waits_prepared() {
    let ends = [
        (Exit::Finish { code: 0 }, EndReason::Exit(0)),
        (Exit::Finish { code: -7 }, EndReason::Exit(-7)),
        (Exit::Panic { at: supervisor_mem::Gpa(WRITABLE) }, EndReason::Panicked),
        (Exit::Fault(Fault::Shutdown), EndReason::TripleFault),
        (Exit::Fault(Fault::Port(0x60)), EndReason::UnknownPort(0x60)),
        (Exit::Fault(Fault::Msr(8)), EndReason::Msr(8)),
        (Exit::Fault(Fault::Exception(13)), EndReason::Exception(13)),
    ];
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("viewer", |life| {
        move |cpu: &mut Cpu<'_>| {
            cpu.ram().write(WRITABLE, &vec![0xa5; 120 * 4096]).unwrap();
            ends[life as usize - 1].0
        }
    });
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let mut port = driven.port(0);
    let mut ctl = CtlClient::new(&mut port);
    for (life, (_, why)) in (1..).zip(ends) {
        assert_eq!(ctl.start(name("viewer")), Ok(Ok(life)));
        driven.sleep(20 * SECOND);
        assert_eq!(state(&mut ctl), (QubeState::Prepared, life, Some(why)));
        assert!(driven.world().is_as_new("viewer"), "{why:?}");
    }
}

#[test]
fn whatever_is_asked_and_however_it_dies_it_lives_as_often_as_it_was_started() {
    let lives = Cell::new(0);
    let done =
        seeds("whatever_is_asked_and_however_it_dies_it_lives_as_often_as_it_was_started", 300, |seed| {
            let image = plan().image();
            let (mut world, mut rng) = (World::new(&image, seed), Rng::new(seed));
            let mut own = rng.fork();
            world.program("viewer", move |_| {
                let mut guest = remembering();
                let mut left = 1 + own.below(40);
                let end = own.pick(&[Exit::Finish { code: 1 }, Exit::Fault(Fault::Shutdown)]);
                move |cpu: &mut Cpu<'_>| {
                    left -= 1;
                    if left == 0 { end } else { guest.run(cpu) }
                }
            });
            let client = world.drive("client");
            world.boot();
            let driven = Driven::start(&mut world, client);
            let (mut ctl_port, mut port) = (driven.port(0), driven.port(1));
            let (mut ctl, mut echo) = (CtlClient::new(&mut ctl_port), EchoClient::new(&mut port));
            let mut started = 0;
            for _ in 0..60 {
                match rng.below(5) {
                    0 | 1 => {
                        let before = ctl.qube(1).unwrap().unwrap().state;
                        match ctl.start(name("viewer")).unwrap() {
                            Ok(generation) => {
                                started += 1;
                                assert_eq!((before, generation), (QubeState::Prepared, started));
                            }
                            Err(CtlError::AlreadyRunning) => {
                                assert!(
                                    [QubeState::Running, QubeState::Waiting].contains(&before),
                                    "{before:?}"
                                );
                            }
                            Err(error) => {
                                // The end may have come between the question and the answer, but for a disposable that waits.
                                assert_eq!(error, CtlError::NotPrepared);
                                assert_ne!(before, QubeState::Prepared);
                            }
                        }
                    }
                    2 => drop(ctl.kill(name("viewer")).unwrap()),
                    3 => drop(echo.say(Text::truncated("hello"))),
                    _ => driven.sleep(rng.below(3 * MS)),
                }
                let world = driven.world();
                assert!(world.monitor().generation(QubeIndex::new(1).unwrap()).0 <= started);
            }
            driven.sleep(SECOND);
            assert_eq!(driven.world().monitor().generation(QubeIndex::new(1).unwrap()).0, started);
            lives.set(lives.get() + started);
        });
    assert!(done < 100 || u64::from(lives.get()) > 2 * done, "{} lives", lives.get());
}
