//! Markdown drawn as text, line by line: headings, lists, quotes, code, links. Markdown is made to be read as
//! it is, so emphasis, tables and HTML in it stay as they are written; a link whose text goes over two lines
//! does too.
//! Source: CommonMark 0.31.2, of which this is a part.

use core::ops::Range;

use crate::autolink::{Piece, number, pieces};
use crate::canvas::Canvas;

/// Columns that a list is indented by, and a quote.
const INDENT: usize = 3;
/// Most levels of lists and of quotes that are told apart.
const LEVELS_MAX: usize = 8;
/// Blanks that make a line code.
const CODE_INDENT: usize = 4;
/// Most digits of an item's number (CommonMark section 5.2).
const DIGITS_MAX: usize = 9;

/// Draws `text`.
pub(crate) fn draw(text: &str, canvas: &mut Canvas) {
    let mut drawing = Drawing { canvas, fence: None, quotes: 0, level: 0, paragraph: false };
    for line in text.split('\n') {
        drawing.canvas.step(line.len());
        drawing.line(line.strip_suffix('\r').unwrap_or(line));
        if drawing.canvas.is_full() {
            return;
        }
    }
}

struct Drawing<'a, 'b> {
    canvas: &'a mut Canvas<'b>,
    /// The fence that ends a block of code: which letter, at least how many.
    fence: Option<(char, usize)>,
    quotes: usize,
    /// Depth of the list we are in.
    level: usize,
    /// Whether the line before is text that this one may continue.
    paragraph: bool,
}

impl Drawing<'_, '_> {
    fn line(&mut self, line: &str) {
        if let Some((letter, len)) = self.fence {
            let mark = line.trim();
            if mark.len() >= len && mark.chars().all(|found| found == letter) {
                self.fence = None;
                self.canvas.block();
            } else {
                self.canvas.keep_str(line);
                self.canvas.line();
            }
            return;
        }
        let line = self.strip_quotes(line);
        let body = line.trim();
        let indent = line.len() - line.trim_start().len();
        let code_indent = CODE_INDENT + INDENT * self.level;
        if body.is_empty() {
            self.canvas.block();
            self.paragraph = false;
        } else if let Some(fence) = fence_of(body) {
            self.fence = Some(fence);
            self.canvas.block();
            self.paragraph = false;
        } else if (indent >= code_indent || (line.starts_with('\t') && self.level == 0)) && !self.paragraph {
            self.canvas.keep_str(line);
            self.canvas.line();
        } else {
            self.text(line, body, indent);
        }
    }

