//! Text of strangers, in a frame that it cannot leave.
//!
//! Every row begins with the mark of the qube it came from, which is drawn here: a shape in the colour of its label, and a
//! bar. No character of the text ends a row but a line feed, and no row is so long that a terminal would begin another by
//! itself, so nothing without the mark is a stranger's. Whoever sent the text has made it harmless; that is not believed, and
//! done again ([`safe`]).
//!
//! Deliberately absent: what the text says. It can say anything, behind the mark.

use crate::screen::Screen;
use crate::terminal::Terminal;
use ipc_proto_types::{Label, Text};
use unicode_width::UnicodeWidthChar;
use unikernels_safe_text::safe;

/// Columns of a terminal, but for the last: there some terminals begin a new row, and others don't.
pub(crate) const SCREEN: usize = 79;
/// Columns of the mark.
const MARK: usize = 3;
/// Columns of text in a row.
pub(crate) const COLUMNS: usize = SCREEN - MARK;
/// Most characters without a width of their own, one after the other: more would paint over the rows above.
const MARKS_MAX: usize = 3;
/// Room for a row: a character and its marks in every column, four bytes each.
const ROW_MAX: usize = COLUMNS * (1 + MARKS_MAX) * 4;

/// Text of strangers on its way to the screen.
pub(crate) struct Frame {
    label: Label,
    row: Text<ROW_MAX>,
    column: usize,
    marks: usize,
    rows: usize,
}

impl Frame {
    /// A frame for text from a qube of this label.
    pub(crate) fn new(label: Label) -> Self {
        Self { label, row: Text::new(), column: 0, marks: 0, rows: 0 }
    }

    /// Rows shown so far.
    pub(crate) fn rows(&self) -> usize {
        self.rows
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
            if character == '\n' {
                self.end_row(screen);
            } else if let Some(shown) = safe(character) {
                self.put_char(screen, shown);
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

    /// Shows the mark alone: a row of something else follows it.
    pub(crate) fn mark<W: Terminal>(&mut self, screen: &mut Screen<'_, W>) {
        self.rows = self.rows.saturating_add(1);
        screen.shape(self.label);
        screen.put(format_args!("│ "));
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
            if self.column + width > COLUMNS {
                self.end_row(screen);
            }
            self.column += width;
        }
        let pushed = self.row.push_str(character.encode_utf8(&mut [0; 4]));
        debug_assert!(pushed.is_ok(), "a row has room for all its columns");
    }

    fn end_row<W: Terminal>(&mut self, screen: &mut Screen<'_, W>) {
        self.mark(screen);
        screen.put(format_args!("{}\n", self.row));
        self.row = Text::new();
        (self.column, self.marks) = (0, 0);
    }
}
