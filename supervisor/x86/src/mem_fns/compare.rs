//! memcmp and bcmp, one routine: `skep_compare`. Sixteen bytes take 9 instructions.

use core::arch::global_asm;

// Arguments: rdi and rsi the blocks, rdx length; the result's sign is that of the first difference.
global_asm!(
    ".pushsection .text.skep_compare, \"ax\", @progbits",
    ".balign 64",
    names!("memcmp", "bcmp"),
    r#"
    .globl skep_compare
skep_compare:
    cmp rdx, 16
    jb 5f
    // rcx runs up to the last 16 bytes, which may overlap what was compared.
    xor ecx, ecx
    add rdx, -16
    je 3f
2:  movups xmm0, [rdi + rcx]
    movups xmm1, [rsi + rcx]
    pcmpeqb xmm0, xmm1
    pmovmskb eax, xmm0
    sub eax, 0xffff
    jne 4f
    add rcx, 16
    cmp rcx, rdx
    jb 2b
    mov rcx, rdx
3:  movups xmm0, [rdi + rcx]
    movups xmm1, [rsi + rcx]
    pcmpeqb xmm0, xmm1
    pmovmskb eax, xmm0
    sub eax, 0xffff
    jne 4f
    ret
    // eax is the mask of equal bytes less 0xffff; its complement plus one marks the first difference.
4:  neg eax
    bsf eax, eax
    add rcx, rax
    movzx eax, byte ptr [rdi + rcx]
    movzx edx, byte ptr [rsi + rcx]
    sub eax, edx
    ret
5:  cmp edx, 8
    jb 6f
    mov rax, [rdi]
    mov rcx, [rsi]
    cmp rax, rcx
    jne 9f
    mov rax, [rdi + rdx - 8]
    mov rcx, [rsi + rdx - 8]
    cmp rax, rcx
    jne 9f
    xor eax, eax
    ret
6:  xor eax, eax
8:  sub edx, 1
    jb 2f
    movzx eax, byte ptr [rdi]
    movzx ecx, byte ptr [rsi]
    inc rdi
    inc rsi
    sub eax, ecx
    je 8b
2:  ret
    // rax and rcx differ: the first byte in memory weighs most.
9:  bswap rax
    bswap rcx
    cmp rax, rcx
    sbb eax, eax
    or eax, 1
    ret
    .popsection
    "#
);
