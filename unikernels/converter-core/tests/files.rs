//! Files that are handed to a converter: good ones of every kind, hostile ones, and callers that do not keep to the order.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use image::{ImageFormat, Rgba, RgbaImage};
use ipc_proto_convert_api::{
    Convert, ConvertError, Decoded, FILE_MAX, FileKind, PICTURE_PIXELS_MAX, PIECE_MAX, PIXELS_MAX, SIDE_MAX,
};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Generation, PortIndex, Secret};
use proptest::prelude::*;
use unikernels_converter_core::Converter;

fn caller(port: u8, generation: u32) -> Caller {
    Caller { port: PortIndex::new(port).unwrap(), generation: Generation(generation) }
}

fn put(converter: &mut Converter, from: usize, piece: &[u8]) -> Result<(), ConvertError> {
    let from = u32::try_from(from).unwrap();
    converter.put(&caller(0, 1), from, Secret::new(Bytes::try_from(piece).unwrap()))
}

fn put_all(converter: &mut Converter, file: &[u8], piece: usize) -> Result<(), ConvertError> {
    let mut from = 0;
    file.chunks(piece).try_for_each(|piece| {
        put(converter, from, piece)?;
        from += piece.len();
        Ok(())
    })
}

/// Has a file decoded, in pieces of so many bytes; gives all the pixels.
fn convert_in(file: &[u8], piece: usize) -> Result<(Decoded, Vec<u8>), ConvertError> {
    let mut converter = Converter::new();
    put_all(&mut converter, file, piece)?;
    let decoded = converter.decode(&caller(0, 1))?;
    let mut pixels = Vec::new();
    loop {
        let from = u32::try_from(pixels.len()).unwrap();
        let piece = converter.pixels(&caller(0, 1), from).unwrap();
        if piece.expose().is_empty() {
            return Ok((decoded, pixels));
        }
        pixels.extend_from_slice(piece.expose());
    }
}

fn convert(file: &[u8]) -> Result<(Decoded, Vec<u8>), ConvertError> {
    convert_in(file, PIECE_MAX)
}

/// Colours in steps, so few that a GIF keeps them.
fn sample(width: u32, height: u32) -> RgbaImage {
    let step = |at: u32, of: u32| u8::try_from(at * 5 / of * 51).unwrap();
    RgbaImage::from_fn(width, height, |x, y| {
        Rgba([step(x, width), step(y, height), step(x + y, width + height), 255])
    })
}

fn encode(picture: &RgbaImage, format: ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let picture = image::DynamicImage::ImageRgba8(picture.clone());
    match format {
        ImageFormat::Jpeg | ImageFormat::Bmp => picture.to_rgb8().write_to(&mut file, format).unwrap(),
        _ => picture.write_to(&mut file, format).unwrap(),
    }
    file.into_inner()
}

#[test]
fn every_kind_is_known_by_its_bytes_and_comes_out_as_its_pixels() {
    let picture = sample(70, 50);
    let kinds = [
        (ImageFormat::Png, FileKind::Png),
        (ImageFormat::Gif, FileKind::Gif),
        (ImageFormat::Bmp, FileKind::Bmp),
        (ImageFormat::WebP, FileKind::WebP),
    ];
    for (format, kind) in kinds {
        let file = encode(&picture, format);
        for piece in [1, 7, 1000, PIECE_MAX] {
            let (decoded, pixels) = convert_in(&file, piece).unwrap();
            assert_eq!(decoded, Decoded { kind, width: 70, height: 50 });
            assert_eq!(pixels, *picture.as_raw(), "{kind:?} in pieces of {piece}");
        }
    }
    let (decoded, pixels) = convert(&encode(&picture, ImageFormat::Jpeg)).unwrap();
    assert_eq!(decoded, Decoded { kind: FileKind::Jpeg, width: 70, height: 50 });
    let apart: u64 = pixels.iter().zip(picture.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(apart / (70 * 50) < 40, "{apart}");
}

/// A chunk of a PNG without a right checksum.
fn png_of(width: u32, height: u32) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    [&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..], &size, &[8, 6, 0, 0, 0], &[0; 4]].concat()
}

#[test]
fn what_is_no_picture_that_is_taken_has_an_error_that_names_it() {
    let png = encode(&sample(70, 50), ImageFormat::Png);
    let side = u32::from(SIDE_MAX);
    let cases: [(&[u8], ConvertError); 12] = [
        (b"", ConvertError::NoFile),
        (b"B", ConvertError::UnknownKind),
        (b"plain words\n", ConvertError::UnknownKind),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ConvertError::UnknownKind),
        (b"RIFF\0\0\0\0WAVE", ConvertError::UnknownKind),
        (b"BMW is no bitmap", ConvertError::Damaged),
        (&png[..png.len() / 2], ConvertError::Damaged),
        (&png[..8], ConvertError::Damaged),
        (&png_of(30_000, 30_000), ConvertError::TooManyPixels),
        (&png_of(side + 1, 1), ConvertError::TooManyPixels),
        (&png_of(PICTURE_PIXELS_MAX / side + 1, side), ConvertError::TooManyPixels),
        (&png_of(0, 5), ConvertError::NoPixels),
    ];
    for (file, error) in cases {
        assert_eq!(convert(file), Err(error), "{:?}", &file[..file.len().min(40)]);
    }
}

