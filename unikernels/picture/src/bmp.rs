//! BMP: `tinybmp` reads header and rows; colours are made of its numbers here. Refused are masks other than
//! those of 15, 16 and 24 bits, an alpha channel among them, and runs: of two libraries each gets these
//! wrong.

use alloc::vec;

use embedded_graphics_core::pixelcolor::RgbColor as _;
use tinybmp::{ChannelMasks, CompressionMethod, ParseError, RawBmp};

use crate::{Limits, PIXEL_LEN, Picture, PictureError};

pub(crate) fn decode(file: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let why = |error: ParseError| match error {
        ParseError::UnsupportedBpp(_)
        | ParseError::UnsupportedCompressionMethod(_)
        | ParseError::UnsupportedHeaderLength(_)
        | ParseError::UnsupportedChannelMasks => PictureError::Unsupported,
        _ => PictureError::Damaged,
    };
    // It borrows the file and allocates nothing.
    let file = RawBmp::from_slice(file).map_err(why)?;
    let header = file.header();
    if matches!(header.compression_method, CompressionMethod::Rle8 | CompressionMethod::Rle4) {
        return Err(PictureError::Unsupported);
    }
    let size = |side: u32| usize::try_from(side).map_err(|_| PictureError::TooLarge);
    let (width, height) = (size(header.image_size.width)?, size(header.image_size.height)?);
    let mut rgba = vec![0; limits.pixels(width, height)?.saturating_mul(PIXEL_LEN)];
    let masks = header.channel_masks.unwrap_or(if header.bpp.bits() == 16 {
        ChannelMasks::RGB555
    } else {
        ChannelMasks::RGB888
    });
    // The numbers come row by row from the top, however they are stored.
    let mut numbers = file.colors();
    for row in rgba.chunks_exact_mut(width.saturating_mul(PIXEL_LEN)) {
        for (pixel, number) in row.chunks_exact_mut(PIXEL_LEN).zip(numbers.by_ref()) {
            let [red, green, blue] = match file.color_table() {
                // A number beyond the table is black, as elsewhere.
                Some(table) => {
                    table.get(number).map_or([0; 3], |colour| [colour.r(), colour.g(), colour.b()])
                }
                None => [masks.red, masks.green, masks.blue].map(|mask| channel(number, mask)),
            };
            pixel.copy_from_slice(&[red, green, blue, u8::MAX]);
        }
    }
    Picture::new(width, height, rgba, limits)
}

/// The bits of `mask` as a number from 0 to 255.
fn channel(number: u32, mask: u32) -> u8 {
    let shift = mask.trailing_zeros().min(31);
    let (value, max) = (u64::from((number & mask) >> shift), u64::from(mask >> shift));
    // Rounded to the nearest.
    u8::try_from((value * 255 + max / 2) / max.max(1)).unwrap_or(u8::MAX)
}
