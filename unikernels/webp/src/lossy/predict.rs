//! Blocks predicted from the pixels around them. Source: RFC 6386, section 12.

use super::modes::{BLOCK_MEAN, BLOCK_MOTION, BlockMode, Mode};
use super::plane::{Plane, clamped};

/// What is predicted when nothing stands around.
const GREY: u8 = 128;
/// Added to an entry of [`DIRECTIONS`] that is a mean of three.
const THREE: u8 = 16;
/// Pixels along the edge of a block: from below left over the corner to above right, the first and the last
/// twice.
const EDGE_LEN: usize = 15;
/// The first mode that looks in a direction.
const DIRECTION_FIRST: BlockMode = 2;
/// For each direction (section 12.3) and each pixel the mean that is predicted: of the pixel of the edge with
/// this number and the next, or around the one with this number plus [`THREE`].
static DIRECTIONS: [[u8; 16]; 8] = [
    // Up.
    [22, 23, 24, 25, 22, 23, 24, 25, 22, 23, 24, 25, 22, 23, 24, 25],
    // Left.
    [20, 20, 20, 20, 19, 19, 19, 19, 18, 18, 18, 18, 17, 17, 17, 17],
    // Left and down.
    [23, 24, 25, 26, 24, 25, 26, 27, 25, 26, 27, 28, 26, 27, 28, 29],
    // Right and down.
    [21, 22, 23, 24, 20, 21, 22, 23, 19, 20, 21, 22, 18, 19, 20, 21],
    // Down, a little to the right.
    [5, 6, 7, 8, 21, 22, 23, 24, 20, 5, 6, 7, 19, 21, 22, 23],
    // Down, a little to the left.
    [6, 7, 8, 9, 23, 24, 25, 26, 7, 8, 9, 27, 24, 25, 26, 28],
    // Right, a little down.
    [4, 21, 22, 23, 3, 20, 4, 21, 2, 19, 3, 20, 1, 18, 2, 19],
    // Right, a little up.
    [3, 19, 2, 18, 2, 18, 1, 17, 1, 17, 0, 0, 0, 0, 0, 0],
];

/// What stands around a macroblock: that beyond the picture does not count for a mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    pub(super) has_above: bool,
    pub(super) has_left: bool,
}

/// Predicts a macroblock, or its chroma, with sides of `LEN` pixels.
pub(super) fn whole<const LEN: usize>(plane: &mut Plane, place: usize, mode: Mode, around: Around) {
    let (above, left): ([u8; LEN], [u8; LEN]) = (plane.above(place), plane.left(place));
    match mode {
        Mode::Mean => {
            let sum = |pixels: &[u8]| pixels.iter().map(|pixel| usize::from(*pixel)).sum::<usize>();
            let mean = match (around.has_above, around.has_left) {
                (true, true) => rounded(sum(&above) + sum(&left), LEN * 2),
                (true, false) => rounded(sum(&above), LEN),
                (false, true) => rounded(sum(&left), LEN),
                (false, false) => GREY,
            };
            plane.rows::<LEN>(place).for_each(|row| row.fill(mean));
        }
        Mode::Vertical => plane.rows::<LEN>(place).for_each(|row| *row = above),
        Mode::Horizontal => plane.rows::<LEN>(place).zip(left).for_each(|(row, pixel)| row.fill(pixel)),
        Mode::Motion => motion(plane, place, &above, &left),
    }
}

/// The mean of so many pixels, an even number, rounded to the nearest.
fn rounded(sum: usize, count: usize) -> u8 {
    u8::try_from((sum + count / 2) / count).unwrap_or(u8::MAX)
}

fn motion<const LEN: usize>(plane: &mut Plane, place: usize, above: &[u8; LEN], left: &[u8; LEN]) {
    let corner = i32::from(plane.corner(place));
    for (row, left) in plane.rows::<LEN>(place).zip(left) {
        for (pixel, above) in row.iter_mut().zip(above) {
            *pixel = clamped(i32::from(*left) + i32::from(*above) - corner);
        }
    }
}

/// Predicts a block of 4 times 4, of which `above_right` stands above to the right.
pub(super) fn block(plane: &mut Plane, place: usize, mode: BlockMode, above_right: [u8; 4]) {
    let (above, left): ([u8; 4], [u8; 4]) = (plane.above(place), plane.left(place));
    if mode == BLOCK_MEAN {
        let sum = above.iter().chain(&left).map(|pixel| usize::from(*pixel)).sum();
        let mean = rounded(sum, 8);
        plane.rows::<4>(place).for_each(|row| row.fill(mean));
        return;
    }
    if mode == BLOCK_MOTION {
        motion(plane, place, &above, &left);
        return;
    }
    let corner = plane.corner(place);
    let ([a, b, c, d], [e, f, g, h], [i, j, k, l]) = (above, above_right, left);
    let edge: [u8; EDGE_LEN] = [l, l, k, j, i, corner, a, b, c, d, e, f, g, h, h];
    let mut means = [0; 2 * THREE as usize];
    let (twos, threes) = means.split_at_mut(usize::from(THREE));
    for (mean, pair) in twos.iter_mut().zip(edge.array_windows()) {
        let [first, second] = pair.map(u16::from);
        *mean = low((first + second).div_ceil(2));
    }
    // The first three pixels are around the second.
    for (mean, triple) in threes.iter_mut().skip(1).zip(edge.array_windows()) {
        let [first, second, third] = triple.map(u16::from);
        *mean = low((first + 2 * second + third + 2) / 4);
    }
    let direction = mode.checked_sub(DIRECTION_FIRST).and_then(|at| DIRECTIONS.get(usize::from(at)));
    let entries = direction.map_or(&[][..], |direction| direction.as_chunks::<4>().0);
    for (row, entries) in plane.rows::<4>(place).zip(entries) {
        for (pixel, entry) in row.iter_mut().zip(entries) {
            *pixel = means.get(usize::from(*entry)).copied().unwrap_or(GREY);
        }
    }
}

/// A mean of bytes, which is one.
fn low(mean: u16) -> u8 {
    u8::try_from(mean).unwrap_or(u8::MAX)
}
