//! HTML drawn as text: blocks, lists, tables, quotes, links. What is unclosed, misplaced or unknown is drawn
//! all the same.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::attributes::Attributes;
use crate::canvas::Canvas;
use crate::reference::{Place, resolve};
use crate::token::{Token, Tokens};

/// Most lists within each other that are told apart; deeper ones count as the last.
const LISTS_MAX: usize = 12;
/// Most bytes of an attribute that are resolved: no address of ours is longer.
const VALUE_LEN_MAX: usize = 8 * 1024;
/// Longest name of an element that means something here.
const NAME_LEN_MAX: usize = 10;
/// Columns that a list is indented by, and a quote.
const INDENT: usize = 3;

/// Draws `text`.
pub(crate) fn draw(text: &str, canvas: &mut Canvas) {
    let mut drawing =
        Drawing { canvas, hidden: 0, title: false, pre: 0, quotes: 0, lists: Vec::new(), link: None };
    let mut tokens = Tokens::new(text);
    while let Some(token) = tokens.next() {
        match token {
            Token::Text(text) => drawing.text(text),
            Token::Start(name, attributes) => {
                drawing.start(lower(name, &mut [0; NAME_LEN_MAX]), &attributes);
            }
            Token::End(name) => drawing.end(lower(name, &mut [0; NAME_LEN_MAX])),
        }
        drawing.canvas.step(tokens.take_steps());
        if drawing.canvas.is_full() {
            return;
        }
    }
    drawing.end_link();
}

/// A name in lower case; empty when it is too long to mean something here.
fn lower<'a>(name: &str, room: &'a mut [u8; NAME_LEN_MAX]) -> &'a str {
    let Some(room) = room.get_mut(..name.len()) else { return "" };
    room.copy_from_slice(name.as_bytes());
    room.make_ascii_lowercase();
    str::from_utf8(room).unwrap_or("")
}

/// A list: the number of its next item, unless it has bullets.
type List = Option<u32>;

struct Drawing<'a, 'b> {
    canvas: &'a mut Canvas<'b>,
    /// Depth of elements that are not drawn.
    hidden: u32,
    /// Whether text is the title.
    title: bool,
    /// Depth of elements that keep their blanks.
    pre: u32,
    quotes: usize,
    lists: Vec<List>,
    /// The number of the link that is open.
    link: Option<usize>,
}

impl Drawing<'_, '_> {
    fn text(&mut self, text: &str) {
        if self.title {
            let mut title = String::new();
            let head = text.get(..floor(text, VALUE_LEN_MAX)).unwrap_or("");
            let steps = resolve(head, Place::Text, |character| title.push(character));
            self.canvas.step(steps);
            self.canvas.title(&title);
        } else if self.hidden == 0 {
            let canvas = &mut *self.canvas;
            let keep = self.pre > 0;
            let steps = resolve(text, Place::Text, |character| {
                if canvas.is_full() {
                } else if keep {
                    canvas.keep(character);
                } else {
                    canvas.flow(character);
                }
            });
            self.canvas.step(steps);
        }
    }

