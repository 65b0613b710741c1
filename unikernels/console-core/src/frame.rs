//! Text of strangers, in a frame that it cannot leave.
//!
//! Every row begins with a mark that is drawn here ([`Mark`]) and says whose it is. No row that a stranger has a hand in
//! begins with anything else, by two means:
//!
//! * Rows end here. No character of the text ends one but a line feed, and then the next begins with the mark; no row has
//!   more columns than the console takes a terminal to have.
//! * Terminals disagree about the width of characters, and windows may be narrower. So a terminal begins no row by itself
//!   while one is shown ([`Screen::unwrapped`]): what has no room stays at the right edge, over one another.
//!
//! Whoever sent the text has made it harmless; that is not believed, and done again ([`safe`], [`harmless`]).
//!
//! Deliberately absent: what the text says. It can say anything, behind the mark.

use crate::plain::harmless;
use crate::screen::Screen;
use crate::terminal::Terminal;
use core::fmt;
use ipc_proto_types::{Label, QubeName, Text};
use unicode_width::UnicodeWidthChar;
use unikernels_safe_text::safe;

/// Columns of a terminal, but for the last: there some terminals begin a new row, and others don't.
pub(crate) const SCREEN: usize = 79;
/// Columns of text in a row behind a bar.
pub(crate) const COLUMNS: usize = SCREEN - 3;
/// Most characters without a width of their own, one after the other: more would paint over the rows above.
const MARKS_MAX: usize = 3;
/// Room for a row: a character and its marks in every column, four bytes each.
const ROW_MAX: usize = SCREEN * (1 + MARKS_MAX) * 4;
/// What a row begins with that goes on with the one above.
const GOES_ON: &str = "    | ";

/// What rows begin with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    /// The shape of a label and a bar: `●│ `. For documents; line feeds of the text begin rows.
    Bar(Label),
    /// Who had it printed: `[●hello] `.
    Printed(Label, QubeName),
    /// Who answered: `echo: `.
    Says(QubeName),
    /// The bar of a report: `│ `.
    Report,
    /// Nothing, for the text begins with words of the console; a row that goes on with it begins with `    | `.
    Ours,
    /// As [`Mark::Ours`], of many lines.
    Log,
}

/// Text of strangers on its way to the screen.
pub(crate) struct Frame {
    mark: Mark,
    row: Text<ROW_MAX>,
    column: usize,
    marks: usize,
    rows: usize,
    /// Whether the row goes on with the one above.
    goes_on: bool,
}

impl Frame {
    /// A frame for a document from a qube of this label.
    pub(crate) fn new(label: Label) -> Self {
        Self::with(Mark::Bar(label))
    }

    /// A frame whose rows begin with this.
    pub(crate) fn with(mark: Mark) -> Self {
        Self { mark, row: Text::new(), column: 0, marks: 0, rows: 0, goes_on: false }
    }

    /// Rows shown so far.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The text begins in the middle of a line, whose beginning is lost.
    pub(crate) fn goes_on(&mut self) {
        self.goes_on = true;
    }

    /// Shows text. What follows its last line feed waits for more, or for [`Frame::end`].
    pub(crate) fn put<W: Terminal>(&mut self, screen: &mut Screen<'_, W>, text: &str) {
        let rest = self.put_rows(screen, text, usize::MAX);
        debug_assert!(rest.is_empty(), "no text has so many rows");
    }

