//! One qube's virtual processor and the world switch.
//!
//! Register state that VMRUN does not switch is switched here, all of it, every time: general registers, and x87, SSE and
//! AVX by XSAVE (the host's own code uses SSE, so this cannot be put off). RAX, RSP, RIP and flags are in the VMCB.

use core::arch::{asm, x86_64::__cpuid_count};

use supervisor_mem::Hpa;
use supervisor_vcpu::{Exit, Ticks, port};

use crate::cpuid;
use crate::exit::{Facts, IOIO, Resume, decode, is_call};
use crate::permissions::{IoMap, MsrMap};
use crate::processor::Processor;
use crate::vmcb::{self, Vmcb};

/// Bytes of XSAVE area for x87, SSE and AVX in the standard format (APM vol. 2, 11.5).
const XSAVE_BYTES: usize = 832;
/// MXCSR after reset, every exception masked.
const MXCSR: u32 = 0x1f80;

const RCX: usize = 1;
const RDX: usize = 2;
const RBX: usize = 0;
const RDI: usize = 5;

/// Interrupts, NMI, SMI, INIT; privileged and odd instructions; CPUID, HLT, I/O, MSR, task switch, shutdown.
const MISC1: u64 = 0b1111 // INTR, NMI, SMI, INIT
    | (1 << 5) // selective CR0 write
    | (1 << 15) // RDPMC
    | (1 << 18) // CPUID
    | (1 << 19) // RSM
    | (1 << 22) // INVD
    | (1 << 24) // HLT
    | (1 << 26) // INVLPGA
    | (1 << 27) // IN and OUT
    | (1 << 28) // MSR
    | (1 << 29) // task switch
    | (1 << 30) // FERR freeze
    | (1 << 31); // shutdown
/// VMRUN to SKINIT, RDTSCP, ICEBP, WBINVD, MONITOR, MWAIT, MWAIT if armed, XSETBV, RDPRU.
const MISC2: u64 = 0x7fff;
/// INVLPGB, INVPCID, MCOMMIT, TLBSYNC.
const MISC3: u64 = 0x1f;
/// #DB and #AC: a qube that faults while they are delivered would spin inside the processor for ever.
const EXCEPTIONS: u64 = (1 << 1) | (1 << 17);
/// Reads and writes of CR8, which is the interrupt controller's priority, and writes of CR4: with protection keys or shadow
/// stacks on, a qube would have state that the world switch knows nothing of.
const CONTROL_REGISTERS: u64 = (1 << 8) | (1 << 20) | (1 << 24);
const ALL_DEBUG_REGISTERS: u64 = 0xffff_ffff;
/// V_INTR_MASKING: the host's interrupt flag decides, not the qube's.
const V_INTR_MASKING: u64 = 1 << 24;

const CR0: u64 = 0x8001_0033; // PG, WP, NE, ET, MP, PE
const CR4: u64 = 0x0004_0620; // OSXSAVE, OSXMMEXCPT, OSFXSR, PAE
const EFER: u64 = 0x1d00; // SVME, NXE, LMA, LME
const PAT: u64 = 0x0007_0406_0007_0406;

/// Where a qube begins: Hermit's entry contract (`hermit-entry`).
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Entry point.
    pub entry: u64,
    /// Stack pointer.
    pub stack_top: u64,
    /// Address of the boot information, to RDI.
    pub boot_info: u64,
    /// The qube's own page tables, to CR3.
    pub page_table_root: u64,
}

/// In TLB_CONTROL: everything goes, of every address space.
const FLUSH_ALL: u64 = 1;

/// The address-space id of a qube and, in the upper half, what each entry of it takes out of the TLB. Every qube has an id of its
/// own while there are any; the others share the last, so nothing of theirs may outlast a switch.
fn address_space(asids: u32, index: u8) -> u64 {
    let (own, last) = (u64::from(index) + 1, u64::from(asids) - 1);
    if own < last { own } else { last | FLUSH_ALL << 32 }
}

