//! A whole password store as a file, and back: KeePass's format, CSV, Bitwarden's export (read only), our own backups.
//!
//! [`export`] makes the file and says what it leaves out. [`import`] works out [`Changes`](vault_app_entries::Changes) that
//! the caller stores and commits, or drops, and says what is there already and what can't be kept; whatever goes wrong, the
//! store is as it was. [`verify`] reads a backup whole and keeps nothing.
//!
//! Invariants: what a file asks of memory is checked against what the caller can spare ([`Means`]) before it is taken;
//! a store that went through a KeePass file or a backup is the same again; importing a file twice adds nothing twice.
//!
//! Memory beside the store and what comes of it: a backup is written and read chunk by chunk, so it is the file once. A
//! KeePass file is encrypted whole: its contents are there twice, and of its entries one at a time as a tree.
//!
//! What it deliberately does not do: no files, no clock, no questions to the user, no merging of two versions of an entry
//! (both are kept), no signing keys in files of other programs.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod backup;
mod error;
mod export;
mod import;
mod index;
mod kdbx;
mod means;
mod names;
mod report;
mod room;

pub use backup::{Verified, verify};
pub use error::TransferError;
pub use export::export;
pub use import::import;
pub use means::{Format, Means, Source, SourceError};
pub use report::{Exported, Imported, LeftOut, NOTES_MAX, Note, Report, What};
