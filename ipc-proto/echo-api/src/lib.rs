//! Service `echo`: what was said comes back. For people, and for measurements of the system.

#![no_std]
#![forbid(unsafe_code)]

use ipc_proto_derive::service;
use ipc_proto_types::{Bytes, Text};

/// What was said comes back.
#[service(name = "echo", version = 1)]
pub trait Echo {
    /// The same text.
    fn say(&mut self, text: Text<1024>) -> Text<1024>;

    /// The same bytes.
    fn bytes(&mut self, data: Bytes<64>) -> Bytes<64>;

    /// Counts the message and forgets it.
    #[oneway]
    fn sink(&mut self, data: Bytes<64>);

    /// How many messages `sink` got in this life.
    fn sunk(&mut self) -> u64;
}
