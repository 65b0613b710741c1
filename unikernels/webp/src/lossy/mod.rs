//! Lossy pictures: a key frame of VP8. Source: RFC 6386.

mod bools;
mod coefficients;
mod filter;
mod header;
mod modes;
mod plane;
mod predict;
mod residue;
mod rgb;
mod tables;
mod tokens;

use alloc::vec::Vec;

use filter::{Planes, Strength};
use header::Header;
use modes::{Luma, Macroblock, Modes};
use plane::Plane;
use predict::Around;
use tokens::{Block, Tokens};

use crate::budget::Budget;
use crate::{Pixel, Size, WebpError};

/// Pixels of a macroblock's side, of luma and of chroma.
const SIDE: usize = 16;
const CHROMA_SIDE: usize = 8;

/// The channels of a picture: luma, blue-difference, red-difference.
struct Frame {
    luma: Plane,
    chroma: [Plane; 2],
    /// Macroblocks in a row.
    wide: usize,
}

/// Decodes the content of a `VP8 ` chunk, whose header says `size`. `alpha` has a byte for each pixel.
pub(crate) fn decode(
    data: &[u8],
    size: Size,
    alpha: Option<&[u8]>,
    budget: &mut Budget,
) -> Result<Vec<Pixel>, WebpError> {
    let mut header = header::read(data)?;
    let (wide, high) = (size.width.div_ceil(SIDE), size.height.div_ceil(SIDE));
    let luma = Plane::new(wide * SIDE, high * SIDE, budget)?;
    let mut chroma = || Plane::new(wide * CHROMA_SIDE, high * CHROMA_SIDE, budget);
    let mut frame = Frame { luma, chroma: [chroma()?, chroma()?], wide };
    let strengths = macroblocks(&mut header, &mut frame, high, budget)?;
    // Prediction looks at pixels that are not smoothed, so they are when all are there.
    let Frame { luma, chroma: [blue, red], .. } = &mut frame;
    let mut planes = Planes { luma, chroma: [blue, red] };
    for (y, row) in strengths.chunks_exact(wide).enumerate() {
        for (x, strength) in row.iter().enumerate() {
            filter::macroblock(&mut planes, (x, y), header.filter, header.sharpness, *strength);
        }
    }
    let [blue, red] = &frame.chroma;
    rgb::pixels(&frame.luma, [blue, red], alpha, size, budget)
}

/// Decodes all macroblocks. Returns how each is to be smoothed.
fn macroblocks(
    header: &mut Header,
    frame: &mut Frame,
    high: usize,
    budget: &mut Budget,
) -> Result<Vec<Strength>, WebpError> {
    let wide = frame.wide;
    let mut strengths = budget.filled(Strength::default(), wide.saturating_mul(high))?;
    let mut modes = Modes::new(wide, budget)?;
    let mut tokens = Tokens::new(header.coefficients.clone(), wide, budget)?;
    for (y, row) in strengths.chunks_exact_mut(wide).enumerate() {
        modes.begin_row();
        tokens.begin_row();
        for (x, strength) in row.iter_mut().enumerate() {
            let macroblock = modes.read(header, x)?;
            let count = header.partitions.len().max(1);
            let partition = header.partitions.get_mut(y % count).ok_or(WebpError::Lossy)?;
            let steps = header.steps.get(macroblock.segment).ok_or(WebpError::Lossy)?;
            let has_any = tokens.read(partition, &macroblock, steps, x)?;
            if partition.is_cut() {
                return Err(WebpError::Truncated);
            }
            frame.build(&macroblock, &tokens.blocks, (x, y));
            let [of_whole, of_blocks] =
                header.levels.get(macroblock.segment).copied().ok_or(WebpError::Lossy)?;
            let is_whole = matches!(macroblock.luma, Luma::Whole(_));
            *strength =
                Strength { level: if is_whole { of_whole } else { of_blocks }, inner: has_any || !is_whole };
        }
        if header.modes.is_cut() {
            return Err(WebpError::Truncated);
        }
    }
    Ok(strengths)
}

impl Frame {
    /// Predicts a macroblock and adds its differences.
    fn build(&mut self, macroblock: &Macroblock, blocks: &[Block; tokens::BLOCKS], (x, y): (usize, usize)) {
        let around = Around { has_above: y > 0, has_left: x > 0 };
        let place = self.luma.place(x * SIDE, y * SIDE);
        let (of_luma, of_chroma) = blocks.split_at(SIDE);
        match macroblock.luma {
            Luma::Whole(mode) => {
                predict::whole::<SIDE>(&mut self.luma, place, mode, around);
                add(&mut self.luma, place, of_luma, 4);
            }
            Luma::Blocks(modes) => self.build_blocks(&modes, of_luma, (x, y)),
        }
        for (plane, blocks) in self.chroma.iter_mut().zip(of_chroma.chunks_exact(4)) {
            let place = plane.place(x * CHROMA_SIDE, y * CHROMA_SIDE);
            predict::whole::<CHROMA_SIDE>(plane, place, macroblock.chroma, around);
            add(plane, place, blocks, 2);
        }
    }

    /// Predicts each block of luma from those before it.
    fn build_blocks(&mut self, modes: &[u8; 16], blocks: &[Block], (x, y): (usize, usize)) {
        let plane = &mut self.luma;
        let stride = plane.stride();
        let start = plane.place(x * SIDE, y * SIDE);
        // What stands above to the right of the macroblock is above its whole right column too. Beyond the
        // picture it is the last pixel above the macroblock, or what is above the first row.
        let mut beyond: [u8; 4] = plane.above(start + SIDE);
        if x + 1 == self.wide {
            let [.., last]: [u8; SIDE] = plane.above(start);
            beyond = [last; 4];
        }
        for (at, (mode, block)) in modes.iter().zip(blocks).enumerate() {
            let (column, row) = (at % 4, at / 4);
            let place = start + row * 4 * stride + column * 4;
            let above_right = if column == 3 { beyond } else { plane.above(place + 4) };
            predict::block(plane, place, *mode, above_right);
            add(plane, place, core::slice::from_ref(block), 1);
        }
    }
}

/// Adds the differences of blocks, so many a row, from the pixel at `place` on.
fn add(plane: &mut Plane, place: usize, blocks: &[Block], per_row: usize) {
    let stride = plane.stride();
    for (at, block) in blocks.iter().enumerate() {
        if block.iter().any(|value| *value != 0) {
            let place = place + (at / per_row) * 4 * stride + (at % per_row) * 4;
            plane.add(place, &residue::differences(block));
        }
    }
}
