//! The debug console port 0xe9: one write, one byte, no waiting, no state.
//!
//! QEMU and Bochs have it when told to; then reading the port gives 0xe9. Elsewhere writes are dropped.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::port::Port;

static PRESENT: AtomicBool = AtomicBool::new(false);

/// Looks for the console. Before this, nothing is written.
pub(crate) fn detect() {
    PRESENT.store(Port::DEBUG_CONSOLE.read() == 0xe9, Ordering::Relaxed);
}

/// Whether the machine has the console.
pub fn is_present() -> bool {
    PRESENT.load(Ordering::Relaxed)
}

/// Writes `bytes`, or nothing when there is no console.
pub fn write_bytes(bytes: &[u8]) {
    if is_present() {
        Port::DEBUG_CONSOLE.write_all(bytes);
    }
}

/// The console for `write!`. Never fails.
#[derive(Clone, Copy, Debug)]
pub struct DebugConsole;

impl fmt::Write for DebugConsole {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_bytes(text.as_bytes());
        Ok(())
    }
}
