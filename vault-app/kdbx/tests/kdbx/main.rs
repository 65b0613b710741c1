//! KDBX files from outside: what other programs make of ours, what we make of theirs, and of damaged ones.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;
mod damage;
mod fixtures;
mod identity;
mod keepass_crate;
mod keepassxc;
mod model;
mod noise;
mod streams;
