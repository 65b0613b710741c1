//! The attributes of a tag, in the order they are written. Source: HTML Standard sections 13.2.5.32 to
//! 13.2.5.40.

/// Walks over attributes. It ends behind the tag's `>`, or at the end of the text when there is none.
#[derive(Debug, Clone)]
pub(crate) struct Attributes<'a> {
    text: &'a str,
    at: usize,
    closed: bool,
}

impl<'a> Attributes<'a> {
    /// Over a text that begins behind a tag's name.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, closed: false }
    }

    /// After the walk: where the text behind the tag begins. `None` if the tag never ends.
    pub(crate) fn end(&self) -> Option<usize> {
        self.closed.then_some(self.at)
    }

    /// The value of the first attribute of that name, as it is written; and how many bytes were looked at for
    /// it.
    pub(crate) fn value(&self, name: &str) -> (Option<&'a str>, usize) {
        let mut walk = self.clone();
        let value = walk.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        (value, walk.at - self.at)
    }

    /// Takes bytes while `keep` holds.
    fn take(&mut self, keep: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or("");
        let len = rest.bytes().position(|byte| !keep(byte)).unwrap_or(rest.len());
        self.at += len;
        rest.get(..len).unwrap_or("")
    }

    fn next_byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.take(|byte| is_blank(byte) || byte == b'/');
        match self.next_byte() {
            None => return None,
            Some(b'>') if self.closed => return None,
            Some(b'>') => {
                self.closed = true;
                self.at += 1;
                return None;
            }
            Some(_) => {}
        }
        // A name may begin with `=`.
        let start = self.at;
        self.at += usize::from(self.next_byte() == Some(b'='));
        self.take(|byte| !is_blank(byte) && !b"/>=".contains(&byte));
        let name = self.text.get(start..self.at).unwrap_or("");
        self.take(is_blank);
        if self.next_byte() != Some(b'=') {
            return Some((name, ""));
        }
        self.at += 1;
        self.take(is_blank);
        let value = match self.next_byte() {
            Some(quote @ (b'"' | b'\'')) => {
                self.at += 1;
                let value = self.take(|byte| byte != quote);
                self.at += usize::from(self.next_byte().is_some());
                value
            }
            _ => self.take(|byte| !is_blank(byte) && byte != b'>'),
        };
        Some((name, value))
    }
}
