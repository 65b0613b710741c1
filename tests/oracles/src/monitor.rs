//! Oracle `monitor`: two hostile qubes against the whole monitor, beside qubes that keep to the rules.
//!
//! Input: the decisions of the two, a byte each, as `tests/sim` takes them from a seed. After every step the world checks its
//! invariants (`supervisor/sim/src/check.rs`); here it must also come about that nobody else notices: the canary gets every
//! answer, right and in time, the honest qube hears nothing that the schema forbids, and no text is changed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use supervisor_sim::{MS, Plan, Rng, World};
use tests_sim::{Caller, EchoServer, Hostile, Shared, probe, witness};

use ipc_proto_ctl_api::SERVICE as CTL;
use ipc_proto_echo_api::SERVICE as ECHO;
use ipc_proto_log_api::SERVICE as LOG;

/// Virtual time of an input: enough for a few calls of the canary.
const SPAN: u64 = 3 * MS;
/// How long the canary rests between calls.
const PERIOD: u64 = MS / 4;

thread_local! {
    static IMAGE: Vec<u8> = plan().image();
}

/// The oracle.
///
/// # Panics
/// An invariant is broken, or somebody noticed.
pub fn monitor(input: &[u8]) {
    IMAGE.with(|image| run(image, input));
}

/// As in `tests/sim`: channels to each other, to the supervisor and to an honest qube, beside two canaries.
fn plan() -> Plan {
    let mut plan = Plan::new(&["mallory", "honest", "canary", "eve", "nest"]);
    plan.qubes.iter_mut().for_each(|qube| qube.pages = 128);
    plan.channel("mallory", "eve", &probe::SERVICE).depth = 4;
    plan.channel("mallory", "honest", &ECHO).depth = 4;
    let ctl = plan.channel("mallory", "@supervisor", &CTL);
    // Everything but what would end canaries.
    for (method, word) in CTL.methods.iter().zip(&mut ctl.decisions) {
        *word = u16::from(!matches!(method.name, "kill" | "poweroff"));
    }
    plan.channel("eve", "mallory", &ECHO).depth = 2;
    plan.channel("eve", "@supervisor", &LOG);
    plan.channel("honest", "eve", &ECHO).depth = 4;
    plan.channel("honest", "mallory", &ECHO).depth = 1;
    plan.channel("canary", "nest", &ECHO);
    plan
}

fn run(image: &[u8], input: &[u8]) {
    let (diary, heard) = (Shared::new(RefCell::default()), Rc::new(Cell::new(0)));
    let mut script = Rng::scripted(input);
    let dies = script.pick(&[50, 1000, 1_000_000]);
    let mut world = World::new(image, 1);
    let (mut mallory, mut eve) = (script.fork(), script);
    let mut honest = Rng::new(3);
    world.program("mallory", move |_| {
        Hostile::new(mallory.fork(), &[&probe::SERVICE, &ECHO, &CTL, &ECHO, &ECHO], dies)
    });
    world.program("eve", move |_| Hostile::new(eve.fork(), &[&probe::SERVICE, &ECHO, &LOG, &ECHO], dies));
    let ears = heard.clone();
    world.program("honest", move |_| witness(honest.fork(), &[&ECHO, &ECHO, &ECHO], &ears));
    world.program("canary", |_| Caller::new(PERIOD, &diary, Rng::new(2)));
    world.program("nest", |_| EchoServer::default());
    world.boot();
    world.run_for(SPAN);
    assert!(world.texts_are_untouched(), "the text of a qube has changed");
    let diary = diary.borrow();
    assert!(diary.calls > 0 && diary.calls - diary.replies <= 1, "the canary noticed: {diary:?}");
    assert!(diary.errors.is_empty() && diary.restarts.is_empty(), "the canary noticed: {diary:?}");
}
