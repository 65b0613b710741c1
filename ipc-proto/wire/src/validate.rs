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
use crate::table::{Table, word};
use crate::utf8::{is_ascii, is_utf8};

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
    /// Whether it takes secrets too. A constant: who does not pays nothing for those who do.
    const SECRETS: bool = false;

    /// Argument `number`, from 0, stands at `range` of the body.
    fn field(&mut self, number: u8, kind: FieldKind, range: Range<usize>);

    /// A secret leaf, wherever in the message, stands at `range` of the body; of a text or byte string without the length.
    fn secret(&mut self, _: FieldKind, _: Range<usize>) {}

    /// At `at` of the body stands the tag of a secret option or enum, or the count of a secret list.
    fn secret_tag(&mut self, _: usize) {}
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
        if header.length as usize != body.len() && self.entry(sender, header.method).is_some() {
            return Err(Violation::Length);
        }
        self.check_body(sender, header.kind, header.method, body, sink)
    }

    /// The same for a body that is as long as its header says, as [`crate::Frame::parse`] saw to.
    ///
    /// # Errors
    /// The first rule it breaks.
    #[inline(always)]
    pub fn check_body(
        &self,
        sender: Role,
        kind: Kind,
        method: u16,
        body: &[u8],
        sink: &mut impl FieldSink,
    ) -> Result<(), Violation> {
        let Some(entry) = self.entry(sender, method) else {
            return Err(Violation::Method);
        };
        let at = match entry.program(kind) {
            0 => return Err(Violation::Kind),
            at => at,
        };
        if let Some(op) = word(self.words, at).map(Op)
            && let Some(bytes) = sole(op, body)
            && (op.code() == op::BYTES || is_ascii(bytes))
        {
            if let Some(number) = op.field().checked_sub(1) {
                let kind = if op.code() == op::BYTES { FieldKind::Bytes } else { FieldKind::Text };
                sink.field(number, if op.is_secret() { FieldKind::Secret } else { kind }, 1..body.len());
            }
            return Ok(());
        }
        run(self.words, at, body, sink)
    }
}

impl Table<'_> {
    /// For who wants to know beforehand that a body will pass: if `sender` may send a message of this kind and method, and
    /// its body is one byte string, the limit below which a count of that string is in order and takes one byte.
    #[must_use]
    pub fn sole_bytes(&self, sender: Role, kind: Kind, method: u16) -> Option<u8> {
        let op = Op(word(self.words, self.entry(sender, method)?.program(kind))?);
        let bytes = op.is_last_counted() && op.code() == op::BYTES;
        // The word at 0 is no program: it says that this may not be sent, and is no such op.
        bytes.then(|| u8::try_from(op.argument()).map_or(0x80, |bound| bound.min(0x7f).wrapping_add(1)))
    }
}

/// The short way for the most common body of all: one byte string or ASCII text of less than 128 bytes and nothing else.
/// `None` sends the body the long way, which finds the same and knows what is wrong with it.
#[inline(always)]
fn sole(op: Op, body: &[u8]) -> Option<&[u8]> {
    if !op.is_last_counted() {
        return None;
    }
    let (count, bytes) = body.split_first()?;
    if usize::from(*count) != bytes.len() || *count >= 0x80 {
        return None;
    }
    (u32::from(*count) <= op.argument()).then_some(bytes)
}

/// Runs the program at word `at` over the whole body.
#[inline(never)]
pub(crate) fn run<S: FieldSink>(
    words: &[[u8; 8]],
    at: usize,
    body: &[u8],
    sink: &mut S,
) -> Result<(), Violation> {
    let mut cursor = Cursor { rest: body };
    let mut loops = Loops { open: [0; op::DEPTH_MAX], depth: 0 };
    let mut at = at;
    loop {
        let Some(word) = word(words, at) else {
            return Err(Violation::Truncated);
        };
        let op = Op(word);
        at = at.wrapping_add(1);
        if !op.is_leaf() {
            if op.code() == op::END {
                return if cursor.rest.is_empty() { Ok(()) } else { Err(Violation::Trailing) };
            }
            // The rounds of a repetition are no bytes of the body.
            if S::SECRETS && op.is_secret() && op.code() != op::REPEAT {
                sink.secret_tag(body.len().wrapping_sub(cursor.rest.len()));
            }
            at = jump(words, op, at, &mut cursor, &mut loops)?;
            continue;
        }
        let (kind, length) = cursor.leaf(op)?;
        if S::SECRETS && op.is_secret() {
            let end = body.len().wrapping_sub(cursor.rest.len());
            sink.secret(kind, end.wrapping_sub(length)..end);
        }
        if let Some(number) = op.field().checked_sub(1) {
            let end = body.len().wrapping_sub(cursor.rest.len());
            let kind = if op.is_secret() { FieldKind::Secret } else { kind };
            sink.field(number, kind, end.wrapping_sub(length)..end);
        }
    }
}

