//! Statics that are lent out once, for good: how host mode has big objects without a heap.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// A static that one caller gets, exclusively and for ever.
pub struct TakeOnce<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached only through `take`, which succeeds once; whoever gets it may send it, as `T: Send` says.
unsafe impl<T: Send> Sync for TakeOnce<T> {}

impl<T> TakeOnce<T> {
    /// Holds `value` until it is taken.
    pub const fn new(value: T) -> Self {
        Self { taken: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// The value, the first time; `None` from then on.
    #[expect(clippy::mut_from_ref, reason = "it is lent once: `taken` stands in for the borrow checker")]
    pub fn take(&'static self) -> Option<&'static mut T> {
        if self.taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        // SAFETY: `taken` was false, so no other reference was ever made, and the static lives for ever.
        Some(unsafe { &mut *self.value.get() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_taken_once() {
        static VALUE: TakeOnce<u32> = TakeOnce::new(7);
        let value = VALUE.take().expect("the first time");
        *value = 8;
        assert_eq!((VALUE.take(), *value), (None, 8));
    }
}
