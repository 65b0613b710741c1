//! memcpy, memmove, memset, memcmp, bcmp, strlen, and the stubs of the unwinder nobody calls.
//!
//! Compiled code calls these by name. They are assembly so that the compiler cannot turn a loop in them into a
//! call to itself, and they are built for few instructions: our instrument counts each iteration of a
//! `rep movsb` as one.
//!
//! They clobber vector registers: a guest's must be saved before any of this runs.

/// The names compiled code calls a routine by. Host tests keep the C library's.
macro_rules! names {
    ($($name:literal),+) => {
        if_metal!(concat!($(".globl ", $name, "\n", $name, ":\n"),+))
    };
}
#[cfg(not(test))]
macro_rules! if_metal {
    ($text:expr) => {
        $text
    };
}
#[cfg(test)]
macro_rules! if_metal {
    ($text:expr) => {
        ""
    };
}

mod compare;
mod copy;
mod fill;

// strlen is rare and short. The unwinder's two names stand in precompiled code that never runs.
#[cfg(not(test))]
core::arch::global_asm!(
    r#"
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
