//! Time: deadlines, shares, turns, interrupts.

use std::cell::{Cell, RefCell};

use ipc_proto_echo_api as echo;
use ipc_proto_types::Kind;
use supervisor_sim::{Cpu, Guest, MS, Plan, Rng, SECOND, TURN_TICKS, World};
use supervisor_vcpu::{Exit, Fault, Ticks};
use tests_sim::{Caller, EchoServer, Qube, Shared, Spinner, frame, seeds};

/// A slice of the scheduler.
const SLICE: u64 = MS;
/// What a qube may be late although nobody else wants the processor: a step and a turn of others.
const MARGIN: u64 = 50_000;

/// Sleeps for random times and writes down the worst delay of a wake.
fn sleeper(mut rng: Rng, longest: u64, worst: &Cell<u64>) -> impl Guest {
    let mut deadline = 0;
    move |cpu: &mut Cpu<'_>| {
        assert!(cpu.now() >= deadline, "woken too early");
        worst.set(worst.get().max(cpu.now() - deadline));
        deadline = cpu.now() + TURN_TICKS + 1 + rng.below(longest);
        Exit::Wait { deadline: Ticks(deadline) }
    }
}

/// Shares of the processor of some spinners, and of others named in front of them.
fn shares(world: &World<'_, '_>, names: &[&str]) -> Vec<u64> {
    names.iter().map(|name| world.tally(name).ticks).collect()
}

#[test]
fn deadlines_are_met() {
    seeds("deadlines_are_met", 20, |seed| {
        let (image, worst) = (Plan::new(&["a", "b", "c"]).image(), [const { Cell::new(0) }; 3]);
        let mut world = World::new(&image, seed);
        let mut rng = Rng::new(seed);
        for (name, worst) in ["a", "b", "c"].into_iter().zip(&worst) {
            let rng = rng.fork();
            world.program(name, move |_| sleeper(rng.clone(), 20 * MS, worst));
        }
        world.boot();
        world.run_for(SECOND);
        assert!(world.tally("a").exits > 60);
        assert!(worst.iter().all(|worst| worst.get() < MARGIN), "{worst:?}");
    });
}

#[test]
fn deadlines_are_met_while_other_qubes_are_rebuilt() {
    seeds("deadlines_are_met_while_other_qubes_are_rebuilt", 50, |seed| {
        let (image, worst) = (Plan::new(&["a", "mayfly", "b"]).image(), Cell::new(0));
        let mut world = World::new(&image, seed);
        world.program("a", |_| sleeper(Rng::new(seed), MS, &worst));
        world.program("b", |_| sleeper(Rng::new(!seed), MS, &worst));
        world.program("mayfly", |_| {
            |cpu: &mut Cpu<'_>| {
                cpu.spend(MS / 3);
                Exit::Fault(Fault::Shutdown)
            }
        });
        world.boot();
        world.run_for(SECOND);
        assert!(world.tally("mayfly").lives > 5);
        assert!(world.tally("a").exits > 500, "{:?}", world.tally("a"));
        assert!(worst.get() < SLICE + MARGIN, "{} ns late", worst.get());
    });
}

#[test]
fn deadlines_are_met_within_a_slice_of_every_spinner() {
    let (image, worst) = (Plan::new(&["a", "b", "sleeper", "c", "d"]).image(), Cell::new(0));
    let mut world = World::new(&image, 0);
    for name in ["a", "b", "c", "d"] {
        world.program(name, |_| Spinner);
    }
    world.program("sleeper", |_| sleeper(Rng::new(1), 20 * MS, &worst));
    world.boot();
    world.run_for(2 * SECOND);
    assert!(world.tally("sleeper").exits > 50);
    assert!(worst.get() < 4 * SLICE + MARGIN, "{} ns late", worst.get());
}

#[test]
fn spinning_qubes_get_equal_shares_to_a_slice() {
    let names = ["a", "b", "c", "d", "e"];
    for count in 2..=names.len() {
        let image = Plan::new(&names[..count]).image();
        let mut world = World::new(&image, 0);
        for name in &names[..count] {
            world.program(name, |_| Spinner);
        }
        world.boot();
        world.run_for(SECOND);
        let shares = shares(&world, &names[..count]);
        let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
        assert!(most - least <= SLICE + MARGIN, "{shares:?}");
        assert!(shares.iter().sum::<u64>() > SECOND / 100 * 95, "{shares:?}");
    }
}

