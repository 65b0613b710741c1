//! A qube's memory as a vector, with the checks of the real one (`supervisor/x86/src/guest_ram.rs`) and stricter: an access
//! that the trait promises to be aligned must be.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use supervisor_mem::{Descriptor, Gpa, GuestMemory, Outside, RingAreas, RingWindow};

/// The memory of one simulated qube.
///
/// A clone is the same memory: the windows that the supervisor opens on it hold one.
#[derive(Clone, Debug)]
pub struct SimRam {
    bytes: Rc<RefCell<Vec<u8>>>,
    first: u64,
    /// Offset from which on the qube may write.
    writable: u64,
    flickers: Rc<Cell<bool>>,
    work: Rc<Cell<Work>>,
}

/// What the supervisor did to memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Loads, stores and copies.
    pub(crate) accesses: u64,
    /// Bytes of them.
    pub(crate) bytes: u64,
}

impl SimRam {
    /// `len` bytes of zeros, seen by the qube from `first` on, writable from `writable_from` to the end.
    #[must_use]
    pub fn new(len: usize, first: Gpa, writable_from: Gpa) -> Self {
        let writable = writable_from.0.saturating_sub(first.0).min(len as u64);
        let bytes = Rc::new(RefCell::new(vec![0; len]));
        Self { bytes, first: first.0, writable, flickers: Rc::default(), work: Rc::default() }
    }

    /// From now on every byte the supervisor copies out changes behind its back, as under a device that writes to it.
    pub fn flicker(&mut self) {
        self.flickers.set(true);
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
        self.bytes.borrow_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    /// Zeroes `len` bytes from `offset` on; beyond the end is left out.
    pub(crate) fn zero(&mut self, offset: usize, len: usize) {
        let mut bytes = self.bytes.borrow_mut();
        let start = offset.min(bytes.len());
        let end = start.saturating_add(len).min(bytes.len());
        bytes[start..end].fill(0);
    }

    /// Writes part of the image, text included.
    pub(crate) fn load(&mut self, offset: usize, data: &[u8]) {
        self.bytes.borrow_mut()[offset..offset + data.len()].copy_from_slice(data);
    }

    /// Looks at all of it.
    pub(crate) fn with_all<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(&self.bytes.borrow())
    }
}

impl GuestMemory for SimRam {
    type Window = SimRings;

    fn window(&self, rings: &RingAreas) -> Option<SimRings> {
        let n = u64::from(rings.size);
        let aligned = rings.descriptors.0.is_multiple_of(16)
            && rings.available.0.is_multiple_of(2)
            && rings.used.0.is_multiple_of(4);
        assert!(aligned && rings.size.is_power_of_two(), "the queue let bad rings through: {rings:x?}");
        self.offset(rings.descriptors, 16 * n, 0).ok()?;
        self.offset(rings.available, 6 + 2 * n, 0).ok()?;
        self.offset(rings.used, 6 + 8 * n, self.writable).ok()?;
        Some(SimRings { ram: self.clone(), rings: *rings })
    }

    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        self.count(into.len());
        let offset = self.offset(from, into.len() as u64, 0)?;
        let mut bytes = self.bytes.borrow_mut();
        let source = &mut bytes[offset..offset + into.len()];
        into.copy_from_slice(source);
        if self.flickers.get() {
            source.iter_mut().for_each(|byte| *byte = !*byte);
        }
        Ok(())
    }

    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        self.count(bytes.len());
        self.write(to.0, bytes)
    }
}

/// The rings of a queue in such a memory.
#[derive(Debug)]
pub struct SimRings {
    ram: SimRam,
    rings: RingAreas,
}

impl SimRings {
    fn index(&self, position: u16) -> u64 {
        u64::from(position % self.rings.size)
    }

    fn load<const N: usize>(&self, at: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.ram.copy_in(Gpa(at), &mut bytes).expect("the rings are inside");
        bytes
    }

    fn store(&mut self, at: u64, bytes: &[u8]) {
        self.ram.copy_out(Gpa(at), bytes).expect("the used ring is inside");
    }
}

impl RingWindow for SimRings {
    fn size(&self) -> u16 {
        self.rings.size
    }

    fn available_index(&self) -> u16 {
        u16::from_le_bytes(self.load(self.rings.available.0 + 2))
    }

    fn available(&self, position: u16) -> u16 {
        u16::from_le_bytes(self.load(self.rings.available.0 + 4 + 2 * self.index(position)))
    }

    fn descriptor(&self, number: u16) -> Option<Descriptor> {
        if number >= self.rings.size {
            return None;
        }
        let from = self.rings.descriptors.0 + 16 * u64::from(number);
        let bytes: [u8; 16] = self.load(from);
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
        };
        let half = |range| u32::try_from(number(range)).expect("four bytes");
        Some(Descriptor { at: Gpa(number(0..8)), len: half(8..12), word: half(12..16) })
    }

    fn give_back(&mut self, position: u16, element: u64) {
        self.store(self.rings.used.0 + 4 + 8 * self.index(position), &element.to_le_bytes());
        self.store(self.rings.used.0 + 2, &position.wrapping_add(1).to_le_bytes());
    }

    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        self.ram.copy_in(from, into)
    }

    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        self.ram.copy_out(to, bytes)
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
        }
        assert_eq!(ram.copy_out(Gpa(0x20_1ffe), &[1, 2]), Ok(()));
        assert_eq!(ram.read_u16(0x20_1ffe), 0x0201);
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
