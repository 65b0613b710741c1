//! Servers that mean harm: each costs a bounded number of bytes, calls and milliseconds, and ends in a typed failure.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use ipc_proto_open_api::{Open, Phase};
use proptest::prelude::*;
use unikernels_viewer_core::limits::{BODY_LEN_MAX, CONNECT_MS, IDLE_MS, STEPS_MAX, TOTAL_MS};
use world::{Act, Host, Scene, World, answer, caller, failure};

const MB: usize = 1024 * 1024;

/// What comes of a host that acts so.
fn check(acts: Vec<Act>, expected: &str) -> Scene {
    check_host(Host::Answers(acts), expected)
}

fn check_host(host: Host, expected: &str) -> Scene {
    let world = World::new();
    world.borrow_mut().hosts.insert("host.test:80".into(), host);
    let mut scene = Scene::new(&world);
    let progress = scene.load("http://host.test/");
    assert_eq!(failure(&progress), expected);
    assert!(!world.borrow().has_streams(), "the connection is given back");
    assert!(scene.calls_max <= 2 * STEPS_MAX, "{} calls in one turn", scene.calls_max);
    scene
}

fn say(text: &str) -> Act {
    Act::Say(text.as_bytes().to_vec())
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";

#[test]
fn ten_gigabytes_are_cut_at_the_limit() {
    let endless = Act::Endless(vec![b'x'; 4096]);
    let scene =
        check(vec![say(&format!("{HEAD}\r\n")), endless.clone()], "TooLarge: a body that is too large");
    assert!(scene.world.borrow().received < BODY_LEN_MAX + MB);
    let announced = format!("{HEAD}Content-Length: 10737418240\r\n\r\n");
    let scene = check(vec![say(&announced), endless.clone()], "TooLarge: a body that is too large");
    assert!(scene.world.borrow().received < MB, "what is announced is not waited for");
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    let chunk = [b"1000\r\n".to_vec(), vec![b'x'; 4096], b"\r\n".to_vec()].concat();
    check(vec![say(&chunked), Act::Endless(chunk)], "TooLarge: a body that is too large");
}

#[test]
fn header_floods_are_cut() {
    let header = Act::Endless(b"X-Flood: yes\r\n".to_vec());
    check(vec![say("HTTP/1.1 200 OK\r\n"), header], "TooLarge: headers that are too large");
    let scene = check(vec![Act::Endless(vec![b'a'; 512])], "TooLarge: headers that are too large");
    assert!(scene.world.borrow().received < MB);
    let interim = Act::Endless(b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec());
    check(vec![interim], "BadAnswer: too many interim answers");
}

#[test]
fn a_gzip_bomb_becomes_no_larger_than_the_limit() {
    let zeros = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 64 * MB], 9);
    let head = format!("{HEAD}Content-Encoding: deflate\r\nContent-Length: {}\r\n\r\n", zeros.len());
    let expected = "TooLarge: a body that becomes too large when decompressed";
    check(vec![say(&head), Act::Say(zeros)], expected);
}

#[test]
fn redirect_loops_end() {
    let again = vec![say("HTTP/1.1 302 Found\r\nLocation: http://host.test/\r\n\r\n")];
    let scene = check(again, "Redirect: too many redirects");
    assert_eq!(scene.world.borrow().requests.len(), 6);
    check(
        vec![say("HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\n\r\n")],
        "Redirect: a redirect that leads nowhere: the address does not begin with http:// or https://",
    );
    let world = World::new();
    for (host, other) in [("a.test", "b.test"), ("b.test", "a.test")] {
        let acts = vec![say(&format!("HTTP/1.1 301 Moved\r\nLocation: http://{other}/\r\n\r\n"))];
        world.borrow_mut().hosts.insert(format!("{host}:80"), Host::Answers(acts));
    }
    let progress = Scene::new(&world).load("http://a.test/");
    assert_eq!(failure(&progress), "Redirect: too many redirects");
    assert_eq!(progress.elsewhere.len(), 5, "every change of origin is told");
}

#[test]
fn silence_is_cut_after_its_time() {
    let scene = check_host(Host::Silent, "TimedOut: there was no connection after 30 seconds");
    assert_eq!(scene.world.borrow().now_ms, 1_000 + CONNECT_MS);
    let scene = check(vec![Act::Pause(10_000_000)], "TimedOut: the host was silent for 20 seconds");
    assert_eq!(scene.world.borrow().now_ms, 1_000 + IDLE_MS);
    let stops = vec![say(HEAD), Act::Pause(10_000_000)];
    check(stops, "TimedOut: the host was silent for 20 seconds");
}

#[test]
fn slow_loris_is_cut_after_everything_together() {
    let scene =
        check(vec![Act::Drip(b'H', 15_000)], "TimedOut: the document was not there after 120 seconds");
    assert_eq!(scene.world.borrow().now_ms, 1_000 + TOTAL_MS);
    let head = say(&format!("{HEAD}Content-Length: 1000\r\n\r\n"));
    let scene =
        check(vec![head, Act::Drip(b'x', 1_000)], "TimedOut: the document was not there after 120 seconds");
    assert!(scene.world.borrow().calls < 1_000, "{} calls", scene.world.borrow().calls);
}

