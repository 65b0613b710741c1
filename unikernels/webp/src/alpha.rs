//! Transparency of lossy pictures. Source: RFC 9649, section 2.7.1.2.

use alloc::vec::Vec;

use crate::budget::Budget;
use crate::{Pixel, Size, WebpError, lossless};

/// Decodes the content of an `ALPH` chunk: a byte for each pixel.
pub(crate) fn decode(data: &[u8], size: Size, budget: &mut Budget) -> Result<Vec<u8>, WebpError> {
    let (flags, data) = data.split_first().ok_or(WebpError::Truncated)?;
    let count = size.width.checked_mul(size.height).ok_or(WebpError::TooLarge)?;
    budget.take::<u8>(count)?;
    // The higher bits say what was done to the values before, which is nothing to a decoder.
    let mut alpha = match flags & 3 {
        0 => data.get(..count).ok_or(WebpError::Truncated)?.to_vec(),
        1 => {
            let pixels = lossless::decode_bare(data, size, budget)?;
            let alpha = pixels.iter().map(|[_, green, ..]| *green).collect();
            budget.give::<Pixel>(count);
            alpha
        }
        _ => return Err(WebpError::Alpha),
    };
    match flags >> 2 & 3 {
        0 => {}
        1 => undo(&mut alpha, size.width, |left, _, _| left),
        2 => undo(&mut alpha, size.width, |_, up, _| up),
        _ => undo(&mut alpha, size.width, |left, up, up_left| {
            let sum = i16::from(left) + i16::from(up) - i16::from(up_left);
            u8::try_from(sum.clamp(0, 255)).unwrap_or(u8::MAX)
        }),
    }
    Ok(alpha)
}

/// Adds to each value what is predicted of those to its left, above, and above to the left. The first row is
/// predicted from the left, and the first column from above.
fn undo(alpha: &mut [u8], width: usize, predict: impl Fn(u8, u8, u8) -> u8) {
    let (first, mut rest) = alpha.split_at_mut_checked(width).unwrap_or_default();
    let mut left = 0u8;
    for value in first.iter_mut() {
        *value = value.wrapping_add(left);
        left = *value;
    }
    let mut above = first;
    while let Some((row, behind)) = rest.split_at_mut_checked(width.max(1)) {
        let (mut left, mut up_left) = (None, 0);
        for (value, up) in row.iter_mut().zip(above.iter()) {
            let predicted = left.map_or(*up, |left| predict(left, *up, up_left));
            *value = value.wrapping_add(predicted);
            (left, up_left) = (Some(*value), *up);
        }
        above = row;
        rest = behind;
    }
}
