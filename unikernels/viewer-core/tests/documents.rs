//! Documents of servers that mean well: what becomes of them, and how it is handed out.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::unwrap_used, reason = "tests")]

mod world;

use ipc_proto_open_api::{Document, Open, OpenError, PIXELS_MAX, Phase, Progress, Reason};
use ipc_proto_types::Text;
use world::{Act, Host, Scene, World, answer, caller, failure};

/// A scene where `host.test:80` answers so.
fn scene(acts: Vec<Act>) -> Scene {
    let world = World::new();
    world.borrow_mut().hosts.insert("host.test:80".into(), Host::Answers(acts));
    Scene::new(&world)
}

fn document(progress: &Progress) -> &Document {
    match &progress.phase {
        Phase::Done(document) => document,
        _ => panic!("{}", failure(progress)),
    }
}

/// What stands on the page of an answer.
fn check(media: &str, body: &str, expected: &str) {
    let mut scene = scene(vec![Act::Say(answer(media, body.as_bytes()))]);
    let progress = scene.load("http://host.test/a");
    assert_eq!(document(&progress).bytes as usize, body.len());
    let page = scene.page();
    assert_eq!(page, expected);
    assert_eq!(document(&progress).text as usize, page.len());
    assert!(!scene.world.borrow().has_streams(), "the connection is given back");
}

#[test]
fn what_is_shown_follows_the_media_type_and_nothing_else() {
    check("text/plain", "one\ntwo <b>", "one\ntwo <b>\n");
    check("text/html", "<title>T</title><p>one<p>two", "one\n\ntwo\n");
    check("text/markdown; charset=utf-8", "# Grüße\n\ntext", "# Grüße\n\ntext\n");
    check("application/json", "{\"a\":[1]}", "{\n  \"a\": [\n    1\n  ]\n}\n");
    check("text/plain", "<script>alert(1)</script>", "<script>alert(1)</script>\n");
}

#[test]
fn a_type_that_is_not_said_or_not_known_is_not_shown() {
    for media in ["application/octet-stream", "", "application/pdf", "video/mp4"] {
        let mut scene = scene(vec![Act::Say(answer(media, b"<html>hello"))]);
        let progress = scene.load("http://host.test/");
        assert!(failure(&progress).starts_with("Kind: 11 bytes of a type"), "{}", failure(&progress));
    }
}

#[test]
fn links_are_numbered_from_one_and_handed_out_whole() {
    let body = "<title>Where to</title><a href=/x>here</a> <a href='http://other.test:8080/y?z=1'>there</a>";
    let mut scene = scene(vec![Act::Say(answer("text/html", body.as_bytes()))]);
    let progress = scene.load("http://host.test/folder/page");
    let told = document(&progress);
    assert_eq!((told.title.as_str(), told.links, told.status, told.cut), ("Where to", 2, 200, false));
    assert!(scene.page().starts_with("here[1] there[2]\n"), "{}", scene.page());
    let mut link = |number| scene.viewer.link(&caller(), number).map(|url| url.to_string());
    assert_eq!(link(1), Ok("http://host.test/x".into()));
    assert_eq!(link(2), Ok("http://other.test:8080/y?z=1".into()));
    assert_eq!(link(0), Err(OpenError::NoSuchLink));
    assert_eq!(link(3), Err(OpenError::NoSuchLink));
    assert_eq!(link(u16::MAX), Err(OpenError::NoSuchLink));
}

#[test]
fn an_answer_in_pieces_with_pauses_is_the_same_answer() {
    let whole = answer("text/plain", "piece by piece".repeat(40).as_bytes());
    let mut acts = Vec::new();
    for piece in whole.chunks(7) {
        acts.extend([Act::Say(piece.to_vec()), Act::Pause(100)]);
    }
    let mut scene = scene(acts);
    let progress = scene.load("http://host.test/");
    assert_eq!(document(&progress).bytes, 560);
    assert!(scene.world.borrow().now_ms < 20_000, "news woke it, not a deadline");
}

#[test]
fn a_name_that_takes_its_time_is_waited_for_and_news_ends_the_wait() {
    let mut scene = scene(vec![Act::Say(answer("text/plain", b"late"))]);
    scene.world.borrow_mut().slow_names.insert("host.test".into(), 2_500);
    scene.open("http://host.test/").unwrap();
    assert!(scene.turn());
    assert_eq!(scene.viewer.progress(&caller()).phase, Phase::Resolving);
    while scene.turn() {}
    let progress = scene.viewer.progress(&caller());
    assert_eq!(document(&progress).bytes, 4);
    assert_eq!(scene.world.borrow().now_ms, 3_500);
}

#[test]
fn an_error_page_is_shown_with_its_number() {
    let body =
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\nnothing".to_vec();
    let mut scene = scene(vec![Act::Say(body)]);
    let progress = scene.load("http://host.test/");
    assert_eq!((document(&progress).status, scene.page().as_str()), (404, "nothing\n"));
}

