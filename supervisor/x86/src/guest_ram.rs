//! A qube's memory as the supervisor touches it: one contiguous run of frames behind bounds checks and raw copies.
//!
//! The only code that reads or writes bytes a qube can write. It makes no reference to them: loads and stores are volatile,
//! copies go through raw pointers, and each call touches each byte once.

use core::ptr;

use supervisor_mem::{Descriptor, Gpa, GuestMemory, Outside, RingAreas, RingWindow};

/// The memory of one qube. Not clonable: its frames have one owner.
pub struct GuestRam {
    span: Span,
}

/// Where a qube's memory is. A copy of it may outlive the [`GuestRam`], which is never given back.
#[derive(Clone, Copy)]
struct Span {
    /// Host address of the first byte (identity mapped).
    base: u64,
    /// Guest address of the first byte.
    first: u64,
    /// Bytes.
    len: u64,
    /// Offset from which on the qube itself may write, up to the end.
    writable: u64,
}

impl Span {
    /// Host address of the byte at `at` of `len` readable ones.
    #[inline(always)]
    fn readable(&self, at: Gpa, len: u64) -> Result<u64, Outside> {
        let offset = at.0.wrapping_sub(self.first);
        if len > self.len || offset > self.len - len {
            return Err(Outside);
        }
        Ok(self.base + offset)
    }

    /// Host address of the byte at `at` of `len` writable ones.
    #[inline(always)]
    fn writable(&self, at: Gpa, len: u64) -> Result<u64, Outside> {
        let offset = at.0.wrapping_sub(self.first);
        if len > self.len || offset > self.len - len || offset < self.writable {
            return Err(Outside);
        }
        Ok(self.base + offset)
    }

    #[inline(always)]
    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        let source = self.readable(from, into.len() as u64)?;
        // SAFETY: inside the run; `into` is supervisor memory, which the run is apart from.
        unsafe { copy(source as *const u8, into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    #[inline(always)]
    fn copy_out(&self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        let target = self.writable(to, bytes.len() as u64)?;
        // SAFETY: inside the writable part; `bytes` is supervisor memory, which the run is apart from.
        unsafe { copy(bytes.as_ptr(), target as *mut u8, bytes.len()) };
        Ok(())
    }
}

/// Copies `len` bytes. In line for what most messages are: a header and 33 to 96 bytes; a call costs as much again.
///
/// # Safety
/// As [`ptr::copy_nonoverlapping`].
#[inline(always)]
unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    // Four loads or stores of 16 bytes.
    type Block = core::arch::x86_64::__m512i;
    const BLOCK: usize = size_of::<Block>();
    if len.wrapping_sub(BLOCK) > BLOCK {
        // SAFETY: the caller's.
        return unsafe { ptr::copy_nonoverlapping(from, to, len) };
    }
    let tail = len - BLOCK;
    // SAFETY: the first 64 of at least 64 bytes.
    let first = unsafe { ptr::read_unaligned(from.cast::<Block>()) };
    // SAFETY: the last 64 of them.
    let last = unsafe { ptr::read_unaligned(from.wrapping_add(tail).cast::<Block>()) };
    // SAFETY: the first 64 of at least 64 bytes.
    unsafe { ptr::write_unaligned(to.cast::<Block>(), first) };
    // SAFETY: the last 64 of them.
    unsafe { ptr::write_unaligned(to.wrapping_add(tail).cast::<Block>(), last) };
}

impl GuestRam {
    /// Memory of `len` bytes at host address `base`, seen by the qube at `first`, writable from guest address
    /// `writable_from` to the end.
    ///
    /// # Safety
    /// `[base, base + len)` is identity-mapped RAM, page aligned, that nothing else in the supervisor reads or writes, now
    /// or later, and `len` is at least a page.
    pub(crate) unsafe fn new(base: u64, first: Gpa, len: u64, writable_from: Gpa) -> Self {
        let writable = writable_from.0.saturating_sub(first.0).min(len);
        Self { span: Span { base, first: first.0, len, writable } }
    }

    /// Bytes of it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.span.len
    }

    /// Zeroes `len` bytes from `offset` on, for a new life; beyond the end is left out. The qube must not be running.
    pub fn zero(&mut self, offset: u64, len: u64) {
        let start = offset.min(self.span.len);
        let len = len.min(self.span.len - start);
        // SAFETY: inside the run that `new` was given, by the two lines above.
        unsafe { ptr::write_bytes((self.span.base + start) as *mut u8, 0, len as usize) };
    }

