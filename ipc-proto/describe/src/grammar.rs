//! The grammar of types: their heads, and how to step over a whole one.
//!
//! The text is the tree. Whoever walks it keeps a [`Cursor`] and takes a head; what the head holds comes next in the text.
//! Source: `ipc-proto/spec/schema-table.md`, "Canonical text and schema id".

use crate::cursor::Cursor;

/// How deep types may be nested. A deeper text is refused, so that walking one needs little stack.
pub const DEPTH_MAX: u8 = 24;

/// Most bytes of a text or byte string, most items of a list.
const BOUND_MAX: u32 = 65_536;
/// Most variants of an enum: a tag is one byte.
const VARIANTS_MAX: u32 = 128;

/// The text is not what the grammar expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// What should come next.
    pub(crate) expected: &'static str,
    /// How many bytes of the text are left there.
    pub(crate) left: usize,
}

/// An integer type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Integer {
    pub(crate) bits: u32,
    pub(crate) signed: bool,
}

/// How a type begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    Unit,
    Bool,
    Integer(Integer),
    Text(u32),
    Bytes(u32),
    /// See [`sequence`].
    List,
    /// See [`sequence`].
    Array,
    /// The value and `>` follow.
    Option,
    /// The value, `, `, the error and `>` follow.
    Result,
    /// Items follow, see [`more`].
    Tuple,
    /// Fields follow, see [`fields`].
    Struct,
    /// Variants follow, see [`more`]; each is a name and fields.
    Enum,
    /// The value and `>` follow.
    Secret,
}

/// How fields begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fields {
    Unit,
    Unnamed,
    Named,
}

impl Fields {
    /// What ends them.
    pub(crate) const fn close(self) -> &'static str {
        match self {
            Self::Unit => "",
            Self::Unnamed => ")",
            Self::Named => " }",
        }
    }
}

/// A list or an array: where its item type stands, and how many of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence<'a> {
    pub(crate) item: Cursor<'a>,
    pub(crate) count: u32,
}

pub(crate) const fn unfit<T>(at: Cursor<'_>, expected: &'static str) -> Result<T, Unfit> {
    Err(Unfit { expected, left: at.rest().len() })
}

pub(crate) fn need(at: &mut Cursor<'_>, token: &str, expected: &'static str) -> Result<(), Unfit> {
    if at.eat(token) { Ok(()) } else { unfit(*at, expected) }
}

pub(crate) fn name<'a>(at: &mut Cursor<'a>) -> Result<&'a str, Unfit> {
    at.name().map_or_else(|| unfit(*at, "a name"), Ok)
}

fn bound(at: &mut Cursor<'_>, low: u32) -> Result<u32, Unfit> {
    let before = *at;
    match at.number() {
        Some(number) if (low..=BOUND_MAX).contains(&number) => Ok(number),
        _ => unfit(before, "a bound of at most 65536"),
    }
}

/// Steps over the head of a type.
pub(crate) fn head(at: &mut Cursor<'_>) -> Result<Head, Unfit> {
    if at.eat("()") {
        return Ok(Head::Unit);
    }
    if at.eat("(") {
        return Ok(Head::Tuple);
    }
    if at.eat("[") {
        return Ok(Head::Array);
    }
    let before = *at;
    let integer = |bits, signed| Ok(Head::Integer(Integer { bits, signed }));
    match at.name() {
        Some("bool") => Ok(Head::Bool),
        Some("u8") => integer(8, false),
        Some("i8") => integer(8, true),
        Some("u16") => integer(16, false),
        Some("i16") => integer(16, true),
        Some("u32") => integer(32, false),
        Some("i32") => integer(32, true),
        Some("u64") => integer(64, false),
        Some("i64") => integer(64, true),
        Some("text") => bounded(at).map(Head::Text),
        Some("bytes") => bounded(at).map(Head::Bytes),
        Some("list") => need(at, "<", "'<'").map(|()| Head::List),
        Some("option") => need(at, "<", "'<'").map(|()| Head::Option),
        Some("result") => need(at, "<", "'<'").map(|()| Head::Result),
        Some("secret") => need(at, "<", "'<'").map(|()| Head::Secret),
        Some("struct") => named(at).map(|()| Head::Struct),
        Some("enum") => {
            named(at)?;
            need(at, " { ", "' { '").map(|()| Head::Enum)
        }
        _ => unfit(before, "a type"),
    }
}

