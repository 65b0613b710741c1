//! A terminal for tests: plays a script and draws what it is sent, strictly.
//!
//! It knows exactly the sequences the console may send and panics at any other, so a test that draws anything also shows
//! that no stray control byte reached the terminal.

extern crate std;

use crate::link::Link;
use crate::terminal::{Asked, Event, Printed, Terminal};
use ipc_proto_ctl_api::Ending;
use std::boxed::Box;
use std::collections::VecDeque;
use std::string::String;
use std::vec::Vec;
use unicode_width::UnicodeWidthChar;

/// What happens next.
pub(crate) enum Step {
    /// These bytes arrive together.
    Type(Vec<u8>),
    /// A qube has a line printed.
    Print(Printed),
    /// The supervisor tells the end of a life.
    End(Ending),
    /// A vault asks.
    Ask(Asked),
    /// A qube hands over a link.
    Link(Box<Link>),
    /// So many milliseconds pass.
    Pass(u64),
}

/// The terminal.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) script: VecDeque<Step>,
    pub(crate) now_ms: u64,
    /// Rows as drawn; long rows do not wrap.
    pub(crate) rows: Vec<Vec<char>>,
    pub(crate) column: usize,
    pub(crate) bells: usize,
    /// What the clipboard was set to, one after the other; `!` empties it.
    pub(crate) clipboard: Vec<String>,
    pub(crate) colours: usize,
    /// The column of the cursor when the script ended.
    pub(crate) column_at_end: usize,
    /// How often the stack was wiped.
    pub(crate) scrubs: usize,
    /// Links that wait.
    pub(crate) links: VecDeque<Link>,
    /// All bytes, as they were sent.
    pub(crate) sent: Vec<u8>,
    /// Whether the terminal begins no rows by itself.
    unwrapped: bool,
    typed: VecDeque<u8>,
    unfinished: Vec<u8>,
}

impl Fake {
    pub(crate) fn typing(chunks: &[&str]) -> Self {
        Self {
            script: chunks.iter().map(|chunk| Step::Type(chunk.as_bytes().to_vec())).collect(),
            ..Self::default()
        }
    }

    /// The row the cursor is in.
    pub(crate) fn row(&self) -> String {
        self.rows.last().map(|row| row.iter().collect::<String>()).unwrap_or_default().trim_end().into()
    }

    /// All rows, without blanks at their ends.
    pub(crate) fn text(&self) -> String {
        let rows: Vec<String> =
            self.rows.iter().map(|row| row.iter().collect::<String>().trim_end().into()).collect();
        rows.join("\n")
    }

    fn show(&mut self, character: char) {
        if self.rows.is_empty() {
            self.rows.push(Vec::new());
        }
        let row = self.rows.last_mut().unwrap();
        match character {
            '\r' => self.column = 0,
            '\n' => self.rows.push(Vec::new()),
            '\x08' => self.column = self.column.checked_sub(1).expect("a backspace at the left edge"),
            '\x07' => self.bells += 1,
            other => {
                let width = other.width().expect("a control character reached the terminal");
                while row.len() < self.column + width {
                    row.push(' ');
                }
                if width > 0 {
                    row[self.column] = other;
                    row[self.column + 1..self.column + width].fill('\u{200b}');
                    self.column += width;
                }
            }
        }
    }

    fn obey(&mut self, sequence: &str) {
        let row = self.rows.last_mut();
        match sequence {
            "[K" => row.expect("a row").truncate(self.column),
            "[C" => self.column += 1,
            "[2J" => self.rows.clear(),
            "[H" => self.column = 0,
            "[?7l" => assert!(!core::mem::replace(&mut self.unwrapped, true), "a row within a row"),
            "[?7h" => assert!(core::mem::take(&mut self.unwrapped), "no row has begun"),
            colour if colour.starts_with('[') && colour.ends_with('m') => self.colours += 1,
            clipboard => {
                let text = clipboard.strip_prefix("]52;c;").and_then(|text| text.strip_suffix('\x07'));
                self.clipboard.push(text.unwrap_or_else(|| panic!("sent {clipboard:?}")).into());
            }
        }
    }
}

impl Terminal for Fake {
    fn write(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
        self.unfinished.extend_from_slice(bytes);
        let Ok(text) = String::from_utf8(self.unfinished.clone()) else {
            return;
        };
        let mut rest = text.as_str();
        while let Some(character) = rest.chars().next() {
            if character == '\x1b' {
                let osc = rest[1..].starts_with(']');
                let end = rest.char_indices().skip(2).find(|(_, character)| match osc {
                    true => *character == '\x07',
                    false => ('@'..='~').contains(character),
                });
                let Some((end, _)) = end else { break };
                self.obey(&rest[1..=end]);
                rest = &rest[end + 1..];
            } else {
                self.show(character);
                rest = &rest[character.len_utf8()..];
            }
        }
        self.unfinished = rest.as_bytes().to_vec();
    }

    fn wait(&mut self, deadline_ms: Option<u64>) -> Event {
        assert!(self.unfinished.is_empty(), "waits inside a sequence: {:?}", self.unfinished);
        assert!(!self.unwrapped, "waits inside a row of a stranger");
        loop {
            if let Some(byte) = self.typed.pop_front() {
                return Event::Byte(byte);
            }
            match self.script.pop_front() {
                None => {
                    self.column_at_end = self.column;
                    return Event::Closed;
                }
                Some(Step::Type(bytes)) => self.typed.extend(bytes),
                Some(Step::Print(printed)) => return Event::Printed(printed),
                Some(Step::End(end)) => return Event::Ended(end),
                Some(Step::Ask(asked)) => return Event::Asked(asked),
                Some(Step::Link(link)) => {
                    self.links.push_back(*link);
                    return Event::Linked;
                }
                Some(Step::Pass(ms)) => {
                    let then = self.now_ms + ms;
                    match deadline_ms.filter(|deadline| *deadline <= then) {
                        None => self.now_ms = then,
                        Some(deadline) => {
                            self.script.push_front(Step::Pass(then - deadline.max(self.now_ms)));
                            self.now_ms = deadline.max(self.now_ms);
                            return Event::Deadline;
                        }
                    }
                }
            }
        }
    }

    fn has_input(&mut self) -> bool {
        !self.typed.is_empty()
    }

    fn has_link(&self) -> bool {
        !self.links.is_empty()
    }

    fn next_link(&mut self) -> Option<Link> {
        self.links.pop_front()
    }

    fn scrub_stack(&mut self) {
        self.scrubs += 1;
    }

    fn now_ms(&self) -> u64 {
        self.now_ms
    }
}
