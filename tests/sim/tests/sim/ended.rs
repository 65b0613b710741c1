//! What clients of ctl hear when a life ends.

use ipc_proto_ctl_api::{self as ctl, CtlClient, CtlEvent, EndReason, Ending};
use ipc_proto_log_api::{self as log, LogClient};
use ipc_proto_types::Text;
use supervisor_image::Restart;
use supervisor_mem::Gpa;
use supervisor_sim::{Cpu, Driven, Guest, MS, Plan, SECOND, World};
use supervisor_vcpu::{Access, Exit, Fault, Ticks};
use tests_sim::{Inbox, Spinner, recorder};

/// Where a guest of these tests keeps its last words.
const TEXT_AT: u64 = 0x20_0000 + 64 * 4096;

/// The operator has ctl on port 0 and log on port 1; `dying` and `other` restart, `spinner` never lets go.
fn plan() -> Plan {
    let mut plan = Plan::new(&["operator", "dying", "other", "spinner"]);
    plan.channel("operator", "@supervisor", &ctl::SERVICE).depth = 32;
    plan.channel("operator", "@supervisor", &log::SERVICE);
    plan
}

/// Sleeps 10 ms, then leaves by `exit`.
fn dies(exit: Exit) -> impl Guest {
    let mut slept = false;
    move |cpu: &mut Cpu<'_>| match std::mem::replace(&mut slept, true) {
        false => Exit::Wait { deadline: Ticks(cpu.now() + 10 * MS) },
        true => exit,
    }
}

/// Sleeps 10 ms, then reports `text`.
fn reports(text: &'static [u8]) -> impl Guest {
    let mut slept = false;
    move |cpu: &mut Cpu<'_>| {
        if !std::mem::replace(&mut slept, true) {
            return Exit::Wait { deadline: Ticks(cpu.now() + 10 * MS) };
        }
        cpu.ram().write(TEXT_AT + 16, text).unwrap();
        let parameters = [(text.len() as u64).to_le_bytes(), (TEXT_AT + 16).to_le_bytes()].concat();
        cpu.ram().write(TEXT_AT, &parameters).unwrap();
        Exit::Panic { at: Gpa(TEXT_AT) }
    }
}

fn heard(client: &mut CtlClient<'_, impl ipc_proto_rpc::Port>) -> Vec<Ending> {
    let mut endings = Vec::new();
    while let Some(CtlEvent::Ended { end }) = client.next_event() {
        endings.push(end);
    }
    endings
}

/// Runs `test` as the operator, 20 ms after the boot of a system in which `dying` is a `guest` that does not restart.
fn watch<G: Guest + 'static>(guest: impl Fn() -> G + 'static, test: impl FnOnce(&Driven<'_, '_, '_>)) {
    let mut plan = plan();
    plan.qube("dying").restart = Restart::Never;
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("dying", move |_| guest());
    let operator = world.drive("operator");
    world.boot();
    let operator = Driven::start(&mut world, operator);
    operator.sleep(20 * MS);
    test(&operator);
}

#[test]
fn a_client_hears_whose_life_ended_which_and_why() {
    for (exit, why) in [
        (Exit::Finish { code: -3 }, EndReason::Exit(-3)),
        (Exit::Fault(Fault::Port(0x64)), EndReason::UnknownPort(0x64)),
        (Exit::Fault(Fault::Memory { at: Gpa(7), access: Access::Write }), EndReason::MemoryFault(7)),
        (Exit::Fault(Fault::Msr(0x10)), EndReason::Msr(0x10)),
        (Exit::Fault(Fault::Shutdown), EndReason::TripleFault),
        (Exit::Panic { at: Gpa(0) }, EndReason::Panicked),
    ] {
        watch(
            move || dies(exit),
            |operator| {
                let mut port = operator.port(0);
                let mut client = CtlClient::new(&mut port);
                let endings = heard(&mut client);
                let [end] = endings[..] else { panic!("{endings:?}") };
                assert_eq!((end.qube, end.generation, end.why), (1, 1, why));
                assert_eq!(client.qube(1).unwrap().unwrap().last_end, Some(why));
                // Its entry in the audit is the one before the event's own.
                let page = client.audit(end.audit + 1).unwrap();
                let entry = page.entries[0];
                assert_eq!((entry.sequence, entry.from, entry.service), (end.audit, 1, ctl::NOBODY));
                assert!(entry.why >= ctl::ENDED, "{entry:?}");
            },
        );
    }
}

/// The log from `from` on.
fn read_log(operator: &Driven<'_, '_, '_>, from: u64) -> String {
    let mut port = operator.port(1);
    let mut client = LogClient::new(&mut port);
    let (mut from, mut text) = (from, String::new());
    loop {
        let chunk = client.read(from).unwrap();
        assert_eq!(chunk.lost, 0);
        if chunk.text.is_empty() {
            return text;
        }
        text.push_str(chunk.text.as_str());
        from = chunk.next;
    }
}

#[test]
fn the_last_words_stand_whole_in_the_log_from_where_the_event_says() {
    const WORDS: [&str; 4] = [
        "src/main.rs:12: no room",
        "a/path/that/is/rather/long/because/somebody/nests/folders/src/deep/down/in/the/tree/of/modules/until/no/line/can/\
         hold/it/and/then/some/more/of/it/so/that/it/is/longer/than/a/line/main.rs:4711: assertion `left == right` failed: \
         the message after it is long too, and it is all there   left: 1  right: 2",
        "größe 🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝 ende",
        "",
    ];
    for words in WORDS {
        watch(
            move || reports(words.as_bytes()),
            |operator| {
                let mut port = operator.port(0);
                let endings = heard(&mut CtlClient::new(&mut port));
                let [end] = endings[..] else { panic!("{endings:?}") };
                let log = read_log(operator, end.log);
                let mut said = String::new();
                for line in log.lines() {
                    let (author, text) = line.split_once("] ").unwrap();
                    if author.ends_with(" skep") {
                        assert_eq!(text, "dying generation 1 ended: it panicked");
                        break;
                    }
                    assert!(author.ends_with(" dying"), "{line}");
                    said.push_str(text.strip_prefix("generation 1: ").unwrap());
                }
                assert_eq!(said, words);
            },
        );
    }
}

