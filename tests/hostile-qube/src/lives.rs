//! Odd states of the processor, and what a life leaves to the next one: it should be nothing.
//!
//! The first life fills memory and registers with a mark and ends in user mode, with a stack, flags and bases of its own; the
//! second looks for the mark.

use core::arch::asm;

use unikernels_rt::Qube;

use crate::Attack::{self, Bare};
use crate::raw::{NEVER, PAGE, arena_end, peek, poke, saw, stack_top, wait};

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("leave-behind", Bare(leave_behind)),
    ("crash-loop", Bare(|_| poke::<u8>(0, 1))),
    ("user-mode", Bare(|_| enter_user_mode(0))),
    ("user-call", Bare(|_| enter_user_mode(1))),
    ("half-mode", Bare(half_mode)),
    ("float-trap", Bare(float_trap)),
];

/// Nobody else writes this.
const MARK: u64 = 0x5ca1_ab1e_0dd5_eed5;
/// Pages of free memory that are marked.
const PAGES: u64 = 16;
/// Segments of user mode in [`DESCRIPTORS`], with the privilege in the lowest bits.
const USER_CODE: u64 = 0x23;
const USER_DATA: u64 = 0x2b;

/// 32-bit code of privilege 0 in [`DESCRIPTORS`].
const HALF_CODE: u64 = 0x30;

/// Data of privilege 0 in [`DESCRIPTORS`], with the low 31 bits of [`MARK`] for a base.
const MARKED_DATA: u64 = 0x38;

/// Null, kernel code, two for the task that is loaded already, user code, user data, 32-bit code, marked data.
static DESCRIPTORS: [u64; 8] = [
    0,
    0x00af_9b00_0000_ffff,
    0,
    0,
    0x00af_fb00_0000_ffff,
    0x00cf_f300_0000_ffff,
    0x00cf_9b00_0000_ffff,
    0x0dcf_93d5_eed5_ffff,
];

#[repr(C, packed)]
struct TablePointer {
    limit: u16,
    base: u64,
}

impl TablePointer {
    fn new() -> Self {
        Self { limit: 63, base: (&raw const DESCRIPTORS).addr() as u64 }
    }
}

fn leave_behind(qube: Qube) {
    if qube.generation().0 == 1 {
        mark();
        // Ends with a forbidden access in user mode.
        enter_user_mode(0x1000);
        return;
    }
    let clean = (arena_end() - PAGES * PAGE..arena_end()).step_by(8).all(|at| peek::<u64>(at) == 0);
    saw(format_args!("memory clean {clean}"));
    saw(format_args!("cr2 clean {}", cr2() != MARK));
    saw(format_args!("vectors clean {}", vector() != MARK));
    saw(format_args!("gs clean {}", through_swapped_gs(&MARK) == MARK));
    // Somebody else ends this life.
    wait(NEVER);
}

fn mark() {
    for at in (arena_end() - PAGES * PAGE..arena_end()).step_by(8) {
        poke(at, MARK);
    }
    // SAFETY: the register is only where a page fault leaves its address.
    unsafe { asm!("mov cr2, {}", in(reg) MARK) };
    // SAFETY: a vector register that nothing here uses.
    unsafe { asm!("movq xmm15, {}", "vinserti128 ymm15, ymm15, xmm15, 1", in(reg) MARK) };
    let pointer = TablePointer::new();
    // SAFETY: nothing of ours is addressed through GS. The base is exchanged for the hidden one.
    unsafe {
        asm!(
            "lgdt [{pointer}]", "mov gs, {data:x}", "swapgs",
            pointer = in(reg) &raw const pointer, data = in(reg) MARKED_DATA,
        );
    }
}

fn cr2() -> u64 {
    let value: u64;
    // SAFETY: reading changes nothing.
    unsafe { asm!("mov {}, cr2", out(reg) value) };
    value
}

/// The upper half of a vector register that nothing here uses.
fn vector() -> u64 {
    let value: u64;
    // SAFETY: reads one register and writes another that is declared.
    unsafe { asm!("vextracti128 xmm14, ymm15, 1", "movq {}, xmm14", out(reg) value, out("xmm14") _) };
    value
}

/// Reads `place` through the hidden base that exchanges with that of GS. If a life left its mark there, this is no memory.
fn through_swapped_gs(place: &u64) -> u64 {
    let value: u64;
    // SAFETY: nothing of ours is addressed through GS; with a base of 0 the place is what it was.
    unsafe {
        asm!(
            "swapgs", "mov {value}, gs:[{place}]", "swapgs",
            value = out(reg) value, place = in(reg) place,
        );
    }
    value
}

/// Leaves for user mode with `target` in RDI: 0 halts, 1 calls the supervisor, anything else is read from.
fn enter_user_mode(target: u64) {
    for table in 0..3 {
        for at in (0..PAGE).step_by(8) {
            let at = arena_end() + table * PAGE + at;
            let entry = peek::<u64>(at);
            poke(at, if entry & 1 == 0 { entry } else { entry | 4 });
        }
    }
    let pointer = TablePointer::new();
    // SAFETY: none. Nothing comes back from user mode.
    unsafe {
        asm!(
            "mov rax, cr3", "mov cr3, rax",
            "lgdt [{pointer}]",
            "push {data}", "push {stack}", "pushfq", "push {code}", "lea rax, [rip + 2f]", "push rax",
            "iretq",
            "2: cmp rdi, 1", "jb 3f", "je 4f", "mov rax, [rdi]",
            "3: hlt",
            "4: vmmcall",
            pointer = in(reg) &raw const pointer, data = in(reg) USER_DATA, code = in(reg) USER_CODE,
            stack = in(reg) stack_top() - 0x1000, in("rdi") target, in("rax") 0_u64, options(noreturn),
        );
    }
}

/// Calls the supervisor from 32-bit code, then halts there.
fn half_mode(_: Qube) {
    let pointer = TablePointer::new();
    // SAFETY: none. Nothing comes back from 32-bit mode.
    unsafe {
        asm!(
            "lgdt [{pointer}]",
            "push {code}", "lea rax, [rip + 2f]", "push rax",
            "retfq",
            ".code32",
            "2: mov dx, 0x5303", "xor eax, eax", "out dx, eax", "xor eax, eax", "cpuid", "hlt",
            ".code64",
            pointer = in(reg) &raw const pointer, code = in(reg) HALF_CODE, in("rax") 0_u64, options(noreturn),
        );
    }
}

/// Leaves with every floating-point exception armed, and one of the old kind pending: whoever computes next would get it.
fn float_trap(qube: Qube) {
    let (control, state) = (0x0040_u16, 0_u32);
    // SAFETY: nothing of ours computes with floating point.
    unsafe {
        asm!(
            "fninit", "fldcw [{control}]", "fld1", "fldz", "fdivp",
            "ldmxcsr [{state}]",
            control = in(reg) &raw const control, state = in(reg) &raw const state,
        );
    }
    for _ in 0..100 {
        qube.ready();
        wait(crate::raw::in_ms(0));
    }
    let mut now = 0_u32;
    // SAFETY: stores the register.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut now) };
    saw(format_args!("still armed {}", now & 0x1f80 == 0));
}