#[test]
fn slow_redirects_share_one_time() {
    let slow = vec![Act::Pause(19_000), say("HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n")];
    let scene = check(slow, "Redirect: too many redirects");
    assert!(scene.world.borrow().now_ms <= 1_000 + TOTAL_MS);
}

#[test]
fn connections_that_break_are_told_from_answers_that_end() {
    check(vec![Act::Reset], "Broken: ");
    check(vec![say(HEAD), Act::Reset], "Broken: ");
    check(vec![], "Broken: the connection ended before the answer did");
    check(
        vec![say(&format!("{HEAD}Content-Length: 10\r\n\r\nhalf"))],
        "Broken: the connection ended before the answer did",
    );
    check_host(Host::Refuses, "Refused: ");
    check_host(Host::Denied, "Denied: no rule allows it");
}

#[test]
fn names_that_nobody_has_and_answers_that_are_none() {
    let world = World::new();
    let progress = Scene::new(&world).load("http://nobody.test/");
    assert_eq!(failure(&progress), "NoSuchName: ");
    check(vec![say("SSH-2.0-OpenSSH_9.6\r\n\r\n")], "BadAnswer: the answer does not begin like HTTP");
    let twice = format!("{HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab");
    check(vec![say(&twice)], "BadAnswer: two statements of how long the body is");
}

#[test]
fn a_network_that_restarts_is_a_failure_and_no_confusion() {
    let world = World::new();
    world.borrow_mut().hosts.insert("host.test:80".into(), Host::Answers(vec![Act::Pause(5_000)]));
    let mut scene = Scene::new(&world);
    scene.open("http://host.test/").expect("an address");
    assert!(scene.turn());
    world.borrow_mut().generation = 2;
    while scene.turn() {}
    let progress = scene.viewer.progress(&caller());
    assert_eq!(failure(&progress), "NoNetwork: the network restarted");
}

#[test]
fn a_network_that_restarts_while_a_host_is_silent_is_noticed_at_once() {
    let world = World::new();
    world.borrow_mut().hosts.insert("host.test:80".into(), Host::Answers(vec![Act::Pause(5_000)]));
    let mut scene = Scene::new(&world);
    scene.open("http://host.test/").expect("an address");
    let begin = world.borrow().now_ms;
    while world.borrow().now_ms == begin {
        assert!(scene.turn());
    }
    // It waits for the host, nobody tells it anything, and the network is another.
    let then = begin + 500;
    world.borrow_mut().now_ms = then;
    world.borrow_mut().generation = 2;
    while scene.turn() {}
    assert_eq!(failure(&scene.viewer.progress(&caller())), "NoNetwork: the network restarted");
    assert_eq!(world.borrow().now_ms, then, "it waited for nothing");
}

#[test]
fn a_page_that_tries_to_steer_the_terminal_is_harmless() {
    let body = "\u{1b}[2J\u{1b}]0;owned\u{7}a\u{202e}b\u{9b}31m\rc\u{0}";
    let world = World::new();
    for (host, media) in
        [("plain.test:80", "text/plain"), ("html.test:80", "text/html"), ("md.test:80", "text/markdown")]
    {
        let acts = vec![Act::Say(answer(media, body.as_bytes()))];
        world.borrow_mut().hosts.insert(host.into(), Host::Answers(acts));
    }
    for url in ["http://plain.test/", "http://html.test/", "http://md.test/"] {
        let mut scene = Scene::new(&world);
        let progress = scene.load(url);
        assert!(matches!(progress.phase, Phase::Done(_)), "{}", failure(&progress));
        let page = scene.page();
        assert!(page.chars().all(|character| character == '\n' || !character.is_control()), "{page:?}");
        assert!(!page.contains('\u{202e}'), "{page:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever a server says, in whatever pieces, there is an end, and nothing but harmless text.
    #[test]
    fn any_bytes_come_to_an_end(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..6),
        head in prop::sample::select(vec!["", "HTTP/1.1 200 OK\r\n", HEAD, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"]),
    ) {
        let world = World::new();
        let acts = std::iter::once(say(head)).chain(pieces.into_iter().map(Act::Say)).filter(|act| {
            !matches!(act, Act::Say(bytes) if bytes.is_empty())
        });
        world.borrow_mut().hosts.insert("host.test:80".into(), Host::Answers(acts.collect()));
        let mut scene = Scene::new(&world);
        let progress = scene.load("http://host.test/");
        match progress.phase {
            Phase::Done(_) => {
                let page = scene.page();
                prop_assert!(page.chars().all(|character| character == '\n' || !character.is_control()));
            }
            Phase::Failed(_) => {}
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert!(!world.borrow().has_streams());
    }
}
