//! A body in chunks (RFC 9112 section 7.1). Every byte is looked at once; extensions and trailers are read
//! over.

use alloc::vec::Vec;

use crate::HttpError;
use crate::limits::{CHUNK_LINE_LEN_MAX, TRAILER_LEN_MAX};

/// Most hexadecimal digits of a length: more than 4 GiB is beyond every limit, and 15 cannot overflow.
const DIGITS_MAX: usize = 15;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The line before a chunk.
    Line,
    /// This many bytes of a chunk.
    Data(usize),
    /// The line end after a chunk.
    DataEnd,
    /// Trailers, up to an empty line.
    Trailer,
    /// Nothing.
    Done,
}

/// Takes a chunked body apart.
#[derive(Debug)]
pub(crate) struct Chunked {
    state: State,
    /// The line being read, with its line end.
    line: Vec<u8>,
    trailer_len: usize,
}

impl Chunked {
    pub(crate) fn new() -> Self {
        Self { state: State::Line, line: Vec::new(), trailer_len: 0 }
    }

    /// Appends what `bytes` carry of the body. Returns whether the body is complete; bytes after it are not
    /// looked at.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], body: &mut Vec<u8>) -> Result<bool, HttpError> {
        while !bytes.is_empty() && self.state != State::Done {
            if let State::Data(left) = self.state {
                let (data, rest) = bytes.split_at(left.min(bytes.len()));
                body.extend_from_slice(data);
                bytes = rest;
                let left = left - data.len();
                self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                continue;
            }
            let (first, rest) = bytes.split_at(1);
            bytes = rest;
            self.line.extend_from_slice(first);
            if self.line.len() > CHUNK_LINE_LEN_MAX {
                return Err(HttpError::Chunk);
            }
            if first == b"\n" {
                self.state = self.line_ended()?;
                self.line.clear();
            }
        }
        Ok(self.state == State::Done)
    }

    fn line_ended(&mut self) -> Result<State, HttpError> {
        let line = self.line.strip_suffix(b"\r\n").ok_or(HttpError::BareLineFeed)?;
        if line.contains(&b'\r') {
            return Err(HttpError::Chunk);
        }
        match self.state {
            State::Line => Ok(match length(line)? {
                0 => State::Trailer,
                length => State::Data(length),
            }),
            State::DataEnd if line.is_empty() => Ok(State::Line),
            State::Trailer if line.is_empty() => Ok(State::Done),
            State::Trailer => {
                self.trailer_len += line.len();
                if self.trailer_len > TRAILER_LEN_MAX { Err(HttpError::Chunk) } else { Ok(State::Trailer) }
            }
            _ => Err(HttpError::Chunk),
        }
    }
}

/// The length at the beginning of a chunk's line; an extension may follow behind `;`.
fn length(line: &[u8]) -> Result<usize, HttpError> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or(b"");
    let extended = digits.len() < line.len();
    // Blanks are allowed only before the semicolon of an extension (RFC 9112 section 7.1.1).
    let digits = if extended { digits.trim_ascii_end() } else { digits };
    if !(1..=DIGITS_MAX).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(HttpError::Chunk);
    }
    let text = str::from_utf8(digits).map_err(|_| HttpError::Chunk)?;
    usize::from_str_radix(text, 16).map_err(|_| HttpError::Chunk)
}
