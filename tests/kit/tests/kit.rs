//! The kit itself: a real manifest, programs that block, lives that end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ipc_proto_clock_api::{self as clock, Clock, ClockClient, Time};
use ipc_proto_echo_api::{self as echo, Echo, EchoClient};
use ipc_proto_rpc::{CallError, Caller};
use ipc_proto_types::{Bytes, Text};
use tests_kit::{TestPort, TestQube, TestSystem};

const SYSTEM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/relay/system.toml");

/// Answers the time before the text.
struct Relay {
    clock: ClockClient<'static, TestPort>,
}

impl Echo for Relay {
    fn say(&mut self, _: &Caller, text: Text<1024>) -> Text<1024> {
        assert_ne!(text.as_str(), "panic", "told to");
        let second = self.clock.now().map_or(0, |time| time.unix_seconds);
        Text::truncated(&format!("{second} {}", text.as_str()))
    }

    fn bytes(&mut self, _: &Caller, data: Bytes<64>) -> Bytes<64> {
        data
    }

    fn sink(&mut self, _: &Caller, _: Bytes<64>) {}

    fn sunk(&mut self, _: &Caller) -> u64 {
        0
    }
}

fn relay(qube: TestQube) -> i32 {
    let port = qube.place(qube.client(&clock::SERVICE).expect("a channel to the clock"));
    let mut relay = Relay { clock: ClockClient::new(port) };
    let servers = qube.servers(&echo::SERVICE);
    qube.ready();
    servers.run(|port, buffers| echo::serve(&mut relay, port, buffers))
}

struct Hands(TestQube);

impl Clock for Hands {
    fn now(&mut self, _: &Caller) -> Time {
        let now = self.0.unix_time();
        Time { unix_seconds: now.seconds, nanoseconds: now.nanoseconds }
    }
}

fn clock(qube: TestQube) -> i32 {
    let mut hands = Hands(qube.clone());
    qube.servers(&clock::SERVICE).run(|port, buffers| clock::serve(&mut hands, port, buffers))
}

fn system() -> TestSystem {
    TestSystem::load(SYSTEM, &[]).qube("relay", relay).qube("clock", clock)
}

fn text(text: &str) -> Text<1024> {
    Text::truncated(text)
}

#[test]
fn a_program_calls_another_before_it_answers() {
    system().play("console", |console| {
        let mut port = console.client(&echo::SERVICE);
        let answer = EchoClient::new(&mut port).say(text("hi")).expect("an answer");
        let (second, said) = answer.as_str().split_once(' ').expect("two words");
        assert_eq!(said, "hi");
        assert!(second.parse::<u64>().is_ok_and(|second| second > 1_700_000_000), "{second}");
    });
}

#[test]
fn the_policy_of_the_manifest_holds() {
    system().play("console", |console| {
        let mut port = console.client(&echo::SERVICE);
        let denied = EchoClient::new(&mut port).sunk();
        assert_eq!(denied, Err(CallError::Denied));
    });
}

#[test]
fn a_killed_qube_has_a_new_life_that_remembers_nothing_and_its_peer_is_told() {
    let lives = Arc::new(AtomicU32::new(0));
    let counted = lives.clone();
    let system = system().qube("relay", move |qube| {
        counted.store(qube.generation().0, Ordering::Relaxed);
        relay(qube)
    });
    system.play("console", |console| {
        let mut port = console.client(&echo::SERVICE);
        let mut echo = EchoClient::new(&mut port);
        assert!(echo.say(text("one")).is_ok());
        console.kill("relay");
        assert!(matches!(echo.say(text("two")), Err(CallError::PeerRestarted(_))));
        assert!(echo.say(text("three")).is_ok());
        console.kill("relay");
    });
    assert_eq!(lives.load(Ordering::Relaxed), 3);
}

#[test]
fn a_disposable_runs_when_it_is_started_and_may_do_what_its_opener_may() {
    let manifest = SYSTEM.replace("system.toml", "disposable.toml");
    let system = TestSystem::load(manifest, &[]).qube("relay", relay).qube("clock", clock);
    system.play("console", |console| {
        let mut port = console.client(&echo::SERVICE);
        let mut echo = EchoClient::new(&mut port);
        assert_eq!(echo.say(text("nobody there")), Err(CallError::PeerGone));
        for life in 1..4 {
            console.start("relay");
            if life > 1 {
                assert!(matches!(echo.say(text("old")), Err(CallError::PeerRestarted(_))));
            }
            let said = echo.say(text("hello")).expect("an answer");
            assert!(said.as_str().ends_with(" hello") && !said.as_str().starts_with('0'), "{said:?}");
            console.kill("relay");
            assert_eq!(echo.say(text("gone")), Err(CallError::PeerGone));
        }
    });
}

#[test]
fn a_panic_ends_the_life_and_its_words_are_in_the_log() {
    system().play("console", |console| {
        let mut port = console.client(&echo::SERVICE);
        let failed = EchoClient::new(&mut port).say(text("panic"));
        assert!(failed.is_err(), "{failed:?}");
        let log = console.log().join("\n");
        assert!(log.contains("told to") && log.contains("relay generation 1 ended: it panicked"), "{log}");
    });
}

#[test]
#[should_panic(expected = "no qube `nobody`")]
fn a_program_for_a_qube_that_is_not_there_is_refused() {
    let _ = system().qube("nobody", |_| 0);
}

#[test]
#[should_panic(expected = "a manifest in TOML")]
fn a_wrong_manifest_is_refused_with_its_problems() {
    let _ = TestSystem::load(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/nowhere.toml"), &[]);
}
