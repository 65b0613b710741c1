//! Who may talk to whom, as a picture that needs no other program.
//!
//! Every qube is a column: a box at the top and a line down from it. Every channel is a row of its own, an arrow from the
//! column of who calls to the column of who answers, with its caption above. So nothing can lie on anything else, however
//! many there are. How an arrow is drawn tells the verdict without colour, and a legend tells how.

use std::fmt::Write as _;

use build_manifest::System;
use ipc_proto_types::Label;

use crate::dot::{caption, shown};
use crate::link::{Openness, SUPERVISOR, links};

const MARGIN: usize = 24;
/// Distance of two columns.
const COLUMN: usize = 168;
const BOX_WIDTH: usize = 144;
const BOX_HEIGHT: usize = 52;
const BOX_TOP: usize = 56;
/// Height of a row: a caption and its arrow.
const ROW: usize = 38;
/// Width of a letter of a caption, rounded up: what its white ground must cover.
const LETTER: usize = 7;
/// Longest caption in letters; the rest is in the words of the same system.
const CAPTION_MAX: usize = 110;
const LEGEND: usize = 70;

/// Fill and ink of a label, readable on each other and on white.
pub(crate) fn tint(label: Label) -> (&'static str, &'static str) {
    match label {
        Label::Untrusted => ("#fde4e4", "#b00020"),
        Label::Personal => ("#fff6cc", "#7a5c00"),
        Label::Work => ("#e1ecff", "#0b4a9e"),
        Label::Vault => ("#e8e8e8", "#000000"),
        Label::Green => ("#e2f5e4", "#1b6e2b"),
        Label::Orange => ("#ffe9d6", "#a04a00"),
        Label::Purple => ("#f0e4fb", "#6a1b9a"),
        Label::Grey => ("#f4f4f4", "#5a5a5a"),
    }
}

/// One arrow.
struct Arrow {
    from: usize,
    to: usize,
    text: String,
    openness: Openness,
}

/// The picture as SVG.
#[must_use]
pub fn svg(system: &System) -> String {
    let (columns, arrows) = layout(system);
    let longest = arrows.iter().map(|arrow| caption_width(&arrow.text)).max().unwrap_or(0);
    let width = (2 * MARGIN + COLUMN * columns.len()).max(longest + 2 * MARGIN).max(5 * COLUMN);
    let top = BOX_TOP + BOX_HEIGHT + 20;
    let bottom = top + ROW * arrows.len() + 12;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"DejaVu Sans, Verdana, sans-serif\" font-size=\"12\">\n\
         <title>Who may talk to whom in {name}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{MARGIN}\" y=\"32\" font-size=\"18\" font-weight=\"bold\">Who may talk to whom in {name}</text>\n",
        height = bottom + LEGEND,
        name = escaped(system.name.as_str()),
    );
    for (place, column) in columns.iter().enumerate() {
        draw_column(&mut out, place, column, bottom);
    }
    for (row, arrow) in arrows.iter().enumerate() {
        draw_arrow(&mut out, arrow, top + ROW * (row + 1), width);
    }
    draw_legend(&mut out, bottom + 14);
    out + "</svg>\n"
}

/// A column: a name, and the label of a qube.
type Column = (String, Option<Label>);

fn layout(system: &System) -> (Vec<Column>, Vec<Arrow>) {
    let links = links(system);
    let mut columns: Vec<Column> =
        system.qubes.iter().map(|qube| (qube.name.to_string(), Some(qube.label))).collect();
    if links.iter().any(|link| link.server == SUPERVISOR) {
        columns.push((SUPERVISOR.to_owned(), None));
    }
    let place = |name: &str| columns.iter().position(|(column, _)| column == name).unwrap_or(0);
    let mut arrows = Vec::new();
    for link in &links {
        for group in shown(link) {
            let text = format!("{} — {}", caption(link, group), group.openness.word());
            let text = shortened(&text);
            let (from, to) = (place(&link.client), place(&link.server));
            arrows.push(Arrow { from, to, text, openness: group.openness.clone() });
        }
    }
    (columns, arrows)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= CAPTION_MAX {
        return text.to_owned();
    }
    text.chars().take(CAPTION_MAX - 1).chain(['…']).collect()
}

fn middle(column: usize) -> usize {
    MARGIN + COLUMN * column + COLUMN / 2
}

fn caption_width(text: &str) -> usize {
    LETTER * text.chars().count() + 8
}

