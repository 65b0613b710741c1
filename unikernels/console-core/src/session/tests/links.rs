//! Links that other qubes hand over, and where documents are opened.

use super::*;
use crate::link::{LINK_MS, Link};
use crate::question::GUARD_MS;
use ipc_proto_ctl_api::QubeState;
use ipc_proto_types::QubeName;

const URL: &str = "http://host.test/a";
const CHOICE: &str = "▲ work asks to open http://host.test/a in work-viewer: [o]pen, [n]o?";

/// A world with a viewer of the console's own, one that is opened for `work`, and one that the manifest calls otherwise.
pub(super) fn with_places(world: &mut FakeWorld) {
    for viewer in ["viewer-1", "work-viewer-1", "bills", "viewer-2"] {
        world.add_viewer(viewer);
    }
    let mut machine = world.machine.borrow_mut();
    for (_, viewer) in &mut machine.viewers {
        viewer.page = "page\n".into();
        viewer.links = std::vec!["http://other.test/"];
    }
    machine.qubes.push(qube("work", Label::Work));
    machine.qubes.push(qube("idle", Label::Personal));
    let index = |name: &str| machine.qubes.iter().position(|qube| qube.name == *name).unwrap();
    let (work, viewer) = (index("work"), index("work-viewer-1"));
    let clients = ["viewer-1", "work-viewer-1", "bills", "viewer-2"].map(index);
    machine.qubes[viewer].opened_for = Some(u8::try_from(work).unwrap());
    for client in clients {
        machine.channels.push(channel(u8::try_from(client).unwrap(), Some(0), "net", &[Verdict::Allow]));
    }
}

pub(super) fn link(world: &mut FakeWorld, from: &str, label: Label, url: Option<&str>) {
    let from = QubeName::new(from).ok().unwrap();
    let until_ms = world.terminal.now_ms + LINK_MS;
    let link = Link { from, label, url: url.map(Text::truncated), until_ms };
    world.terminal.script.push_back(Step::Link(Box::new(link)));
}

fn pass(world: &mut FakeWorld, ms: u64) {
    world.terminal.script.push_back(Step::Pass(ms));
}

fn keys(world: &mut FakeWorld, keys: &str) {
    world.terminal.script.push_back(Step::Type(keys.as_bytes().to_vec()));
}

/// What every viewer was asked to open.
pub(super) fn opened_in(world: &FakeWorld) -> Vec<(&'static str, String)> {
    let machine = world.machine.borrow();
    let all = machine.viewers.iter();
    all.flat_map(|(name, viewer)| viewer.opened.iter().map(|(url, _)| (*name, url.clone()))).collect()
}

fn shown(world: &mut FakeWorld) -> Vec<String> {
    play(world, &[]).lines().map(String::from).collect()
}

#[test]
fn a_link_opens_in_the_disposable_that_is_opened_for_its_qube() {
    let mut world = FakeWorld::new();
    with_places(&mut world);
    link(&mut world, "work", Label::Work, Some(URL));
    pass(&mut world, 2 * GUARD_MS);
    keys(&mut world, "o\r");
    pass(&mut world, 2 * GUARD_MS);
    keys(&mut world, "close\r");
    let rows = shown(&mut world);
    let expected = [
        &format!("{CHOICE} o"),
        "●│ page",
        "1000 bytes, 1 link: 'open 1' follows it in a new life. 'close' ends this one.",
        "skep> close",
        "work-viewer-1 is gone, and its memory with it.",
    ];
    assert_eq!(rows, expected);
    assert_eq!(opened_in(&world), [("work-viewer-1", URL.to_owned())]);
}

#[test]
fn the_line_that_was_being_typed_answers_nothing_and_comes_back() {
    let mut world = FakeWorld::new();
    with_places(&mut world);
    keys(&mut world, "say echo ");
    link(&mut world, "work", Label::Work, Some(URL));
    keys(&mut world, "o");
    pass(&mut world, 2 * GUARD_MS);
    // The question stands there now.
    keys(&mut world, "n\r");
    keys(&mut world, "k\r");
    let rows = shown(&mut world);
    let expected =
        [format!("{CHOICE} n"), "It is not opened.".into(), "skep> say echo ok".into(), "echo: ok".into()];
    assert_eq!(rows, expected);
    assert_eq!(opened_in(&world), []);
}

#[test]
fn a_question_that_nobody_answers_is_over() {
    let mut world = FakeWorld::new();
    with_places(&mut world);
    link(&mut world, "work", Label::Work, Some(URL));
    pass(&mut world, LINK_MS + GUARD_MS);
    let rows = shown(&mut world);
    assert_eq!(rows, [CHOICE, "Nobody answered. It is not opened."]);
    // Nor one that came while somebody typed on and on.
    let mut world = FakeWorld::new();
    with_places(&mut world);
    link(&mut world, "work", Label::Work, Some(URL));
    for _ in 0..=LINK_MS / (GUARD_MS - 1) {
        keys(&mut world, "x");
        pass(&mut world, GUARD_MS - 1);
    }
    pass(&mut world, GUARD_MS);
    let rows = shown(&mut world);
    assert_eq!(rows.first().map(String::as_str), Some("work asked to open a link, and nobody answered."));
    assert_eq!(opened_in(&world), []);
}

