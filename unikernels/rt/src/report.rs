//! The last words of a qube: panics and faults become one report, and the report is the end.
//!
//! Text is built in a fixed buffer on the stack, cut at the length the supervisor takes, and
//! never touches the heap or a device: the qube may be in any state.

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use crate::{hypercall, platform};

/// Text in a fixed buffer; what doesn't fit is cut at a character boundary.
pub(crate) struct Line<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Line<N> {
    /// Empty.
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    /// The text so far.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

impl<const N: usize> Write for Line<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = N - self.length;
        let taken = text.get(..text.floor_char_boundary(room)).unwrap_or("");
        if let Some(place) = self.bytes.get_mut(self.length..self.length + taken.len()) {
            place.copy_from_slice(taken.as_bytes());
            self.length += taken.len();
        }
        if taken.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// What a qube that can't report ends with: the code of a Rust program that panicked.
const PANIC_CODE: i32 = 101;

/// Ends the qube with the formatted text. Where there is no Skep to take a report, the log takes it.
pub(crate) fn end(text: fmt::Arguments<'_>) -> ! {
    let mut line = Line::<{ hypercall::REPORT_MAX }>::new();
    // An error only means that the report was cut.
    let _ = line.write_fmt(text);
    if platform::info().is_none() {
        hypercall::log(line.as_bytes());
        hypercall::exit(PANIC_CODE)
    }
    hypercall::report(line.as_bytes())
}

/// The body of the panic handler that `main!` defines.
#[doc(hidden)]
pub fn panic(info: &PanicInfo<'_>) -> ! {
    match info.location() {
        Some(at) => end(format_args!("{}:{}: {}", at.file(), at.line(), info.message())),
        None => end(format_args!("{}", info.message())),
    }
}
