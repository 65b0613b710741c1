//! Files made to harm: an error or a bitmap within the limits, whatever is wrong with them, and never a
//! panic.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use common::{LIMITS, files, riff, second_opinion};
use proptest::prelude::*;
use unikernels_webp::{Bitmap, Limits, PIXEL_LEN, WebpError, decode};

/// Bytes at the end of lossy data without which a picture may come.
const TAIL: usize = 10;

/// Decodes a file, and checks what must hold of any.
fn checked(file: &[u8], limits: &Limits) -> Result<Bitmap, WebpError> {
    let bitmap = decode(file, limits)?;
    let (width, height) = (bitmap.width, bitmap.height);
    assert!(width > 0 && height > 0 && width <= limits.side_max && height <= limits.side_max);
    assert!(width * height <= limits.pixels_max);
    assert_eq!(bitmap.rgba.len(), width * height * PIXEL_LEN);
    Ok(bitmap)
}

/// Name and content of the chunks of a file.
fn chunks(file: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let mut rest = &file[12..];
    let mut chunks = Vec::new();
    while let Some((header, behind)) = rest.split_first_chunk::<8>() {
        let len = u32::from_le_bytes(header[4..].try_into().unwrap()) as usize;
        chunks.push((header[..4].try_into().unwrap(), behind[..len].to_vec()));
        rest = behind.get(len + len % 2..).unwrap_or(&[]);
    }
    chunks
}

fn joined(chunks: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let parts: Vec<(&[u8; 4], &[u8])> = chunks.iter().map(|(name, data)| (name, data.as_slice())).collect();
    riff(&parts)
}

#[test]
fn files_cut_anywhere_are_refused() {
    for (name, file) in files() {
        let whole = checked(&file, &LIMITS).unwrap();
        for len in 0..file.len() {
            let refused = checked(&file[..len], &LIMITS).expect_err("a part");
            let expected = if len < 12 { WebpError::Signature } else { WebpError::Truncated };
            assert_eq!(refused, expected, "{name}: {len} of {}", file.len());
        }
        // What stands behind the end is not looked at.
        assert_eq!(checked(&[file.as_slice(), b"behind"].concat(), &LIMITS), Ok(whole), "{name}");
    }
}

/// The container is whole, and what it holds is not: the data are cut, and their chunk says so.
#[test]
fn data_cut_anywhere_are_refused_but_for_their_last_bytes() {
    for (name, file) in files() {
        let chunks = chunks(&file);
        for at in (0..chunks.len()).filter(|at| matches!(&chunks[*at].0, b"VP8 " | b"VP8L" | b"ALPH")) {
            let len = chunks[at].1.len();
            for keep in 0..len {
                let mut cut = chunks.clone();
                cut[at].1.truncate(keep);
                // Decisions of lossy data may not need the last bytes, or be others without them.
                let last = if &chunks[at].0 == b"VP8 " { TAIL } else { 1 };
                let refused = checked(&joined(&cut), &LIMITS).is_err();
                assert!(refused || keep + last >= len, "{name}: {keep} of {len}");
            }
        }
    }
}

#[test]
fn files_with_any_byte_changed_are_refused_or_bounded() {
    for (_, file) in files() {
        // Most decisions stand at the beginning; what is behind is pixels.
        for at in 0..file.len().min(96) {
            for value in [0, 0xff, file[at] ^ 1] {
                let mut bad = file.clone();
                bad[at] = value;
                let _ = checked(&bad, &LIMITS);
            }
        }
    }
}

