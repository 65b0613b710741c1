//! HTML as tags and texts. It goes forward only and looks at each byte a bounded number of times.

use crate::attributes::Attributes;

/// Elements whose content is no text for readers, up to their end tag whatever it contains.
const SKIPPED: [&str; 6] = ["script", "style", "xmp", "iframe", "noembed", "noframes"];
/// Elements whose content has no tags.
const TEXT_ONLY: [&str; 2] = ["title", "textarea"];

/// A piece of a document.
#[derive(Debug, Clone)]
pub(crate) enum Token<'a> {
    /// Text with character references.
    Text(&'a str),
    /// A start tag: its name as it is written, and its attributes.
    Start(&'a str, Attributes<'a>),
    /// An end tag: its name as it is written.
    End(&'a str),
}

/// Takes a document apart.
#[derive(Debug)]
pub(crate) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// The element whose end tag alone ends what comes next, and whether its content is text.
    raw: Option<(&'a str, bool)>,
    steps: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, raw: None, steps: 0 }
    }

    /// Bytes looked at since the last call.
    pub(crate) fn take_steps(&mut self) -> usize {
        core::mem::take(&mut self.steps)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Goes on by `len` bytes, which end between characters, and returns them.
    fn take(&mut self, len: usize) -> &'a str {
        let taken = self.rest().get(..len).unwrap_or(self.rest());
        self.at += taken.len();
        self.steps += taken.len();
        taken
    }

    /// Goes behind the next `end`, or to the end of the text.
    fn skip_behind(&mut self, end: &str) {
        let len = self.rest().find(end).map_or(self.rest().len(), |at| at + end.len());
        self.take(len);
    }

    /// What is up to the end tag of `name`, which may be missing.
    fn take_raw(&mut self, name: &str) -> &'a str {
        let rest = self.rest();
        let is_end = |at: &usize| {
            let tag = rest.get(at + 2..).unwrap_or("");
            let behind = tag.as_bytes().get(name.len());
            tag.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
                && behind.is_none_or(|byte| byte.is_ascii_whitespace() || b"/>".contains(byte))
        };
        let end = rest.match_indices("</").map(|(at, _)| at).find(is_end);
        self.take(end.unwrap_or(rest.len()))
    }

    /// A tag, if there is one behind the `<` that comes next.
    fn tag(&mut self) -> Option<Token<'a>> {
        let is_end = self.rest().starts_with("</");
        let name_at = 1 + usize::from(is_end);
        let behind = self.rest().get(name_at..)?;
        if !behind.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return None;
        }
        let len = behind.find(|letter: char| letter.is_ascii_whitespace() || "/>".contains(letter));
        let name = behind.get(..len.unwrap_or(behind.len()))?;
        self.take(name_at + name.len());
        let attributes = Attributes::new(self.rest());
        let mut walk = attributes.clone();
        walk.by_ref().for_each(drop);
        // A tag that never ends is dropped, and so is all that would be inside.
        let end = walk.end();
        self.take(end.unwrap_or(self.rest().len()));
        end?;
        if is_end {
            return Some(Token::End(name));
        }
        let is = |known: &&&str| name.eq_ignore_ascii_case(known);
        let skipped = SKIPPED.iter().find(is).map(|known| (*known, false));
        self.raw = skipped.or(TEXT_ONLY.iter().find(is).map(|known| (*known, true)));
        Some(Token::Start(name, attributes))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        while !self.rest().is_empty() {
            if let Some((name, is_text)) = self.raw.take() {
                let text = self.take_raw(name);
                if is_text && !text.is_empty() {
                    return Some(Token::Text(text));
                }
                continue;
            }
            let rest = self.rest();
            match rest.find('<') {
                None => return Some(Token::Text(self.take(rest.len()))),
                Some(0) => {}
                Some(len) => return Some(Token::Text(self.take(len))),
            }
            if rest.starts_with("<!--") {
                self.take(2);
                // `<!-->` is a whole comment.
                self.skip_behind(if self.rest().starts_with("-->") { ">" } else { "-->" });
            } else if rest.starts_with("<!") || rest.starts_with("<?") {
                self.skip_behind(">");
            } else {
                let before = self.at;
                if let Some(tag) = self.tag() {
                    return Some(tag);
                }
                if self.at == before {
                    return Some(Token::Text(self.take(1)));
                }
            }
        }
        None
    }
}