fn bounded(at: &mut Cursor<'_>) -> Result<u32, Unfit> {
    need(at, "<", "'<'")?;
    let max = bound(at, 0)?;
    need(at, ">", "'>'")?;
    Ok(max)
}

fn named(at: &mut Cursor<'_>) -> Result<(), Unfit> {
    need(at, " ", "a blank")?;
    name(at).map(|_| ())
}

/// Steps over what opens fields.
pub(crate) fn fields(at: &mut Cursor<'_>) -> Fields {
    if at.eat(" { ") {
        Fields::Named
    } else if at.eat("(") {
        Fields::Unnamed
    } else {
        Fields::Unit
    }
}

/// Whether another one follows in an enumeration that ends with `close`; steps over what parts or ends it.
pub(crate) fn more(at: &mut Cursor<'_>, first: &mut bool, close: &str) -> Result<bool, Unfit> {
    if at.eat(close) {
        return Ok(false);
    }
    if !core::mem::take(first) {
        need(at, ", ", "', ' or the end of the enumeration")?;
    }
    Ok(true)
}

/// Steps over the rest of a list or an array, whose head was taken.
pub(crate) fn sequence<'a>(at: &mut Cursor<'a>, head: Head, depth: u8) -> Result<Sequence<'a>, Unfit> {
    let item = *at;
    let takes = skip(at, depth)?;
    let is_list = head == Head::List;
    need(at, if is_list { ", " } else { "; " }, "a bound")?;
    let count = bound(at, if is_list { 0 } else { 1 })?;
    need(at, if is_list { ">" } else { "]" }, "the end of the sequence")?;
    // A body bounds the time it takes to walk it only when every item takes a byte of it.
    if takes { Ok(Sequence { item, count }) } else { unfit(item, "an item that takes at least a byte") }
}

/// Steps over a whole type; says whether every value of it takes at least a byte.
pub(crate) fn skip(at: &mut Cursor<'_>, depth: u8) -> Result<bool, Unfit> {
    let before = *at;
    let Some(depth) = depth.checked_sub(1) else {
        return unfit(before, "a type that is less deep");
    };
    match head(at)? {
        Head::Unit => Ok(false),
        Head::Bool | Head::Integer(_) | Head::Text(_) | Head::Bytes(_) => Ok(true),
        list @ (Head::List | Head::Array) => sequence(at, list, depth).map(|_| true),
        Head::Option => {
            skip(at, depth)?;
            need(at, ">", "'>'").map(|()| true)
        }
        Head::Secret => {
            let takes = skip(at, depth)?;
            need(at, ">", "'>'").map(|()| takes)
        }
        Head::Result => {
            skip(at, depth)?;
            need(at, ", ", "', '")?;
            skip(at, depth)?;
            need(at, ">", "'>'").map(|()| true)
        }
        Head::Tuple => skip_fields(at, Fields::Unnamed, depth),
        Head::Struct => {
            let kind = fields(at);
            skip_fields(at, kind, depth)
        }
        Head::Enum => skip_variants(at, depth).map(|()| true),
    }
}

/// Steps over fields whose opening was taken.
pub(crate) fn skip_fields(at: &mut Cursor<'_>, kind: Fields, depth: u8) -> Result<bool, Unfit> {
    let mut takes = false;
    let mut first = true;
    while kind != Fields::Unit && more(at, &mut first, kind.close())? {
        if kind == Fields::Named {
            name(at)?;
            need(at, ": ", "': '")?;
        }
        takes |= skip(at, depth)?;
    }
    Ok(takes)
}

fn skip_variants(at: &mut Cursor<'_>, depth: u8) -> Result<(), Unfit> {
    let start = *at;
    let mut count = 0_u32;
    let mut first = true;
    while more(at, &mut first, " }")? {
        name(at)?;
        let kind = fields(at);
        skip_fields(at, kind, depth)?;
        count = count.saturating_add(1);
    }
    if (1..=VARIANTS_MAX).contains(&count) { Ok(()) } else { unfit(start, "1 to 128 variants") }
}