/// A virtual processor. Its address is its VMCB's, host-physical by identity mapping.
#[repr(C, align(4096))]
pub struct Vcpu {
    vmcb: Vmcb,
    /// RBX, RCX, RDX, RBP, RSI, RDI, R8 to R15.
    registers: [u64; 14],
    /// What XCR0 must be in host mode.
    xcr0: u64,
    /// Address-space id, and in the upper half what each entry takes out of the TLB.
    space: u64,
    xsave: [u8; XSAVE_BYTES],
}

const _: () = {
    assert!(core::mem::offset_of!(Vcpu, registers) == 0x1000);
    assert!(core::mem::offset_of!(Vcpu, xcr0) == 0x1070);
    assert!(core::mem::offset_of!(Vcpu, xsave) == 0x1080);
    assert!(core::mem::size_of::<Vcpu>() == 0x2000);
};

impl Vcpu {
    /// Not runnable until [`Self::bind`] and [`Self::reset`].
    #[must_use]
    pub const fn unbound() -> Self {
        Self { vmcb: Vmcb::new(), registers: [0; 14], xcr0: 0, space: 0, xsave: [0; XSAVE_BYTES] }
    }

    /// Ties the processor to its nested tables and permission maps, and gives it the address space of qube `index`.
    pub fn bind(
        &mut self,
        processor: &Processor,
        nested_root: Hpa,
        io: &'static IoMap,
        msr: &'static MsrMap,
        index: u8,
    ) {
        (self.xcr0, self.space) = (processor.xcr0, address_space(processor.asids, index));
        let v = &mut self.vmcb;
        v.clear();
        v.set(vmcb::INTERCEPT_CR, CONTROL_REGISTERS);
        v.set(vmcb::INTERCEPT_DR, ALL_DEBUG_REGISTERS);
        v.set(vmcb::INTERCEPT_EXCEPTIONS, EXCEPTIONS);
        v.set(vmcb::INTERCEPT_MISC1, MISC1);
        v.set(vmcb::INTERCEPT_MISC2, MISC2);
        v.set(vmcb::INTERCEPT_MISC3, MISC3);
        v.set(vmcb::IOPM_BASE, core::ptr::from_ref(io) as u64);
        v.set(vmcb::MSRPM_BASE, core::ptr::from_ref(msr) as u64);
        v.set_space(self.space);
        v.set(vmcb::INTERRUPT_CONTROL, V_INTR_MASKING);
        v.set(vmcb::NESTED_CONTROL, 1);
        v.set(vmcb::NESTED_CR3, nested_root.0);
        v.set(vmcb::GUEST_PAT, PAT);
    }

    /// Leaves nothing in registers of the life that is over; the next one may be long in coming.
    pub fn forget(&mut self) {
        (self.registers, self.xsave) = ([0; 14], [0; XSAVE_BYTES]);
        self.vmcb.set(vmcb::RAX, 0);
    }

