//! The messages that are measured, as Skep has them: a service like any other, and what its messages say.
//!
//! Each length is exact, since the length stands in the promise: 64 bytes, 4 KiB, 64 KiB of body.

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::{Bytes, List, Text};
use serde::{Deserialize, Serialize};

/// Length of a short body.
pub(crate) const SHORT: usize = 64;
/// Length of a middling body.
pub(crate) const PAGE: usize = 4096;
/// Length of the longest body there is.
pub(crate) const LONG: usize = 65_536;

/// One of each.
#[service(name = "speed", version = 1)]
pub trait Speed {
    /// A short byte string.
    fn bytes(&mut self, data: Bytes<64>);

    /// A short text.
    fn text(&mut self, text: Text<1024>);

    /// Fields of many types.
    fn mixed(&mut self, mixed: Mixed);

    /// A page of text.
    fn page(&mut self, text: Text<4096>);

    /// A page of records.
    fn records(&mut self, records: List<Mixed, 64>);

    /// As many bytes as go into a message.
    fn blob(&mut self, data: Bytes<65533>);

    /// As much text as goes into a message.
    fn book(&mut self, text: Text<65533>);
}

/// Fields of many types; 64 bytes on the wire with the values of [`mixed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub(crate) struct Mixed {
    /// A number that takes five bytes.
    pub serial: u64,
    /// A number that takes three bytes.
    pub size: u32,
    /// A number that takes two bytes.
    pub port: u16,
    /// A number that takes one byte.
    pub count: u8,
    /// A negative number that takes two bytes.
    pub offset: i32,
    /// Yes or no.
    pub done: bool,
    /// There or not.
    pub parent: Option<u32>,
    /// A name.
    pub name: Text<32>,
    /// A few bytes.
    pub digest: Bytes<32>,
}

/// The values of record `number`, below 64.
#[must_use]
pub(crate) fn mixed(number: u8) -> Mixed {
    Mixed {
        serial: 0x4_0000_0000 + u64::from(number),
        size: 100_000 + u32::from(number),
        port: 8080 + u16::from(number),
        count: number,
        offset: -1000 - i32::from(number),
        done: number.is_multiple_of(2),
        parent: Some(u32::from(number)),
        name: Text::truncated("a name of 23 letters ok"),
        digest: Bytes::try_from([number; 23].as_slice()).unwrap_or_default(),
    }
}

/// Letters, `length` of them.
#[must_use]
pub(crate) fn letters(length: usize) -> String {
    ('a'..='z').chain([' ']).cycle().take(length).collect()
}

/// Bytes of all values, `length` of them.
#[must_use]
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(length).collect()
}
