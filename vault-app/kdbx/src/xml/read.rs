//! From tokens to tree, with a stack of its own: no input makes it recurse.

use alloc::string::String;
use alloc::vec::Vec;
use xmlparser::{ElementEnd, StrSpan, Token, Tokenizer, XmlCharExt};

use crate::bounds::{XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_NAME_MAX, XML_NODES_MAX, XML_REFERENCE_MAX};
use crate::edit::{ENTRY, GROUP};
use crate::error::{KdbxError, XmlError};
use crate::tree::{Attribute, Document, Element, Node, Text};

/// Reads a whole document in which nothing is protected.
pub(crate) fn read(bytes: &[u8]) -> Result<Document, XmlError> {
    let mut nothing = |_: &mut Element| Ok(());
    let reading = Reading { nodes_max: XML_NODES_MAX, reveal: &mut nothing, visit: None };
    reading.read(bytes).map_err(|error| match error {
        KdbxError::Xml(error) => error,
        _ => XmlError::Malformed,
    })
}

/// How a document is read.
pub(crate) struct Reading<'a> {
    /// Most elements and comments that are held at a time.
    pub(crate) nodes_max: usize,
    /// Is called with every element when it is whole, in the order in which they end.
    pub(crate) reveal: &'a mut dyn FnMut(&mut Element) -> Result<(), KdbxError>,
    /// Takes entries instead of the document, with the number of the group that they are in.
    pub(crate) visit: Option<Visit<'a>>,
}

/// Is given an entry as soon as it is read, and the number of its group: groups are numbered in the order in which they
/// begin, from 0, the outermost.
type Visit<'a> = &'a mut dyn FnMut(usize, &Element);

impl Reading<'_> {
    pub(crate) fn read(self, bytes: &[u8]) -> Result<Document, KdbxError> {
        let text = core::str::from_utf8(bytes).map_err(|_| XmlError::Encoding)?;
        let mut builder = Builder {
            nodes_left: self.nodes_max.min(XML_NODES_MAX),
            reading: self,
            groups: Groups::default(),
            open: Vec::new(),
            before: Vec::new(),
            root: None,
            after: Vec::new(),
        };
        for token in Tokenizer::from(text) {
            builder.token(token.map_err(|_| XmlError::Malformed)?)?;
        }
        Ok(builder.finish()?)
    }
}

/// Which groups are open.
#[derive(Default)]
struct Groups {
    /// The depth and the number of each, outermost first.
    open: Vec<(usize, usize)>,
    count: usize,
    /// The depth of the entry in one of them that is open, and how many nodes were left before it.
    entry: Option<(usize, usize)>,
}

/// A document as far as it has been read.
struct Builder<'a> {
    reading: Reading<'a>,
    groups: Groups,
    /// Elements whose end has not come, outermost first.
    open: Vec<Element>,
    before: Vec<Text>,
    root: Option<Element>,
    after: Vec<Text>,
    nodes_left: usize,
}

