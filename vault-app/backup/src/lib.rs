//! Backups: one file, encrypted and authenticated, that holds named parts.
//!
//! `docs/backup.md` has the format byte by byte. A [`Writer`] is told first which [`Part`]s there will be, then takes their
//! bytes in any pieces, and hands out the file in chunks of at most [`CHUNK_MAX`] bytes. A [`Reader`] takes the file, cut
//! anywhere; it hands out nothing that is not authenticated, and [`Reader::finish`] says whether everything was there.
//! With [`Verify`] it reads all and keeps nothing. Neither holds more than one chunk and the table of contents.
//!
//! What it deliberately does not do: no files, no compression (lengths of compressed secrets tell of them), no randomness
//! (salt and file id are arguments), no opinion about what a part means. The length of a file tells how much was saved.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod cipher;
mod cost;
mod error;
mod header;
mod part;
mod progress;
mod reader;
mod writer;

pub use cipher::CHUNK_MAX;
pub use cost::{Key, SALT_SIZE};
pub use error::{BackupError, Stopped};
pub use header::{FILE_ID_SIZE, HEADER_SIZE};
pub use part::{NAME_MAX, PARTS_MAX, Part, PartName};
pub use progress::{Sink, Verify};
pub use reader::{Complete, Opening, Reader};
pub use vault_app_kdf::{Block, Cost};
pub use writer::{Out, Writer, file_length};
