//! memcpy and memmove, one routine: `skep_copy`.
//!
//! Up to 128 bytes are all loaded before any is stored, in overlapping 16-byte pieces, without a loop; longer
//! blocks move 128 bytes in 18 instructions. Telling overlap apart costs four, and only above 128 bytes.

use core::arch::global_asm;

// Arguments: rdi destination, rsi source, rdx length; the result is the destination.
global_asm!(
    ".pushsection .text.skep_copy, \"ax\", @progbits",
    ".balign 64",
    names!("memcpy", "memmove"),
    r#"
    .globl skep_copy
skep_copy:
    mov rax, rdi
skep_copy_rest:
    cmp rdx, 16
    jb 5f
    cmp rdx, 32
    ja 2f
    movups xmm0, [rsi]
    movups xmm1, [rsi + rdx - 16]
    movups [rdi], xmm0
    movups [rdi + rdx - 16], xmm1
    ret
2:  cmp rdx, 64
    ja 3f
    .irp i, 0,1
    movups xmm\i, [rsi + 16 * \i]
    .endr
    .irp i, 2,3
    movups xmm\i, [rsi + rdx + 16 * \i - 64]
    .endr
    .irp i, 0,1
    movups [rdi + 16 * \i], xmm\i
    .endr
    .irp i, 2,3
    movups [rdi + rdx + 16 * \i - 64], xmm\i
    .endr
    ret
3:  cmp rdx, 128
    ja skep_copy_long
    .irp i, 0,1,2,3
    movups xmm\i, [rsi + 16 * \i]
    .endr
    .irp i, 4,5,6,7
    movups xmm\i, [rsi + rdx + 16 * \i - 128]
    .endr
    .irp i, 0,1,2,3
    movups [rdi + 16 * \i], xmm\i
    .endr
    .irp i, 4,5,6,7
    movups [rdi + rdx + 16 * \i - 128], xmm\i
    .endr
4:  ret
5:  cmp edx, 8
    jb 6f
    mov rcx, [rsi]
    mov r8, [rsi + rdx - 8]
    mov [rdi], rcx
    mov [rdi + rdx - 8], r8
    ret
6:  cmp edx, 4
    jb 7f
    mov ecx, [rsi]
    mov r8d, [rsi + rdx - 4]
    mov [rdi], ecx
    mov [rdi + rdx - 4], r8d
    ret
7:  test edx, edx
    je 4b
    mov r9, rdx
    shr r9, 1
    movzx ecx, byte ptr [rsi]
    movzx r8d, byte ptr [rsi + r9]
    movzx r10d, byte ptr [rsi + rdx - 1]
    mov [rdi], cl
    mov [rdi + r9], r8b
    mov [rdi + rdx - 1], r10b
    ret

skep_copy_long:
    mov rcx, rdi
    sub rcx, rsi
    cmp rcx, rdx
    jb 9f
    // Forward: rcx runs from minus the length of the whole blocks up to 0.
    mov rcx, rdx
    and rcx, -128
    add rsi, rcx
    add rdi, rcx
    and edx, 127
    neg rcx
8:
    .irp i, 0,1,2,3,4,5,6,7
    movups xmm\i, [rsi + rcx + 16 * \i]
    .endr
    .irp i, 0,1,2,3,4,5,6,7
    movups [rdi + rcx + 16 * \i], xmm\i
    .endr
    sub rcx, -128
    jne 8b
    test edx, edx
    jne skep_copy_rest
    ret
    // Backward, because the destination starts inside the source.
9:
    .irp i, 0,1,2,3,4,5,6,7
    movups xmm\i, [rsi + rdx + 16 * \i - 128]
    .endr
    .irp i, 0,1,2,3,4,5,6,7
    movups [rdi + rdx + 16 * \i - 128], xmm\i
    .endr
    add rdx, -128
    cmp rdx, 128
    jae 9b
    jmp skep_copy_rest
    .popsection
    "#
);
