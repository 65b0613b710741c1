//! Where the arguments of an accepted body stand and what they are, read plainly from their shapes.

use ipc_proto_wire::{FieldKind, Fields, Shape};
use tests_conformance::reference::accepts;

/// How many bytes a value at the front takes; `None` when there is none. Slow: it tries the reference on every length.
pub(crate) fn length(shape: &Shape, bytes: &[u8]) -> Option<usize> {
    match shape {
        Shape::Unit => Some(0),
        Shape::Bool | Shape::U8 | Shape::I8 => (!bytes.is_empty()).then_some(1),
        Shape::U16 | Shape::U32 | Shape::U64 | Shape::I16 | Shape::I32 | Shape::I64 => {
            Some(bytes.iter().position(|byte| *byte < 0x80)? + 1)
        }
        Shape::Text(_) | Shape::Bytes(_) => {
            let (count, prefix) = varint(bytes)?;
            Some(prefix + usize::try_from(count).ok()?)
        }
        Shape::Secret(inner) => length(inner, bytes),
        Shape::Enum(_, variants) if variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) => {
            (!bytes.is_empty()).then_some(1)
        }
        _ => (0..=bytes.len()).find(|length| bytes.get(..*length).is_some_and(|bytes| accepts(shape, bytes))),
    }
}

/// What an argument is for the policy when the whole of it is one leaf: how many bytes stand before its content, and its
/// kind and value.
pub(crate) fn leaf(shape: &Shape, value: &[u8]) -> Option<(usize, FieldKind)> {
    let number = || varint(value).map_or(0, |(number, _)| number);
    let signed = || (number() >> 1).cast_signed() ^ -(number() & 1).cast_signed();
    let first = value.first().copied().unwrap_or(0);
    let kind = match shape {
        Shape::Bool => FieldKind::Bool(first == 1),
        Shape::U8 => FieldKind::Unsigned(u64::from(first)),
        Shape::I8 => FieldKind::Signed(i64::from(first.cast_signed())),
        Shape::U16 | Shape::U32 | Shape::U64 => FieldKind::Unsigned(number()),
        Shape::I16 | Shape::I32 | Shape::I64 => FieldKind::Signed(signed()),
        Shape::Text(_) => return Some((varint(value)?.1, FieldKind::Text)),
        Shape::Bytes(_) => return Some((varint(value)?.1, FieldKind::Bytes)),
        Shape::Enum(_, variants) if variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) => {
            FieldKind::Unsigned(u64::from(first))
        }
        Shape::Secret(inner) => return leaf(inner, value).map(|(prefix, _)| (prefix, FieldKind::Secret)),
        _ => return None,
    };
    Some((0, kind))
}

/// The number at the front and how many bytes it takes.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let length = bytes.iter().position(|byte| *byte < 0x80)? + 1;
    let digits = bytes.get(..length)?.iter().rev();
    let number = digits.fold(0_u128, |number, digit| number << 7 | u128::from(digit & 0x7f));
    Some((u64::try_from(number).ok()?, length))
}
