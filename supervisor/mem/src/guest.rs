//! The only ways to a qube's memory: [`GuestMemory`] copies what a qube names by address, [`RingWindow`] reads and writes
//! the rings of one queue, whose place was checked once.
//!
//! An implementation checks every access against the qube's memory and refuses what lies outside. Writes are confined to
//! the part that the qube itself may write, so that a qube cannot have the supervisor overwrite its text (W^X from outside).
//! A ring access is masked instead of checked: whatever a qube puts into its rings, it cannot leave them.

use crate::Gpa;

/// The access was not wholly inside the memory that the qube may use this way. The qube is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside;

/// A qube's memory behind copies. Each call touches each guest byte at most once.
pub trait GuestMemory {
    /// A queue's rings in this memory.
    type Window: RingWindow;

    /// Opens a window on the rings of a queue. `None` when their size is no power of two or they are not wholly inside the
    /// memory that the qube may read, or for the used ring write.
    fn window(&self, rings: &RingAreas) -> Option<Self::Window>;

    /// Copies `into.len()` bytes out of the qube.
    ///
    /// # Errors
    /// [`Outside`] when any of them is not readable for the qube; nothing is copied then.
    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside>;

    /// Copies `bytes` into the qube.
    ///
    /// # Errors
    /// [`Outside`] when any target byte is not writable for the qube; nothing is copied then.
    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside>;
}

/// Where the rings of a split queue are said to be (VIRTIO 1.2, 2.7). Alignment is the caller's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingAreas {
    /// Descriptors; the rings have as many elements.
    pub size: u16,
    /// Descriptor table.
    pub descriptors: Gpa,
    /// Available ring.
    pub available: Gpa,
    /// Used ring.
    pub used: Gpa,
}

/// A descriptor as it was read, once (2.7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Where its buffer is, claimed.
    pub at: Gpa,
    /// How long its buffer is, claimed.
    pub len: u32,
    /// Flags in the lower half, the next descriptor in the upper one.
    pub word: u32,
}

/// The rings of one queue, and the buffers that its descriptors name. Each call touches each guest byte at most once.
pub trait RingWindow {
    /// Number of descriptors, a power of two.
    fn size(&self) -> u16;

    /// The driver's index in the available ring.
    fn available_index(&self) -> u16;

    /// The head at a position of the available ring; positions count on and wrap at the size.
    fn available(&self, position: u16) -> u16;

    /// A descriptor; `None` when there is none of this number.
    fn descriptor(&self, number: u16) -> Option<Descriptor>;

    /// Writes the element at a position of the used ring, head in the lower half, bytes written in the upper one; then
    /// publishes it: our index is one more than the position.
    fn give_back(&mut self, position: u16, element: u64);

    /// As [`GuestMemory::copy_in`], in the memory that the rings lie in.
    ///
    /// # Errors
    /// As there.
    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside>;

    /// As [`GuestMemory::copy_out`], in the memory that the rings lie in.
    ///
    /// # Errors
    /// As there.
    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside>;
}
