//! Whose text can begin a row: terminals that are narrow, that draw characters wider than the console thinks, and that begin
//! rows by themselves.

extern crate std;

use super::asking::question;
use super::links::link;
use super::*;
use crate::frame::{Frame, Mark};
use crate::question::GUARD_MS;
use crate::terminal::Asked;
use ipc_proto_ctl_api::{EndReason, Ending};
use ipc_proto_open_api::Reason;
use proptest::prelude::*;
use unicode_width::UnicodeWidthChar;

/// What the console writes beside ASCII: marks, and its own sentences.
const OURS: &str = "●■▲◆★✚◐○│╭╰─—…";
/// ASCII that the console itself never writes.
const THEIRS: &str = "@#^~`";

/// How wide a terminal draws a character.
#[derive(Debug, Clone, Copy)]
enum Drawn {
    /// As the console thinks.
    Told,
    /// Over two columns, where it is not ASCII: more than those of ambiguous width (UAX #11).
    East,
    /// And what has no width too.
    Each,
    /// All but ASCII over three columns.
    Absurd,
}

const DRAWN: [Drawn; 4] = [Drawn::Told, Drawn::East, Drawn::Each, Drawn::Absurd];

impl Drawn {
    fn columns(self, character: char) -> usize {
        match self {
            Self::Told => character.width().unwrap_or(0),
            _ if character.is_ascii() => 1,
            Self::East => character.width().map_or(0, |width| 2 * usize::from(width > 0)),
            Self::Each => 2,
            Self::Absurd => 3,
        }
    }
}

/// All characters that a terminal draws at the left edge.
fn at_the_edge(sent: &[u8], width: usize, drawn: Drawn) -> Vec<char> {
    let text = std::str::from_utf8(sent).unwrap();
    let (mut edge, mut column, mut wraps) = (Vec::new(), 0, true);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\x1b' => {
                let mut sequence = String::new();
                for letter in letters.by_ref() {
                    sequence.push(letter);
                    if letter.is_ascii_alphabetic() {
                        break;
                    }
                }
                match sequence.as_str() {
                    "[?7l" => wraps = false,
                    "[?7h" => wraps = true,
                    "[C" => column = width.min(column + 1),
                    "[K" => {}
                    colour => assert!(colour.ends_with('m'), "{colour:?}"),
                }
            }
            '\r' => column = 0,
            '\n' | '\x07' => {}
            '\x08' => column = column.saturating_sub(1),
            other => {
                let columns = drawn.columns(other);
                if column + columns > width {
                    // It stays at the edge, on what was there, or a row begins.
                    column = if wraps { 0 } else { width - columns };
                }
                if column == 0 {
                    edge.push(other);
                }
                column += columns;
            }
        }
    }
    assert!(wraps, "the terminal is left as it was");
    edge
}

fn is_ours(character: char) -> bool {
    OURS.contains(character) || (character.is_ascii() && !THEIRS.contains(character))
}

/// That no terminal draws at its left edge what only strangers write.
fn assert_marked(sent: &[u8]) -> Result<(), TestCaseError> {
    for drawn in DRAWN {
        for width in 20..=200 {
            let edge = at_the_edge(sent, width, drawn);
            let strange = edge.iter().find(|character| !is_ours(**character));
            prop_assert!(strange.is_none(), "{strange:?} at width {width}, {drawn:?}: {:?}", {
                std::str::from_utf8(sent)
            });
        }
    }
    Ok(())
}

/// Text that has no character of ours but blanks and line feeds.
fn hostile() -> impl Strategy<Value = String> {
    let strange = |character: &char| !is_ours(*character);
    let letter = prop_oneof![
        4 => proptest::sample::select(THEIRS.chars().collect::<Vec<char>>()),
        2 => proptest::sample::select("日한🐝éß½α“Ж§°×÷\u{301}\u{20dd}\u{e31}\u{11ff}\u{302e}ᅡ각".chars().collect::<Vec<_>>()),
        1 => any::<char>().prop_filter("of ours", strange),
        1 => proptest::sample::select("\0\x1b\x07\x08\r\t\x7f\u{9b}\u{85}\u{2028}\u{202e}\u{feff}\n".chars().collect::<Vec<_>>()),
    ];
    let run = (letter, prop_oneof![3 => Just(1_usize), 1 => 1..90_usize]);
    let runs = proptest::collection::vec(run, 1..60);
    runs.prop_map(|runs| runs.into_iter().flat_map(|(letter, times)| std::vec![letter; times]).collect())
}

