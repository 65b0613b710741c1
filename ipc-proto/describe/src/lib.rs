//! A service described at run time: its canonical text turns bodies into words, and words into bodies.
//!
//! The console, the inspector and the host tool show and call services that they were not built with. All they have is the
//! canonical text, which is what the schema id is the hash of: so who has the right text reads a body the way its sender meant it.
//!
//! Invariant: a text is checked whole, once ([`Description::parse`]); after that no text, no body and no words can make
//! anything here panic, recurse deeper than [`DEPTH_MAX`], or run longer than in proportion to what it was given. What
//! [`Method::encode`] writes, the validator accepts. Deliberately absent: heap, typed values, doc comments (the text has none).
//! Source: `ipc-proto/spec/literals.md`, `ipc-proto/spec/schema-table.md`, `ipc-proto/spec/strict-postcard.md`.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod body;
mod cursor;
mod description;
mod encode;
mod grammar;
mod literal;
mod nearest;
mod quote;
mod show;
mod sink;
mod words;

pub use body::{Body, Broken, Fault};
pub use description::{Argument, DescribeError, Description, METHODS_MAX, Method, TEXT_MAX};
pub use encode::{Ask, EncodeError, Expected, Secrets, Wanted};
pub use grammar::DEPTH_MAX;
pub use ipc_proto_wire::MethodKind;
pub use nearest::nearest;
pub use quote::{Harmless, is_harmful};
pub use show::{Part, Reveal, Shown};
pub use words::{Brief, Written};
