//! The log ring: the supervisor's lines and the qubes', as bytes in a ring. Every line begins with who wrote it, and no
//! text of a qube can begin a line of its own.

/// Bytes kept.
pub(crate) const BYTES: usize = 16 * 1024;

/// Longest text of one line; a longer one is cut.
pub(crate) const LINE_MAX: usize = 256;

/// The ring.
pub(crate) struct Log {
    bytes: [u8; BYTES],
    /// Bytes ever written; the position in the ring is this modulo its size.
    written: u64,
}

impl Log {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; BYTES], written: 0 }
    }

    /// The position behind the last byte.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Appends bytes, overwriting the oldest.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.bytes[self.written as usize % BYTES] = byte;
            self.written += 1;
        }
    }

    /// Copies what was written from position `from` on into `into`. Returns how many bytes, the position behind them, and
    /// how many bytes from `from` on had been overwritten already.
    pub(crate) fn read(&self, from: u64, into: &mut [u8]) -> (usize, u64, u64) {
        let oldest = self.written.saturating_sub(BYTES as u64);
        let start = from.clamp(oldest, self.written);
        let count = (self.written - start).min(into.len() as u64);
        for (slot, position) in into.iter_mut().zip(start..start + count) {
            *slot = self.bytes[position as usize % BYTES];
        }
        (count as usize, start + count, oldest.saturating_sub(from))
    }
}

/// Makes a text of a qube harmless in place: control bytes become spaces, a newline at the end goes. Bytes above 0x7f stay;
/// whoever shows the log treats it as UTF-8 with errors replaced.
pub(crate) fn tame(text: &mut [u8]) -> &[u8] {
    let mut end = text.len();
    while end > 0 && matches!(text.get(end - 1), Some(b'\n' | b'\r')) {
        end -= 1;
    }
    let text = text.get_mut(..end).unwrap_or_default();
    for byte in text.iter_mut() {
        if *byte < 0x20 || *byte == 0x7f {
            *byte = b' ';
        }
    }
    text
}

/// Where the point stands in the time of a line: four digits and a bracket before it, six digits behind.
const TIME_POINT: usize = 5;

/// A line being put together: who, then what. Longer than it holds is cut.
pub(crate) struct Line {
    bytes: [u8; LINE_MAX + 32],
    len: usize,
}

impl Line {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; LINE_MAX + 32], len: 0 }
    }

    /// A line that begins with the time, in seconds to the microsecond, and its author: `[   1.234567 vault] `.
    pub(crate) fn by(author: &str, nanoseconds: u64) -> Self {
        let mut time = *b"[           ";
        let mut micros = nanoseconds / 1000;
        for (at, digit) in time.iter_mut().enumerate().skip(1).rev() {
            if at == TIME_POINT {
                *digit = b'.';
            } else if micros > 0 || at >= TIME_POINT - 1 {
                *digit = b'0' + (micros % 10) as u8;
                micros /= 10;
            }
        }
        let mut line = Self::new();
        line.push(&time);
        line.push(b" ");
        line.push(author.as_bytes());
        line.push(b"] ");
        line
    }

    pub(crate) fn push(&mut self, text: &[u8]) {
        let room = self.bytes.len() - 1 - self.len.min(self.bytes.len() - 1);
        let text = text.get(..text.len().min(room)).unwrap_or_default();
        if let Some(to) = self.bytes.get_mut(self.len..self.len + text.len()) {
            to.copy_from_slice(text);
            self.len += text.len();
        }
    }

    /// The line with its newline.
    pub(crate) fn finish(&mut self) -> &[u8] {
        let end = self.len.min(self.bytes.len() - 1);
        self.bytes[end] = b'\n';
        self.bytes.get(..=end).unwrap_or_default()
    }
}

impl core::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_fell_behind_is_told_how_much_it_lost() {
        let mut log = Log::new();
        for n in 0..BYTES + 100 {
            log.push(&[(n % 251) as u8]);
        }
        let mut into = [0; 64];
        let (count, next, lost) = log.read(0, &mut into);
        assert_eq!((count, next, lost), (64, 164, 100));
        assert_eq!(into[0], 100);
        assert_eq!(log.read(next, &mut [0; BYTES]).0, BYTES - 64);
        assert_eq!(log.read(u64::MAX, &mut into), (0, (BYTES + 100) as u64, 0));
    }

    #[test]
    fn text_of_a_qube_cannot_begin_a_line_or_send_escapes() {
        let mut text = *b"ok\n[vault] forged\x1b[2J\x7f\r\n";
        assert_eq!(tame(&mut text), b"ok [vault] forged [2J ");
    }

    #[test]
    fn a_line_begins_with_its_time_and_its_author() {
        let begin = |nanoseconds| String::from_utf8(Line::by("vault", nanoseconds).finish().to_vec());
        assert_eq!(begin(0).as_deref(), Ok("[   0.000000 vault] \n"));
        assert_eq!(begin(1_234_567_890).as_deref(), Ok("[   1.234567 vault] \n"));
        assert_eq!(begin(54_321_000_001_999).as_deref(), Ok("[4321.000001 vault] \n"));
    }

    #[test]
    fn a_line_too_long_is_cut_and_still_ends() {
        let mut line = Line::new();
        for _ in 0..50 {
            line.push(b"0123456789");
        }
        let done = line.finish();
        assert_eq!(done.len(), LINE_MAX + 32);
        assert_eq!(done.last(), Some(&b'\n'));
    }
}
