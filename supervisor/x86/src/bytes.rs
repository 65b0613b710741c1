//! Bounded little-endian reads, and physical memory as something one may ask for bytes.
//!
//! Every parser of firmware data in this crate is written over these functions: a read outside the bytes
//! given is `None`, never a panic, so the parsers are plain safe code that runs in host tests.

/// LoaderMemory memory as the loader left it.
pub(crate) trait LoaderMemory {
    /// The `length` bytes at `address`, or `None` where this memory must not be read.
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]>;
}

/// The `N` bytes at `offset`.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

/// The 16-bit number at `offset`.
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array_at(bytes, offset).map(u16::from_le_bytes)
}

/// The 32-bit number at `offset`.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array_at(bytes, offset).map(u32::from_le_bytes)
}

/// The 64-bit number at `offset`.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array_at(bytes, offset).map(u64::from_le_bytes)
}

/// Memory for tests: a few pieces at chosen addresses, everything else unreadable.
#[cfg(test)]
pub(crate) mod fake {
    use super::LoaderMemory;

    /// Pieces of memory by address. Stricter than the machine: a read must lie inside one piece.
    #[derive(Default)]
    pub(crate) struct Pieces(pub(crate) Vec<(u64, Vec<u8>)>);

    impl LoaderMemory for Pieces {
        fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
            self.0.iter().find_map(|(start, piece)| {
                let offset = usize::try_from(address.checked_sub(*start)?).ok()?;
                piece.get(offset..offset.checked_add(length)?)
            })
        }
    }
}
