//! One submission queue with its completion queue (4.1): rings in DMA memory, and the commands in flight.
//!
//! A command's identifier has its slot in the low bits and above them a number that changes with every command, so that a
//! completion told twice is known to be none.

use unikernels_disk::{Dma, Registers};

use crate::capabilities::Capabilities;
use crate::command::Command;
use crate::error::{Error, Status};
use crate::layout::{CQ_ENTRY, SLOTS_MAX, SQ_ENTRY};

/// Low bits of an identifier that name the slot. One more than needed, so that no identifier is 0xffff, which is reserved.
const SLOT_BITS: u32 = 4;
const _: () = assert!(SLOTS_MAX < 1 << SLOT_BITS);

/// A pair of queues of the same number.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    number: u16,
    entries: u16,
    submission_at: usize,
    completion_at: usize,
    /// Offsets of the doorbells.
    submission_doorbell: usize,
    completion_doorbell: usize,
    /// Where the next command goes, and how far the controller says to have read.
    tail: u16,
    head: u16,
    /// Where the next completion comes, and the phase bit that makes it new.
    completion_head: u16,
    phase: bool,
    /// Identifiers of commands in flight, by slot.
    pending: [Option<u16>; SLOTS_MAX],
    serial: u16,
}

impl Queue {
    /// Empty queues at these offsets of the DMA memory. The controller must not use them yet.
    pub(crate) fn new(number: u16, caps: &Capabilities, at: (usize, usize), dma: &mut impl Dma) -> Self {
        let (submission_doorbell, completion_doorbell) = caps.doorbells(number);
        for word in 0..usize::from(caps.entries) * CQ_ENTRY / 8 {
            dma.write_u64(at.1 + word * 8, 0);
        }
        Self {
            number,
            entries: caps.entries,
            submission_at: at.0,
            completion_at: at.1,
            submission_doorbell,
            completion_doorbell,
            phase: true,
            ..Self::default()
        }
    }

    /// Entries from `from` forward to `to`.
    fn distance(&self, from: u16, to: u16) -> u16 {
        if to >= from { to - from } else { to + self.entries - from }
    }

    fn next(&self, index: u16) -> u16 {
        if index + 1 == self.entries { 0 } else { index + 1 }
    }

    /// Whether commands are in flight.
    pub(crate) fn is_busy(&self) -> bool {
        self.pending.iter().any(Option::is_some)
    }

    /// Puts a command into the queue, for a slot that is not in flight. The controller does not know before [`Self::ring`].
    ///
    /// # Errors
    /// [`Error::SubmissionFull`].
    pub(crate) fn push(&mut self, dma: &mut impl Dma, slot: usize, command: &Command) -> Result<(), Error> {
        if self.next(self.tail) == self.head {
            return Err(Error::SubmissionFull);
        }
        self.serial = self.serial.wrapping_add(1);
        let id = self.serial << SLOT_BITS | u16::try_from(slot).unwrap_or(0);
        for (index, word) in command.words(id).into_iter().enumerate() {
            dma.write_u64(self.submission_at + usize::from(self.tail) * SQ_ENTRY + index * 8, word);
        }
        self.pending[slot] = Some(id);
        self.tail = self.next(self.tail);
        Ok(())
    }

    /// Tells the controller of everything pushed.
    pub(crate) fn ring(&self, registers: &mut impl Registers) {
        registers.write_u32(self.submission_doorbell, u32::from(self.tail));
    }

    /// Takes one completion, if there is one: its status, and `None` for success.
    ///
    /// # Errors
    /// [`Error::WrongQueue`], [`Error::UnknownCommand`], [`Error::SubmissionHead`]; the queues are of no use then.
    pub(crate) fn take(&mut self, dma: &impl Dma) -> Result<Option<Option<Status>>, Error> {
        // Dwords 2 and 3 in one access: head, queue, identifier, status with the phase bit lowest.
        let entry = dma.read_u64(self.completion_at + usize::from(self.completion_head) * CQ_ENTRY + 8);
        let [head, number, id, status] = words(entry);
        if (status & 1 != 0) != self.phase {
            return Ok(None);
        }
        if number != self.number {
            return Err(Error::WrongQueue);
        }
        let slot =
            self.pending.iter().position(|pending| *pending == Some(id)).ok_or(Error::UnknownCommand)?;
        if head >= self.entries || self.distance(self.head, head) > self.distance(self.head, self.tail) {
            return Err(Error::SubmissionHead);
        }
        self.pending[slot] = None;
        self.head = head;
        self.completion_head = self.next(self.completion_head);
        self.phase ^= self.completion_head == 0;
        let status = status >> 1 & 0x7ff;
        Ok(Some((status != 0).then_some(Status(status))))
    }

    /// Tells the controller how far completions were taken.
    pub(crate) fn acknowledge(&self, registers: &mut impl Registers) {
        registers.write_u32(self.completion_doorbell, u32::from(self.completion_head));
    }
}

/// The four 16-bit parts, lowest first.
fn words(value: u64) -> [u16; 4] {
    let bytes = value.to_le_bytes();
    core::array::from_fn(|index| u16::from_le_bytes([bytes[2 * index], bytes[2 * index + 1]]))
}
