//! JSON, indented. `serde_json` says whether it is JSON; then its text is laid out anew, and no value changes
//! its spelling.

use serde::de::IgnoredAny;

use crate::autolink;
use crate::canvas::Canvas;

/// Columns that a level is indented by.
const INDENT: usize = 2;

/// Draws `text`.
pub(crate) fn draw(text: &str, canvas: &mut Canvas) {
    canvas.step(text.len());
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        canvas.flow_str("(This is not valid JSON.)");
        canvas.block();
        return autolink::draw(text, canvas);
    }
    let mut layout = Layout { canvas, depth: 0, opened: false };
    let mut in_string = false;
    let mut escaped = false;
    for character in text.chars() {
        if layout.canvas.is_full() {
            return;
        }
        if in_string {
            layout.canvas.keep(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else {
            layout.outside(character);
            in_string = character == '"';
        }
    }
}

struct Layout<'a, 'b> {
    canvas: &'a mut Canvas<'b>,
    depth: usize,
    /// Whether the last character opened a list or an object, which may be empty.
    opened: bool,
}

impl Layout<'_, '_> {
    /// A character outside of strings.
    fn outside(&mut self, character: char) {
        let is_end = matches!(character, ']' | '}');
        if character.is_ascii_whitespace() {
            return self.canvas.step(1);
        }
        self.depth = if is_end { self.depth.saturating_sub(1) } else { self.depth };
        if self.opened != is_end {
            self.line();
        }
        self.opened = matches!(character, '[' | '{');
        self.depth += usize::from(self.opened);
        self.canvas.keep(character);
        match character {
            ',' => self.line(),
            ':' => self.canvas.keep(' '),
            _ => {}
        }
    }

    fn line(&mut self) {
        self.canvas.set_indent(INDENT * self.depth);
    }
}
