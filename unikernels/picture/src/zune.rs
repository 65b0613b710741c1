//! PNG and JPEG by the decoders of zune-image. Each reads the header, is asked for the size, and goes on only
//! when that is within the limits.

use alloc::vec::Vec;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_png::PngDecoder;

use crate::{Limits, PIXEL_LEN, Picture, PictureError};

/// Most scans of a progressive JPEG: each goes over the whole picture, and a file can have one every few
/// bytes. Encoders make about ten.
const SCANS_MAX: usize = 32;

/// Without intrinsics, and so without unsafe code.
fn options(limits: &Limits) -> DecoderOptions {
    DecoderOptions::new_safe()
        .set_max_width(limits.side_max)
        .set_max_height(limits.side_max)
        .jpeg_set_max_scans(SCANS_MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGBA)
        .png_set_strip_to_8bit(true)
        .png_set_confirm_crc(true)
        .inflate_set_confirm_adler(true)
}

pub(crate) fn png(file: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let damaged = |_| PictureError::Damaged;
    let (width, height) = png_size(file).ok_or(PictureError::Damaged)?;
    limits.pixels(width, height)?;
    let mut decoder = PngDecoder::new_with_options(ZCursor::new(file), options(limits));
    decoder.decode_headers().map_err(damaged)?;
    // The first picture of an animation may be smaller than the whole.
    let frame = decoder.frame_info().ok_or(PictureError::Damaged)?;
    if (frame.width, frame.height) != (width, height) {
        return Err(PictureError::Unsupported);
    }
    let pixels = decoder.decode_raw().map_err(damaged)?;
    let space = decoder.colorspace().ok_or(PictureError::Damaged)?;
    picture(width, height, pixels, space, limits)
}

/// The size that a PNG's first chunk says, which has a fixed place.
fn png_size(file: &[u8]) -> Option<(usize, usize)> {
    let header = file.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")?;
    let (width, rest) = header.split_first_chunk::<4>()?;
    let (height, _) = rest.split_first_chunk::<4>()?;
    let size = |bytes: &[u8; 4]| usize::try_from(u32::from_be_bytes(*bytes)).ok();
    Some((size(width)?, size(height)?))
}

pub(crate) fn jpeg(file: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let why = |error: DecodeErrors| match error {
        DecodeErrors::Unsupported(_) => PictureError::Unsupported,
        DecodeErrors::ZeroError => PictureError::Empty,
        _ => PictureError::Damaged,
    };
    // Sides have 16 bits, and nothing is allocated before they are checked below.
    let options = options(limits).set_max_width(u16::MAX.into()).set_max_height(u16::MAX.into());
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(why)?;
    let info = decoder.info().ok_or(PictureError::Damaged)?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    limits.pixels(width, height)?;
    let pixels = decoder.decode().map_err(why)?;
    let space = decoder.output_colorspace().ok_or(PictureError::Damaged)?;
    picture(width, height, pixels, space, limits)
}

/// The bitmap of what a decoder gave.
fn picture(
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    space: ColorSpace,
    limits: &Limits,
) -> Result<Picture, PictureError> {
    let room = limits.pixels(width, height)?.saturating_mul(PIXEL_LEN);
    let rgba = match space {
        ColorSpace::RGBA => pixels,
        ColorSpace::RGB => spread(&pixels, room, |[red, green, blue]| [red, green, blue, 255]),
        ColorSpace::LumaA => spread(&pixels, room, |[grey, alpha]| [grey, grey, grey, alpha]),
        ColorSpace::Luma => spread(&pixels, room, |[grey]| [grey, grey, grey, 255]),
        _ => return Err(PictureError::Unsupported),
    };
    Picture::new(width, height, rgba, limits)
}

fn spread<const LEN: usize>(
    pixels: &[u8],
    room: usize,
    rgba: impl Fn([u8; LEN]) -> [u8; PIXEL_LEN],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(room);
    let (chunks, _) = pixels.as_chunks::<LEN>();
    chunks.iter().for_each(|pixel| out.extend_from_slice(&rgba(*pixel)));
    out
}
