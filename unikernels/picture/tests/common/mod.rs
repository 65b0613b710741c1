//! Files made by encoders that are not ours.

#![allow(dead_code, reason = "each test uses its part")]

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, ImageFormat, RgbaImage};
use unikernels_picture::Format;

/// A picture with smooth parts, edges and, on its right, half of it transparent.
pub(crate) fn sample(width: u32, height: u32) -> DynamicImage {
    let pixel = |x: u32, y: u32| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap();
        let alpha = if x * 3 > width * 2 { byte(y * 90) } else { 255 };
        let edge = if (x / 5 + y / 4).is_multiple_of(3) { 200 } else { 0 };
        image::Rgba([byte(x * 4), byte(y * 5 + edge), byte(x * y), alpha])
    };
    DynamicImage::ImageRgba8(RgbaImage::from_fn(width, height, pixel))
}

pub(crate) fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// A GIF, whose encoder wants only some of the colours there are.
pub(crate) fn gif(image: &DynamicImage) -> Vec<u8> {
    let mut file = Vec::new();
    GifEncoder::new(&mut file).encode_frame(image::Frame::new(image.to_rgba8())).unwrap();
    file
}

/// One small file of every format and depth.
pub(crate) fn files(width: u32, height: u32) -> Vec<(&'static str, Format, Vec<u8>)> {
    let image = sample(width, height);
    let opaque = DynamicImage::ImageRgb8(image.to_rgb8());
    let grey = DynamicImage::ImageLuma8(image.to_luma8());
    vec![
        ("PNG with alpha", Format::Png, encode(&image, ImageFormat::Png)),
        ("PNG", Format::Png, encode(&opaque, ImageFormat::Png)),
        ("grey PNG", Format::Png, encode(&grey, ImageFormat::Png)),
        ("grey PNG with alpha", Format::Png, encode(&image.to_luma_alpha8().into(), ImageFormat::Png)),
        ("PNG of 16 bits", Format::Png, encode(&image.to_rgba16().into(), ImageFormat::Png)),
        ("grey PNG of 16 bits", Format::Png, encode(&image.to_luma16().into(), ImageFormat::Png)),
        ("JPEG", Format::Jpeg, encode(&opaque, ImageFormat::Jpeg)),
        ("grey JPEG", Format::Jpeg, encode(&grey, ImageFormat::Jpeg)),
        ("GIF", Format::Gif, gif(&image)),
        ("BMP", Format::Bmp, encode(&opaque, ImageFormat::Bmp)),
        ("grey BMP", Format::Bmp, encode(&grey, ImageFormat::Bmp)),
        ("WebP", Format::WebP, encode(&opaque, ImageFormat::WebP)),
        ("WebP with alpha", Format::WebP, encode(&image, ImageFormat::WebP)),
        ("interlaced GIF", Format::Gif, interlaced_gif()),
    ]
}

/// A BMP of run-length coded bytes (BI_RLE8), written by hand: rows of one colour each.
pub(crate) fn packed_bmp(width: u32, height: u32) -> Vec<u8> {
    let mut data = Vec::new();
    for y in 0..height {
        data.extend([u8::try_from(width).unwrap(), u8::try_from(y % 4).unwrap(), 0, 0]);
    }
    data.extend([0, 1]);
    let palette = [[0, 0, 0, 0], [0, 0, 255, 0], [0, 255, 0, 0], [255, 0, 0, 0]].repeat(64).concat();
    let offset = 54 + u32::try_from(palette.len()).unwrap();
    let len = u32::try_from(data.len()).unwrap();
    let mut file = b"BM".to_vec();
    for word in [offset + len, 0, offset, 40, width, height] {
        file.extend(word.to_le_bytes());
    }
    file.extend([1, 0, 8, 0]);
    for word in [1, len, 0, 0, 256, 0] {
        file.extend(u32::to_le_bytes(word));
    }
    [file, palette, data].concat()
}

/// Eleven rows of seven pixels, each row of its own colour, interlaced, and off the screen's corner by one.
pub(crate) fn interlaced_gif() -> Vec<u8> {
    let rows = [0u8, 8, 4, 2, 6, 10, 1, 3, 5, 7, 9];
    let indexes: Vec<u8> = rows.iter().flat_map(|row| [*row; 7]).collect();
    let data = weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 4).encode(&indexes).unwrap();
    let mut file = b"GIF89a\x08\0\x0c\0\xb3\0\0".to_vec();
    file.extend((0..16u8).flat_map(|index| [index * 16, 255 - index, index]));
    file.extend(b"!\xf9\x04\x01\0\0\x03\0");
    file.extend(b",\x01\0\x01\0\x07\0\x0b\0\x40\x04");
    for block in data.chunks(5) {
        file.push(u8::try_from(block.len()).unwrap());
        file.extend_from_slice(block);
    }
    file.extend(b"\0;");
    file
}
