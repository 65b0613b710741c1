//! Pages that are longer than the screen.

use super::links::{link, opened_in, with_places};
use super::*;
use crate::document::SCREEN_ROWS;
use crate::question::GUARD_MS;
use ipc_proto_open_api::Phase;

const OPEN: &str = "open http://host.test/a\r";
const CHOICE: &str = "-- more: space or Enter, a for all, q to stop --";
const END: &str = "1000 bytes, 1 link: 'open 1' follows it in a new life. 'close' ends this one.";
/// Rows between two stops.
const ROWS: usize = SCREEN_ROWS - 1;

/// A world whose viewer shows so many numbered rows.
fn with_rows(rows: usize) -> FakeWorld {
    let mut world = FakeWorld::new();
    with_places(&mut world);
    world.machine.borrow_mut().viewers[0].1.page = (1..=rows).map(|row| format!("row {row}\n")).collect();
    world
}

/// Types keys, each piece when the one before was read.
fn keys(world: &mut FakeWorld, pieces: &[&str]) {
    for piece in pieces {
        world.terminal.script.push_back(Step::Type(piece.as_bytes().to_vec()));
    }
}

fn shown(world: &mut FakeWorld) -> Vec<String> {
    run(world, Colour::Never);
    world.terminal.text().lines().map(String::from).collect()
}

/// The last row of the page that is on the screen.
fn last_row(shown: &[String]) -> usize {
    let rows = shown.iter().filter_map(|row| row.strip_prefix("●│ row ")?.parse().ok());
    rows.max().unwrap_or(0)
}

/// Whether the choice stood there when the terminal went away.
fn is_asking(shown: &[String]) -> bool {
    shown.iter().any(|row| row.starts_with(CHOICE))
}

#[test]
fn a_page_stops_when_the_screen_is_full_and_goes_on_with_space_and_enter() {
    for (typed, expected) in
        [("", ROWS), (" ", 2 * ROWS), ("\r", 2 * ROWS), (" \r", 3 * ROWS), ("x?\x1b[A", ROWS)]
    {
        let mut world = with_rows(100);
        keys(&mut world, &[OPEN, typed]);
        let shown = shown(&mut world);
        assert_eq!(last_row(&shown), expected, "{typed:?}");
        assert!(is_asking(&shown), "{typed:?}");
        assert!(!shown.iter().any(|row| row == END), "{typed:?}");
        assert_eq!(world.terminal.bells, if typed.starts_with('x') { 3 } else { 0 }, "{typed:?}");
    }
}

#[test]
fn a_page_stops_only_where_more_of_it_follows() {
    for rows in 1..=3 * ROWS + 1 {
        let stops = (rows - 1) / ROWS;
        let mut world = with_rows(rows);
        keys(&mut world, &[OPEN, &" ".repeat(stops), "close\r"]);
        let shown = shown(&mut world);
        assert_eq!(last_row(&shown), rows);
        assert!(shown.iter().any(|row| row == END) && shown.iter().any(|row| row == "skep> close"), "{rows}");
        assert!(!is_asking(&shown), "the choice is wiped: {rows}");
    }
}

#[test]
fn the_rest_comes_at_once_or_not_at_all() {
    let mut world = with_rows(1000);
    keys(&mut world, &[OPEN, "a", "close\r"]);
    let all = shown(&mut world);
    assert_eq!(last_row(&all), 1000);
    assert!(all.iter().any(|row| row == "skep> close"));
    for stop in ["q", "\x03", "\x04"] {
        let mut world = with_rows(1000);
        keys(&mut world, &[OPEN, " ", stop, "open 1\r"]);
        let shown = shown(&mut world);
        assert_eq!(last_row(&shown), 2 * ROWS, "{stop:?}");
        let at = shown.iter().position(|row| row == "Stopped; the document stays open.").unwrap();
        assert_eq!(shown[at + 1..at + 4], [END, "skep> open 1", "Link 1 leads to:"], "{stop:?}");
    }
}

#[test]
fn a_row_without_an_end_stops_too() {
    let mut world = with_rows(0);
    world.machine.borrow_mut().viewers[0].1.page = "x".repeat(60_000);
    keys(&mut world, &[OPEN]);
    let shown = shown(&mut world);
    assert_eq!(shown.iter().filter(|row| row.starts_with("●│")).count(), ROWS);
}

#[test]
fn a_terminal_has_as_many_rows_as_it_says() {
    for (screen_rows, expected) in [(0, 100), (1, 1), (2, 1), (50, 49), (101, 100), (usize::MAX, 100)] {
        let mut world = with_rows(100);
        keys(&mut world, &[OPEN]);
        let mut room = Box::new(Room::new());
        Session::new(&mut world, &mut room, Colour::Never).with_rows(screen_rows).run();
        let shown: Vec<String> = world.terminal.text().lines().map(String::from).collect();
        assert_eq!(last_row(&shown), expected, "{screen_rows}");
    }
}

#[test]
fn what_was_typed_before_the_choice_does_not_make_it() {
    let mut world = with_rows(100);
    world.machine.borrow_mut().viewers[0].1.before = std::vec![Phase::Connecting, Phase::Connecting];
    // Half a command, while the document is loaded; the other half when the page has stopped and been stopped.
    keys(&mut world, &[OPEN, " q aclo"]);
    world.terminal.script.push_back(Step::Pass(1_000));
    keys(&mut world, &["q", "\x15close\r"]);
    let shown = shown(&mut world);
    assert_eq!(last_row(&shown), ROWS);
    assert!(shown.iter().any(|row| row == "skep> close"), "{shown:?}");
}

#[test]
fn keys_for_more_answer_no_question_and_hide_none() {
    let mut world = with_rows(1000);
    keys(&mut world, &[OPEN]);
    link(&mut world, "work", Label::Work, Some("http://host.test/a"));
    keys(&mut world, &["o", "\r", "o\r", " ", "q"]);
    // Whoever goes on typing after the page answers nothing either.
    world.terminal.script.push_back(Step::Pass(GUARD_MS - 1));
    keys(&mut world, &["o\r"]);
    world.terminal.script.push_back(Step::Pass(2 * GUARD_MS));
    keys(&mut world, &["n\r"]);
    let shown = shown(&mut world);
    assert_eq!(opened_in(&world), [("viewer-1", "http://host.test/a".into())], "the page alone");
    assert_eq!(last_row(&shown), 4 * ROWS);
    assert!(shown.iter().any(|row| row.contains("work asks to open")), "{shown:?}");
    assert!(shown.iter().any(|row| row == "It is not opened."), "{shown:?}");
}

#[test]
fn what_qubes_say_meanwhile_stands_above_the_choice() {
    let mut world = with_rows(100);
    keys(&mut world, &[OPEN]);
    let text = Text::truncated("-- more: press o --");
    world.terminal.script.push_back(Step::Print(Printed {
        from: ipc_proto_types::QubeName::new("echo").ok().unwrap(),
        label: Label::Untrusted,
        text,
    }));
    let shown = shown(&mut world);
    let at = shown.iter().position(|row| row == "[●echo] -- more: press o --").unwrap();
    assert!(shown[at + 1].starts_with(CHOICE), "{shown:?}");
    assert_eq!(shown[at - 1], format!("●│ row {ROWS}"));
}
