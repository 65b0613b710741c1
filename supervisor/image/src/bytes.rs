//! Little-endian numbers at an offset, or `None` past the end.

use core::fmt;

/// A record, or the whole file.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk::<N>().copied()
    }

    pub(crate) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(crate) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    /// A `u32` as an index or length.
    pub(crate) fn size(self, at: usize) -> Option<usize> {
        self.u32(at).and_then(|size| usize::try_from(size).ok())
    }

    pub(crate) fn slice(self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(length)?)
    }
}

/// A table of records of one size.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    bytes: &'a [u8],
    record: usize,
}

impl<'a> Table<'a> {
    /// No records.
    pub(crate) const EMPTY: Self = Self { bytes: &[], record: 1 };

    /// The table whose `offset u32, count u32` lies at `entry`.
    pub(crate) fn at(file: Bytes<'a>, entry: usize, record: usize) -> Option<Table<'a>> {
        let length = file.size(entry + 4)?.checked_mul(record)?;
        Some(Table { bytes: file.slice(file.size(entry)?, length)?, record })
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn count(self) -> usize {
        self.bytes.len() / self.record
    }

    pub(crate) fn get(self, index: usize) -> Option<Bytes<'a>> {
        self.bytes.get(index.checked_mul(self.record)?..)?.get(..self.record).map(Bytes)
    }
}

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Debug for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records", self.count())
    }
}