/// An op that is no leaf: gives the next word.
#[inline(always)]
fn jump(
    words: &[[u8; 8]],
    op: Op,
    at: usize,
    cursor: &mut Cursor<'_>,
    loops: &mut Loops,
) -> Result<usize, Violation> {
    match op.code() {
        op::OPTION => match cursor.byte()? {
            0 => Ok(at.wrapping_add(op.ahead())),
            1 => Ok(at),
            _ => Err(Violation::Tag),
        },
        op::ENUM => {
            let at = at.wrapping_add(usize::from(cursor.tag(op.argument())?));
            let arm = word(words, at).ok_or(Violation::Tag)?;
            Ok(at.wrapping_add(1).wrapping_add(Op(arm).ahead()))
        }
        op::JUMP => Ok(at.wrapping_add(op.ahead())),
        op::LIST => match cursor.count(op.argument())? {
            0 => Ok(at.wrapping_add(op.ahead())),
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

/// The open loops, innermost last. Of each the rounds to go, this one included, and above them its first word.
struct Loops {
    open: [u64; op::DEPTH_MAX],
    depth: usize,
}

impl Loops {
    /// Opens a loop and gives its first word. The `Err` can't happen: `Table::parse` counted the depth.
    #[inline(always)]
    fn open(&mut self, start: usize, count: u32) -> Result<usize, Violation> {
        *self.open.get_mut(self.depth).ok_or(Violation::Bound)? = (start as u64) << 32 | u64::from(count);
        self.depth = self.depth.wrapping_add(1);
        Ok(start)
    }

    /// Ends a round: gives the first word of the next one, or `after` when there is none.
    #[inline(always)]
    fn next(&mut self, after: usize) -> usize {
        let depth = self.depth.wrapping_sub(1);
        if let Some(round) = self.open.get_mut(depth) {
            // At least one was to go, so the start above is not touched.
            *round = round.wrapping_sub(1);
            if *round & 0xffff_ffff != 0 {
                return (*round >> 32) as usize;
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
    /// Takes a leaf: gives its kind, and how long its last part is, the one without the length.
    #[inline(always)]
    fn leaf(&mut self, op: Op) -> Result<(FieldKind, usize), Violation> {
        let before = self.rest.len();
        let kind = match op.code() {
            op::BYTES => return Ok((FieldKind::Bytes, self.counted(op.argument())?.len())),
            op::TEXT => {
                let text = self.counted(op.argument())?;
                return if is_utf8(text) { Ok((FieldKind::Text, text.len())) } else { Err(Violation::Utf8) };
            }
            op::BOOL => match self.byte()? {
                0 => FieldKind::Bool(false),
                1 => FieldKind::Bool(true),
                _ => return Err(Violation::Bool),
            },
            op::BYTE => {
                let byte = self.byte()?;
                number(op.argument(), u64::from(byte), i64::from(byte.cast_signed()))
            }
            op::VARINT => {
                let value = self.varint(op.argument() & op::WIDTH)?;
                // Zigzag: the lowest bit is the sign.
                let signed = (value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg();
                number(op.argument(), value, signed)
            }
            op::TAG => FieldKind::Unsigned(u64::from(self.tag(op.argument())?)),
            op::RAW => {
                self.take(op.argument() as usize)?;
                FieldKind::Bytes
            }
            _ => match ErrorCode::from_u8(self.byte()?) {
                Some(code) if !code.is_from_supervisor() => FieldKind::Unsigned(u64::from(code.as_u8())),
                _ => return Err(Violation::Tag),
            },
        };
        Ok((kind, before.wrapping_sub(self.rest.len())))
    }

    #[inline(always)]
    fn byte(&mut self) -> Result<u8, Violation> {
        let (byte, rest) = self.rest.split_first().ok_or(Violation::Truncated)?;
        self.rest = rest;
        Ok(*byte)
    }

    #[inline(always)]
    fn take(&mut self, count: usize) -> Result<&'b [u8], Violation> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Violation::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The tag of an enum: one byte, since no enum has more than 128 variants.
    #[inline(always)]
    fn tag(&mut self, count: u32) -> Result<u8, Violation> {
        let tag = self.byte()?;
        if u32::from(tag) < count { Ok(tag) } else { Err(Violation::Tag) }
    }

    #[inline(always)]
    fn varint(&mut self, width: u32) -> Result<u64, Violation> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let (value, rest) = long_varint(first, self.rest, width)?;
        self.rest = rest;
        Ok(value)
    }

    /// A length or a count. No bound is over 65536, so one of more than 32 bits is wrong in any case.
    #[inline(always)]
    fn count(&mut self, max: u32) -> Result<u32, Violation> {
        match u32::try_from(self.varint(u32::BITS)?) {
            Ok(count) if count <= max => Ok(count),
            _ => Err(Violation::Bound),
        }
    }

    /// A length and that many bytes.
    #[inline(always)]
    fn counted(&mut self, max: u32) -> Result<&'b [u8], Violation> {
        let count = self.count(max)?;
        self.take(count as usize)
    }
}

#[inline(always)]
fn number(argument: u32, unsigned: u64, signed: i64) -> FieldKind {
    if argument & op::SIGNED == 0 { FieldKind::Unsigned(unsigned) } else { FieldKind::Signed(signed) }
}

/// A varint whose first byte says that there is more: its value, and what follows it.
#[inline(never)]
fn long_varint(first: u8, rest: &[u8], width: u32) -> Result<(u64, &[u8]), Violation> {
    let mut value = u64::from(first & 0x7f);
    let mut rest = rest;
    for place in 1..op::VARINT_MAX {
        let (byte, after) = rest.split_first().ok_or(Violation::Truncated)?;
        rest = after;
        let (shift, bits) = (place.wrapping_mul(7), u64::from(byte & 0x7f));
        // How many bits the type has left for this byte.
        let space = width.saturating_sub(shift);
        if space < 7 && bits >> space != 0 {
            return Err(Violation::Varint);
        }
        value |= bits.wrapping_shl(shift);
        if *byte < 0x80 {
            // A last byte of 0 says nothing: a shorter varint means the same.
            return if *byte == 0 { Err(Violation::Varint) } else { Ok((value, rest)) };
        }
        if space <= 7 {
            return Err(Violation::Varint);
        }
    }
    Err(Violation::Varint)
}