    /// Puts the processor at the start of a life; what the last one left in registers is gone.
    pub fn reset(&mut self, start: &Start, flush_by_asid: bool) {
        self.forget();
        self.registers[RDI] = start.boot_info;
        if let Some(mxcsr) = self.xsave.get_mut(24..28) {
            mxcsr.copy_from_slice(&MXCSR.to_le_bytes());
        }
        let v = &mut self.vmcb;
        v.clear_guest();
        v.set_segment(vmcb::CS, 8, 0xa9b, 0xffff_ffff, 0);
        for data in [vmcb::DS, vmcb::ES, vmcb::FS, vmcb::GS, vmcb::SS] {
            v.set_segment(data, 16, 0xc93, 0xffff_ffff, 0);
        }
        v.set_segment(vmcb::GDTR, 0, 0, 0, 0);
        v.set_segment(vmcb::IDTR, 0, 0, 0, 0);
        v.set_segment(vmcb::LDTR, 0, 0x82, 0, 0);
        v.set_segment(vmcb::TR, 0, 0x8b, 0xffff, 0);
        for (field, value) in [
            (vmcb::EFER, EFER),
            (vmcb::CR0, CR0),
            (vmcb::CR3, start.page_table_root),
            (vmcb::CR4, CR4),
            (vmcb::DR6, 0xffff_0ff0),
            (vmcb::DR7, 0x400),
            (vmcb::RFLAGS, 2),
            (vmcb::RIP, start.entry),
            (vmcb::RSP, start.stack_top),
            (vmcb::GUEST_PAT, PAT),
        ] {
            v.set(field, value);
        }
        // What the TLB holds of the last life goes with the next entry (15.16.2), and with those up to the first exit that is
        // no call: a new life has many.
        v.set(vmcb::TLB_CONTROL, if flush_by_asid { 3 } else { FLUSH_ALL });
    }

    /// Sets EAX, which is how a call answers. Upper half cleared, as a 32-bit write does.
    #[inline(always)]
    pub fn set_result(&mut self, value: u32) {
        self.vmcb.set(vmcb::RAX, u64::from(value));
    }

    /// If the qube has just stopped for [`Exit::NotifyAndWait`]: the queue and the deadline; it then stands behind its `out`.
    /// A call and its answer are this one exit, so it is asked for first.
    #[inline(always)]
    pub fn call(&mut self) -> Option<(u32, Ticks)> {
        let info1 = self.vmcb.get(vmcb::EXIT_INFO_1);
        if self.vmcb.get(vmcb::EXIT_CODE) != IOIO || !is_call(info1, port::NOTIFY_AND_WAIT) {
            return None;
        }
        self.vmcb.set(vmcb::RIP, self.vmcb.get(vmcb::EXIT_INFO_2));
        let queue = (self.vmcb.get(vmcb::RAX) & 0xffff_ffff) as u32;
        Some((queue, Ticks(self.registers[RDI])))
    }

    /// Why the qube has just stopped. It stands behind its `out` or CPUID then.
    pub fn exit(&mut self) -> Exit {
        let facts = Facts {
            code: self.vmcb.get(vmcb::EXIT_CODE),
            info1: self.vmcb.get(vmcb::EXIT_INFO_1),
            info2: self.vmcb.get(vmcb::EXIT_INFO_2),
            rax: self.vmcb.get(vmcb::RAX),
            rcx: self.registers[RCX],
            rdi: self.registers[RDI],
        };
        self.vmcb.set_space(self.space);
        let (exit, resume) = decode(&facts);
        match resume {
            Resume::At(rip) => self.vmcb.set(vmcb::RIP, rip),
            Resume::Here => {}
            Resume::AfterCpuid => self.answer_cpuid(),
        }
        exit
    }

    #[cold]
    fn answer_cpuid(&mut self) {
        let leaf = (self.vmcb.get(vmcb::RAX) & 0xffff_ffff) as u32;
        let subleaf = (self.registers[RCX] & 0xffff_ffff) as u32;
        let host = __cpuid_count(leaf, subleaf);
        let [a, b, c, d] = cpuid::filter(leaf, subleaf, [host.eax, host.ebx, host.ecx, host.edx]);
        self.vmcb.set(vmcb::RAX, u64::from(a));
        self.registers[RBX] = u64::from(b);
        self.registers[RCX] = u64::from(c);
        self.registers[RDX] = u64::from(d);
        // Two bytes, 0f a2; one with prefixes resumes inside itself, which is the qube's own trouble.
        self.vmcb.set(vmcb::RIP, self.vmcb.get(vmcb::RIP).wrapping_add(2));
    }

