//! Types as people read them.

use core::fmt;

use crate::cursor::Cursor;
use crate::grammar::{
    DEPTH_MAX, Fields, Head, Unfit, fields, head, more, name, need, sequence, skip, skip_fields,
};

/// Displays a type of a canonical text as one writes its values: `{ state: Empty | Locked, name: text<64> }`.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a>(pub &'a str);

/// Displays a type of a canonical text in few words: structs and enums by their names alone.
#[derive(Debug, Clone, Copy)]
pub struct Brief<'a>(pub &'a str);

/// How much of structs and enums is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Names,
    All,
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.0, f, Detail::All)
    }
}

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.0, f, Detail::Names)
    }
}

/// Why a type was not written.
enum Stop {
    Sink,
    Unfit,
}

impl From<fmt::Error> for Stop {
    fn from(_: fmt::Error) -> Self {
        Self::Sink
    }
}

impl From<Unfit> for Stop {
    fn from(_: Unfit) -> Self {
        Self::Unfit
    }
}

fn write(text: &str, to: &mut fmt::Formatter<'_>, detail: Detail) -> fmt::Result {
    match any(&mut Cursor::new(text), to, detail, DEPTH_MAX) {
        Err(Stop::Sink) => Err(fmt::Error),
        // Of no description that was checked.
        Err(Stop::Unfit) => to.write_str("…"),
        Ok(()) => Ok(()),
    }
}

type Done = Result<(), Stop>;

fn any(at: &mut Cursor<'_>, to: &mut fmt::Formatter<'_>, detail: Detail, depth: u8) -> Done {
    let depth = depth.checked_sub(1).ok_or(Stop::Unfit)?;
    let start = *at;
    let kind = head(at)?;
    match kind {
        Head::Unit | Head::Bool | Head::Integer(_) | Head::Text(_) | Head::Bytes(_) => {
            Ok(to.write_str(start.until(*at))?)
        }
        Head::List | Head::Array => {
            let sequence = sequence(at, kind, depth)?;
            to.write_str("[")?;
            any(&mut { sequence.item }, to, detail, depth)?;
            let most = if kind == Head::List { "at most " } else { "" };
            Ok(write!(to, ", … {most}{}]", sequence.count)?)
        }
        Head::Option => {
            to.write_str("none or ")?;
            any(at, to, detail, depth)?;
            Ok(need(at, ">", "'>'")?)
        }
        Head::Result => {
            to.write_str("ok(")?;
            any(at, to, detail, depth)?;
            need(at, ", ", "', '")?;
            to.write_str(") or error(")?;
            any(at, to, detail, depth)?;
            to.write_str(")")?;
            Ok(need(at, ">", "'>'")?)
        }
        Head::Secret => {
            to.write_str("secret ")?;
            any(at, to, detail, depth)?;
            Ok(need(at, ">", "'>'")?)
        }
        Head::Tuple => some_fields(at, Fields::Unnamed, to, detail, depth),
        Head::Struct | Head::Enum if detail == Detail::Names => {
            let mut whole = start;
            skip(&mut whole, depth.saturating_add(1))?;
            let mut words = start;
            let _ = words.eat("struct ") || words.eat("enum ");
            to.write_str(name(&mut words)?)?;
            *at = whole;
            Ok(())
        }
        Head::Struct => match fields(at) {
            Fields::Unit => Ok(to.write_str("()")?),
            kind => some_fields(at, kind, to, detail, depth),
        },
        Head::Enum => variants(at, to, detail, depth),
    }
}

fn variants(at: &mut Cursor<'_>, to: &mut fmt::Formatter<'_>, detail: Detail, depth: u8) -> Done {
    let mut first = true;
    loop {
        let is_first = first;
        if !more(at, &mut first, " }")? {
            return Ok(());
        }
        to.write_str(if is_first { "" } else { " | " })?;
        to.write_str(name(at)?)?;
        match fields(at) {
            Fields::Unit => {}
            kind => {
                to.write_str(if kind == Fields::Named { " " } else { "" })?;
                some_fields(at, kind, to, detail, depth)?;
            }
        }
    }
}

fn some_fields(
    at: &mut Cursor<'_>,
    kind: Fields,
    to: &mut fmt::Formatter<'_>,
    detail: Detail,
    depth: u8,
) -> Done {
    if kind == Fields::Unit {
        return Ok(skip_fields(at, kind, depth).map(|_| ())?);
    }
    let is_named = kind == Fields::Named;
    to.write_str(if is_named { "{ " } else { "(" })?;
    let mut first = true;
    loop {
        let is_first = first;
        if !more(at, &mut first, kind.close())? {
            break;
        }
        to.write_str(if is_first { "" } else { ", " })?;
        if is_named {
            write!(to, "{}: ", name(at)?)?;
            need(at, ": ", "': '")?;
        }
        any(at, to, detail, depth)?;
    }
    Ok(to.write_str(kind.close())?)
}