impl Builder<'_> {
    fn token(&mut self, token: Token<'_>) -> Result<(), KdbxError> {
        let done = match token {
            Token::Declaration { encoding, .. } => match encoding {
                Some(encoding) if !encoding.as_str().eq_ignore_ascii_case("utf-8") => Err(XmlError::Encoding),
                _ => Ok(()),
            },
            Token::ElementStart { prefix, local, .. } => self.start(&prefix, &local),
            Token::Attribute { prefix, local, value, .. } => self.attribute(&prefix, &local, &value),
            Token::ElementEnd { end, .. } => match end {
                ElementEnd::Open => Ok(()),
                ElementEnd::Empty => return self.end(None),
                ElementEnd::Close(prefix, local) => return self.end(Some(qualified(&prefix, &local)?)),
            },
            Token::Text { text } => self.text(decode(&text, Place::Text)?),
            Token::Cdata { text, .. } => self.text(decode(&text, Place::Cdata)?),
            Token::Comment { text, .. } => self.comment(decode(&text, Place::Cdata)?),
            Token::ProcessingInstruction { .. } => Err(XmlError::Instruction),
            Token::DtdStart { .. }
            | Token::EmptyDtd { .. }
            | Token::EntityDeclaration { .. }
            | Token::DtdEnd { .. } => Err(XmlError::Dtd),
        };
        Ok(done?)
    }

    fn count(&mut self) -> Result<(), XmlError> {
        self.nodes_left = self.nodes_left.checked_sub(1).ok_or(XmlError::TooMany)?;
        Ok(())
    }

    fn start(&mut self, prefix: &StrSpan<'_>, local: &StrSpan<'_>) -> Result<(), XmlError> {
        self.count()?;
        if self.root.is_some() {
            return Err(XmlError::OutsideRoot);
        }
        if self.open.len() == XML_DEPTH_MAX {
            return Err(XmlError::TooDeep);
        }
        let name = qualified(prefix, local)?;
        self.begin_group_or_entry(&name);
        self.open.push(Element { name, attributes: Vec::new(), children: Vec::new() });
        Ok(())
    }

    fn attribute(
        &mut self,
        prefix: &StrSpan<'_>,
        local: &StrSpan<'_>,
        value: &StrSpan<'_>,
    ) -> Result<(), XmlError> {
        let name = qualified(prefix, local)?;
        let value = decode(value, Place::Attribute)?;
        let element = self.open.last_mut().ok_or(XmlError::Malformed)?;
        if element.attribute(&name).is_some() || element.attributes.len() == XML_ATTRIBUTES_MAX {
            return Err(XmlError::Attributes);
        }
        element.attributes.push(Attribute { name, value });
        Ok(())
    }

    /// A group counts when it is in another, or outermost: an element of that name elsewhere is somebody's own.
    fn begin_group_or_entry(&mut self, name: &str) {
        let depth = self.open.len();
        let in_group = self.groups.open.last().is_some_and(|(last, _)| last + 1 == depth);
        let is_outermost = depth == 2 && self.open.last().is_some_and(|parent| parent.name == "Root");
        if name == GROUP && (in_group || is_outermost) {
            self.groups.open.push((depth, self.groups.count));
            self.groups.count += 1;
        } else if name == ENTRY && in_group {
            // This one is counted already.
            self.groups.entry = Some((depth, self.nodes_left + 1));
        }
    }

    /// Gives a whole entry away; its nodes are no longer held then.
    fn give(&mut self, element: Element) -> Option<Element> {
        let depth = self.open.len();
        if self.groups.open.last().is_some_and(|(last, _)| *last == depth) {
            self.groups.open.pop();
        }
        let (Some(visit), Some((_, group))) = (&mut self.reading.visit, self.groups.open.last()) else {
            return Some(element);
        };
        match self.groups.entry {
            Some((entry, nodes)) if entry == depth => {
                visit(*group, &element);
                self.nodes_left = nodes;
                self.groups.entry = None;
                None
            }
            _ => Some(element),
        }
    }

    fn end(&mut self, name: Option<String>) -> Result<(), KdbxError> {
        let mut element = self.open.pop().ok_or(XmlError::Unbalanced)?;
        if name.is_some_and(|name| name != element.name) {
            return Err(XmlError::Unbalanced.into());
        }
        drop_layout(&mut element);
        // Most elements have one child, and a growing list begins with room for four.
        element.children.shrink_to_fit();
        element.attributes.shrink_to_fit();
        (self.reading.reveal)(&mut element)?;
        let Some(element) = self.give(element) else { return Ok(()) };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: Text) -> Result<(), XmlError> {
        let Some(element) = self.open.last_mut() else {
            let blank = text.expose().chars().all(is_space);
            return if blank { Ok(()) } else { Err(XmlError::OutsideRoot) };
        };
        if text.expose().is_empty() {
            return Ok(());
        }
        if let Some(Node::Text(before)) = element.children.last_mut() {
            before.push_str(text.expose());
            return Ok(());
        }
        element.children.push(Node::Text(text));
        Ok(())
    }

    fn comment(&mut self, text: Text) -> Result<(), XmlError> {
        self.count()?;
        match (self.open.last_mut(), &self.root) {
            (Some(element), _) => element.children.push(Node::Comment(text)),
            (None, None) => self.before.push(text),
            (None, Some(_)) => self.after.push(text),
        }
        Ok(())
    }

    fn finish(self) -> Result<Document, XmlError> {
        if !self.open.is_empty() {
            return Err(XmlError::Unbalanced);
        }
        let root = self.root.ok_or(XmlError::Malformed)?;
        Ok(Document { before: self.before, root, after: self.after })
    }
}

