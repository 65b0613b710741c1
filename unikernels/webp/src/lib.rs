//! WebP pictures of strangers as bounded bitmaps: [`decode`]. Pure.
//!
//! The invariant: nothing is allocated for a file before its size is within [`Limits`] and the bytes are
//! within what the caller gives ([`Limits::memory_max`]), and no work is done that the pixels or the bytes
//! of the file do not bound. Any bytes are a bitmap or a [`WebpError`], never a panic.
//!
//! What it deliberately does not do: encode, animate (the first picture of an animation is the picture, on an
//! empty canvas), manage colours, read Exif and XMP, show half of a damaged file.
//! Sources: RFC 9649 (container, lossless), RFC 6386 (VP8). Chroma is scaled up and turned into RGB as
//! libwebp does by default, since neither document says how. Damaged data that decode all the same are the
//! pixels that libwebp's portable code makes of them; data that end too early are refused, where it may
//! forgive the last bits.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

extern crate alloc;

mod alpha;
mod budget;
mod container;
mod lossless;
mod lossy;

use alloc::vec::Vec;
use core::fmt;

use budget::Budget;
use container::{Still, Stream};

/// Bytes of a pixel: red, green, blue, alpha (not premultiplied).
pub const PIXEL_LEN: usize = 4;

/// A pixel while it is worked on.
pub(crate) type Pixel = [u8; PIXEL_LEN];

/// What a picture may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels of a side.
    pub side_max: usize,
    /// Most pixels: twenty bytes can say that they are 268 million.
    pub pixels_max: usize,
    /// Most bytes for everything that is made of the file, the bitmap included. A picture with little else
    /// in it needs 13 for each of its pixels, and 64 KiB.
    pub memory_max: usize,
}

/// Why there is no picture. The file is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebpError {
    /// Not a WebP file.
    Signature,
    /// Cut short: it ends before what it says is in it.
    Truncated,
    /// A kind of picture that no specification knows, or an animation without a picture.
    Unsupported,
    /// A side or all pixels exceed the limits.
    TooLarge,
    /// Decoding needs more memory than the limits allow.
    Memory,
    /// The container contradicts itself, or its pictures.
    Container,
    /// The lossless data break their format.
    Lossless,
    /// The lossy data break their format.
    Lossy,
    /// The transparency of a lossy picture breaks its format.
    Alpha,
}

impl fmt::Display for WebpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "not a WebP file",
            Self::Truncated => "the WebP file is cut short",
            Self::Unsupported => "an unknown kind of WebP file",
            Self::TooLarge => "the WebP picture is too large",
            Self::Memory => "the WebP picture needs too much memory",
            Self::Container => "the container of the WebP file contradicts itself",
            Self::Lossless => "the lossless WebP picture is damaged",
            Self::Lossy => "the lossy WebP picture is damaged",
            Self::Alpha => "the transparency of the WebP picture is damaged",
        })
    }
}

impl core::error::Error for WebpError {}

/// A bitmap: rows from the top, pixels from the left, [`PIXEL_LEN`] bytes each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitmap {
    /// Pixels from left to right, 1 to 2^24.
    pub width: usize,
    /// Pixels from top to bottom, 1 to 2^24.
    pub height: usize,
    /// `width * height * PIXEL_LEN` bytes.
    pub rgba: Vec<u8>,
}

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Size {
    /// How many pixels that are, if they are within the limits.
    fn checked(self, limits: &Limits) -> Result<usize, WebpError> {
        let pixels = self.width.checked_mul(self.height).ok_or(WebpError::TooLarge)?;
        let fits = self.width <= limits.side_max && self.height <= limits.side_max;
        if fits && pixels <= limits.pixels_max { Ok(pixels) } else { Err(WebpError::TooLarge) }
    }
}

/// Decodes a file; of an animation its first picture.
///
/// # Errors
/// What is wrong with the file, or which limit it exceeds.
pub fn decode(file: &[u8], limits: &Limits) -> Result<Bitmap, WebpError> {
    let still = container::read(file)?;
    still.canvas.checked(limits)?;
    let pixels = still.size.checked(limits)?;
    let mut budget = Budget::new(limits.memory_max);
    let rgba = match still.stream {
        Stream::Lossless(data) => lossless::decode(data, still.size, &mut budget)?,
        Stream::Lossy { data, alpha } => {
            let alpha = alpha.map(|alpha| alpha::decode(alpha, still.size, &mut budget)).transpose()?;
            lossy::decode(data, still.size, alpha.as_deref(), &mut budget)?
        }
    };
    debug_assert_eq!(rgba.len(), pixels);
    let rgba = placed(&still, rgba, &mut budget)?;
    Ok(Bitmap { width: still.canvas.width, height: still.canvas.height, rgba: rgba.into_flattened() })
}

/// The picture at its place on an empty canvas.
fn placed(still: &Still, rgba: Vec<Pixel>, budget: &mut Budget) -> Result<Vec<Pixel>, WebpError> {
    if still.size == still.canvas {
        return Ok(rgba);
    }
    let canvas = still.canvas;
    let mut all = budget.filled([0; PIXEL_LEN], canvas.width.saturating_mul(canvas.height))?;
    let rows = all.chunks_exact_mut(canvas.width).skip(still.top);
    for (row, pixels) in rows.zip(rgba.chunks_exact(still.size.width)) {
        let place = row.get_mut(still.left..still.left + still.size.width).ok_or(WebpError::Container)?;
        place.copy_from_slice(pixels);
    }
    Ok(all)
}
