//! Service `open`: a document of the web, fetched and shown by a qube that is thrown away afterwards.
//!
//! A life of the server opens one document; for another there is another life. What it answers was made from what strangers
//! sent: it is harmless as long as the server is, so a client that owns a terminal looks at every character again. Nothing the
//! server says can do anything: links are text, pictures are pixels.
//!
//! Not here: forms, sessions, downloads, a way back to where a document came from.

#![no_std]
#![forbid(unsafe_code)]

mod told;

use ipc_proto_derive::service;
use ipc_proto_types::{Bytes, Text};

pub use told::{BadCertificate, Document, Failed, OpenError, Phase, PictureInfo, Progress, Reason};

/// Longest address, in bytes. A person reads these.
pub const URL_MAX: usize = 2048;

/// Most bytes of a piece of the page: more than a line of [`COLUMNS_MAX`] columns takes, whatever it is written in.
pub const PAGE_MAX: usize = 4000;

/// Most pixels of a piece of a picture, in bytes: 2,048 of them.
pub const PIXELS_MAX: usize = 8192;

/// Fewest columns of a page.
pub const COLUMNS_MIN: u16 = 20;

/// Most columns of a page.
pub const COLUMNS_MAX: u16 = 200;

/// Bytes of a cell: red, green and blue of its upper half, then of its lower half.
pub const CELL_SIZE: usize = 6;

/// Most bytes of a row of cells.
pub const ROW_MAX: usize = 200 * CELL_SIZE;

const _: () = assert!(ROW_MAX == COLUMNS_MAX as usize * CELL_SIZE);

/// Longest title of a document: 200 characters.
pub const TITLE_MAX: usize = 800;

/// Most redirects that are followed.
pub const REDIRECTS_MAX: usize = 5;

/// Longest origin, in bytes: scheme, a name of 253 bytes (RFC 1035 section 2.3.4), a port.
pub const ORIGIN_MAX: usize = 272;

/// Longest detail of a failure, in bytes.
pub const DETAIL_MAX: usize = 200;

/// A document, opened.
#[service(name = "open", version = 1)]
pub trait Open {
    /// Begins to fetch the document at an address, for lines of so many columns, and does not wait for it.
    fn open(&mut self, url: Text<URL_MAX>, columns: u16) -> Result<(), OpenError>;

    /// How far it is.
    fn progress(&mut self) -> Progress;

    /// Lines of the page from byte `from` on, each whole and with its line feed; the next piece begins where this one ends.
    /// Empty at the end.
    fn page(&mut self, from: u32) -> Result<Text<PAGE_MAX>, OpenError>;

    /// Where the link of this number leads; the first is 1.
    fn link(&mut self, number: u16) -> Result<Text<URL_MAX>, OpenError>;

    /// A row of the picture in cells for a terminal, [`CELL_SIZE`] bytes each; the first is 0.
    fn cells(&mut self, row: u16) -> Result<Bytes<ROW_MAX>, OpenError>;

    /// The picture itself from byte `from` on: red, green, blue and alpha of each pixel, row by row from the top. Empty at the
    /// end.
    fn picture(&mut self, from: u32) -> Result<Bytes<PIXELS_MAX>, OpenError>;

    /// What `progress` says changed.
    #[event]
    fn changed(&mut self);
}
