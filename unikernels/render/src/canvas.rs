//! What renderers draw on: it breaks lines, indents, numbers links, and lets through what is harmless. All
//! caps are here.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;
use unikernels_http::Url;

use crate::{Limits, Page, safe};

/// Fewest columns: below, indentation and text do not fit beside each other.
const COLUMNS_MIN: usize = 20;
/// Most characters of a title.
const TITLE_LEN_MAX: usize = 200;
/// Most characters without a width of their own, one after the other: enough for accents of any language, too
/// few to paint over the lines above.
const MARKS_MAX: usize = 3;
/// Most columns of indentation: a short line must not cost a long one.
const INDENT_MAX: usize = 24;
/// Distance of tab stops, in columns.
const TAB: usize = 8;

/// A page being drawn.
pub(crate) struct Canvas<'a> {
    limits: &'a Limits,
    columns: usize,
    base: Url,
    /// Bytes of the base, and whether the page itself has said it.
    base_len: usize,
    is_based: bool,
    title: String,
    text: String,
    links: Vec<Url>,
    /// References that lead nowhere we go.
    failed: usize,
    cut: bool,
    full: bool,
    steps: u64,
    /// The word that is not yet on a line, and its width. Never wider than a line.
    word: String,
    word_width: usize,
    /// Columns used on the line; 0 means that its indentation is not yet written.
    column: usize,
    /// Blanks that belong before the word, if it comes onto the line.
    blanks: usize,
    /// Whether an empty line belongs before what comes next.
    gap: bool,
    /// Columns that lines are indented by.
    indent: usize,
    /// What stands once at the end of the indentation, such as a bullet.
    marker: String,
    /// Characters without width since the last one with.
    marks: usize,
}

impl<'a> Canvas<'a> {
    pub(crate) fn new(base: &Url, limits: &'a Limits) -> Self {
        Self {
            limits,
            columns: limits.columns.max(COLUMNS_MIN),
            base: base.clone(),
            base_len: len(base),
            is_based: false,
            title: String::new(),
            text: String::new(),
            links: Vec::new(),
            failed: 0,
            cut: false,
            full: false,
            steps: 0,
            word: String::new(),
            word_width: 0,
            column: 0,
            blanks: 0,
            gap: false,
            indent: 0,
            marker: String::new(),
            marks: 0,
        }
    }

    /// Whether nothing more fits: renderers stop.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Something is left out.
    pub(crate) fn cut(&mut self) {
        self.cut = true;
    }

    /// Work that was done elsewhere.
    pub(crate) fn step(&mut self, steps: usize) {
        self.steps = self.steps.saturating_add(steps as u64);
    }

    /// Running text: white space is one blank, lines break between words.
    pub(crate) fn flow(&mut self, character: char) {
        self.step(1);
        match safe(character) {
            Some(' ') if character != '\u{a0}' => {
                self.put_word();
                self.blanks = usize::from(self.column > 0);
            }
            Some(character) => self.put(character),
            None => {}
        }
    }

    /// Running text.
    pub(crate) fn flow_str(&mut self, text: &str) {
        text.chars().for_each(|character| self.flow(character));
    }

    /// Text whose blanks and line feeds count. Only lines that are too long break elsewhere.
    pub(crate) fn keep(&mut self, character: char) {
        self.step(1);
        match character {
            '\n' => self.line(),
            '\t' => {
                self.put_word();
                let used = self.column.saturating_sub(self.indent) + self.blanks;
                self.add_blanks(TAB - used % TAB);
            }
            ' ' => {
                self.put_word();
                self.add_blanks(1);
            }
            '\r' => {}
            _ => {
                if let Some(character) = safe(character) {
                    self.put(character);
                }
            }
        }
    }

    /// Text whose blanks and line feeds count.
    pub(crate) fn keep_str(&mut self, text: &str) {
        text.chars().for_each(|character| self.keep(character));
    }

    /// Ends the line, also one that has nothing but its marker; an empty one stays empty.
    pub(crate) fn line(&mut self) {
        self.put_word();
        if self.column == 0 && !self.marker.is_empty() {
            self.start_line();
        }
        self.push('\n');
        self.column = 0;
        self.blanks = 0;
    }

    /// Ends the line, but leaves at most one line empty.
    pub(crate) fn break_line(&mut self) {
        self.put_word();
        if self.column > 0 || !self.text.ends_with("\n\n") {
            self.line();
        }
    }

    /// Begins a cell of a table.
    pub(crate) fn cell(&mut self) {
        self.put_word();
        if self.column > 0 {
            self.flow_str(" | ");
        }
    }

    /// Ends the line if there is anything on it.
    pub(crate) fn fresh_line(&mut self) {
        self.put_word();
        if self.column > 0 {
            self.line();
        }
        self.blanks = 0;
    }

