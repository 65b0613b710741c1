//! Picture files that nobody fetched: pasted, and attached in a vault. What comes of them is decoded here, by another
//! program's code; nothing of them is left in the machine when the converter is gone; and it has no way to the network.

use base64ct::{Base64, Encoding};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use tests_e2e::canary::Canaries;
use tests_e2e::{Terminal, dump, empty_folder, plain, root, skep};

const PASSPHRASE: &str = "correct horse battery staple";
const GONE: &str = "converter is gone, and its memory with it.";
/// What the good files have beside their pixels.
const BESIDE: &[u8] = b"canary-beside-the-pixels-90c4";
/// Bytes of a line of base64.
const LINE: usize = 57;

/// Colours in steps, so few that a GIF keeps them; the corners are not alike.
fn sample(width: u32, height: u32) -> RgbaImage {
    let step = |at: u32, of: u32| u8::try_from(at * 5 / of * 51).unwrap_or(u8::MAX);
    RgbaImage::from_fn(width, height, |x, y| {
        Rgba([step(x, width), step(y, height), step(x + y, 2 * height), 255])
    })
}

fn encode(picture: &RgbaImage, format: ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let picture = DynamicImage::ImageRgba8(picture.clone());
    let written = match format {
        ImageFormat::Jpeg | ImageFormat::Bmp => picture.to_rgb8().write_to(&mut file, format),
        _ => picture.write_to(&mut file, format),
    };
    written.expect("it is written to memory");
    [file.into_inner(), BESIDE.to_vec()].concat()
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

/// A PNG that says it has so many pixels, and has so many zeros for them.
fn saying(width: u32, height: u32, zeros: usize) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let data = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; zeros], 6);
    let chunks = [chunk(b"IHDR", &header), chunk(b"IDAT", &data), chunk(b"IEND", b"")].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks].concat()
}

fn lines_of(file: &[u8]) -> Vec<String> {
    file.chunks(LINE).map(Base64::encode_string).collect()
}

/// Types a command and pastes a file.
fn paste(t: &mut Terminal, command: &str, file: &[u8]) -> String {
    let lines = lines_of(file);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    plain(&t.paste_command(command, &[], &lines))
}

/// The file of this name between two lines of dashes.
fn file_of(shown: &str, name: &str) -> Vec<u8> {
    let (begin, end) =
        (format!("-----BEGIN SKEP FILE {name}-----\n"), format!("-----END SKEP FILE {name}-----\n"));
    let (_, rest) = shown.split_once(&begin).unwrap_or_else(|| panic!("no file in:\n{shown}"));
    let (lines, _) = rest.split_once(&end).unwrap_or_else(|| panic!("no end of the file in:\n{shown}"));
    Base64::decode_vec(&lines.replace('\n', "")).expect("base64")
}

/// A clean file with these pixels and nothing else of the original.
fn assert_clean(clean: &[u8], expected: &RgbaImage, what: &str) {
    let decoded = image::load_from_memory_with_format(clean, ImageFormat::Png).expect("a PNG").to_rgba8();
    assert_eq!(decoded.dimensions(), expected.dimensions(), "{what}");
    assert!(decoded == *expected, "{what}: other pixels");
    assert_eq!(memchr::memmem::find(clean, BESIDE), None, "{what}: more than pixels came along");
}

/// Every kind of file with what it shows. What a JPEG's pixels are is not exact in the standard, so the same decoder is asked.
fn every_kind(picture: &RgbaImage) -> Vec<(&'static str, Vec<u8>, RgbaImage)> {
    let kind = |name, format| (name, encode(picture, format), picture.clone());
    let jpeg = encode(picture, ImageFormat::Jpeg);
    let decoded = image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).expect("a JPEG").to_rgba8();
    vec![
        kind("a PNG", ImageFormat::Png),
        kind("a GIF", ImageFormat::Gif),
        kind("a BMP", ImageFormat::Bmp),
        kind("a WebP", ImageFormat::WebP),
        ("a JPEG", jpeg, decoded),
    ]
}

