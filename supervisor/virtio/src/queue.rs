//! The device side of one split virtqueue (VIRTIO 1.2, 2.7): take a chain from the driver, give one back.
//!
//! Invariants: every guest byte is read at most once per chain, into our own memory; a ring address was checked to lie in
//! the qube's memory when the queue was set up and ring indexes are masked, so a ring access cannot leave it; nothing here
//! loops longer than [`CHAIN_MAX`]. After a [`Malformed`] the caller poisons the queue: no second try on the same bytes.

use supervisor_mem::{Gpa, GuestMemory, Outside};

/// Largest queue, in descriptors.
pub const QUEUE_SIZE_MAX: u16 = 64;

/// Most descriptors in one chain: 64 KiB in 4 KiB pieces, a header and some slack. A chain may name one descriptor twice or
/// loop; without this cap it would hold the supervisor for ever.
pub const CHAIN_MAX: usize = 20;

const DESC_NEXT: u64 = 1;
const DESC_WRITE: u64 = 2;
/// NEXT and WRITE are the only flags without INDIRECT_DESC (2.7.5.3: must not be set unless negotiated).
const DESC_KNOWN: u64 = DESC_NEXT | DESC_WRITE;

/// What was wrong with a queue. The driver is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The available index ran ahead of the queue size, or back.
    Index,
    /// A descriptor number is not below the queue size.
    Descriptor,
    /// More than [`CHAIN_MAX`] descriptors, which a loop is too.
    ChainTooLong,
    /// An unknown flag, or a readable descriptor where a writable one belongs, or the reverse.
    Flags,
    /// More bytes than a message may have.
    TooLong,
    /// A buffer or ring lies outside the memory that the qube may use this way.
    Outside,
    /// Ring sizes, addresses or alignments that were refused at set-up.
    Areas,
}

impl From<Outside> for Malformed {
    fn from(_: Outside) -> Self {
        Self::Outside
    }
}

/// Where a driver says its rings are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueAreas {
    /// Descriptors, a power of two up to [`QUEUE_SIZE_MAX`].
    pub size: u32,
    /// Descriptor table, 16-byte aligned.
    pub descriptors: u64,
    /// Available ring ("driver area"), 2-byte aligned.
    pub driver: u64,
    /// Used ring ("device area"), 4-byte aligned.
    pub device: u64,
}

/// Whether a queue may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueState {
    /// Not set up.
    #[default]
    Off,
    /// In use.
    Ready,
    /// Refused for the rest of the qube's life.
    Poisoned,
}

/// A chain that was taken and must be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Chain {
    head: u16,
    /// Bytes copied from it.
    pub len: usize,
}

/// The device side of one queue. The default is off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue {
    areas: QueueAreas,
    mask: u16,
    next_available: u16,
    next_used: u16,
    state: QueueState,
}

impl Queue {
    /// Not set up.
    pub const OFF: Self = Self {
        areas: QueueAreas { size: 0, descriptors: 0, driver: 0, device: 0 },
        mask: 0,
        next_available: 0,
        next_used: 0,
        state: QueueState::Off,
    };

    /// Sets the queue up.
    ///
    /// # Errors
    /// [`Malformed::Areas`] for a bad size, alignment, or an area that is not in the qube's memory (writable for the used ring).
    pub fn enable<M: GuestMemory>(&mut self, areas: QueueAreas, memory: &M) -> Result<(), Malformed> {
        let size = areas.size;
        if self.state != QueueState::Off || !size.is_power_of_two() || size > u32::from(QUEUE_SIZE_MAX) {
            return Err(Malformed::Areas);
        }
        let n = u64::from(size);
        let aligned = areas.descriptors % 16 == 0 && areas.driver % 2 == 0 && areas.device % 4 == 0;
        let inside = memory.is_readable(Gpa(areas.descriptors), 16 * n)
            && memory.is_readable(Gpa(areas.driver), 6 + 2 * n)
            && memory.is_writable(Gpa(areas.device), 6 + 8 * n);
        if !(aligned && inside) {
            return Err(Malformed::Areas);
        }
        let mask = u16::try_from(size - 1).map_err(|_| Malformed::Areas)?;
        *self = Self { areas, mask, next_available: 0, next_used: 0, state: QueueState::Ready };
        Ok(())
    }

    /// Whether the queue may be used.
    #[must_use]
    pub fn state(&self) -> QueueState {
        self.state
    }

    /// Never use the queue again in this life of the qube.
    pub fn poison(&mut self) {
        self.state = QueueState::Poisoned;
    }

    /// Whether the driver has made a chain available. An unusable queue has none.
    ///
    /// # Errors
    /// [`Malformed::Index`] when the driver's index is impossible.
    #[inline]
    pub fn has_available<M: GuestMemory>(&self, memory: &M) -> Result<bool, Malformed> {
        if self.state != QueueState::Ready {
            return Ok(false);
        }
        let index = memory.load_u16(Gpa(self.areas.driver + 2))?;
        let ahead = index.wrapping_sub(self.next_available);
        if ahead > self.mask + 1 {
            return Err(Malformed::Index);
        }
        Ok(ahead != 0)
    }

    /// Takes the next chain, copying its readable bytes into `into`. Call only after [`Self::has_available`].
    ///
    /// # Errors
    /// See [`Malformed`]; more bytes than `into` holds are [`Malformed::TooLong`].
    #[inline]
    pub fn take<M: GuestMemory>(&mut self, memory: &M, into: &mut [u8]) -> Result<Chain, Malformed> {
        let head = self.next_head(memory)?;
        let [at, word] = self.descriptor(memory, head)?;
        let len = length(word);
        if flags(word) != 0 {
            return self.take_long(memory, head, [at, word], into);
        }
        let target = into.get_mut(..len).ok_or(Malformed::TooLong)?;
        memory.copy_in(Gpa(at), target)?;
        Ok(Chain { head, len })
    }

