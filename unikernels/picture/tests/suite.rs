//! PngSuite by Willem van Schaik, all of it: every kind of PNG that there is, and fourteen that are none. Its
//! licence stands beside the files.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use std::io::Cursor;
use std::path::Path;

use png::{ColorType, Decoder, Transformations};
use unikernels_picture::{Format, Limits, Picture, PictureError, decode, to_png};

/// No picture of the suite has a longer side.
const LIMITS: Limits = Limits { side_max: 40, pixels_max: 1600 };
/// Good files, and damaged ones, whose names begin with an x.
const GOOD: usize = 160;
const DAMAGED: usize = 14;

fn files(is_damaged: bool) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pngsuite");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "png"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .filter(|(name, _)| name.starts_with('x') == is_damaged)
        .collect();
    files.sort();
    files
}

/// What the `png` crate makes of a file, 16 bits cut to 8.
fn second_opinion(file: &[u8]) -> Result<Picture, png::DecodingError> {
    let mut decoder = Decoder::new(Cursor::new(file));
    decoder.set_transformations(Transformations::STRIP_16 | Transformations::EXPAND);
    let mut reader = decoder.read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels)?;
    pixels.truncate(frame.buffer_size());
    let rgba: Vec<u8> = match frame.color_type {
        ColorType::Rgba => pixels,
        ColorType::Rgb => pixels.chunks(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect(),
        ColorType::GrayscaleAlpha => pixels.chunks(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect(),
        ColorType::Grayscale => pixels.iter().flat_map(|grey| [*grey, *grey, *grey, 255]).collect(),
        ColorType::Indexed => unreachable!("expanded"),
    };
    Ok(Picture::new(frame.width as usize, frame.height as usize, rgba, &LIMITS).unwrap())
}

#[test]
fn every_good_file_is_the_same_picture_to_another_decoder() {
    let files = files(false);
    assert_eq!(files.len(), GOOD);
    let mut others = Vec::new();
    for (name, file) in files {
        let ours = decode(Format::Png, &file, &LIMITS).unwrap_or_else(|why| panic!("{name}: {why}"));
        let theirs = second_opinion(&file).unwrap();
        let place = ours.rgba().iter().zip(theirs.rgba()).position(|(a, b)| a != b);
        if ours != theirs {
            others.push((name, place));
            continue;
        }
        assert_eq!(decode(Format::Png, &to_png(&ours), &LIMITS), Ok(ours), "{name}");
    }
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn every_damaged_file_is_refused() {
    let files = files(true);
    assert_eq!(files.len(), DAMAGED);
    let kept: Vec<_> = files
        .iter()
        .map(|(name, file)| (name, decode(Format::Png, file, &LIMITS).map(|_| ())))
        .filter(|(_, result)| *result != Err(PictureError::Damaged))
        .collect();
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn every_file_cut_anywhere_or_over_the_limits_is_refused_or_bounded() {
    for (name, file) in files(false) {
        let picture = decode(Format::Png, &file, &LIMITS).unwrap();
        let few = Limits { pixels_max: picture.width() * picture.height() - 1, ..LIMITS };

        assert_eq!(decode(Format::Png, &file, &few), Err(PictureError::TooLarge), "{name}");
        for len in (0..file.len()).step_by(7) {
            if let Ok(cut) = decode(Format::Png, &file[..len], &LIMITS) {
                assert_eq!((cut.width(), cut.height()), (picture.width(), picture.height()), "{name}");
            }
        }
    }
}