#[test]
fn a_long_address_is_shown_whole_behind_the_mark_of_who_asks() {
    let long = format!("http://{}.test/{}", "a".repeat(60), "b".repeat(100));
    let mut world = FakeWorld::new();
    with_places(&mut world);
    link(&mut world, "work", Label::Work, Some(&long));
    pass(&mut world, 2 * GUARD_MS);
    keys(&mut world, "n\r");
    let rows = shown(&mut world);
    let whole: String = rows.iter().filter_map(|row| row.strip_prefix("▲│ ")).collect();
    assert_eq!(whole, long);
    assert_eq!(rows.first().map(String::as_str), Some("work asks to open:"));
    assert!(
        rows.contains(&"▲ work asks to open that in work-viewer: [o]pen, [n]o? n".to_owned()),
        "{rows:?}"
    );
}

#[test]
fn who_has_no_disposable_is_refused_in_a_sentence() {
    let mut world = FakeWorld::new();
    with_places(&mut world);
    link(&mut world, "idle", Label::Personal, None);
    pass(&mut world, 2 * GUARD_MS);
    let refused = "idle asked to open a link; that is refused, since no disposable is opened for idle.";
    assert_eq!(shown(&mut world), [refused]);
}

#[test]
fn whether_a_disposable_is_opened_for_a_qube_is_what_the_supervisor_says() {
    let mut world = FakeWorld::new();
    with_places(&mut world);
    let answers = ["work", "idle", "nobody", "console"].map(|name| crate::is_opened_for(&mut world, name));
    assert_eq!(answers, [Some(true), Some(false), None, Some(false)]);
}

#[test]
fn a_link_never_opens_in_a_disposable_of_somebody_else_even_when_its_own_is_taken() {
    let mut world = FakeWorld::new();
    with_places(&mut world);
    let mut machine = world.machine.borrow_mut();
    machine.qubes.iter_mut().find(|qube| qube.name == "work-viewer-1").unwrap().state = QubeState::Running;
    drop(machine);
    link(&mut world, "work", Label::Work, Some(URL));
    pass(&mut world, 2 * GUARD_MS);
    keys(&mut world, "o\r");
    let rows = shown(&mut world);
    assert_eq!(
        rows,
        [&format!("{CHOICE} o"), "No viewer is free: 'close NAME' ends one that 'qubes' shows."]
    );
    assert_eq!(opened_in(&world), []);
}

#[test]
fn a_link_of_what_was_opened_for_a_qube_stays_there() {
    let mut world = FakeWorld::new();
    with_places(&mut world);
    link(&mut world, "work", Label::Work, Some(URL));
    pass(&mut world, 2 * GUARD_MS);
    keys(&mut world, "o\r");
    keys(&mut world, "open 1\r");
    let _ = shown(&mut world);
    let both = [URL, "http://other.test/"].map(|url| ("work-viewer-1", url.to_owned()));
    assert_eq!(opened_in(&world), both);
}

#[test]
fn what_a_person_opens_goes_to_the_first_viewer_and_its_like_or_where_it_was_told_to() {
    let mut world = FakeWorld::new();
    with_places(&mut world);
    let mut machine = world.machine.borrow_mut();
    machine.qubes.iter_mut().find(|qube| qube.name == "viewer-1").unwrap().state = QubeState::Running;
    drop(machine);
    let urls =
        ["open http://a/", "open http://b/ in bills", "open http://c/ in work-viewer", "open 1 in viewer-2"];
    let _ = play(&mut world, &urls);
    let expected = [
        ("work-viewer-1", "http://c/"),
        ("bills", "http://b/"),
        ("viewer-2", "http://a/"),
        ("viewer-2", "http://other.test/"),
    ];
    assert_eq!(opened_in(&world), expected.map(|(name, url)| (name, url.to_owned())));
}

#[test]
fn a_qube_without_network_opens_nothing_and_that_is_said() {
    check_in(
        |world| {
            with_places(world);
            world.machine.borrow_mut().channels.retain(|channel| channel.client != 5);
        },
        &[
            "open http://a/ in idle",
            "open http://a/ in bills",
            "open http://a/ in nobody",
            "open http://a/ on b",
        ],
        &[
            "skep> open http://a/ in idle",
            "idle has no channel to the network, and opens no documents.",
            "skep> open http://a/ in bills",
            "bills has no channel to the network.",
            "skep> open http://a/ in nobody",
            "There is no qube 'nobody'. Type 'qubes'.",
            "skep> open http://a/ on b",
            "'on' is one word too many.",
            "Usage: open URL | NUMBER [in NAME]",
        ],
    );
}

#[test]
fn viewers_that_are_all_kept_for_others_have_to_be_named() {
    let mut world = FakeWorld::new();
    with_places(&mut world);
    let mut machine = world.machine.borrow_mut();
    machine.qubes.iter_mut().filter(|qube| qube.disposable).for_each(|qube| qube.opened_for = Some(1));
    drop(machine);
    let shown = play(&mut world, &["open http://a/"]);
    assert!(shown.contains("Every viewer is kept for another qube: 'open URL in NAME' names one"), "{shown}");
    let mut machine = world.machine.borrow_mut();
    machine.qubes.iter_mut().filter(|qube| qube.disposable).for_each(|qube| qube.opened_for = Some(0));
    drop(machine);
    let _ = play(&mut world, &["open http://a/"]);
    assert_eq!(opened_in(&world), [("viewer-1", "http://a/".to_owned())]);
}
