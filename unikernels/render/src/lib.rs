//! Documents of strangers as a page of harmless text: HTML, Markdown, JSON, plain text. Pure.
//!
//! [`render`] never fails: any text gives a [`Page`] within its [`Limits`], in time linear in the text
//! ([`Page::steps`] counts), without recursion. Links are numbered in the text, as `[3]`, and listed with the
//! whole address they lead to.
//!
//! The invariant: a page holds printable characters and line feeds, nothing that moves a cursor, reverses a
//! line or cannot be seen ([`safe`] is the line that decides). A page can still *say* anything, a wrong `[3]`
//! included; where a number leads stands in the list.
//!
//! What it deliberately does not do: styles, scripts, forms, frames, colours, loading anything. What a style
//! sheet hides is shown. Hebrew and Arabic letters stay, and a terminal may order their lines as it likes.
//! Source: HTML Standard section 13.2.5 (tokenization, simplified: every document gives a page, not always
//! the same tree).

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod attributes;
mod autolink;
mod canvas;
mod html;
mod json;
mod markdown;
mod reference;
mod token;

use alloc::string::String;
use alloc::vec::Vec;

use unikernels_http::Url;

pub use unikernels_safe_text::safe;

use canvas::Canvas;

/// How a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// HTML, of any age and quality.
    Html,
    /// Markdown: what CommonMark calls blocks, links and code; emphasis stays as it is written.
    Markdown,
    /// JSON, indented; shown as it is when it is none.
    Json,
    /// Text, as it is.
    Plain,
}

/// What a page may cost. The default suits a terminal and one pair of eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Columns of a line, at least 20.
    pub columns: usize,
    /// Most bytes of the page's text: compressed megabytes of nothing are cheap to send.
    pub text_len_max: usize,
    /// Most links that get a number, and most references that lead nowhere before none gets one any more: each costs an
    /// address of up to 4 KiB.
    pub links_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { columns: 80, text_len_max: 512 * 1024, links_max: 1000 }
    }
}

/// A document to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What the document calls itself: harmless, one line, at most 200 characters; empty if it does not say.
    pub title: String,
    /// The text: lines of at most [`Limits::columns`] columns, each with its line feed.
    pub text: String,
    /// Where the numbers lead: `[1]` is the first.
    pub links: Vec<Url>,
    /// Whether something was left out because a limit was reached.
    pub cut: bool,
    /// The work it took, in characters looked at: at most 32 for each byte of the document, and twice the length of the
    /// base for each of [`Limits::links_max`].
    pub steps: u64,
}

/// Renders `text`, found at `base`.
#[must_use]
pub fn render(format: Format, text: &str, base: &Url, limits: &Limits) -> Page {
    let mut canvas = Canvas::new(base, limits);
    match format {
        Format::Html => html::draw(text, &mut canvas),
        Format::Markdown => markdown::draw(text, &mut canvas),
        Format::Json => json::draw(text, &mut canvas),
        Format::Plain => autolink::draw(text, &mut canvas),
    }
    canvas.finish()
}
