//! Documents made to harm: the page stays harmless and within its limits, and the work linear in the
//! document.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr as _;
use unikernels_http::Url;
use unikernels_render::{Format, Limits, Page, render};

const FORMATS: [Format; 4] = [Format::Html, Format::Markdown, Format::Json, Format::Plain];
const LIMITS: Limits = Limits { columns: 40, text_len_max: 64 * 1024, links_max: 50 };

/// Renders a document, and checks all that must hold of any.
fn checked(format: Format, text: &str, limits: &Limits) -> Page {
    let page = render(format, text, &Url::parse("https://host.example/").unwrap(), limits);
    checked_page(page, text, limits, 0)
}

/// Checks what must hold of any page; the links of a document may cost so many steps.
fn checked_page(page: Page, text: &str, limits: &Limits, link_steps: u64) -> Page {
    assert!(page.text.len() <= limits.text_len_max);
    assert!(page.links.len() <= limits.links_max);
    assert!(page.title.chars().count() <= 200);
    let steps_max = 32 * text.len() as u64 + link_steps + 1000;
    assert!(page.steps <= steps_max, "{} steps for {} bytes", page.steps, text.len());
    for line in page.text.split('\n').chain([page.title.as_str()]) {
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(line.chars().all(|letter| unikernels_render::safe(letter) == Some(letter)), "{line:?}");
    }
    assert!(page.text.split('\n').all(|line| line.width() <= limits.columns), "{}", page.text);
    page
}

/// What a repetition may be of.
const PIECES: &[&str] = &[
    "<div>",
    "</div>",
    "<ul><li>",
    "<blockquote>a",
    "<pre>",
    "<pre>\n",
    "<table><tr><td>",
    "<svg>",
    "<a href=x>",
    "<a",
    "<a ",
    "<a href=\"",
    "<a b='c",
    "<!--",
    "<!-- -->",
    "<!",
    "<?",
    "<",
    "</",
    "</a",
    "&",
    "&#",
    "&#x",
    "&a",
    "&amp",
    "&abcdef",
    "&amp;",
    "<script>",
    "</script>",
    "<title>",
    "<textarea>",
    "<ol><li>a\n",
    "a\n",
    "\n",
    "\t",
    "\ta",
    " ",
    "a ",
    "> ",
    ">",
    "- ",
    "- a\n",
    "  - a\n",
    "1. ",
    "#",
    "```\n",
    "`",
    "[",
    "](",
    "[](",
    "[a](b)",
    "[a](",
    "![",
    ")",
    "\\",
    "*a ",
    "_",
    "|",
    "http",
    "http://",
    "http://a",
    "http://a ",
    "http://.",
    "[",
    "[[1],",
    "{\"a\":",
    "\"",
    "e\u{301}",
    "\u{301}",
    "\u{202e}",
    "日",
    "<img alt=x>",
    "<input>",
    "<br>",
    "<hr>",
    "<p>",
    "<h1>",
];

#[test]
fn repetition_costs_in_proportion() {
    let limits = Limits { text_len_max: usize::MAX, links_max: usize::MAX, ..LIMITS };
    for piece in PIECES {
        for format in FORMATS {
            checked(format, &piece.repeat(20_000), &limits);
        }
    }
}

