//! How each macroblock is predicted. Source: RFC 6386, sections 10 and 11.

use alloc::vec::Vec;

use super::bools::Bools;
use super::header::Header;
use super::tables::MODES;
use crate::WebpError;
use crate::budget::Budget;

/// How a whole macroblock, or its chroma, is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Mean,
    Vertical,
    Horizontal,
    /// Left and up, less the corner.
    Motion,
}

/// How a block of 4 times 4 is predicted: its number in section 8 of the tables of probabilities.
pub(super) type BlockMode = u8;
pub(super) const BLOCK_MEAN: BlockMode = 0;
pub(super) const BLOCK_MOTION: BlockMode = 1;
pub(super) const BLOCK_VERTICAL: BlockMode = 2;
pub(super) const BLOCK_HORIZONTAL: BlockMode = 3;

/// How luma is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Luma {
    Whole(Mode),
    Blocks([BlockMode; 16]),
}

/// A macroblock without its coefficients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Macroblock {
    pub(super) segment: usize,
    /// It has no coefficients.
    pub(super) is_empty: bool,
    pub(super) luma: Luma,
    pub(super) chroma: Mode,
}

/// The modes of blocks above and to the left, which say how likely a mode is.
pub(super) struct Modes {
    above: Vec<[BlockMode; 4]>,
    left: [BlockMode; 4],
}

impl Modes {
    pub(super) fn new(wide: usize, budget: &mut Budget) -> Result<Self, WebpError> {
        Ok(Self { above: budget.filled([BLOCK_MEAN; 4], wide)?, left: [BLOCK_MEAN; 4] })
    }

    /// Begins a row of macroblocks.
    pub(super) fn begin_row(&mut self) {
        self.left = [BLOCK_MEAN; 4];
    }

    /// Reads the next macroblock, the one at `x` in its row.
    pub(super) fn read(&mut self, header: &mut Header, x: usize) -> Result<Macroblock, WebpError> {
        let bools = &mut header.modes;
        let segment = match header.map {
            Some([first, low, high]) => {
                let is_high = bools.read(first);
                let is_odd = bools.read(if is_high { high } else { low });
                usize::from(is_high) * 2 + usize::from(is_odd)
            }
            None => 0,
        };
        let is_empty = header.skip.is_some_and(|probability| bools.read(probability));
        let above = self.above.get_mut(x).ok_or(WebpError::Lossy)?;
        let luma = if bools.read(145) {
            let mode = if bools.read(156) {
                if bools.read(128) { Mode::Motion } else { Mode::Horizontal }
            } else if bools.read(163) {
                Mode::Vertical
            } else {
                Mode::Mean
            };
            let block = match mode {
                Mode::Mean => BLOCK_MEAN,
                Mode::Vertical => BLOCK_VERTICAL,
                Mode::Horizontal => BLOCK_HORIZONTAL,
                Mode::Motion => BLOCK_MOTION,
            };
            *above = [block; 4];
            self.left = [block; 4];
            Luma::Whole(mode)
        } else {
            let mut modes = [BLOCK_MEAN; 16];
            for (row, left) in modes.as_chunks_mut::<4>().0.iter_mut().zip(&mut self.left) {
                for (mode, up) in row.iter_mut().zip(above.iter_mut()) {
                    *mode = read_block(bools, *up, *left);
                    (*up, *left) = (*mode, *mode);
                }
            }
            Luma::Blocks(modes)
        };
        let chroma = match bools.read(142) {
            false => Mode::Mean,
            true if !bools.read(114) => Mode::Vertical,
            true if bools.read(183) => Mode::Motion,
            true => Mode::Horizontal,
        };
        Ok(Macroblock { segment, is_empty, luma, chroma })
    }
}

/// The mode of a block (section 11.2), between those above it and to its left.
fn read_block(bools: &mut Bools, up: BlockMode, left: BlockMode) -> BlockMode {
    let likely = MODES.get(usize::from(up)).and_then(|row| row.get(usize::from(left)));
    let [mean, motion, vertical, left_down, horizontal, right, down, left_, horizontal_] =
        likely.copied().unwrap_or([128; 9]);
    if !bools.read(mean) {
        BLOCK_MEAN
    } else if !bools.read(motion) {
        BLOCK_MOTION
    } else if !bools.read(vertical) {
        BLOCK_VERTICAL
    } else if !bools.read(left_down) {
        if !bools.read(horizontal) { BLOCK_HORIZONTAL } else { 5 + u8::from(bools.read(right)) }
    } else if !bools.read(down) {
        4
    } else if !bools.read(left_) {
        7
    } else {
        8 + u8::from(bools.read(horizontal_))
    }
}