#[test]
fn pasted_and_attached_pictures_come_anew_from_their_pixels_alone() {
    let mut t = Terminal::run("desktop");

    // The running tables show no way from the converter to anybody.
    for target in ["netvm", "vault", "vault-work", "storage", "console"] {
        let reach = plain(&t.command(&format!("policy who-can-reach {target}")));
        assert!(reach.contains("can reach") && !reach.contains("converter"), "{target}: {reach}");
    }
    let reach = plain(&t.command("policy who-can-reach converter"));
    assert!(reach.contains("No other qube can reach converter."), "{reach}");

    let picture = sample(60, 44);
    for (kind, file, expected) in every_kind(&picture) {
        let shown = paste(&mut t, "convert photo.jpg", &file);
        assert!(
            shown.contains(GONE) && shown.contains(&format!("It was {kind} of 60 by 44 pixels")),
            "{shown}"
        );
        assert_clean(&file_of(&shown, "photo.safe.png"), &expected, kind);
    }
    let largest = sample(1024, 512);
    let shown = paste(&mut t, "convert largest.webp", &encode(&largest, ImageFormat::WebP));
    assert_clean(&file_of(&shown, "largest.safe.png"), &largest, "the largest");

    let png = encode(&picture, ImageFormat::Png);
    let too_many =
        "The picture has more than 524288 pixels, or a side of more than 8192: make it smaller first.";
    let damaged = "The picture is damaged or cut short: get it once more.";
    for (file, sentence) in [
        (png[..png.len() / 2].to_vec(), damaged),
        (saying(30_000, 30_000, 0), too_many),
        (encode(&sample(1024, 513), ImageFormat::Png), too_many),
        // 64 MiB of zeros for one pixel, by deflate's own run lengths.
        (saying(1, 1, 64 << 20), damaged),
        (saying(400, 400, 1000), damaged),
        (b"just words\n".to_vec(), "That is no picture that is taken: PNG, JPEG, GIF, BMP and WebP are"),
        (Vec::new(), "The file is empty."),
    ] {
        let shown = paste(&mut t, "convert bad.png", &file);
        assert!(shown.contains(sentence) && shown.contains(GONE), "{sentence}: {shown}");
        assert!(!shown.contains("SKEP FILE"), "{shown}");
    }

    // In a vault, and in a clone of it.
    let _ = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    assert!(t.secret_command("add passport --user me", &["s3cret", "s3cret"]).contains("Added"));
    let webp = encode(&picture, ImageFormat::WebP);
    assert!(paste(&mut t, "vault attach passport photo.webp", &webp).contains("Attached"));
    assert!(paste(&mut t, "vault attach passport notes.txt", b"just words\n").contains("Attached"));
    let refused = plain(&t.command("vault convert passport notes.txt"));
    assert!(refused.contains("That is no picture that is taken") && refused.contains(GONE), "{refused}");
    let cloned = t.secret_command("clone vault vault-work", &["another", "another"]);
    assert!(cloned.contains("1 entry"), "{cloned}");
    for vault in ["vault", "vault-work"] {
        let said = plain(&t.command(&format!("{vault} convert passport photo.webp")));
        let attached = "Attached 'photo.safe.png' to 'passport'; 'photo.webp' is as it was.";
        assert!(said.contains(GONE) && said.contains("It was a WebP") && said.contains(attached), "{said}");
        let shown = plain(&t.command(&format!("{vault} fetch passport photo.safe.png")));
        assert_clean(&file_of(&shown, "photo.safe.png"), &picture, vault);
        let shown = plain(&t.command(&format!("{vault} fetch passport photo.webp")));
        assert_eq!(file_of(&shown, "photo.webp"), webp, "the original stays");
        let again = plain(&t.command(&format!("{vault} convert passport photo.webp")));
        assert!(again.contains("has 'photo.safe.png' already, and nothing was done."), "{again}");
    }
    assert_eq!(t.power_off().0, 0);
}

/// A terminal, a vault in memory, and a converter, small enough that all its memory is looked at.
const SYSTEM: &str = r#"name = "convert"
memory = "192MiB"
qubes = [
    { path = "../../unikernels/console", memory = "16MiB" },
    "../../vault-app/qube",
    { path = "../../unikernels/converter", disposable = true },
]
policy = '''
vault.*        console  vault        allow
vault-files.*  console  vault        allow
convert.*      console  converter    allow
ctl.tap        @anyvm   @supervisor  deny
ctl.tapped     @anyvm   @supervisor  deny
ctl.*          console  @supervisor  allow
log.*          console  @supervisor  allow
'''
[[channel]]
client = "console"
server = "vault"
service = "vault"
[[channel]]
client = "console"
server = "vault"
service = "vault-files"
[[channel]]
client = "console"
server = "converter"
service = "convert"
depth = 2
[[channel]]
client = "console"
server = "@supervisor"
service = "ctl"
[[channel]]
client = "console"
server = "@supervisor"
service = "log"
"#;

