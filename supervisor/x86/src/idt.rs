//! What happens on a fault (the end) and on an interrupt (a bit is set).
//!
//! Exceptions 0..32 are fatal in host mode: a report on both consoles, then the end. Interrupt handlers are a
//! few instructions that set one bit of the pending word and acknowledge the local APIC; whoever runs the
//! machine asks for the bits with [`take_pending_interrupts`]. All of them run on stacks of their own, so they
//! never touch the red zone of what they interrupt.
//!
//! Source: AMD64 APM volume 2, section 8.2 (vectors) and 4.8.4 (gates).

use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::fatal;
use crate::gdt::{CODE, TablePointer};
use crate::power::Ending;
use crate::stacks::Ist;

/// Vector of ISA interrupt 0; the fifteen others follow, and then the messages of PCI functions.
pub(crate) const ISA_VECTOR: u8 = 0x30;
/// Lines there are: 16 of ISA, then 8 messages.
const LINES: u8 = 24;
/// Vector of the local APIC's timer.
pub(crate) const TIMER_VECTOR: u8 = ISA_VECTOR + LINES;
/// The local APIC raises this one when an interrupt vanished; it wants no acknowledgement.
pub(crate) const SPURIOUS_VECTOR: u8 = 0xff;

const TIMER_BIT: u32 = LINES as u32;
const STRAY_BIT: u32 = TIMER_BIT + 1;

/// Interrupts that came and were not yet taken: bits 0..24 the lines, 24 the timer, 25 strays.
static PENDING: AtomicU32 = AtomicU32::new(0);
/// Whether the local APIC is in x2APIC mode, for the acknowledgement.
pub(crate) static X2APIC: AtomicBool = AtomicBool::new(false);

const GATES: u16 = 256;
/// Gates of 16 bytes: low word, high word.
static IDT: [[AtomicU64; 2]; GATES as usize] = [const { [AtomicU64::new(0), AtomicU64::new(0)] }; 256];

/// The vector that raises a line; one that does not exist raises the last.
#[must_use]
pub fn device_vector(line: u8) -> u8 {
    ISA_VECTOR + line.min(LINES - 1)
}

/// The interrupts that came since the last time one asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct PendingMask(u32);

impl PendingMask {
    /// The timer fired.
    pub const fn timer(self) -> bool {
        self.0 & 1 << TIMER_BIT != 0
    }

    /// All lines that came, bit by number: 0 to 15 are ISA's, the messages follow.
    pub const fn lines(self) -> u32 {
        self.0 & ((1 << LINES) - 1)
    }
}

/// Takes the pending interrupts and clears them, in one atomic step.
pub fn take_pending_interrupts() -> PendingMask {
    PendingMask(PENDING.swap(0, Ordering::Relaxed))
}

/// What the processor pushed, below it what our stub added.
#[repr(C)]
struct Frame {
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    flags: u64,
    rsp: u64,
    ss: u64,
}

// One stub per exception, 16 bytes apart; where the processor pushes no error code the stub pushes 0.
// 0x60227d00 has a bit for each vector with an error code: 8, 10..=14, 17, 21, 29, 30.
global_asm!(
    r#"
    .pushsection .text.skep_stubs, "ax", @progbits
    .balign 16
skep_exception_stubs:
    .irp vector, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    .balign 16
    .if ((0x60227d00 >> \vector) & 1) == 0
    pushq $0
    .endif
    pushq $\vector
    jmp skep_exception
    .endr
skep_exception:
    cld
    movq %rsp, %rdi
    andq $-16, %rsp
    call {report}
    ud2

    .balign 32
skep_interrupt_stubs:
    .irp bit, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25
    .balign 32
    lock orl $(1 << \bit), {pending}(%rip)
    pushq %rax
    jmp skep_acknowledge
    .endr
skep_acknowledge:
    cmpb $0, {x2apic}(%rip)
    jne 2f
    movl $0xfee000b0, %eax
    movl $0, (%rax)
    popq %rax
    iretq
2:  pushq %rcx
    pushq %rdx
    xorl %eax, %eax
    xorl %edx, %edx
    movl $0x80b, %ecx
    wrmsr
    popq %rdx
    popq %rcx
    popq %rax
skep_spurious_stub:
    iretq
    .popsection
    "#,
    report = sym report,
    pending = sym PENDING,
    x2apic = sym X2APIC,
    options(att_syntax)
);

unsafe extern "C" {
    static skep_exception_stubs: [[u8; 16]; 32];
    static skep_interrupt_stubs: [[u8; 32]; STRAY_BIT as usize + 1];
    static skep_spurious_stub: u8;
}

