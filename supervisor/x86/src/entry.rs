//! From the loader's 32-bit jump to Rust: the boot notes and the trampoline.
//!
//! Both loaders arrive in 32-bit protected mode without paging, the start structure's address in EBX. The
//! trampoline looks for long mode and no-execute pages, fills the page tables with the identity map of
//! 0..4 GiB, switches on long mode, SSE and write protection, and calls [`boot::start`] on the boot stack.
//!
//! Sources: Xen `docs/misc/pvh`, Multiboot2 2.0 sections 3.1 and 3.3, AMD64 APM volume 2, section 14.6.

use core::arch::global_asm;
use core::sync::atomic::AtomicU64;

use crate::boot;
use crate::gdt::{CODE_DESCRIPTOR, DATA_DESCRIPTOR};
use crate::paging::TABLES;
use crate::stacks::{MAIN_STACK, MAIN_TOP};

/// Time stamp counter at the first instruction.
pub(crate) static ENTRY_TSC: AtomicU64 = AtomicU64::new(0);

// The PVH note: QEMU reads the entry as 8 bytes. The multiboot2 header asks for the memory map and page-aligned
// modules; a loader that does not know the RSDP tags may go on without.
global_asm!(
    r#"
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4
    .long 8
    .long 18
    .asciz "Xen"
    .quad skep_pvh_start
    .popsection

    .pushsection .multiboot2, "a", @progbits
    .balign 8
2:  .long 0xe85250d6
    .long 0
    .long 3f - 2b
    .long -(0xe85250d6 + (3f - 2b))
    .short 1, 0
    .long 20
    .long 1, 3, 6
    .balign 8
    .short 1, 1
    .long 16
    .long 14, 15
    .short 6, 0
    .long 8
    .short 0, 0
    .long 8
3:
    .popsection
    "#
);

// Registers through the trampoline: esi the boot path, edi the start structure. cpuid changes ebx.
// `skep_fail` prints the text at ebp on the debug console and the serial port as the loader left it.
global_asm!(
    r#"
    .pushsection .text.skep_entry, "ax", @progbits
    .code32
    .globl skep_pvh_start
skep_pvh_start:
    xor esi, esi
    jmp 2f
    .globl skep_multiboot_start
skep_multiboot_start:
    mov esi, 1
2:  cli
    cld
    mov edi, ebx
    lea esp, [{stack} + {stack_size}]
    mov ecx, eax
    rdtsc
    mov [{entry_tsc}], eax
    mov [{entry_tsc} + 4], edx
    test esi, esi
    jz 3f
    lea ebp, [skep_no_multiboot]
    cmp ecx, 0x36d76289
    jne skep_fail
3:  lea ebp, [skep_no_long_mode]
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb skep_fail
    mov eax, 0x80000001
    cpuid
    and edx, 0x20100000
    cmp edx, 0x20100000
    jne skep_fail

    // Page tables: the root, the pointers, 2048 large pages.
    lea eax, [{tables} + 0x1003]
    mov [{tables}], eax
    lea eax, [{tables} + 0x2003]
    mov [{tables} + 0x1000], eax
    add eax, 0x1000
    mov [{tables} + 0x1008], eax
    add eax, 0x1000
    mov [{tables} + 0x1010], eax
    add eax, 0x1000
    mov [{tables} + 0x1018], eax
    xor ecx, ecx
    mov eax, 0x83
4:  mov [{tables} + 0x2000 + ecx * 8], eax
    add eax, 0x200000
    inc ecx
    cmp ecx, 2048
    jne 4b

    // CR4: PAE, OSFXSR, OSXMMEXCPT. EFER: LME, NXE. CR0: PG, WP, NE, ET, MP, PE; EM and TS clear.
    mov eax, 0x620
    mov cr4, eax
    lea eax, [{tables}]
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x900
    wrmsr
    mov eax, 0x80010033
    mov cr0, eax
    lgdt [skep_boot_gdt_pointer]
    .byte 0xea
    .long skep_long_mode
    .short 8

skep_fail:
    mov al, [ebp]
    test al, al
    jz 5f
    mov edx, 0xe9
    out dx, al
    mov edx, 0x3f8
    out dx, al
    inc ebp
    jmp skep_fail
5:  mov eax, {failed}
    mov edx, 0xf4
    out dx, eax
6:  cli
    hlt
    jmp 6b

    .code64
skep_long_mode:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov esp, esp
    mov edi, edi
    xor ebp, ebp
    call {start}
    ud2
    .popsection

    .pushsection .rodata.skep_entry, "a", @progbits
    .balign 8
skep_boot_gdt:
    .quad 0
    .quad {code}
    .quad {data}
skep_boot_gdt_pointer:
    .short 23
    .quad skep_boot_gdt
skep_no_long_mode:
    .asciz "skep: this CPU cannot run qubes: it has no 64-bit mode with no-execute pages\r\n"
skep_no_multiboot:
    .asciz "skep: started by a loader that is neither multiboot2 nor PVH\r\n"
    .popsection
    "#,
    stack = sym MAIN_STACK,
    stack_size = const MAIN_TOP,
    entry_tsc = sym ENTRY_TSC,
    tables = sym TABLES,
    start = sym boot::start,
    code = const CODE_DESCRIPTOR,
    data = const DATA_DESCRIPTOR,
    failed = const crate::power::Ending::Unfit as u8,
);
