//! The bits of lossless data, the lowest of each byte first.

use crate::WebpError;

/// Most bits that one [`Bits::read`] gives.
pub(crate) const READ_MAX: u32 = 24;

pub(crate) struct Bits<'a> {
    rest: &'a [u8],
    held: u64,
    /// Bits of `held` that are from the data; above them are zeros.
    count: u32,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { rest: data, held: 0, count: 0 }
    }

    /// At least 32 bits are held, if there are so many.
    fn fill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some((word, rest)) = self.rest.split_first_chunk::<4>() {
            self.held |= u64::from(u32::from_le_bytes(*word)) << self.count;
            self.count += 32;
            self.rest = rest;
            return;
        }
        while let Some((byte, rest)) = self.rest.split_first() {
            self.held |= u64::from(*byte) << self.count;
            self.count += 8;
            self.rest = rest;
        }
    }

    /// The next bits without going on, at most [`READ_MAX`]; zeros behind the last.
    pub(crate) fn peek(&mut self, count: u32) -> u32 {
        self.fill();
        low(self.held & ((1 << count.min(READ_MAX)) - 1))
    }

    /// Goes on by so many bits.
    pub(crate) fn skip(&mut self, count: u32) -> Result<(), WebpError> {
        self.count = self.count.checked_sub(count).ok_or(WebpError::Truncated)?;
        self.held >>= count;
        Ok(())
    }

    /// The next bits as a number, at most [`READ_MAX`].
    pub(crate) fn read(&mut self, count: u32) -> Result<u32, WebpError> {
        let value = self.peek(count);
        self.skip(count)?;
        Ok(value)
    }

    /// The next bits as a number that counts or is an index.
    pub(crate) fn count(&mut self, count: u32) -> Result<usize, WebpError> {
        usize::try_from(self.read(count)?).map_err(|_| WebpError::Lossless)
    }

    /// The next bits as a byte, at most 8.
    pub(crate) fn byte(&mut self, count: u32) -> Result<u8, WebpError> {
        u8::try_from(self.read(count)?).map_err(|_| WebpError::Lossless)
    }

    pub(crate) fn is_set(&mut self) -> Result<bool, WebpError> {
        Ok(self.read(1)? == 1)
    }
}

/// The lower half.
#[expect(clippy::cast_possible_truncation, reason = "what is above has been masked away")]
fn low(value: u64) -> u32 {
    value as u32
}
