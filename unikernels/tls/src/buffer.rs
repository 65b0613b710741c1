//! A queue of bytes that never grows beyond its capacity and leaves nothing behind.

use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

/// Bytes that came in at the back and leave at the front. All memory is taken at once: a vector that grows leaves
/// copies of what it held.
pub(crate) struct Buffer {
    bytes: Zeroizing<Vec<u8>>,
    /// What has left, at the front.
    gone: usize,
}

impl Buffer {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(capacity)), gone: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.gone)
    }

    pub(crate) fn room(&self) -> usize {
        self.bytes.capacity().saturating_sub(self.len())
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.gone..).unwrap_or(&[])
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.gone..).unwrap_or(&mut [])
    }

    /// Appends as many as there is room for; returns how many.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        self.compact(taken);
        self.bytes.extend_from_slice(bytes.get(..taken).unwrap_or(&[]));
        taken
    }

    /// Lets a function write into up to `len` bytes at the back; it returns how many it wrote.
    pub(crate) fn write<E>(
        &mut self,
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let len = len.min(self.room());
        self.compact(len);
        let old = self.bytes.len();
        self.bytes.resize(old.saturating_add(len), 0);
        let written = fill(self.bytes.get_mut(old..).unwrap_or(&mut []));
        let kept = written.as_ref().map_or(0, |written| (*written).min(len));
        self.bytes.truncate(old.saturating_add(kept));
        written
    }

    /// Takes bytes from the front, and wipes them; `false` when there are not as many.
    pub(crate) fn discard(&mut self, len: usize) -> bool {
        let Some(front) = self.as_mut_slice().get_mut(..len) else { return false };
        front.zeroize();
        self.gone = self.gone.saturating_add(len);
        if self.gone == self.bytes.len() {
            self.bytes.clear();
            self.gone = 0;
        }
        true
    }

    /// Moves all to the front when `len` more would not fit behind.
    fn compact(&mut self, len: usize) {
        if self.bytes.len().saturating_add(len) > self.bytes.capacity() {
            self.bytes.drain(..self.gone);
            self.gone = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in_and_the_memory_stays_where_it_is() {
        let mut buffer = Buffer::new(10);
        let (place, mut next, mut expected) = (buffer.bytes.as_ptr(), 0_u8, 0_u8);
        for round in 0..1000_usize {
            let bytes: [u8; 7] = core::array::from_fn(|at| next.wrapping_add(at.try_into().unwrap()));
            let taken = buffer.push(&bytes[..round % 8]);
            assert_eq!(taken, (round % 8).min(taken + buffer.room()));
            next = next.wrapping_add(taken.try_into().unwrap());
            let out = (round % 5).min(buffer.len());
            for byte in &buffer.as_slice()[..out] {
                assert_eq!(*byte, expected);
                expected = expected.wrapping_add(1);
            }
            assert!(buffer.discard(out));
            assert_eq!(buffer.bytes.as_ptr(), place);
        }
        assert!(!buffer.discard(11));
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let mut buffer = Buffer::new(10);
        buffer.push(b"abc");
        let failed: Result<usize, ()> = buffer.write(20, |room| {
            assert_eq!(room.len(), 7);
            room.fill(1);
            Err(())
        });
        assert_eq!((failed, buffer.as_slice()), (Err(()), b"abc".as_slice()));
        assert_eq!(
            buffer.write(7, |room| Ok::<_, ()>({
                room[0] = b'd';
                1
            })),
            Ok(1)
        );
        assert_eq!(buffer.as_slice(), b"abcd");
    }
}
