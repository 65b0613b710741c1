//! Wiping the dead part of the stack, all of it.
//!
//! `unikernels_sdk::scrub_stack` wipes as much as it is told, which a deep call can exceed. Here the linker says where the stack
//! ends, so whatever a call left below its caller is gone. It can't reach registers.

use core::arch::asm;

/// Below the stack pointer the compiler may keep data of the function at hand (System V ABI, the red zone).
const RED_ZONE: u64 = 128;

/// Overwrites the stack below the caller's frame, down to its end.
#[inline(never)]
pub fn scrub_stack() {
    // SAFETY: the stack goes from `__stack_bottom` up to beyond the stack pointer, and both are multiples of 8, as is the red
    // zone; below that zone nothing of it is in use: there is one thread, no interrupts, and faults have a stack of their own. The
    // direction flag is clear, as the ABI wants it.
    unsafe {
        asm!(
            "lea rdi, [rip + __stack_bottom]",
            "lea rcx, [rsp - {red_zone}]",
            "sub rcx, rdi",
            "shr rcx, 3",
            "xor eax, eax",
            "rep stosq",
            red_zone = const RED_ZONE,
            out("rdi") _,
            out("rcx") _,
            out("rax") _,
        );
    }
}
