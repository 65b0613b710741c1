//! The validator: runs a table's program over a body.
//!
//! It accepts exactly what decodes and encodes again to the same bytes. It holds no state but a cursor, a word index and
//! four loop counters; each round of a loop consumes at least one byte (`Table::parse` saw to it), so its time is
//! bounded by the length of the body. Nothing in the body can make it panic, allocate, recurse or look outside.
//! Source: `ipc-proto/spec/strict-postcard.md`, `ipc-proto/spec/schema-table.md`.

use core::ops::Range;

use ipc_proto_types::{ErrorCode, Kind, Role};

use crate::frame::Header;
use crate::op::{self, Op};
use crate::table::{Table, start, word};
use crate::utf8::is_utf8;

/// Why a message is refused. The sender is to blame for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Violation {
    /// The service has no method of this number.
    Method = 1,
    /// This end may not send this kind of message for this method.
    Kind = 2,
    /// The body is not as long as the header says.
    Length = 3,
    /// A varint that is not minimal or does not fit its type.
    Varint = 4,
    /// A bool that is neither 0 nor 1.
    Bool = 5,
    /// A text that is not UTF-8.
    Utf8 = 6,
    /// A text, byte string or list longer than its bound.
    Bound = 7,
    /// A tag of an option, an enum or an error that does not exist, or that this end may not send.
    Tag = 8,
    /// Bytes after the end of the message.
    Trailing = 9,
    /// The message ends too early.
    Truncated = 10,
}

impl Violation {
    /// The violation with this number, as the audit keeps it.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Method,
            2 => Self::Kind,
            3 => Self::Length,
            4 => Self::Varint,
            5 => Self::Bool,
            6 => Self::Utf8,
            7 => Self::Bound,
            8 => Self::Tag,
            9 => Self::Trailing,
            10 => Self::Truncated,
            _ => return None,
        })
    }

    /// The number, as the audit keeps it.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }
}

/// What kind of leaf an argument is, and its value where that is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A bool.
    Bool(bool),
    /// u8 to u64, or the tag of an enum without fields.
    Unsigned(u64),
    /// i8 to i64.
    Signed(i64),
    /// Text; the range is that of its UTF-8, without the length.
    Text,
    /// Bytes; the range is that of the bytes, without the length.
    Bytes,
    /// A secret; nobody may match on it or show it. The range is where it stands, to be masked.
    Secret,
}

/// Takes the arguments of a message while it is checked, for the policy. An argument is handed over only when the whole
/// of it is one leaf, and before the rest is checked: wait for `Ok` before believing it.
pub trait FieldSink {
    /// Argument `number`, from 0, stands at `range` of the body.
    fn field(&mut self, number: u8, kind: FieldKind, range: Range<usize>);
}

impl FieldSink for () {
    #[inline]
    fn field(&mut self, _: u8, _: FieldKind, _: Range<usize>) {}
}

impl Table<'_> {
    /// Checks one message of `sender`.
    ///
    /// # Errors
    /// The first rule it breaks.
    #[inline]
    pub fn check(
        &self,
        sender: Role,
        header: &Header,
        body: &[u8],
        sink: &mut impl FieldSink,
    ) -> Result<(), Violation> {
        let Some(method) = self.method(header.method) else {
            return Err(Violation::Method);
        };
        if header.length as usize != body.len() {
            return Err(Violation::Length);
        }
        let slot = match (header.kind, sender) {
            (Kind::Call, Role::Client) => 0,
            (Kind::Reply, Role::Server) => 1,
            (Kind::Event, Role::Client) => 2,
            (Kind::Event, Role::Server) => 3,
            // Only a call is answered, so only a method with a reply can fail.
            (Kind::Error, Role::Server) if start(method, 1) != 0 => return check_error(body),
            _ => return Err(Violation::Kind),
        };
        match start(method, slot) {
            0 => Err(Violation::Kind),
            at => run(self.words, usize::from(at), body, sink),
        }
    }
}

