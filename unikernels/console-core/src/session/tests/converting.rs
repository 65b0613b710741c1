//! Picture files at the terminal, pasted and attached: what is shown, what is attached, and that a converter has one file a life.

use super::*;
use crate::base64;
use crate::fake_converter::FakeConverter;
use crate::fake_vault::Kept;
use image::{ImageFormat, Rgba, RgbaImage};
use ipc_proto_convert_api::{ConvertError, Decoded, FILE_MAX, FileKind};
use ipc_proto_ctl_api::QubeState;
use std::io::Cursor;

const GONE: &str = "converter is gone, and its memory with it.";
const ASKED: &str =
    "Paste the picture as lines of base64, then a line with a single dot; Ctrl-C gives up. Nothing is shown.";
/// What stands in the pictures beside their pixels.
const CANARY: &[u8] = b"canary-behind-the-picture";

fn sample() -> RgbaImage {
    let step = |at: u32| u8::try_from(at * 51).unwrap();
    RgbaImage::from_fn(5, 4, |x, y| Rgba([step(x), step(y), 51, 255]))
}

fn file(format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    // Without alpha, which it does not have: not every kind of BMP with it is decoded.
    image::DynamicImage::from(sample()).to_rgb8().write_to(&mut file, format).unwrap();
    [file.into_inner(), CANARY.to_vec()].concat()
}

fn pixels_of(clean: &[u8]) -> RgbaImage {
    assert!(!clean.windows(CANARY.len()).any(|bytes| bytes == CANARY));
    image::load_from_memory_with_format(clean, ImageFormat::Png).unwrap().to_rgba8()
}

fn lines_of(content: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    base64::encode(content, &mut |line| lines.push(line.into()));
    lines
}

/// A world with a converter, and a vault whose entry `bank` has this file.
fn world(name: &str, content: &[u8]) -> FakeWorld {
    let mut world = FakeWorld::new();
    opened(&mut world);
    world.add_converter("converter");
    let kept =
        Kept { title: "bank".into(), files: std::vec![(name.into(), content.into())], ..Kept::default() };
    world.machine.borrow_mut().vault("vault").entries.push(kept);
    world
}

fn tell(world: &FakeWorld, tell: impl FnOnce(&mut FakeConverter)) {
    tell(&mut world.machine.borrow_mut().converters[0].1);
}

fn files(world: &FakeWorld) -> Vec<(String, Vec<u8>)> {
    world.machine.borrow_mut().vault("vault").entry("bank").files.clone()
}

/// The converter has ended every life it began, and is as it was.
fn assert_gone(world: &FakeWorld, lives: u32) {
    let machine = world.machine.borrow();
    let qube = machine.qubes.iter().find(|qube| qube.name == *"converter").unwrap();
    assert_eq!((qube.state, qube.generation), (QubeState::Prepared, lives));
}

/// The file between the lines of dashes.
fn shown_file(shown: &str, name: &str) -> Vec<u8> {
    let (_, rest) = shown.split_once(&format!("-----BEGIN SKEP FILE {name}-----\n")).expect(shown);
    let (lines, _) = rest.split_once(&format!("-----END SKEP FILE {name}-----\n")).expect(shown);
    let (mut decoder, mut bytes) = (base64::Decoder::default(), Vec::new());
    for line in lines.lines() {
        decoder.feed(line, &mut |piece| bytes.extend_from_slice(piece)).unwrap();
    }
    assert!(decoder.is_whole());
    bytes
}

fn paste(world: &mut FakeWorld, command: &str, content: &[u8], after: &[&str]) -> String {
    let lines = lines_of(content);
    let file = lines.iter().map(String::as_str);
    let typed: Vec<&str> =
        [command].into_iter().chain(file).chain(["."]).chain(after.iter().copied()).collect();
    play(world, &typed)
}

