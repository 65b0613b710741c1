//! What was done to a picture to make it compress better, and undoing it. Source: RFC 9649, section 3.5.

use alloc::vec::Vec;

use super::bits::Bits;
use super::{pixels, predict, tiles};
use crate::budget::Budget;
use crate::{PIXEL_LEN, Pixel, Size, WebpError};

/// A small picture that says what was done to each area of the large one.
pub(crate) struct Plan {
    pub(crate) tiles: Vec<Pixel>,
    pub(crate) tiles_wide: usize,
    /// Each area has two to this power of pixels on a side.
    pub(crate) bits: u32,
}

pub(crate) enum Transform {
    /// Of each pixel what its neighbours predict was taken away.
    Predictor(Plan),
    /// Of red and blue a part of the other colours was taken away.
    Colour(Plan),
    /// Of red and blue the green was taken away.
    Green,
    /// The green of each pixel is a place in this table; small ones share a pixel, `1 << bits` at a time.
    Table { colours: Vec<Pixel>, bits: u32 },
}

impl Transform {
    /// Reads one, and makes `stored` the size of the picture before it was done.
    pub(crate) fn read(bits: &mut Bits, stored: &mut Size, budget: &mut Budget) -> Result<Self, WebpError> {
        Ok(match bits.read(2)? {
            0 => Self::Predictor(plan(bits, *stored, budget)?),
            1 => Self::Colour(plan(bits, *stored, budget)?),
            2 => Self::Green,
            _ => {
                let len = bits.count(8)? + 1;
                let mut colours = pixels::read_part(bits, Size { width: len, height: 1 }, budget)?;
                let mut before = [0; PIXEL_LEN];
                for colour in &mut colours {
                    *colour = sum(*colour, before);
                    before = *colour;
                }
                let shared = match len {
                    ..=2 => 3,
                    3..=4 => 2,
                    5..=16 => 1,
                    _ => 0,
                };
                stored.width = tiles(*stored, shared).width;
                Self::Table { colours, bits: shared }
            }
        })
    }

    /// The number by which it is known in the data.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Predictor(_) => 0,
            Self::Colour(_) => 1,
            Self::Green => 2,
            Self::Table { .. } => 3,
        }
    }

    /// Undoes it. `stored` is the size of `pixels`, and becomes that of the result.
    pub(crate) fn undo(
        &self,
        mut pixels: Vec<Pixel>,
        stored: &mut Size,
        full: Size,
        budget: &mut Budget,
    ) -> Result<Vec<Pixel>, WebpError> {
        match self {
            Self::Predictor(plan) => predict::undo(&mut pixels, stored.width, plan),
            Self::Colour(plan) => undo_colour(&mut pixels, stored.width, plan),
            Self::Green => {
                for [red, green, blue, _] in &mut pixels {
                    *red = red.wrapping_add(*green);
                    *blue = blue.wrapping_add(*green);
                }
            }
            // A place beyond the table is transparent black.
            Self::Table { colours, bits: 0 } => {
                for pixel in &mut pixels {
                    let [_, green, ..] = *pixel;
                    *pixel = colours.get(usize::from(green)).copied().unwrap_or_default();
                }
            }
            Self::Table { colours, bits } => {
                let packed = stored.width;
                stored.width = full.width;
                return spread(&pixels, packed, *stored, colours, *bits, budget);
            }
        }
        Ok(pixels)
    }
}

fn plan(bits: &mut Bits, size: Size, budget: &mut Budget) -> Result<Plan, WebpError> {
    let tile_bits = 2 + bits.read(3)?;
    let parts = tiles(size, tile_bits);
    Ok(Plan { tiles: pixels::read_part(bits, parts, budget)?, tiles_wide: parts.width, bits: tile_bits })
}

impl Plan {
    /// The pixels of the plan for a row of the picture.
    pub(crate) fn row(&self, y: usize) -> &[Pixel] {
        let start = (y >> self.bits) * self.tiles_wide;
        self.tiles.get(start..start + self.tiles_wide).unwrap_or(&[])
    }
}

/// Puts the colours of pixels that are `width` times their size, `1 << bits` places of the table each.
fn spread(
    packed: &[Pixel],
    packed_width: usize,
    size: Size,
    colours: &[Pixel],
    bits: u32,
    budget: &mut Budget,
) -> Result<Vec<Pixel>, WebpError> {
    let count = size.width.saturating_mul(size.height);
    budget.take::<Pixel>(count)?;
    let mut out = Vec::with_capacity(count);
    // Of 2, 4 or 8 places a pixel, each has 4, 2 or 1 bits of the green, the lowest first.
    let place_bits = 8 >> bits;
    let mask = (1usize << place_bits) - 1;
    for row in packed.chunks_exact(packed_width) {
        let places = row.iter().flat_map(|[_, green, ..]| {
            let green = usize::from(*green);
            (0..1u32 << bits).map(move |at| (green >> (at * place_bits)) & mask)
        });
        out.extend(places.take(size.width).map(|place| colours.get(place).copied().unwrap_or_default()));
    }
    Ok(out)
}

fn undo_colour(pixels: &mut [Pixel], width: usize, plan: &Plan) {
    for (y, row) in pixels.chunks_exact_mut(width).enumerate() {
        let areas = row.chunks_mut(1 << plan.bits);
        for (area, [red_to_blue, green_to_blue, green_to_red, _]) in areas.zip(plan.row(y)) {
            for [red, green, blue, _] in area {
                *red = red.wrapping_add(share(*green_to_red, *green));
                *blue = blue.wrapping_add(share(*green_to_blue, *green));
                *blue = blue.wrapping_add(share(*red_to_blue, *red));
            }
        }
    }
}

/// A part of a colour: both are signed, and 32 is the whole (section 3.5.2).
fn share(part: u8, colour: u8) -> u8 {
    let [low, _] = ((i16::from(part.cast_signed()) * i16::from(colour.cast_signed())) >> 5).to_le_bytes();
    low
}

/// The sum of each channel, without a carry.
#[inline]
pub(crate) fn sum(left: Pixel, right: Pixel) -> Pixel {
    let ([a, b, c, d], [e, f, g, h]) = (left, right);
    [a.wrapping_add(e), b.wrapping_add(f), c.wrapping_add(g), d.wrapping_add(h)]
}
