//! The device side of one split virtqueue (VIRTIO 1.2, 2.7): take a chain from the driver, give one back.
//!
//! Invariants: every guest byte is read at most once per chain, into our own memory; a ring address was checked to lie in
//! the qube's memory when the queue was set up and ring indexes are masked, so a ring access cannot leave it; nothing here
//! loops longer than [`CHAIN_MAX`]. Only a queue that is set up and not poisoned has a [`Ring`]. After a [`Malformed`] the
//! caller poisons the queue: no second try on the same bytes.

use supervisor_mem::{Descriptor, Gpa, GuestMemory, Outside, RingAreas, RingWindow};

/// Largest queue, in descriptors.
pub const QUEUE_SIZE_MAX: u16 = 64;

/// Most descriptors in one chain: 64 KiB in 4 KiB pieces, a header and some slack. A chain may name one descriptor twice or
/// loop; without this cap it would hold the supervisor for ever.
pub const CHAIN_MAX: usize = 20;

const DESC_NEXT: u16 = 1;
const DESC_WRITE: u16 = 2;

/// What was wrong with a queue. The driver is to blame. The audit tells them by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Malformed {
    /// The available index ran ahead of the queue size, or back.
    Index = 0,
    /// A descriptor number is not below the queue size.
    Descriptor = 1,
    /// More than [`CHAIN_MAX`] descriptors, which a loop is too.
    ChainTooLong = 2,
    /// An unknown flag, or a readable descriptor where a writable one belongs, or the reverse.
    Flags = 3,
    /// More bytes than a message may have.
    TooLong = 4,
    /// A buffer or ring lies outside the memory that the qube may use this way.
    Outside = 5,
    /// Ring sizes, addresses or alignments that were refused at set-up.
    Areas = 6,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueState {
    /// Not set up.
    Off,
    /// In use.
    Ready,
    /// Refused for the rest of the qube's life.
    Poisoned,
}

/// A chain that was taken and must be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Chain(u16);

/// The device side of one queue. The default is off.
#[derive(Debug, Default)]
pub enum Queue<W> {
    /// Not set up.
    #[default]
    Off,
    /// In use.
    Ready(Ring<W>),
    /// Refused for the rest of the qube's life.
    Poisoned,
}

impl<W: RingWindow> Queue<W> {
    /// Sets the queue up.
    ///
    /// # Errors
    /// [`Malformed::Areas`] for a bad size, alignment, or an area that is not in the qube's memory (writable for the used
    /// ring), and for a queue that is not off.
    pub fn enable<M: GuestMemory<Window = W>>(
        &mut self,
        areas: QueueAreas,
        memory: &M,
    ) -> Result<(), Malformed> {
        let size = u16::try_from(areas.size).map_err(|_| Malformed::Areas)?;
        let aligned = areas.descriptors.is_multiple_of(16)
            && areas.driver.is_multiple_of(2)
            && areas.device.is_multiple_of(4);
        if self.state() != QueueState::Off || !size.is_power_of_two() || size > QUEUE_SIZE_MAX || !aligned {
            return Err(Malformed::Areas);
        }
        let rings = RingAreas {
            size,
            descriptors: Gpa(areas.descriptors),
            available: Gpa(areas.driver),
            used: Gpa(areas.device),
        };
        let window = memory.window(&rings).ok_or(Malformed::Areas)?;
        *self = Self::Ready(Ring { window, next_available: 0, next_used: 0 });
        Ok(())
    }

    /// Whether the queue may be used.
    #[must_use]
    pub fn state(&self) -> QueueState {
        match self {
            Self::Off => QueueState::Off,
            Self::Ready(_) => QueueState::Ready,
            Self::Poisoned => QueueState::Poisoned,
        }
    }

    /// Never use the queue again in this life of the qube.
    pub fn poison(&mut self) {
        *self = Self::Poisoned;
    }

    /// The rings, if the queue may be used.
    #[inline]
    pub fn ring(&mut self) -> Option<&mut Ring<W>> {
        match self {
            Self::Ready(ring) => Some(ring),
            Self::Off | Self::Poisoned => None,
        }
    }

    /// The rings, if the queue may be used and the driver has made a chain available.
    ///
    /// # Errors
    /// [`Malformed::Index`] when the driver's index is impossible.
    pub fn waiting(&mut self) -> Result<Option<&mut Ring<W>>, Malformed> {
        match self.ring() {
            Some(ring) if ring.ahead()? != 0 => Ok(Some(ring)),
            _ => Ok(None),
        }
    }
}

/// The rings of a queue in use.
#[derive(Debug)]
pub struct Ring<W> {
    window: W,
    next_available: u16,
    next_used: u16,
}

impl<W: RingWindow> Ring<W> {
    /// How many chains the driver has made available.
    ///
    /// # Errors
    /// [`Malformed::Index`] when the driver's index is impossible.
    #[inline(always)]
    pub fn ahead(&self) -> Result<u16, Malformed> {
        let ahead = self.window.available_index().wrapping_sub(self.next_available);
        if ahead > self.window.size() { Err(Malformed::Index) } else { Ok(ahead) }
    }

