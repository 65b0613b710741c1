//! memcpy, memmove, memset, memcmp, bcmp, strlen, and the stubs of the unwinder nobody calls.
//!
//! Compiled code calls these by name. They are assembly so that the compiler cannot turn a loop in them into a
//! call to itself, and they are built for few instructions: our instrument counts each iteration of a
//! `rep movsb` as one. Up to 128 bytes are all loaded before any is stored, in overlapping 16-byte pieces,
//! without a loop; longer blocks move 128 bytes in 18 instructions. memcpy is memmove: telling overlap apart
//! costs four instructions, and only above 128 bytes.
//!
//! They clobber vector registers: a guest's must be saved before any of this runs.

use core::arch::global_asm;

// Arguments: rdi destination, rsi source, rdx length; the result is the destination.
global_asm!(
    r#"
    .pushsection .text.skep_copy, "ax", @progbits
    .balign 64
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
    movups xmm0, [rsi]
    movups xmm1, [rsi + 16]
    movups xmm2, [rsi + rdx - 32]
    movups xmm3, [rsi + rdx - 16]
    movups [rdi], xmm0
    movups [rdi + 16], xmm1
    movups [rdi + rdx - 32], xmm2
    movups [rdi + rdx - 16], xmm3
    ret
3:  cmp rdx, 128
    ja skep_copy_long
    movups xmm0, [rsi]
    movups xmm1, [rsi + 16]
    movups xmm2, [rsi + 32]
    movups xmm3, [rsi + 48]
    movups xmm4, [rsi + rdx - 64]
    movups xmm5, [rsi + rdx - 48]
    movups xmm6, [rsi + rdx - 32]
    movups xmm7, [rsi + rdx - 16]
    movups [rdi], xmm0
    movups [rdi + 16], xmm1
    movups [rdi + 32], xmm2
    movups [rdi + 48], xmm3
    movups [rdi + rdx - 64], xmm4
    movups [rdi + rdx - 48], xmm5
    movups [rdi + rdx - 32], xmm6
    movups [rdi + rdx - 16], xmm7
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
8:  movups xmm0, [rsi + rcx]
    movups xmm1, [rsi + rcx + 16]
    movups xmm2, [rsi + rcx + 32]
    movups xmm3, [rsi + rcx + 48]
    movups xmm4, [rsi + rcx + 64]
    movups xmm5, [rsi + rcx + 80]
    movups xmm6, [rsi + rcx + 96]
    movups xmm7, [rsi + rcx + 112]
    movups [rdi + rcx], xmm0
    movups [rdi + rcx + 16], xmm1
    movups [rdi + rcx + 32], xmm2
    movups [rdi + rcx + 48], xmm3
    movups [rdi + rcx + 64], xmm4
    movups [rdi + rcx + 80], xmm5
    movups [rdi + rcx + 96], xmm6
    movups [rdi + rcx + 112], xmm7
    sub rcx, -128
    jne 8b
    test edx, edx
    jne skep_copy_rest
    ret
    // Backward, because the destination starts inside the source.
9:  movups xmm0, [rsi + rdx - 16]
    movups xmm1, [rsi + rdx - 32]
    movups xmm2, [rsi + rdx - 48]
    movups xmm3, [rsi + rdx - 64]
    movups xmm4, [rsi + rdx - 80]
    movups xmm5, [rsi + rdx - 96]
    movups xmm6, [rsi + rdx - 112]
    movups xmm7, [rsi + rdx - 128]
    movups [rdi + rdx - 16], xmm0
    movups [rdi + rdx - 32], xmm1
    movups [rdi + rdx - 48], xmm2
    movups [rdi + rdx - 64], xmm3
    movups [rdi + rdx - 80], xmm4
    movups [rdi + rdx - 96], xmm5
    movups [rdi + rdx - 112], xmm6
    movups [rdi + rdx - 128], xmm7
    add rdx, -128
    cmp rdx, 128
    jae 9b
    jmp skep_copy_rest
    .popsection
    "#
);