#[test]
fn the_largest_picture_is_taken_and_one_row_more_is_not() {
    let largest = sample(1024, 512);
    let (decoded, pixels) = convert(&encode(&largest, ImageFormat::Png)).unwrap();
    assert_eq!((decoded.width, decoded.height), (1024, 512));
    assert!(pixels == *largest.as_raw());
    let larger = encode(&sample(1024, 513), ImageFormat::Png);
    assert_eq!(convert(&larger), Err(ConvertError::TooManyPixels));
}

#[test]
fn a_file_is_bounded_and_one_that_is_too_large_ends_what_this_life_takes() {
    let mut converter = Converter::new();
    let file = vec![0; FILE_MAX as usize];
    put_all(&mut converter, &file, PIECE_MAX).unwrap();
    assert_eq!(put(&mut converter, file.len(), &[]), Ok(()));
    assert_eq!(put(&mut converter, file.len(), &[0]), Err(ConvertError::FileTooLarge));
    assert_eq!(put(&mut converter, 0, &[0]), Err(ConvertError::Used));
    assert_eq!(converter.decode(&caller(0, 1)), Err(ConvertError::Used));
}

#[test]
fn a_piece_out_of_order_changes_nothing() {
    let file = encode(&sample(9, 9), ImageFormat::Png);
    let (first, rest) = file.split_at(20);
    let mut converter = Converter::new();
    assert_eq!(put(&mut converter, 1, first), Err(ConvertError::OutOfOrder));
    put(&mut converter, 0, first).unwrap();
    for from in [0, 19, 21, u32::MAX as usize] {
        assert_eq!(put(&mut converter, from, rest), Err(ConvertError::OutOfOrder));
    }
    put(&mut converter, 20, rest).unwrap();
    assert_eq!(converter.decode(&caller(0, 1)).map(|decoded| decoded.width), Ok(9));
}

#[test]
fn a_life_converts_one_file_of_one_caller() {
    let file = encode(&sample(9, 9), ImageFormat::Png);
    let (own, other, next_life) = (caller(0, 1), caller(1, 1), caller(0, 2));
    let mut converter = Converter::new();
    assert_eq!(converter.pixels(&own, 0).unwrap_err(), ConvertError::NoPicture);
    put_all(&mut converter, &file, PIECE_MAX).unwrap();
    for stranger in [other, next_life] {
        let piece = Secret::new(Bytes::try_from([1].as_slice()).unwrap());
        let from = u32::try_from(file.len()).unwrap();
        assert_eq!(converter.put(&stranger, from, piece), Err(ConvertError::Used));
        assert_eq!(converter.decode(&stranger), Err(ConvertError::Used));
    }
    assert!(converter.decode(&own).is_ok());
    assert_eq!(converter.decode(&own), Err(ConvertError::Used));
    assert_eq!(put(&mut converter, 0, &file), Err(ConvertError::Used));
    for stranger in [other, next_life] {
        assert_eq!(converter.pixels(&stranger, 0).unwrap_err(), ConvertError::NoPicture);
    }
    let all = 9 * 9 * 4;
    assert_eq!(converter.pixels(&own, 0).unwrap().expose().len(), all.min(PIXELS_MAX));
    assert!(converter.pixels(&own, u32::try_from(all).unwrap()).unwrap().expose().is_empty());
    assert_eq!(converter.pixels(&own, u32::try_from(all + 1).unwrap()).unwrap_err(), ConvertError::BadPlace);
}

#[test]
fn after_a_file_that_was_refused_there_is_no_picture_and_no_second_try() {
    let mut converter = Converter::new();
    put(&mut converter, 0, b"no picture").unwrap();
    assert_eq!(converter.decode(&caller(0, 1)), Err(ConvertError::UnknownKind));
    assert_eq!(converter.decode(&caller(0, 1)), Err(ConvertError::Used));
    assert_eq!(put(&mut converter, 10, b"x"), Err(ConvertError::Used));
    assert_eq!(converter.pixels(&caller(0, 1), 0).unwrap_err(), ConvertError::NoPicture);
}

/// What is true of whatever comes out.
fn holds(file: &[u8]) -> Result<(), TestCaseError> {
    if let Ok((decoded, pixels)) = convert(file) {
        let area = u32::from(decoded.width) * u32::from(decoded.height);
        prop_assert!((1..=PICTURE_PIXELS_MAX).contains(&area), "{decoded:?}");
        prop_assert!(decoded.width <= SIDE_MAX && decoded.height <= SIDE_MAX, "{decoded:?}");
        prop_assert_eq!(pixels.len(), area as usize * 4);
    }
    Ok(())
}

proptest! {
    #[test]
    fn damaged_files_cost_an_error_at_most(
        kind in 0_usize..5,
        cut in 0.0..=1.0_f64,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
    ) {
        let formats =
            [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::WebP];
        let mut file = encode(&sample(23, 17), formats[kind]);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a part of a short length")]
        file.truncate((file.len() as f64 * cut) as usize);
        holds(&file)?;
    }

    #[test]
    fn bytes_behind_any_beginning_cost_an_error_at_most(
        kind in 0_usize..5,
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let begin: [&[u8]; 5] =
            [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"RIFF\x00\x02\x00\x00WEBP"];
        holds(&[begin[kind], &rest].concat())?;
    }
}
