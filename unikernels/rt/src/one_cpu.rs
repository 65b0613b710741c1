//! Statics of a program with one CPU and no interrupts.
//!
//! A qube has one vCPU, takes no interrupts and has no threads, so nothing can observe a static
//! between two of its own instructions. [`OneCpu`] is the one place that says so to the compiler;
//! borrowing stays checked, by the `RefCell` or `Cell` inside.

/// A value in a static, usable from this program's only thread.
pub(crate) struct OneCpu<T>(T);

// SAFETY: `Sync` promises that references may be used from several threads; there is one thread.
// The fault handler, the only code that runs beside it, never returns to it and touches no `OneCpu`.
unsafe impl<T> Sync for OneCpu<T> {}

impl<T> OneCpu<T> {
    /// Wraps a value.
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value.
    pub(crate) const fn get(&self) -> &T {
        &self.0
    }
}
