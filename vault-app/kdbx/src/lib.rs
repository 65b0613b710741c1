//! KDBX4, the file format of KeePass and KeePassXC, read and written.
//!
//! [`open`] turns a file into a [`Database`], [`save`] turns it back. What is kept is the file's XML document itself, with
//! every element, attribute, comment and their order, and typed views ([`Group`], [`Entry`], [`Meta`]) look into it; so
//! what this crate does not know is not lost. Key, randomness, time and the memory Argon2 works in are arguments.
//!
//! Invariants: nothing that a file says is believed before its cap was checked ([`bounds`]); no key is derived before the
//! header's checksum held; no byte is decrypted before its HMAC held. Contents are wiped when dropped and never printed.
//!
//! What it deliberately does not do: KDBX 3 and older, Twofish, key providers and challenge-response; DTDs, entities
//! beyond the five of XML and processing instructions (each is refused by name); AES-KDF when writing. CDATA is read, and
//! written as escaped text; white space between elements is layout and not kept. The compiler's copies of secrets in
//! registers and dead stack frames are not reached; the walls of the qube are for that.
//!
//! Source: keepass.info "KDBX 4", as KeePass 2 and KeePassXC 2.7 write it; RFC 1951, 1952, 8439, 9106; XML 1.0.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod blocks;
pub mod bounds;
mod bytes;
mod cipher;
mod database;
mod edit;
mod entry;
mod error;
mod group;
mod gzip;
mod header;
mod inner;
mod kdf;
mod key;
mod key_file;
mod meta;
mod open;
mod save;
mod tree;
mod value;
mod variant;
mod xml;

pub use cipher::Cipher;
pub use database::{Binary, Database, NewDatabase};
pub use edit::{EntryMut, GroupMut, new_entry};
pub use entry::{Attachment, Entry, Field, Protection};
pub use error::{KdbxError, XmlError};
pub use group::{Entries, Group};
pub use gzip::Compression;
pub use header::RawField;
pub use kdf::Kdf;
pub use key::{CompositeKey, SecretBytes};
pub use meta::{Deleted, Meta};
pub use open::{FileInfo, Limits, Visit, open, open_each, open_within, peek, read_contents};
pub use save::{Options, contents_len, save, save_filled};
pub use tree::{Attribute, Document, Element, Node, Text};
pub use value::{Time, Uuid};
pub use vault_app_codes::{Random, RandomError};
pub use vault_app_kdf::{ArgonKind, Block, Cost, Version};
pub use xml::{Fill, Put};