fn draw_column(out: &mut String, place: usize, (name, label): &Column, bottom: usize) {
    let x = middle(place);
    let (left, end) = (x - BOX_WIDTH / 2, BOX_TOP + BOX_HEIGHT);
    let (fill, ink) = label.map_or(("#ffffff", "#000000"), tint);
    let (round, under) = match label {
        Some(label) => (3, format!("{} {label}", label.shape())),
        None => (20, "checks every call".to_owned()),
    };
    let _ = writeln!(out, "<line x1=\"{x}\" y1=\"{end}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"#c8c8c8\"/>");
    let _ = writeln!(
        out,
        "<rect x=\"{left}\" y=\"{BOX_TOP}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"{round}\" \
         fill=\"{fill}\" stroke=\"{ink}\" stroke-width=\"2.5\"/>"
    );
    let name = escaped(name.trim_start_matches('@'));
    let (first, second) = (BOX_TOP + 22, BOX_TOP + 41);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{first}\" text-anchor=\"middle\" font-size=\"14\" font-weight=\"bold\" fill=\"{ink}\">{name}</text>\n\
         <text x=\"{x}\" y=\"{second}\" text-anchor=\"middle\" fill=\"{ink}\">{}</text>",
        escaped(&under)
    );
}

/// The stroke of a verdict: colour, dashes, width.
fn stroke(openness: &Openness) -> (&'static str, &'static str, &'static str) {
    match openness {
        Openness::Allowed => ("#1b6e2b", "none", "2"),
        Openness::Asked => ("#0b4a9e", "9 5", "2"),
        Openness::Conditional(_) => ("#7a5c00", "2 4", "2.5"),
        Openness::Denied => ("#b00020", "none", "1"),
    }
}

fn draw_arrow(out: &mut String, arrow: &Arrow, y: usize, width: usize) {
    let (from, to) = (middle(arrow.from), middle(arrow.to));
    let text_width = caption_width(&arrow.text);
    let centre = usize::midpoint(from, to);
    let left = centre.saturating_sub(text_width / 2).clamp(MARGIN, (width - MARGIN - text_width).max(MARGIN));
    let _ = writeln!(
        out,
        "<rect x=\"{left}\" y=\"{}\" width=\"{text_width}\" height=\"17\" fill=\"#ffffff\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#1a1a1a\">{}</text>",
        y - 20,
        left + text_width / 2,
        y - 7,
        escaped(&arrow.text)
    );
    draw_line(out, from, to, y, &arrow.openness);
}

/// A line with the head of its verdict: filled, hollow, open, or a cross before a gap.
fn draw_line(out: &mut String, from: usize, to: usize, y: usize, openness: &Openness) {
    let (colour, dashes, thickness) = stroke(openness);
    let right = to > from;
    let tip = if right { to - 1 } else { to + 1 };
    let back = |distance: usize| if right { tip - distance } else { tip + distance };
    let end = match openness {
        Openness::Denied => back(40),
        _ => back(10),
    };
    let _ = writeln!(
        out,
        "<circle cx=\"{from}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>\n\
         <line x1=\"{from}\" y1=\"{y}\" x2=\"{end}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"{thickness}\" \
         stroke-dasharray=\"{dashes}\"/>"
    );
    let base = back(11);
    let (up, down) = (y - 5, y + 5);
    let head = match openness {
        Openness::Allowed => {
            format!("<path d=\"M{base} {up} L{tip} {y} L{base} {down} Z\" fill=\"{colour}\"/>")
        }
        Openness::Asked => format!(
            "<path d=\"M{base} {up} L{tip} {y} L{base} {down} Z\" fill=\"#ffffff\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
        ),
        Openness::Conditional(_) => format!(
            "<path d=\"M{base} {up} L{tip} {y} L{base} {down}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        ),
        Openness::Denied => {
            let (one, other) = (end.min(back(50)), end.max(back(50)));
            format!(
                "<path d=\"M{one} {up} L{other} {down} M{one} {down} L{other} {up}\" stroke=\"{colour}\" stroke-width=\"2.5\"/>"
            )
        }
    };
    let _ = writeln!(out, "{head}");
}

fn draw_legend(out: &mut String, y: usize) {
    let kinds = [Openness::Allowed, Openness::Asked, Openness::Conditional(String::new()), Openness::Denied];
    for (place, openness) in kinds.iter().enumerate() {
        let x = MARGIN + 215 * place;
        draw_line(out, x + 4, x + 76, y + 16, openness);
        let text = if openness.is_open() { openness.word() } else { "all denied" };
        let _ = writeln!(out, "<text x=\"{}\" y=\"{}\" fill=\"#1a1a1a\">{text}</text>", x + 84, y + 20);
    }
    let _ = writeln!(
        out,
        "<text x=\"{MARGIN}\" y=\"{}\" fill=\"#5a5a5a\">An arrow points from who calls to who answers. What is not drawn cannot be sent.</text>",
        y + 44
    );
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
