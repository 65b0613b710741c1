//! Where shown values go: words for people, or JSON.

use core::fmt::{self, Write};

use crate::body::{Broken, Stop};
use crate::quote::{Escapes, escape};

/// In which way values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Words,
    Json,
}

/// Largest number that every JSON reader takes as it is: 2^53 - 1.
const JSON_EXACT_MAX: u64 = (1 << 53) - 1;

pub(crate) struct Sink<'w> {
    to: &'w mut dyn Write,
    pub(crate) style: Style,
    /// Nothing is written while a hidden secret is stepped over.
    pub(crate) is_muted: bool,
}

impl<'w> Sink<'w> {
    pub(crate) fn new(to: &'w mut dyn Write, style: Style) -> Self {
        Self { to, style, is_muted: false }
    }

    /// Writes as it is, whatever the style.
    pub(crate) fn raw(&mut self, text: &str) -> fmt::Result {
        if self.is_muted { Ok(()) } else { self.to.write_str(text) }
    }

    fn arguments(&mut self, arguments: fmt::Arguments<'_>) -> fmt::Result {
        if self.is_muted { Ok(()) } else { self.to.write_fmt(arguments) }
    }

    /// One of two, by style.
    pub(crate) fn either(&mut self, words: &str, json: &str) -> fmt::Result {
        self.raw(if self.style == Style::Words { words } else { json })
    }

    pub(crate) fn name(&mut self, name: &str) -> fmt::Result {
        match self.style {
            Style::Words => self.arguments(format_args!("{name}: ")),
            Style::Json => self.arguments(format_args!("\"{name}\":")),
        }
    }

    pub(crate) fn unsigned(&mut self, number: u64) -> fmt::Result {
        if self.style == Style::Json && number > JSON_EXACT_MAX {
            return self.arguments(format_args!("\"{number}\""));
        }
        self.arguments(format_args!("{number}"))
    }

    pub(crate) fn signed(&mut self, number: i64) -> fmt::Result {
        if self.style == Style::Json && number.unsigned_abs() > JSON_EXACT_MAX {
            return self.arguments(format_args!("\"{number}\""));
        }
        self.arguments(format_args!("{number}"))
    }

    /// A text; one that was cut ends with `…`.
    pub(crate) fn text(&mut self, text: &str, is_cut: bool) -> fmt::Result {
        if self.is_muted {
            return Ok(());
        }
        self.raw("\"")?;
        let escapes = if self.style == Style::Words { Escapes::Words } else { Escapes::Json };
        escape(text, escapes, self.to)?;
        self.raw(match (is_cut, self.style) {
            (false, _) => "\"",
            (true, Style::Words) => "\"…",
            (true, Style::Json) => "…\"",
        })
    }

    /// Bytes in hex; what was cut ends with `…`.
    pub(crate) fn bytes(&mut self, bytes: &[u8], is_cut: bool) -> fmt::Result {
        self.either("hex:", "\"")?;
        for byte in bytes {
            self.arguments(format_args!("{byte:02x}"))?;
        }
        if is_cut {
            self.raw("…")?;
        }
        self.either("", "\"")
    }

    pub(crate) fn hidden(&mut self, size: usize) -> fmt::Result {
        match self.style {
            Style::Words if size == 1 => self.raw("<1 byte hidden>"),
            Style::Words => self.arguments(format_args!("<{size} bytes hidden>")),
            Style::Json => self.arguments(format_args!("{{\"hidden_bytes\":{size}}}")),
        }
    }

    /// Stands where a value is not.
    pub(crate) fn missing(&mut self, stop: Stop) -> fmt::Result {
        match (stop, self.style) {
            (Stop::Sink, _) => Err(fmt::Error),
            (_, Style::Json) => self.raw("null"),
            (Stop::Cut, Style::Words) => self.raw("…"),
            (Stop::Broken(broken), Style::Words) => self.broken(broken),
        }
    }

    /// Says where a body is broken; only for people.
    pub(crate) fn broken(&mut self, broken: Broken) -> fmt::Result {
        match self.style {
            Style::Words => self.arguments(format_args!("<{broken}>")),
            Style::Json => Ok(()),
        }
    }
}
