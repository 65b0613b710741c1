//! Pictures of strangers as bounded bitmaps ([`decode`]), as cells of a terminal ([`Cells`]), and as clean
//! PNG files ([`to_png`]). Pure.
//!
//! The invariant: what a file says about its size is checked before anything is allocated for it. A
//! [`Picture`] is within its [`Limits`] and has exactly four bytes a pixel, wherever it comes from: what a
//! disposable sends is checked by
//! [`Picture::new`] like a file.
//!
//! What it deliberately does not do: guess the format from the bytes, animate (the first picture is the
//! picture), turn pictures as their Exif data say, manage colours. The decoders are libraries, WebP's our own;
//! the container of GIF is read here.
//! Sources: PNG third edition, ISO/IEC 10918-1 (JPEG), GIF89a.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod bmp;
mod cells;
mod gif;
mod png;
mod webp;
mod zune;

use alloc::vec::Vec;
use core::fmt;

pub use cells::{Cell, Cells, Colours, write_row};
pub use png::{STACK_LEN_MAX, to_png};

/// Bytes of a pixel: red, green, blue, alpha (not premultiplied).
pub const PIXEL_LEN: usize = 4;

/// The format of a file, from its media type and not from its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// PNG; of an animated one the first picture.
    Png,
    /// JPEG, baseline and progressive.
    Jpeg,
    /// GIF; of an animated one the first picture.
    Gif,
    /// WebP, lossy and lossless; of an animated one the first picture.
    WebP,
    /// Windows bitmap.
    Bmp,
}

/// What a picture may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels of a side.
    pub side_max: usize,
    /// Most pixels: a file of a hundred bytes can say it has four thousand million. Decoding needs up to 16
    /// bytes for each, the bitmap included.
    pub pixels_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { side_max: 8192, pixels_max: 4 * 1024 * 1024 }
    }
}

/// Why there is no picture. The file is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureError {
    /// A format, or a kind of it, that is not decoded here.
    Unsupported,
    /// More pixels than the limits allow.
    TooLarge,
    /// No pixels.
    Empty,
    /// The file is damaged, cut short, or of another format.
    Damaged,
    /// Not as many bytes as width and height ask for.
    Length,
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "a kind of picture that cannot be shown",
            Self::TooLarge => "the picture is too large",
            Self::Empty => "the picture has no pixels",
            Self::Damaged => "the picture is damaged",
            Self::Length => "the bitmap has not the length that its size asks for",
        })
    }
}

/// A bitmap: rows from the top, pixels from the left, four bytes each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgba: Vec<u8>,
}

impl Picture {
    /// A bitmap of `width` times `height` pixels, for example one that another qube sent.
    ///
    /// # Errors
    /// When it is not within the limits, or `rgba` has another length.
    pub fn new(width: usize, height: usize, rgba: Vec<u8>, limits: &Limits) -> Result<Self, PictureError> {
        let pixels = limits.pixels(width, height)?;
        if pixels.checked_mul(PIXEL_LEN) == Some(rgba.len()) {
            Ok(Self { width, height, rgba })
        } else {
            Err(PictureError::Length)
        }
    }

    /// Pixels from left to right, at least 1.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels from top to bottom, at least 1.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, row by row.
    #[must_use]
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// The pixels, row by row, to be kept by somebody else.
    #[must_use]
    pub fn into_rgba(self) -> Vec<u8> {
        self.rgba
    }
}

impl Limits {
    /// How many pixels that are, if they are within the limits.
    pub(crate) fn pixels(&self, width: usize, height: usize) -> Result<usize, PictureError> {
        if width == 0 || height == 0 {
            return Err(PictureError::Empty);
        }
        let pixels = width.checked_mul(height).ok_or(PictureError::TooLarge)?;
        let fits = width <= self.side_max && height <= self.side_max && pixels <= self.pixels_max;
        if fits { Ok(pixels) } else { Err(PictureError::TooLarge) }
    }
}

/// Decodes a file of the given format.
///
/// # Errors
/// What is wrong with the file.
pub fn decode(format: Format, file: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    match format {
        Format::Png => zune::png(file, limits),
        Format::Jpeg => zune::jpeg(file, limits),
        Format::Bmp => bmp::decode(file, limits),
        Format::Gif => gif::decode(file, limits),
        Format::WebP => webp::decode(file, limits),
    }
}
