//! A split queue (2.7) whose descriptors are buffers of their own: who owns which, and what the device says.

use core::sync::atomic::{Ordering, fence};

use unikernels_nic::{Dma, NicError};

use crate::layout::{
    AVAILABLE_IN_WORD, BUFFER, DESCRIPTOR, DEVICE_AREA, DEVICE_WORD, DRIVER_AREA, DRIVER_ENTRIES,
    DRIVER_WORD, ENTRIES_MAX, USED,
};

/// Flag of a descriptor: the device writes the buffer.
const DEVICE_WRITES: u64 = 1 << 1;
/// Flag of the driver area: no interrupts.
const NO_INTERRUPT: u64 = 1;

/// What makes a device interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupts {
    /// A flag: for everything or for nothing (2.7.7).
    ByFlag,
    /// An index: once, when it has done so much (`EVENT_IDX`, 2.7.7.1).
    ByIndex,
}

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
    interrupts: Interrupts,
    /// The entries of the driver area, as they lie in memory, with the index at which to interrupt behind them.
    available: [u16; DRIVER_ENTRIES],
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
        interrupts: Interrupts,
        dma: &mut impl Dma,
    ) -> Self {
        for word in 0..512 {
            dma.write_u64(at + word * 8, 0);
        }
        let available = [0; DRIVER_ENTRIES];
        let (owned, given, told, taken, flags) = (0, 0, 0, 0, 0);
        let mut queue =
            Self { direction, at, buffers, size, owned, interrupts, available, given, told, taken, flags };
        if direction == Direction::Receive {
            queue.interrupt_after(1, dma);
        } else {
            queue.mute(dma);
        }
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
        self.set_available(place, slot, dma);
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

    /// Writes an entry of the driver area, or what stands behind them.
    fn set_available(&mut self, place: usize, value: u16, dma: &mut impl Dma) {
        self.available[place] = value;
        let first = place & !(AVAILABLE_IN_WORD - 1);
        let [a, b, c, d] = [0, 1, 2, 3].map(|next| u64::from(self.available[first + next]));
        dma.write_u64(self.at + DRIVER_WORD + 8 + first * 2, a | b << 16 | c << 32 | d << 48);
    }

    /// Has the device interrupt when it is done with `count` buffers more than were taken, or with any where there is no index
    /// to say so. It may be done with them already: that has to be looked at after this, with [`Self::done`] or by taking.
    pub(crate) fn interrupt_after(&mut self, count: u16, dma: &mut impl Dma) {
        match self.interrupts {
            Interrupts::ByFlag => self.set_flags(0, dma),
            Interrupts::ByIndex => self.interrupt_at(self.taken.wrapping_add(count.max(1)), dma),
        }
        // What is written has to be seen before what the device says is read again, or each may miss the other.
        fence(Ordering::SeqCst);
    }

    /// Has the device interrupt for nothing more.
    pub(crate) fn mute(&mut self, dma: &mut impl Dma) {
        match self.interrupts {
            Interrupts::ByFlag => self.set_flags(NO_INTERRUPT, dma),
            // An index that it has passed. It comes there again after 65,536 buffers, and one interrupt harms nobody.
            Interrupts::ByIndex => self.interrupt_at(self.taken, dma),
        }
    }

    /// Has the device interrupt when its index becomes this.
    fn interrupt_at(&mut self, index: u16, dma: &mut impl Dma) {
        self.set_available(usize::from(self.size), index.wrapping_sub(1), dma);
    }

    fn set_flags(&mut self, flags: u64, dma: &mut impl Dma) {
        self.flags = flags;
        self.write_driver_word(dma);
    }

    /// How many buffers the device says to be done with that were not taken.
    pub(crate) fn done(&self, dma: &impl Dma) -> u16 {
        let [.., low, high] = dma.read_u64(self.at + DEVICE_WORD).to_le_bytes();
        u16::from_le_bytes([low, high]).wrapping_sub(self.taken)
    }

    fn write_driver_word(&self, dma: &mut impl Dma) {
        dma.write_u64(self.at + DRIVER_WORD, self.flags << 32 | u64::from(self.told) << 48);
    }

    /// Takes back one buffer: which, and how many bytes the device says to have written.
    ///
    /// # Errors
    /// [`NicError::Broken`]: it says more than it was given, or names a buffer that it does not own.
    pub(crate) fn take(&mut self, dma: &impl Dma) -> Result<Option<(u16, usize)>, NicError> {
        let count = self.done(dma);
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
