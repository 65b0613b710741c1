//! A store as a file and back, from outside: round trips, repeated imports, damage, other programs' files, memory.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod again;
mod common;
mod damage;
mod foreign;
mod memory;
mod roundtrip;
