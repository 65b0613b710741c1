//! A qube's memory as the supervisor touches it: one contiguous run of frames behind bounds checks and raw copies.
//!
//! The only code that reads or writes bytes a qube can write. It makes no reference to them: loads and stores are volatile,
//! copies go through raw pointers, and each call touches each byte once.

use core::ptr;

use supervisor_mem::{Gpa, GuestMemory, Outside};

/// The memory of one qube. Not clonable: its frames have one owner.
pub struct GuestRam {
    /// Host address of the first byte (identity mapped).
    base: u64,
    /// Guest address of the first byte.
    first: u64,
    /// Bytes.
    len: u64,
    /// Offset from which on the qube itself may write, up to the end.
    writable: u64,
}

impl GuestRam {
    /// Memory of `len` bytes at host address `base`, seen by the qube at `first`, writable from guest address
    /// `writable_from` to the end.
    ///
    /// # Safety
    /// `[base, base + len)` is identity-mapped RAM, page aligned, that nothing else in the supervisor reads or writes, and
    /// `len` is at least a page.
    pub(crate) unsafe fn new(base: u64, first: Gpa, len: u64, writable_from: Gpa) -> Self {
        let writable = writable_from.0.saturating_sub(first.0).min(len);
        Self { base, first: first.0, len, writable }
    }

    /// Bytes of it.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none; there always is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Host address of the byte at `at` of `len` readable ones.
    #[inline]
    fn readable(&self, at: Gpa, len: u64) -> Result<u64, Outside> {
        let offset = at.0.wrapping_sub(self.first);
        if len > self.len || offset > self.len - len {
            return Err(Outside);
        }
        Ok(self.base + offset)
    }

    /// Host address of the byte at `at` of `len` writable ones.
    #[inline]
    fn writable(&self, at: Gpa, len: u64) -> Result<u64, Outside> {
        let offset = at.0.wrapping_sub(self.first);
        if len > self.len || offset > self.len - len || offset < self.writable {
            return Err(Outside);
        }
        Ok(self.base + offset)
    }

    /// Zeroes `len` bytes from `offset` on, for a new life; beyond the end is left out. The qube must not be running.
    pub fn zero(&mut self, offset: u64, len: u64) {
        let start = offset.min(self.len);
        let len = len.min(self.len - start);
        // SAFETY: inside the run that `new` was given, by the two lines above.
        unsafe { ptr::write_bytes((self.base + start) as *mut u8, 0, len as usize) };
    }

    /// Writes part of the image, text included, for a new life; beyond the end is left out. The qube must not be running.
    pub fn load(&mut self, offset: u64, bytes: &[u8]) {
        let start = offset.min(self.len);
        let len = (bytes.len() as u64).min(self.len - start);
        // SAFETY: inside the run that `new` was given, by the two lines above; `bytes` is supervisor memory, so apart from it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), (self.base + start) as *mut u8, len as usize) };
    }
}

impl GuestMemory for GuestRam {
    #[inline]
    fn load_u16(&self, at: Gpa) -> Result<u16, Outside> {
        let from = self.readable(at, 2)?;
        // SAFETY: two bytes inside the run; aligned, as ring addresses are checked to be even when a queue is set up, and an
        // x86 load does not fault on others.
        Ok(unsafe { ptr::read_volatile(from as *const u16) })
    }

    #[inline]
    fn load_pair(&self, at: Gpa) -> Result<[u64; 2], Outside> {
        let from = self.readable(at, 16)? as *const u64;
        // SAFETY: eight bytes inside the run.
        let low = unsafe { ptr::read_volatile(from) };
        // SAFETY: the eight bytes behind them, inside the run too.
        let high = unsafe { ptr::read_volatile(from.wrapping_add(1)) };
        Ok([low, high])
    }

    #[inline]
    fn store_u16(&mut self, at: Gpa, value: u16) -> Result<(), Outside> {
        let to = self.writable(at, 2)?;
        // SAFETY: two bytes inside the writable part.
        unsafe { ptr::write_volatile(to as *mut u16, value) };
        Ok(())
    }

    #[inline]
    fn store_u64(&mut self, at: Gpa, value: u64) -> Result<(), Outside> {
        let to = self.writable(at, 8)? as *mut u64;
        // SAFETY: eight bytes inside the writable part; used-ring elements are 4-byte aligned only, so no aligned store.
        unsafe { ptr::write_unaligned(to, value) };
        Ok(())
    }

    #[inline]
    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside> {
        let source = self.readable(from, into.len() as u64)?;
        // SAFETY: inside the run; `into` is supervisor memory, which the run is apart from.
        unsafe { ptr::copy_nonoverlapping(source as *const u8, into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    #[inline]
    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside> {
        let target = self.writable(to, bytes.len() as u64)?;
        // SAFETY: inside the writable part; `bytes` is supervisor memory, which the run is apart from.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target as *mut u8, bytes.len()) };
        Ok(())
    }

    fn is_writable(&self, at: Gpa, len: u64) -> bool {
        self.writable(at, len).is_ok()
    }

    fn is_readable(&self, at: Gpa, len: u64) -> bool {
        self.readable(at, len).is_ok()
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
                assert!(!ram.is_readable(Gpa(at), len as u64), "{at:#x} {len}");
            }
            assert!(ram.is_readable(Gpa(0x20_0000), 8192));
            assert_eq!(ram.load_u16(Gpa(0x20_1fff)), Err(Outside));
            assert_eq!(ram.load_pair(Gpa(0x20_1ff1)), Err(Outside));
            assert_eq!(ram.copy_in(Gpa(0x20_1ffe), &mut [0; 3]), Err(Outside));
        });
    }

    #[test]
    fn nothing_that_the_qube_may_not_write_is_written() {
        check(|ram| {
            assert_eq!(ram.store_u16(Gpa(0x20_0ffe), 1), Err(Outside));
            assert_eq!(ram.store_u64(Gpa(0x20_0ffc), 1), Err(Outside));
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
            assert_eq!(ram.store_u16(Gpa(0x20_1008), 0x0102), Ok(()));
            let mut back = [0; 10];
            assert_eq!(ram.copy_in(Gpa(0x20_1000), &mut back), Ok(()));
            assert_eq!(&back, b"secretZZ\x02\x01");
            ram.zero(0, u64::MAX);
            ram.load(8190, b"abcdef");
            let mut all = [1; 8192];
            assert_eq!(ram.copy_in(Gpa(0x20_0000), &mut all), Ok(()));
            assert!(all[..8190].iter().all(|&byte| byte == 0));
            assert_eq!(&all[8190..], b"ab");
        });
    }
}
