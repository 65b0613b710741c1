//! What a freestanding program on the ordinary host target must bring itself: the memory
//! functions that compiled code calls, and the unwinder symbols that the precompiled `core` names.
//!
//! Short lengths are straight-line loads and stores that overlap in the middle; long ones are
//! string instructions. There is no loop that copies or fills: the compiler would recognise it
//! and turn it into a call to itself. The direction flag is clear by the ABI.

use core::arch::asm;
use core::arch::x86_64::__m128i;

/// Longest length done without a string instruction.
const SHORT_MAX: usize = 64;

/// Reads a `T` at `from + at`, at any alignment.
///
/// # Safety
/// `from` is valid for reads of `at + size_of::<T>()` bytes.
#[inline(always)]
unsafe fn load<T: Copy>(from: *const u8, at: usize) -> T {
    // SAFETY: the caller vouches for the bytes; every `T` used here is valid for all bit patterns.
    unsafe { from.wrapping_add(at).cast::<T>().read_unaligned() }
}

/// Writes a `T` at `to + at`, at any alignment.
///
/// # Safety
/// `to` is valid for writes of `at + size_of::<T>()` bytes.
#[inline(always)]
unsafe fn store<T: Copy>(to: *mut u8, at: usize, value: T) {
    // SAFETY: the caller vouches for the bytes.
    unsafe { to.wrapping_add(at).cast::<T>().write_unaligned(value) }
}

/// Copies a first and a last `T` that together cover `n` bytes. Both are read before either is
/// written, so the ranges may overlap.
///
/// # Safety
/// Both ranges are valid for `n` bytes, and `size_of::<T>() <= n <= 2 * size_of::<T>()`.
#[inline(always)]
unsafe fn ends<T: Copy>(to: *mut u8, from: *const u8, n: usize) {
    let last = n - size_of::<T>();
    // SAFETY: `size_of::<T>() <= n`.
    let a: T = unsafe { load(from, 0) };
    // SAFETY: it ends at `n`.
    let b: T = unsafe { load(from, last) };
    // SAFETY: `size_of::<T>() <= n`.
    unsafe { store(to, 0, a) };
    // SAFETY: it ends at `n`.
    unsafe { store(to, last, b) };
}

/// Copies up to [`SHORT_MAX`] bytes; the ranges may overlap.
///
/// # Safety
/// Both ranges are valid for `n` bytes, and `n <= SHORT_MAX`.
#[inline(always)]
unsafe fn copy_short(to: *mut u8, from: *const u8, n: usize) {
    match n {
        // SAFETY: 33 ..= 64 bytes.
        33.. => unsafe { ends::<[__m128i; 2]>(to, from, n) },
        // SAFETY: 17 ..= 32 bytes.
        17.. => unsafe { ends::<__m128i>(to, from, n) },
        // SAFETY: 8 ..= 16 bytes.
        8.. => unsafe { ends::<u64>(to, from, n) },
        // SAFETY: 4 ..= 7 bytes.
        4.. => unsafe { ends::<u32>(to, from, n) },
        // SAFETY: 2 ..= 3 bytes.
        2.. => unsafe { ends::<u16>(to, from, n) },
        // SAFETY: one byte.
        1 => unsafe { ends::<u8>(to, from, n) },
        0 => {}
    }
}

/// Copies `n` bytes between ranges that don't overlap.
///
/// # Safety
/// The C contract: both ranges are valid for `n` bytes and don't overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    if n <= SHORT_MAX {
        // SAFETY: the caller's contract, and the length was just checked.
        unsafe { copy_short(to, from, n) };
        return to;
    }
    // SAFETY: more than eight bytes, so the last eight are in range.
    let tail: u64 = unsafe { load(from, n - 8) };
    // SAFETY: `n / 8 * 8 <= n` bytes of both ranges, moving up.
    unsafe {
        asm!("rep movsq", inout("rcx") n / 8 => _, inout("rdi") to => _, inout("rsi") from => _, options(nostack, preserves_flags));
    }
    // SAFETY: as the load.
    unsafe { store(to, n - 8, tail) };
    to
}

/// Copies `n` bytes between ranges that may overlap.
///
/// # Safety
/// The C contract: both ranges are valid for `n` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    if n <= SHORT_MAX {
        // SAFETY: the caller's contract; a short copy reads everything before it writes.
        unsafe { copy_short(to, from, n) };
        return to;
    }
    if to.addr().wrapping_sub(from.addr()) >= n {
        // SAFETY: `to` is below `from` or past its end, so copying upwards reads each word before
        // it is overwritten. (The tail is read first and written last: right in both cases.)
        return unsafe { memcpy(to, from, n) };
    }
    // SAFETY: the first eight bytes of at least 65; they are overwritten below, so kept here.
    let head: u64 = unsafe { load(from, 0) };
    let last_to = to.wrapping_add(n - 8);
    let last_from = from.wrapping_add(n - 8);
    // SAFETY: `to` is inside `from`'s range, so copying downwards reads each word before it is
    // overwritten. The direction flag is clear again at the end.
    unsafe {
        asm!("std", "rep movsq", "cld", inout("rcx") n / 8 => _, inout("rdi") last_to => _, inout("rsi") last_from => _, options(nostack));
    }
    // SAFETY: as the load.
    unsafe { store(to, 0, head) };
    to
}

/// Fills `n` bytes.
///
/// # Safety
/// The C contract: the range is valid for `n` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, n: usize) -> *mut u8 {
    // C takes the low byte only.
    let byte = u64::from(byte.cast_unsigned() & 0xff);
    if n < 8 {
        // SAFETY: exactly `n` bytes, moving up.
        unsafe {
            asm!("rep stosb", inout("rcx") n => _, inout("rdi") to => _, in("rax") byte, options(nostack, preserves_flags));
        }
        return to;
    }
    let word = byte * 0x0101_0101_0101_0101;
    // SAFETY: `n / 8 * 8 <= n` bytes, moving up.
    unsafe {
        asm!("rep stosq", inout("rcx") n / 8 => _, inout("rdi") to => _, in("rax") word, options(nostack, preserves_flags));
    }
    // SAFETY: at least eight bytes, so the last eight are in range.
    unsafe { store(to, n - 8, word) };
    to
}

/// Compares bytes; the sign of the answer is that of the first difference.
///
/// # Safety
/// The C contract: both ranges are valid for `n` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    let mut at = 0;
    while at + 8 <= n {
        // SAFETY: `at + 8 <= n`. Big-endian order makes the first byte the most significant.
        let left = u64::from_be(unsafe { load(a, at) });
        // SAFETY: as above.
        let right = u64::from_be(unsafe { load(b, at) });
        if left != right {
            return if left < right { -1 } else { 1 };
        }
        at += 8;
    }
    while at < n {
        // SAFETY: `at < n`.
        let left: u8 = unsafe { load(a, at) };
        // SAFETY: as above.
        let right: u8 = unsafe { load(b, at) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
        at += 1;
    }
    0
}

/// As [`memcmp`], of which only equality is asked.
///
/// # Safety
/// The C contract: both ranges are valid for `n` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, n) }
}

/// The length of a C string.
///
/// # Safety
/// The C contract: the string ends in a NUL inside its allocation.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: no NUL came before this byte, so it is still inside the string.
    while unsafe { text.wrapping_add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}

/// Named by the unwind tables of the precompiled `core`, which the link script discards.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// Called by landing pads of the precompiled `core`; with `panic = "abort"` nothing unwinds into them.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    crate::hypercall::report(b"unwinding in a program that aborts on panic")
}