    /// The line without the marks of quotes before it.
    fn strip_quotes<'t>(&mut self, line: &'t str) -> &'t str {
        let mut rest = line;
        let mut quotes = 0;
        while let Some(behind) = rest.trim_start_matches(' ').strip_prefix('>') {
            rest = behind.strip_prefix(' ').unwrap_or(behind);
            quotes += 1;
        }
        let quotes = LEVELS_MAX.min(quotes);
        // A paragraph of a quote may go on without the mark.
        if quotes != self.quotes && !(self.paragraph && quotes == 0 && !line.trim().is_empty()) {
            self.quotes = quotes;
            self.canvas.block();
            self.set_level(0);
            self.paragraph = false;
        }
        rest
    }

    fn set_level(&mut self, level: usize) {
        self.level = level;
        self.canvas.set_indent(INDENT * (self.level + self.quotes));
    }

    /// A line that is neither empty nor code.
    fn text(&mut self, line: &str, body: &str, indent: usize) {
        if let Some(heading) = heading_of(body) {
            self.canvas.block();
            self.set_level(0);
            self.inline(heading);
            self.canvas.block();
            self.paragraph = false;
        } else if is_rule(body) {
            // Below text it makes the text a heading.
            if !self.paragraph {
                self.canvas.block();
                self.canvas.flow_str("----------");
            }
            self.canvas.block();
            self.paragraph = false;
        } else if let Some((marker, rest)) = item_of(body) {
            self.canvas.fresh_line();
            self.set_level(LEVELS_MAX.min(indent / 2 + 1));
            self.canvas.set_marker(marker);
            self.inline(rest);
            self.canvas.flow(' ');
            self.paragraph = true;
        } else if body.starts_with('|') {
            self.canvas.fresh_line();
            self.canvas.keep_str(body);
            self.canvas.line();
        } else {
            if !self.paragraph && indent < 2 && self.level > 0 {
                self.set_level(0);
            }
            self.inline(body.strip_suffix('\\').unwrap_or(body));
            self.canvas.flow(' ');
            if line.ends_with("  ") || body.ends_with('\\') {
                self.canvas.fresh_line();
            }
            self.paragraph = true;
        }
    }

    /// Text with links.
    fn inline(&mut self, text: &str) {
        // Each of the two searches, and the one for brackets, goes over the text once.
        self.canvas.step(3 * text.len());
        let mut middles = NextOf::new(text, "](");
        let mut ends = NextOf::new(text, ")");
        let mut done = 0;
        for (open, _) in text.match_indices('[') {
            if open < done || text.get(..open).is_some_and(|before| before.ends_with('\\')) {
                continue;
            }
            let Some(middle) = middles.at_or_after(open) else { break };
            let label = text.get(open + 1..middle).unwrap_or("");
            if label.contains('[') {
                continue;
            }
            let Some(end) = ends.at_or_after(middle) else { break };
            let target = text.get(middle + 2..end).unwrap_or("");
            let is_image = text.get(done..open).is_some_and(|before| before.ends_with('!'));
            self.plain(text, done..open - usize::from(is_image));
            self.link(label, target, is_image);
            done = end + 1;
        }
        self.plain(text, done..text.len());
    }

    fn link(&mut self, label: &str, target: &str, is_image: bool) {
        if is_image {
            self.canvas.flow_str("[image: ");
            self.canvas.flow_str(label);
            self.canvas.flow(']');
            return;
        }
        self.canvas.flow_str(label);
        // A title may follow the address.
        let address = target.split_ascii_whitespace().next().unwrap_or("");
        if let Some(number) = self.canvas.link(address.trim_matches(['<', '>'])) {
            self.canvas.number(number);
        }
    }

    /// Text without links other than addresses written out.
    fn plain(&mut self, text: &str, range: Range<usize>) {
        for piece in pieces(text.get(range).unwrap_or("")) {
            match piece {
                Piece::Text(text) => {
                    let mut letters = text.chars().peekable();
                    while let Some(letter) = letters.next() {
                        let escaped = letters.next_if(|next| letter == '\\' && next.is_ascii_punctuation());
                        self.canvas.flow(escaped.unwrap_or(letter));
                    }
                }
                Piece::Address(address) => {
                    self.canvas.flow_str(address);
                    number(address, self.canvas);
                }
            }
        }
    }
}

/// Finds the next of something again and again, and goes over the text only once.
struct NextOf<'a> {
    text: &'a str,
    needle: &'static str,
    found: Option<usize>,
}

impl<'a> NextOf<'a> {
    fn new(text: &'a str, needle: &'static str) -> Self {
        Self { text, needle, found: text.find(needle) }
    }

    fn at_or_after(&mut self, at: usize) -> Option<usize> {
        if self.found? < at {
            self.found = self.text.get(at..)?.find(self.needle).map(|found| at + found);
        }
        self.found
    }
}

fn fence_of(body: &str) -> Option<(char, usize)> {
    let letter = body.chars().next().filter(|letter| ['`', '~'].contains(letter))?;
    let len = body.chars().take_while(|found| *found == letter).count();
    (len >= 3 && !body.get(len..)?.contains('`')).then_some((letter, len))
}

/// A heading with its marks.
fn heading_of(body: &str) -> Option<&str> {
    let level = body.bytes().take_while(|byte| *byte == b'#').count();
    let behind = body.get(level..)?;
    ((1..=6).contains(&level) && (behind.is_empty() || behind.starts_with(' ')))
        .then(|| body.trim_end_matches('#').trim_end())
}

/// A line across, or under a heading.
fn is_rule(body: &str) -> bool {
    let mark = body.chars().next().unwrap_or(' ');
    let count = body.chars().filter(|found| *found == mark).count();
    "-*_=".contains(mark) && count >= 3 && body.chars().all(|found| found == mark || found == ' ')
}

/// Marker and text of an item of a list.
fn item_of(body: &str) -> Option<(&str, &str)> {
    if let Some(rest) = body.strip_prefix("- ").or(body.strip_prefix("* ")).or(body.strip_prefix("+ ")) {
        return Some(("* ", rest));
    }
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let behind = body.get(digits..)?;
    let is_item =
        (1..=DIGITS_MAX).contains(&digits) && (behind.starts_with(". ") || behind.starts_with(") "));
    is_item.then(|| body.split_at_checked(digits + 2)).flatten()
}
