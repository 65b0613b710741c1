//! What can be wrong with an answer.

use core::fmt;

use crate::UrlError;

/// Why a fetch failed. The server is to blame, except for [`HttpError::OutOfTurn`], which is a defect of the
/// caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpError {
    /// A call that the last [`crate::Step`] did not ask for.
    OutOfTurn,
    /// The first line is no status line of HTTP/1.0 or HTTP/1.1.
    StatusLine,
    /// A header is malformed.
    Header,
    /// A header is continued on the next line, which readers understand differently.
    FoldedHeader,
    /// A line ends in a line feed without a carriage return, which readers understand differently.
    BareLineFeed,
    /// The head is larger than 32 KiB, or one of its lines larger than 16 KiB.
    HeadTooLarge,
    /// More than 96 headers.
    TooManyHeaders,
    /// More than eight interim answers.
    TooManyInterim,
    /// The server changed the protocol, which nobody asked for.
    Upgrade,
    /// A header that may appear once appears twice.
    Repeated,
    /// The length of the body is no number.
    Length,
    /// The length is given twice, or beside a transfer coding.
    AmbiguousLength,
    /// A transfer coding other than `chunked`, or one in an answer of HTTP/1.0.
    TransferCoding,
    /// A chunk is malformed.
    Chunk,
    /// More bytes than [`crate::Limits::wire_len_max`].
    BodyTooLarge,
    /// More bytes after decompression than [`crate::Limits::body_len_max`].
    DecodedTooLarge,
    /// A content coding other than gzip and deflate, or several.
    ContentCoding,
    /// Compressed data are damaged.
    Compressed,
    /// The connection ended before the answer did.
    Truncated,
    /// More redirects than [`crate::Limits::redirects_max`].
    TooManyRedirects,
    /// A redirect from `https` to `http`.
    Downgrade,
    /// A redirect to an address that we do not go to.
    Location(UrlError),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::OutOfTurn => "a call out of turn",
            Self::StatusLine => "the answer does not begin like HTTP",
            Self::Header => "a malformed header",
            Self::FoldedHeader => "a header over two lines",
            Self::BareLineFeed => "a line without its carriage return",
            Self::HeadTooLarge => "headers that are too large",
            Self::TooManyHeaders => "too many headers",
            Self::TooManyInterim => "too many interim answers",
            Self::Upgrade => "a change of protocol that nobody asked for",
            Self::Repeated => "a header twice that may appear once",
            Self::Length => "a length that is no number",
            Self::AmbiguousLength => "two statements of how long the body is",
            Self::TransferCoding => "an unknown transfer coding",
            Self::Chunk => "a malformed chunk",
            Self::BodyTooLarge => "a body that is too large",
            Self::DecodedTooLarge => "a body that becomes too large when decompressed",
            Self::ContentCoding => "an unknown compression",
            Self::Compressed => "damaged compressed data",
            Self::Truncated => "the connection ended before the answer did",
            Self::TooManyRedirects => "too many redirects",
            Self::Downgrade => "a redirect from https to http",
            Self::Location(error) => return write!(f, "a redirect that leads nowhere: {error}"),
        };
        f.write_str(text)
    }
}