#[test]
fn a_pasted_picture_is_shown_anew_from_its_pixels_and_its_converter_is_gone() {
    for (format, said) in [
        (ImageFormat::Png, "a PNG"),
        (ImageFormat::Gif, "a GIF"),
        (ImageFormat::Bmp, "a BMP"),
        (ImageFormat::WebP, "a WebP"),
    ] {
        let mut world = world("none", b"");
        let content = file(format);
        let shown = paste(&mut world, "convert photo.jpg", &content, &[]);
        let lines: Vec<&str> = shown.lines().take(6).collect();
        assert_eq!(
            lines,
            [
                "skep> convert photo.jpg",
                ASKED,
                &format!("{} bytes came.", content.len()),
                GONE,
                &format!("It was {said} of 5 by 4 pixels; the PNG made of them has nothing else of it."),
                "-----BEGIN SKEP FILE photo.safe.png-----",
            ]
        );
        assert_eq!(pixels_of(&shown_file(&shown, "photo.safe.png")), sample());
        assert_gone(&world, 1);
        assert_eq!(world.machine.borrow().converters[0].1.files[0], content);
    }
}

#[test]
fn an_attached_picture_gets_a_clean_one_beside_it_and_stays() {
    let content = file(ImageFormat::WebP);
    let mut world = world("photo.webp", &content);
    let shown = play(&mut world, &["vault convert bank photo.webp"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            "skep> vault convert bank photo.webp",
            GONE,
            "It was a WebP of 5 by 4 pixels; the PNG made of them has nothing else of it.",
            "Attached 'photo.safe.png' to 'bank'; 'photo.webp' is as it was.",
        ]
    );
    let files = files(&world);
    assert_eq!(files.len(), 2);
    assert_eq!(files[0], ("photo.webp".into(), content));
    assert_eq!(files[1].0, "photo.safe.png");
    assert_eq!(pixels_of(&files[1].1), sample());
    assert_gone(&world, 1);
}

#[test]
fn another_vault_is_called_by_the_name_of_its_qube() {
    let mut world = world("a.png", b"");
    world.add_vault("vault-work");
    {
        let mut machine = world.machine.borrow_mut();
        let vault = machine.vault("vault-work");
        vault.passphrase = Some("work".into());
        vault.open = true;
        let files = std::vec![("a.png".into(), file(ImageFormat::Png)), ("b.safe.png".into(), Vec::new())];
        vault.entries.push(Kept { title: "site".into(), files, ..Kept::default() });
    }
    let shown = play(&mut world, &["vault-work convert site a.png", "vault-work convert site b.gif"]);
    assert!(shown.contains("Attached 'a.safe.png' to 'site'; 'a.png' is as it was.\n"), "{shown}");
    assert!(
        shown.ends_with(
            "'site' has 'b.safe.png' already, and nothing was done. 'vault-work detach' takes it off.\n"
        ),
        "{shown}"
    );
    let mut machine = world.machine.borrow_mut();
    assert_eq!(machine.vault("vault-work").entry("site").files.len(), 3);
    assert_eq!(machine.vault("vault").entry("bank").files.len(), 1);
}

#[test]
fn nothing_is_overwritten_and_no_converter_is_started_for_it() {
    let mut world = world("photo.png", &file(ImageFormat::Png));
    let old = ("photo.safe.png".into(), b"old".into());
    world.machine.borrow_mut().vault("vault").entries[0].files.push(old);
    let before = files(&world);
    let shown = play(&mut world, &["vault convert bank photo.png"]);
    assert_eq!(
        shown,
        "skep> vault convert bank photo.png\n\
         'bank' has 'photo.safe.png' already, and nothing was done. 'vault detach' takes it off.\n"
    );
    assert_eq!(files(&world), before);
    assert_gone(&world, 0);
}

#[test]
fn what_is_no_good_picture_changes_nothing_and_says_what_to_do() {
    let png = file(ImageFormat::Png);
    let cases: [(&[u8], &str); 4] = [
        (b"", "The file is empty."),
        (
            b"plain words",
            "That is no picture that is taken: PNG, JPEG, GIF, BMP and WebP are, by their first bytes.",
        ),
        (&png[..50], "The picture is damaged or cut short: get it once more."),
        (
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0\0\0\0\0\0",
            "The picture has more than 524288 pixels, or a side of more than 8192: make it smaller first.",
        ),
    ];
    for (content, sentence) in cases {
        let mut world = world("photo.png", content);
        let shown = play(&mut world, &["vault convert bank photo.png"]);
        assert_eq!(shown, format!("skep> vault convert bank photo.png\n{sentence}\n{GONE}\n"));
        assert_eq!(files(&world), [("photo.png".into(), content.into())]);
        assert_gone(&world, 1);
        world.terminal = crate::fake::Fake::default();
        let shown = paste(&mut world, "convert photo.png", content, &["clock"]);
        assert!(shown.contains(&format!("\n{sentence}\n{GONE}\nskep> clock\n")), "{shown}");
        assert!(!shown.contains("SKEP FILE"), "{shown}");
        assert_gone(&world, 2);
    }
}

