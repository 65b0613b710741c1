//! Coefficients. Source: RFC 6386, section 13.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::bools::Bools;
use super::coefficients::Coefficients;
use super::header::Steps;
use super::modes::{Luma, Macroblock};
use super::residue;
use crate::WebpError;
use crate::budget::Budget;

/// Coefficients of a block of 4 times 4, row by row.
pub(super) type Block = [i16; 16];
/// Blocks of a macroblock: 16 of luma, 4 and 4 of chroma.
pub(super) const BLOCKS: usize = 24;

/// Kinds of blocks, as probabilities are sorted: luma without its first coefficients, these, chroma, luma.
const LUMA_REST: usize = 0;
const LUMA_FIRST: usize = 1;
const CHROMA: usize = 2;
const LUMA: usize = 3;
/// The band of each coefficient in the order they are stored; none has the number behind the last.
const BANDS: [usize; 17] = [0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0];
/// Where each coefficient lies in its block.
const ZIGZAG: [usize; 16] = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15];
/// Probabilities of the bits of a large coefficient, the highest first, and from where it counts.
const LARGE: [(&[u8], i32); 4] = [
    (&[173, 148, 140], 11),
    (&[176, 155, 140, 135], 19),
    (&[180, 157, 141, 134, 130], 35),
    (&[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129], 67),
];

/// Which blocks along an edge have coefficients: four of luma, two and two of chroma, that of first ones.
#[derive(Debug, Clone, Copy, Default)]
struct Edge {
    luma: [bool; 4],
    chroma: [[bool; 2]; 2],
    first: bool,
}

pub(super) struct Tokens {
    probabilities: Box<Coefficients>,
    above: Vec<Edge>,
    left: Edge,
    /// Coefficients of the macroblock that was read last, multiplied by their steps.
    pub(super) blocks: [Block; BLOCKS],
}

impl Tokens {
    pub(super) fn new(
        probabilities: Box<Coefficients>,
        wide: usize,
        budget: &mut Budget,
    ) -> Result<Self, WebpError> {
        let above = budget.filled(Edge::default(), wide)?;
        Ok(Self { probabilities, above, left: Edge::default(), blocks: [[0; 16]; BLOCKS] })
    }

    /// Begins a row of macroblocks.
    pub(super) fn begin_row(&mut self) {
        self.left = Edge::default();
    }

    /// Reads the coefficients of the macroblock at `x` in its row. Returns whether it has any.
    pub(super) fn read(
        &mut self,
        bools: &mut Bools,
        macroblock: &Macroblock,
        steps: &Steps,
        x: usize,
    ) -> Result<bool, WebpError> {
        self.blocks = [[0; 16]; BLOCKS];
        let above = self.above.get_mut(x).ok_or(WebpError::Lossy)?;
        let left = &mut self.left;
        let is_whole = matches!(macroblock.luma, Luma::Whole(_));
        if macroblock.is_empty {
            // A block of first coefficients that is not there says nothing.
            let kept = |edge: &Edge| Edge { first: edge.first && !is_whole, ..Edge::default() };
            (*above, *left) = (kept(above), kept(left));
            return Ok(false);
        }
        let [rest, first, chroma, all] = &*self.probabilities;
        debug_assert_eq!([LUMA_REST, LUMA_FIRST, CHROMA, LUMA], [0, 1, 2, 3]);
        let (luma, colours) = self.blocks.split_at_mut(16);
        let mut any = false;
        if is_whole {
            let mut block = [0; 16];
            let context = usize::from(above.first) + usize::from(left.first);
            let read = read_block(bools, first, context, steps.luma_first, 0, &mut block);
            (above.first, left.first) = (read > 0, read > 0);
            for (block, value) in luma.iter_mut().zip(residue::first(&block)) {
                let [place, ..] = block;
                *place = value;
            }
        }
        let (likely, start) = if is_whole { (rest, 1) } else { (all, 0) };
        for (row, left) in luma.chunks_exact_mut(4).zip(&mut left.luma) {
            for (block, up) in row.iter_mut().zip(&mut above.luma) {
                let context = usize::from(*up) + usize::from(*left);
                let read = read_block(bools, likely, context, steps.luma, start, block);
                (*up, *left) = (read > start, read > start);
                any |= has_any(block, read);
            }
        }
        for ((plane, left), up) in colours.chunks_exact_mut(4).zip(&mut left.chroma).zip(&mut above.chroma) {
            for (row, left) in plane.chunks_exact_mut(2).zip(left) {
                for (block, up) in row.iter_mut().zip(up.iter_mut()) {
                    let context = usize::from(*up) + usize::from(*left);
                    let read = read_block(bools, chroma, context, steps.chroma, 0, block);
                    (*up, *left) = (read > 0, read > 0);
                    any |= has_any(block, read);
                }
            }
        }
        Ok(any)
    }
}

/// A block counts as one with coefficients when more than the first was read, or the first is not zero.
fn has_any([first, ..]: &Block, read: usize) -> bool {
    read > 1 || *first != 0
}

/// Reads a block from coefficient `start` on. Returns how many it has, the zeros in between included.
fn read_block(
    bools: &mut Bools,
    probabilities: &[[[u8; 11]; 3]; 8],
    context: usize,
    [step_first, step_rest]: [i32; 2],
    start: usize,
    block: &mut Block,
) -> usize {
    let likely = |at: usize, context: usize| {
        let band = BANDS.get(at).copied().unwrap_or(0);
        probabilities.get(band).and_then(|band| band.get(context)).unwrap_or(&[128; 11])
    };
    let mut at = start;
    let mut now = likely(at, context);
    while at < ZIGZAG.len() {
        let [more, ..] = *now;
        if !bools.read(more) {
            return at;
        }
        loop {
            let [_, nonzero, ..] = *now;
            if bools.read(nonzero) {
                break;
            }
            at += 1;
            if at == ZIGZAG.len() {
                return at;
            }
            now = likely(at, 0);
        }
        let [_, _, above_one, ..] = *now;
        let (value, context) = if bools.read(above_one) { (read_value(bools, now), 2) } else { (1, 1) };
        let value = if bools.flag() { -value } else { value };
        let step = if at == 0 { step_first } else { step_rest };
        if let Some(place) = ZIGZAG.get(at).and_then(|place| block.get_mut(*place)) {
            *place = wrapped(value * step);
        }
        at += 1;
        now = likely(at, context);
    }
    at
}

/// A coefficient above 1.
fn read_value(bools: &mut Bools, likely: &[u8; 11]) -> i32 {
    let [_, _, _, above_four, above_two, four, above_ten, six, large, eleven, thirty_five] = *likely;
    if !bools.read(above_four) {
        return if bools.read(above_two) { 3 + i32::from(bools.read(four)) } else { 2 };
    }
    if !bools.read(above_ten) {
        return if bools.read(six) {
            7 + 2 * i32::from(bools.read(165)) + i32::from(bools.read(145))
        } else {
            5 + i32::from(bools.read(159))
        };
    }
    let is_larger = bools.read(large);
    let is_odd = bools.read(if is_larger { thirty_five } else { eleven });
    let (bits, base) =
        LARGE.get(usize::from(is_larger) * 2 + usize::from(is_odd)).copied().unwrap_or((&[], 0));
    base + bits.iter().fold(0, |value, likely| value * 2 + i32::from(bools.read(*likely)))
}

/// The low half: what an encoder writes is never larger.
#[expect(clippy::cast_possible_truncation, reason = "as other decoders do, for coefficients out of range")]
pub(super) fn wrapped(value: i32) -> i16 {
    value as i16
}
