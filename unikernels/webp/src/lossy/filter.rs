//! Smoothing along the edges of blocks. Source: RFC 6386, section 15.

use super::header::Kind;
use super::plane::{Plane, clamped};

/// What is done to a macroblock.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Strength {
    /// From 0, which is nothing, to 63.
    pub(super) level: u8,
    /// Along the edges inside of it too.
    pub(super) inner: bool,
}

/// By which an edge is judged.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Across the edge.
    edge: i32,
    /// Between neighbours on one side.
    interior: i32,
    /// Above this, neighbours of the edge are an edge themselves.
    variance: i32,
}

/// Which edge of a macroblock, and how wide it may be smoothed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// Between macroblocks: three pixels on each side.
    Outer,
    /// Between blocks: two.
    Inner,
}

/// Luma, then chroma.
pub(super) struct Planes<'a> {
    pub(super) luma: &'a mut Plane,
    pub(super) chroma: [&'a mut Plane; 2],
}

/// Smooths the edges of the macroblock at `x`, `y`, counted in macroblocks.
pub(super) fn macroblock(
    planes: &mut Planes,
    (x, y): (usize, usize),
    kind: Kind,
    sharpness: u8,
    strength: Strength,
) {
    let level = i32::from(strength.level);
    if kind == Kind::None || level == 0 {
        return;
    }
    let interior = interior(level, i32::from(sharpness));
    let variance = match level {
        40.. => 2,
        15.. => 1,
        _ => 0,
    };
    let inner = Bounds { edge: 2 * level + interior, interior, variance };
    let outer = Bounds { edge: inner.edge + 4, ..inner };
    let chroma = if kind == Kind::Normal { planes.chroma.as_mut_slice() } else { &mut [] };
    // First all edges that are upright, then those that lie; of each the outer one first.
    for is_upright in [true, false] {
        let is_first = if is_upright { x == 0 } else { y == 0 };
        if !is_first {
            edge::<16>(planes.luma, (x * 16, y * 16), is_upright, kind, Edge::Outer, outer);
            for plane in chroma.iter_mut() {
                edge::<8>(plane, (x * 8, y * 8), is_upright, kind, Edge::Outer, outer);
            }
        }
        if strength.inner {
            let at = |len: usize, off: usize| {
                if is_upright { (x * len + off, y * len) } else { (x * len, y * len + off) }
            };
            for off in [4, 8, 12] {
                edge::<16>(planes.luma, at(16, off), is_upright, kind, Edge::Inner, inner);
            }
            for plane in chroma.iter_mut() {
                edge::<8>(plane, at(8, 4), is_upright, kind, Edge::Inner, inner);
            }
        }
    }
}

/// The bound inside of blocks: sharper pictures keep more (section 15.2).
fn interior(level: i32, sharpness: i32) -> i32 {
    let shifted = match sharpness {
        0 => return level.max(1),
        1..=4 => level >> 1,
        _ => level >> 2,
    };
    shifted.min(9 - sharpness).max(1)
}

/// Smooths across an edge of `LEN` pixels that begins before or above the pixel at `x`, `y`.
fn edge<const LEN: usize>(
    plane: &mut Plane,
    (x, y): (usize, usize),
    is_upright: bool,
    kind: Kind,
    edge: Edge,
    bounds: Bounds,
) {
    let (place, stride) = (plane.place(x, y), plane.stride());
    let data = plane.data();
    if is_upright {
        let rows = data.get_mut(place - 4..).unwrap_or(&mut []).chunks_mut(stride).take(LEN);
        for pixels in rows.filter_map(|row| row.first_chunk_mut::<8>()) {
            *pixels = smooth(*pixels, kind, edge, bounds);
        }
        return;
    }
    let rows = data.get_mut(place - 4 * stride..).unwrap_or(&mut []);
    for column in 0..LEN {
        let mut pixels = [0; 8];
        for (pixel, from) in pixels.iter_mut().zip(rows.iter().skip(column).step_by(stride)) {
            *pixel = *from;
        }
        let pixels = smooth(pixels, kind, edge, bounds);
        for (to, pixel) in rows.iter_mut().skip(column).step_by(stride).zip(pixels) {
            *to = pixel;
        }
    }
}

/// Smooths across an edge in the middle of eight pixels.
#[inline]
fn smooth(pixels: [u8; 8], kind: Kind, edge: Edge, bounds: Bounds) -> [u8; 8] {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = pixels;
    let distance = |a: u8, b: u8| i32::from(a.abs_diff(b));
    if 4 * distance(p0, q0) + distance(p1, q1) > 2 * bounds.edge + 1 {
        return pixels;
    }
    if kind == Kind::Simple {
        let [p0, q0] = common(p1, p0, q0, q1);
        return [p3, p2, p1, p0, q0, q1, q2, q3];
    }
    let is_even = [(p3, p2), (p2, p1), (p1, p0), (q3, q2), (q2, q1), (q1, q0)]
        .into_iter()
        .all(|(a, b)| distance(a, b) <= bounds.interior);
    if !is_even {
        return pixels;
    }
    if distance(p1, p0) > bounds.variance || distance(q1, q0) > bounds.variance {
        let [p0, q0] = common(p1, p0, q0, q1);
        return [p3, p2, p1, p0, q0, q1, q2, q3];
    }
    let moved = |pixel: u8, by: i32| clamped(i32::from(pixel) + by);
    let step = 3 * (i32::from(q0) - i32::from(p0));
    match edge {
        Edge::Outer => {
            let step = signed(step + signed(i32::from(p1) - i32::from(q1)));
            let [near, mid, far] = [27, 18, 9].map(|share| (share * step + 63) >> 7);
            [
                p3,
                moved(p2, far),
                moved(p1, mid),
                moved(p0, near),
                moved(q0, -near),
                moved(q1, -mid),
                moved(q2, -far),
                q3,
            ]
        }
        Edge::Inner => {
            let (of_q, of_p) = (small(step + 4), small(step + 3));
            let rest = (of_q + 1) >> 1;
            [p3, p2, moved(p1, rest), moved(p0, of_p), moved(q0, -of_q), moved(q1, -rest), q2, q3]
        }
    }
}

/// The two pixels at the edge, moved towards each other.
fn common(p1: u8, p0: u8, q0: u8, q1: u8) -> [u8; 2] {
    let step = 3 * (i32::from(q0) - i32::from(p0)) + signed(i32::from(p1) - i32::from(q1));
    [clamped(i32::from(p0) + small(step + 3)), clamped(i32::from(q0) - small(step + 4))]
}

/// The nearest number of eight bits with a sign.
fn signed(value: i32) -> i32 {
    value.clamp(-128, 127)
}

/// An eighth, as the nearest number of five bits with a sign.
fn small(value: i32) -> i32 {
    (value >> 3).clamp(-16, 15)
}
