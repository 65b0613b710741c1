//! The container: which chunk holds the first picture, how large it is, and where it lies. Borrows the file.
//! Source: RFC 9649, section 2.

use crate::{Size, WebpError};

/// Bytes of the header of a chunk: its name and its length.
const CHUNK_HEADER_LEN: usize = 8;
/// Most chunks that are looked at: an encoder writes fewer than ten before the first picture, and a file may
/// have one every eight bytes.
const CHUNKS_MAX: usize = 1024;
/// The bit of VP8X that says that the file is an animation.
const ANIMATED: u8 = 0x02;
/// Bytes of a frame's header, before its chunks (section 2.7.1.1).
const FRAME_HEADER_LEN: usize = 16;
/// First byte of lossless data.
pub(crate) const LOSSLESS_SIGNATURE: u8 = 0x2f;
/// What lossy data have behind their frame tag (RFC 6386, section 9.1).
const LOSSY_START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];

/// The compressed picture.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream<'a> {
    /// The content of a `VP8L` chunk.
    Lossless(&'a [u8]),
    /// The content of a `VP8 ` chunk, and of the `ALPH` chunk before it.
    Lossy { data: &'a [u8], alpha: Option<&'a [u8]> },
}

/// The first picture of a file.
#[derive(Debug)]
pub(crate) struct Still<'a> {
    pub(crate) canvas: Size,
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) size: Size,
    pub(crate) stream: Stream<'a>,
}

/// A name, and what it is of.
type Chunk<'a> = ([u8; 4], &'a [u8]);

/// The chunks of a piece of a file.
struct Chunks<'a>(&'a [u8]);

impl<'a> Chunks<'a> {
    /// The next chunk, if there is one. Bytes too few for a header are none.
    fn next(&mut self) -> Result<Option<Chunk<'a>>, WebpError> {
        let Some((header, rest)) = self.0.split_first_chunk::<CHUNK_HEADER_LEN>() else {
            return Ok(None);
        };
        let [name @ .., a, b, c, d] = *header;
        let len = usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|_| WebpError::Truncated)?;
        let (content, rest) = rest.split_at_checked(len).ok_or(WebpError::Truncated)?;
        // A chunk of odd length has a byte more, which some encoders leave out at the end.
        self.0 = rest.get(len % 2..).unwrap_or(&[]);
        Ok(Some((name, content)))
    }
}

/// Finds the first picture.
pub(crate) fn read(file: &[u8]) -> Result<Still<'_>, WebpError> {
    let rest = file.strip_prefix(b"RIFF").ok_or(WebpError::Signature)?;
    let (len, rest) = rest.split_first_chunk::<4>().ok_or(WebpError::Signature)?;
    let len = usize::try_from(u32::from_le_bytes(*len)).map_err(|_| WebpError::Truncated)?;
    let content = rest.strip_prefix(b"WEBP").ok_or(WebpError::Signature)?;
    let content = content.get(..len.saturating_sub(4)).ok_or(WebpError::Truncated)?;
    let mut chunks = Chunks(content);
    match chunks.next()?.ok_or(WebpError::Truncated)? {
        (name, content) if name == *b"VP8X" => extended(content, chunks),
        (name, content) => {
            let (size, stream) = stream(name, content, None)?.ok_or(WebpError::Unsupported)?;
            Ok(Still { canvas: size, left: 0, top: 0, size, stream })
        }
    }
}

/// The first picture of a file in the extended format.
fn extended<'a>(header: &[u8], mut chunks: Chunks<'a>) -> Result<Still<'a>, WebpError> {
    let (&[flags, _, _, _], rest) = header.split_first_chunk().ok_or(WebpError::Container)?;
    let (&sides, _) = rest.split_first_chunk::<6>().ok_or(WebpError::Container)?;
    let [a, b, c, d, e, f] = sides;
    let canvas = Size { width: number([a, b, c]) + 1, height: number([d, e, f]) + 1 };
    if flags & ANIMATED == 0 {
        let (size, stream) = picture(&mut chunks)?;
        return if size == canvas {
            Ok(Still { canvas, left: 0, top: 0, size, stream })
        } else {
            Err(WebpError::Container)
        };
    }
    for _ in 0..CHUNKS_MAX {
        let (name, content) = chunks.next()?.ok_or(WebpError::Unsupported)?;
        if name == *b"ANMF" {
            return frame(content, canvas);
        }
    }
    Err(WebpError::Container)
}

/// A picture of an animation.
fn frame(content: &[u8], canvas: Size) -> Result<Still<'_>, WebpError> {
    let (&header, rest) = content.split_first_chunk::<FRAME_HEADER_LEN>().ok_or(WebpError::Container)?;
    let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = header;
    let (left, top) = (number([a, b, c]) * 2, number([d, e, f]) * 2);
    let said = Size { width: number([g, h, i]) + 1, height: number([j, k, l]) + 1 };
    let (size, stream) = picture(&mut Chunks(rest))?;
    let fits = left + size.width <= canvas.width && top + size.height <= canvas.height;
    if size == said && fits {
        Ok(Still { canvas, left, top, size, stream })
    } else {
        Err(WebpError::Container)
    }
}

/// The first compressed picture among chunks, with what is known of its transparency before it.
fn picture<'a>(chunks: &mut Chunks<'a>) -> Result<(Size, Stream<'a>), WebpError> {
    let mut alpha = None;
    for _ in 0..CHUNKS_MAX {
        let (name, content) = chunks.next()?.ok_or(WebpError::Truncated)?;
        if name == *b"ALPH" && alpha.is_none() {
            alpha = Some(content);
        } else if let Some(found) = stream(name, content, alpha)? {
            return Ok(found);
        }
    }
    Err(WebpError::Container)
}

/// What a chunk of this name has compressed, if it is a picture, and the size that stands at its beginning.
fn stream<'a>(
    name: [u8; 4],
    data: &'a [u8],
    alpha: Option<&'a [u8]>,
) -> Result<Option<(Size, Stream<'a>)>, WebpError> {
    match &name {
        b"VP8L" => {
            let &[signature, a, b, c, d] = data.first_chunk().ok_or(WebpError::Truncated)?;
            let bits = u32::from_le_bytes([a, b, c, d]);
            // Three bits of version, which must be 0. The bit before says that alpha is used: a hint only.
            if signature != LOSSLESS_SIGNATURE || bits >> 29 != 0 {
                return Err(WebpError::Lossless);
            }
            let side = |bits: u32| usize::try_from(bits & 0x3fff).map_or(1, |side| side + 1);
            let size = Size { width: side(bits), height: side(bits >> 14) };
            Ok(Some((size, Stream::Lossless(data))))
        }
        b"VP8 " => {
            let &[tag, _, _, a, b, c, w, x, y, z] = data.first_chunk().ok_or(WebpError::Truncated)?;
            if tag & 1 != 0 || [a, b, c] != LOSSY_START_CODE {
                return Err(WebpError::Lossy);
            }
            // Two bits more of each side ask for scaling, which is the viewer's.
            let side = |bytes| usize::from(u16::from_le_bytes(bytes) & 0x3fff);
            let size = Size { width: side([w, x]), height: side([y, z]) };
            if size.width == 0 || size.height == 0 {
                return Err(WebpError::Lossy);
            }
            Ok(Some((size, Stream::Lossy { data, alpha })))
        }
        _ => Ok(None),
    }
}

/// A number of three bytes, the lowest first.
pub(crate) fn number([low, mid, high]: [u8; 3]) -> usize {
    usize::from(low) | usize::from(mid) << 8 | usize::from(high) << 16
}
