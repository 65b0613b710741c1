//! One channel of a picture, with what stands around it for prediction. Source: RFC 6386, section 12.

use alloc::vec::Vec;

use crate::WebpError;
use crate::budget::Budget;

/// What stands above the first row, and above to the left of it.
const ABOVE: u8 = 127;
/// What stands to the left of each row.
const LEFT: u8 = 129;

/// Rows of whole macroblocks, with a row above them and a column to their left.
pub(super) struct Plane {
    data: Vec<u8>,
    stride: usize,
}

impl Plane {
    pub(super) fn new(width: usize, height: usize, budget: &mut Budget) -> Result<Self, WebpError> {
        let stride = width + 1;
        let mut data = budget.filled(ABOVE, stride.saturating_mul(height + 1))?;
        for left in data.iter_mut().step_by(stride).skip(1) {
            *left = LEFT;
        }
        Ok(Self { data, stride })
    }

    /// Bytes from one row to the next.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Where the pixel stands in [`Plane::data`].
    pub(super) fn place(&self, x: usize, y: usize) -> usize {
        (y + 1) * self.stride + x + 1
    }

    pub(super) fn data(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The first `width` pixels of a row.
    pub(super) fn row(&self, y: usize, width: usize) -> &[u8] {
        let start = self.place(0, y);
        self.data.get(start..start + width).unwrap_or(&[])
    }

    /// The pixels above the one at `place`.
    pub(super) fn above<const LEN: usize>(&self, place: usize) -> [u8; LEN] {
        let start = place.saturating_sub(self.stride);
        self.data.get(start..).and_then(|row| row.first_chunk()).copied().unwrap_or([ABOVE; LEN])
    }

    /// The pixel above the one at `place`, to its left.
    pub(super) fn corner(&self, place: usize) -> u8 {
        self.data.get(place.saturating_sub(self.stride + 1)).copied().unwrap_or(ABOVE)
    }

    /// The pixels to the left of the one at `place` and of those below it.
    pub(super) fn left<const LEN: usize>(&self, place: usize) -> [u8; LEN] {
        let mut out = [LEFT; LEN];
        let column = self.data.iter().skip(place.saturating_sub(1)).step_by(self.stride);
        for (to, from) in out.iter_mut().zip(column) {
            *to = *from;
        }
        out
    }

    /// So many rows of so many pixels, from the one at `place` on.
    pub(super) fn rows<const LEN: usize>(&mut self, place: usize) -> impl Iterator<Item = &mut [u8; LEN]> {
        let rows = self.data.get_mut(place..).unwrap_or(&mut []).chunks_mut(self.stride).take(LEN);
        rows.filter_map(|row| row.first_chunk_mut())
    }

    /// Adds to each pixel of a block of 4 times 4.
    pub(super) fn add(&mut self, place: usize, differences: &[[i32; 4]; 4]) {
        for (row, differences) in self.rows::<4>(place).zip(differences) {
            for (pixel, difference) in row.iter_mut().zip(differences) {
                *pixel = clamped(i32::from(*pixel) + difference);
            }
        }
    }
}

/// The nearest byte.
#[inline]
pub(super) fn clamped(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)
}
