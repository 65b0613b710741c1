//! The two queues of a port, each with its pool of buffers in the arena.
//!
//! One message is one buffer and one descriptor. A receive buffer is with the device unless its
//! message is just being copied out; a transmit buffer is with the device from `send` until it is
//! needed again. The pools are what [`Slots`] says they are, so no buffer is touched while the
//! device may touch it: that is the promise `VirtQueue` asks for.
//!
//! Giving a receive buffer back needs no notification: what a qube has no room for stays with its
//! sender, and the supervisor looks for room at the qube's next wait.

use core::ptr::NonNull;

use ipc_proto_rpc::MOVED_MAX;
use ipc_proto_types::QUEUE_SIZE;
use unikernels_sdk::Slots;
use virtio_drivers::queue::VirtQueue;

use crate::arena;
use crate::hal::QubeMemory;
use crate::transport::Registers;

type Queue = VirtQueue<QubeMemory, QUEUE_SIZE>;

/// Equal buffers in one piece of the arena.
struct Buffers {
    base: NonNull<u8>,
    bytes_each: usize,
}

impl Buffers {
    /// `None` if the arena has no room.
    fn new(count: u16, bytes_each: usize) -> Option<Self> {
        // Each on its own cache lines, and none across more pages than its size asks for.
        let bytes_each = bytes_each.next_multiple_of(64);
        let base = arena::cut(bytes_each.checked_mul(usize::from(count))?, 64)?;
        Some(Self { base, bytes_each })
    }

    /// The buffer of a slot. `&mut self` and the short borrow keep it to one at a time.
    fn get(&mut self, slot: u8) -> &mut [u8] {
        // SAFETY: slots come from a `Slots` with as many as there are buffers.
        let at = unsafe { self.base.add(usize::from(slot) * self.bytes_each) };
        // SAFETY: inside the piece, initialised (the arena is zero), and not with the device (see the module).
        unsafe { core::slice::from_raw_parts_mut(at.as_ptr(), self.bytes_each) }
    }
}

/// The receiving side of a port.
pub(crate) struct Receiver {
    queue: Queue,
    buffers: Buffers,
    slots: Slots,
}

impl Receiver {
    /// Sets up the queue and gives all its buffers to the device.
    pub(crate) fn new(device: &mut Registers, index: u16, depth: u16, bytes: usize) -> Option<Self> {
        let mut receiver = Self {
            queue: Queue::new(device, index, false, false).ok()?,
            buffers: Buffers::new(depth, bytes)?,
            slots: Slots::new(depth),
        };
        while let Some(slot) = receiver.slots.any_free() {
            receiver.give(slot);
        }
        Some(receiver)
    }

    fn give(&mut self, slot: u8) {
        // SAFETY: the slot is free, and `Slots` keeps the buffer untouched until its token is back.
        let given = unsafe { self.queue.add(&[], &mut [self.buffers.get(slot)]) };
        let token = given.expect("there are at least as many descriptors as slots");
        self.slots.give(slot, token);
    }

    /// Takes one message into `into`; longer ones are dropped. Costs no exit.
    #[inline]
    pub(crate) fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        loop {
            let length = self.next(|message| {
                let place = into.get_mut(..message.len())?;
                place.copy_from_slice(message);
                Some(message.len())
            })?;
            if length.is_some() {
                return length;
            }
        }
    }

    /// Drops everything that has arrived.
    pub(crate) fn drain(&mut self) {
        while self.next(|_| ()).is_some() {}
    }

    /// Whether a message has arrived.
    #[inline]
    pub(crate) fn has_next(&self) -> bool {
        self.queue.can_pop()
    }

    /// Shows the next message to `look`, and gives the buffer back to the device.
    #[inline]
    pub(crate) fn next<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let token = self.queue.peek_used()?;
        let slot = self.slots.take(token).unwrap_or_else(|| stray());
        let buffer = self.buffers.get(slot);
        // SAFETY: the same buffer that `give` added under this token.
        let popped = unsafe { self.queue.pop_used(token, &[], &mut [&mut *buffer]) };
        let length = popped.unwrap_or(0) as usize;
        let message = buffer.get_mut(..length).unwrap_or(&mut []);
        let seen = look(message);
        message.fill(0); // It may have been a secret.
        self.give(slot);
        Some(seen)
    }
}

