//! A unit's command queue: a page of 256 commands of 16 bytes, and a word that the unit writes when it got so far.
//!
//! Both vendors have it: command buffer and COMPLETION_WAIT, invalidation queue and wait descriptor. One batch is under
//! way at a time, so the queue cannot run over.

use supervisor_mem::Hpa;

use crate::iommu::{Error, Hardware};

/// Commands, or events, in a page.
pub(crate) const ENTRIES: usize = 256;
/// Looks at a register before a unit counts as stuck. Each takes part of a microsecond, so this is about a second; what a
/// unit does takes microseconds.
pub(crate) const POLLS_MAX: u32 = 1 << 21;

pub(crate) struct Queue {
    commands: Hpa,
    word: Hpa,
    tail: Hpa,
    next: usize,
    ticket: u32,
    is_stuck: bool,
}

impl Queue {
    /// An empty queue whose tail register is at `tail`.
    pub(crate) fn new(hardware: &mut impl Hardware, tail: u64) -> Result<Self, Error> {
        let commands = hardware.table().ok_or(Error::OutOfTables)?;
        let word = hardware.table().ok_or(Error::OutOfTables)?;
        Ok(Self { commands, word, tail: Hpa(tail), next: 0, ticket: 0, is_stuck: false })
    }

    /// Where the commands are.
    pub(crate) fn base(&self) -> u64 {
        self.commands.0
    }

    /// Runs `commands`, at most [`ENTRIES`] - 2, and the one that `wait` makes of the word's address and a number to store
    /// there; returns when the number is there.
    ///
    /// # Errors
    /// [`Error::Stuck`], then and ever after: commands may still be under way.
    pub(crate) fn run(
        &mut self,
        hardware: &mut impl Hardware,
        commands: &[[u64; 2]],
        wait: fn(u64, u32) -> [u64; 2],
    ) -> Result<(), Error> {
        if self.is_stuck {
            return Err(Error::Stuck);
        }
        self.is_stuck = true;
        self.ticket = self.ticket.wrapping_add(1);
        for [low, high] in commands.iter().copied().chain([wait(self.word.0, self.ticket)]) {
            hardware.write(self.commands, 2 * self.next, low);
            hardware.write(self.commands, 2 * self.next + 1, high);
            self.next = (self.next + 1) % ENTRIES;
        }
        hardware.write_back();
        hardware.write64(self.tail, 16 * self.next as u64);
        for _ in 0..POLLS_MAX {
            if hardware.read(self.word, 0) & u64::from(u32::MAX) == u64::from(self.ticket) {
                self.is_stuck = false;
                return Ok(());
            }
            hardware.read64(self.tail);
        }
        Err(Error::Stuck)
    }
}

/// Waits until the bits `mask` of the 32-bit register at `register` are `wanted`.
pub(crate) fn poll(hardware: &impl Hardware, register: Hpa, mask: u32, wanted: u32) -> Result<(), Error> {
    let is_so = (0..POLLS_MAX).any(|_| hardware.read32(register) & mask == wanted);
    if is_so { Ok(()) } else { Err(Error::Stuck) }
}
