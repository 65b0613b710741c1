//! `Watched`: a qube's memory that writes down every look the device side takes at it.
//!
//! Stricter than `supervisor/sim`: it knows which descriptor, which place of the ring and which bytes were read, so that the
//! oracle can demand that each was read exactly as often as a single walk needs it. Its first page is read-only.

use std::cell::RefCell;
use std::rc::Rc;

use supervisor_mem::{Descriptor, Gpa, GuestMemory, Outside, RingAreas, RingWindow};

/// First address of the memory.
pub(crate) const FIRST: u64 = 0x20_0000;
/// Bytes of it. More than the longest message, so that a chain may be too long and still be inside.
pub(crate) const SIZE: usize = 0x1_4000;
/// From here on the qube may write.
pub(crate) const WRITABLE: u64 = FIRST + 0x1000;
/// Looks that one operation may take; over this it does not come to an end.
const LOOKS_MAX: usize = 200;

/// One look of the device side at the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// At the driver's index.
    Index,
    /// At a place of the available ring.
    Available(u16),
    /// At a descriptor.
    Descriptor(u16),
    /// At bytes of a buffer.
    Bytes(u64, usize),
    /// Bytes were written to a buffer.
    Wrote(u64, usize),
    /// An element was written to the used ring.
    GaveBack(u16, u64),
}

/// The memory; a clone is the same memory.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    bytes: Rc<RefCell<Vec<u8>>>,
    looks: Rc<RefCell<Vec<Look>>>,
}

impl Watched {
    pub(crate) fn new() -> Self {
        Watched { bytes: Rc::new(RefCell::new(vec![0; SIZE])), looks: Rc::default() }
    }

    /// What was looked at since last asked.
    pub(crate) fn take_looks(&self) -> Vec<Look> {
        self.looks.take()
    }

    fn look(&self, look: Look) {
        let mut looks = self.looks.borrow_mut();
        looks.push(look);
        assert!(looks.len() <= LOOKS_MAX, "the walk of a chain does not come to an end");
    }

    /// Where `length` bytes from an address stand; `None` when they are not all inside.
    pub(crate) fn place(at: u64, length: usize) -> Option<usize> {
        let start = usize::try_from(at.checked_sub(FIRST)?).ok()?;
        (start.checked_add(length)? <= SIZE).then_some(start)
    }

    /// Writes as the qube does; what it may not write stays.
    pub(crate) fn poke(&self, at: u64, bytes: &[u8]) {
        if let Some(start) = Self::place(at, bytes.len()).filter(|_| at >= WRITABLE) {
            self.bytes.borrow_mut()[start..start + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Reads without being seen; zeros where there is no memory.
    pub(crate) fn peek<const N: usize>(&self, at: u64) -> [u8; N] {
        let mut bytes = [0; N];
        if let Some(start) = Self::place(at, N) {
            bytes.copy_from_slice(&self.bytes.borrow()[start..start + N]);
        }
        bytes
    }

    /// Reads so many bytes without being seen.
    pub(crate) fn peek_bytes(&self, at: u64, length: usize) -> Option<Vec<u8>> {
        let start = Self::place(at, length)?;
        Some(self.bytes.borrow()[start..start + length].to_vec())
    }

    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), Outside> {
        let start = Self::place(at, into.len()).ok_or(Outside)?;
        into.copy_from_slice(&self.bytes.borrow()[start..start + into.len()]);
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), Outside> {
        let start = Self::place(at, bytes.len()).filter(|_| at >= WRITABLE).ok_or(Outside)?;
        self.bytes.borrow_mut()[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

impl GuestMemory for Watched {
    type Window = Rings;

    fn window(&self, rings: &RingAreas) -> Option<Rings> {
        assert!(rings.size.is_power_of_two(), "a size that is none got as far as here: {rings:?}");
        let n = usize::from(rings.size);
        Self::place(rings.descriptors.0, 16 * n)?;
        Self::place(rings.available.0, 6 + 2 * n)?;
        Self::place(rings.used.0, 6 + 8 * n).filter(|_| rings.used.0 >= WRITABLE)?;
        Some(Rings { memory: self.clone(), areas: *rings })
    }

    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        self.look(Look::Bytes(from.0, into.len()));
        self.read(from.0, into)
    }

    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        self.look(Look::Wrote(to.0, bytes.len()));
        self.write(to.0, bytes)
    }
}

/// A window on the rings of a queue in such a memory.
#[derive(Debug)]
pub(crate) struct Rings {
    memory: Watched,
    areas: RingAreas,
}

impl RingWindow for Rings {
    fn size(&self) -> u16 {
        self.areas.size
    }

    fn available_index(&self) -> u16 {
        self.memory.look(Look::Index);
        u16::from_le_bytes(self.memory.peek(self.areas.available.0 + 2))
    }

    fn available(&self, position: u16) -> u16 {
        self.memory.look(Look::Available(position));
        let place = u64::from(position % self.areas.size);
        u16::from_le_bytes(self.memory.peek(self.areas.available.0 + 4 + 2 * place))
    }

    fn descriptor(&self, number: u16) -> Option<Descriptor> {
        self.memory.look(Look::Descriptor(number));
        let at = self.areas.descriptors.0 + 16 * u64::from(number);
        (number < self.areas.size).then(|| Descriptor {
            at: Gpa(u64::from_le_bytes(self.memory.peek(at))),
            len: u32::from_le_bytes(self.memory.peek(at + 8)),
            word: u32::from_le_bytes(self.memory.peek(at + 12)),
        })
    }

    fn give_back(&mut self, position: u16, element: u64) {
        self.memory.look(Look::GaveBack(position, element));
        let place = u64::from(position % self.areas.size);
        let next = position.wrapping_add(1).to_le_bytes();
        let stored = self.memory.write(self.areas.used.0 + 4 + 8 * place, &element.to_le_bytes());
        stored
            .and_then(|()| self.memory.write(self.areas.used.0 + 2, &next))
            .expect("the used ring is inside");
    }

    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        self.memory.copy_in(from, into)
    }

    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        self.memory.copy_out(to, bytes)
    }
}