fn check_error(body: &[u8]) -> Result<(), Violation> {
    match *body {
        [] => Err(Violation::Truncated),
        [code] => match ErrorCode::from_u8(code) {
            Some(code) if !code.is_from_supervisor() => Ok(()),
            _ => Err(Violation::Tag),
        },
        _ => Err(Violation::Trailing),
    }
}

/// Runs the program at word `at` over the whole body.
fn run(words: &[[u8; 8]], at: usize, body: &[u8], sink: &mut impl FieldSink) -> Result<(), Violation> {
    let mut cursor = Cursor { rest: body };
    let mut loops = Loops { open: [Round { start: 0, left: 0 }; op::DEPTH_MAX], depth: 0 };
    let mut at = at;
    loop {
        let Some(word) = word(words, at) else {
            return Err(Violation::Truncated);
        };
        let op = Op(word);
        at = at.wrapping_add(1);
        let before = cursor.rest.len();
        let kind = match op.code() {
            op::END if cursor.rest.is_empty() => return Ok(()),
            op::END => return Err(Violation::Trailing),
            op::BYTES => {
                let bytes = cursor.counted(op.argument())?;
                report(sink, op, FieldKind::Bytes, range(body, cursor, bytes.len()));
                continue;
            }
            op::TEXT => {
                let text = cursor.counted(op.argument())?;
                if !is_utf8(text) {
                    return Err(Violation::Utf8);
                }
                report(sink, op, FieldKind::Text, range(body, cursor, text.len()));
                continue;
            }
            op::BOOL => FieldKind::Bool(cursor.bool()?),
            op::BYTE => cursor.number(op.argument())?,
            op::VARINT => cursor.varint(op.argument())?,
            op::TAG => FieldKind::Unsigned(u64::from(cursor.tag(op.argument())?)),
            _ => {
                at = control(words, op, at, &mut cursor, &mut loops)?;
                continue;
            }
        };
        report(sink, op, kind, range(body, cursor, before.wrapping_sub(cursor.rest.len())));
    }
}

/// Where the last `length` bytes before the cursor stand in the body.
#[inline]
fn range(body: &[u8], cursor: Cursor<'_>, length: usize) -> Range<usize> {
    let end = body.len().wrapping_sub(cursor.rest.len());
    end.wrapping_sub(length)..end
}

/// Hands an argument to the sink. A secret's value stays here.
#[inline]
fn report(sink: &mut impl FieldSink, op: Op, kind: FieldKind, range: Range<usize>) {
    if let Some(number) = op.field().checked_sub(1) {
        sink.field(number, if op.is_secret() { FieldKind::Secret } else { kind }, range);
    }
}

/// The ops that are no leaf: gives the next word.
fn control(
    words: &[[u8; 8]],
    op: Op,
    at: usize,
    cursor: &mut Cursor<'_>,
    loops: &mut Loops,
) -> Result<usize, Violation> {
    match op.code() {
        op::RAW => cursor.take(op.argument()).map(|_| at),
        op::OPTION => match cursor.byte()? {
            0 => Ok(op.target()),
            1 => Ok(at),
            _ => Err(Violation::Tag),
        },
        op::ENUM => {
            let tag = cursor.tag(op.argument())?;
            word(words, at.wrapping_add(usize::from(tag))).map(|arm| Op(arm).target()).ok_or(Violation::Tag)
        }
        op::JUMP => Ok(op.target()),
        op::LIST => match cursor.count(op.argument())? {
            0 => Ok(op.target()),
            // Each item takes a byte at least: no loop is entered that the body can't feed.
            count if count as usize > cursor.rest.len() => Err(Violation::Truncated),
            count => loops.open(at, count),
        },
        op::REPEAT => loops.open(at, op.argument()),
        op::NEXT => Ok(loops.next(at)),
        // No other code passes `Table::parse`.
        _ => Err(Violation::Tag),
    }
}

/// The open loops, innermost last.
struct Loops {
    open: [Round; op::DEPTH_MAX],
    depth: usize,
}

/// An open loop.
#[derive(Clone, Copy)]
struct Round {
    /// First word of a round.
    start: usize,
    /// Rounds to go, this one included.
    left: u32,
}

