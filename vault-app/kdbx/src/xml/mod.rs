//! XML as far as KDBX needs it: reading into a [`crate::Document`], and writing it.
//!
//! The tokens are `xmlparser`'s. It hands out qualified names and raw text, so that nothing of an unknown element is lost, and
//! leaves balance, references and limits to its caller; those are here. No document type, no entity beyond the five, no
//! processing instruction.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use read::{Reading, read};
pub use write::{Fill, Put};
pub(crate) use write::{reveal, write, written_len};
