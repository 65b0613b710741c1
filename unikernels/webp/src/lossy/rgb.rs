//! Luma and chroma as pixels. Chroma is scaled up as libwebp does by default: a pixel takes nine parts of the
//! nearest value, three of each of the two next, and one of the fourth, and those at the edge are repeated.
//! The colours are of BT.601 with luma from 16 to 235, in libwebp's fixed-point numbers.

use alloc::vec::Vec;

use super::plane::{Plane, clamped};
use crate::budget::Budget;
use crate::{Pixel, Size, WebpError};

/// Parts of 2^14: of luma in all colours, of red-difference in red and green, of blue-difference in green and
/// blue.
const LUMA: i32 = 19_077;
const RED: i32 = 26_149;
const GREEN_RED: i32 = 13_320;
const GREEN_BLUE: i32 = 6_419;
const BLUE: i32 = 33_050;
/// What zero stands for, in parts of 64, with the half that rounds.
const RED_OFFSET: i32 = -14_234;
const GREEN_OFFSET: i32 = 8_708;
const BLUE_OFFSET: i32 = -17_685;

/// The pixels of a picture of this size; opaque ones if there is no `alpha`.
pub(super) fn pixels(
    luma: &Plane,
    [blue_difference, red_difference]: [&Plane; 2],
    alpha: Option<&[u8]>,
    size: Size,
    budget: &mut Budget,
) -> Result<Vec<Pixel>, WebpError> {
    let mut pixels = budget.filled([u8::MAX; 4], size.width.saturating_mul(size.height))?;
    let (mut us, mut vs) = (budget.filled(0, size.width + 1)?, budget.filled(0, size.width + 1)?);
    let (chroma_width, chroma_height) = (size.width.div_ceil(2), size.height.div_ceil(2));
    for (y, row) in pixels.chunks_exact_mut(size.width).enumerate() {
        let nearest = y / 2;
        let next = if y % 2 == 0 { nearest.saturating_sub(1) } else { (nearest + 1).min(chroma_height - 1) };
        for (plane, out) in [(blue_difference, &mut us), (red_difference, &mut vs)] {
            widen(plane.row(nearest, chroma_width), plane.row(next, chroma_width), out);
        }
        let colours = luma.row(y, size.width).iter().zip(&us).zip(&vs);
        for (pixel, ((y, u), v)) in row.iter_mut().zip(colours) {
            let [red, green, blue] = colour(*y, *u, *v);
            *pixel = [red, green, blue, u8::MAX];
        }
    }
    if let Some(alpha) = alpha {
        for ([.., place], alpha) in pixels.iter_mut().zip(alpha) {
            *place = *alpha;
        }
    }
    Ok(pixels)
}

/// A row twice as wide, between the nearest row of chroma and the next one. `out` has one value more than the
/// picture is wide, so that they come in pairs.
fn widen(nearest: &[u8], next: &[u8], out: &mut [u8]) {
    let mixed = |at: usize| {
        let value = |row: &[u8]| row.get(at).copied().map(u16::from);
        value(nearest).zip(value(next)).map(|(nearest, next)| 3 * nearest + next)
    };
    let between = |near: u16, far: u16| u8::try_from((3 * near + far + 8) >> 4).unwrap_or(u8::MAX);
    let Some(mut before) = mixed(0) else { return };
    let Some((first, rest)) = out.split_first_mut() else { return };
    *first = between(before, before);
    for (pair, at) in rest.chunks_mut(2).zip(1..) {
        let now = mixed(at).unwrap_or(before);
        for (place, value) in pair.iter_mut().zip([between(before, now), between(now, before)]) {
            *place = value;
        }
        before = now;
    }
}

#[inline]
fn colour(y: u8, u: u8, v: u8) -> [u8; 3] {
    let part = |value: u8, of: i32| (i32::from(value) * of) >> 8;
    let y = part(y, LUMA);
    [
        y + part(v, RED) + RED_OFFSET,
        y - part(u, GREEN_BLUE) - part(v, GREEN_RED) + GREEN_OFFSET,
        y + part(u, BLUE) + BLUE_OFFSET,
    ]
    .map(|value| clamped(value >> 6))
}