#[test]
fn a_spinning_qube_takes_at_most_its_share_from_qubes_that_talk() {
    let (mut plan, diary) = (Plan::new(&["client", "server", "spinner"]), Shared::default());
    plan.channel("client", "server", &echo::SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("client", |_| Caller::new(0, &diary, Rng::new(1)));
    world.program("server", |_| EchoServer::default());
    world.program("spinner", |_| Spinner);
    world.boot();
    world.run_for(SECOND);
    let ticks = world.tally("spinner").ticks;
    assert!(ticks <= SECOND / 2 + SLICE, "{ticks}");
    assert!(diary.borrow().replies > 100_000, "{diary:?}");
}

/// One of two qubes that play each other the turn: it says something to the other, computes for so long, then waits.
fn accomplice(compute: u64, speaks_on: usize) -> impl Guest {
    let message = frame(&echo::SERVICE, 2, Kind::Event, 0, &[0]);
    Qube::new(move |driver, cpu| {
        while driver.receive(cpu, 1 - speaks_on).is_some() {}
        let _ = driver.send(cpu, speaks_on, &message);
        if compute > 0 {
            // The message goes out before the computing, so that the other can run when this one waits.
            driver.flush(None);
            cpu.spend(compute);
        }
        Ticks::NEVER
    })
}

#[test]
fn two_qubes_that_hand_each_other_the_turn_cannot_keep_it_from_a_third() {
    for names in [["first", "second", "third"], ["second", "first", "third"], ["third", "first", "second"]] {
        let mut plan = Plan::new(&names);
        plan.channel("first", "second", &echo::SERVICE);
        plan.channel("second", "first", &echo::SERVICE);
        let image = plan.image();
        let mut world = World::new(&image, 0);
        world.program("first", |_| accomplice(SLICE / 10 * 9, 0));
        world.program("second", |_| accomplice(0, 1));
        world.program("third", |_| Spinner);
        world.boot();
        world.run_for(SECOND);
        assert!(world.monitor().carried().0 > 100, "the attack did not run");
        let ticks = world.tally("third").ticks;
        assert!(ticks >= SECOND / 3 - SLICE, "{names:?}: the third got {ticks}");
    }
}

#[test]
fn a_qube_that_wakes_at_the_right_moments_cannot_shorten_the_slices_of_another() {
    let image = Plan::new(&["attacker", "victim", "accomplice"]).image();
    let mut world = World::new(&image, 0);
    world.program("victim", |_| Spinner);
    world.program("accomplice", |_| Spinner);
    // It waits, so the victim runs; it wakes at once, so the turn would pass on.
    world.program("attacker", |_| |cpu: &mut Cpu<'_>| Exit::Wait { deadline: Ticks(cpu.now() + SLICE / 50) });
    world.boot();
    world.run_for(SECOND);
    assert!(world.tally("attacker").exits > 300, "the attack did not run");
    let ticks = world.tally("victim").ticks;
    assert!(ticks >= SECOND / 100 * 45, "the victim got {ticks}");
}

#[test]
fn a_qube_that_wakes_at_the_right_moments_cannot_shorten_the_calls_of_others() {
    let (mut plan, diary) = (Plan::new(&["attacker", "client", "server", "accomplice"]), Shared::default());
    plan.channel("client", "server", &echo::SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("attacker", |_| |cpu: &mut Cpu<'_>| Exit::Wait { deadline: Ticks(cpu.now() + SLICE / 50) });
    world.program("accomplice", |_| Spinner);
    world.program("client", |_| Caller::new(0, &diary, Rng::new(1)));
    world.program("server", |_| {
        let mut server = EchoServer::default();
        move |cpu: &mut Cpu<'_>| {
            cpu.spend(SLICE / 10);
            server.run(cpu)
        }
    });
    world.boot();
    world.run_for(SECOND);
    assert!(world.tally("attacker").exits > 300, "the attack did not run");
    let ticks = world.tally("client").ticks + world.tally("server").ticks;
    assert!(ticks >= SECOND / 100 * 40, "client and server got {ticks}");
}

#[test]
fn a_device_that_interrupts_at_the_right_moments_cannot_shorten_the_slices_of_others() {
    let mut plan = Plan::new(&["victim", "accomplice", "driver"]);
    plan.qube("driver").irq = Some(4);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("victim", |_| Spinner);
    world.program("accomplice", |_| Spinner);
    world.boot();
    // It interrupts whenever the victim has just got the processor.
    let (mut before, mut ran) = (0, false);
    while world.now() < SECOND / 2 {
        world.run_for(SLICE / 100);
        let ticks = world.tally("victim").ticks;
        if ticks > before && !ran {
            world.raise(world.now(), 4);
        }
        (ran, before) = (ticks > before, ticks);
    }
    assert!(world.tally("driver").exits > 200, "the attack did not run");
    let ticks = world.tally("victim").ticks;
    assert!(ticks >= SECOND / 200 * 45, "the victim got {ticks}");
}

#[test]
fn a_qube_that_polls_leaves_others_almost_everything() {
    let image = Plan::new(&["poller", "spinner"]).image();
    let mut world = World::new(&image, 0);
    world.program("poller", |_| |_: &mut Cpu<'_>| Exit::Wait { deadline: Ticks(0) });
    world.program("spinner", |_| Spinner);
    world.boot();
    world.run_for(SECOND);
    assert!(world.tally("poller").exits > 500);
    assert!(world.tally("spinner").ticks >= SECOND / 100 * 98, "{:?}", world.tally("spinner"));
}

#[test]
fn a_device_that_never_stops_interrupting_leaves_the_others_their_turns() {
    let names = ["a", "b", "driver", "c", "d"];
    let mut plan = Plan::new(&names);
    plan.qube("driver").irq = Some(4);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    for name in ["a", "b", "c", "d"] {
        world.program(name, |_| Spinner);
    }
    world.boot();
    for at in 1..SECOND / (SLICE / 5) {
        world.raise(at * (SLICE / 5), 4);
    }
    world.run_for(SECOND);
    assert!(world.tally("driver").exits > 4000, "the attack did not run");
    let shares = shares(&world, &["a", "b", "c", "d"]);
    let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
    assert!(most - least < SECOND / 20, "{shares:?}");
}

#[test]
fn a_device_interrupt_wakes_its_owner_and_nobody_else() {
    let mut plan = Plan::new(&["four", "none", "twelve", "fifteen"]);
    plan.qube("four").irq = Some(4);
    plan.qube("twelve").irq = Some(12);
    plan.qube("fifteen").irq = Some(15);
    let image = plan.image();
    for (line, owner) in [(4, Some("four")), (12, Some("twelve")), (3, None)] {
        let mut world = World::new(&image, 0);
        world.boot();
        world.run_for(SECOND);
        let before: Vec<_> =
            world.names().into_iter().map(|name| (name, world.tally(name.as_str()).exits)).collect();
        world.raise(world.now() + MS, line);
        world.run_for(SECOND);
        for (name, exits) in before {
            let more = u64::from(Some(name.as_str()) == owner);
            assert_eq!(world.tally(name.as_str()).exits, exits + more, "line {line}, qube {name}");
        }
    }
}

#[test]
fn who_waits_for_a_device_runs_at_once_when_it_interrupts() {
    let (mut plan, woken) = (Plan::new(&["a", "driver", "b"]), Cell::new(0));
    plan.qube("driver").irq = Some(4);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("a", |_| Spinner);
    world.program("b", |_| Spinner);
    world.program("driver", |_| {
        |cpu: &mut Cpu<'_>| {
            if cpu.result() == Some(4) {
                woken.set(cpu.now());
            }
            Exit::Wait { deadline: Ticks::NEVER }
        }
    });
    world.boot();
    for at in (5..50).map(|number| number * 1_234_567) {
        world.raise(at, 4);
        world.run_until(at + SLICE / 2);
        assert!((at..at + MARGIN).contains(&woken.get()), "raised at {at}, woken at {}", woken.get());
    }
}

#[test]
fn a_waits_result_says_why_it_ended() {
    let (mut plan, results) = (Plan::new(&["waiter", "teller"]), RefCell::new(Vec::new()));
    plan.qube("waiter").irq = Some(4);
    plan.channel("teller", "waiter", &echo::SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("waiter", |_| {
        Qube::new(|driver, cpu| {
            while driver.receive(cpu, 0).is_some() {}
            results.borrow_mut().push(cpu.result().unwrap_or(99));
            Ticks(cpu.now() + 10 * MS)
        })
    });
    world.program("teller", |_| {
        let mut told = false;
        Qube::new(move |driver, cpu| {
            if !told && cpu.now() > 35 * MS {
                told = true;
                driver.send(cpu, 0, &frame(&echo::SERVICE, 2, Kind::Event, 0, &[0])).unwrap();
            }
            Ticks(if told { u64::MAX } else { 37 * MS })
        })
    });
    world.boot();
    world.run_until(5 * MS);
    results.borrow_mut().clear();
    world.raise(25 * MS, 4);
    world.run_until(43 * MS);
    let results = results.borrow();
    let seen: Vec<u32> = results.iter().copied().collect();
    assert_eq!(seen.iter().filter(|result| **result == 4).count(), 1, "{seen:?}");
    assert_eq!(seen.iter().filter(|result| **result == 1).count(), 1, "{seen:?}");
    assert!(seen.iter().all(|result| [1, 2, 4].contains(result)), "{seen:?}");
}
