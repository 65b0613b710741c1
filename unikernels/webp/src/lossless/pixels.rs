//! Entropy-coded pixels: literals, copies of what was before, and colours of a cache, each by the codes of
//! its place. Source: RFC 9649, sections 3.6 and 3.7.

use alloc::vec::Vec;

use super::bits::Bits;
use super::code::Code;
use super::{CACHE_BITS_MAX, LITERALS, tiles};
use crate::budget::Budget;
use crate::{Pixel, Size, WebpError};

/// Symbols for the length of a copy, and for its distance.
const LENGTHS: usize = 24;
const DISTANCES: usize = 40;
/// Distances that mean a place near the pixel (section 3.6.2.2): so far left, and so many rows up.
const NEAR: [(i8, u8); 120] = [
    (0, 1),
    (1, 0),
    (1, 1),
    (-1, 1),
    (0, 2),
    (2, 0),
    (1, 2),
    (-1, 2),
    (2, 1),
    (-2, 1),
    (2, 2),
    (-2, 2),
    (0, 3),
    (3, 0),
    (1, 3),
    (-1, 3),
    (3, 1),
    (-3, 1),
    (2, 3),
    (-2, 3),
    (3, 2),
    (-3, 2),
    (0, 4),
    (4, 0),
    (1, 4),
    (-1, 4),
    (4, 1),
    (-4, 1),
    (3, 3),
    (-3, 3),
    (2, 4),
    (-2, 4),
    (4, 2),
    (-4, 2),
    (0, 5),
    (3, 4),
    (-3, 4),
    (4, 3),
    (-4, 3),
    (5, 0),
    (1, 5),
    (-1, 5),
    (5, 1),
    (-5, 1),
    (2, 5),
    (-2, 5),
    (5, 2),
    (-5, 2),
    (4, 4),
    (-4, 4),
    (3, 5),
    (-3, 5),
    (5, 3),
    (-5, 3),
    (0, 6),
    (6, 0),
    (1, 6),
    (-1, 6),
    (6, 1),
    (-6, 1),
    (2, 6),
    (-2, 6),
    (6, 2),
    (-6, 2),
    (4, 5),
    (-4, 5),
    (5, 4),
    (-5, 4),
    (3, 6),
    (-3, 6),
    (6, 3),
    (-6, 3),
    (0, 7),
    (7, 0),
    (1, 7),
    (-1, 7),
    (5, 5),
    (-5, 5),
    (7, 1),
    (-7, 1),
    (4, 6),
    (-4, 6),
    (6, 4),
    (-6, 4),
    (2, 7),
    (-2, 7),
    (7, 2),
    (-7, 2),
    (3, 7),
    (-3, 7),
    (7, 3),
    (-7, 3),
    (5, 6),
    (-5, 6),
    (6, 5),
    (-6, 5),
    (8, 0),
    (4, 7),
    (-4, 7),
    (7, 4),
    (-7, 4),
    (8, 1),
    (8, 2),
    (6, 6),
    (-6, 6),
    (8, 3),
    (5, 7),
    (-5, 7),
    (7, 5),
    (-7, 5),
    (8, 4),
    (6, 7),
    (-6, 7),
    (7, 6),
    (-7, 6),
    (8, 5),
    (7, 7),
    (-7, 7),
    (8, 6),
    (8, 7),
];
/// Multiplies a colour so that its highest bits are its place in the cache (section 3.6.2.3).
const CACHE_MULTIPLIER: u32 = 0x1e35_a7bd;

/// The codes of an area: of green with lengths and places of the cache, of red, blue, alpha, and distances.
struct Group {
    green: Code,
    red: Code,
    blue: Code,
    alpha: Code,
    distance: Code,
}

/// Which group of codes is for which pixel.
struct Areas {
    groups: Vec<Group>,
    /// Each area has two to this power of pixels on a side, and a group; none if there is one group.
    bits: u32,
    tiles: Vec<Pixel>,
    tiles_wide: usize,
}

/// The colours seen last.
struct Cache {
    colours: Vec<Pixel>,
    bits: u32,
}

impl Cache {
    #[inline]
    fn put(&mut self, pixel: Pixel) {
        if self.bits > 0 {
            let [red, green, blue, alpha] = pixel;
            let number = u32::from_be_bytes([alpha, red, green, blue]);
            let at = number.wrapping_mul(CACHE_MULTIPLIER) >> (32 - self.bits);
            if let Some(place) = usize::try_from(at).ok().and_then(|at| self.colours.get_mut(at)) {
                *place = pixel;
            }
        }
    }
}

/// Reads a picture that only a transform needs.
pub(crate) fn read_part(bits: &mut Bits, size: Size, budget: &mut Budget) -> Result<Vec<Pixel>, WebpError> {
    let cache = read_cache(bits, budget)?;
    let group = read_group(bits, cache.colours.len(), budget)?;
    let areas = Areas { groups: Vec::from([group]), bits: 0, tiles: Vec::new(), tiles_wide: 0 };
    read_data(bits, size, cache, &areas, budget)
}

/// Reads the picture itself, whose areas may have codes of their own.
pub(crate) fn read_whole(bits: &mut Bits, size: Size, budget: &mut Budget) -> Result<Vec<Pixel>, WebpError> {
    let cache = read_cache(bits, budget)?;
    let (mut areas, mut tile_bits, mut tiles_wide) = (Vec::new(), 0, 0);
    if bits.is_set()? {
        tile_bits = 2 + bits.read(3)?;
        let parts = tiles(size, tile_bits);
        areas = read_part(bits, parts, budget)?;
        tiles_wide = parts.width;
    }
    let count = areas.iter().map(|tile| number(*tile)).max().unwrap_or(0) + 1;
    budget.take::<Group>(count)?;
    let mut groups = Vec::with_capacity(count);
    for _ in 0..count {
        groups.push(read_group(bits, cache.colours.len(), budget)?);
    }
    read_data(bits, size, cache, &Areas { groups, bits: tile_bits, tiles: areas, tiles_wide }, budget)
}

