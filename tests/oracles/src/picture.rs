//! Oracle `picture`: files of every picture format, and PNG files that lie under right sums.
//!
//! Input: a byte, then a file of the format that the byte says, or what a PNG file is made of. What is decoded is within the
//! limits, the same a second time, the same with limits that are just enough, refused with fewer pixels or less memory, and
//! the same again when it was encoded and decoded. Nothing else may come of it than one of the errors.

use std::path::Path;

use unikernels_picture::{Cells, Format, Limits, PictureError, decode, to_png};

/// Small, so that an input takes little time.
const LIMITS: Limits = Limits { side_max: 192, pixels_max: 12_000 };
/// What a byte means. The last is no format: parts of a PNG file.
const FORMATS: [Option<Format>; 6] =
    [Some(Format::WebP), Some(Format::Png), Some(Format::Jpeg), Some(Format::Gif), Some(Format::Bmp), None];
/// Bytes that a PNG's header has.
const HEADER_LEN: usize = 13;
/// Columns and rows of the terminal that it is shown on.
const SCREEN: (usize, usize) = (80, 24);

/// The oracle.
///
/// # Panics
/// A picture beyond its limits, or two of one file.
pub fn picture(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else { return };
    let made;
    let (format, file) = match FORMATS[usize::from(*kind) % FORMATS.len()] {
        Some(format) => (format, rest),
        None => {
            made = png_of(rest);
            (Format::Png, made.as_slice())
        }
    };
    let result = decode(format, file, &LIMITS);
    assert_eq!(result, decode(format, file, &LIMITS), "another picture the second time");
    let picture = match result {
        Ok(picture) => picture,
        Err(error) => {
            assert!(error != PictureError::Length, "a decoder that does not count its pixels");
            return;
        }
    };
    let (width, height) = (picture.width(), picture.height());
    let pixels = width * height;
    assert!((1..=LIMITS.side_max).contains(&width) && (1..=LIMITS.side_max).contains(&height));
    assert!(pixels <= LIMITS.pixels_max && picture.rgba().len() == pixels * 4);
    let exact = Limits { side_max: width.max(height), pixels_max: pixels };
    // A GIF's screen may be smaller than the picture that is put onto it.
    if format != Format::Gif {
        let enough = decode(format, file, &exact);
        assert!(enough.as_ref() == Ok(&picture), "with limits just enough: {:?}", enough.err());
    }
    let few = Limits { pixels_max: pixels - 1, ..exact };
    assert_eq!(decode(format, file, &few).err(), Some(PictureError::TooLarge));
    let again = decode(Format::Png, &to_png(&picture), &exact);
    assert!(again.as_ref() == Ok(&picture), "encoded anew: {:?}", again.err());
    let cells = Cells::new(&picture, SCREEN.0, SCREEN.1, [0, 0, 0]);
    assert!(cells.columns() <= SCREEN.0 && cells.rows().count() <= SCREEN.1);
}

/// A PNG file of this header, of colours as long as the next byte says, and of rows that are compressed here.
fn png_of(parts: &[u8]) -> Vec<u8> {
    let (header, rest) = parts.split_at(parts.len().min(HEADER_LEN));
    let (colours, rows) = match rest.split_first() {
        Some((len, rest)) => rest.split_at(rest.len().min(usize::from(*len) * 3)),
        None => (rest, rest),
    };
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, b"IHDR", header);
    if !colours.is_empty() {
        chunk(&mut file, b"PLTE", colours);
    }
    chunk(&mut file, b"IDAT", &miniz_oxide::deflate::compress_to_vec_zlib(rows, 1));
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend(u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
    let start = file.len();
    file.extend_from_slice(name);
    file.extend_from_slice(data);
    let sum = crc32fast::hash(&file[start..]);
    file.extend(sum.to_be_bytes());
}

/// The small files that the tests of the decoders have, and one of each other format.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../unikernels");
    let folders = [(0, root.join("webp/tests/files")), (1, root.join("picture/tests/pngsuite"))];
    let mut seeds = Vec::new();
    for (kind, folder) in folders {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Ok(file) = std::fs::read(entry.path()) {
                seeds.push([vec![kind], file].concat());
            }
        }
    }
    let gif = b"GIF89a\x02\0\x02\0\x80\0\0\xff\0\0\0\xff\0,\0\0\0\0\x02\0\x02\0\0\x02\x02\x44\x0a\0;";
    seeds.push([b"\x03".as_slice(), gif].concat());
    let mut bmp = b"\x04BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\x18\0".to_vec();
    bmp.extend([&[0; 24][..], &[255; 16]].concat());
    seeds.push(bmp);
    // Two rows of two pixels: of colours with transparency, grey, and places in a table.
    for (depth, colour, row) in [(8, 6, 9), (8, 2, 7), (16, 0, 5), (1, 0, 2), (8, 3, 3), (4, 3, 2)] {
        let header = [5, 0, 0, 0, 2, 0, 0, 0, 2, depth, colour, 0, 0, 0];
        let table: &[u8] = if colour == 3 { &[2, 1, 2, 3, 4, 5, 6] } else { &[0] };
        seeds.push([&header[..], table, &vec![1; row * 2]].concat());
    }
    seeds.retain(|seed| seed.len() <= crate::corpus::INPUT_MAX);
    seeds
}

/// Names of chunks, signatures and markers.
pub(crate) fn dictionary() -> impl Iterator<Item = Vec<u8>> {
    let words: [&[u8]; 24] = [
        b"RIFF",
        b"WEBP",
        b"VP8 ",
        b"VP8L",
        b"VP8X",
        b"ALPH",
        b"ANMF",
        b"ANIM",
        b"\x9d\x01\x2a",
        b"\x2f",
        b"\x88\x88\x08",
        b"\x89PNG\r\n\x1a\n",
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"tRNS",
        b"acTL",
        b"fcTL",
        b"GIF89a",
        b"BM",
        b"\xff\xd8",
        b"\xff\xc0",
        b"\xff\xc2",
        b"\xff\xda",
    ];
    words.into_iter().map(<[u8]>::to_vec)
}
