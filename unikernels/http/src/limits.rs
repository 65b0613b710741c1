//! What an answer may cost, in bytes and in counts.

/// Most bytes of the status line and all headers together: a server could send headers without end.
pub(crate) const HEAD_LEN_MAX: usize = 32 * 1024;
/// Most bytes of one line of the head. Long ones are cookies and policies, which nobody here reads.
pub(crate) const LINE_LEN_MAX: usize = 16 * 1024;
/// Most headers; each is a slot on the stack while the head is read.
pub(crate) const HEADERS_MAX: usize = 96;
/// Most interim answers (status 1xx) before the final one: they could go on for ever.
pub(crate) const INTERIM_MAX: usize = 8;
/// Most bytes of the line that begins a chunk, extensions included: ours needs 18, and nobody reads
/// extensions.
pub(crate) const CHUNK_LINE_LEN_MAX: usize = 256;
/// Most bytes of the trailer after the last chunk, which is read over.
pub(crate) const TRAILER_LEN_MAX: usize = 4 * 1024;
/// Most bytes before the compressed data of a gzip file: it may carry a name and a comment without end.
pub(crate) const GZIP_HEADER_LEN_MAX: usize = 1024;

/// What one fetch may cost. The default suits a page or a picture for one pair of eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a body as it is sent, chunk lines included.
    pub wire_len_max: usize,
    /// Most bytes of a body after decompression: a kilobyte can become a megabyte, again and again.
    pub body_len_max: usize,
    /// Most redirects that are followed, one after the other: two servers could send us round for ever.
    pub redirects_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { wire_len_max: 4 * 1024 * 1024, body_len_max: 8 * 1024 * 1024, redirects_max: 5 }
    }
}
