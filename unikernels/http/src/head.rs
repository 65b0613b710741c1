//! The head of an answer: status line and headers, and what follows from them. `httparse` reads the lines;
//! what it would forgive is refused before. Source: RFC 9112 sections 4, 5 and 6.

use alloc::string::String;

use httparse::{EMPTY_HEADER, Header};

use crate::HttpError;
use crate::coding::Coding;
use crate::limits::{HEADERS_MAX, LINE_LEN_MAX};
use crate::media::Media;

/// Statuses whose `Location` we follow (RFC 9110 section 15.4).
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// How the end of a body is told (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    None,
    /// By its length in bytes.
    Length(usize),
    /// By a last chunk.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// What an answer says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// From 100 to 999.
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    pub(crate) coding: Coding,
    pub(crate) media: Media,
    /// Where a redirect leads, as it is written.
    pub(crate) location: Option<String>,
}

impl Head {
    /// Reads the bytes of a whole head, its empty line included. `wire_len_max` bounds the length that it may
    /// announce.
    pub(crate) fn parse(bytes: &[u8], wire_len_max: usize) -> Result<Self, HttpError> {
        check_lines(bytes)?;
        let mut slots = [EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut slots);
        let status = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => parsed.code.ok_or(HttpError::StatusLine)?,
            Ok(httparse::Status::Partial) => return Err(HttpError::Header),
            Err(httparse::Error::TooManyHeaders) => return Err(HttpError::TooManyHeaders),
            Err(httparse::Error::Version | httparse::Error::Status) => return Err(HttpError::StatusLine),
            Err(_) => return Err(HttpError::Header),
        };
        if status < 100 {
            return Err(HttpError::StatusLine);
        }
        let is_old = parsed.version == Some(0);
        let headers = &*parsed.headers;
        let framing = framing(headers, status, is_old, wire_len_max)?;
        let coding = Coding::parse(single(headers, "content-encoding")?)?;
        let media = Media::parse(single(headers, "content-type")?.unwrap_or(b""));
        let location = match single(headers, "location")? {
            Some(text) if REDIRECTS.contains(&status) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        };
        Ok(Self { status, framing, coding, media, location })
    }
}

/// Refuses what readers of lines disagree about.
fn check_lines(bytes: &[u8]) -> Result<(), HttpError> {
    if !bytes.starts_with(b"HTTP/1.") {
        return Err(HttpError::StatusLine);
    }
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if !line.ends_with(b"\r\n") {
            return Err(HttpError::BareLineFeed);
        }
        if line.len() > LINE_LEN_MAX {
            return Err(HttpError::HeadTooLarge);
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(HttpError::FoldedHeader);
        }
    }
    Ok(())
}

/// The value of a header that may appear at most once.
fn single<'a>(headers: &[Header<'a>], name: &str) -> Result<Option<&'a [u8]>, HttpError> {
    let mut values = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    let first = values.next().map(|header| header.value);
    if values.next().is_some() { Err(HttpError::Repeated) } else { Ok(first) }
}

fn framing(headers: &[Header], status: u16, is_old: bool, wire_len_max: usize) -> Result<Framing, HttpError> {
    let ambiguous = |_| HttpError::AmbiguousLength;
    let length = single(headers, "content-length").map_err(ambiguous)?;
    let transfer = single(headers, "transfer-encoding").map_err(ambiguous)?;
    let framing = match (transfer, length) {
        (Some(_), Some(_)) => return Err(HttpError::AmbiguousLength),
        (Some(_), None) if is_old => return Err(HttpError::TransferCoding),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Framing::Chunked,
        (Some(_), None) => return Err(HttpError::TransferCoding),
        (None, Some(digits)) => Framing::Length(number(digits)?),
        (None, None) => Framing::UntilClose,
    };
    match (status, framing) {
        (100..=199 | 204 | 304, _) => Ok(Framing::None),
        (_, Framing::Length(length)) if length > wire_len_max => Err(HttpError::BodyTooLarge),
        (_, framing) => Ok(framing),
    }
}

/// A length: digits and nothing else, no sign, no list.
fn number(digits: &[u8]) -> Result<usize, HttpError> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(HttpError::Length);
    }
    let text = str::from_utf8(digits).map_err(|_| HttpError::Length)?;
    // Digits that are no `usize` are a number beyond every limit.
    Ok(text.parse().unwrap_or(usize::MAX))
}
