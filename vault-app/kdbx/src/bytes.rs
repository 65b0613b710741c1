//! Reading little-endian numbers and runs of bytes from a slice; the end is an error, never a panic.

use crate::error::KdbxError;

/// What is left to read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], KdbxError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(KdbxError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], KdbxError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(KdbxError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, KdbxError> {
        self.array::<1>().map(|[byte]| *byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, KdbxError> {
        self.array().map(|bytes| u16::from_le_bytes(*bytes))
    }

    /// A length of four bytes, then as many bytes.
    pub(crate) fn run(&mut self) -> Result<&'a [u8], KdbxError> {
        let len = self.array().map(|bytes| u32::from_le_bytes(*bytes))?;
        self.take(usize::try_from(len).map_err(|_| KdbxError::Truncated)?)
    }
}

/// A number of four bytes that is all of `bytes`.
pub(crate) fn u32_of(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_le_bytes)
}

/// A number of eight bytes that is all of `bytes`.
pub(crate) fn u64_of(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

/// Appends a length of four bytes and `bytes`. Lengths are below the bounds, far from four bytes' end.
pub(crate) fn push_run(out: &mut alloc::vec::Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    debug_assert!(usize::try_from(len).is_ok_and(|len| len == bytes.len()));
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}