/// Fills the table and loads it.
pub(crate) fn load() {
    for (vector, gate) in (0_u8..=255).zip(&IDT) {
        let words = gate_words(handler(vector), stack(vector));
        for (entry, word) in gate.iter().zip(words) {
            entry.store(word, Ordering::Relaxed);
        }
    }
    let pointer = TablePointer { limit: GATES * 16 - 1, base: IDT.as_ptr().addr() as u64 };
    // SAFETY: the table is static, all 256 gates lead to stubs that keep the interrupted state, on stacks
    // that the loaded task state names.
    unsafe { asm!("lidt [{}]", in(reg) &raw const pointer, options(readonly, nostack, preserves_flags)) };
}

/// Address of the stub of `vector`.
fn handler(vector: u8) -> u64 {
    let exceptions = (&raw const skep_exception_stubs).addr() as u64;
    let interrupts = (&raw const skep_interrupt_stubs).addr() as u64;
    match vector {
        0..32 => exceptions + 16 * u64::from(vector),
        ISA_VECTOR..TIMER_VECTOR => interrupts + 32 * u64::from(vector - ISA_VECTOR),
        TIMER_VECTOR => interrupts + 32 * u64::from(TIMER_BIT),
        SPURIOUS_VECTOR => (&raw const skep_spurious_stub).addr() as u64,
        _ => interrupts + 32 * u64::from(STRAY_BIT),
    }
}

/// The stack of `vector`.
const fn stack(vector: u8) -> Ist {
    match vector {
        2 => Ist::Nmi,
        8 => Ist::DoubleFault,
        18 => Ist::MachineCheck,
        0..32 => Ist::Faults,
        _ => Ist::Interrupts,
    }
}

/// An interrupt gate: present, ring 0, interrupts off inside.
const fn gate_words(handler: u64, stack: Ist) -> [u64; 2] {
    let attributes = (CODE as u64) << 16 | (stack as u64) << 32 | 0x8e << 40;
    [handler & 0xffff | attributes | (handler >> 16 & 0xffff) << 48, handler >> 32]
}

/// Name of exception `vector`, for the report.
fn name(vector: u64) -> &'static str {
    match vector {
        0 => "divide error",
        1 => "debug",
        2 => "non-maskable interrupt",
        3 => "breakpoint",
        6 => "invalid opcode",
        7 => "no coprocessor",
        8 => "double fault",
        10 => "invalid task state",
        11 => "segment not present",
        12 => "stack fault",
        13 => "general protection",
        14 => "page fault",
        16 | 19 => "floating point",
        17 => "alignment check",
        18 => "machine check",
        21 => "control protection",
        30 => "SVM security",
        _ => "exception",
    }
}

/// Tells what happened and ends the machine.
extern "sysv64" fn report(frame: &Frame) -> ! {
    let address: u64;
    // SAFETY: reading CR2 changes nothing.
    unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack, preserves_flags)) };
    fatal::stop(
        format_args!(
            "fault in the supervisor: {} (vector {}, error {:#x}) at rip {:#x}, rsp {:#x}, cr2 {:#x}, flags {:#x}, \
             cs {:#x}, ss {:#x}",
            name(frame.vector),
            frame.vector,
            frame.error,
            frame.rip,
            frame.rsp,
            address,
            frame.flags,
            frame.cs,
            frame.ss,
        ),
        Ending::Failed,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_spreads_its_address_as_the_manual_draws_it() {
        assert_eq!(gate_words(0x1122_3344_5566_7788, Ist::DoubleFault), [0x5566_8e02_0008_7788, 0x1122_3344]);
    }

    #[test]
    fn every_vector_has_its_stub_and_no_interrupt_shares_a_stack_with_a_fault() {
        let base = handler(ISA_VECTOR);
        assert_eq!(handler(ISA_VECTOR + 4), base + 4 * 32);
        assert_eq!(handler(TIMER_VECTOR - 1), base + 23 * 32);
        assert_eq!(handler(TIMER_VECTOR), base + 24 * 32);
        assert_eq!(handler(0x27), base + 25 * 32);
        assert_eq!(handler(14), handler(0) + 14 * 16);
        assert!((32..=255).all(|vector| stack(vector) == Ist::Interrupts));
        assert!((0..32).all(|vector| stack(vector) != Ist::Interrupts));
    }

    #[test]
    fn taking_the_pending_interrupts_clears_them() {
        PENDING.store(1 << 4 | 1 << TIMER_BIT, Ordering::Relaxed);
        let taken = take_pending_interrupts();
        assert!(taken.timer());
        assert_eq!(taken.lines(), 1 << 4);
        assert_eq!(take_pending_interrupts(), PendingMask(0));
    }
}