    /// Shows text until so many rows have been shown altogether; gives what is left of it.
    pub(crate) fn put_rows<'t, W: Terminal>(
        &mut self,
        screen: &mut Screen<'_, W>,
        text: &'t str,
        rows_max: usize,
    ) -> &'t str {
        for (at, character) in text.char_indices() {
            if self.rows >= rows_max {
                return text.get(at..).unwrap_or_default();
            }
            match self.mark {
                Mark::Bar(_) | Mark::Log if character == '\n' => self.end_row(screen),
                Mark::Bar(_) => {
                    if let Some(shown) = safe(character) {
                        self.put_char(screen, shown);
                    }
                }
                _ => self.put_char(screen, harmless(character)),
            }
        }
        ""
    }

    /// Shows a line.
    pub(crate) fn line<W: Terminal>(&mut self, screen: &mut Screen<'_, W>, text: &str) {
        self.put(screen, text);
        self.end_row(screen);
    }

    /// Shows what is still waiting.
    pub(crate) fn end<W: Terminal>(&mut self, screen: &mut Screen<'_, W>) {
        if !self.row.is_empty() {
            self.end_row(screen);
        }
    }

    /// Shows a row of something else behind the mark.
    pub(crate) fn row_of<W: Terminal>(
        &mut self,
        screen: &mut Screen<'_, W>,
        show: impl FnOnce(&mut Screen<'_, W>),
    ) {
        self.rows = self.rows.saturating_add(1);
        screen.unwrapped(|screen| {
            self.mark(screen);
            show(screen);
        });
    }

    /// Ends the row, an empty one too; what comes next is another line.
    pub(crate) fn end_row<W: Terminal>(&mut self, screen: &mut Screen<'_, W>) {
        self.show_row(screen);
        self.goes_on = false;
    }

    fn mark<W: Terminal>(&self, screen: &mut Screen<'_, W>) {
        match self.mark {
            Mark::Bar(label) => {
                screen.shape(label);
                screen.put(format_args!("│ "));
            }
            Mark::Printed(label, from) => {
                screen.put(format_args!("["));
                screen.shape(label);
                screen.put(format_args!("{from}] "));
            }
            Mark::Says(peer) => screen.put(format_args!("{peer}: ")),
            Mark::Report => screen.put(format_args!("│ ")),
            Mark::Ours | Mark::Log if self.goes_on => screen.put(format_args!("{GOES_ON}")),
            Mark::Ours | Mark::Log => {}
        }
    }

    /// Columns of the mark.
    fn mark_columns(&self) -> usize {
        match self.mark {
            Mark::Bar(_) => SCREEN - COLUMNS,
            Mark::Printed(_, from) => "[*] ".len() + from.as_str().len(),
            Mark::Says(peer) => peer.as_str().len() + ": ".len(),
            Mark::Report => 2,
            Mark::Ours | Mark::Log if self.goes_on => GOES_ON.len(),
            Mark::Ours | Mark::Log => 0,
        }
    }

    fn put_char<W: Terminal>(&mut self, screen: &mut Screen<'_, W>, character: char) {
        let width = character.width().unwrap_or(0);
        if width == 0 {
            self.marks = self.marks.saturating_add(1);
            // Nothing to stand on, or too many.
            if self.column == 0 || self.marks > MARKS_MAX {
                return;
            }
        } else {
            self.marks = 0;
            if self.mark_columns() + self.column + width > SCREEN {
                self.show_row(screen);
                self.goes_on = true;
            }
            self.column += width;
        }
        let pushed = self.row.push_str(character.encode_utf8(&mut [0; 4]));
        debug_assert!(pushed.is_ok(), "a row has room for all its columns");
    }

    fn show_row<W: Terminal>(&mut self, screen: &mut Screen<'_, W>) {
        let row = core::mem::take(&mut self.row);
        (self.column, self.marks) = (0, 0);
        self.row_of(screen, |screen| screen.put(format_args!("{row}\n")));
    }
}

/// Puts what is written to it into a frame.
pub(crate) struct Framed<'f, 's, 'w, W> {
    /// The frame.
    pub(crate) frame: &'f mut Frame,
    /// The screen its rows go to.
    pub(crate) screen: &'s mut Screen<'w, W>,
}

impl<W: Terminal> fmt::Write for Framed<'_, '_, '_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.frame.put(self.screen, text);
        Ok(())
    }
}