/// Nothing keeps this from being found: it is on the screen.
const MARKER: &str = "planted-marker-7be12a";
/// Canaries in each file, in its pixels and beside them.
const EACH: usize = 40;

/// A BMP whose pixels are canaries, with more of them behind it.
fn planted(canaries: &mut Canaries, name: &str) -> Vec<u8> {
    let mut plant = |what: &str| -> Vec<u8> {
        let canaries = (0..EACH).map(|number| canaries.plant(&format!("{name} {what} {number}")));
        canaries.collect::<String>().into_bytes()
    };
    let pixels = plant("pixels");
    let picture =
        image::RgbImage::from_raw(8, u32::try_from(EACH).expect("few"), pixels).expect("24 bytes a row");
    let mut file = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Bmp).expect("it is written to memory");
    [file.into_inner(), plant("beside")].concat()
}

#[test]
fn nothing_of_a_file_is_left_in_the_machine_when_its_converter_is_gone() {
    let folder = empty_folder("convert-file");
    let (socket, file) = (folder.join("qmp.sock"), folder.join("memory.bin"));
    let manifest = folder.join("system.toml");
    std::fs::write(&manifest, SYSTEM.replace("../..", &root().display().to_string())).expect("the manifest");
    let (manifest, image) = (manifest.display().to_string(), folder.join("system.img"));
    let mut t = Terminal::prepare(|| {
        let built = skep(&["image", &manifest, "-o", &image.to_string_lossy()]).output().expect("cargo runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let qmp = format!("unix:{},server=on,wait=off", socket.display());
        skep(&["run", &manifest, "--no-color", "--", "-qmp", &qmp])
    });
    let _ = t.command(&format!("say nobody {MARKER}"));
    let mut canaries = Canaries::new();
    let look = |canaries: &Canaries, when: &str| {
        let memory = dump(&socket, &file);
        let is_there = memchr::memmem::find(&memory, MARKER.as_bytes()).is_some();
        assert!(is_there, "{when}: the search does not find what is no secret");
        canaries.found(&memory).into_iter().map(|(name, at)| (name.to_owned(), at)).collect::<Vec<_>>()
    };
    let assert_none = |canaries: &Canaries, when: &str| {
        let found = look(canaries, when);
        assert!(found.is_empty(), "{when}: {} canaries, first {:?}", found.len(), found.first());
    };

    let good = planted(&mut canaries, "good");
    let shown = paste(&mut t, "convert photo.bmp", &good);
    assert!(shown.contains(GONE), "{shown}");
    let clean = image::load_from_memory(&file_of(&shown, "photo.safe.png")).expect("a PNG").to_rgb8();
    assert!(clean == image::load_from_memory(&good).expect("a BMP").to_rgb8(), "other pixels");
    assert_none(&canaries, "after a good file");

    let mut damaged = planted(&mut canaries, "damaged");
    damaged.truncate(500);
    assert!(paste(&mut t, "convert bad.bmp", &damaged).contains(GONE));
    assert_none(&canaries, "after a damaged file");

    // Given up in the middle, and killed with the file in it.
    let cancelled = planted(&mut canaries, "cancelled");
    t.keys("convert photo.bmp\r");
    t.until("a single dot");
    for line in lines_of(&[cancelled.as_slice(), &[0; 9000]].concat()) {
        t.keys(&format!("{line}\r"));
    }
    t.until("8 KiB ...");
    assert!(!look(&canaries, "in the middle").is_empty(), "the search finds nothing of a file that is there");
    t.keys("\x03");
    t.until(GONE);
    t.until("skep> ");
    assert_none(&canaries, "after Ctrl-C");

    // A vault has what is attached to it, until it is locked.
    let attached = planted(&mut canaries, "attached");
    let _ = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    assert!(t.secret_command("add passport --user me", &["s3cret", "s3cret"]).contains("Added"));
    assert!(paste(&mut t, "vault attach passport photo.bmp", &attached).contains("Attached"));
    let said = plain(&t.command("vault convert passport photo.bmp"));
    assert!(said.contains(GONE) && said.contains("Attached 'photo.safe.png'"), "{said}");
    let _ = t.command("vault lock");
    assert_none(&canaries, "after a file of a vault that is locked");

    assert!(canaries.count() >= 8 * EACH);
    let log = plain(&t.command("log"));
    assert!(log.contains("converter"), "{log}");
    canaries.assert_none(log.as_bytes(), "in the log");
    assert_eq!(t.power_off().0, 0);
}
