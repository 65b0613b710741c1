//! The supervisor's stacks, each with an absent page below it.
//!
//! Every fault and every interrupt runs on a stack of its own (IST): compiled Rust uses the 128 bytes below
//! its stack pointer, and a fault on a full stack must still be told.

use core::cell::UnsafeCell;

/// Size of the stack the supervisor runs on.
const MAIN: usize = 92 * 1024;
/// Size of each fault stack.
const FAULT: usize = 8 * 1024;
const PAGE: usize = 4096;

/// A stack with its guard page.
#[repr(C, align(4096))]
pub(crate) struct Stack<const SIZE: usize> {
    guard: [u8; PAGE],
    bytes: UnsafeCell<[u8; SIZE]>,
}

// SAFETY: nobody but the one processor's stack pointer ever touches the bytes.
unsafe impl<const SIZE: usize> Sync for Stack<SIZE> {}

impl<const SIZE: usize> Stack<SIZE> {
    const fn new() -> Stack<SIZE> {
        Stack { guard: [0; PAGE], bytes: UnsafeCell::new([0; SIZE]) }
    }

    /// Address of the guard page.
    pub(crate) fn guard(&self) -> u64 {
        (&raw const self.guard).addr() as u64
    }

    /// One past the highest byte, where a stack pointer starts.
    fn top(&self) -> u64 {
        self.bytes.get().addr() as u64 + SIZE as u64
    }
}

/// The stack of the main loop. The entry code points into it.
pub(crate) static MAIN_STACK: Stack<MAIN> = Stack::new();
/// Offset from [`MAIN_STACK`] to its top.
pub(crate) const MAIN_TOP: usize = size_of::<Stack<MAIN>>();

static FAULTS: Stack<FAULT> = Stack::new();
static DOUBLE_FAULT: Stack<FAULT> = Stack::new();
static NMI: Stack<FAULT> = Stack::new();
static MACHINE_CHECK: Stack<FAULT> = Stack::new();
static INTERRUPTS: Stack<PAGE> = Stack::new();

/// Which entry of the interrupt stack table a vector uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Ist {
    Faults = 1,
    DoubleFault = 2,
    Nmi = 3,
    MachineCheck = 4,
    Interrupts = 5,
}

/// The tops of the interrupt stack table, entry 1 first.
pub(crate) fn ist_tops() -> [u64; 5] {
    [FAULTS.top(), DOUBLE_FAULT.top(), NMI.top(), MACHINE_CHECK.top(), INTERRUPTS.top()]
}

/// The pages to leave absent.
pub(crate) fn guards() -> [u64; 6] {
    [
        MAIN_STACK.guard(),
        FAULTS.guard(),
        DOUBLE_FAULT.guard(),
        NMI.guard(),
        MACHINE_CHECK.guard(),
        INTERRUPTS.guard(),
    ]
}
