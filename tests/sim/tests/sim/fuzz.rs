//! Noise: qubes that do at random whatever a qube can do. Nothing panics, every invariant holds after every step, and
//! nobody else notices.

use std::cell::Cell;
use std::rc::Rc;

use ipc_proto_ctl_api as ctl;
use ipc_proto_echo_api as echo;
use ipc_proto_log_api as log;
use supervisor_sim::{MS, Plan, Rng, World};
use supervisor_virtio::{DeviceKind, Effect, Registers};
use tests_sim::{Caller, EchoServer, Hostile, Shared, probe, seeds, witness};

/// Seeds of the big test: about twenty seconds either way.
const SEEDS: u64 = if cfg!(debug_assertions) { 5_000 } else { 20_000 };
/// Virtual time of each.
const SPAN: u64 = 20 * MS;

/// Two hostile qubes, each with channels to the other, to the supervisor and to two honest qubes, beside two canaries.
fn plan() -> Plan {
    let mut plan = Plan::new(&["mallory", "honest", "canary", "eve", "nest"]);
    plan.qubes.iter_mut().for_each(|qube| qube.pages = 128);
    plan.channel("mallory", "eve", &probe::SERVICE).depth = 4;
    plan.channel("mallory", "honest", &echo::SERVICE).depth = 4;
    // Everything but kill and poweroff, which would end canaries.
    plan.channel("mallory", "@supervisor", &ctl::SERVICE).decisions =
        vec![1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1];
    plan.channel("eve", "mallory", &echo::SERVICE).depth = 2;
    plan.channel("eve", "@supervisor", &log::SERVICE);
    plan.channel("honest", "eve", &echo::SERVICE).depth = 4;
    plan.channel("honest", "mallory", &echo::SERVICE).depth = 1;
    plan.channel("canary", "nest", &echo::SERVICE);
    plan
}

#[test]
fn noise_breaks_nothing_and_nobody_else_notices() {
    let (image, refused, carried, heard) =
        (plan().image(), Cell::new(0), Cell::new(0), Rc::new(Cell::new(0)));
    let done = seeds("noise_breaks_nothing_and_nobody_else_notices", SEEDS, |seed| {
        let (mut rng, diary) = (Rng::new(seed), Shared::default());
        let mut world = World::new(&image, seed);
        let [mut mallory, mut eve, mut honest] = [(); 3].map(|()| rng.fork());
        let dies = rng.pick(&[100, 1000, 1_000_000]);
        let (e, p, c, l) = (&echo::SERVICE, &probe::SERVICE, &ctl::SERVICE, &log::SERVICE);
        world.program("mallory", move |_| Hostile::new(mallory.fork(), &[p, e, c, e, e], dies));
        world.program("eve", move |_| Hostile::new(eve.fork(), &[p, e, l, e], dies));
        let ears = heard.clone();
        world.program("honest", move |_| witness(honest.fork(), &[e, e, e], &ears));
        world.program("canary", |_| Caller::new(MS / 4, &diary, Rng::new(seed)));
        world.program("nest", |_| EchoServer::default());
        world.boot();
        world.run_for(SPAN);
        let (good, bad) = world.monitor().carried();
        carried.set(carried.get() + good);
        refused.set(refused.get() + bad);
        assert!(world.texts_are_untouched());
        let diary = diary.borrow();
        assert!(diary.replies > 4 && diary.calls - diary.replies <= 1, "{diary:?}");
        assert!(diary.errors.is_empty() && diary.restarts.is_empty(), "{diary:?}");
        assert!(diary.slowest < 8 * MS, "{diary:?}");
    });
    // On average; a seed alone may have few.
    let [carried, refused, heard] = [carried.get(), refused.get(), heard.get()].map(|all| all / done);
    let enough = carried > 80 && refused > 50 && heard > 10;
    assert!(done < 100 || enough, "{carried} carried, {refused} refused, {heard} heard a seed");
}

#[test]
fn random_register_writes_never_panic_and_enable_no_queue_that_is_not_there() {
    seeds("random_register_writes_never_panic_and_enable_no_queue_that_is_not_there", 300, |seed| {
        let mut rng = Rng::new(seed);
        let kind = rng.pick(&[
            DeviceKind::Entropy,
            DeviceKind::Console { ports: 0 },
            DeviceKind::Console { ports: 24 },
        ]);
        let mut registers = Registers::new(kind);
        for _ in 0..1000 {
            let (near, far, number) = (rng.small(0x110), rng.small(u16::MAX), rng.small(60));
            let at = rng.pick(&[near, near, near, far]) & !3;
            let value = rng.pick(&[0, 1, 2, 3, 8, 11, 15, 64, 1 << 31, u32::MAX, number.into()]);
            match registers.write(at, value) {
                Effect::Enable { queue, .. } => {
                    assert!(u32::from(queue) < kind.queues());
                }
                Effect::Selected { queue: Some(queue) } => assert!(u32::from(queue) < kind.queues()),
                Effect::Show { at, .. } => assert!(at < 0x100),
                Effect::Selected { queue: None } | Effect::None | Effect::Reset | Effect::Refused => {}
            }
        }
    });
}
