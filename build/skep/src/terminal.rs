//! The user's terminal, as it was before QEMU changed it.

use std::io::IsTerminal;
use std::process::{Command, Stdio};

/// The settings of the terminal on standard input; put back when this goes out of scope, however QEMU ended.
#[derive(Debug)]
pub(crate) struct SavedTerminal(Option<String>);

impl SavedTerminal {
    /// Remembers the settings, if standard input is a terminal.
    pub(crate) fn save() -> SavedTerminal {
        if !std::io::stdin().is_terminal() {
            return SavedTerminal(None);
        }
        let output = Command::new("stty").arg("-g").stdin(Stdio::inherit()).output();
        let settings = output.ok().filter(|output| output.status.success());
        SavedTerminal(
            settings.and_then(|output| Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())),
        )
    }
}

impl Drop for SavedTerminal {
    fn drop(&mut self) {
        if let Some(settings) = &self.0 {
            // Nothing sensible can be done about a terminal that is gone.
            let _ = Command::new("stty").arg(settings).stdin(Stdio::inherit()).status();
        }
    }
}
