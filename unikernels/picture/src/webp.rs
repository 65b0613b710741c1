//! WebP by `unikernels-webp`, within the same limits.

use unikernels_webp::WebpError;

use crate::{Limits, Picture, PictureError};

/// Bytes of memory for each pixel that the limits allow, and for what does not grow with them.
const PIXEL_COST: usize = 16;
const BASE_COST: usize = 256 * 1024;

pub(crate) fn decode(file: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let why = |error: WebpError| match error {
        WebpError::TooLarge | WebpError::Memory => PictureError::TooLarge,
        WebpError::Unsupported => PictureError::Unsupported,
        _ => PictureError::Damaged,
    };
    let memory_max = limits.pixels_max.saturating_mul(PIXEL_COST).saturating_add(BASE_COST);
    let Limits { side_max, pixels_max } = *limits;
    let bitmap = unikernels_webp::decode(file, &unikernels_webp::Limits { side_max, pixels_max, memory_max })
        .map_err(why)?;
    Picture::new(bitmap.width, bitmap.height, bitmap.rgba, limits)
}
