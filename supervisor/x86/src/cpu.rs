//! What this CPU can do, and whether that is enough to run qubes.
//!
//! Sources: AMD64 APM volume 3, appendix E (CPUID), volume 2, sections 3.1 (control registers), 15.4
//! (enabling SVM) and 15.30.1 (VM_CR).

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};
use core::fmt;

use crate::msr::{VM_CR, read_msr};

const CR4_OSXSAVE: u64 = 1 << 18;
const CR4_SMEP: u64 = 1 << 20;
/// x87 and SSE, the part of XCR0 every processor with XSAVE has.
const XCR0_BASE: u32 = 0b011;
const XCR0_AVX: u32 = 0b100;
const SVM_DISABLED: u64 = 1 << 4;

/// Why this CPU cannot run qubes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// No AMD SVM.
    NoSvm,
    /// SVM is there, but firmware switched it off.
    SvmSwitchedOff,
    /// SVM without nested paging.
    NoNestedPaging,
    /// No XSAVE: vector registers could not be kept apart.
    NoXsave,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unfit::NoSvm => {
                "this CPU cannot run qubes: it has no AMD SVM (under QEMU: -cpu EPYC,+svm,+npt; Intel VT-x is not \
                 supported yet)"
            }
            Unfit::SvmSwitchedOff => {
                "this CPU cannot run qubes: the firmware switched AMD SVM off (look for \"SVM\" or \"virtualization\" \
                 in its settings)"
            }
            Unfit::NoNestedPaging => "this CPU cannot run qubes: its SVM has no nested paging (under QEMU: +npt)",
            Unfit::NoXsave => "this CPU cannot run qubes: it has no XSAVE",
        })
    }
}

/// What this CPU can do. A machine that reaches the main function has SVM, nested paging and XSAVE.
#[derive(Clone, Copy, Debug)]
pub struct CpuFacts {
    /// Address space identifiers, host's 0 included.
    pub asids: u32,
    /// CPUID 0x8000000A EDX as it stands: the SVM features.
    pub svm_features: u32,
    /// The value in XCR0: x87 and SSE, and AVX where there is AVX.
    pub xcr0: u64,
    /// Bytes XSAVE writes for this XCR0.
    pub xsave_bytes: u32,
    /// Physical address bits.
    pub physical_bits: u8,
    /// RDSEED works.
    pub rdseed: bool,
    /// RDRAND works.
    pub rdrand: bool,
    /// The time stamp counter runs at one rate in every power state.
    pub invariant_tsc: bool,
    /// Another hypervisor, or an emulator, is below us.
    pub hypervisor: bool,
}

impl CpuFacts {
    /// Asks the processor, after [`enable_features`].
    pub(crate) fn read(xcr0: Option<u64>) -> Result<CpuFacts, Unfit> {
        let extended = leaf(0x8000_0001, 0);
        if extended.ecx & 1 << 2 == 0 {
            return Err(Unfit::NoSvm);
        }
        if read_msr(VM_CR) & SVM_DISABLED != 0 {
            return Err(Unfit::SvmSwitchedOff);
        }
        let svm = leaf(0x8000_000a, 0);
        if svm.edx & 1 == 0 {
            return Err(Unfit::NoNestedPaging);
        }
        let xcr0 = xcr0.ok_or(Unfit::NoXsave)?;
        let [basic, structured] = [leaf(1, 0), leaf(7, 0)];
        Ok(CpuFacts {
            asids: svm.ebx,
            svm_features: svm.edx,
            xcr0,
            xsave_bytes: leaf(0xd, 0).ebx,
            physical_bits: (leaf(0x8000_0008, 0).eax & 0xff) as u8,
            rdseed: structured.ebx & 1 << 18 != 0,
            rdrand: basic.ecx & 1 << 30 != 0,
            invariant_tsc: leaf(0x8000_0007, 0).edx & 1 << 8 != 0,
            hypervisor: under_hypervisor(),
        })
    }
}

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
