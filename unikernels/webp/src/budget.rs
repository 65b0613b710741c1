//! The memory that may still be taken for a file. What is given back while decoding counts as taken, but for
//! the largest: so the sum is never less than what is really used.

use alloc::vec;
use alloc::vec::Vec;

use crate::WebpError;

pub(crate) struct Budget {
    left: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { left: bytes }
    }

    /// Takes room for so many values.
    pub(crate) fn take<T>(&mut self, count: usize) -> Result<(), WebpError> {
        let bytes = count.checked_mul(size_of::<T>()).ok_or(WebpError::Memory)?;
        self.left = self.left.checked_sub(bytes).ok_or(WebpError::Memory)?;
        Ok(())
    }

    /// Gives room back that was taken for so many values, and is used no more.
    pub(crate) fn give<T>(&mut self, count: usize) {
        self.left = self.left.saturating_add(count.saturating_mul(size_of::<T>()));
    }

    /// A vector of `count` times `value`.
    pub(crate) fn filled<T: Clone>(&mut self, value: T, count: usize) -> Result<Vec<T>, WebpError> {
        self.take::<T>(count)?;
        Ok(vec![value; count])
    }
}
