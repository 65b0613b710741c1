//! GIF: the container is read here, its compression by `weezl`. The first picture is put onto an empty
//! screen.
//! Source: GIF89a specification.

use alloc::vec;
use alloc::vec::Vec;

use weezl::decode::Decoder;
use weezl::{BitOrder, LzwStatus};

use crate::{Limits, PIXEL_LEN, Picture, PictureError};

/// Bytes of an entry of a colour table.
const COLOUR_LEN: usize = 3;
/// First and distance of the rows of each of the four passes of an interlaced picture (appendix E).
const PASSES: [(usize, usize); 4] = [(0, 8), (4, 8), (2, 4), (1, 2)];
/// Bits that a code may begin with: a pixel has 1 to 8.
const CODE_SIZES: core::ops::RangeInclusive<u8> = 2..=8;

/// Reads a file from its beginning to its end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], PictureError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(PictureError::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, PictureError> {
        self.take(1)?.first().copied().ok_or(PictureError::Damaged)
    }

    fn short(&mut self) -> Result<usize, PictureError> {
        let bytes = self.take(2)?.first_chunk().ok_or(PictureError::Damaged)?;
        Ok(usize::from(u16::from_le_bytes(*bytes)))
    }

    /// A colour table, if `flags` say that there is one.
    fn colours(&mut self, flags: u8) -> Result<Option<&'a [u8]>, PictureError> {
        let entries = 2usize << (flags & 7);
        if flags & 0x80 == 0 { Ok(None) } else { self.take(entries * COLOUR_LEN).map(Some) }
    }

    /// The next of the blocks that a piece of data is cut into; empty after the last.
    fn block(&mut self) -> Result<&'a [u8], PictureError> {
        let len = self.byte()?;
        self.take(usize::from(len))
    }
}

/// Where a picture lies on the screen.
struct Frame {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    interlaced: bool,
}

pub(crate) fn decode(file: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let mut reader = Reader(file);
    if !matches!(reader.take(6)?, b"GIF87a" | b"GIF89a") {
        return Err(PictureError::Damaged);
    }
    let (width, height) = (reader.short()?, reader.short()?);
    let flags = reader.byte()?;
    // Background colour, which nobody paints, and shape of pixels.
    reader.take(2)?;
    let global = reader.colours(flags)?;
    let transparent = skip_to_picture(&mut reader)?;
    let (left, top) = (reader.short()?, reader.short()?);
    let (frame_width, frame_height, flags) = (reader.short()?, reader.short()?, reader.byte()?);
    let frame = Frame { left, top, width: frame_width, height: frame_height, interlaced: flags & 0x40 != 0 };
    let colours = reader.colours(flags)?.or(global).ok_or(PictureError::Damaged)?;
    // A screen without a size is as large as the picture.
    let (width, height) =
        if width == 0 || height == 0 { (left + frame_width, top + frame_height) } else { (width, height) };
    let screen = limits.pixels(width, height)?.saturating_mul(PIXEL_LEN);
    let indexes = indexes(&mut reader, limits.pixels(frame.width, frame.height)?)?;
    let mut rgba = vec![0; screen];
    frame.paint(&indexes, colours, transparent, (width, height), &mut rgba);
    Picture::new(width, height, rgba, limits)
}

/// Goes to the first picture. Returns which index is transparent.
fn skip_to_picture(reader: &mut Reader) -> Result<Option<u8>, PictureError> {
    let mut transparent = None;
    loop {
        match reader.byte()? {
            b',' => return Ok(transparent),
            b'!' => {
                let is_control = reader.byte()? == 0xf9;
                loop {
                    let block = reader.block()?;
                    if is_control && let [flags, _, _, index] = block {
                        transparent = (flags & 1 != 0).then_some(*index);
                    }
                    if block.is_empty() {
                        break;
                    }
                }
            }
            // The end of the file comes before any picture.
            b';' => return Err(PictureError::Empty),
            _ => return Err(PictureError::Damaged),
        }
    }
}

/// The index of each pixel, in the order they are stored.
fn indexes(reader: &mut Reader, pixels: usize) -> Result<Vec<u8>, PictureError> {
    let size = reader.byte()?;
    if !CODE_SIZES.contains(&size) {
        return Err(PictureError::Damaged);
    }
    let mut decoder = Decoder::new(BitOrder::Lsb, size);
    let mut indexes = vec![0; pixels];
    let mut done = 0;
    let mut block: &[u8] = &[];
    // Each round takes bytes, gives some, or goes on to the next block of the file. The decoder may hold some
    // back, so it is asked again with nothing before it gets more.
    while done < pixels {
        let room = indexes.get_mut(done..).unwrap_or(&mut []);
        let step = decoder.decode_bytes(block, room);
        done += step.consumed_out;
        block = block.get(step.consumed_in..).unwrap_or(&[]);
        match step.status {
            _ if done >= pixels => {}
            Err(_) | Ok(LzwStatus::Done) => return Err(PictureError::Damaged),
            Ok(_) if step.consumed_in + step.consumed_out > 0 => {}
            Ok(_) if !block.is_empty() => return Err(PictureError::Damaged),
            Ok(_) => {
                block = reader.block()?;
                if block.is_empty() {
                    return Err(PictureError::Damaged);
                }
            }
        }
    }
    Ok(indexes)
}

impl Frame {
    /// Paints the part that lies on the screen.
    fn paint(
        &self,
        indexes: &[u8],
        colours: &[u8],
        transparent: Option<u8>,
        (width, height): (usize, usize),
        rgba: &mut [u8],
    ) {
        for (stored, y) in self.rows().enumerate() {
            let row = indexes.get(stored * self.width..).unwrap_or(&[]);
            let y = self.top + y;
            if y >= height || self.left >= width {
                continue;
            }
            let start = (y * width + self.left) * PIXEL_LEN;
            let visible = self.width.min(width - self.left);
            let pixels = rgba.get_mut(start..start + visible * PIXEL_LEN).unwrap_or(&mut []);
            for (pixel, index) in pixels.chunks_exact_mut(PIXEL_LEN).zip(row) {
                let colour = colours.get(usize::from(*index) * COLOUR_LEN..);
                // An index beyond the table is transparent, as browsers have it.
                if let Some([red, green, blue, ..]) = colour
                    && transparent != Some(*index)
                {
                    pixel.copy_from_slice(&[*red, *green, *blue, 255]);
                }
            }
        }
    }

    /// The rows in the order they are stored.
    fn rows(&self) -> impl Iterator<Item = usize> {
        let passes: &[(usize, usize)] = if self.interlaced { &PASSES } else { &[(0, 1)] };
        passes.iter().flat_map(|(first, distance)| (*first..self.height).step_by(*distance))
    }
}
