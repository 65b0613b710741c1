//! Pictures of strangers at the terminal: what `convert` shows is decoded here, by another program's code, and has the pixels
//! of the original and nothing else of it. What is no good picture ends its disposable and nothing more. And a page that is
//! longer than the screen.

use std::path::Path;

use base64ct::{Base64, Encoding};
use image::{ImageFormat, Rgba, RgbaImage};
use tests_e2e::{Server, Terminal, empty_folder, plain};

/// What all the files below have somewhere beside their pixels.
const CANARY: &str = "canary-beside-the-pixels-6ad1";
/// What stands before and after the lines of a file.
const BEGIN: &str = "-----BEGIN SKEP FILE clean.png-----\n";
const END: &str = "-----END SKEP FILE clean.png-----\n";

/// Colours in steps, so few that a GIF keeps them; the corners are not alike.
fn sample(width: u32, height: u32) -> RgbaImage {
    let step = |at: u32, of: u32| u8::try_from(at * 5 / of * 51).unwrap_or(u8::MAX);
    RgbaImage::from_fn(width, height, |x, y| {
        Rgba([step(x, width), step(y, height), step(x + y, 2 * height), 255])
    })
}

fn encode(picture: &RgbaImage, format: ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let picture = image::DynamicImage::ImageRgba8(picture.clone());
    let written = match format {
        ImageFormat::Jpeg | ImageFormat::Bmp => picture.to_rgb8().write_to(&mut file, format),
        _ => picture.write_to(&mut file, format),
    };
    written.expect("it is written to memory");
    file.into_inner()
}

/// A chunk of a PNG (PNG 3rd edition, 5.3).
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in kind.iter().chain(data) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let length = u32::try_from(data.len()).expect("a short chunk");
    [&length.to_be_bytes()[..], kind, data, &(!crc).to_be_bytes()].concat()
}

/// So many zeros, as deflate packs them.
fn bomb(zeros: usize) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; zeros], 6)
}

/// A PNG with a comment, which is not part of its pixels.
fn with_canary(png: &[u8]) -> Vec<u8> {
    // Behind the signature and the header.
    let (head, rest) = png.split_at(8 + 25);
    [head, &chunk(b"tEXt", format!("Comment\0{CANARY}").as_bytes()), rest].concat()
}

/// A PNG that says it has so many pixels, and has other data.
fn saying(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), &chunk(b"IDAT", data), &chunk(b"IEND", b"")]
        .concat()
}

/// The file between the dashes of what was shown.
fn file_of(shown: &str) -> Vec<u8> {
    let (_, rest) = shown.split_once(BEGIN).unwrap_or_else(|| panic!("no file in:\n{shown}"));
    let (lines, _) = rest.split_once(END).unwrap_or_else(|| panic!("no end of the file in:\n{shown}"));
    Base64::decode_vec(&lines.replace('\n', "")).expect("base64")
}

/// The system, a server with the files of a folder, and what they are called there.
struct Story<'a> {
    t: Terminal,
    server: Server,
    folder: &'a Path,
}

impl Story<'_> {
    fn convert(&mut self, name: &str, file: &[u8]) -> String {
        std::fs::write(self.folder.join(name), file).expect("the file");
        plain(&self.t.command(&format!("convert http://10.0.2.2:{}/{name} clean.png", self.server.port)))
    }

    /// A good file, and what it looks like.
    fn check(&mut self, name: &str, file: &[u8], expected: &RgbaImage) {
        let shown = self.convert(name, file);
        assert!(shown.contains(" is gone, and its memory with it."), "{name}: {shown}\n{:?}", self.t.seen);
        let clean = file_of(&shown);
        let decoded =
            image::load_from_memory_with_format(&clean, ImageFormat::Png).expect("a PNG").to_rgba8();
        assert_eq!(decoded.dimensions(), expected.dimensions(), "{name}");
        assert!(decoded == *expected, "{name}: other pixels");
        let kept = memchr::memmem::find(&clean, CANARY.as_bytes());
        assert_eq!(kept, None, "{name}: a part of the file that is no pixel came along");
    }

    /// What is no good picture: the sentence, no file, and the disposable is gone.
    fn refused(&mut self, name: &str, file: &[u8], sentence: &str) {
        let shown = self.convert(name, file);
        assert!(shown.contains(sentence), "{name}: {shown}\n{:?}", self.t.seen);
        assert!(shown.contains(" is gone, and its memory with it."), "{name}: {shown}\n{:?}", self.t.seen);
        assert!(!shown.contains("SKEP FILE"), "{name}: {shown}\n{:?}", self.t.seen);
    }
}