    /// Ends the line; before what comes next there will be an empty one.
    pub(crate) fn block(&mut self) {
        self.fresh_line();
        self.gap = true;
    }

    /// Sets by how many columns lines are indented, up to 24 and half of the page.
    pub(crate) fn set_indent(&mut self, columns: usize) {
        self.fresh_line();
        self.indent = columns.min(INDENT_MAX).min(self.columns / 2);
    }

    /// What stands before the next line, within its indentation.
    pub(crate) fn set_marker(&mut self, marker: &str) {
        self.fresh_line();
        self.marker.clear();
        self.marker.extend(marker.chars().filter_map(safe).take(self.indent));
    }

    /// Where references start from: the page says so, once (HTML Standard section 4.2.3).
    pub(crate) fn set_base(&mut self, reference: &str) {
        self.step(reference.len());
        if core::mem::replace(&mut self.is_based, true) {
            return;
        }
        self.step(self.base_len);
        if let Ok(base) = self.base.join(reference) {
            self.base_len = len(&base);
            self.base = base;
        }
    }

    /// More of the title.
    pub(crate) fn title(&mut self, text: &str) {
        for word in text.split_whitespace() {
            let blank = usize::from(!self.title.is_empty());
            let room = TITLE_LEN_MAX.saturating_sub(self.title.chars().count() + blank);
            if room == 0 {
                return;
            }
            self.title.extend(core::iter::repeat_n(' ', blank));
            self.title.extend(word.chars().filter_map(safe).take(room));
        }
    }

    /// Numbers a reference. `None` if it leads where we do not go, within the page, or if there are too many.
    ///
    /// A few bytes of the document cost as many steps as the base is long. So no more are followed than may get a number, and
    /// as many again that lead nowhere.
    pub(crate) fn link(&mut self, reference: &str) -> Option<usize> {
        self.step(reference.len());
        if reference.trim_ascii().starts_with('#') {
            return None;
        }
        if self.links.len().max(self.failed) >= self.limits.links_max {
            self.cut();
            return None;
        }
        self.step(self.base_len);
        match self.base.join(reference) {
            Ok(url) => {
                self.links.push(url);
                Some(self.links.len())
            }
            Err(_) => {
                self.failed += 1;
                None
            }
        }
    }

    /// Writes a link's number behind its text.
    pub(crate) fn number(&mut self, number: usize) {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = write!(text, "[{number}]");
        text.chars().for_each(|character| self.put(character));
    }

    /// The page.
    pub(crate) fn finish(mut self) -> Page {
        self.fresh_line();
        let Self { title, text, links, cut, steps, .. } = self;
        Page { title, text, links, cut, steps }
    }

    /// One harmless character of a word, which becomes a line of its own when it grows as wide as that.
    fn put(&mut self, character: char) {
        let width = character.width().unwrap_or(0);
        self.marks = if width == 0 { self.marks + 1 } else { 0 };
        if self.marks > MARKS_MAX || (width == 0 && self.word.is_empty()) {
            return;
        }
        if self.indent + self.word_width + width > self.columns {
            self.put_word();
            self.line();
        }
        self.word.push(character);
        self.word_width += width;
    }

    /// The word goes onto the line, or onto the next.
    fn put_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        if self.column > 0 && self.column + self.blanks + self.word_width > self.columns {
            self.push('\n');
            self.column = 0;
            self.blanks = 0;
        }
        self.start_line();
        let room = self.columns.saturating_sub(self.column + self.word_width);
        let blanks = core::mem::take(&mut self.blanks).min(room);
        (0..blanks).for_each(|_| self.push(' '));
        let mut word = core::mem::take(&mut self.word);
        word.chars().for_each(|character| self.push(character));
        // Its memory serves the next word.
        word.clear();
        self.word = word;
        self.column += blanks + self.word_width;
        self.word_width = 0;
    }

    fn add_blanks(&mut self, blanks: usize) {
        self.blanks = (self.blanks + blanks).min(self.columns);
    }

    /// Indentation and marker, and before them the empty line that was asked for.
    fn start_line(&mut self) {
        if self.column > 0 {
            return;
        }
        if core::mem::take(&mut self.gap) && !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.push('\n');
        }
        let marker = core::mem::take(&mut self.marker);
        let marker_width: usize = marker.chars().filter_map(|character| character.width()).sum();
        (0..self.indent.saturating_sub(marker_width)).for_each(|_| self.push(' '));
        marker.chars().for_each(|character| self.push(character));
        self.column = self.indent;
    }

    /// The one place where the page grows.
    fn push(&mut self, character: char) {
        self.step(1);
        self.full |= self.text.len() + character.len_utf8() > self.limits.text_len_max;
        if self.full {
            self.cut = true;
        } else {
            self.text.push(character);
        }
    }
}

/// Bytes of an address.
fn len(url: &Url) -> usize {
    url.to_string().len()
}
