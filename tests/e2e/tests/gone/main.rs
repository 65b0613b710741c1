//! Gone means gone: of a document nothing is left anywhere in the machine's memory, on its disk or in its log, however its life
//! ended, while the network qube lives on and carries nothing else.
//!
//! The canaries are in bodies, addresses, links, headers of answers, names of hosts, and the secrets of TLS as the server's side
//! wrote them down. What the terminal showed is not looked at: it was shown to a person.

mod world;

use std::collections::HashSet;

use tests_e2e::canary::Canaries;
use world::{Answer, Machine, Plain, Secure, certificates};

/// Canaries in an address, fewer than a line of the terminal has room for.
const IN_ADDRESS: usize = 40;
/// Canaries in headers, one each, fewer than an answer may have.
const IN_HEADERS: usize = 60;
/// Canaries in a page, and in links of it.
const IN_PAGE: usize = 180;
const IN_LINKS: usize = 10;
/// Labels of a host's name, each a canary.
const IN_NAME: usize = 9;
/// Names of hosts that are asked for.
const NAMES: usize = 4;
/// What is promised.
const CANARIES_MIN: usize = 1000;
/// Bytes of a page that a viewer of this test has no room for, and that it would take.
const TOO_MUCH: usize = 1_900_000;

/// A document full of canaries, and its address.
struct Document {
    path: String,
    answer: Answer,
}

impl Document {
    fn new(canaries: &mut Canaries, name: &str) -> Self {
        let mut plant = |what: &str, count: usize| -> Vec<String> {
            (0..count).map(|number| canaries.plant(&format!("{name} {what} {number}"))).collect()
        };
        let path = format!("/{}", plant("address", IN_ADDRESS).concat());
        let headers = plant("header", IN_HEADERS).into_iter().zip(0..);
        let headers = headers.map(|(canary, number)| format!("X-Canary-{number}: {canary}\r\n")).collect();
        let mut page = format!("<title>{}</title>", plant("title", 1).concat());
        for canary in plant("page", IN_PAGE) {
            page += &format!("<p>{canary}\n");
        }
        for canary in plant("link", IN_LINKS) {
            page += &format!("<p><a href='/{canary}'>link</a>\n");
        }
        Self { path, answer: Answer { headers, page, missing: 0 } }
    }
}

/// Which of the places a canary can be in were found, of the document of this name.
fn places(canaries: &Canaries, memory: &[u8], name: &str) -> HashSet<String> {
    let found = canaries.found(memory);
    let of_document = found.iter().filter_map(|(canary, _)| canary.strip_prefix(name)?.strip_prefix(' '));
    of_document.map(|rest| rest.split(' ').next().unwrap_or(rest).to_owned()).collect()
}

#[test]
fn nothing_of_a_thousand_canaries_is_left_after_close_kill_cancel_and_crash() {
    let folder = tests_e2e::empty_folder("gone");
    let authority = certificates(&folder);
    let mut canaries = Canaries::new();
    let mut machine = Machine::start(&folder, &authority);

    // Closed, after it came in the clear through the network qube.
    let document = Document::new(&mut canaries, "closed");
    let server = Plain::start(document.answer.clone());
    machine.open(&format!("http://10.0.2.2:{}{}", server.port, document.path), "10 links");
    // It has carried something, so it has begun.
    let netvm = machine.netvm();
    let there = places(&canaries, &machine.memory(), "closed");
    for place in ["page", "link"] {
        assert!(there.contains(place), "the search does not find the {place} of what is open: {there:?}");
    }
    machine.ends("close");
    machine.assert_none(&canaries, "after close");

    // Killed, after it came over TLS.
    let document = Document::new(&mut canaries, "killed");
    let server = Secure::start(&folder, document.answer.clone());
    machine.open(&format!("https://10.0.2.2:{}{}", server.port, document.path), "10 links");
    let said = server.said();
    assert!(said.contains(&document.path), "the server was asked for something else: {said}");
    server.plant_secrets(&mut canaries);
    assert!(places(&canaries, &machine.memory(), "killed").contains("page"));
    machine.ends("kill");
    machine.assert_none(&canaries, "after kill");

    // Given up in the middle, with the connection open.
    let mut document = Document::new(&mut canaries, "cancelled");
    document.answer.missing = 100;
    let server = Secure::start(&folder, document.answer.clone());
    machine.begin(&format!("https://10.0.2.2:{}{}", server.port, document.path));
    assert!(server.said().contains(&document.path));
    server.plant_secrets(&mut canaries);
    let memory = machine.memory();
    let there = places(&canaries, &memory, "cancelled");
    for place in ["address", "page"] {
        assert!(there.contains(place), "the search does not find the {place} of what comes: {there:?}");
    }
    assert!(
        !places(&canaries, &memory, "TLS").is_empty(),
        "the search finds no secret of an open connection"
    );
    machine.cancel();
    machine.assert_none(&canaries, "after a cancelled load");

    // A crash: the page is more than the viewer has memory for.
    let mut document = Document::new(&mut canaries, "crashed");
    document.answer.page += &"<p>word ".repeat(TOO_MUCH / 8);
    let server = Plain::start(document.answer.clone());
    machine.crash(&format!("http://10.0.2.2:{}{}", server.port, document.path));
    machine.assert_none(&canaries, "after a crash");

    // Names that nobody has; whoever is asked for them gets them, and there are seconds until it is given up.
    for number in 0..NAMES {
        let labels: Vec<String> =
            (0..IN_NAME).map(|label| canaries.plant_lower(&format!("name {number} {label}"))).collect();
        let shown = machine.does(&format!("open http://{}.test/", labels.join(".")));
        assert!(shown.contains("It can't be opened:"), "{shown}");
    }
    machine.assert_none(&canaries, "after names that nobody has");

    assert!(canaries.count() >= CANARIES_MIN, "{} canaries", canaries.count());
    machine.assert_logs_none(&canaries);
    assert_eq!(machine.netvm(), netvm, "the network qube did not live all the time");
    machine.power_off(&canaries);
}
