//! Wiping the dead part of the stack, all of it.
//!
//! `unikernels_sdk::scrub_stack` wipes as much as it is told, which a deep call can exceed. Here the linker says where the stack
//! ends, so whatever a call left below its caller is gone. The wide registers go with it, which are where what was copied last
//! stays until something else is; nobody wipes the general ones, which the next line of any program uses.

use core::arch::asm;

/// Below the stack pointer the compiler may keep data of the function at hand (System V ABI, the red zone).
const RED_ZONE: u64 = 128;

/// Overwrites the stack below the caller's frame, down to its end, and the SSE registers.
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
    clear_registers();
}

/// Zeroes the registers through which memory is copied. Every one belongs to the callee (System V ABI).
#[inline(always)]
fn clear_registers() {
    // SAFETY: only registers are written, and all of them are named as outputs.
    unsafe {
        asm!(
            "pxor xmm0, xmm0", "pxor xmm1, xmm1", "pxor xmm2, xmm2", "pxor xmm3, xmm3",
            "pxor xmm4, xmm4", "pxor xmm5, xmm5", "pxor xmm6, xmm6", "pxor xmm7, xmm7",
            "pxor xmm8, xmm8", "pxor xmm9, xmm9", "pxor xmm10, xmm10", "pxor xmm11, xmm11",
            "pxor xmm12, xmm12", "pxor xmm13, xmm13", "pxor xmm14, xmm14", "pxor xmm15, xmm15",
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nomem, nostack, preserves_flags),
        );
    }
}
