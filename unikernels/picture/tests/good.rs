//! Good files against decoders that are not ours, and what becomes of them.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use common::{files, sample};
use proptest::prelude::*;
use unikernels_picture::{Cell, Cells, Colours, Format, Limits, Picture, PictureError, decode, to_png};

/// What `image` makes of a file; of a JPEG, `jpeg-decoder`, because `image` uses the decoder that we use.
fn second_opinion(format: Format, file: &[u8]) -> image::RgbaImage {
    let format = match format {
        Format::Png => image::ImageFormat::Png,
        Format::Gif => image::ImageFormat::Gif,
        Format::Bmp => image::ImageFormat::Bmp,
        Format::WebP => image::ImageFormat::WebP,
        Format::Jpeg => {
            let mut decoder = jpeg_decoder::Decoder::new(file);
            let pixels = decoder.decode().unwrap();
            let info = decoder.info().unwrap();
            let (width, height) = (u32::from(info.width), u32::from(info.height));
            return match info.pixel_format {
                jpeg_decoder::PixelFormat::L8 => image::DynamicImage::ImageLuma8(
                    image::ImageBuffer::from_raw(width, height, pixels).unwrap(),
                ),
                _ => image::DynamicImage::ImageRgb8(
                    image::ImageBuffer::from_raw(width, height, pixels).unwrap(),
                ),
            }
            .to_rgba8();
        }
    };
    image::load_from_memory_with_format(file, format).unwrap().to_rgba8()
}

#[test]
fn good_files_look_as_to_other_decoders() {
    for (width, height) in [(1, 1), (7, 5), (64, 48), (33, 100)] {
        for (name, format, file) in files(width, height) {
            let picture =
                decode(format, &file, &Limits::default()).unwrap_or_else(|why| panic!("{name}: {why}"));
            let other = second_opinion(format, &file);
            assert_eq!(
                (picture.width(), picture.height()),
                (other.width() as usize, other.height() as usize),
                "{name}"
            );
            // JPEG leaves rounding to its decoders, and 16 bits are cut by ours and rounded by the other.
            let distance_max = match format {
                Format::Jpeg => 3,
                _ => u8::from(name.ends_with("16 bits")),
            };
            for (at, (ours, theirs)) in picture.rgba().chunks(4).zip(other.pixels()).enumerate() {
                let same = ours.iter().zip(theirs.0).all(|(a, b)| a.abs_diff(b) <= distance_max);
                // What cannot be seen has no colour.
                let unseen = ours[3] == 0 && theirs.0[3] == 0;
                assert!(same || unseen, "{name} {width}x{height}, pixel {at}: {ours:?} and {:?}", theirs.0);
            }
        }
    }
}

#[test]
fn what_is_encoded_anew_is_the_same_picture_to_other_decoders() {
    for (name, format, file) in files(33, 40) {
        let picture = decode(format, &file, &Limits::default()).unwrap();
        let clean = to_png(&picture);
        assert_eq!(second_opinion(Format::Png, &clean).into_raw(), picture.rgba(), "{name}");
        assert_eq!(decode(Format::Png, &clean, &Limits::default()), Ok(picture), "{name}");
    }
}

#[test]
fn a_clean_file_holds_pixels_and_nothing_else() {
    let picture =
        decode(Format::Png, &common::encode(&sample(9, 9), image::ImageFormat::Png), &Limits::default());
    let file = to_png(&picture.unwrap());
    let mut rest = &file[8..];
    let mut names = Vec::new();
    while let Some((len, behind)) = rest.split_first_chunk::<4>() {
        names.push(String::from_utf8(behind[..4].to_vec()).unwrap());
        rest = &behind[8 + u32::from_be_bytes(*len) as usize..];
    }
    assert_eq!(names, ["IHDR", "IDAT", "IEND"]);
}

