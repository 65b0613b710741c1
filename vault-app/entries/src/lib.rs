//! What a password store keeps and can do: entries, groups, search, reports, imports. Pure.
//!
//! The wire and the disk are elsewhere. A [`Store`] works out what an operation changes, as a [`Changes`] of whole records;
//! the caller makes exactly these durable, all or none, and then [`Store::commit`]s them. Undo is not to commit.
//! Time, ids and randomness are arguments.
//!
//! Kept: every text that may hold a secret is a [`SecretText`], printed as `***` and wiped when dropped; every other text is
//! wiped too. Every size has a bound in [`caps`], checked before anything is stored and after anything is read.
//!
//! What it deliberately does not do: no clock, no files, no keys, no contents of attachments (only their ids), no
//! network. It can't wipe what a move or a library's scratch memory left behind (`serde_json` unescapes strings into
//! such); the qube's walls do that.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod caps;
mod check;
pub mod entry;
pub mod export;
mod group;
mod id;
pub mod import;
pub mod otpauth;
pub mod record;
pub mod report;
pub mod search;
pub mod store;
pub mod strength;
mod text;

pub use check::{Breach, Part};
pub use entry::{Attachment, Content, Entry, Field, Times, Totp, Version};
pub use group::Group;
pub use id::{ContentId, EntryId, GroupId};
pub use store::{Change, Changes, Item, LoadError, LoadFault, Loader, Store, StoreError};
pub use text::{Plain, SecretBytes, SecretText};
