//! A terminal's screen as an SVG: the text with its colours, on a dark ground.
//!
//! It understands what Skep's tools and cargo write: colours, carriage return, backspace, erasing to the end of a line and moving along it. The same
//! text gives the same bytes. Other escapes are dropped: this is no terminal.

use std::fmt::Write as _;

const CELL_WIDTH: usize = 8;
const LINE_HEIGHT: usize = 18;
const MARGIN: usize = 14;
/// A screen is at least this wide, in characters, so that short pictures beside each other look alike.
const COLUMNS_MIN: usize = 80;
const GROUND: &str = "#1d1f21";
const INK: &str = "#d8dee9";
/// Black to white, as terminals number them.
const COLOURS: [&str; 8] =
    ["#6b7280", "#f07178", "#a6d189", "#e5c07b", "#82aaff", "#c792ea", "#7fdbca", "#eceff4"];

/// How a character looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Look {
    colour: Option<usize>,
    is_bold: bool,
    is_dim: bool,
}

/// The lines of a screen, and where the next character goes: on the last line.
#[derive(Default)]
struct Screen {
    lines: Vec<Vec<(char, Look)>>,
    column: usize,
    look: Look,
}

/// Draws what a terminal shows.
#[must_use]
pub fn draw(text: &str) -> String {
    let mut screen = Screen { lines: vec![Vec::new()], ..Screen::default() };
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\x1b' {
            screen.put(letter);
        } else if letters.next() == Some('[') {
            let mut numbers = String::new();
            // An escape ends with its first letter.
            for letter in letters.by_ref() {
                if letter.is_ascii_alphabetic() {
                    screen.escape(letter, &numbers);
                    break;
                }
                numbers.push(letter);
            }
        }
    }
    // What ends below the last letter ends there, whatever else the terminal was told.
    let is_blank = |line: &Vec<(char, Look)>| line.iter().all(|(letter, _)| letter.is_whitespace());
    while screen.lines.len() > 1 && screen.lines.last().is_some_and(is_blank) {
        screen.lines.pop();
    }
    screen.svg()
}

impl Screen {
    fn put(&mut self, letter: char) {
        match letter {
            '\n' => {
                self.lines.push(Vec::new());
                self.column = 0;
            }
            '\r' => self.column = 0,
            '\x08' => self.column = self.column.saturating_sub(1),
            letter if letter.is_control() => {}
            letter => {
                let (column, look) = (self.column, self.look);
                let line = self.line();
                if line.len() <= column {
                    line.resize(column + 1, (' ', Look::default()));
                }
                line[column] = (letter, look);
                self.column += 1;
            }
        }
    }

    fn line(&mut self) -> &mut Vec<(char, Look)> {
        self.lines.last_mut().expect("a screen has at least one line")
    }

    fn escape(&mut self, letter: char, numbers: &str) {
        let first = numbers.parse::<usize>().unwrap_or(0);
        match letter {
            'm' => self.paint(numbers),
            'K' if first == 0 => {
                let column = self.column;
                self.line().truncate(column);
            }
            'K' => self.line().clear(),
            'C' => self.column += first.max(1),
            'D' => self.column = self.column.saturating_sub(first.max(1)),
            'G' => self.column = first.max(1) - 1,
            _ => {}
        }
    }

    fn paint(&mut self, numbers: &str) {
        let mut codes = numbers.split(';').map(|code| code.parse::<usize>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => self.look = Look::default(),
                1 => self.look.is_bold = true,
                2 => self.look.is_dim = true,
                22 => (self.look.is_bold, self.look.is_dim) = (false, false),
                30..=37 => self.look.colour = Some(code - 30),
                39 => self.look.colour = None,
                90..=97 => self.look.colour = Some(code - 90),
                // One of 256, of which the first sixteen have names.
                38 if codes.next() == Some(5) => self.look.colour = codes.next().map(|colour| colour % 8),
                _ => {}
            }
        }
    }

    fn svg(&self) -> String {
        let columns = self.lines.iter().map(Vec::len).max().unwrap_or(0).max(COLUMNS_MIN);
        let (width, height) =
            (columns * CELL_WIDTH + 2 * MARGIN, self.lines.len() * LINE_HEIGHT + 2 * MARGIN);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
             <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n\
             <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"13\" fill=\"{INK}\" \
             xml:space=\"preserve\">\n"
        );
        for (row, line) in self.lines.iter().enumerate() {
            let y = MARGIN + row * LINE_HEIGHT + 13;
            let mut column = 0;
            for run in line.chunk_by(|(_, one), (_, other)| one == other) {
                let text: String = run.iter().map(|(letter, _)| *letter).collect();
                if let (false, Some((_, look))) = (text.trim().is_empty(), run.first()) {
                    // The length is said, so that columns meet in every font.
                    let _ = writeln!(
                        out,
                        "<text x=\"{}\" y=\"{y}\" textLength=\"{}\"{}>{}</text>",
                        MARGIN + column * CELL_WIDTH,
                        run.len() * CELL_WIDTH,
                        look.attributes(),
                        escaped(&text)
                    );
                }
                column += run.len();
            }
        }
        out + "</g>\n</svg>\n"
    }
}

impl Look {
    fn attributes(self) -> String {
        let colour = self.colour.and_then(|colour| COLOURS.get(colour));
        let mut out = colour.map_or(String::new(), |colour| format!(" fill=\"{colour}\""));
        if self.is_bold {
            out += " font-weight=\"bold\"";
        }
        if self.is_dim {
            out += " opacity=\"0.6\"";
        }
        out
    }
}

/// The text as XML says it, with spaces that no reader folds.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace(' ', "\u{a0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(shown: &str) -> Vec<String> {
        let svg = draw(shown);
        let lines = svg.lines().filter(|line| line.starts_with("<text"));
        lines.filter_map(|line| Some(line.split_once("textLength=")?.1.to_owned())).collect()
    }

    #[test]
    fn colours_are_drawn_and_text_is_escaped() {
        assert_eq!(
            texts("a<b\x1b[1;31m&\x1b[0m"),
            ["\"24\">a&lt;b</text>", "\"8\" fill=\"#f07178\" font-weight=\"bold\">&amp;</text>"]
        );
    }

    #[test]
    fn what_was_written_over_is_not_drawn() {
        assert_eq!(texts("spinner\r\x1b[Kok"), ["\"16\">ok</text>"]);
        assert_eq!(texts("ab\x08c"), ["\"16\">ac</text>"]);
        assert_eq!(texts("x\x1b[38;5;2my"), ["\"8\">x</text>", "\"8\" fill=\"#a6d189\">y</text>"]);
    }
}