/// A lossless file with the sides 16384, whose pixels take no bits, and a lossy one that is hardly longer.
fn bombs() -> [Vec<u8>; 3] {
    // No transform, no cache, one group: five codes of one symbol.
    let lossless = [0x2f, 0xff, 0xff, 0xff, 0x0f, 0x88, 0x88, 0x08, 0, 0];
    let mut lossy = vec![0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f];
    lossy.extend([0; 40]);
    let canvas = [2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let mut frame = vec![0; 16];
    frame.extend(b"VP8L\x0a\0\0\0\x2f\0\0\0\0\x88\x88\x08\0\0");
    [
        riff(&[(b"VP8L", &lossless)]),
        riff(&[(b"VP8 ", &lossy)]),
        riff(&[(b"VP8X", &canvas), (b"ANMF", &frame)]),
    ]
}

#[test]
fn bombs_are_refused_by_their_header() {
    let limits = Limits { side_max: 1 << 24, pixels_max: usize::MAX, memory_max: 1 << 20 };
    for bomb in bombs() {
        assert!(bomb.len() <= 100, "{}", bomb.len());
        assert_eq!(checked(&bomb, &LIMITS), Err(WebpError::TooLarge));
        // The memory is a bound by itself.
        assert_eq!(checked(&bomb, &limits), Err(WebpError::Memory));
    }
    // The same few bytes are a good picture of sixteen pixels, or of a canvas that fits.
    let mut small = bombs()[0].clone();
    small[21..25].copy_from_slice(&(3u32 | 3 << 14).to_le_bytes());
    assert_eq!(checked(&small, &LIMITS).unwrap().rgba, [0; 64]);
    let mut small = bombs()[2].clone();
    small[24..30].copy_from_slice(&[3, 0, 0, 3, 0, 0]);
    assert_eq!(checked(&small, &LIMITS).unwrap().rgba, [0; 64]);
}

#[test]
fn limits_hold_to_the_pixel_and_memory_is_counted() {
    for (name, file) in files() {
        let bitmap = checked(&file, &LIMITS).unwrap();
        let (pixels, side) = (bitmap.width * bitmap.height, bitmap.width.max(bitmap.height));
        let exact = Limits { side_max: side, pixels_max: pixels, memory_max: pixels * 13 + (64 << 10) };
        assert_eq!(checked(&file, &exact).as_ref(), Ok(&bitmap), "{name}");
        let narrow = Limits { side_max: side - 1, ..exact };
        assert_eq!(checked(&file, &narrow), Err(WebpError::TooLarge), "{name}");
        let few = Limits { pixels_max: pixels - 1, ..exact };
        assert_eq!(checked(&file, &few), Err(WebpError::TooLarge), "{name}");
        let poor = Limits { memory_max: pixels * PIXEL_LEN - 1, ..exact };
        assert_eq!(checked(&file, &poor), Err(WebpError::Memory), "{name}");
    }
}

/// Each filter of transparency, stored as it is, against another decoder.
#[test]
fn transparency_is_as_to_another_decoder() {
    let file = files().into_iter().find(|(name, _)| name == "lossy-odd").unwrap().1;
    let (_, data) = chunks(&file).swap_remove(0);
    let canvas = [0x10, 0, 0, 0, 16, 0, 0, 14, 0, 0];
    let values: Vec<u8> = (0..17 * 15u32).map(|at| (at * at * 31 % 251).to_le_bytes()[0]).collect();
    for filter in 0..4u8 {
        for processed in [0, 0x10] {
            let alpha = [&[filter << 2 | processed], values.as_slice()].concat();
            let file = riff(&[(b"VP8X", &canvas), (b"ALPH", &alpha), (b"VP8 ", &data)]);
            assert_eq!(checked(&file, &LIMITS).unwrap(), second_opinion(&file).unwrap(), "filter {filter}");
        }
        for compression in [2, 3] {
            let alpha = [&[filter << 2 | compression], values.as_slice()].concat();
            let file = riff(&[(b"VP8X", &canvas), (b"ALPH", &alpha), (b"VP8 ", &data)]);
            assert_eq!(checked(&file, &LIMITS), Err(WebpError::Alpha));
        }
        let short = [&[filter << 2], &values[1..]].concat();
        let file = riff(&[(b"VP8X", &canvas), (b"ALPH", &short), (b"VP8 ", &data)]);
        assert_eq!(checked(&file, &LIMITS), Err(WebpError::Truncated));
    }
}

#[test]
fn what_is_wrong_is_named() {
    let still = |canvas: &[u8]| riff(&[(b"VP8X", canvas), (b"VP8L", b"\x2f\0\0\0\0\x88\x88\x08\0\0")]);
    let lossy = |tag: u8, width: u8| {
        let mut data = vec![tag, 0x02, 0x00, 0x9d, 0x01, 0x2a, width, 0, 1, 0];
        data.extend([0; 40]);
        riff(&[(b"VP8 ", &data)])
    };
    let cases: [(&str, Vec<u8>, WebpError); 12] = [
        ("nothing", vec![], WebpError::Signature),
        ("another format", b"\x89PNG\r\n\x1a\n".to_vec(), WebpError::Signature),
        ("another kind of RIFF", b"RIFF\x04\0\0\0WAVE".to_vec(), WebpError::Signature),
        ("no chunk", riff(&[]), WebpError::Truncated),
        ("no picture", riff(&[(b"EXIF", b"")]), WebpError::Unsupported),
        (
            "an animation without pictures",
            riff(&[(b"VP8X", &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0])]),
            WebpError::Unsupported,
        ),
        ("a picture smaller than its canvas", still(&[0, 0, 0, 0, 1, 0, 0, 0, 0, 0]), WebpError::Container),
        ("a header cut short", still(&[0, 0, 0, 0, 1, 0, 0, 0, 0]), WebpError::Container),
        ("a version of lossless data", riff(&[(b"VP8L", &[0x2f, 0, 0, 0, 0x20])]), WebpError::Lossless),
        ("a frame that is not a key frame", lossy(0x11, 1), WebpError::Lossy),
        ("a frame that is not shown", lossy(0x00, 1), WebpError::Lossy),
        ("no width", lossy(0x10, 0), WebpError::Lossy),
    ];
    for (name, file, expected) in cases {
        assert_eq!(checked(&file, &LIMITS), Err(expected), "{name}");
    }
    assert!(checked(&still(&[0; 10]), &LIMITS).is_ok());
    assert!(checked(&lossy(0x10, 1), &LIMITS).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn any_damage_is_refused_or_bounded(
        which in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        behind_header: bool,
    ) {
        let mut file = FILES.with(|files| files[which.index(files.len())].1.clone());
        // Half of the cases spare the container, so that they come further.
        let start = if behind_header { file.len().min(30) } else { 0 };
        for (at, value) in &changes {
            let len = file.len() - start;
            if len > 0 {
                file[start + at.index(len)] = *value;
            }
        }
        let _ = checked(&file, &LIMITS);
    }

    #[test]
    fn any_bytes_in_a_good_container_are_refused_or_bounded(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        side in 0u32..200,
    ) {
        let lossless = [&[0x2f], (side | side << 14).to_le_bytes().as_slice(), &bytes].concat();
        let _ = checked(&riff(&[(b"VP8L", &lossless)]), &LIMITS);
        let [low, high, ..] = (side + 1).to_le_bytes();
        let mut lossy = vec![0x10, 0x05, 0x00, 0x9d, 0x01, 0x2a, low, high, low, high];
        lossy.extend(&bytes);
        let _ = checked(&riff(&[(b"VP8 ", &lossy)]), &LIMITS);
        let _ = checked(&bytes, &LIMITS);
    }
}

thread_local! {
    static FILES: Vec<(String, Vec<u8>)> = files();
}
