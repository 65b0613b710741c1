//! Files made to harm: an error or a bitmap within the limits, whatever is wrong with them, and never a
//! panic.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use common::files;
use proptest::prelude::*;
use unikernels_picture::{Format, Limits, PictureError, decode};

const LIMITS: Limits = Limits { side_max: 256, pixels_max: 10_000 };
const FORMATS: [Format; 5] = [Format::Png, Format::Jpeg, Format::Gif, Format::WebP, Format::Bmp];

/// Decodes a file, and checks what must hold of any.
fn checked(format: Format, file: &[u8]) -> Result<(), PictureError> {
    let picture = decode(format, file, &LIMITS)?;
    assert!(picture.width() <= LIMITS.side_max && picture.height() <= LIMITS.side_max);
    assert!(picture.width() * picture.height() <= LIMITS.pixels_max);
    assert_eq!(picture.rgba().len(), picture.width() * picture.height() * 4);
    Ok(())
}

#[test]
fn files_cut_anywhere_are_refused_or_bounded() {
    for (name, format, file) in files(24, 17) {
        assert_eq!(checked(format, &file), Ok(()), "{name}");
        let whole = (0..file.len()).filter(|len| checked(format, &file[..*len]).is_ok()).count();
        // Only what carries no pixels may be missing; the decoders of JPEG and BMP fill up what is.
        let filled = matches!(format, Format::Jpeg | Format::Bmp);
        assert!(filled || whole <= 16, "{name}: {whole} of {}", file.len());
    }
}

#[test]
fn files_with_any_byte_changed_are_refused_or_bounded() {
    for (_, format, file) in files(13, 9) {
        for at in 0..file.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, file[at] ^ 1, file[at] ^ 0x10, file[at].wrapping_add(1)] {
                let mut bad = file.clone();
                bad[at] = value;
                let _ = checked(format, &bad);
            }
        }
    }
}

/// Where each format says its size: so many bytes, from the lowest or from the highest.
fn with_size(format: Format, file: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bad = file.to_vec();
    match format {
        Format::Png => {
            bad[16..20].copy_from_slice(&width.to_be_bytes());
            bad[20..24].copy_from_slice(&height.to_be_bytes());
            let crc = crc32fast::hash(&bad[12..29]).to_be_bytes();
            bad[29..33].copy_from_slice(&crc);
        }
        Format::Bmp => {
            bad[18..22].copy_from_slice(&width.to_le_bytes());
            bad[22..26].copy_from_slice(&height.to_le_bytes());
        }
        Format::Gif => {
            bad[6..8].copy_from_slice(&width.to_le_bytes()[..2]);
            bad[8..10].copy_from_slice(&height.to_le_bytes()[..2]);
        }
        Format::Jpeg => {
            let frame = bad.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
            bad[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes()[2..]);
            bad[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes()[2..]);
        }
        // Two numbers of 14 bits; a WebP cannot say more.
        Format::WebP => {
            let kept = u32::from_le_bytes(bad[21..25].try_into().unwrap()) & 0xf000_0000;
            let sides = (width.wrapping_sub(1) & 0x3fff) | (height.wrapping_sub(1) & 0x3fff) << 14;
            bad[21..25].copy_from_slice(&(kept | sides).to_le_bytes());
        }
    }
    bad
}

#[test]
fn files_that_lie_about_their_size_are_refused_or_bounded() {
    let sides = [
        0,
        1,
        2,
        12,
        14,
        255,
        256,
        257,
        0x7fff,
        0x8000,
        0xffff,
        0x0001_0000,
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX,
    ];
    for (name, format, file) in files(13, 9) {
        for width in sides {
            for height in sides {
                let result = checked(format, &with_size(format, &file, width, height));
                let (width, height) = match format {
                    Format::Png => (width as usize, height as usize),
                    // A negative height is one from the top.
                    Format::Bmp => (width as usize, height.cast_signed().unsigned_abs() as usize),
                    Format::WebP => (
                        (width.wrapping_sub(1) & 0x3fff) as usize + 1,
                        (height.wrapping_sub(1) & 0x3fff) as usize + 1,
                    ),
                    _ => (width as usize & 0xffff, height as usize & 0xffff),
                };
                // A GIF may leave the size of its screen to its picture.
                let may_be_good =
                    width * height <= LIMITS.pixels_max && (width * height > 0 || format == Format::Gif);
                assert!(result.is_err() || may_be_good, "{name} of {width} times {height}");
            }
        }
    }
}

