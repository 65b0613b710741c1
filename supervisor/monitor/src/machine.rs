//! The world as the monitor sees it, and what it wants done next.

use ipc_proto_types::QubeIndex;
use supervisor_mem::GuestMemory;
use supervisor_vcpu::Ticks;

/// A read-only page that a qube sees and only the supervisor writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Registers of the console device, the channels.
    Console,
    /// Registers of the entropy device.
    Entropy,
    /// Who am I, what time is it, what ports have I.
    Info,
}

impl Page {
    /// All of them, in the order of their guest addresses.
    pub const ALL: [Self; 3] = [Self::Console, Self::Entropy, Self::Info];

    /// Guest-physical address of the page (`docs/qube-abi.md`).
    #[must_use]
    pub const fn address(self) -> u64 {
        match self {
            Self::Console => 0x10_0000,
            Self::Entropy => 0x10_1000,
            Self::Info => 0x10_2000,
        }
    }
}

/// What the monitor can reach of the machine. Each call is bounded by its arguments.
pub trait Machine {
    /// A qube's memory.
    type Memory: GuestMemory;

    /// The memory of `qube`.
    fn memory(&mut self, qube: QubeIndex) -> &mut Self::Memory;

    /// Writes `bytes` at offset `at` of a read-only page of `qube`. Parts beyond the page are dropped.
    fn write_page(&mut self, qube: QubeIndex, page: Page, at: u16, bytes: &[u8]);

    /// Puts the processor of `qube` at its entry point, and lets its device reach its memory.
    fn start(&mut self, qube: QubeIndex);

    /// Takes memory from the device of `qube`. False when that cannot be said for sure: then nobody may have the memory again.
    fn stop(&mut self, qube: QubeIndex) -> bool;

    /// Sets EAX of `qube`, which is how the call that it made returns.
    fn answer(&mut self, qube: QubeIndex, value: u32);

    /// Sets the one-shot timer to fire at `at`, instead of whenever it was to.
    fn set_timer(&mut self, at: Ticks);

    /// Fills `into` with random bytes that no qube can predict.
    fn random(&mut self, into: &mut [u8]);

    /// Shows a line of the supervisor's log to whoever watches from outside.
    fn emit(&mut self, line: &[u8]);
}

/// Physical interrupts that arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interrupts {
    /// A bit for each device line.
    pub lines: u32,
    /// The one-shot timer fired.
    pub timer: bool,
}

/// The monitor's decision after a step: what to do now. Dropping it stops the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// Run this qube.
    Run {
        /// Which.
        qube: QubeIndex,
    },
    /// Bring a piece of this qube's memory back to its first state, after the last one call
    /// [`crate::Monitor::rebuilt`], then in any case [`crate::Monitor::interrupts`].
    Rebuild {
        /// Which.
        qube: QubeIndex,
    },
    /// Nobody can run: sleep until an interrupt.
    Idle,
    /// Turn the machine off.
    PowerOff,
}
