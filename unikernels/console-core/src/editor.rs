//! Reading one line from a person.
//!
//! The line never wraps: when it is longer than the screen is wide, a window of it is shown around the cursor. So drawing
//! needs no knowledge of rows. In hidden mode nothing is drawn at all, not even stars: their number is a secret too.
//!
//! Deliberately absent: bracketed paste and multi-line editing. A pasted line feed is an Enter.

use crate::history::History;
use crate::key::Key;
use crate::line::Line;
use crate::plain::harmless;
use crate::screen::{Input, Screen};
use crate::terminal::Terminal;
use ipc_proto_ctl_api::Ending;
use unicode_width::UnicodeWidthChar;

/// How wide the screen is taken to be. A serial line can't ask.
const COLUMNS: usize = 80;

/// How reading a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With Enter.
    Entered,
    /// With `^C`.
    Cancelled,
    /// With `^D` on an empty line.
    EndOfInput,
    /// Not at all: a life of a qube ended. When that was told, [`Screen::resume`] goes on.
    Interrupted(Ending),
    /// Not at all: a question waits, and no key came for a while. Only a command is left for it; [`Screen::resume`] goes on.
    Asked,
    /// The terminal is gone.
    Closed,
}

/// What a line is read for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'h> {
    /// A command: with history, and a function that completes what stands before the cursor.
    Command(&'h History, fn(&str) -> Option<&'static str>),
    /// An answer: shown, without history.
    Answer,
    /// A secret: never shown.
    Secret,
    /// One line of many that are pasted: nothing is drawn at all, not even that it ended.
    Pasted,
}

/// One reading of one line.
struct Reading<'r, 'w, W, const N: usize> {
    screen: &'r mut Screen<'w, W>,
    prompt: &'r str,
    purpose: Purpose<'r>,
    line: &'r mut Line<N>,
    /// How far back in history we are; 0 is the line being typed.
    back: usize,
    /// The line that was being typed when history was entered.
    draft: Line<N>,
    /// What is on the screen is not the line.
    stale: bool,
}

impl<W: Terminal> Screen<'_, W> {
    /// Shows `prompt` and reads a line into `line`, which starts empty.
    pub(crate) fn read<const N: usize>(
        &mut self,
        prompt: &str,
        purpose: Purpose<'_>,
        line: &mut Line<N>,
    ) -> Outcome {
        line.clear();
        self.put(format_args!("{prompt}"));
        Reading { screen: self, prompt, purpose, line, back: 0, draft: Line::new(), stale: false }.run()
    }

    /// Goes on reading a line after [`Outcome::Interrupted`].
    pub(crate) fn resume<const N: usize>(
        &mut self,
        prompt: &str,
        purpose: Purpose<'_>,
        line: &mut Line<N>,
    ) -> Outcome {
        let mut reading =
            Reading { screen: self, prompt, purpose, line, back: 0, draft: Line::new(), stale: true };
        reading.draw();
        reading.run()
    }
}

impl<W: Terminal, const N: usize> Reading<'_, '_, W, N> {
    fn run(mut self) -> Outcome {
        let reading = &mut self;
        loop {
            let question_at_ms = match reading.purpose {
                Purpose::Command(..) => reading.screen.question_at_ms(),
                Purpose::Answer | Purpose::Secret | Purpose::Pasted => None,
            };
            let outcome = match reading.screen.input_until(question_at_ms) {
                Input::Key(key) => reading.press(key),
                Input::Asked => None,
                Input::Deadline => return Outcome::Asked,
                Input::Ended(end) => return Outcome::Interrupted(end),
                Input::Disturbed => {
                    reading.stale = true;
                    None
                }
                Input::Closed => Some(Outcome::Closed),
            };
            if outcome.is_some() || !reading.screen.has_input() {
                reading.draw();
            }
            if let Some(outcome) = outcome {
                let end: &[u8] = match (outcome, reading.purpose) {
                    (Outcome::Cancelled, _) => b"^C\r\n",
                    (Outcome::Entered, Purpose::Pasted) => b"",
                    _ => b"\r\n",
                };
                reading.screen.raw(end);
                return outcome;
            }
        }
    }

    fn press(&mut self, key: Key) -> Option<Outcome> {
        match key {
            Key::Enter => return Some(Outcome::Entered),
            Key::Cancel => return Some(Outcome::Cancelled),
            Key::EndOfInput if self.line.as_str().is_empty() => return Some(Outcome::EndOfInput),
            Key::Char(character) => self.insert(character),
            Key::Backspace => self.backspace(),
            Key::Delete | Key::EndOfInput => self.changed(|line| line.delete().is_some()),
            Key::Left => self.changed(Line::left),
            Key::Right => self.changed(Line::right),
            Key::Home => self.edited(Line::home),
            Key::End => self.edited(Line::end),
            Key::KillLine => self.edited(Line::clear),
            Key::KillWord => self.edited(Line::kill_word),
            Key::KillToEnd => self.edited(Line::kill_to_end),
            Key::Up => self.travel(self.back + 1),
            Key::Down => self.travel(self.back.saturating_sub(1)),
            Key::Tab => self.complete(),
            Key::Redraw => {
                self.screen.clear();
                self.stale = true;
            }
        }
        None
    }