impl Loops {
    /// Opens a loop and gives its first word. The `Err` can't happen: `Table::parse` counted the depth.
    fn open(&mut self, start: usize, left: u32) -> Result<usize, Violation> {
        *self.open.get_mut(self.depth).ok_or(Violation::Bound)? = Round { start, left };
        self.depth = self.depth.wrapping_add(1);
        Ok(start)
    }

    /// Ends a round: gives the first word of the next one, or `after` when there is none.
    fn next(&mut self, after: usize) -> usize {
        let depth = self.depth.wrapping_sub(1);
        if let Some(round) = self.open.get_mut(depth) {
            round.left = round.left.wrapping_sub(1);
            if round.left != 0 {
                return round.start;
            }
            self.depth = depth;
        }
        after
    }
}

/// The rest of a body.
#[derive(Clone, Copy)]
struct Cursor<'b> {
    rest: &'b [u8],
}

impl<'b> Cursor<'b> {
    #[inline]
    fn byte(&mut self) -> Result<u8, Violation> {
        let (byte, rest) = self.rest.split_first().ok_or(Violation::Truncated)?;
        self.rest = rest;
        Ok(*byte)
    }

    #[inline]
    fn take(&mut self, count: u32) -> Result<&'b [u8], Violation> {
        let (bytes, rest) = self.rest.split_at_checked(count as usize).ok_or(Violation::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn bool(&mut self) -> Result<bool, Violation> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Violation::Bool),
        }
    }

    /// The tag of an enum: one byte, since no enum has more than 128 variants.
    fn tag(&mut self, count: u32) -> Result<u8, Violation> {
        let tag = self.byte()?;
        if u32::from(tag) < count { Ok(tag) } else { Err(Violation::Tag) }
    }

    fn number(&mut self, argument: u32) -> Result<FieldKind, Violation> {
        let byte = self.byte()?;
        Ok(if argument & op::SIGNED == 0 {
            FieldKind::Unsigned(u64::from(byte))
        } else {
            FieldKind::Signed(i64::from(byte.cast_signed()))
        })
    }

    fn varint(&mut self, argument: u32) -> Result<FieldKind, Violation> {
        let first = self.byte()?;
        let value = if first < 0x80 { u64::from(first) } else { self.long(first, argument & op::WIDTH)? };
        Ok(if argument & op::SIGNED == 0 {
            FieldKind::Unsigned(value)
        } else {
            FieldKind::Signed((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg())
        })
    }

    /// The rest of a varint whose first byte says that there is more.
    fn long(&mut self, first: u8, width: u32) -> Result<u64, Violation> {
        let mut value = u64::from(first & 0x7f);
        for place in 1..op::VARINT_MAX {
            let byte = self.byte()?;
            let (shift, bits) = (place.wrapping_mul(7), u64::from(byte & 0x7f));
            let space = width.saturating_sub(shift);
            if space < 7 && bits >> space != 0 {
                return Err(Violation::Varint);
            }
            value |= bits.wrapping_shl(shift);
            if byte < 0x80 {
                // A last byte of 0 says nothing: a shorter varint means the same.
                return if byte == 0 { Err(Violation::Varint) } else { Ok(value) };
            }
            if space <= 7 {
                return Err(Violation::Varint);
            }
        }
        Err(Violation::Varint)
    }

    /// A length or a count.
    #[inline]
    fn count(&mut self, max: u32) -> Result<u32, Violation> {
        let first = self.byte()?;
        let count = if first < 0x80 { u32::from(first) } else { self.long_count(first)? };
        if count > max { Err(Violation::Bound) } else { Ok(count) }
    }

    /// Counts of two or three bytes; no bound is over 65536, so no legal count is longer.
    #[cold]
    fn long_count(&mut self, first: u8) -> Result<u32, Violation> {
        self.long(first, u32::BITS).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// A length and that many bytes.
    #[inline]
    fn counted(&mut self, max: u32) -> Result<&'b [u8], Violation> {
        let count = self.count(max)?;
        self.take(count)
    }
}
