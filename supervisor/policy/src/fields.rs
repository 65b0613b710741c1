//! The decoded fields of one request, as a rule sees them.
//!
//! Only leaf arguments at the top level of a request have a number, in the order they are declared, from 0.

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
