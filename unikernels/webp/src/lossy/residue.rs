//! From coefficients to differences. Source: RFC 6386, section 14.

use super::tokens::{Block, wrapped};

/// Multipliers of the transform, in parts of 2^16 (section 14.3): sqrt(2) * cos(pi / 8) - 1, sqrt(2) *
/// sin(pi / 8).
const COS: i64 = 20_091;
const SIN: i64 = 35_468;

/// The first coefficients of sixteen blocks, from a block of them (section 14.3).
pub(super) fn first(block: &Block) -> Block {
    let [a, b, c, d] = rows(block).map(|row| row.map(i32::from));
    let mut columns = [[0; 4]; 4];
    for ((((column, a), b), c), d) in columns.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let (sum, inner, inner_difference, difference) = (a + d, b + c, b - c, a - d);
        *column = [sum + inner, difference + inner_difference, sum - inner, difference - inner_difference];
    }
    let mut out = [0; 16];
    for (row, [a, b, c, d]) in out.as_chunks_mut::<4>().0.iter_mut().zip(turned(&columns)) {
        let (sum, inner, inner_difference, difference) = (a + 3 + d, b + c, b - c, a + 3 - d);
        *row = [sum + inner, difference + inner_difference, sum - inner, difference - inner_difference]
            .map(|value| wrapped(value >> 3));
    }
    out
}

/// What a block of coefficients adds to each pixel, row by row.
pub(super) fn differences(block: &Block) -> [[i32; 4]; 4] {
    let [a, b, c, d] = rows(block).map(|row| row.map(i32::from));
    let mut columns = [[0; 4]; 4];
    for ((((column, a), b), c), d) in columns.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *column = butterfly([a, b, c, d]);
    }
    turned(&columns).map(|[a, b, c, d]| butterfly([a + 4, b, c, d]).map(|value| value >> 3))
}

fn butterfly([a, b, c, d]: [i32; 4]) -> [i32; 4] {
    let (even, odd) = (a + c, a - c);
    let low = part(b, SIN) - (d + part(d, COS));
    let high = (b + part(b, COS)) + part(d, SIN);
    [even + high, odd + low, odd - low, even - high]
}

/// The product, which is smaller than 2^20.
#[expect(clippy::cast_possible_truncation, reason = "16 bits and two sums, and less than that of it")]
fn part(value: i32, of: i64) -> i32 {
    ((i64::from(value) * of) >> 16) as i32
}

fn rows(block: &Block) -> [[i16; 4]; 4] {
    let mut out = [[0; 4]; 4];
    for (to, from) in out.iter_mut().zip(block.as_chunks::<4>().0) {
        *to = *from;
    }
    out
}

/// Rows as columns.
fn turned([a, b, c, d]: &[[i32; 4]; 4]) -> [[i32; 4]; 4] {
    let mut out = [[0; 4]; 4];
    for ((((row, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *row = [*a, *b, *c, *d];
    }
    out
}