    /// Runs the qube until it stops: the world switch.
    #[inline(always)]
    pub fn enter(&mut self, processor: &Processor) {
        // SAFETY: `self` is a page-aligned VMCB followed by the register file and an XSAVE area at the offsets asserted
        // above, filled by `bind` and `reset`; `host_extra` was written by VMSAVE in `Processor::enable`; host memory is
        // identity mapped. All general registers but RSP are saved by us or declared clobbered; x87, SSE and AVX
        // registers are declared clobbered through `clobber_abi`. The direction flag is restored with the host's RFLAGS.
        unsafe {
            asm!(
                "push rbx; push rbp; push rsi",
                "mov eax, 7",
                "xor edx, edx",
                "xrstor64 [rdi + 0x1080]",
                "mov rax, rdi",
                "vmload rax",
                "mov rbx, [rax + 0x1000]",
                "mov rcx, [rax + 0x1008]",
                "mov rdx, [rax + 0x1010]",
                "mov rbp, [rax + 0x1018]",
                "mov rsi, [rax + 0x1020]",
                "mov rdi, [rax + 0x1028]",
                "mov r8, [rax + 0x1030]",
                "mov r9, [rax + 0x1038]",
                "mov r10, [rax + 0x1040]",
                "mov r11, [rax + 0x1048]",
                "mov r12, [rax + 0x1050]",
                "mov r13, [rax + 0x1058]",
                "mov r14, [rax + 0x1060]",
                "mov r15, [rax + 0x1068]",
                "vmrun rax",
                "vmsave rax",
                "mov [rax + 0x1000], rbx",
                "mov [rax + 0x1008], rcx",
                "mov [rax + 0x1010], rdx",
                "mov [rax + 0x1018], rbp",
                "mov [rax + 0x1020], rsi",
                "mov [rax + 0x1028], rdi",
                "mov [rax + 0x1030], r8",
                "mov [rax + 0x1038], r9",
                "mov [rax + 0x1040], r10",
                "mov [rax + 0x1048], r11",
                "mov [rax + 0x1050], r12",
                "mov [rax + 0x1058], r13",
                "mov [rax + 0x1060], r14",
                "mov [rax + 0x1068], r15",
                // XSETBV is intercepted, but QEMU's processor lets it pass: what a qube did to XCR0 ends here.
                "mov rdi, rax",
                "xor ecx, ecx",
                "xgetbv",
                "xsave64 [rdi + 0x1080]",
                "cmp eax, [rdi + 0x1070]",
                "je 2f",
                "mov eax, [rdi + 0x1070]",
                "xor edx, edx",
                "xsetbv",
                "2:",
                "pop rax",
                "vmload rax",
                "pop rbp; pop rbx",
                inout("rdi") core::ptr::from_mut(self) => _,
                inout("rsi") processor.host_extra => _,
                out("rax") _, out("rcx") _, out("rdx") _,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                out("r12") _, out("r13") _, out("r14") _, out("r15") _,
                clobber_abi("sysv64"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qubes_have_address_spaces_of_their_own_or_leave_nothing_in_the_tlb() {
        for asids in [2, 3, 16, 24, 25, 64, 32768] {
            let spaces: std::vec::Vec<_> = (0..24).map(|index| address_space(asids, index)).collect();
            for (index, space) in spaces.iter().enumerate() {
                let (asid, dropped) = (space & 0xffff_ffff, space >> 32);
                assert!(asid != 0 && asid < u64::from(asids), "{asid} of {asids}");
                let is_shared = spaces.iter().filter(|other| *other & 0xffff_ffff == asid).count() > 1;
                assert!(dropped == FLUSH_ALL || (dropped == 0 && !is_shared), "qube {index} of {asids}");
            }
        }
        // The emulator has sixteen: up to fifteen qubes nobody shares, and only the last of them drops what it need not.
        assert_eq!(
            [0, 13, 14, 23].map(|index| address_space(16, index)),
            [1, 14, 15 | 1 << 32, 15 | 1 << 32]
        );
    }
}
