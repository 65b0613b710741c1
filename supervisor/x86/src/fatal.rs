//! The supervisor's last words: on the debug console and on the serial port, then the end.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::debugcon;
use crate::power::{Ending, end};
use crate::serial;

/// Set by the first message: a fault while reporting must not report again.
static SPOKEN: AtomicBool = AtomicBool::new(false);

/// Both consoles at once.
struct LastWords {
    serial: bool,
}

impl Write for LastWords {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        debugcon::write_bytes(text.as_bytes());
        if self.serial {
            serial::write_bytes(text.as_bytes());
        }
        Ok(())
    }
}

/// Says `message` after "skep: " and ends the machine.
pub fn stop(message: fmt::Arguments<'_>, ending: Ending) -> ! {
    if !SPOKEN.swap(true, Ordering::Relaxed) {
        let mut words = LastWords { serial: serial::take_over() };
        // Writing to the consoles cannot fail.
        let _infallible = writeln!(words, "skep: {message}");
    }
    end(ending)
}

/// The body of the binary's panic handler: where and why, then the end.
pub fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    match info.location() {
        Some(place) => {
            stop(format_args!("the supervisor panicked at {place}: {}", info.message()), Ending::Failed)
        }
        None => stop(format_args!("the supervisor panicked: {}", info.message()), Ending::Failed),
    }
}