#[test]
fn every_error_of_a_converter_is_a_sentence() {
    let lies = "converter contradicts itself; nothing more of it is shown.";
    for (error, sentence) in [
        (ConvertError::FileTooLarge, "The file has more than 4096 KiB: make the picture smaller first."),
        (
            ConvertError::Unsupported,
            "It is a kind of picture that can't be decoded here: save it as another kind, and try that.",
        ),
        (ConvertError::NoPixels, "The picture has no pixels."),
        (
            ConvertError::NoMemory,
            "converter has too little memory for that file: its manifest would have to give it more.",
        ),
        (ConvertError::OutOfOrder, lies),
        (ConvertError::Used, lies),
        (ConvertError::NoPicture, lies),
        (ConvertError::BadPlace, lies),
    ] {
        let mut world = world("photo.png", &file(ImageFormat::Png));
        tell(&world, |converter| converter.says = Some(Err(error)));
        let shown = play(&mut world, &["vault convert bank photo.png"]);
        assert_eq!(shown, format!("skep> vault convert bank photo.png\n{sentence}\n{GONE}\n"));
    }
}

#[test]
fn pixels_that_are_too_many_or_too_few_are_refused() {
    let lies = "converter contradicts itself; nothing more of it is shown.";
    let says = |width, height| Some(Ok(Decoded { kind: FileKind::Png, width, height }));
    let cases = [
        (says(2, 2), 15, false, lies),
        (says(2, 2), 17, false, lies),
        (says(2, 2), 9, true, lies),
        (says(2, 2), 0, false, lies),
        (says(0, 2), 0, false, "It is not taken: the picture has no pixels."),
        (says(8193, 1), 8193 * 4, false, "It is not taken: the picture is too large."),
        (says(1024, 513), 0, false, "The picture has 1024 by 513 pixels; 524288 are the most."),
    ];
    for (says, pixels, endless, sentence) in cases {
        let mut world = world("photo.png", &file(ImageFormat::Png));
        tell(&world, |converter| {
            converter.says = says;
            converter.pixels = Some(std::vec![1; pixels]);
            converter.endless = endless;
        });
        let shown = play(&mut world, &["vault convert bank photo.png"]);
        assert_eq!(shown, format!("skep> vault convert bank photo.png\n{sentence}\n{GONE}\n"));
        assert_eq!(files(&world).len(), 1);
    }
}

#[test]
fn a_file_that_ends_its_converter_ends_nothing_else() {
    for call in ["put", "decode"] {
        let mut world = world("photo.png", &[file(ImageFormat::Png), std::vec![0; 9_000]].concat());
        tell(&world, |converter| converter.dies_in = Some(call));
        let shown = play(&mut world, &["vault convert bank photo.png", "clock"]);
        assert_eq!(
            shown,
            "skep> vault convert bank photo.png\n\
             converter ended while it had the file, which may have been made for that; nothing came of it.\n\
             converter is gone already.\n\
             skep> clock\n\
             2026-01-01 00:00:00 UTC\n"
        );
        assert_eq!(files(&world).len(), 1);
        tell(&world, |converter| converter.dies_in = None);
        world.terminal = crate::fake::Fake::default();
        let shown = play(&mut world, &["vault convert bank photo.png"]);
        assert!(
            shown.ends_with("Attached 'photo.safe.png' to 'bank'; 'photo.png' is as it was.\n"),
            "{shown}"
        );
    }
}