/// A page longer than the screen stops, and goes on as the person says.
fn long_page(story: &mut Story<'_>) {
    let rows: String = (1..=100).map(|row| format!("line {row} of a long page\n")).collect();
    std::fs::write(story.folder.join("long.txt"), rows).expect("the page");
    let t = &mut story.t;
    t.keys(&format!("open http://10.0.2.2:{}/long.txt\r", story.server.port));
    for (last, key) in [(23, " "), (46, "\r"), (69, "a")] {
        t.until(&format!("line {last} of"));
        let before_choice = t.until("-- more:");
        assert!(!before_choice.contains(&format!("line {} of", last + 1)), "{before_choice}");
        t.keys(key);
    }
    t.until("line 100 of a long page");
    t.until("'close' ends this one.");
    t.until("skep> ");
    t.keys(&format!("open http://10.0.2.2:{}/long.txt\r", story.server.port));
    t.until("-- more:");
    t.keys("q");
    t.until("Stopped; the document stays open.");
    t.until("skep> ");
    let closed = plain(&t.command("close"));
    assert!(closed.contains(" is gone, and its memory with it."), "{closed}");
}

#[test]
fn a_picture_comes_anew_from_its_pixels_and_a_bad_one_ends_its_disposable_alone() {
    let folder = empty_folder("convert");
    let server = Server::files(&folder, "127.0.0.1");
    let mut story = Story { t: Terminal::run("open"), server, folder: &folder };

    let picture = sample(60, 44);
    let png = with_canary(&encode(&picture, ImageFormat::Png));
    story.check("a.png", &png, &picture);
    let mut transparent = picture.clone();
    transparent.put_pixel(3, 4, Rgba([9, 8, 7, 100]));
    story.check("transparent.png", &encode(&transparent, ImageFormat::Png), &transparent);
    story.check("a.gif", &[&encode(&picture, ImageFormat::Gif)[..], CANARY.as_bytes()].concat(), &picture);
    story.check("a.webp", &encode(&picture, ImageFormat::WebP), &picture);
    story.check("a.bmp", &[&encode(&picture, ImageFormat::Bmp)[..], CANARY.as_bytes()].concat(), &picture);
    // What a JPEG's pixels are is not exact in the standard, so the same decoder is asked; but they are near those that went in.
    let jpeg = [&encode(&picture, ImageFormat::Jpeg)[..], CANARY.as_bytes()].concat();
    let decoded = image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).expect("a JPEG").to_rgba8();
    let distance: u64 = decoded.iter().zip(picture.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(distance / (60 * 44) < 40, "{distance}");
    story.check("a.jpg", &jpeg, &decoded);
    // As large as the console takes.
    let largest = sample(1024, 512);
    story.check("largest.png", &encode(&largest, ImageFormat::Png), &largest);

    let damaged = "It can't be opened: the picture is damaged or too large.";
    story.refused("truncated.png", &png[..png.len() / 2], damaged);
    story.refused("huge.png", &saying(30_000, 30_000, b""), damaged);
    // 64 MiB of zeros for one pixel, by deflate's own run lengths.
    story.refused("bomb.png", &saying(1, 1, &bomb(64 << 20)), damaged);
    story.refused("short.png", &saying(400, 400, &bomb(1000)), damaged);
    story.refused(
        "wide.png",
        &encode(&sample(1024, 513), ImageFormat::Png),
        "The picture has 1024 by 513 pixels; 524288 are the most.",
    );
    story.refused("page.html", b"<p>no picture", "That is no picture.");
    story.refused("noise.bin", &[7; 300], "It can't be opened: it is nothing that can be shown.");
    story.refused("liar.png", b"<p>no picture", damaged);

    // The console goes on, and the next picture is as good as the first.
    story.check("again.png", &png, &picture);
    long_page(&mut story);
    assert_eq!(story.t.power_off().0, 0);
}
