//! Progress for people: one line a step. A spinner on a terminal, plain lines anywhere else; colour only where it is wanted.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Whether to colour (<https://no-color.org>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Escape sequences allowed.
    Colour,
    /// Plain text.
    Plain,
}

impl Style {
    /// Colour when the error output is a terminal and neither the user nor `NO_COLOR` or `TERM=dumb` forbids it.
    #[must_use]
    pub fn detect(forbidden: bool) -> Style {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if forbidden || no_color || dumb || !std::io::stderr().is_terminal() {
            Style::Plain
        } else {
            Style::Colour
        }
    }

    /// The text in this colour (an SGR code), if colours are wanted.
    #[must_use]
    pub fn paint(self, code: u8, text: &str) -> String {
        match self {
            Style::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
            Style::Plain => text.to_owned(),
        }
    }
}

/// Tells the user, on the error output, what is going on.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// How to write.
    pub style: Style,
}

const RED: u8 = 31;
const GREEN: u8 = 32;
const TICK: Duration = Duration::from_millis(100);

impl Report {
    /// A report in this style.
    #[must_use]
    pub fn new(style: Style) -> Report {
        Report { style }
    }

    /// A line of its own.
    pub fn say(self, line: &str) {
        eprintln!("{line}");
    }

    /// Runs one step: its name is shown while it runs; afterwards whether it worked and how long it took.
    ///
    /// # Errors
    /// Whatever the step returns.
    pub fn step<T, E>(self, name: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let start = Instant::now();
        let spinner = self.spinner(name);
        let result = work();
        if let Some(spinner) = spinner {
            spinner.finish_and_clear();
        }
        let seconds = start.elapsed().as_secs_f64();
        match &result {
            Ok(_) => eprintln!("  {} {name} ({seconds:.1} s)", self.style.paint(GREEN, "ok")),
            Err(_) => eprintln!("  {} {name} ({seconds:.1} s)", self.style.paint(RED, "FAILED")),
        }
        result
    }

    /// On a terminal that can show it.
    fn spinner(self, name: &str) -> Option<ProgressBar> {
        if self.style == Style::Plain {
            if std::io::stderr().is_terminal() {
                eprintln!("  .. {name}");
            }
            return None;
        }
        let template = ProgressStyle::with_template("  {spinner} {msg} ({elapsed})").ok()?;
        let spinner = ProgressBar::new_spinner().with_style(template).with_message(name.to_owned());
        spinner.enable_steady_tick(TICK);
        Some(spinner)
    }
}