proptest! {
    #[test]
    fn any_bitmap_survives_being_encoded(
        (width, height) in (1usize..20, 1usize..20),
        seed in any::<u64>(),
        opaque: bool,
    ) {
        let bytes = (0..width * height * 4).map(|at| {
            let mixed = seed.wrapping_mul(at as u64 * 2 + 1).rotate_left(17) ^ seed;
            if opaque && at % 4 == 3 { 255 } else { mixed.to_le_bytes()[3] }
        });
        let picture = Picture::new(width, height, bytes.collect(), &Limits::default()).unwrap();
        prop_assert_eq!(second_opinion(Format::Png, &to_png(&picture)).into_raw(), picture.rgba());
    }
}

#[test]
fn a_bitmap_of_another_qube_is_checked() {
    let limits = Limits { side_max: 10, pixels_max: 50 };
    assert_eq!(Picture::new(2, 2, vec![0; 15], &limits), Err(PictureError::Length));
    assert_eq!(Picture::new(2, 2, vec![0; 17], &limits), Err(PictureError::Length));
    assert_eq!(Picture::new(0, 2, vec![], &limits), Err(PictureError::Empty));
    assert_eq!(Picture::new(11, 1, vec![0; 44], &limits), Err(PictureError::TooLarge));
    assert_eq!(Picture::new(8, 8, vec![0; 256], &limits), Err(PictureError::TooLarge));
    assert_eq!(Picture::new(usize::MAX, usize::MAX, vec![], &Limits::default()), Err(PictureError::TooLarge));
    assert!(Picture::new(2, 2, vec![0; 16], &limits).is_ok());
}

fn cells(width: usize, height: usize, rgba: Vec<u8>, columns: usize, rows: usize) -> Cells {
    let picture = Picture::new(width, height, rgba, &Limits::default()).unwrap();
    Cells::new(&picture, columns, rows, [0, 0, 0])
}

#[test]
fn cells_are_two_pixels_above_each_other() {
    let pixels =
        [[255, 0, 0, 255], [0, 0, 0, 0], [0, 0, 255, 255], [0, 255, 0, 128], [9, 9, 9, 255], [8, 8, 8, 255]];
    let small = cells(2, 3, pixels.concat(), 80, 24);
    let rows: Vec<&[Cell]> = small.rows().collect();
    let cell = |upper, lower| Cell { upper, lower };
    assert_eq!(rows[0], [cell([255, 0, 0], [0, 0, 255]), cell([0, 0, 0], [0, 128, 0])]);
    assert_eq!(rows[1], [cell([9, 9, 9], [0, 0, 0]), cell([8, 8, 8], [0, 0, 0])]);
    let mut text = String::new();
    small.write(Colours::True, &mut text).unwrap();
    assert!(text.starts_with("\u{1b}[38;2;255;0;0m\u{1b}[48;2;0;0;255m▀\u{1b}[38;2;0;0;0m"), "{text:?}");
    text.clear();
    cells(2, 2, [[255; 4]; 4].concat(), 80, 24).write(Colours::Cube, &mut text).unwrap();
    assert_eq!(text, "\u{1b}[38;5;231m\u{1b}[48;5;231m▀▀\u{1b}[0m\n");
    text.clear();
    cells(2, 2, [[255; 4], [0, 0, 0, 255], [255; 4], [255; 4]].concat(), 80, 24)
        .write(Colours::None, &mut text)
        .unwrap();
    assert_eq!(text, "@=\n");
}

#[test]
fn pictures_shrink_until_they_fit_and_keep_their_shape() {
    let cases = [
        ((100, 100), (80, 24), (48, 24)),
        ((1000, 10), (80, 24), (80, 1)),
        ((10, 1000), (80, 24), (1, 24)),
        ((80, 48), (80, 24), (80, 24)),
        ((3, 3), (80, 24), (3, 2)),
        ((8192, 1), (1, 1), (1, 1)),
        ((5, 5), (0, 0), (1, 1)),
    ];
    for ((width, height), (columns, rows), expected) in cases {
        let shrunk = cells(width, height, [10, 20, 30, 255].repeat(width * height), columns, rows);
        assert_eq!((shrunk.columns(), shrunk.rows().count()), expected, "{width}x{height}");
        assert!(shrunk.rows().flatten().all(|cell| cell.upper == [10, 20, 30]));
    }
}
