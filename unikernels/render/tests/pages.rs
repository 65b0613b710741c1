//! Pages as a reader sees them: each document beside what is shown of it, links below.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use std::fmt::Write as _;

use unikernels_http::Url;
use unikernels_render::{Format, Limits, Page, render, safe};

fn page(format: Format, text: &str) -> Page {
    render(format, text, &Url::parse("http://host.example/dir/page").unwrap(), &Limits::default())
}

fn check(format: Format, text: &str, expected: &str) {
    let page = page(format, text);
    let mut shown = page.text;
    for (index, link) in page.links.iter().enumerate() {
        writeln!(shown, "[{}] {link}", index + 1).unwrap();
    }
    assert_eq!(shown, expected);
    assert!(!page.cut);
}

#[test]
fn html_reads_like_a_text() {
    let text = include_str!("pages/page.html");
    check(Format::Html, text, include_str!("pages/page.html.shown"));
    assert_eq!(page(Format::Html, text).title, "Bees & skeps");
}

#[test]
fn markdown_keeps_its_shape() {
    check(Format::Markdown, include_str!("pages/page.md"), include_str!("pages/page.md.shown"));
}

#[test]
fn json_is_indented_and_keeps_its_spelling() {
    check(Format::Json, include_str!("pages/page.json"), include_str!("pages/page.json.shown"));
    check(Format::Json, "{\"a\":1", "(This is not valid JSON.)\n\n{\"a\":1\n");
    check(Format::Json, "[[1]]x", "(This is not valid JSON.)\n\n[[1]]x\n");
    check(Format::Json, " \"one\" ", "\"one\"\n");
    check(Format::Json, "[{}]", "[\n  {}\n]\n");
}

#[test]
fn plain_text_stays_as_it_is() {
    check(Format::Plain, include_str!("pages/page.txt"), include_str!("pages/page.txt.shown"));
}

#[test]
fn small_pages() {
    let cases = [
        ("", ""),
        ("a<br>b<br><br><br><br>c", "a\nb\n\nc\n"),
        ("<b>a</b>b <i> c</i>", "ab c\n"),
        ("a&nbsp;&nbsp;b", "a  b\n"),
        ("<p>a</p>\n<p>b", "a\n\nb\n"),
        ("<a href=x>a", "a[1]\n[1] http://host.example/dir/x\n"),
        (
            "<a href=x>a<a href=y>b</a>",
            "a[1]b[2]\n[1] http://host.example/dir/x\n[2] http://host.example/dir/y\n",
        ),
        ("<base href=//other.example/d/><a href=x>a</a>", "a[1]\n[1] http://other.example/d/x\n"),
        ("<A HREF='x?a&amp;b' title=\"a>b\">a</A>", "a[1]\n[1] http://host.example/dir/x?a&b\n"),
        ("<li>one<li>two", "one\ntwo\n"),
        ("<ol start=x><li>a", "1. a\n"),
        ("<ol start=-5><li>a", "1. a\n"),
        ("<!-->a<!--->b--><!x>c<?y>d</ e>f<3", "ab-->cd</ e>f<3\n"),
        ("<script>x</scripty></script >a", "a\n"),
        ("<style><!-- </style>a", "a\n"),
        ("a<unfinished href=\"x>b</a>", "a\n"),
        ("<svg><p>x</svg>a</svg>b", "ab\n"),
        ("<plaintext><p>a", "a\n"),
        ("grüße <p>日本語</p>", "grüße\n\n日本語\n"),
    ];
    for (text, expected) in cases {
        check(Format::Html, text, expected);
    }
}

#[test]
fn characters_that_deceive_are_shown_or_left_out() {
    let cases = [
        ("a\u{1b}[2Jb\u{7}", "a\u{fffd}[2Jb\u{fffd}\n"),
        ("&#27;]0;x&#x9b;2J", "\u{fffd}]0;x›2J\n"),
        ("\u{202e}abc\u{202c} \u{2066}x", "\u{fffd}abc\u{fffd} \u{fffd}x\n"),
        ("a\u{200b}b\u{ad}c\u{feff}d", "abcd\n"),
        ("a\u{2028}b\u{85}c\u{b}d", "a b c d\n"),
        ("\u{e0041}\u{e000}\u{3164}", "\u{fffd}\u{fffd}\u{fffd}\n"),
        ("e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}", "e\u{301}\u{301}\u{301}\n"),
        ("\u{301}a", "a\n"),
    ];
    for (text, expected) in cases {
        check(Format::Html, text, expected);
    }
    let title = page(Format::Html, "<title>\u{1b}[1m\n&#x202e;a\n</title>").title;
    assert_eq!(title, "\u{fffd}[1m \u{fffd}a");
}

/// Every character there is, against the one property that matters.
#[test]
fn no_character_reaches_the_page_that_moves_or_hides_anything() {
    for character in '\0'..=char::MAX {
        let Some(shown) = safe(character) else { continue };
        assert!(!shown.is_control(), "{character:?}");
        assert!(shown == ' ' || !shown.is_whitespace(), "{character:?}");
        let code = u32::from(shown);
        assert!(!(0x202a..=0x202e).contains(&code) && !(0x2066..=0x2069).contains(&code), "{character:?}");
        assert_eq!(safe(shown), Some(shown), "{character:?}");
    }
}