// Arguments: rdi destination, sil byte, rdx length; the result is the destination.
global_asm!(
    r#"
    .pushsection .text.skep_fill, "ax", @progbits
    .balign 64
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
8:  movups [rdi], xmm0
    movups [rdi + 16], xmm0
    movups [rdi + 32], xmm0
    movups [rdi + 48], xmm0
    movups [rdi + 64], xmm0
    movups [rdi + 80], xmm0
    movups [rdi + 96], xmm0
    movups [rdi + 112], xmm0
    sub rdi, -128
    cmp rdi, rcx
    jb 8b
    // The last 128 bytes, which overlap the last whole block.
    mov rdi, rcx
    sub rcx, -112
4:  movups [rdi], xmm0
    movups [rdi + 16], xmm0
    movups [rdi + 32], xmm0
    movups [rdi + 48], xmm0
    movups [rcx - 48], xmm0
    movups [rcx - 32], xmm0
    movups [rcx - 16], xmm0
    movups [rcx], xmm0
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

// Arguments: rdi and rsi the blocks, rdx length; the result's sign is that of the first difference.
global_asm!(
    r#"
    .pushsection .text.skep_compare, "ax", @progbits
    .balign 64
    .globl skep_compare
skep_compare:
    cmp rdx, 16
    jb 5f
    xor ecx, ecx
    add rdx, -16
2:  movups xmm0, [rdi + rcx]
    movups xmm1, [rsi + rcx]
    pcmpeqb xmm0, xmm1
    pmovmskb eax, xmm0
    xor eax, 0xffff
    jne 4f
    cmp rcx, rdx
    je 3f
    add rcx, 16
    cmp rcx, rdx
    jb 2b
    // The last 16 bytes, which may overlap what was compared.
    mov rcx, rdx
    jmp 2b
3:  ret
4:  bsf eax, eax
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
6:  cmp edx, 4
    jb 7f
    mov eax, [rdi]
    mov ecx, [rsi]
    cmp eax, ecx
    jne 9f
    mov eax, [rdi + rdx - 4]
    mov ecx, [rsi + rdx - 4]
    cmp eax, ecx
    jne 9f
    xor eax, eax
    ret
7:  xor eax, eax
8:  sub edx, 1
    jb 3b
    movzx eax, byte ptr [rdi]
    movzx ecx, byte ptr [rsi]
    inc rdi
    inc rsi
    sub eax, ecx
    je 8b
    ret
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

// The names compiled code calls. Host tests keep the C library's.
#[cfg(not(test))]
global_asm!(
    r#"
    .globl memcpy
    .globl memmove
    .globl memset
    .globl memcmp
    .globl bcmp
    .set memcpy, skep_copy
    .set memmove, skep_copy
    .set memset, skep_fill
    .set memcmp, skep_compare
    .set bcmp, skep_compare

    .pushsection .text.strlen, "ax", @progbits
    .globl strlen
strlen:
    mov rax, -1
2:  inc rax
    cmp byte ptr [rdi + rax], 0
    jne 2b
    ret
    .globl rust_eh_personality
    .globl _Unwind_Resume
rust_eh_personality:
_Unwind_Resume:
    ud2
    .popsection
    "#
);

#[cfg(test)]
mod tests {
    unsafe extern "C" {
        fn skep_copy(to: *mut u8, from: *const u8, length: usize) -> *mut u8;
        fn skep_fill(to: *mut u8, byte: i32, length: usize) -> *mut u8;
        fn skep_compare(one: *const u8, other: *const u8, length: usize) -> i32;
    }

    /// Lengths around every branch.
    fn lengths() -> impl Iterator<Item = usize> {
        (0..300).chain([383, 384, 385, 511, 512, 513, 640, 1000])
    }

    fn pattern() -> Vec<u8> {
        (0..2048_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    #[test]
    fn copying_moves_exactly_the_bytes_whatever_the_overlap() {
        for length in lengths() {
            for shift in
                [-700_isize, -200, -129, -128, -64, -17, -16, -1, 0, 1, 15, 16, 63, 127, 128, 130, 330]
            {
                let (mut found, mut expected) = (pattern(), pattern());
                let to = 710_usize.checked_add_signed(shift).expect("inside");
                expected.copy_within(710..710 + length, to);
                let base = found.as_mut_ptr();
                let (source, target) = (base.wrapping_add(710), base.wrapping_add(to));
                // SAFETY: 10 <= to, and to + 1000 <= 2040: both ranges lie inside `found`.
                let result = unsafe { skep_copy(target, source, length) };
                assert_eq!(result, target);
                assert!(found == expected, "length {length}, shift {shift}");
            }
        }
    }

    #[test]
    fn filling_writes_exactly_the_bytes() {
        for length in lengths() {
            let (mut found, mut expected) = (pattern(), pattern());
            expected[33..33 + length].fill(0xa7);
            let target = found[33..].as_mut_ptr();
            // SAFETY: 33 + 1000 <= 2048. Only the low byte of the value counts.
            let result = unsafe { skep_fill(target, 0x7fff_ffa7, length) };
            assert_eq!(result, target);
            assert!(found == expected, "length {length}");
        }
    }

    #[test]
    fn comparing_finds_the_first_difference_and_nothing_beyond_the_end() {
        let one = pattern();
        for length in lengths() {
            let mut other = pattern();
            other[7 + length] ^= 0x80;
            // SAFETY: 7 + 1000 < 2048.
            assert_eq!(unsafe { skep_compare(one[7..].as_ptr(), other[7..].as_ptr(), length) }, 0);
            for at in (0..length).step_by(1 + length / 40) {
                let mut other = pattern();
                other[7 + at] ^= 0x80;
                if at + 1 < length {
                    other[7 + at + 1] ^= 0xff;
                }
                // SAFETY: 7 + 1000 < 2048.
                let order = unsafe { skep_compare(one[7..].as_ptr(), other[7..].as_ptr(), length) };
                assert_eq!(
                    order.cmp(&0),
                    one[7..7 + length].cmp(&other[7..7 + length]),
                    "length {length} at {at}"
                );
            }
        }
    }
}
