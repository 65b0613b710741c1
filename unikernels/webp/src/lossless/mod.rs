//! Lossless pictures. Source: RFC 9649, section 3.

mod bits;
mod code;
mod pixels;
mod predict;
mod transform;

use alloc::vec::Vec;

use bits::Bits;
use transform::Transform;

use crate::budget::Budget;
use crate::{Pixel, Size, WebpError};

/// Symbols that are the value of a channel.
const LITERALS: usize = 256;
/// Most bits of the number of a place in the cache of colours.
const CACHE_BITS_MAX: u32 = 11;
/// Most symbols of a code: literals, lengths, places of the cache.
const ALPHABET_MAX: usize = LITERALS + 24 + (1 << CACHE_BITS_MAX);
/// Bits before the transforms: signature, two sides, a hint, a version. The container has read them.
const HEADER_BITS: [u32; 2] = [20, 20];
/// Transforms there are, each at most once.
const TRANSFORMS: usize = 4;

/// Decodes the content of a `VP8L` chunk.
pub(crate) fn decode(data: &[u8], size: Size, budget: &mut Budget) -> Result<Vec<Pixel>, WebpError> {
    let mut bits = Bits::new(data);
    for count in HEADER_BITS {
        bits.read(count)?;
    }
    image(&mut bits, size, budget)
}

/// Decodes a picture without header, as transparency is stored.
pub(crate) fn decode_bare(data: &[u8], size: Size, budget: &mut Budget) -> Result<Vec<Pixel>, WebpError> {
    image(&mut Bits::new(data), size, budget)
}

fn image(bits: &mut Bits, size: Size, budget: &mut Budget) -> Result<Vec<Pixel>, WebpError> {
    let mut transforms: Vec<Transform> = Vec::with_capacity(TRANSFORMS);
    let mut stored = size;
    while bits.is_set()? {
        let transform = Transform::read(bits, &mut stored, budget)?;
        if transforms.iter().any(|before| before.kind() == transform.kind()) {
            return Err(WebpError::Lossless);
        }
        transforms.push(transform);
    }
    let mut pixels = pixels::read_whole(bits, stored, budget)?;
    for transform in transforms.iter().rev() {
        pixels = transform.undo(pixels, &mut stored, size, budget)?;
    }
    Ok(pixels)
}

/// How many areas of `1 << bits` pixels a side cover a picture.
fn tiles(size: Size, bits: u32) -> Size {
    let side = |side: usize| (side + (1 << bits) - 1) >> bits;
    Size { width: side(size.width), height: side(size.height) }
}