/// Drops the white space between elements, unless there is other text among them.
fn drop_layout(element: &mut Element) {
    let blank = |node: &Node| matches!(node, Node::Text(text) if text.expose().chars().all(is_space));
    let words = |node: &Node| matches!(node, Node::Text(_)) && !blank(node);
    let only_text = element.children.iter().all(|node| matches!(node, Node::Text(_)));
    if !only_text && !element.children.iter().any(words) {
        element.children.retain(|node| !blank(node));
    }
}

const fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

fn qualified(prefix: &StrSpan<'_>, local: &StrSpan<'_>) -> Result<String, XmlError> {
    if prefix.len() + local.len() >= XML_NAME_MAX {
        return Err(XmlError::Name);
    }
    let mut name = String::with_capacity(prefix.len() + 1 + local.len());
    if !prefix.is_empty() {
        name.push_str(prefix);
        name.push(':');
    }
    name.push_str(local);
    if is_name(&name) { Ok(name) } else { Err(XmlError::Name) }
}

/// Whether this is a name with at most one colon inside, the only names that are read and written.
pub(super) fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let mut letters = part.chars();
        let begins = letters.next().is_some_and(|first| first != ':' && first.is_xml_name_start());
        begins && letters.all(|letter| letter != ':' && letter.is_xml_name())
    };
    name.len() <= XML_NAME_MAX && name.split(':').count() <= 2 && name.split(':').all(part)
}

/// Where text stands decides what is markup in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Attribute,
    /// Also a comment: no references.
    Cdata,
}

/// Resolves references and line ends. The result is never longer than `raw`, so it is allocated once.
fn decode(raw: &str, place: Place) -> Result<Text, XmlError> {
    let mut out = Text::with_room(raw.len());
    let mut letters = raw.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '&' if place != Place::Cdata => {
                let (letter, len) = reference(raw.get(at..).unwrap_or_default())?;
                out.push(letter);
                while letters.next_if(|(next, _)| *next < at + len).is_some() {}
            }
            '<' if place != Place::Cdata => return Err(XmlError::Malformed),
            '\r' => {
                letters.next_if(|(_, next)| *next == '\n');
                out.push(if place == Place::Attribute { ' ' } else { '\n' });
            }
            '\t' | '\n' if place == Place::Attribute => out.push(' '),
            _ if letter.is_xml_char() => out.push(letter),
            _ => return Err(XmlError::Character),
        }
    }
    Ok(out)
}

/// The character that a reference at the start of `text` means, and the reference's length.
fn reference(text: &str) -> Result<(char, usize), XmlError> {
    let end = text.bytes().take(XML_REFERENCE_MAX).position(|byte| byte == b';').ok_or(XmlError::Entity)?;
    let name = text.get(1..end).ok_or(XmlError::Entity)?;
    let letter = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#').ok_or(XmlError::Entity)?;
            let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
            // `from_str_radix` takes a sign; XML does not.
            if !digits.chars().all(|digit| digit.is_digit(radix)) {
                return Err(XmlError::Entity);
            }
            let number = u32::from_str_radix(digits, radix).map_err(|_| XmlError::Entity)?;
            char::from_u32(number).filter(XmlCharExt::is_xml_char).ok_or(XmlError::Character)?
        }
    };
    Ok((letter, end + 1))
}
