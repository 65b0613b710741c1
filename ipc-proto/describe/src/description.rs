//! `Description`: a canonical text that was checked, method by method.

use core::fmt;

use ipc_proto_types::SchemaId;
use ipc_proto_wire::{MethodKind, schema_id};

use crate::cursor::Cursor;
use crate::grammar::{DEPTH_MAX, Unfit, more, name, need, skip, unfit};

/// Longest canonical text in bytes: the compiler writes none that is longer.
pub const TEXT_MAX: usize = ipc_proto_wire::CANONICAL_MAX;
/// Most methods of a service.
pub const METHODS_MAX: usize = 32;

/// Where a text is no description. Whoever sent the text is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescribeError {
    /// Line of the text, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// What should have been there.
    pub expected: &'static str,
}

impl fmt::Display for DescribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: expected {}", self.line, self.column, self.expected)
    }
}

impl core::error::Error for DescribeError {}

/// A service as its canonical text tells it.
#[derive(Debug, Clone)]
pub struct Description<'a> {
    text: &'a str,
    name: &'a str,
    methods: [Method<'a>; METHODS_MAX],
    count: usize,
}

/// One method of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method<'a> {
    name: &'a str,
    kind: MethodKind,
    /// From the first argument on; `)` ends them.
    arguments: Cursor<'a>,
    reply: Option<&'a str>,
}

/// An argument of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type, as the canonical text writes it.
    pub type_text: &'a str,
}

impl<'a> Description<'a> {
    /// Checks the whole of `text`.
    ///
    /// # Errors
    /// Says where it is no canonical text: grammar, a bound, types nested too deep, no method or too many.
    pub fn parse(text: &'a str) -> Result<Self, DescribeError> {
        Self::checked(text).map_err(|unfit| {
            let at = text.len().saturating_sub(unfit.left);
            let before = text.get(..at).unwrap_or_default();
            let line_start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
            DescribeError {
                line: before.matches('\n').count().saturating_add(1),
                column: at.saturating_sub(line_start).saturating_add(1),
                expected: unfit.expected,
            }
        })
    }

    fn checked(text: &'a str) -> Result<Self, Unfit> {
        let mut at = Cursor::new(text);
        if text.len() > TEXT_MAX {
            return unfit(at, "a text of at most 16384 bytes");
        }
        need(&mut at, "service ", "'service NAME'")?;
        let service = name(&mut at)?;
        need(&mut at, "\n", "the end of the line")?;
        let none = Method { name: "", kind: MethodKind::Call, arguments: at, reply: None };
        let mut this = Self { text, name: service, methods: [none; METHODS_MAX], count: 0 };
        while !at.rest().is_empty() {
            let before = at;
            let method = Method::parse(&mut at)?;
            if this.find(method.name).is_some() {
                return unfit(before, "a method of another name");
            }
            let Some(place) = this.methods.get_mut(this.count) else {
                return unfit(before, "at most 32 methods");
            };
            *place = method;
            this.count = this.count.saturating_add(1);
        }
        if this.count == 0 { unfit(at, "a method") } else { Ok(this) }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The text it was made from.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The schema id of the text: a channel that is bound to another one speaks another language.
    #[must_use]
    pub const fn id(&self) -> SchemaId {
        schema_id(self.text)
    }

    /// Its methods; the number of a method is its place.
    #[must_use]
    pub fn methods(&self) -> &[Method<'a>] {
        self.methods.get(..self.count).unwrap_or_default()
    }

    /// The method of this number.
    #[must_use]
    pub fn method(&self, number: u16) -> Option<&Method<'a>> {
        self.methods().get(usize::from(number))
    }

    /// The method of this name, and its number.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(u16, &Method<'a>)> {
        (0_u16..).zip(self.methods()).find(|(_, method)| method.name == name)
    }
}

impl<'a> Method<'a> {
    fn parse(at: &mut Cursor<'a>) -> Result<Self, Unfit> {
        let kind = if at.eat("call ") {
            MethodKind::Call
        } else if at.eat("oneway ") {
            MethodKind::Oneway
        } else if at.eat("event ") {
            MethodKind::Event
        } else {
            return unfit(*at, "'call', 'oneway' or 'event'");
        };
        let name = name(at)?;
        need(at, "(", "'('")?;
        let arguments = *at;
        let mut first = true;
        while more(at, &mut first, ")")? {
            argument(at)?;
        }
        let mut reply = None;
        if kind == MethodKind::Call {
            need(at, " -> ", "' -> ' and a type")?;
            let before = *at;
            skip(at, DEPTH_MAX)?;
            reply = Some(before.until(*at));
        }
        need(at, "\n", "the end of the line")?;
        Ok(Self { name, kind, arguments, reply })
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Who sends it, and whether it is answered.
    #[must_use]
    pub const fn kind(&self) -> MethodKind {
        self.kind
    }

    /// Its arguments.
    pub fn arguments(&self) -> impl Iterator<Item = Argument<'a>> + use<'a> {
        let mut at = self.arguments;
        let mut first = true;
        core::iter::from_fn(move || match more(&mut at, &mut first, ")") {
            Ok(true) => argument(&mut at).ok(),
            _ => None,
        })
    }

    /// The type of its reply, as the canonical text writes it; `None` when nobody answers.
    #[must_use]
    pub const fn reply(&self) -> Option<&'a str> {
        self.reply
    }

    pub(crate) const fn arguments_text(&self) -> Cursor<'a> {
        self.arguments
    }
}

fn argument<'a>(at: &mut Cursor<'a>) -> Result<Argument<'a>, Unfit> {
    let name = name(at)?;
    need(at, ": ", "': '")?;
    let before = *at;
    skip(at, DEPTH_MAX)?;
    Ok(Argument { name, type_text: before.until(*at) })
}
