//! Good files are the same pixels to a decoder that is not ours.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use common::{LIMITS, drawing, encode, files, second_opinion};
use image_webp::ColorType;
use proptest::prelude::*;
use unikernels_webp::{Bitmap, decode};

/// The first pixel that is not the same.
fn check(name: &str, ours: &Bitmap, theirs: &Bitmap) {
    assert_eq!((ours.width, ours.height), (theirs.width, theirs.height), "{name}");
    assert_eq!(ours.rgba.len(), theirs.rgba.len(), "{name}");
    for (at, (a, b)) in ours.rgba.chunks(4).zip(theirs.rgba.chunks(4)).enumerate() {
        assert_eq!(a, b, "{name}: x {}, y {}", at % ours.width, at / ours.width);
    }
}

/// The other decoder puts pictures of an animation onto its canvas by their transparency: what cannot be seen
/// loses its colour, and the rest may differ by the rounding.
fn blended(ours: &Bitmap, theirs: &mut Bitmap) {
    for (a, b) in ours.rgba.chunks(4).zip(theirs.rgba.chunks_mut(4)) {
        let close = a.iter().zip(b.iter()).all(|(a, b)| a.abs_diff(*b) <= 1);
        if a[3] == b[3] && (a[3] == 0 || close) {
            b.copy_from_slice(a);
        }
    }
}

#[test]
fn files_of_libwebp_look_as_to_another_decoder() {
    let files = files();
    assert!(files.len() >= 11, "{}", files.len());
    for (name, file) in files {
        let ours = decode(&file, &LIMITS).unwrap_or_else(|why| panic!("{name}: {why}"));
        let mut theirs = second_opinion(&file).unwrap();
        if name.starts_with("animated") {
            blended(&ours, &mut theirs);
        }
        check(&name, &ours, &theirs);
    }
}

#[test]
fn files_of_another_encoder_are_the_pixels_that_it_got() {
    let kinds = [(ColorType::Rgb8, 3), (ColorType::Rgba8, 4), (ColorType::L8, 1), (ColorType::La8, 2)];
    for (width, height) in [(1, 1), (1, 9), (31, 1), (17, 15), (64, 48), (130, 70)] {
        for (colour, bytes) in kinds {
            let pixels = drawing(width, height, bytes);
            let ours = decode(&encode(width, height, colour, &pixels), &LIMITS).unwrap();
            let rgba = pixels.chunks(bytes as usize).flat_map(|pixel| match *pixel {
                [red, green, blue] => [red, green, blue, 255],
                [red, green, blue, alpha] => [red, green, blue, alpha],
                [grey, alpha] => [grey, grey, grey, alpha],
                _ => [pixel[0], pixel[0], pixel[0], 255],
            });
            let (width, height) = (width as usize, height as usize);
            check("encoded", &ours, &Bitmap { width, height, rgba: rgba.collect() });
        }
    }
}

proptest! {
    #[test]
    fn any_pixels_survive_another_encoder(
        (width, height) in (1u32..24, 1u32..24),
        seed in any::<u64>(),
        colours in 1u64..300,
    ) {
        let pixels: Vec<u8> = (0..u64::from(width * height))
            .flat_map(|at| {
                let place = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed;
                (place.rotate_left(23) % colours).wrapping_mul(seed | 1).to_le_bytes().into_iter().take(4)
            })
            .collect();
        let ours = decode(&encode(width, height, ColorType::Rgba8, &pixels), &LIMITS).unwrap();
        prop_assert_eq!(ours.rgba, pixels);
    }
}
