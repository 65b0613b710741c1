//! The lines typed before, newest last, in a fixed number of bytes.
//!
//! Only command lines come here; what is typed at a hidden prompt never does. When there is no room the oldest go.

const SIZE: usize = 4096;

/// The last lines, each ended by a line feed, which no line contains.
pub(crate) struct History {
    bytes: [u8; SIZE],
    length: usize,
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// No lines.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; SIZE], length: 0 }
    }

    /// Keeps a line, unless it is blank, the same as the last, or longer than all the history.
    pub(crate) fn push(&mut self, line: &str) {
        let size = line.len() + 1;
        if line.trim().is_empty() || size > SIZE || line.contains('\n') || self.back(0) == Some(line) {
            return;
        }
        while self.length + size > SIZE {
            self.drop_oldest();
        }
        let end = self.length + line.len();
        self.bytes[self.length..end].copy_from_slice(line.as_bytes());
        self.bytes[end] = b'\n';
        self.length = end + 1;
    }

    /// The line `steps` back; 0 is the newest.
    #[must_use]
    pub(crate) fn back(&self, steps: usize) -> Option<&str> {
        let text = core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("");
        text.strip_suffix('\n')?.rsplit('\n').nth(steps)
    }

    fn drop_oldest(&mut self) {
        let end = self.bytes[..self.length].iter().position(|&byte| byte == b'\n');
        let start = end.map_or(self.length, |end| end + 1);
        self.bytes.copy_within(start..self.length, 0);
        self.length -= start;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    #[test]
    fn lines_come_back_newest_first() {
        let mut history = History::new();
        assert_eq!(history.back(0), None);
        for line in ["qubes", "say echo \"grüße\"", "ls"] {
            history.push(line);
        }
        assert_eq!(history.back(0), Some("ls"));
        assert_eq!(history.back(1), Some("say echo \"grüße\""));
        assert_eq!(history.back(2), Some("qubes"));
        assert_eq!(history.back(3), None);
    }

    #[test]
    fn blanks_and_repetitions_are_not_kept() {
        let mut history = History::new();
        for line in ["ls", "ls", "", "   ", "ls", "a\nb"] {
            history.push(line);
        }
        assert_eq!((history.back(0), history.back(1)), (Some("ls"), None));
    }

    #[test]
    fn the_oldest_lines_go_when_there_is_no_room() {
        let mut history = History::new();
        for i in 0..1_000 {
            history.push(&format!("line number {i}"));
        }
        assert_eq!(history.back(0), Some("line number 999"));
        assert_eq!(history.back(200), Some("line number 799"));
        assert_eq!(history.back(999), None);
        history.push(&"x".repeat(SIZE));
        assert_eq!(history.back(0), Some("line number 999"));
        history.push(&"x".repeat(SIZE - 1));
        assert_eq!(history.back(0).map(str::len), Some(SIZE - 1));
        assert_eq!(history.back(1), None);
    }
}