#[test]
fn without_last_words_the_log_begins_with_the_supervisors_own() {
    watch(
        || dies(Exit::Fault(Fault::Shutdown)),
        |operator| {
            let mut port = operator.port(0);
            let end = heard(&mut CtlClient::new(&mut port))[0];
            let log = read_log(operator, end.log);
            assert!(
                log.lines().next().unwrap().ends_with("skep] dying generation 1 ended: triple fault"),
                "{log}"
            );
        },
    );
}

#[test]
fn ends_of_many_at_once_are_all_told_to_everybody() {
    const MORTALS: [&str; 12] = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10", "m11", "m12"];
    let mut plan =
        Plan::new(&["one", "two", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10", "m11", "m12"]);
    plan.channel("one", "@supervisor", &ctl::SERVICE).depth = 32;
    plan.channel("two", "@supervisor", &ctl::SERVICE).depth = 32;
    for name in MORTALS {
        plan.qube(name).restart = Restart::Never;
    }
    let image = plan.image();
    let inboxes = [Inbox::default(), Inbox::default()];
    let mut world = World::new(&image, 0);
    for (name, inbox) in ["one", "two"].into_iter().zip(&inboxes) {
        let inbox = inbox.clone();
        world.program(name, move |_| recorder(&inbox));
    }
    for name in MORTALS {
        world.program(name, |_| dies(Exit::Finish { code: 0 }));
    }
    world.boot();
    world.run_for(SECOND);
    for inbox in &inboxes {
        let messages = inbox.borrow();
        let ends =
            messages.iter().map(|(_, message)| ipc_proto_wire::decode::<Ending>(&message[32..]).unwrap());
        let ends: Vec<Ending> = ends.collect();
        assert!(ends.is_sorted_by_key(|end| end.audit), "the oldest first");
        let mut qubes: Vec<u8> = ends.iter().map(|end| end.qube).collect();
        qubes.sort_unstable();
        assert_eq!(qubes, (2..14).collect::<Vec<_>>());
    }
}

#[test]
fn no_end_of_a_qube_that_keeps_ending_is_lost_though_others_never_let_go() {
    let image = plan().image();
    let inbox = Inbox::default();
    let mut world = World::new(&image, 0);
    let kept = inbox.clone();
    world.program("operator", move |_| recorder(&kept));
    for name in ["dying", "other"] {
        world.program(name, |_| |_: &mut Cpu<'_>| Exit::Finish { code: 1 });
    }
    world.program("spinner", |_| Spinner);
    world.boot();
    world.run_for(30 * SECOND);
    let messages = inbox.borrow();
    for qube in [1, 2] {
        let ends =
            messages.iter().map(|(_, message)| ipc_proto_wire::decode::<Ending>(&message[32..]).unwrap());
        // The first ones were before the operator was there.
        let lives: Vec<u32> = ends.filter(|end| end.qube == qube).map(|end| end.generation).collect();
        assert!(lives.len() > 5, "{lives:?}");
        assert!(lives.windows(2).all(|pair| pair[1] == pair[0] + 1), "{lives:?}");
    }
}

#[test]
fn who_leaves_no_room_hears_nothing_and_everything_goes_on() {
    let mut plan = plan();
    plan.channels[0].depth = 2;
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("dying", |_| dies(Exit::Finish { code: 1 }));
    let operator = world.drive("operator");
    world.boot();
    let operator = Driven::start(&mut world, operator);
    operator.with(|driver, _| driver.ports[0].starves = true);
    operator.sleep(2 * SECOND);
    let lives = operator.world().monitor().generation(ipc_proto_types::QubeIndex::new(1).unwrap()).0;
    assert!(lives > 4, "{lives}");
    operator.with(|driver, _| driver.ports[0].starves = false);
    let mut port = operator.port(0);
    let mut client = CtlClient::new(&mut port);
    let early = heard(&mut client);
    assert_eq!(early.iter().map(|end| end.generation).collect::<Vec<_>>(), [1, 2]);
    operator.sleep(20 * SECOND);
    let late = heard(&mut client);
    assert!(late.iter().all(|end| end.generation >= lives), "{late:?}");
    assert!(!late.is_empty());
    assert_eq!(client.kill(Text::truncated("nobody")), Ok(Err(ctl::CtlError::NoSuchQube)));
}

#[test]
fn who_may_not_hear_of_ends_does_not() {
    let mut plan = plan();
    plan.qube("dying").restart = Restart::Never;
    let mut denied = vec![supervisor_policy::ALLOW; ctl::SERVICE.methods.len()];
    *denied.last_mut().unwrap() = supervisor_policy::DENY;
    plan.channels[0].decisions = denied;
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("dying", |_| dies(Exit::Finish { code: 1 }));
    let operator = world.drive("operator");
    world.boot();
    let operator = Driven::start(&mut world, operator);
    operator.sleep(SECOND);
    let mut port = operator.port(0);
    let mut client = CtlClient::new(&mut port);
    assert_eq!(heard(&mut client), []);
    assert_eq!(client.qube(1).unwrap().unwrap().last_end, Some(EndReason::Exit(1)));
}