    /// A chain of several descriptors: the slow half of [`Self::take`].
    #[cold]
    fn take_long<M: GuestMemory>(
        &self,
        memory: &M,
        head: u16,
        first: [u64; 2],
        into: &mut [u8],
    ) -> Result<Chain, Malformed> {
        let mut filled = 0usize;
        let mut descriptor = first;
        for _ in 0..CHAIN_MAX {
            let [at, word] = descriptor;
            if flags(word) & !DESC_NEXT != 0 {
                return Err(Malformed::Flags);
            }
            let end = filled.checked_add(length(word)).ok_or(Malformed::TooLong)?;
            let target = into.get_mut(filled..end).ok_or(Malformed::TooLong)?;
            memory.copy_in(Gpa(at), target)?;
            filled = end;
            if flags(word) & DESC_NEXT == 0 {
                return Ok(Chain { head, len: filled });
            }
            descriptor = self.descriptor(memory, next(word))?;
        }
        Err(Malformed::ChainTooLong)
    }

    /// Gives a taken chain back, with nothing written into it.
    ///
    /// # Errors
    /// [`Malformed::Outside`] when the used ring is gone, which [`Self::enable`] excludes.
    #[inline]
    pub fn complete<M: GuestMemory>(&mut self, memory: &mut M, chain: Chain) -> Result<(), Malformed> {
        self.give_back(memory, chain.head, 0)
    }

    /// Writes `bytes` into the driver's next writable chain and gives it back. Call only after [`Self::has_available`].
    ///
    /// # Errors
    /// See [`Malformed`]; a chain too small for `bytes` is [`Malformed::TooLong`], and then nothing was taken.
    #[inline]
    pub fn put<M: GuestMemory>(&mut self, memory: &mut M, bytes: &[u8]) -> Result<(), Malformed> {
        let at = self.next_available & self.mask;
        let head = memory.load_u16(Gpa(self.areas.driver + 4 + 2 * u64::from(at)))?;
        let [to, word] = self.descriptor(memory, head)?;
        // One writable descriptor per receive buffer is all that our drivers post and all that is accepted.
        if flags(word) != DESC_WRITE {
            return Err(Malformed::Flags);
        }
        if length(word) < bytes.len() {
            return Err(Malformed::TooLong);
        }
        memory.copy_out(Gpa(to), bytes)?;
        self.next_available = self.next_available.wrapping_add(1);
        self.give_back(memory, head, bytes.len() as u64)
    }

    /// Takes the next chain, if there is one, and gives it back unread. Says whether there was one.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn discard<M: GuestMemory>(&mut self, memory: &mut M) -> Result<bool, Malformed> {
        if !self.has_available(memory)? {
            return Ok(false);
        }
        let head = self.next_head(memory)?;
        if head > self.mask {
            return Err(Malformed::Descriptor);
        }
        self.give_back(memory, head, 0)?;
        Ok(true)
    }

    /// Fills the driver's next writable chain with as much of `bytes` as it holds and gives it back. Call only after
    /// [`Self::has_available`].
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn fill<M: GuestMemory>(&mut self, memory: &mut M, bytes: &[u8]) -> Result<(), Malformed> {
        let head = self.next_head(memory)?;
        let [to, word] = self.descriptor(memory, head)?;
        if flags(word) != DESC_WRITE {
            return Err(Malformed::Flags);
        }
        let len = length(word).min(bytes.len());
        memory.copy_out(Gpa(to), bytes.get(..len).unwrap_or_default())?;
        self.give_back(memory, head, len as u64)
    }

    /// The next head from the available ring; counts it as taken.
    #[inline]
    fn next_head<M: GuestMemory>(&mut self, memory: &M) -> Result<u16, Malformed> {
        let at = self.next_available & self.mask;
        let head = memory.load_u16(Gpa(self.areas.driver + 4 + 2 * u64::from(at)))?;
        self.next_available = self.next_available.wrapping_add(1);
        Ok(head)
    }

    #[inline]
    fn descriptor<M: GuestMemory>(&self, memory: &M, index: u16) -> Result<[u64; 2], Malformed> {
        if index > self.mask {
            return Err(Malformed::Descriptor);
        }
        let pair = memory.load_pair(Gpa(self.areas.descriptors + 16 * u64::from(index)))?;
        if flags(pair[1]) & !DESC_KNOWN != 0 {
            return Err(Malformed::Flags);
        }
        Ok(pair)
    }

    #[inline]
    fn give_back<M: GuestMemory>(&mut self, memory: &mut M, head: u16, written: u64) -> Result<(), Malformed> {
        let at = self.next_used & self.mask;
        let element = u64::from(head) | (written << 32);
        memory.store_u64(Gpa(self.areas.device + 4 + 8 * u64::from(at)), element)?;
        self.next_used = self.next_used.wrapping_add(1);
        memory.store_u16(Gpa(self.areas.device + 2), self.next_used)?;
        Ok(())
    }
}

/// Length field of a descriptor's second word.
#[inline]
fn length(word: u64) -> usize {
    (word & 0xffff_ffff) as usize
}

/// Flags field.
#[inline]
fn flags(word: u64) -> u64 {
    (word >> 32) & 0xffff
}

/// Next field.
#[inline]
fn next(word: u64) -> u16 {
    (word >> 48) as u16
}

#[cfg(test)]
mod tests;
