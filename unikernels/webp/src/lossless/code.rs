//! Prefix codes: how they are stored, and reading symbols by them. Source: RFC 9649, section 3.7.2.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::bits::Bits;
use crate::WebpError;
use crate::budget::Budget;

/// Most bits of a symbol (section 3.7.2.1.2).
const LEN_MAX: usize = 15;
/// Bits by which most symbols are found at once.
const TABLE_BITS: usize = 8;
/// Symbols of the code that the lengths of other codes are stored in.
const LENGTH_SYMBOLS: usize = 19;
/// The order in which the lengths of that code are stored.
const LENGTH_ORDER: [usize; LENGTH_SYMBOLS] =
    [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// The length that is repeated when none was before.
const LENGTH_FIRST: u8 = 8;

/// A prefix code.
pub(crate) enum Code {
    /// One symbol, which takes no bits.
    One(u16),
    Many(Box<Many>),
}

/// A code of two symbols and more.
pub(crate) struct Many {
    table_bits: u32,
    /// Symbol and length for each of the next bits; a length of 0 for those that are longer.
    table: Vec<(u16, u8)>,
    /// How many symbols have each length.
    counts: [u16; LEN_MAX + 1],
    /// The symbols by their length, then by their number.
    symbols: Vec<u16>,
}

impl Code {
    /// The code in which symbol `n` has `lengths[n]` bits; 0 means that there is no such symbol.
    pub(crate) fn new(lengths: &[u8], budget: &mut Budget) -> Result<Self, WebpError> {
        let mut counts = [0u16; LEN_MAX + 1];
        for len in lengths {
            *counts.get_mut(usize::from(*len)).ok_or(WebpError::Lossless)? += 1;
        }
        let used = lengths.len() - usize::from(counts.first().copied().unwrap_or(0));
        let numbered = || (0u16..).zip(lengths).filter(|(_, len)| **len > 0);
        // One symbol is one of no bits, whatever length is given to it.
        if used == 1 {
            return numbered().next().map(|(symbol, _)| Self::One(symbol)).ok_or(WebpError::Lossless);
        }
        // Every sequence of bits must be a symbol, and none two: the halves left over on each length.
        let mut left = 1u32;
        for count in counts.iter().skip(1) {
            left = (left * 2).checked_sub(u32::from(*count)).ok_or(WebpError::Lossless)?;
        }
        if left != 0 {
            return Err(WebpError::Lossless);
        }
        budget.take::<Many>(1)?;
        let mut symbols = budget.filled(0, used)?;
        let mut starts = [0usize; LEN_MAX + 1];
        let mut start = 0;
        for (place, count) in starts.iter_mut().zip(counts).skip(1) {
            *place = start;
            start += usize::from(count);
        }
        for (symbol, len) in numbered() {
            let at = starts.get_mut(usize::from(*len)).ok_or(WebpError::Lossless)?;
            *symbols.get_mut(*at).ok_or(WebpError::Lossless)? = symbol;
            *at += 1;
        }
        let longest = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        let bits = longest.min(TABLE_BITS);
        let mut table = budget.filled((0, 0), 1 << bits)?;
        fill(&mut table, bits, &counts, &symbols);
        let table_bits = u32::try_from(bits).map_err(|_| WebpError::Lossless)?;
        Ok(Self::Many(Box::new(Many { table_bits, table, counts, symbols })))
    }

    /// Reads a code of symbols below `alphabet`.
    pub(crate) fn read(bits: &mut Bits, alphabet: usize, budget: &mut Budget) -> Result<Self, WebpError> {
        if bits.is_set()? {
            let both = bits.is_set()?;
            let first_bits = if bits.is_set()? { 8 } else { 1 };
            let first = bits.byte(first_bits)?;
            let second = if both { bits.byte(8)? } else { first };
            let mut lengths = [0; 256];
            let last = usize::from(first.max(second));
            let lengths = lengths.get_mut(..=last).ok_or(WebpError::Lossless)?;
            for symbol in [first, second] {
                *lengths.get_mut(usize::from(symbol)).ok_or(WebpError::Lossless)? = 1;
            }
            return if last < alphabet { Self::new(lengths, budget) } else { Err(WebpError::Lossless) };
        }
        let mut lengths = [0; super::ALPHABET_MAX];
        let lengths = lengths.get_mut(..alphabet).ok_or(WebpError::Lossless)?;
        read_lengths(bits, lengths, budget)?;
        Self::new(lengths, budget)
    }

    /// Reads a symbol.
    #[inline]
    pub(crate) fn symbol(&self, bits: &mut Bits) -> Result<u16, WebpError> {
        match self {
            Self::One(symbol) => Ok(*symbol),
            Self::Many(many) => many.symbol(bits),
        }
    }
}

impl Many {
    #[inline]
    fn symbol(&self, bits: &mut Bits) -> Result<u16, WebpError> {
        let next = bits.peek(self.table_bits);
        match usize::try_from(next).ok().and_then(|at| self.table.get(at)) {
            Some((symbol, len)) if *len > 0 => {
                bits.skip(u32::from(*len))?;
                Ok(*symbol)
            }
            _ => self.long_symbol(bits),
        }
    }

    /// A symbol, one bit after the other.
    fn long_symbol(&self, bits: &mut Bits) -> Result<u16, WebpError> {
        // The number that the bits are, the smallest of this length, and how many symbols are shorter.
        let (mut number, mut first, mut shorter) = (0usize, 0usize, 0usize);
        for count in self.counts.iter().skip(1) {
            number |= bits.count(1)?;
            let count = usize::from(*count);
            if let Some(at) = number.checked_sub(first)
                && at < count
            {
                return self.symbols.get(shorter + at).copied().ok_or(WebpError::Lossless);
            }
            shorter += count;
            first = (first + count) * 2;
            number *= 2;
        }
        Err(WebpError::Lossless)
    }
}

/// Puts every symbol of at most `bits` bits to each of its places: its bits turned round, and any behind.
fn fill(table: &mut [(u16, u8)], bits: usize, counts: &[u16; LEN_MAX + 1], symbols: &[u16]) {
    let mut symbols = symbols.iter();
    let mut number = 0usize;
    for (len, count) in (1u8..).zip(counts.iter().skip(1)).take(bits) {
        for symbol in symbols.by_ref().take(usize::from(*count)) {
            let turned = number.reverse_bits() >> (usize::BITS - u32::from(len));
            for place in table.iter_mut().skip(turned).step_by(1 << len) {
                *place = (*symbol, len);
            }
            number += 1;
        }
        number *= 2;
    }
}

/// Reads the length of each symbol, in a code of their own (section 3.7.2.1.2).
fn read_lengths(bits: &mut Bits, lengths: &mut [u8], budget: &mut Budget) -> Result<(), WebpError> {
    let mut own = [0; LENGTH_SYMBOLS];
    let stored = 4 + bits.count(4)?;
    for symbol in LENGTH_ORDER.get(..stored).ok_or(WebpError::Lossless)? {
        *own.get_mut(*symbol).ok_or(WebpError::Lossless)? = bits.byte(3)?;
    }
    let code = Code::new(&own, budget)?;
    let symbols = if bits.is_set()? {
        let len = 2 + 2 * bits.read(3)?;
        2 + bits.count(len)?
    } else {
        lengths.len()
    };
    if symbols > lengths.len() {
        return Err(WebpError::Lossless);
    }
    let (mut at, mut before) = (0, LENGTH_FIRST);
    for _ in 0..symbols {
        if at >= lengths.len() {
            break;
        }
        let (len, count) = match code.symbol(bits)? {
            len @ 0..16 => (u8::try_from(len).map_err(|_| WebpError::Lossless)?, 1),
            16 => (before, 3 + bits.count(2)?),
            17 => (0, 3 + bits.count(3)?),
            _ => (0, 11 + bits.count(7)?),
        };
        lengths.get_mut(at..at + count).ok_or(WebpError::Lossless)?.fill(len);
        at += count;
        if len > 0 {
            before = len;
        }
    }
    Ok(())
}