/// The number of the group that a pixel of the picture of areas means.
fn number([red, green, ..]: Pixel) -> usize {
    usize::from(u16::from_be_bytes([red, green]))
}

fn read_cache(bits: &mut Bits, budget: &mut Budget) -> Result<Cache, WebpError> {
    if !bits.is_set()? {
        return Ok(Cache { colours: Vec::new(), bits: 0 });
    }
    let cache_bits = bits.read(4)?;
    if !(1..=CACHE_BITS_MAX).contains(&cache_bits) {
        return Err(WebpError::Lossless);
    }
    Ok(Cache { colours: budget.filled([0; 4], 1 << cache_bits)?, bits: cache_bits })
}

fn read_group(bits: &mut Bits, cache_len: usize, budget: &mut Budget) -> Result<Group, WebpError> {
    Ok(Group {
        green: Code::read(bits, LITERALS + LENGTHS + cache_len, budget)?,
        red: Code::read(bits, LITERALS, budget)?,
        blue: Code::read(bits, LITERALS, budget)?,
        alpha: Code::read(bits, LITERALS, budget)?,
        distance: Code::read(bits, DISTANCES, budget)?,
    })
}

impl Areas {
    fn group(&self, x: usize, y: usize) -> Result<&Group, WebpError> {
        let at = (y >> self.bits) * self.tiles_wide + (x >> self.bits);
        let group = if self.tiles_wide == 0 {
            0
        } else {
            self.tiles.get(at).map_or(usize::MAX, |tile| number(*tile))
        };
        self.groups.get(group).ok_or(WebpError::Lossless)
    }
}

fn read_data(
    bits: &mut Bits,
    size: Size,
    mut cache: Cache,
    areas: &Areas,
    budget: &mut Budget,
) -> Result<Vec<Pixel>, WebpError> {
    let count = size.width.checked_mul(size.height).ok_or(WebpError::TooLarge)?;
    budget.take::<Pixel>(count)?;
    let mut pixels: Vec<Pixel> = Vec::with_capacity(count);
    // Every round gives at least one pixel.
    while pixels.len() < count {
        let (x, y) = (pixels.len() % size.width, pixels.len() / size.width);
        let group = areas.group(x, y)?;
        // Up to where the group is the same: the end of the row, or of the area.
        let row_left = size.width - x;
        let run = if areas.bits == 0 {
            row_left
        } else {
            row_left.min((1 << areas.bits) - (x & ((1 << areas.bits) - 1)))
        };
        let end = pixels.len() + run;
        while pixels.len() < end {
            let symbol = usize::from(group.green.symbol(bits)?);
            if symbol < LITERALS {
                let pixel = literal(symbol, group, bits)?;
                cache.put(pixel);
                pixels.push(pixel);
            } else if symbol < LITERALS + LENGTHS {
                let len = value(symbol - LITERALS, bits)?;
                let distance = distance(value(usize::from(group.distance.symbol(bits)?), bits)?, size.width);
                copy(&mut pixels, count, distance, len, &mut cache)?;
            } else {
                let at = symbol - LITERALS - LENGTHS;
                let pixel = *cache.colours.get(at).ok_or(WebpError::Lossless)?;
                cache.put(pixel);
                pixels.push(pixel);
            }
        }
    }
    Ok(pixels)
}

#[inline]
fn literal(green: usize, group: &Group, bits: &mut Bits) -> Result<Pixel, WebpError> {
    let byte = |symbol: u16| u8::try_from(symbol).map_err(|_| WebpError::Lossless);
    let red = byte(group.red.symbol(bits)?)?;
    let blue = byte(group.blue.symbol(bits)?)?;
    let alpha = byte(group.alpha.symbol(bits)?)?;
    Ok([red, u8::try_from(green).map_err(|_| WebpError::Lossless)?, blue, alpha])
}

/// A length or a distance: the symbol says how many bits follow (section 3.6.2.2).
fn value(symbol: usize, bits: &mut Bits) -> Result<usize, WebpError> {
    if symbol < 4 {
        return Ok(symbol + 1);
    }
    let extra = u32::try_from((symbol - 2) >> 1).map_err(|_| WebpError::Lossless)?;
    Ok(((2 + (symbol & 1)) << extra) + bits.count(extra)? + 1)
}

/// How many pixels before this one a distance means.
fn distance(value: usize, width: usize) -> usize {
    match NEAR.get(value - 1) {
        Some((left, up)) => {
            let above = usize::from(*up) * width;
            above.saturating_add_signed(isize::from(*left)).max(1)
        }
        None => value - NEAR.len(),
    }
}

/// Copies pixels from `distance` before the end to the end, one after the other: they may be among them.
fn copy(
    pixels: &mut Vec<Pixel>,
    count: usize,
    distance: usize,
    len: usize,
    cache: &mut Cache,
) -> Result<(), WebpError> {
    let start = pixels.len().checked_sub(distance).ok_or(WebpError::Lossless)?;
    if len > count - pixels.len() {
        return Err(WebpError::Lossless);
    }
    if cache.bits == 0 && distance >= len {
        pixels.extend_from_within(start..start + len);
        return Ok(());
    }
    for at in start..start + len {
        let pixel = *pixels.get(at).ok_or(WebpError::Lossless)?;
        cache.put(pixel);
        pixels.push(pixel);
    }
    Ok(())
}
