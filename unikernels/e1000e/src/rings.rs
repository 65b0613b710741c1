//! Two rings in DMA memory (7.1.5, 7.2.9): where the driver is in them, and what descriptors say.
//!
//! The card may write a descriptor at any time. The second half is read in one access, and nothing is read twice.

use unikernels_nic::{Dma, FRAME_MAX, HEADER, NicError};

use crate::layout::{
    BUFFER, ENTRY, RECEIVE_BUFFERS, RECEIVE_ENTRIES, RECEIVE_RING, TRANSMIT_BUFFERS, TRANSMIT_ENTRIES,
    TRANSMIT_RING,
};

/// Status of a descriptor: done, and end of packet. In a transmit descriptor only the first.
const DONE: u64 = 1 << 32;
const END: u64 = 1 << 33;
/// Errors of a received frame: of the line (CE, SE, SEQ, CXE) and of the data (RXE). Checksums are the stack's business.
const DAMAGED: u64 = (1 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 7) << 40;
/// Command of a transmit descriptor: end of packet, insert the check sequence, report when done.
const COMMAND: u64 = (1 | 1 << 1 | 1 << 3) << 24;

/// A frame in the receive ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes, copied.
    Frame(usize),
    /// Its length cannot be, or it has more than one buffer.
    Length,
    /// It was damaged on the line.
    Damaged,
}

/// Frames that come.
#[derive(Debug, Default)]
pub(crate) struct ReceiveRing {
    /// The descriptor that is filled next.
    next: usize,
    /// The last one that the card was told of.
    told: usize,
    /// The rest of a frame of more than one buffer follows.
    in_long: bool,
}

impl ReceiveRing {
    /// All descriptors given to the card but one, which tells a full ring from an empty one.
    pub(crate) fn new(dma: &mut impl Dma) -> Self {
        for index in 0..RECEIVE_ENTRIES {
            give(dma, index);
        }
        Self { next: 0, told: RECEIVE_ENTRIES - 1, in_long: false }
    }

    /// Takes one descriptor, and copies its frame.
    pub(crate) fn take(&mut self, dma: &mut impl Dma, into: &mut [u8]) -> Option<Received> {
        let index = self.next;
        let entry = dma.read_u64(RECEIVE_RING + index * ENTRY + 8);
        if entry & DONE == 0 {
            return None;
        }
        let [low, high, ..] = entry.to_le_bytes();
        let len = usize::from(u16::from_le_bytes([low, high]));
        let is_whole = entry & END != 0 && !self.in_long;
        self.in_long = entry & END == 0;
        let received = match into.get_mut(..len) {
            _ if entry & DAMAGED != 0 => Received::Damaged,
            Some(into) if is_whole && (HEADER..=FRAME_MAX).contains(&len) => {
                dma.copy_out(RECEIVE_BUFFERS + index * BUFFER, into);
                Received::Frame(len)
            }
            _ => Received::Length,
        };
        wipe(dma, RECEIVE_BUFFERS + index * BUFFER, len);
        give(dma, index);
        self.next = (index + 1) % RECEIVE_ENTRIES;
        Some(received)
    }

    /// What the tail has to become, if the card owns descriptors that it was not told of, and how many.
    pub(crate) fn news(&self) -> Option<(usize, usize)> {
        // The one before the next to be taken is the one that the card does not get.
        let tail = (self.next + RECEIVE_ENTRIES - 1) % RECEIVE_ENTRIES;
        let count = (tail + RECEIVE_ENTRIES - self.told) % RECEIVE_ENTRIES;
        (count > 0).then_some((tail, count))
    }

    /// The card was told of this tail.
    pub(crate) fn tell(&mut self, tail: usize) {
        self.told = tail;
    }

    /// What it was told last.
    pub(crate) fn tail(&self) -> usize {
        self.told
    }
}

/// Leaves nothing of a frame in a buffer of ours. Frames are what clients say and hear, and outlive them here.
fn wipe(dma: &mut impl Dma, at: usize, len: usize) {
    static BLANK: [u8; BUFFER] = [0; BUFFER];
    dma.copy_in(at, BLANK.get(..len).unwrap_or(&BLANK));
}

/// An empty descriptor with its buffer. The address was overwritten by nobody else than a card that may not.
fn give(dma: &mut impl Dma, index: usize) {
    let bus = dma.bus();
    dma.write_u64(RECEIVE_RING + index * ENTRY, bus + (RECEIVE_BUFFERS + index * BUFFER) as u64);
    dma.write_u64(RECEIVE_RING + index * ENTRY + 8, 0);
}

/// Frames that go.
#[derive(Debug)]
pub(crate) struct TransmitRing {
    /// The descriptor that is used next, the first that the card has not done, and what it was told last.
    next: usize,
    undone: usize,
    told: usize,
    /// Bytes of the frame of each descriptor, to be wiped when it was sent.
    sent: [u16; TRANSMIT_ENTRIES],
}

impl TransmitRing {
    /// An empty ring.
    pub(crate) fn new(dma: &mut impl Dma) -> Self {
        for word in 0..TRANSMIT_ENTRIES * ENTRY / 8 {
            dma.write_u64(TRANSMIT_RING + word * 8, 0);
        }
        Self { next: 0, undone: 0, told: 0, sent: [0; TRANSMIT_ENTRIES] }
    }

    /// Whether there is a free descriptor, after taking back what is done.
    pub(crate) fn has_room(&mut self, dma: &mut impl Dma) -> bool {
        while self.undone != self.next {
            let entry = dma.read_u64(TRANSMIT_RING + self.undone * ENTRY + 8);
            if entry & DONE == 0 {
                break;
            }
            let len = usize::from(self.sent[self.undone]);
            wipe(dma, TRANSMIT_BUFFERS + self.undone * BUFFER, len);
            self.undone = (self.undone + 1) % TRANSMIT_ENTRIES;
        }
        (self.next + 1) % TRANSMIT_ENTRIES != self.undone
    }

    /// Puts a frame of legal length in.
    pub(crate) fn put(&mut self, dma: &mut impl Dma, frame: &[u8]) -> Result<(), NicError> {
        if !self.has_room(dma) {
            return Err(NicError::Full);
        }
        let buffer = TRANSMIT_BUFFERS + self.next * BUFFER;
        dma.copy_in(buffer, frame);
        self.sent[self.next] = u16::try_from(frame.len()).unwrap_or(u16::MAX);
        let bus = dma.bus();
        dma.write_u64(TRANSMIT_RING + self.next * ENTRY, bus + buffer as u64);
        dma.write_u64(TRANSMIT_RING + self.next * ENTRY + 8, COMMAND | frame.len() as u64);
        self.next = (self.next + 1) % TRANSMIT_ENTRIES;
        Ok(())
    }

    /// What the tail has to become, if there are frames that the card was not told of.
    pub(crate) fn take_news(&mut self) -> Option<usize> {
        let is_new = self.told != self.next;
        self.told = self.next;
        is_new.then_some(self.next)
    }
}
