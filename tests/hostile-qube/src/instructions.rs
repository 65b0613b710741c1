//! Instructions of the processor's owner.

use core::arch::asm;

use unikernels_rt::Qube;

use crate::Attack::{self, Bare};
use crate::raw::saw;

/// Functions that run some instructions; registers that calls may change may be changed.
macro_rules! instructions {
    ($($name:ident: $($line:literal),+;)+) => {
        $(fn $name(_: Qube) {
            // SAFETY: none. The instructions are not ours to run.
            unsafe { asm!($($line),+, clobber_abi("sysv64")) };
        })+
    };
}

instructions! {
    hlt: "hlt";
    vmmcall: "vmmcall";
    vmrun: "mov rax, 0x200000", "vmrun rax";
    vmload: "mov rax, 0x200000", "vmload rax";
    vmsave: "mov rax, 0x200000", "vmsave rax";
    stgi: "stgi";
    clgi: "clgi";
    skinit: "xor eax, eax", "skinit eax";
    invd: "invd";
    wbinvd: "wbinvd";
    invlpga: "xor eax, eax", "mov ecx, 2", "invlpga rax, ecx";
    read_dr0: "mov rax, dr0";
    write_dr0: "mov rax, 0x200000", "mov dr0, rax";
    write_dr7: "mov rax, 0x700", "mov dr7, rax";
    read_cr8: "mov rax, cr8";
    write_cr8: "mov eax, 15", "mov cr8, rax";
    xsetbv: "mov eax, 1", "xor edx, edx", "xor ecx, ecx", "xsetbv";
    rdpmc: "xor ecx, ecx", "rdpmc";
    monitor: "mov rax, 0x200000", "xor ecx, ecx", "xor edx, edx", "monitor";
    mwait: "xor eax, eax", "xor ecx, ecx", "mwait";
    rdtscp: "rdtscp";
    rsm: "rsm";
    icebp: ".byte 0xf1";
    breakpoint: "int3";
    undefined: "ud2";
    no_idt: "sub rsp, 16", "mov qword ptr [rsp], 0", "mov qword ptr [rsp + 8], 0", "lidt [rsp]", "int3";
    bad_idt: "sub rsp, 16", "mov word ptr [rsp], 0xfff", "mov qword ptr [rsp + 2], 0x1000", "lidt [rsp]", "ud2";
    step: "pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop", "nop";
    task_gate: "sub rsp, 16", "mov dword ptr [rsp], 0", "mov dword ptr [rsp + 4], 0x10", "call fword ptr [rsp]";
    nested_task: "pushfq", "or qword ptr [rsp], 0x4000", "popfq", "iretq";
    interrupt_17: "int 17";
    interrupt_128: "int 0x80";
    syscall: "syscall";
    sysenter: "sysenter";
    bad_stack: "mov rsp, 0x1000", "push rax";
    wild_stack: "mov rsp, 0x4141414141414141", "push rax";
}

pub(crate) const ATTACKS: &[(&str, Attack)] = &[
    ("rdmsr-efer", Bare(|_| read_register(0xc000_0080))),
    ("rdmsr-apic", Bare(|_| read_register(0x1b))),
    ("rdmsr-x2apic", Bare(|_| read_register(0x802))),
    ("rdmsr-gs", Bare(|_| read_register(0xc000_0101))),
    ("rdmsr-unlisted", Bare(|_| read_register(0x1234_5678))),
    ("wrmsr-efer", Bare(|_| write_register(0xc000_0080, 0))),
    ("wrmsr-apic", Bare(|_| write_register(0x1b, 0xfee0_0900))),
    ("wrmsr-pat", Bare(|_| write_register(0x277, 0))),
    ("wrmsr-tsc", Bare(|_| write_register(0x10, 0))),
    ("wrmsr-host-save", Bare(|_| write_register(0xc001_0117, 0x20_0000))),
    ("wrmsr-syscall", Bare(|_| write_register(0xc000_0082, 0x20_0000))),
    ("hlt", Bare(hlt)),
    ("vmmcall", Bare(vmmcall)),
    ("vmrun", Bare(vmrun)),
    ("vmload", Bare(vmload)),
    ("vmsave", Bare(vmsave)),
    ("stgi", Bare(stgi)),
    ("clgi", Bare(clgi)),
    ("skinit", Bare(skinit)),
    ("invd", Bare(invd)),
    ("wbinvd", Bare(wbinvd)),
    ("invlpga", Bare(invlpga)),
    ("read-dr0", Bare(read_dr0)),
    ("write-dr0", Bare(write_dr0)),
    ("write-dr7", Bare(write_dr7)),
    ("read-cr8", Bare(read_cr8)),
    ("write-cr8", Bare(write_cr8)),
    ("xsetbv", Bare(xsetbv)),
    ("rdpmc", Bare(rdpmc)),
    ("monitor", Bare(monitor)),
    ("mwait", Bare(mwait)),
    ("rdtscp", Bare(rdtscp)),
    ("rsm", Bare(rsm)),
    ("icebp", Bare(icebp)),
    ("breakpoint", Bare(breakpoint)),
    ("undefined", Bare(undefined)),
    ("triple-fault", Bare(no_idt)),
    ("bad-idt", Bare(bad_idt)),
    ("debug-storm", Bare(step)),
    ("task-switch", Bare(task_gate)),
    ("nested-task", Bare(nested_task)),
    ("alignment-gate", Bare(interrupt_17)),
    ("interrupt-128", Bare(interrupt_128)),
    ("syscall", Bare(syscall)),
    ("sysenter", Bare(sysenter)),
    ("bad-stack", Bare(bad_stack)),
    ("wild-stack", Bare(wild_stack)),
    ("prefixed-cpuid", Bare(prefixed_cpuid)),
];

fn read_register(number: u32) {
    let (low, high): (u32, u32);
    // SAFETY: none. The register is not ours.
    unsafe { asm!("rdmsr", in("ecx") number, out("eax") low, out("edx") high) };
    saw(format_args!("{high:#x} {low:#x} in register {number:#x}"));
}

fn write_register(number: u32, value: u64) {
    let (low, high) = (value & 0xffff_ffff, value >> 32);
    // SAFETY: none. The register is not ours.
    unsafe { asm!("wrmsr", in("ecx") number, in("rax") low, in("rdx") high) };
    saw(format_args!("register {number:#x} written"));
}

/// A CPUID of three bytes. A supervisor that steps over two lets the qube go on inside it, at 0xa2: a store of AL to the
/// address in the eight bytes behind it, which is free memory of ours. Stepped over whole, the same bytes are a jump.
fn prefixed_cpuid(_: Qube) {
    // SAFETY: none. RBX is kept, as the compiler keeps it for itself; nobody uses that memory.
    unsafe {
        asm!(
            "mov r8, rbx",
            "xor eax, eax",
            ".byte 0x66, 0x0f, 0xa2",
            ".byte 0xeb, 0x06, 0x2f, 0, 0, 0, 0, 0",
            "mov rbx, r8",
            out("rax") _, out("rcx") _, out("rdx") _, out("r8") _,
        );
    }
    saw(format_args!("it went on"));
}
