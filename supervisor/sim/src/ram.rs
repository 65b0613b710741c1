//! A qube's memory as a vector, with the checks of the real one (`supervisor/x86/src/guest_ram.rs`) and stricter: an access
//! that the trait promises to be aligned must be.

use std::cell::{Cell, RefCell};

use supervisor_mem::{Gpa, GuestMemory, Outside};

/// The memory of one simulated qube.
#[derive(Debug)]
pub struct SimRam {
    bytes: RefCell<Vec<u8>>,
    first: u64,
    /// Offset from which on the qube may write.
    writable: u64,
    flickers: bool,
    work: Cell<Work>,
}

/// What the supervisor did to memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Loads, stores and copies.
    pub(crate) accesses: u64,
    /// Bytes of the copies.
    pub(crate) bytes: u64,
}

impl SimRam {
    /// `len` bytes of zeros, seen by the qube from `first` on, writable from `writable_from` to the end.
    #[must_use]
    pub fn new(len: usize, first: Gpa, writable_from: Gpa) -> Self {
        let writable = writable_from.0.saturating_sub(first.0).min(len as u64);
        Self {
            bytes: RefCell::new(vec![0; len]),
            first: first.0,
            writable,
            flickers: false,
            work: Cell::default(),
        }
    }

    /// From now on every byte the supervisor copies out changes behind its back, as under a device that writes to it.
    pub fn flicker(&mut self) {
        self.flickers = true;
    }

    /// Bytes of it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.borrow().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the supervisor has done to it since last asked.
    pub(crate) fn take_work(&self) -> Work {
        self.work.take()
    }

    fn count(&self, bytes: usize) {
        let Work { accesses, bytes: before } = self.work.get();
        self.work.set(Work { accesses: accesses + 1, bytes: before + bytes as u64 });
    }

    fn offset(&self, at: Gpa, len: u64, from: u64) -> Result<usize, Outside> {
        let offset = at.0.wrapping_sub(self.first);
        let size = self.len() as u64;
        if len > size || offset > size - len || offset < from {
            return Err(Outside);
        }
        usize::try_from(offset).map_err(|_| Outside)
    }

    /// Reads as the qube does.
    ///
    /// # Errors
    /// It has no such memory.
    pub fn read(&self, at: u64, len: usize) -> Result<Vec<u8>, Outside> {
        let offset = self.offset(Gpa(at), len as u64, 0)?;
        Ok(self.bytes.borrow()[offset..offset + len].to_vec())
    }

    /// Reads a number as the qube does; 0 where it has no memory.
    #[must_use]
    pub fn read_u16(&self, at: u64) -> u16 {
        self.read(at, 2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// Writes as the qube does.
    ///
    /// # Errors
    /// It may not write there.
    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Outside> {
        let offset = self.offset(Gpa(at), bytes.len() as u64, self.writable)?;
        self.bytes.get_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    /// Zeroes `len` bytes from `offset` on; beyond the end is left out.
    pub(crate) fn zero(&mut self, offset: usize, len: usize) {
        let bytes = self.bytes.get_mut();
        let start = offset.min(bytes.len());
        let end = start.saturating_add(len).min(bytes.len());
        bytes[start..end].fill(0);
    }

    /// Writes part of the image, text included.
    pub(crate) fn load(&mut self, offset: usize, data: &[u8]) {
        self.bytes.get_mut()[offset..offset + data.len()].copy_from_slice(data);
    }

    /// Looks at all of it.
    pub(crate) fn with_all<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(&self.bytes.borrow())
    }
}

impl GuestMemory for SimRam {
    fn load_u16(&self, at: Gpa) -> Result<u16, Outside> {
        assert!(at.0.is_multiple_of(2), "a ring index at {:#x} is not aligned", at.0);
        self.count(0);
        let offset = self.offset(at, 2, 0)?;
        let bytes = self.bytes.borrow();
        Ok(u16::from_le_bytes([bytes[offset], bytes[offset + 1]]))
    }

    fn load_pair(&self, at: Gpa) -> Result<[u64; 2], Outside> {
        assert!(at.0.is_multiple_of(16), "a descriptor at {:#x} is not aligned", at.0);
        self.count(0);
        let offset = self.offset(at, 16, 0)?;
        let bytes = self.bytes.borrow();
        Ok([0, 8].map(|word| {
            let bytes = &bytes[offset + word..offset + word + 8];
            bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
        }))
    }

    fn store_u16(&mut self, at: Gpa, value: u16) -> Result<(), Outside> {
        assert!(at.0.is_multiple_of(2), "a ring index at {:#x} is not aligned", at.0);
        self.copy_out(at, &value.to_le_bytes())
    }

    fn store_u64(&mut self, at: Gpa, value: u64) -> Result<(), Outside> {
        assert!(at.0.is_multiple_of(4), "a used element at {:#x} is not aligned", at.0);
        self.copy_out(at, &value.to_le_bytes())
    }

    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        self.count(into.len());
        let offset = self.offset(from, into.len() as u64, 0)?;
        let mut bytes = self.bytes.borrow_mut();
        let source = &mut bytes[offset..offset + into.len()];
        into.copy_from_slice(source);
        if self.flickers {
            source.iter_mut().for_each(|byte| *byte = !*byte);
        }
        Ok(())
    }

    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        self.count(bytes.len());
        self.write(to.0, bytes)
    }

    fn is_writable(&self, at: Gpa, len: u64) -> bool {
        self.offset(at, len, self.writable).is_ok()
    }

    fn is_readable(&self, at: Gpa, len: u64) -> bool {
        self.offset(at, len, 0).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_and_nothing_read_only_is_written() {
        let mut ram = SimRam::new(8192, Gpa(0x20_0000), Gpa(0x20_1000));
        for (at, len) in [(0x1f_ffff, 1), (0x20_2000, 1), (0x20_0fff, 1), (0x20_1fff, 2), (u64::MAX, 2)] {
            assert_eq!(ram.copy_out(Gpa(at), &vec![1; len]), Err(Outside), "{at:#x}");
            assert!(!ram.is_writable(Gpa(at), len as u64), "{at:#x}");
        }
        assert_eq!(ram.copy_out(Gpa(0x20_1ffe), &[1, 2]), Ok(()));
        assert_eq!(ram.load_u16(Gpa(0x20_1ffe)), Ok(0x0201));
        assert_eq!(ram.read(0x20_0000, 8190), Ok(vec![0; 8190]));
    }

    #[test]
    fn memory_that_flickers_shows_its_bytes_once() {
        let mut ram = SimRam::new(4096, Gpa(0), Gpa(0));
        ram.flicker();
        let (mut first, mut second) = ([1; 2], [1; 2]);
        assert_eq!((ram.copy_in(Gpa(0), &mut first), ram.copy_in(Gpa(0), &mut second)), (Ok(()), Ok(())));
        assert_eq!((first, second), ([0; 2], [0xff; 2]));
    }
}
