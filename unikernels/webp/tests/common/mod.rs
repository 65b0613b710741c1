//! Files, and what another decoder makes of them.

#![allow(dead_code, reason = "each test uses its part")]

use std::io::Cursor;
use std::path::Path;

use image_webp::{ColorType, WebPDecoder, WebPEncoder};
use unikernels_webp::{Bitmap, Limits};

/// More than any of the files needs.
pub(crate) const LIMITS: Limits = Limits { side_max: 1000, pixels_max: 100_000, memory_max: 4 << 20 };

/// The committed files by their names. They were made by `cwebp` 1.2.4 of drawings that were computed.
pub(crate) fn files() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// What `image-webp` makes of a file, or says of it.
pub(crate) fn second_opinion(file: &[u8]) -> Result<Bitmap, String> {
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(|why| why.to_string())?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut pixels).map_err(|why| why.to_string())?;
    let rgba = if decoder.has_alpha() {
        pixels
    } else {
        pixels.chunks(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect()
    };
    Ok(Bitmap { width, height, rgba })
}

/// A lossless file by another encoder.
pub(crate) fn encode(width: u32, height: u32, colour: ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    WebPEncoder::new(&mut file).encode(pixels, width, height, colour).unwrap();
    file
}

/// A picture with smooth parts and edges, of so many bytes a pixel.
pub(crate) fn drawing(width: u32, height: u32, bytes: u32) -> Vec<u8> {
    let byte = |x: u32, y: u32, channel: u32| match channel {
        0 => x * 4,
        1 => y * 5 + if (x / 5 + y / 4).is_multiple_of(3) { 200 } else { 0 },
        2 => x * y,
        _ => y * 90 + x,
    };
    let channels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    channels
        .flat_map(|(x, y)| (0..bytes).map(move |channel| u8::try_from(byte(x, y, channel) % 256).unwrap()))
        .collect()
}

/// A file with the chunks of this content, each by its name.
pub(crate) fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut content = b"WEBP".to_vec();
    for (name, data) in chunks {
        content.extend_from_slice(*name);
        content.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        content.extend_from_slice(data);
        content.extend(vec![0; data.len() % 2]);
    }
    [b"RIFF".as_slice(), &u32::try_from(content.len()).unwrap().to_le_bytes(), &content].concat()
}