#[test]
fn redirects_are_followed_and_those_to_another_origin_are_told() {
    let to = |to: &str| Act::Say(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\n\r\n").into_bytes());
    let world = World::new();
    {
        let hosts = &mut world.borrow_mut().hosts;
        hosts.insert("a.test:80".into(), Host::Answers(vec![to("http://b.test:8080/deep/page?q=1")]));
        hosts.insert("b.test:8080".into(), Host::Answers(vec![to("//c.test/x")]));
        hosts.insert("c.test:80".into(), Host::Answers(vec![Act::Say(answer("text/plain", b"end"))]));
    }
    let mut scene = Scene::new(&world);
    let progress = scene.load("http://a.test/start");
    assert_eq!(document(&progress).bytes, 3);
    let elsewhere: Vec<&str> = progress.elsewhere.iter().map(|origin| origin.as_str()).collect();
    assert_eq!(elsewhere, ["http://b.test:8080", "http://c.test"]);
    let asked: Vec<String> = world.borrow().requests.iter().map(|(host, _)| host.clone()).collect();
    assert_eq!(asked, ["a.test:80", "b.test:8080", "c.test:80"]);
    let request = &world.borrow().requests[1].1;
    assert!(request.starts_with("GET /deep/page?q=1 HTTP/1.1\r\nHost: b.test:8080\r\n"), "{request}");
    assert!(!request.contains("Referer") && !request.contains("Cookie"), "{request}");
}

#[test]
fn addresses_are_called_without_asking_for_a_name() {
    let world = World::new();
    world
        .borrow_mut()
        .hosts
        .insert("::1:8000".into(), Host::Answers(vec![Act::Say(answer("text/plain", b"six"))]));
    let mut scene = Scene::new(&world);
    let progress = scene.load("http://[::1]:8000/");
    assert_eq!(document(&progress).bytes, 3);
}

#[test]
fn a_life_opens_one_document() {
    let mut scene = scene(vec![Act::Say(answer("text/plain", b"one"))]);
    let url = |url: &str| Text::try_from(url).unwrap();
    let ask = |scene: &mut Scene, to: &str| scene.viewer.open(&caller(), url(to), 40);
    assert_eq!(ask(&mut scene, "javascript:alert(1)"), Err(OpenError::BadAddress));
    assert_eq!(ask(&mut scene, "http://user@host.test/"), Err(OpenError::BadAddress));
    assert_eq!(scene.viewer.page(&caller(), 0), Err(OpenError::NotReady));
    let progress = scene.load("http://host.test/");
    assert_eq!(document(&progress).bytes, 3);
    assert_eq!(ask(&mut scene, "http://host.test/"), Err(OpenError::AlreadyOpened));
    assert_eq!(scene.viewer.page(&caller(), 99), Err(OpenError::BadPlace));
    assert_eq!(scene.viewer.cells(&caller(), 0), Err(OpenError::NoPicture));
    assert_eq!(scene.changes, 2, "all came at once, then the page");
}

#[test]
fn pages_come_in_whole_lines_and_places_inside_a_character_are_refused() {
    let mut scene = scene(vec![Act::Say(answer("text/plain", "grün ".repeat(4_000).as_bytes()))]);
    let progress = scene.load("http://host.test/");
    let page = scene.page();
    assert!(page.len() > 20_000 && page.lines().all(|line| line.chars().count() <= 40));
    assert_eq!(document(&progress).text as usize, page.len());
    assert_eq!(scene.viewer.page(&caller(), 3), Err(OpenError::BadPlace), "the second byte of ü");
}

#[test]
fn a_picture_is_cells_and_pixels() {
    // Two by two pixels, 24 bits, from the bottom: a Windows bitmap.
    let mut file = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    file.extend_from_slice(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0, 0, 0, 0, 0, 16, 0, 0, 0]);
    file.extend_from_slice(&[0; 16]);
    file.extend_from_slice(&[255, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0]);
    let mut scene = scene(vec![Act::Say(answer("image/bmp", &file))]);
    let progress = scene.load("http://host.test/picture");
    let info = document(&progress).picture.expect("a picture");
    assert_eq!((info.width, info.height, info.columns, info.rows), (2, 2, 2, 1));
    let row = scene.viewer.cells(&caller(), 0).expect("a row");
    assert_eq!(row.as_slice(), [255, 0, 0, 0, 0, 255, 0, 255, 0, 255, 255, 255]);
    assert_eq!(scene.viewer.cells(&caller(), 1), Err(OpenError::BadPlace));
    let pixels = scene.viewer.picture(&caller(), 0).expect("pixels");
    assert_eq!(pixels.as_slice(), [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255]);
    assert!(pixels.len() <= PIXELS_MAX && scene.viewer.picture(&caller(), 16).expect("the end").is_empty());
    assert_eq!(scene.viewer.picture(&caller(), 17), Err(OpenError::BadPlace));
    assert_eq!(scene.viewer.link(&caller(), 1), Err(OpenError::NoSuchLink));
}

#[test]
fn a_webp_picture_is_one_too() {
    // Lossless, four by four pixels, all of one symbol: transparent black.
    let file = b"RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f\x03\xc0\0\0\x88\x88\x08\0\0";
    let mut scene = scene(vec![Act::Say(answer("image/webp", file))]);
    let progress = scene.load("http://host.test/picture");
    let info = document(&progress).picture.expect("a picture");
    assert_eq!((info.width, info.height, info.columns, info.rows), (4, 4, 4, 2));
    assert_eq!(scene.viewer.picture(&caller(), 0).expect("pixels").as_slice(), [0; 64]);
}

#[test]
fn damaged_pictures_are_failures() {
    for (media, file) in [
        ("image/png", &b"\x89PNG\r\n\x1a\n"[..]),
        ("image/jpeg", b"\xff\xd8"),
        ("image/gif", b"GIF89a"),
        ("image/webp", b"RIFF"),
    ] {
        let mut scene = scene(vec![Act::Say(answer(media, file))]);
        let progress = scene.load("http://host.test/");
        let Phase::Failed(failed) = &progress.phase else { panic!("{progress:?}") };
        assert_eq!(failed.reason, Reason::Picture, "{media}");
    }
}
