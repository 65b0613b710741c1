//! A split queue (2.7) whose descriptors are buffers of their own: who owns which, and what the device says.

use unikernels_nic::{Dma, NicError};

use crate::layout::{
    AVAILABLE_IN_WORD, BUFFER, DESCRIPTOR, DEVICE_AREA, DEVICE_WORD, DRIVER_AREA, DRIVER_WORD, ENTRIES_MAX,
    USED,
};

/// Flag of a descriptor: the device writes the buffer.
const DEVICE_WRITES: u64 = 1 << 1;
/// Flag of the driver area: no interrupts.
const NO_INTERRUPT: u64 = 1;

/// Who writes the buffers of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The device: frames that come.
    Receive,
    /// The driver: frames that go.
    Transmit,
}

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    direction: Direction,
    /// Offsets of its page and of its buffers.
    at: usize,
    buffers: usize,
    /// How many descriptors it has, a power of two.
    size: u16,
    /// Which ones the device owns, one bit each.
    owned: u128,
    /// The entries of the driver area, as they lie in memory.
    available: [u16; ENTRIES_MAX],
    /// Its index: with all that was given, and what the device was told last.
    given: u16,
    told: u16,
    /// The index of the device area up to which entries were taken.
    taken: u16,
    flags: u64,
}

const _: () = assert!(ENTRIES_MAX <= u128::BITS as usize);

impl Queue {
    /// An empty queue. The device must not use it yet.
    pub(crate) fn new(
        direction: Direction,
        at: usize,
        buffers: usize,
        size: u16,
        dma: &mut impl Dma,
    ) -> Self {
        for word in 0..512 {
            dma.write_u64(at + word * 8, 0);
        }
        let available = [0; ENTRIES_MAX];
        let mut queue =
            Self { direction, at, buffers, size, owned: 0, available, given: 0, told: 0, taken: 0, flags: 0 };
        queue.set_interrupt(direction == Direction::Receive, dma);
        queue
    }

    /// Bus addresses of descriptors, driver area and device area.
    pub(crate) fn areas(&self, dma: &impl Dma) -> [u64; 3] {
        [0, DRIVER_AREA, DEVICE_AREA].map(|area| dma.bus() + (self.at + area) as u64)
    }

    pub(crate) fn size(&self) -> u16 {
        self.size
    }

    /// Offset of a buffer.
    pub(crate) fn buffer(&self, slot: u16) -> usize {
        self.buffers + usize::from(slot) * BUFFER
    }

    /// A buffer that the device does not own.
    pub(crate) fn free(&self) -> Option<u16> {
        let slot = u16::try_from(self.owned.trailing_ones()).ok()?;
        (slot < self.size).then_some(slot)
    }

    /// Gives `len` bytes of a free buffer to the device, which does not know before [`Self::publish`].
    pub(crate) fn give(&mut self, slot: u16, len: usize, dma: &mut impl Dma) {
        let flags = if self.direction == Direction::Receive { DEVICE_WRITES } else { 0 };
        let at = self.at + usize::from(slot) * DESCRIPTOR;
        let bus = dma.bus() + self.buffer(slot) as u64;
        dma.write_u64(at, bus);
        dma.write_u64(at + 8, len as u64 | flags << 32);
        let place = usize::from(self.given & (self.size - 1));
        self.available[place] = slot;
        let first = place & !(AVAILABLE_IN_WORD - 1);
        let [a, b, c, d] = [0, 1, 2, 3].map(|next| u64::from(self.available[first + next]));
        dma.write_u64(self.at + DRIVER_WORD + 8 + first * 2, a | b << 16 | c << 32 | d << 48);
        self.owned |= 1 << slot;
        self.given = self.given.wrapping_add(1);
    }

    /// How many buffers were given that the device does not know of.
    pub(crate) fn unpublished(&self) -> u16 {
        self.given.wrapping_sub(self.told)
    }

    /// Shows the device what was given. It has to be notified then.
    pub(crate) fn publish(&mut self, dma: &mut impl Dma) {
        self.told = self.given;
        self.write_driver_word(dma);
    }

    /// Whether the device interrupts when it has done something.
    pub(crate) fn set_interrupt(&mut self, wanted: bool, dma: &mut impl Dma) {
        self.flags = if wanted { 0 } else { NO_INTERRUPT };
        self.write_driver_word(dma);
    }

    fn write_driver_word(&self, dma: &mut impl Dma) {
        dma.write_u64(self.at + DRIVER_WORD, self.flags << 32 | u64::from(self.told) << 48);
    }

    /// Takes back one buffer: which, and how many bytes the device says to have written.
    ///
    /// # Errors
    /// [`NicError::Broken`]: it says more than it was given, or names a buffer that it does not own.
    pub(crate) fn take(&mut self, dma: &impl Dma) -> Result<Option<(u16, usize)>, NicError> {
        let [.., low, high] = dma.read_u64(self.at + DEVICE_WORD).to_le_bytes();
        let count = u16::from_le_bytes([low, high]).wrapping_sub(self.taken);
        if count == 0 {
            return Ok(None);
        }
        if u32::from(count) > self.owned.count_ones() {
            return Err(NicError::Broken);
        }
        let place = usize::from(self.taken & (self.size - 1));
        let [a, b, c, d, len @ ..] = dma.read_u64(self.at + DEVICE_WORD + 8 + place * USED).to_le_bytes();
        let slot = u16::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|_| NicError::Broken)?;
        if slot >= self.size || self.owned & 1 << slot == 0 {
            return Err(NicError::Broken);
        }
        self.owned &= !(1 << slot);
        self.taken = self.taken.wrapping_add(1);
        // Whoever uses the length compares it with a buffer's, so what does not fit may be anything too long.
        Ok(Some((slot, usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX))))
    }
}