    fn start(&mut self, name: &str, attributes: &Attributes) {
        match name {
            "title" => self.title = self.hidden == 0,
            "svg" | "math" | "template" | "object" | "datalist" => {
                self.hidden = self.hidden.saturating_add(1)
            }
            _ if self.hidden > 0 => {}
            "base" => {
                if let Some(href) = self.value(attributes, "href") {
                    self.canvas.set_base(&href);
                }
            }
            "br" => self.canvas.break_line(),
            "hr" => {
                self.canvas.block();
                self.canvas.flow_str("----------");
                self.canvas.block();
            }
            "a" => {
                self.end_link();
                let href = self.value(attributes, "href");
                self.link = href.and_then(|href| self.canvas.link(&href));
            }
            "img" => self.image(attributes),
            "pre" | "listing" | "textarea" => {
                self.canvas.block();
                self.pre = self.pre.saturating_add(1);
            }
            "blockquote" => self.quote(self.quotes.saturating_add(1)),
            "ul" | "menu" | "dir" => self.start_list(None),
            "ol" => {
                let start = self.value(attributes, "start").and_then(|start| start.trim_ascii().parse().ok());
                self.start_list(Some(start.unwrap_or(1)));
            }
            "li" => self.item(),
            "td" | "th" => self.canvas.cell(),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.canvas.block();
                let level = name.bytes().last().map_or(1, |digit| usize::from(digit.saturating_sub(b'0')));
                self.canvas.flow_str("######".get(..level).unwrap_or("#"));
                self.canvas.flow(' ');
            }
            "input" | "select" => self.field(name, attributes),
            "option" => self.canvas.flow(' '),
            _ => self.edge(name),
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "title" => self.title = false,
            "svg" | "math" | "template" | "object" | "datalist" => {
                self.hidden = self.hidden.saturating_sub(1)
            }
            _ if self.hidden > 0 => {}
            "a" => self.end_link(),
            "pre" | "listing" | "textarea" => {
                self.canvas.block();
                self.pre = self.pre.saturating_sub(1);
            }
            "blockquote" => self.quote(self.quotes.saturating_sub(1)),
            "ul" | "menu" | "dir" | "ol" => self.end_list(),
            "li" => self.canvas.set_marker(""),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.canvas.block(),
            _ => self.edge(name),
        }
    }

    /// What begins and ends like a paragraph, or like a line.
    fn edge(&mut self, name: &str) {
        match name {
            "p" | "table" | "dl" | "fieldset" | "form" | "details" | "figure" | "article" | "section"
            | "header" | "footer" | "nav" | "main" | "aside" | "address" => self.canvas.block(),
            "div" | "tr" | "dt" | "dd" | "caption" | "figcaption" | "summary" | "legend" | "center"
            | "body" => {
                self.canvas.fresh_line();
            }
            _ => {}
        }
    }

    fn start_list(&mut self, list: List) {
        // A list within an item makes no empty line.
        if self.lists.is_empty() {
            self.canvas.block();
        }
        if self.lists.len() < LISTS_MAX {
            self.lists.push(list);
        }
        self.indent();
    }

    fn end_list(&mut self) {
        self.lists.pop();
        if self.lists.is_empty() {
            self.canvas.block();
        }
        self.indent();
    }

    fn quote(&mut self, quotes: usize) {
        self.quotes = quotes;
        self.canvas.block();
        self.indent();
    }

    fn indent(&mut self) {
        self.canvas.set_indent(INDENT.saturating_mul(self.lists.len().saturating_add(self.quotes)));
    }

    fn item(&mut self) {
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            Some(None) => String::from("* "),
            // An item without a list.
            None => String::new(),
        };
        self.canvas.set_marker(&marker);
    }

    fn end_link(&mut self) {
        if let Some(number) = self.link.take() {
            self.canvas.number(number);
        }
    }

    fn image(&mut self, attributes: &Attributes) {
        if let Some(alt) = self.value(attributes, "alt").filter(|alt| !alt.trim_ascii().is_empty()) {
            self.canvas.flow_str("[image: ");
            self.canvas.flow_str(alt.trim_ascii());
            self.canvas.flow(']');
        }
    }

    /// A place to fill in, which does nothing here.
    fn field(&mut self, name: &str, attributes: &Attributes) {
        let kind = self.value(attributes, "type").unwrap_or_default();
        if name == "input" && !kind.eq_ignore_ascii_case("hidden") {
            let label = self.value(attributes, "value").or_else(|| self.value(attributes, "placeholder"));
            self.canvas.flow_str("[_");
            self.canvas.flow_str(label.as_deref().unwrap_or("_"));
            self.canvas.flow_str("_]");
        }
    }

    /// The value of an attribute; `None` also when it is too long to be of use.
    fn value(&mut self, attributes: &Attributes, name: &str) -> Option<String> {
        let (raw, walked) = attributes.value(name);
        self.canvas.step(walked);
        let raw = raw.filter(|raw| raw.len() <= VALUE_LEN_MAX)?;
        let mut value = String::new();
        let steps = resolve(raw, Place::Attribute, |character| value.push(character));
        self.canvas.step(steps);
        Some(value)
    }
}

/// The last place at or before `at` that is between characters.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