    /// Writes part of the image, text included, for a new life; beyond the end is left out. The qube must not be running.
    pub fn load(&mut self, offset: u64, bytes: &[u8]) {
        let start = offset.min(self.span.len);
        let len = (bytes.len() as u64).min(self.span.len - start);
        let to = (self.span.base + start) as *mut u8;
        // SAFETY: inside the run that `new` was given, by the lines above; `bytes` is supervisor memory, so apart from it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, len as usize) };
    }
}

impl GuestMemory for GuestRam {
    type Window = Rings;

    fn window(&self, rings: &RingAreas) -> Option<Rings> {
        if !rings.size.is_power_of_two() {
            return None;
        }
        let n = u64::from(rings.size);
        Some(Rings {
            descriptors: self.span.readable(rings.descriptors, 16 * n).ok()?,
            available: self.span.readable(rings.available, 6 + 2 * n).ok()?,
            used: self.span.writable(rings.used, 6 + 8 * n).ok()?,
            size: rings.size,
            mask: n - 1,
            span: self.span,
        })
    }

    #[inline]
    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        self.span.copy_in(from, into)
    }

    #[inline]
    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        self.span.copy_out(to, bytes)
    }
}

/// The rings of one queue. Made only by [`GuestRam::window`], which saw that they lie in the qube's memory: the descriptor
/// table and the available ring readable, the used ring writable, each for a power of two of elements. That memory is the
/// qube's for good ([`GuestRam::new`]), so the addresses stay good.
pub struct Rings {
    /// Host addresses.
    descriptors: u64,
    available: u64,
    used: u64,
    /// A power of two.
    size: u16,
    /// The size less one.
    mask: u64,
    span: Span,
}

impl Rings {
    /// A position as an index: below the size.
    #[inline(always)]
    fn index(&self, position: u16) -> u64 {
        u64::from(position) & self.mask
    }
}

impl RingWindow for Rings {
    #[inline(always)]
    fn size(&self) -> u16 {
        self.size
    }

    #[inline(always)]
    fn available_index(&self) -> u16 {
        // SAFETY: inside the available ring. x86 loads need no alignment, which the queue checks anyway.
        unsafe { ptr::read_volatile((self.available + 2) as *const u16) }
    }

    #[inline(always)]
    fn available(&self, position: u16) -> u16 {
        // SAFETY: inside the available ring, as the index is below its size.
        unsafe { ptr::read_volatile((self.available + 4 + 2 * self.index(position)) as *const u16) }
    }

    #[inline(always)]
    fn descriptor(&self, number: u16) -> Option<Descriptor> {
        if u64::from(number) > self.mask {
            return None;
        }
        let from = self.descriptors + 16 * u64::from(number);
        // SAFETY: eight bytes of a descriptor inside the table, as its number is below the size.
        let at = unsafe { ptr::read_volatile(from as *const u64) };
        // SAFETY: the four bytes behind them.
        let len = unsafe { ptr::read_volatile((from + 8) as *const u32) };
        // SAFETY: the last four.
        let word = unsafe { ptr::read_volatile((from + 12) as *const u32) };
        Some(Descriptor { at: Gpa(at), len, word })
    }

    #[inline(always)]
    fn give_back(&mut self, position: u16, element: u64) {
        let ring = self.used;
        let to = ring + 4 + 8 * self.index(position);
        // SAFETY: inside the used ring, as the index is below its size; elements are 4-byte aligned only.
        unsafe { ptr::write_unaligned(to as *mut u64, element) };
        // SAFETY: inside the used ring. x86 stores need no alignment, which the queue checks anyway. Being volatile it
        // stays behind the element.
        unsafe { ptr::write_volatile((ring + 2) as *mut u16, position.wrapping_add(1)) };
    }

