//! Touching memory that is not there, not writable or not code.

use core::arch::asm;

use unikernels_rt::Qube;

use crate::Attack::{self, Bare};
use crate::raw::{
    CONSTANT, ENTROPY, INFO, PAGE, RAM, REGISTERS, jump, peek, poke, ram_end, saw, stack_bottom, stack_top,
};

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("read-below", Bare(|_| read(0x1000))),
    ("read-hole", Bare(|_| read(RAM - PAGE))),
    ("read-above", Bare(|_| read(ram_end()))),
    ("read-far", Bare(|_| read(0x3fff_fff8))),
    ("read-guard", Bare(|_| read(stack_bottom() - 8))),
    ("read-straddle", Bare(|_| read(ram_end() - 4))),
    ("write-below", Bare(|_| write(0x8000))),
    ("write-above", Bare(|_| write(ram_end() + 0x10_0000))),
    ("write-text", Bare(|_| write(RAM))),
    ("write-constant", Bare(|_| write((&raw const CONSTANT).addr() as u64))),
    ("write-registers", Bare(|_| write(REGISTERS + 0x70))),
    ("write-entropy", Bare(|_| write(ENTROPY))),
    ("write-info", Bare(|_| write(INFO + 0x0c))),
    ("read-pages", Bare(read_pages)),
    ("exec-data", Bare(|_| exec(stack_top()))),
    ("exec-stack", Bare(exec_stack)),
    ("exec-constant", Bare(|_| jump((&raw const CONSTANT).addr() as u64))),
    ("exec-registers", Bare(|_| jump(REGISTERS))),
    ("exec-below", Bare(|_| jump(0x1000))),
    ("overflow", Bare(overflow)),
];

fn read(at: u64) {
    saw(format_args!("{:#x} at {at:#x}", peek::<u64>(at)));
}

fn write(at: u64) {
    poke::<u64>(at, 0x5ca1_ab1e);
    saw(format_args!("{:#x} after writing {at:#x}", peek::<u64>(at)));
}

/// Code that only returns, written where data may be.
fn exec(at: u64) {
    const RETURN: u8 = 0xc3;
    poke(at, RETURN);
    jump(at);
}

fn exec_stack(_: Qube) {
    let code = [0xc3_u8; 16];
    jump((&raw const code).addr() as u64);
}

/// Reading the three pages of the supervisor is no attack, and must show nothing of another qube.
fn read_pages(_: Qube) {
    let mut sum = 0_u64;
    for at in (REGISTERS..INFO + PAGE).step_by(8) {
        sum = sum.wrapping_add(peek::<u64>(at));
    }
    saw(format_args!("magic {:#x}, sum not zero {}", peek::<u32>(REGISTERS), sum != 0));
}

/// Runs the stack onto its guard page.
fn overflow(_: Qube) {
    // SAFETY: none. The stack ends.
    unsafe { asm!("2: push rax", "jmp 2b", options(noreturn)) }
}