/// The sending side of a port.
pub(crate) struct Sender {
    queue: Queue,
    buffers: Buffers,
    slots: Slots,
    /// Length of the message in each slot.
    lengths: [u32; QUEUE_SIZE],
}

impl Sender {
    /// Sets up the queue.
    pub(crate) fn new(device: &mut Registers, index: u16, depth: u16, bytes: usize) -> Option<Self> {
        Some(Self {
            queue: Queue::new(device, index, false, false).ok()?,
            buffers: Buffers::new(depth, bytes)?,
            slots: Slots::new(depth),
            lengths: [0; QUEUE_SIZE],
        })
    }

    /// Copies a message into a free buffer and queues it; false if there is none. Costs no exit.
    #[inline]
    pub(crate) fn send(&mut self, message: &[u8]) -> bool {
        self.wipe_sent();
        let Some(slot) = self.slots.any_free() else {
            return false;
        };
        let length = self.lengths.get_mut(usize::from(slot));
        let place = self.buffers.get(slot).get_mut(..message.len());
        let (Some(length), Some(place)) = (length, place) else {
            return false;
        };
        place.copy_from_slice(message);
        *length = u32::try_from(message.len()).unwrap_or(0);
        // SAFETY: the slot is free, and `Slots` keeps the buffer untouched until its token is back.
        match unsafe { self.queue.add(&[place], &mut []) } {
            Ok(token) => {
                self.slots.give(slot, token);
                true
            }
            Err(_) => false,
        }
    }

    /// Has a free buffer filled, and queues as much of it as `fill` says; nothing at 0. `None` if there is no free one; then
    /// `fill` was not called. Costs no exit.
    #[inline]
    pub(crate) fn fill(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8]) -> usize) -> Option<bool> {
        self.wipe_sent();
        let slot = self.slots.any_free()?;
        let length = self.lengths.get_mut(usize::from(slot))?;
        let room = self.buffers.get(slot).get_mut(..bytes)?;
        let filled = fill(room);
        // Whoever moved a reply to the front has left its end behind.
        let behind = room.get_mut(filled..).unwrap_or_default();
        behind.iter_mut().take(MOVED_MAX).for_each(|byte| *byte = 0);
        let Some(message) = room.get_mut(..filled).filter(|message| !message.is_empty()) else {
            room.fill(0); // What was begun may have been a secret.
            return Some(false);
        };
        *length = u32::try_from(filled).unwrap_or(0);
        // SAFETY: the slot is free, and `Slots` keeps the buffer untouched until its token is back.
        match unsafe { self.queue.add(&[message], &mut []) } {
            Ok(token) => {
                self.slots.give(slot, token);
                Some(true)
            }
            Err(_) => Some(false),
        }
    }

    /// Whether the device asks to hear of new buffers.
    #[inline]
    pub(crate) fn should_notify(&self) -> bool {
        self.queue.should_notify()
    }

    /// Takes back what the device is done with, and wipes it.
    #[inline]
    pub(crate) fn wipe_sent(&mut self) {
        while let Some(token) = self.queue.peek_used() {
            let slot = self.slots.take(token).unwrap_or_else(|| stray());
            let length = self.lengths.get(usize::from(slot)).copied().unwrap_or(0);
            let buffer = self.buffers.get(slot);
            let message = buffer.get_mut(..length as usize).unwrap_or(&mut []);
            // SAFETY: the same bytes that `send` added under this token.
            let _ = unsafe { self.queue.pop_used(token, &[message], &mut []) };
            message.fill(0); // It may have been a secret.
        }
    }
}

/// The device is the supervisor; it returns what it was given, or it is broken.
#[cold]
fn stray() -> ! {
    panic!("the console device returned a buffer it was not given")
}
