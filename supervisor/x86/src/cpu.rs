//! What this CPU can do, and switching it on. Whether that is enough to run qubes, `supervisor/svm` says.
//!
//! Sources: AMD64 APM volume 3, appendix E (CPUID), volume 2, section 3.1 (control registers).

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};

const CR4_OSXSAVE: u64 = 1 << 18;
const CR4_SMEP: u64 = 1 << 20;
/// x87 and SSE, the part of XCR0 every processor with XSAVE has.
const XCR0_BASE: u32 = 0b011;
const XCR0_AVX: u32 = 0b100;

/// A CPUID leaf, zero where the processor has no such leaf.
pub(crate) fn leaf(number: u32, sub: u32) -> CpuidResult {
    let highest = __cpuid(number & 0xc000_0000).eax;
    if (number & 0xc000_0000..=highest).contains(&number) {
        __cpuid_count(number, sub)
    } else {
        CpuidResult { eax: 0, ebx: 0, ecx: 0, edx: 0 }
    }
}

/// Whether the processor says that a hypervisor or an emulator is below us.
pub(crate) fn under_hypervisor() -> bool {
    leaf(1, 0).ecx & 1 << 31 != 0
}

/// Switches on SMEP and, where there is XSAVE, the vector state; returns XCR0.
pub(crate) fn enable_features() -> Option<u64> {
    let (basic, structured) = (leaf(1, 0), leaf(7, 0));
    let xsave = basic.ecx & 1 << 26 != 0;
    let smep = if structured.ebx & 1 << 7 != 0 { CR4_SMEP } else { 0 };
    set_cr4(smep | if xsave { CR4_OSXSAVE } else { 0 });
    let avx = if basic.ecx & 1 << 28 != 0 { XCR0_AVX } else { 0 };
    xsave.then(|| set_xcr0(XCR0_BASE | avx))
}

fn set_cr4(bits: u64) {
    // SAFETY: OSXSAVE and SMEP, where the processor has them, take nothing from ring-0 code that runs from
    // supervisor pages; there are no others.
    unsafe {
        asm!("mov {0}, cr4", "or {0}, {1}", "mov cr4, {0}", out(reg) _, in(reg) bits, options(nomem, nostack));
    }
}

fn set_xcr0(value: u32) -> u64 {
    // SAFETY: the processor has XSAVE and CR4.OSXSAVE is set; x87 and SSE are always legal, AVX where CPUID has it.
    unsafe {
        asm!("xsetbv", in("ecx") 0, in("eax") value, in("edx") 0, options(nomem, nostack, preserves_flags));
    }
    u64::from(value)
}