    #[inline(always)]
    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        self.span.copy_in(from, into)
    }

    #[inline(always)]
    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        self.span.copy_out(to, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(4096))]
    struct Frames([u8; 8192]);

    /// Two pages at guest 0x20_0000, the second writable.
    fn check(test: impl FnOnce(&mut GuestRam)) {
        let mut frames = Box::new(Frames([0x5a; 8192]));
        let base = (&raw mut frames.0) as u64;
        // SAFETY: `frames` outlives the value and is not touched meanwhile.
        let mut ram = unsafe { GuestRam::new(base, Gpa(0x20_0000), 8192, Gpa(0x20_1000)) };
        test(&mut ram);
    }

    #[test]
    fn nothing_outside_the_run_is_read() {
        check(|ram| {
            for (at, len) in [
                (0x1f_ffff, 1),
                (0x20_2000, 1),
                (0x20_1fff, 2),
                (0x20_0000, 8193),
                (0, 1),
                (u64::MAX, 1),
                (u64::MAX, 2),
                (0x20_0000, usize::MAX / 2),
            ] {
                assert_eq!(ram.span.readable(Gpa(at), len as u64), Err(Outside), "{at:#x} {len}");
            }
            assert!(ram.span.readable(Gpa(0x20_0000), 8192).is_ok());
            assert_eq!(ram.copy_in(Gpa(0x20_1ffe), &mut [0; 3]), Err(Outside));
        });
    }

    #[test]
    fn nothing_that_the_qube_may_not_write_is_written() {
        check(|ram| {
            assert_eq!(ram.copy_out(Gpa(0x20_0fff), &[1, 2]), Err(Outside));
            assert_eq!(ram.copy_out(Gpa(0x20_1fff), &[1, 2]), Err(Outside));
            let mut all = [0; 8192];
            assert_eq!(ram.copy_in(Gpa(0x20_0000), &mut all), Ok(()));
            assert!(all.iter().all(|&byte| byte == 0x5a));
        });
    }

    #[test]
    fn what_was_written_is_read_back_and_a_new_life_finds_none_of_it() {
        check(|ram| {
            assert_eq!(ram.copy_out(Gpa(0x20_1000), b"secret"), Ok(()));
            let mut back = [0; 8];
            assert_eq!(ram.copy_in(Gpa(0x20_1000), &mut back), Ok(()));
            assert_eq!(&back, b"secretZZ");
            ram.zero(0, u64::MAX);
            ram.load(8190, b"abcdef");
            let mut all = [1; 8192];
            assert_eq!(ram.copy_in(Gpa(0x20_0000), &mut all), Ok(()));
            assert!(all[..8190].iter().all(|&byte| byte == 0));
            assert_eq!(&all[8190..], b"ab");
        });
    }

    #[test]
    fn short_and_long_copies_write_exactly_the_bytes() {
        check(|ram| {
            let bytes: Vec<u8> = (0..200).map(|i| i ^ 0x5a).collect();
            for len in 0..200 {
                ram.span.copy_out(Gpa(0x20_1001), &[0; 300]).expect("inside");
                ram.span.copy_out(Gpa(0x20_1010), &bytes[..len]).expect("inside");
                let mut back = [1; 300];
                ram.span.copy_in(Gpa(0x20_1001), &mut back).expect("inside");
                assert!(back[..15].iter().chain(&back[15 + len..]).all(|&byte| byte == 0), "{len}");
                assert_eq!(back[15..15 + len], bytes[..len]);
                let mut part = [0; 200];
                ram.span.copy_in(Gpa(0x20_1010), &mut part[..len]).expect("inside");
                assert_eq!(part[..len], bytes[..len]);
                assert!(part[len..].iter().all(|&byte| byte == 0), "{len}");
            }
        });
    }

    #[test]
    fn a_window_stays_inside_its_rings_and_none_is_opened_elsewhere() {
        check(|ram| {
            let (desc, used) = (Gpa(0x20_0000), Gpa(0x20_1000));
            let good = RingAreas { size: 8, descriptors: desc, available: Gpa(0x20_1ff0 - 6), used };
            for bad in [
                RingAreas { size: 0, ..good },
                RingAreas { size: 12, ..good },
                RingAreas { size: 16, ..good },
                RingAreas { descriptors: Gpa(0x20_1f88), ..good },
                RingAreas { used: Gpa(0x20_0ffc), ..good },
                RingAreas { used: Gpa(0x20_1fc0), ..good },
                RingAreas { descriptors: Gpa(u64::MAX - 8), ..good },
            ] {
                assert!(ram.window(&bad).is_none(), "{bad:?}");
            }
            let available = Gpa(0x20_1800);
            let mut rings = ram.window(&RingAreas { available, ..good }).expect("inside");
            ram.copy_out(Gpa(0x20_1802), &[7, 1, 4, 0, 5, 1]).expect("inside");
            assert_eq!((rings.available_index(), rings.available(0), rings.available(8)), (0x107, 4, 4));
            assert_eq!((rings.available(1), rings.available(0xfff9)), (0x105, 0x105));
            assert_eq!(rings.descriptor(8), None);
            assert_eq!(rings.descriptor(7).map(|d| (d.len, d.word)), Some((0x5a5a_5a5a, 0x5a5a_5a5a)));
            rings.give_back(0x0a09, 0x0102_0304_0506_0708);
            let mut back = [0; 24];
            ram.copy_in(used, &mut back).expect("inside");
            assert_eq!(back[2..4], [10, 10]);
            assert_eq!(back[12..20], [8, 7, 6, 5, 4, 3, 2, 1]);
        });
    }
}