#[test]
fn links_below_a_long_address_cost_in_proportion() {
    // Too long together with `xyzzy`, so that no link is followed; and just not.
    for (base_len, is_too_long) in [(4080, true), (4060, false)] {
        let base = Url::parse(&format!("http://h/{}/x", "a".repeat(base_len))).unwrap();
        let link_steps = 2 * (base_len as u64 + 20) * (LIMITS.links_max as u64 + 1);
        for (format, piece) in [
            (Format::Html, "<a href=xyzzyxyzzyxyzzyxyzzy>"),
            (Format::Html, "<a href=?>"),
            (Format::Html, "<base href=x><a href=xyzzyxyzzyxyzzyxyzzy>"),
            (Format::Html, "<base href=x>"),
            (Format::Markdown, "[](xyzzyxyzzyxyzzyxyzzy)"),
            (Format::Markdown, "[](xyzzyxyzzyxyzzyxyzzy)\n\n"),
            (Format::Markdown, "[](?)"),
        ] {
            let text = piece.repeat(20_000);
            let page = checked_page(render(format, &text, &base, &LIMITS), &text, &LIMITS, link_steps);
            if piece.contains("xyzzy") && !piece.contains("base") {
                let links = if is_too_long { 0 } else { LIMITS.links_max };
                assert_eq!((page.links.len(), page.cut), (links, true), "{piece}");
            }
        }
    }
}

#[test]
fn references_that_lead_nowhere_take_no_numbers_from_those_that_do() {
    let mail = "<a href=mailto:x@y>m</a>".repeat(LIMITS.links_max - 1);
    let text = format!("{mail}<a href=/x>a</a>");
    let page = checked(Format::Html, &text, &LIMITS);
    assert_eq!((page.links.len(), page.cut), (1, false));
}

#[test]
fn balanced_json_of_any_depth_is_drawn() {
    let limits = Limits { text_len_max: usize::MAX, ..LIMITS };
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let page = checked(Format::Json, &deep, &limits);
    assert_eq!(page.text.lines().count(), 199_999);
}

#[test]
fn attributes_names_and_comments_of_megabytes_are_passed_over() {
    let long = "x".repeat(4 * 1024 * 1024);
    let cases = [
        (format!("<a href=\"{long}\">a</a>"), "a\n"),
        (format!("<{long}>a"), "a\n"),
        (format!("<a {long}=y {long} href=/z>a</a>"), "a[1]\n"),
        (format!("<!--{long}-->a"), "a\n"),
        (format!("<style>{long}</style>a"), "a\n"),
        (format!("<title>{long}</title>a"), "a\n"),
        (format!("&{long};"), ""),
    ];
    for (text, expected) in cases {
        let page = checked(Format::Html, &text, &LIMITS);
        if expected.is_empty() {
            assert!(page.cut && page.text.starts_with("&xxx"));
        } else {
            assert_eq!(page.text, expected);
        }
    }
}

#[test]
fn limits_are_told() {
    let page = checked(Format::Html, &"word ".repeat(100_000), &LIMITS);
    assert!(page.cut);
    assert!(page.text.len() > LIMITS.text_len_max - 10);
    let page = checked(Format::Html, &"<a href=/x>a</a> ".repeat(60), &LIMITS);
    assert!(page.cut);
    assert_eq!(page.links.len(), LIMITS.links_max);
}

#[test]
fn tags_that_are_never_closed_hide_no_text_before_them() {
    for text in ["seen<div><p", "seen<a href='", "seen<!-- x", "seen<script>x", "seen<svg>x", "seen<title>x"]
    {
        assert_eq!(checked(Format::Html, text, &LIMITS).text, "seen\n", "{text}");
    }
}

/// Documents of what matters to the readers, in any order.
fn document() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "</?(a|p|ul|ol|li|pre|svg|title|script|td|blockquote|base|img|h1|br|textarea|input)",
        "( href| alt| start| value)?=?[\"']?",
        "&(#x?[0-9a-f]{0,7}|[a-zA-Z]{0,8});?",
        "(https?://)?[a-z.\\[\\]()!:/?#@]{0,8}",
        "[ \n\t>\"'`*#|-]{0,4}",
        "\\PC{0,6}",
        any::<char>().prop_map(String::from),
        "[\\[\\]{},:0-9\"]{0,6}",
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn any_document_gives_a_harmless_page(text in document(), columns in 20usize..100, len in 0usize..500) {
        let limits = Limits { columns, text_len_max: len, links_max: 3 };
        for format in FORMATS {
            checked(format, &text, &limits);
            checked(format, &text, &LIMITS);
        }
    }
}
