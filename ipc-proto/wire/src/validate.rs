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
use crate::varint::{self, VarintError};

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
    let mut rest = body;
    let mut loops = Loops { open: [0; op::DEPTH_MAX], depth: 0 };
    let mut at = at;
    loop {
        let Some(op) = word(words, at).map(Op) else {
            return Err(Violation::Truncated);
        };
        at = at.wrapping_add(1);
        let before = rest;
        match op.code() {
            op::BOOL => rest = below(rest, 2, Violation::Bool)?.1,
            op::BYTE => rest = below(rest, 256, Violation::Bound)?.1,
            op::VARINT => rest = varint::skip(rest, op.argument() & op::WIDTH).map_err(wrong)?,
            op::BYTES => rest = counted(rest, op.argument())?.1,
            op::TEXT => {
                let text;
                (text, rest) = counted(rest, op.argument())?;
                if !is_utf8(text) {
                    return Err(Violation::Utf8);
                }
            }
            op::RAW => rest = rest.split_at_checked(op.argument() as usize).ok_or(Violation::Truncated)?.1,
            op::TAG => rest = below(rest, op.argument(), Violation::Tag)?.1,
            op::CODE => rest = code(rest)?,
            op::END => return if rest.is_empty() { Ok(()) } else { Err(Violation::Trailing) },
            _ => {
                // The rounds of a repetition are no bytes of the body.
                if S::SECRETS && op.is_secret() && op.code() != op::REPEAT {
                    sink.secret_tag(body.len().wrapping_sub(before.len()));
                }
                (at, rest) = jump(words, op, at, rest, &mut loops)?;
                continue;
            }
        }
        if op.field() != 0 || S::SECRETS && op.is_secret() {
            give(op, body, before, rest, sink);
        }
    }
}

/// An op that is no leaf: gives the next word, and what is left.
#[inline(always)]
fn jump<'b>(
    words: &[[u8; 8]],
    op: Op,
    at: usize,
    rest: &'b [u8],
    loops: &mut Loops,
) -> Result<(usize, &'b [u8]), Violation> {
    match op.code() {
        op::OPTION => match below(rest, 2, Violation::Tag)? {
            (0, rest) => Ok((at.wrapping_add(op.ahead()), rest)),
            (_, rest) => Ok((at, rest)),
        },
        op::ENUM => {
            let (tag, rest) = below(rest, op.argument(), Violation::Tag)?;
            let at = at.wrapping_add(usize::from(tag));
            let arm = word(words, at).ok_or(Violation::Tag)?;
            Ok((at.wrapping_add(1).wrapping_add(Op(arm).ahead()), rest))
        }
        op::JUMP => Ok((at.wrapping_add(op.ahead()), rest)),
        op::LIST => match count(rest, op.argument())? {
            (0, rest) => Ok((at.wrapping_add(op.ahead()), rest)),
            // Each item takes a byte at least: no loop is entered that the body can't feed.
            (count, rest) if count as usize > rest.len() => Err(Violation::Truncated),
            (count, rest) => Ok((loops.open(at, count)?, rest)),
        },
        op::REPEAT => Ok((loops.open(at, op.argument())?, rest)),
        op::NEXT => Ok((loops.next(at), rest)),
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

/// Takes a byte below `count`.
#[inline(always)]
fn below(rest: &[u8], count: u32, otherwise: Violation) -> Result<(u8, &[u8]), Violation> {
    match rest.split_first() {
        Some((byte, rest)) if u32::from(*byte) < count => Ok((*byte, rest)),
        Some(_) => Err(otherwise),
        None => Err(Violation::Truncated),
    }
}

/// Takes a code that a server may send in an error frame.
fn code(rest: &[u8]) -> Result<&[u8], Violation> {
    let (byte, rest) = rest.split_first().ok_or(Violation::Truncated)?;
    match ErrorCode::from_u8(*byte) {
        Some(code) if !code.is_from_supervisor() => Ok(rest),
        _ => Err(Violation::Tag),
    }
}

#[cold]
fn wrong(error: VarintError) -> Violation {
    match error {
        VarintError::Truncated => Violation::Truncated,
        VarintError::OverLong | VarintError::TooLarge => Violation::Varint,
    }
}

/// A length or a count. No bound is over 65536, so one of more than 32 bits is wrong in any case.
#[inline(always)]
fn count(rest: &[u8], max: u32) -> Result<(u32, &[u8]), Violation> {
    let (count, rest) = varint::take::<32>(rest).map_err(wrong)?;
    match u32::try_from(count) {
        Ok(count) if count <= max => Ok((count, rest)),
        _ => Err(Violation::Bound),
    }
}

/// A length and that many bytes: these, and what follows them.
#[inline(always)]
fn counted(rest: &[u8], max: u32) -> Result<(&[u8], &[u8]), Violation> {
    let (count, rest) = count(rest, max)?;
    rest.split_at_checked(count as usize).ok_or(Violation::Truncated)
}

/// Hands over an argument or a secret that was just checked: it began at `before` and ended at `rest`.
fn give<S: FieldSink>(op: Op, body: &[u8], before: &[u8], rest: &[u8], sink: &mut S) {
    let end = body.len().wrapping_sub(rest.len());
    let whole = body.len().wrapping_sub(before.len())..end;
    // The value of one byte, or of a varint: both were found good.
    let byte = before.first().copied().unwrap_or(0);
    let (kind, range) = match op.code() {
        op::BYTES | op::TEXT => {
            let count = varint::take::<32>(before).map_or(0, |(count, _)| count);
            let after_count = usize::try_from(count).unwrap_or(0);
            let kind = if op.code() == op::BYTES { FieldKind::Bytes } else { FieldKind::Text };
            (kind, end.wrapping_sub(after_count)..end)
        }
        op::RAW => (FieldKind::Bytes, whole),
        op::BOOL => (FieldKind::Bool(byte == 1), whole),
        op::BYTE => (number_of(op, u64::from(byte), i64::from(byte.cast_signed())), whole),
        op::VARINT => {
            let value = varint::take::<64>(before).map_or(0, |(value, _)| value);
            // Zigzag: the lowest bit is the sign.
            let signed = (value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg();
            (number_of(op, value, signed), whole)
        }
        _ => (FieldKind::Unsigned(u64::from(byte)), whole),
    };
    if S::SECRETS && op.is_secret() {
        sink.secret(kind, range.clone());
    }
    if let Some(number) = op.field().checked_sub(1) {
        sink.field(number, if op.is_secret() { FieldKind::Secret } else { kind }, range);
    }
}

#[inline(always)]
fn number_of(op: Op, unsigned: u64, signed: i64) -> FieldKind {
    if op.argument() & op::SIGNED == 0 { FieldKind::Unsigned(unsigned) } else { FieldKind::Signed(signed) }
}
