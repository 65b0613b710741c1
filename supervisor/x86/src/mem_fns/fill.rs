//! memset: `skep_fill`. Overlapping 16-byte stores, and above 128 bytes a loop of 11 instructions for 128 bytes.

use core::arch::global_asm;

// Arguments: rdi destination, sil byte, rdx length; the result is the destination.
global_asm!(
    ".pushsection .text.skep_fill, \"ax\", @progbits",
    ".balign 64",
    names!("memset"),
    r#"
    .globl skep_fill
skep_fill:
    mov rax, rdi
    movzx esi, sil
    mov rcx, 0x0101010101010101
    imul rsi, rcx
    cmp rdx, 16
    jb 5f
    movq xmm0, rsi
    punpcklqdq xmm0, xmm0
    lea rcx, [rdi + rdx - 16]
    cmp rdx, 32
    ja 2f
    movups [rdi], xmm0
    movups [rcx], xmm0
    ret
2:  cmp rdx, 64
    ja 3f
    movups [rdi], xmm0
    movups [rdi + 16], xmm0
    movups [rcx - 16], xmm0
    movups [rcx], xmm0
    ret
3:  cmp rdx, 128
    jbe 4f
    add rcx, -112
8:
    .irp i, 0,1,2,3,4,5,6,7
    movups [rdi + 16 * \i], xmm0
    .endr
    sub rdi, -128
    cmp rdi, rcx
    jb 8b
    // The last 128 bytes, which overlap the last whole block.
    mov rdi, rcx
    sub rcx, -112
4:
    .irp i, 0,1,2,3
    movups [rdi + 16 * \i], xmm0
    movups [rcx - 16 * \i], xmm0
    .endr
    ret
5:  cmp edx, 8
    jb 6f
    mov [rdi], rsi
    mov [rdi + rdx - 8], rsi
    ret
6:  cmp edx, 4
    jb 7f
    mov [rdi], esi
    mov [rdi + rdx - 4], esi
    ret
7:  test edx, edx
    je 9f
    mov r9, rdx
    shr r9, 1
    mov [rdi], sil
    mov [rdi + r9], sil
    mov [rdi + rdx - 1], sil
9:  ret
    .popsection
    "#
);
