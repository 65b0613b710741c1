//! The decoded fields of one request, as a rule sees them.
//!
//! Only arguments that are one leaf have a value; their number is their place among the arguments, from 0.

use core::ops::Range;

use ipc_proto_wire::{FieldKind, FieldSink};

/// Arguments a rule can look at: the first so many. It bounds what [`BodyFields`] keeps on the stack.
pub const FIELDS_MAX: usize = 16;

/// One field's value, borrowed from the checked copy of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A `bool`.
    Bool(bool),
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// The bytes of a text; the validator has already found them to be UTF-8.
    Text(&'a [u8]),
}

/// Where a chain finds the fields of the message it judges.
pub trait Fields {
    /// The value of field `number`, or `None` when the request has no such leaf (which denies).
    fn field(&self, number: u8) -> Option<Value<'_>>;
}

/// A message without fields: every conditional rule then denies.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFields;

impl Fields for NoFields {
    fn field(&self, _number: u8) -> Option<Value<'_>> {
        None
    }
}

/// Collects the fields of a message while the validator checks it; pass it to `Table::check` as the sink.
///
/// Believe it only after the check said `Ok`: fields are handed over before the rest of the body is seen.
#[derive(Debug, Clone)]
pub struct BodyFields<'a> {
    body: &'a [u8],
    fields: [Option<(FieldKind, Range<usize>)>; FIELDS_MAX],
}

impl<'a> BodyFields<'a> {
    /// For this body, before its check.
    #[must_use]
    pub fn new(body: &'a [u8]) -> BodyFields<'a> {
        BodyFields { body, fields: [const { None }; FIELDS_MAX] }
    }
}

impl FieldSink for BodyFields<'_> {
    fn field(&mut self, number: u8, kind: FieldKind, range: Range<usize>) {
        if let Some(place) = self.fields.get_mut(usize::from(number)) {
            *place = Some((kind, range));
        }
    }
}

impl Fields for BodyFields<'_> {
    fn field(&self, number: u8) -> Option<Value<'_>> {
        let (kind, range) = self.fields.get(usize::from(number))?.as_ref()?;
        match kind {
            FieldKind::Bool(value) => Some(Value::Bool(*value)),
            FieldKind::Unsigned(value) => Some(Value::Unsigned(*value)),
            FieldKind::Signed(value) => Some(Value::Signed(*value)),
            FieldKind::Text => self.body.get(range.clone()).map(Value::Text),
            FieldKind::Bytes | FieldKind::Secret => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_numbers_and_secrets_stay_hidden() {
        let mut fields = BodyFields::new(b"\x03abc\x01");
        FieldSink::field(&mut fields, 0, FieldKind::Text, 1..4);
        FieldSink::field(&mut fields, 2, FieldKind::Bool(true), 4..5);
        FieldSink::field(&mut fields, 3, FieldKind::Secret, 1..4);
        FieldSink::field(&mut fields, 4, FieldKind::Text, 3..9);
        FieldSink::field(&mut fields, 200, FieldKind::Bool(true), 4..5);
        let found: Vec<_> = (0..5).map(|number| Fields::field(&fields, number)).collect();
        assert_eq!(found, [Some(Value::Text(b"abc")), None, Some(Value::Bool(true)), None, None]);
    }
}
