//! Pixels predicted from those before them. Source: RFC 9649, section 3.5.1.

use super::transform::{Plan, sum};
use crate::Pixel;

/// What is predicted for the first pixel, and by modes that have no other meaning.
const BLACK: Pixel = [0, 0, 0, 255];

/// The pixels around one: to its left, above, above to the left, above to the right.
#[derive(Clone, Copy)]
struct Around {
    left: Pixel,
    up: Pixel,
    up_left: Pixel,
    up_right: Pixel,
}

/// Adds what is predicted to each pixel.
pub(crate) fn undo(pixels: &mut [Pixel], width: usize, plan: &Plan) {
    // The first row is predicted from the left.
    let mut before = BLACK;
    for pixel in pixels.iter_mut().take(width) {
        *pixel = sum(*pixel, before);
        before = *pixel;
    }
    let mut rest = pixels;
    let mut y = 1;
    // The row above, and the rest of the picture from this row on.
    while let Some((above, rows)) = rest.split_at_mut_checked(width)
        && let Some((row, _)) = rows.split_at_mut_checked(width)
        && width > 0
    {
        undo_row(above, row, plan.row(y), plan.bits);
        rest = rows;
        y += 1;
    }
}

fn undo_row(above: &[Pixel], row: &mut [Pixel], modes: &[Pixel], bits: u32) {
    let mut up = above.iter();
    let Some(first_up) = up.next() else { return };
    // The last pixel has the first of its own row for the one above to the right.
    let mut first = [0; 4];
    let (mut left, mut up_left, mut x) = (*first_up, *first_up, 0usize);
    let mut up_now = *first_up;
    let last = row.len() - 1;
    for (pixel, x_next) in row.iter_mut().zip(1..) {
        let up_right = if x < last { up.next().copied().unwrap_or_default() } else { first };
        let predicted = if x == 0 {
            up_now
        } else {
            let [_, mode, ..] = modes.get(x >> bits).copied().unwrap_or_default();
            predict(mode & 15, Around { left, up: up_now, up_left, up_right })
        };
        *pixel = sum(*pixel, predicted);
        if x == 0 {
            first = *pixel;
        }
        left = *pixel;
        up_left = up_now;
        up_now = up_right;
        x = x_next;
    }
}

#[inline]
fn predict(mode: u8, around: Around) -> Pixel {
    let Around { left, up, up_left, up_right } = around;
    match mode {
        1 => left,
        2 => up,
        3 => up_right,
        4 => up_left,
        5 => mean(mean(left, up_right), up),
        6 => mean(left, up_left),
        7 => mean(left, up),
        8 => mean(up_left, up),
        9 => mean(up, up_right),
        10 => mean(mean(left, up_left), mean(up, up_right)),
        11 => select(left, up, up_left),
        12 => full(left, up, up_left),
        13 => half(mean(left, up), up_left),
        _ => BLACK,
    }
}

/// Each channel of two or three pixels through `change`.
#[inline]
fn each(a: Pixel, b: Pixel, c: Pixel, change: impl Fn(u8, u8, u8) -> u8) -> Pixel {
    let ([a, b, c, d], [e, f, g, h], [i, j, k, l]) = (a, b, c);
    [change(a, e, i), change(b, f, j), change(c, g, k), change(d, h, l)]
}

#[inline]
fn mean(a: Pixel, b: Pixel) -> Pixel {
    each(a, b, b, |a, b, _| a.midpoint(b))
}

/// Of left and up the one that is nearer to left + up - `up_left`, in all channels together; up of equals.
#[inline]
fn select(left: Pixel, up: Pixel, up_left: Pixel) -> Pixel {
    let distance = |a: Pixel| -> u32 { a.iter().zip(up_left).map(|(a, b)| u32::from(a.abs_diff(b))).sum() };
    if distance(up) < distance(left) { left } else { up }
}

#[inline]
fn full(left: Pixel, up: Pixel, up_left: Pixel) -> Pixel {
    each(left, up, up_left, |a, b, c| clamped(i16::from(a) + i16::from(b) - i16::from(c)))
}

#[inline]
fn half(mean: Pixel, up_left: Pixel) -> Pixel {
    // The half is rounded towards zero.
    each(mean, up_left, up_left, |a, b, _| clamped(i16::from(a) + (i16::from(a) - i16::from(b)) / 2))
}

#[inline]
fn clamped(value: i16) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)
}