    /// Takes the next chain, copying its readable bytes into `into`, and lends them. Call only when there is one
    /// ([`Self::ahead`]).
    ///
    /// # Errors
    /// See [`Malformed`]; more bytes than `into` holds are [`Malformed::TooLong`].
    #[inline(always)]
    pub fn take<'b>(&mut self, into: &'b mut [u8]) -> Result<(Chain, &'b [u8]), Malformed> {
        let head = self.next_head();
        let first = self.window.descriptor(head).ok_or(Malformed::Descriptor)?;
        if flags(first) != 0 {
            // By parts, so that the descriptor of a short chain stays in registers.
            let len = self.take_long(first.at, first.len, first.word, into)?;
            return Ok((Chain(head), into.get(..len).unwrap_or_default()));
        }
        let target = into.get_mut(..first.len as usize).ok_or(Malformed::TooLong)?;
        self.window.copy_in(first.at, target)?;
        Ok((Chain(head), target))
    }

    /// A chain of several descriptors: the slow half of [`Self::take`]. Returns how many bytes it had.
    #[cold]
    #[inline(never)]
    fn take_long(&self, at: Gpa, len: u32, word: u32, into: &mut [u8]) -> Result<usize, Malformed> {
        let mut filled = 0usize;
        let mut descriptor = Descriptor { at, len, word };
        for _ in 0..CHAIN_MAX {
            if flags(descriptor) & !DESC_NEXT != 0 {
                return Err(Malformed::Flags);
            }
            let end = filled.checked_add(descriptor.len as usize).ok_or(Malformed::TooLong)?;
            let target = into.get_mut(filled..end).ok_or(Malformed::TooLong)?;
            self.window.copy_in(descriptor.at, target)?;
            filled = end;
            if flags(descriptor) & DESC_NEXT == 0 {
                return Ok(filled);
            }
            descriptor = self.window.descriptor(next(descriptor)).ok_or(Malformed::Descriptor)?;
        }
        Err(Malformed::ChainTooLong)
    }

    /// Gives a taken chain back, with nothing written into it.
    #[inline(always)]
    pub fn complete(&mut self, chain: Chain) {
        self.give_back(chain.0, 0);
    }

    /// Writes `bytes` into the driver's next writable chain and gives it back. Call only when there is one
    /// ([`Self::ahead`]).
    ///
    /// # Errors
    /// See [`Malformed`]; a chain too small for `bytes` is [`Malformed::TooLong`], and then nothing was taken.
    #[inline(always)]
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let head = self.window.available(self.next_available);
        let descriptor = self.window.descriptor(head).ok_or(Malformed::Descriptor)?;
        // One writable descriptor per receive buffer is all that our drivers post and all that is accepted.
        if flags(descriptor) != DESC_WRITE {
            return Err(Malformed::Flags);
        }
        if (descriptor.len as usize) < bytes.len() {
            return Err(Malformed::TooLong);
        }
        self.window.copy_out(descriptor.at, bytes)?;
        self.next_available = self.next_available.wrapping_add(1);
        self.give_back(head, bytes.len() as u64);
        Ok(())
    }

    /// Takes the next chain and gives it back unread. Call only when there is one ([`Self::ahead`]).
    ///
    /// # Errors
    /// [`Malformed::Descriptor`] when there is no such chain.
    pub fn discard(&mut self) -> Result<(), Malformed> {
        let head = self.next_head();
        if head >= self.window.size() {
            return Err(Malformed::Descriptor);
        }
        self.give_back(head, 0);
        Ok(())
    }

    /// Fills the driver's next writable chain with as much of `bytes` as it holds and gives it back. Call only when there
    /// is one ([`Self::ahead`]).
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn fill(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let head = self.next_head();
        let descriptor = self.window.descriptor(head).ok_or(Malformed::Descriptor)?;
        if flags(descriptor) != DESC_WRITE {
            return Err(Malformed::Flags);
        }
        let len = (descriptor.len as usize).min(bytes.len());
        self.window.copy_out(descriptor.at, bytes.get(..len).unwrap_or_default())?;
        self.give_back(head, len as u64);
        Ok(())
    }

    /// The next head from the available ring; counts it as taken.
    #[inline(always)]
    fn next_head(&mut self) -> u16 {
        let head = self.window.available(self.next_available);
        self.next_available = self.next_available.wrapping_add(1);
        head
    }

    #[inline(always)]
    fn give_back(&mut self, head: u16, written: u64) {
        let position = self.next_used;
        self.next_used = position.wrapping_add(1);
        self.window.give_back(position, u64::from(head) | (written << 32));
    }
}

/// Flags of a descriptor. Those it must not have are refused wherever its flags are looked at.
#[inline(always)]
fn flags(descriptor: Descriptor) -> u16 {
    (descriptor.word & 0xffff) as u16
}

/// The descriptor that follows.
fn next(descriptor: Descriptor) -> u16 {
    (descriptor.word >> 16) as u16
}

#[cfg(test)]
mod tests;
