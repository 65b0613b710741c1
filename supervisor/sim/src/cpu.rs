//! What a simulated qube can reach: its own memory, its own read-only pages, the time. Nothing else.

use supervisor_monitor::Page;
use supervisor_vcpu::Exit;

use crate::machine::Pages;
use crate::ram::SimRam;

/// Ticks that a qube computes before each exit unless it says otherwise: a microsecond.
pub const TURN_TICKS: u64 = 1000;

/// A qube's program, in one of its lives. Dropped when that life ends.
pub trait Guest {
    /// Plays the qube up to its next exit. [`Exit::Interrupt`] means that it computes until it is interrupted.
    fn run(&mut self, cpu: &mut Cpu<'_>) -> Exit;
}

impl<F: FnMut(&mut Cpu<'_>) -> Exit> Guest for F {
    fn run(&mut self, cpu: &mut Cpu<'_>) -> Exit {
        self(cpu)
    }
}

/// The processor of a qube, for one turn.
pub struct Cpu<'c> {
    pub(crate) ram: &'c mut SimRam,
    pub(crate) pages: &'c Pages,
    pub(crate) now: u64,
    pub(crate) result: Option<u32>,
    pub(crate) spent: u64,
}

impl Cpu<'_> {
    /// The memory.
    pub fn ram(&mut self) -> &mut SimRam {
        self.ram
    }

    /// The time, in ticks.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// EAX of the last call; `None` after an interruption and at the start of a life.
    #[must_use]
    pub fn result(&self) -> Option<u32> {
        self.result
    }

    /// Computes for so long, on top of what a turn takes.
    pub fn spend(&mut self, ticks: u64) {
        self.spent = self.spent.saturating_add(ticks);
    }

    /// Reads `N` bytes at offset `at` of a page.
    ///
    /// # Panics
    /// When they are not all in the page.
    #[must_use]
    pub fn page<const N: usize>(&self, page: Page, at: u16) -> [u8; N] {
        self.pages.read(page, at)
    }

    /// Reads a 32-bit number of a page.
    #[must_use]
    pub fn page_u32(&self, page: Page, at: u16) -> u32 {
        u32::from_le_bytes(self.page(page, at))
    }

    /// Reads a 64-bit number of a page.
    #[must_use]
    pub fn page_u64(&self, page: Page, at: u16) -> u64 {
        u64::from_le_bytes(self.page(page, at))
    }
}