/// A hundred bytes that say they are thousands of millions of pixels.
#[test]
fn bombs_are_refused_by_their_header() {
    for (name, format, file) in files(13, 9) {
        let bomb = with_size(format, &file, 60_000, 60_000);
        // A BMP is first found to be too short for that.
        let expected = if format == Format::Bmp { PictureError::Damaged } else { PictureError::TooLarge };
        assert_eq!(decode(format, &bomb, &Limits::default()), Err(expected), "{name}");
    }
}

/// Deflate data of 64 MiB behind a header of 13 times 9 pixels.
#[test]
fn a_png_with_more_data_than_pixels_is_refused_or_bounded() {
    let (_, _, good) = files(13, 9).swap_remove(0);
    let mut file = good[..33].to_vec();
    let data = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 64 * 1024 * 1024], 9);
    file.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    let start = file.len();
    file.extend(b"IDAT");
    file.extend(data);
    let crc = crc32fast::hash(&file[start..]);
    file.extend(crc.to_be_bytes());
    file.extend(b"\0\0\0\0IEND\xae\x42\x60\x82");
    let _ = checked(Format::Png, &file);
}

#[test]
fn a_file_of_another_format_or_kind_is_refused() {
    for (name, format, file) in files(13, 9) {
        for other in FORMATS.into_iter().filter(|other| *other != format) {
            assert!(checked(other, &file).is_err(), "{name} as {other:?}");
        }
        assert!(checked(format, b"").is_err());
        assert!(checked(format, b"<html>").is_err());
    }
    let with_alpha = common::encode(&common::sample(9, 9), image::ImageFormat::Bmp);
    assert_eq!(checked(Format::Bmp, &with_alpha), Err(PictureError::Unsupported));
    assert_eq!(checked(Format::Bmp, &common::packed_bmp(9, 9)), Err(PictureError::Unsupported));
    assert_eq!(checked(Format::WebP, b"RIFF\x0c\0\0\0WEBPEXIF\0\0\0\0"), Err(PictureError::Unsupported));
}

/// The sums of a PNG's chunks made right again, as far as there are chunks.
fn with_sums(file: &mut [u8]) {
    let mut at = 8;
    while let Some((len, _)) = file.get(at..).and_then(|rest| rest.split_first_chunk::<4>()) {
        let end = at + 8 + u32::from_be_bytes(*len) as usize;
        let Some(sum) = file.get(at + 4..end).map(crc32fast::hash) else { return };
        let Some(place) = file.get_mut(end..end + 4) else { return };
        place.copy_from_slice(&sum.to_be_bytes());
        at = end + 4;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn any_damage_is_refused_or_bounded(
        which in 0usize..14,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<proptest::sample::Index>(),
        moved in any::<bool>(),
        summed in any::<bool>(),
    ) {
        let (_, format, mut file) = FILES.with(|files| files[which].clone());
        for (at, value) in &changes {
            let at = at.index(file.len());
            file[at] = *value;
        }
        if moved {
            let at = cut.index(file.len());
            let tail = file.split_off(at);
            file.extend_from_slice(&tail[tail.len() / 2..]);
        }
        if summed && format == Format::Png {
            with_sums(&mut file);
        }
        let _ = checked(format, &file);
    }

    #[test]
    fn any_bytes_are_refused_or_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for format in FORMATS {
            let _ = checked(format, &bytes);
        }
    }
}

thread_local! {
    static FILES: Vec<(&'static str, Format, Vec<u8>)> = files(24, 17);
}
