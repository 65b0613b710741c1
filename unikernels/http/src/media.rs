//! What a body is said to be. Only `Content-Type` counts: a server that says nothing gets nothing guessed.
//! Source: RFC 9110 section 8.3.

/// How a body can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `text/html` and `application/xhtml+xml`.
    Html,
    /// Any other text: it is shown as it is.
    Plain,
    /// `text/markdown`.
    Markdown,
    /// `application/json`, and types that end in `+json`.
    Json,
    /// `image/png`.
    Png,
    /// `image/jpeg`.
    Jpeg,
    /// `image/gif`.
    Gif,
    /// `image/webp`.
    WebP,
    /// `image/bmp`.
    Bmp,
    /// Anything else, or nothing said: it is not shown.
    Other,
}

/// How text is said to be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// windows-1252, which is also what `iso-8859-1` and `us-ascii` mean on the web (Encoding Standard
    /// section 4.2).
    Windows1252,
    /// Nothing said.
    Unsaid,
    /// One that we do not read: what is beyond ASCII is replaced.
    Unknown,
}

/// Kind and charset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Media {
    /// How it can be shown.
    pub kind: Kind,
    /// How its text is encoded.
    pub charset: Charset,
}

const KINDS: [(&str, Kind); 13] = [
    ("text/html", Kind::Html),
    ("application/xhtml+xml", Kind::Html),
    ("text/markdown", Kind::Markdown),
    ("text/x-markdown", Kind::Markdown),
    ("text/json", Kind::Json),
    ("application/json", Kind::Json),
    ("application/xml", Kind::Plain),
    ("image/png", Kind::Png),
    ("image/jpeg", Kind::Jpeg),
    ("image/gif", Kind::Gif),
    ("image/webp", Kind::WebP),
    ("image/bmp", Kind::Bmp),
    ("image/x-ms-bmp", Kind::Bmp),
];
const CHARSETS: [(&str, Charset); 9] = [
    ("utf-8", Charset::Utf8),
    ("utf8", Charset::Utf8),
    ("windows-1252", Charset::Windows1252),
    ("cp1252", Charset::Windows1252),
    ("iso-8859-1", Charset::Windows1252),
    ("iso8859-1", Charset::Windows1252),
    ("latin1", Charset::Windows1252),
    ("us-ascii", Charset::Windows1252),
    ("ascii", Charset::Windows1252),
];

impl Media {
    /// Reads the value of `Content-Type`. Any bytes are taken: what is not understood is [`Kind::Other`].
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        let value = str::from_utf8(value).unwrap_or("");
        let mut parts = value.split(';').map(str::trim_ascii);
        let essence = parts.next().unwrap_or("");
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.eq_ignore_ascii_case("charset").then_some(value.trim_matches('"'))
        });
        Self { kind: kind(essence), charset: charset.map_or(Charset::Unsaid, charset_of) }
    }
}

fn kind(essence: &str) -> Kind {
    let known = KINDS.iter().find(|(name, _)| essence.eq_ignore_ascii_case(name));
    let ends_in = |suffix: &str| {
        let start = essence.len().saturating_sub(suffix.len());
        essence.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    match known {
        Some((_, kind)) => *kind,
        None if ends_in("+json") => Kind::Json,
        None if essence.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("text/")) => Kind::Plain,
        None => Kind::Other,
    }
}

fn charset_of(label: &str) -> Charset {
    let known = CHARSETS.iter().find(|(name, _)| label.eq_ignore_ascii_case(name));
    known.map_or(Charset::Unknown, |(_, charset)| *charset)
}
