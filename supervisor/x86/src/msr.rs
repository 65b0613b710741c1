//! Model-specific registers.

use core::arch::asm;

/// APIC base address and mode.
pub(crate) const APIC_BASE: u32 = 0x1b;

/// Reads an MSR. One the CPU does not have raises a general protection fault, which ends the supervisor.
pub fn read_msr(number: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reading an MSR changes no memory; a missing one faults into a handler that does not return.
    unsafe {
        asm!("rdmsr", in("ecx") number, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Writes an MSR.
///
/// # Safety
/// The value must keep every promise the running program relies on: paging, system call targets, segment
/// bases, caches. The caller names the register and argues from its manual.
pub unsafe fn write_msr(number: u32, value: u64) {
    let [low, high] = [value & 0xffff_ffff, value >> 32];
    // SAFETY: the caller of this function has argued the effect of this value in this register.
    unsafe {
        asm!("wrmsr", in("ecx") number, in("rax") low, in("rdx") high, options(nostack, preserves_flags));
    }
}