    fn insert(&mut self, character: char) {
        let hidden = self.is_hidden();
        let character = if hidden { character } else { harmless(character) };
        let simple = !self.stale && !hidden && self.line.at_end() && self.fits(width(character));
        let full = self.line.refused() > 0;
        if !self.line.insert(character) {
            // One bell for all that doesn't fit: a paste of megabytes is no alarm.
            if !full {
                self.bell();
            }
        } else if simple {
            self.screen.put(format_args!("{character}"));
        } else {
            self.stale = true;
        }
    }

    fn backspace(&mut self) {
        let simple = !self.stale && !self.is_hidden() && self.line.at_end() && self.fits(0);
        match self.line.backspace() {
            None => self.bell(),
            Some(character) if simple && width(character) == 1 => self.screen.raw(b"\x08 \x08"),
            Some(_) => self.stale = true,
        }
    }

    /// Does something that may be impossible; a bell says so.
    fn changed(&mut self, change: fn(&mut Line<N>) -> bool) {
        if change(self.line) {
            self.stale = true;
        } else {
            self.bell();
        }
    }

    fn edited(&mut self, edit: fn(&mut Line<N>)) {
        edit(self.line);
        self.stale = true;
    }

    /// Goes to the line `back` steps back in history; 0 is the line that was being typed.
    fn travel(&mut self, back: usize) {
        let Purpose::Command(history, _) = self.purpose else {
            return self.bell();
        };
        if back == self.back {
            return self.bell();
        }
        if self.back == 0 {
            self.draft.set(self.line.as_str());
        }
        match back.checked_sub(1).map(|steps| history.back(steps)) {
            None => self.line.set(self.draft.as_str()),
            Some(Some(line)) => self.line.set(line),
            Some(None) => return self.bell(),
        }
        self.back = back;
        self.stale = true;
    }

    fn complete(&mut self) {
        let rest = match self.purpose {
            Purpose::Command(_, complete) if self.line.at_end() => complete(self.line.as_str()),
            _ => None,
        };
        match rest {
            Some(rest) => {
                self.line.insert_str(rest);
                self.line.insert(' ');
                self.stale = true;
            }
            None => self.bell(),
        }
    }

    /// Brings the screen up to date.
    fn draw(&mut self) {
        if !core::mem::take(&mut self.stale) || matches!(self.purpose, Purpose::Pasted) {
            return;
        }
        self.screen.raw(b"\r");
        self.screen.put(format_args!("{}", self.prompt));
        if self.is_hidden() {
            return self.screen.raw(b"\x1b[K");
        }
        let room = (COLUMNS - 1).saturating_sub(text_width(self.prompt));
        let before = last_columns(self.line.before(), room);
        let after = first_columns(self.line.after(), room - text_width(before));
        self.screen.put(format_args!("{before}{after}"));
        self.screen.raw(b"\x1b[K");
        if !after.is_empty() {
            let column = text_width(self.prompt) + text_width(before);
            // From the left edge, so that a wide character we misjudged does no lasting harm.
            self.screen.raw(b"\r");
            for _ in 0..column {
                self.screen.raw(b"\x1b[C");
            }
        }
    }

    fn bell(&mut self) {
        if matches!(self.purpose, Purpose::Pasted) {
            return;
        }
        self.screen.raw(b"\x07");
    }

    fn is_hidden(&self) -> bool {
        matches!(self.purpose, Purpose::Secret | Purpose::Pasted)
    }

    /// Whether the whole line and `more` columns fit on the screen.
    fn fits(&self, more: usize) -> bool {
        text_width(self.prompt) + text_width(self.line.as_str()) + more < COLUMNS
    }
}

#[cfg(test)]
mod tests;

/// Columns a character takes.
fn width(character: char) -> usize {
    character.width().unwrap_or(0)
}

pub(crate) fn text_width(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The longest end of `text` of at most `columns` columns.
fn last_columns(text: &str, columns: usize) -> &str {
    let mut left = columns;
    let start = text.char_indices().rev().find(|(_, character)| {
        let fits = width(*character) <= left;
        left = left.saturating_sub(width(*character));
        !fits
    });
    start.map_or(text, |(at, character)| &text[at + character.len_utf8()..])
}

/// The longest beginning of `text` of at most `columns` columns.
pub(crate) fn first_columns(text: &str, columns: usize) -> &str {
    let mut left = columns;
    let end = text.char_indices().find(|(_, character)| {
        let fits = width(*character) <= left;
        left = left.saturating_sub(width(*character));
        !fits
    });
    end.map_or(text, |(at, _)| &text[..at])
}
