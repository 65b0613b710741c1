//! The log of this qube: text the supervisor keeps, one exit a line.

use core::fmt::{self, Write};

use crate::hypercall;
use crate::report::Line;

/// Logs one line: `log!("{} entries", n)`. What is longer than the supervisor takes is cut.
#[macro_export]
macro_rules! log {
    ($($text:tt)*) => {
        $crate::__private::log(::core::format_args!($($text)*))
    };
}

/// One line and its newline, in one exit.
#[doc(hidden)]
pub fn log(text: fmt::Arguments<'_>) {
    let mut line = Line::<{ hypercall::LOG_MAX - 1 }>::new();
    // An error only means that the line was cut.
    let _ = line.write_fmt(text);
    let mut whole = [b'\n'; hypercall::LOG_MAX];
    let text = line.as_bytes();
    if let Some(place) = whole.get_mut(..text.len()) {
        place.copy_from_slice(text);
    }
    hypercall::log(whole.get(..=text.len()).unwrap_or(&whole));
}
