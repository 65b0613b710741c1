//! Service `convert`: a picture file of a stranger, decoded by a qube that is thrown away afterwards.
//!
//! A life of the server decodes one file; for another there is another life. The file goes in in pieces ([`Convert::put`]), is
//! decoded once ([`Convert::decode`]) and comes out as pixels ([`Convert::pixels`]). Those, and which kind of file it was, are
//! all that ever comes out. File and pixels may be somebody's secret, so they are marked as such.
//!
//! Not here: other documents than pictures, and files made of the pixels. Who asked makes these, from pixels alone.

#![no_std]
#![forbid(unsafe_code)]

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::{Bytes, Secret};
use serde::{Deserialize, Serialize};

/// Most bytes of a piece of the file: as many as of one in `vault-files`.
pub const PIECE_MAX: usize = 4096;

/// Most bytes of a file, 4 MiB: what a vault takes. A sender without end would fill the server's memory otherwise.
pub const FILE_MAX: u32 = 4 * 1024 * 1024;

/// Most pixels of a side.
pub const SIDE_MAX: u16 = 8192;

/// Most pixels of a picture: 1,024 by 512. A file of a hundred bytes can say that it has four thousand million.
pub const PICTURE_PIXELS_MAX: u32 = 512 * 1024;

/// Most bytes of a piece of the picture: 2,048 pixels.
pub const PIXELS_MAX: usize = 8192;

/// What kind of file it is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum FileKind {
    /// PNG (third edition).
    Png,
    /// JPEG (ISO/IEC 10918-1).
    Jpeg,
    /// GIF (87a, 89a).
    Gif,
    /// Windows bitmap.
    Bmp,
    /// WebP (RFC 9649).
    WebP,
}

/// A picture that was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Decoded {
    /// What it was.
    pub kind: FileKind,
    /// Pixels of a row: 1 to [`SIDE_MAX`].
    pub width: u16,
    /// Rows of pixels: 1 to [`SIDE_MAX`].
    pub height: u16,
}

/// Why it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum ConvertError {
    /// The piece does not begin where the one before ended.
    OutOfOrder,
    /// The file is larger than [`FILE_MAX`].
    FileTooLarge,
    /// This life has had its file.
    Used,
    /// No byte of a file came.
    NoFile,
    /// It does not begin as a picture of a known kind does.
    UnknownKind,
    /// A picture of a kind of its format that is not decoded.
    Unsupported,
    /// It has more than [`PICTURE_PIXELS_MAX`] pixels, or a side longer than [`SIDE_MAX`].
    TooManyPixels,
    /// It has no pixels.
    NoPixels,
    /// It is damaged or cut short.
    Damaged,
    /// There is not enough memory for it.
    NoMemory,
    /// There is no picture: nothing was decoded yet, or not with success.
    NoPicture,
    /// No piece begins there.
    BadPlace,
}

/// A picture file, decoded.
#[service(name = "convert", version = 1)]
pub trait Convert {
    /// A piece of the file, at byte `from`. Pieces come in order and without gaps; one out of order changes nothing.
    fn put(&mut self, from: u32, data: Secret<Bytes<PIECE_MAX>>) -> Result<(), ConvertError>;

    /// Decodes what came. After it no more is taken, whatever came of it.
    fn decode(&mut self) -> Result<Decoded, ConvertError>;

    /// The picture from byte `from` on: red, green, blue and alpha (not premultiplied) of each pixel, row by row from the top.
    /// Empty at the end.
    fn pixels(&mut self, from: u32) -> Result<Secret<Bytes<PIXELS_MAX>>, ConvertError>;
}
