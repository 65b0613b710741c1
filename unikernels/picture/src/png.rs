//! A bitmap as a PNG file: nothing in it but pixels, whatever the picture came from. The receiver of a
//! disposable's bitmap writes it, so no byte of the original file is in it. Source: PNG third edition.

use alloc::vec;
use alloc::vec::Vec;

use miniz_oxide::deflate::compress_to_vec_zlib;

use crate::{PIXEL_LEN, Picture};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// How hard deflate tries, from 0 to 10: zlib's default.
const LEVEL: u8 = 6;
/// Row filters, by their number (section 9.2): what a byte is predicted from.
const FILTERS: [u8; 4] = [0, 1, 2, 4];
/// Bits of a channel; colour with alpha, without.
const DEPTH: u8 = 8;
const RGBA: u8 = 6;
const RGB: u8 = 2;

/// Most bytes of stack that [`to_png`] takes: the compressor is built there before it moves to the heap.
pub const STACK_LEN_MAX: usize = 96 * 1024;

/// Encodes `picture`. An opaque one is kept without alpha. Takes up to [`STACK_LEN_MAX`] of stack.
#[must_use]
pub fn to_png(picture: &Picture) -> Vec<u8> {
    let is_opaque = picture.rgba.chunks_exact(PIXEL_LEN).all(|pixel| pixel.last() == Some(&255));
    let pixel_len = if is_opaque { PIXEL_LEN - 1 } else { PIXEL_LEN };
    let mut file = SIGNATURE.to_vec();
    let mut header = Vec::new();
    header.extend_from_slice(&side(picture.width));
    header.extend_from_slice(&side(picture.height));
    header.extend_from_slice(&[DEPTH, if is_opaque { RGB } else { RGBA }, 0, 0, 0]);
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"IDAT", &compress_to_vec_zlib(&filtered(picture, pixel_len), LEVEL));
    chunk(&mut file, *b"IEND", &[]);
    file
}

/// A side, which no limit lets be as long as 2^32.
fn side(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    file.extend_from_slice(&side(data.len()));
    let start = file.len();
    file.extend_from_slice(&name);
    file.extend_from_slice(data);
    let crc = crc32fast::hash(file.get(start..).unwrap_or(&[]));
    file.extend_from_slice(&crc.to_be_bytes());
}

/// The rows, each behind the number of the filter that leaves the smallest differences.
fn filtered(picture: &Picture, pixel_len: usize) -> Vec<u8> {
    let row_len = picture.width * pixel_len;
    // Before each row stands a pixel of nothing, which predicts the first.
    let mut above = vec![0; pixel_len + row_len];
    let mut row = above.clone();
    let mut tries = FILTERS.map(|filter| (filter, vec![0; row_len]));
    let mut out = Vec::with_capacity((row_len + 1) * picture.height);
    for pixels in picture.rgba.chunks_exact(picture.width * PIXEL_LEN) {
        let places = row.chunks_exact_mut(pixel_len).skip(1);
        for (place, pixel) in places.zip(pixels.chunks_exact(PIXEL_LEN)) {
            place.copy_from_slice(pixel.get(..pixel_len).unwrap_or(pixel));
        }
        for (filter, differences) in &mut tries {
            subtract(*filter, &row, &above, differences);
        }
        let cost = |differences: &[u8]| -> u64 {
            differences.iter().map(|byte| u64::from(byte.cast_signed().unsigned_abs())).sum()
        };
        if let Some((filter, differences)) = tries.iter().min_by_key(|(_, differences)| cost(differences)) {
            out.push(*filter);
            out.extend_from_slice(differences);
        }
        core::mem::swap(&mut row, &mut above);
    }
    out
}

/// What is left of a row when what `filter` predicts is taken away. Rows begin with a pixel of nothing.
fn subtract(filter: u8, row: &[u8], above: &[u8], differences: &mut [u8]) {
    let pixel_len = row.len() - differences.len();
    let bytes = row.iter().skip(pixel_len);
    let around = row.iter().zip(above.iter().skip(pixel_len)).zip(above);
    for ((difference, byte), ((left, up), corner)) in differences.iter_mut().zip(bytes).zip(around) {
        let predicted = match filter {
            1 => *left,
            2 => *up,
            4 => paeth(*left, *up, *corner),
            _ => 0,
        };
        *difference = byte.wrapping_sub(predicted);
    }
}

/// Of the three the one nearest to `left + up - corner` (section 9.4), of equal ones the first.
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let target = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |byte: u8| (target - i16::from(byte)).unsigned_abs();
    let (to_left, to_up, to_corner) = (distance(left), distance(up), distance(corner));
    if to_left <= to_up && to_left <= to_corner {
        left
    } else if to_up <= to_corner {
        up
    } else {
        corner
    }
}
