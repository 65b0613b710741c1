//! The processor in root mode: turning SVM on, taking interrupts, sleeping.

use core::arch::{asm, x86_64::__cpuid};
use core::fmt;

const EFER: u32 = 0xc000_0080;
const EFER_SVME: u64 = 1 << 12;
const VM_CR: u32 = 0xc001_0114;
const VM_CR_SVMDIS: u64 = 1 << 4;
const VM_HSAVE_PA: u32 = 0xc001_0117;

/// Why this processor cannot run qubes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SvmError {
    /// No SVM (CPUID 0x8000_0001 ECX bit 2).
    NoSvm,
    /// The firmware has turned SVM off (`VM_CR.SVMDIS`).
    Disabled,
    /// No nested paging (CPUID 0x8000_000a EDX bit 0).
    NoNestedPaging,
    /// No address-space id beside the host's.
    NoAsids,
    /// No XSAVE: vector registers could not be kept apart.
    NoXsave,
}

impl fmt::Display for SvmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSvm => {
                "it has no AMD SVM (under QEMU: -cpu EPYC,+svm,+npt; Intel VT-x is not supported yet)"
            }
            Self::Disabled => {
                "the firmware switched AMD SVM off (look for \"SVM\" or \"virtualization\" in its settings)"
            }
            Self::NoNestedPaging => "its SVM has no nested paging (under QEMU: +npt)",
            Self::NoAsids => "it has no address-space ids",
            Self::NoXsave => "it has no XSAVE",
        })
    }
}

/// Two pages that the processor uses: where VMRUN keeps the host, and where VMSAVE put the host's other registers.
#[repr(C, align(4096))]
pub struct HostState {
    save_area: [u8; 4096],
    extra: [u8; 4096],
}

impl HostState {
    /// As the processor wants them first.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self { save_area: [0; 4096], extra: [0; 4096] }
    }
}

/// Proof that SVM is on; hands out what only then makes sense.
pub struct Processor {
    pub(crate) host_extra: u64,
    /// XCR0 of the host, which is that of every qube.
    pub(crate) xcr0: u64,
    /// Number of address-space identifiers, 0 being the host's.
    pub(crate) asids: u32,
    /// Whether single address spaces can be flushed (CPUID 0x8000_000a EDX bit 6).
    pub flush_by_asid: bool,
}

impl Processor {
    /// Turns SVM on for this processor, whose XCR0 is `xcr0`. Host addresses must be identity mapped. From here on GIF is 0.
    ///
    /// # Errors
    /// See [`SvmError`]: the machine cannot run qubes.
    pub fn enable(host: &'static mut HostState, xcr0: Option<u64>) -> Result<Self, SvmError> {
        if __cpuid(0x8000_0000).eax < 0x8000_000a || __cpuid(0x8000_0001).ecx & (1 << 2) == 0 {
            return Err(SvmError::NoSvm);
        }
        let features = __cpuid(0x8000_000a);
        if features.edx & 1 == 0 {
            return Err(SvmError::NoNestedPaging);
        }
        if features.ebx < 2 {
            return Err(SvmError::NoAsids);
        }
        if read_msr(VM_CR) & VM_CR_SVMDIS != 0 {
            return Err(SvmError::Disabled);
        }
        let xcr0 = xcr0.ok_or(SvmError::NoXsave)?;
        write_msr(EFER, read_msr(EFER) | EFER_SVME);
        write_msr(VM_HSAVE_PA, &raw const host.save_area as u64);
        let host_extra = &raw const host.extra as u64;
        // SAFETY: SVM is on; the operand is a page-aligned page of ours, identity mapped (VMSAVE writes only there). CLGI
        // and STI leave the host uninterruptible until `accept_interrupts` or `idle`.
        unsafe {
            asm!("clgi", "vmsave rax", "sti", in("rax") host_extra, options(nostack));
        }
        Ok(Self { host_extra, xcr0, asids: features.ebx, flush_by_asid: features.edx & (1 << 6) != 0 })
    }

    /// Lets pending interrupts in, for one instruction. Their handlers only record them.
    pub fn accept_interrupts(&self) {
        // SAFETY: SVM is on. A handler runs on its own interrupt stack and changes nothing but its record, so that the
        // red zone of this function stays whole.
        unsafe { asm!("stgi", "nop", "clgi", options(nostack)) };
    }

    /// Sleeps until an interrupt, and takes it.
    pub fn idle(&self) {
        // SAFETY: as above; STI takes effect after HLT has begun, so an interrupt that is already pending ends the HLT.
        unsafe { asm!("cli", "stgi", "sti", "hlt", "clgi", options(nostack)) };
    }
}

fn read_msr(register: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the callers above name registers that exist on a processor with SVM; reading them changes nothing.
    unsafe { asm!("rdmsr", in("ecx") register, out("eax") low, out("edx") high, options(nomem, nostack)) };
    (u64::from(high) << 32) | u64::from(low)
}

fn write_msr(register: u32, value: u64) {
    let (low, high) = (value & 0xffff_ffff, value >> 32);
    // SAFETY: the callers above write EFER with one bit added and VM_HSAVE_PA with a page of ours, both as APM 15.30 allows.
    unsafe {
        asm!("wrmsr", in("ecx") register, in("eax") low as u32, in("edx") high as u32, options(nostack))
    };
}