#[test]
fn a_file_that_is_too_large_stops_the_paste_and_what_still_comes_is_no_command() {
    let mut world = world("photo.bmp", &std::vec![7; FILE_MAX as usize + 1]);
    let shown = play(&mut world, &["vault convert bank photo.bmp"]);
    assert!(
        shown.ends_with("\n'photo.bmp' has more than 4096 KiB: make the picture smaller first.\n"),
        "{shown}"
    );
    assert_gone(&world, 0);
    world.terminal = crate::fake::Fake::default();
    let shown = paste(&mut world, "convert photo.bmp", &std::vec![7; FILE_MAX as usize + 90_000], &["clock"]);
    let tail = format!(
        "The file has more than 4096 KiB: make the picture smaller first.\n\
         Nothing was done. What still comes is dropped, up to the line with the dot.\n{GONE}\nskep> clock\n"
    );
    assert!(shown.contains(&tail), "{}", &shown[shown.len().saturating_sub(600)..]);
}

#[test]
fn ctrl_c_leaves_nothing_behind_whenever_it_comes() {
    // In the middle of the paste.
    let mut world = world("photo.png", &file(ImageFormat::Png));
    world.terminal.script.push_back(Step::Type(b"convert photo.png\riVBORw0K\r\x03".to_vec()));
    let shown = play(&mut world, &["clock"]);
    assert!(shown.contains(&format!("^C\nGiven up; nothing was done.\n{GONE}\nskep> clock\n")), "{shown}");
    assert_gone(&world, 1);
    // While a vault's file is on its way.
    world.terminal = crate::fake::Fake::default();
    world.terminal.script.push_back(Step::Type(b"vault convert bank photo.png\r\x03".to_vec()));
    let shown = play(&mut world, &["clock"]);
    assert!(shown.contains(&format!("Stopped; nothing was attached.\n{GONE}\nskep> clock\n")), "{shown}");
    assert_gone(&world, 2);
    assert_eq!(files(&world).len(), 1);
}

#[test]
fn a_vault_that_takes_no_more_is_left_with_nothing_of_it() {
    let mut world = world("photo.png", &file(ImageFormat::Png));
    world.machine.borrow_mut().vault("vault").upload_max = 10;
    let shown = play(&mut world, &["vault convert bank photo.png"]);
    assert!(shown.ends_with("\nThe vault is full.\n"), "{shown}");
    assert_eq!(files(&world).len(), 1);
    assert!(world.machine.borrow_mut().vault("vault").uploaded.is_empty());
    assert_gone(&world, 1);
}

#[test]
fn what_is_missing_is_said_before_anything_begins() {
    check_in(
        opened,
        &["convert a.png", "vault convert bank a.png"],
        &[
            "skep> convert a.png",
            "This console has no channel to the service 'convert'.",
            "skep> vault convert bank a.png",
            "The vault has no entry 'bank'.",
        ],
    );
    check_in(
        |fake| *fake = world("a.png", b"x"),
        &["vault convert bank b.png", "vault lock", "vault convert bank a.png"],
        &[
            "skep> vault convert bank b.png",
            "The entry 'bank' has nothing of that name or number.",
            "skep> vault lock",
            "The vault is locked.",
            "skep> vault convert bank a.png",
            "The vault is locked: run 'unlock'.",
        ],
    );
    let mut fake = world("a.png", b"x");
    let shown = play(&mut fake, &[&format!("vault convert bank {}", "x".repeat(250))]);
    let sentence = "' has no room for '.safe.png' behind it: 247 bytes before it are the most.\n";
    assert!(shown.ends_with(sentence), "{shown}");
    assert_gone(&fake, 0);
    let mut busy = world("a.png", &file(ImageFormat::Png));
    busy.machine.borrow_mut().qubes.last_mut().unwrap().state = QubeState::Waiting;
    let shown = play(&mut busy, &["vault convert bank a.png"]);
    assert!(shown.ends_with("No converter is free: 'close NAME' ends one that 'qubes' shows.\n"), "{shown}");
}

#[test]
fn a_converter_that_is_opened_for_another_qube_is_not_used() {
    let mut world = world("a.png", &file(ImageFormat::Png));
    world.machine.borrow_mut().qubes.last_mut().unwrap().opened_for = Some(1);
    let shown = play(&mut world, &["vault convert bank a.png"]);
    assert!(shown.ends_with("Every converter is kept for another qube.\n"), "{shown}");
    assert_gone(&world, 0);
}