/// A world in which strangers say a text wherever they can.
fn world_of(text: &str) -> FakeWorld {
    let mut world = FakeWorld::new();
    opened(&mut world);
    super::links::with_places(&mut world);
    let stranger = QubeName::new("sixteen-letters-").ok().unwrap();
    let leaked = || &*Box::leak(Box::<str>::from(text));
    {
        let mut machine = world.machine.borrow_mut();
        let lines: String =
            text.split('\n').map(|line| format!("[    3.250000 echo] generation 1: {line}\n")).collect();
        machine.log = format!("old\n{lines}");
        let viewers = &mut machine.viewers;
        viewers[0].1.title = leaked();
        viewers[0].1.page = text.into();
        viewers[0].1.links = std::vec![leaked()];
        viewers[0].1.elsewhere = std::vec![leaked()];
        viewers[3].1.failed = Some((Reason::NoSuchName, leaked()));
    }
    let printed = |text: &str| {
        Step::Print(Printed { from: stranger, label: Label::Untrusted, text: Text::truncated(text) })
    };
    let typed = |text: &str| Step::Type(text.as_bytes().to_vec());
    let end = Ending { qube: 2, generation: 1, why: EndReason::Panicked, log: 4, audit: 0 };
    let vault = QubeName::new("vault").ok().unwrap();
    let asked = Asked { vault, question: question(5, "sixteen-letters-", text) };
    world.terminal.script.extend([
        printed(text),
        Step::End(end),
        typed("open http://a/\r"),
        typed("a"),
        printed(text),
        typed("links\r"),
        typed("open 1\r"),
        typed("close\r"),
        typed("open http://b/ viewer-2\r"),
        typed("log\r"),
        Step::Ask(asked),
        Step::Pass(2 * GUARD_MS),
        printed(text),
        Step::Pass(2 * GUARD_MS),
        typed("n\r"),
    ]);
    for url in ["http://@@@/@@@@", &format!("http://@/{}", "@".repeat(150))] {
        link(&mut world, "sixteen-letters-", Label::Work, Some(url));
        world.terminal.script.push_back(Step::Pass(2 * GUARD_MS));
        world.terminal.script.push_back(typed("n\r"));
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_text_of_a_stranger_begins_a_row_of_a_session(text in hostile()) {
        let mut world = world_of(&text);
        run(&mut world, Colour::Always);
        assert_marked(&world.terminal.sent)?;
    }

    #[test]
    fn no_text_of_a_stranger_begins_a_row_behind_any_mark(text in hostile()) {
        let name = QubeName::new("sixteen-letters-").ok().unwrap();
        for mark in [Mark::Bar(Label::Work), Mark::Printed(Label::Vault, name), Mark::Says(name), Mark::Report] {
            let mut world = FakeWorld::new();
            let mut screen = Screen::new(&mut world, Colour::Always);
            Frame::with(mark).line(&mut screen, &text);
            assert_marked(&world.terminal.sent)?;
        }
        for mark in [Mark::Ours, Mark::Log] {
            let mut world = FakeWorld::new();
            let mut screen = Screen::new(&mut world, Colour::Always);
            let mut frame = Frame::with(mark);
            frame.goes_on();
            // Each line of a log begins with words of the supervisor.
            frame.line(&mut screen, &text.replace('\n', ""));
            frame.line(&mut screen, &format!("[echo] {}", text.replace('\n', "")));
            assert_marked(&world.terminal.sent)?;
        }
    }
}

#[test]
fn the_model_sees_text_that_begins_a_row() {
    let long = format!("[x] {}@", "a".repeat(76));
    assert!(at_the_edge(long.as_bytes(), 80, Drawn::Told).contains(&'@'));
    assert!(!at_the_edge(long.as_bytes(), 81, Drawn::Told).contains(&'@'));
    assert!(at_the_edge("é@é@".as_bytes(), 20, Drawn::Absurd).iter().eq(&['é']));
    assert!(at_the_edge("\u{301}".repeat(21).as_bytes(), 20, Drawn::Each).len() == 3);
    let unwrapped = format!("\x1b[?7l{long}\r\n\x1b[?7h");
    assert!(!at_the_edge(unwrapped.as_bytes(), 80, Drawn::Absurd).contains(&'@'));
}
