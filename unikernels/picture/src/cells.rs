//! A picture as cells of a terminal: each an upper half block, so two pixels above each other.
//!
//! Cells are data; only [`Cells::write`] makes escapes of them, and it belongs to whoever owns the terminal.
//! A qube that shows pictures sends cells, so that no escape of a stranger's making is ever needed.

use alloc::vec::Vec;
use core::fmt;

use crate::{PIXEL_LEN, Picture};

/// Characters from dark to light, for terminals without colours.
const RAMP: &[u8] = b" .:-=+*#%@";
/// The levels of the 6x6x6 cube that most terminals have.
const CUBE_LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Two pixels above each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Red, green and blue of the upper half.
    pub upper: [u8; 3],
    /// Red, green and blue of the lower half.
    pub lower: [u8; 3],
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// 24 bits.
    True,
    /// 216 colours.
    Cube,
    /// None, or `NO_COLOR` is set: brightness as characters.
    None,
}

/// A picture in cells, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    columns: usize,
    cells: Vec<Cell>,
}

impl Cells {
    /// Shrinks a picture until it fits into `columns_max` times `rows_max` cells, and keeps its shape. It is
    /// never enlarged. What is transparent shows `background`.
    #[must_use]
    pub fn new(picture: &Picture, columns_max: usize, rows_max: usize, background: [u8; 3]) -> Self {
        let (columns, lines) = fit(picture, columns_max.max(1), rows_max.max(1).saturating_mul(2));
        let colour = |column, line| mean(picture, (column, columns), (line, lines), background);
        let mut cells = Vec::with_capacity(columns * lines.div_ceil(2));
        for line in (0..lines).step_by(2) {
            cells.extend((0..columns).map(|column| Cell {
                upper: colour(column, line),
                lower: if line + 1 < lines { colour(column, line + 1) } else { background },
            }));
        }
        Self { columns, cells }
    }

    /// Cells of a row, at least 1.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The rows, from the top.
    pub fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks_exact(self.columns)
    }

    /// Writes the rows for a terminal, each with its line feed.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, colours: Colours, out: &mut impl fmt::Write) -> fmt::Result {
        self.rows().try_for_each(|row| {
            write_row(row, colours, out)?;
            out.write_char('\n')
        })
    }
}

/// Writes one row for a terminal, without a line feed: for cells that another qube sent.
///
/// # Errors
/// Those of `out`.
pub fn write_row(row: &[Cell], colours: Colours, out: &mut impl fmt::Write) -> fmt::Result {
    let mut last = None;
    for cell in row {
        if colours == Colours::None {
            out.write_char(shade(*cell))?;
            continue;
        }
        // Neighbours are often alike.
        if last.replace(*cell) != Some(*cell) {
            write_colour(colours, 38, cell.upper, out)?;
            write_colour(colours, 48, cell.lower, out)?;
        }
        out.write_char('▀')?;
    }
    out.write_str(if colours == Colours::None { "" } else { "\u{1b}[0m" })
}

/// The size of the largest picture of the same shape that fits; none larger than it is.
fn fit(picture: &Picture, columns_max: usize, lines_max: usize) -> (usize, usize) {
    let (width, height) = (picture.width, picture.height);
    if width <= columns_max && height <= lines_max {
        return (width, height);
    }
    // Sides are bounded by `Limits`, so their products fit into 64 bits.
    if width.saturating_mul(lines_max) >= height.saturating_mul(columns_max) {
        (columns_max, (height.saturating_mul(columns_max) / width).max(1))
    } else {
        ((width.saturating_mul(lines_max) / height).max(1), lines_max)
    }
}

/// The mean colour of the pixels that become one: `index` of `count` parts of each side.
fn mean(
    picture: &Picture,
    (column, columns): (usize, usize),
    (line, lines): (usize, usize),
    background: [u8; 3],
) -> [u8; 3] {
    let part = |index: usize, count: usize, len: usize| {
        let start = index * len / count;
        start..((index + 1) * len / count).max(start + 1)
    };
    let (across, down) = (part(column, columns, picture.width), part(line, lines, picture.height));
    let mut sums = [0u64; 3];
    let mut count = 0;
    for y in down {
        let start = (y * picture.width + across.start) * PIXEL_LEN;
        let row = picture.rgba.get(start..start + across.len() * PIXEL_LEN).unwrap_or(&[]);
        for pixel in row.chunks_exact(PIXEL_LEN) {
            let alpha = u64::from(pixel.last().copied().unwrap_or(0));
            for ((sum, channel), behind) in sums.iter_mut().zip(pixel).zip(background) {
                *sum += (u64::from(*channel) * alpha + u64::from(behind) * (255 - alpha)) / 255;
            }
            count += 1;
        }
    }
    sums.map(|sum| u8::try_from(sum / u64::max(count, 1)).unwrap_or(u8::MAX))
}

/// One escape: `layer` is 38 for the upper half, 48 for the lower (ECMA-48 SGR, ISO 8613-6).
fn write_colour(
    colours: Colours,
    layer: u8,
    [red, green, blue]: [u8; 3],
    out: &mut impl fmt::Write,
) -> fmt::Result {
    if colours == Colours::True {
        return write!(out, "\u{1b}[{layer};2;{red};{green};{blue}m");
    }
    let level = |channel: u8| {
        let nearest = CUBE_LEVELS.iter().enumerate().min_by_key(|(_, level)| level.abs_diff(channel));
        nearest.map_or(0, |(index, _)| index)
    };
    write!(out, "\u{1b}[{layer};5;{}m", 16 + 36 * level(red) + 6 * level(green) + level(blue))
}

/// The character for a cell's brightness (weights of ITU-R BT.601, in thousandths).
fn shade(cell: Cell) -> char {
    let luma = |[red, green, blue]: [u8; 3]| {
        299 * usize::from(red) + 587 * usize::from(green) + 114 * usize::from(blue)
    };
    let brightness = (luma(cell.upper) + luma(cell.lower)) / 2;
    let index = brightness * (RAMP.len() - 1) / 255_000;
    RAMP.get(index).map_or(' ', |byte| char::from(*byte))
}
