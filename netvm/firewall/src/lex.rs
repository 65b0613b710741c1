//! The letters of a line of rules, as words, texts, numbers and marks.

use core::str::CharIndices;

/// One token and where it begins in its line, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) at: usize,
    pub(crate) kind: Kind<'a>,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// Letters: the name of a field or of a protocol.
    Word(&'a str),
    /// What stands between quotes.
    Text(&'a str),
    /// A number.
    Number(u64),
    /// `..`
    Range,
    /// One of `{ } : , |`.
    Mark(char),
}

/// Where no token could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoToken {
    pub(crate) at: usize,
}

/// The tokens of a text; after the first error, none.
pub(crate) struct Tokens<'a> {
    text: &'a str,
    letters: CharIndices<'a>,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, letters: text.char_indices() }
    }

    /// The next token; `Ok(None)` at the end of the line.
    pub(crate) fn next(&mut self) -> Result<Option<Token<'a>>, NoToken> {
        let (at, letter) = loop {
            match self.letters.next() {
                Some((_, letter)) if letter.is_whitespace() => {}
                Some(found) => break found,
                None => return Ok(None),
            }
        };
        let kind = match letter {
            '{' | '}' | ':' | ',' | '|' => Some(Kind::Mark(letter)),
            '.' => self.letters.next().filter(|next| next.1 == '.').map(|_| Kind::Range),
            '"' => self.quoted(),
            '0'..='9' => number(self.run(at)).map(Kind::Number),
            'a'..='z' | 'A'..='Z' | '_' => Some(Kind::Word(self.run(at))),
            _ => None,
        };
        kind.map(|kind| Some(Token { at, kind })).ok_or(NoToken { at })
    }

    /// The letters, digits and underscores from `at` on.
    fn run(&mut self, at: usize) -> &'a str {
        let rest = self.text.get(at..).unwrap_or("");
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let run = rest.get(..end.unwrap_or(rest.len())).unwrap_or("");
        let next = at.saturating_add(run.len());
        while self.letters.offset() < next && self.letters.next().is_some() {}
        run
    }

    /// What stands before the closing quote. No value has a letter that would need a backslash.
    fn quoted(&mut self) -> Option<Kind<'a>> {
        let start = self.letters.offset();
        let end = self.letters.find(|(_, letter)| matches!(letter, '"' | '\\')).filter(|end| end.1 == '"')?;
        self.text.get(start..end.0).map(Kind::Text)
    }
}

/// Decimal, or hexadecimal after `0x`; underscores may part digits.
fn number(run: &str) -> Option<u64> {
    let (digits, radix) = match run.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (run, 10),
    };
    let mut value: Option<u64> = None;
    for digit in digits.chars().filter(|digit| *digit != '_') {
        let digit = u64::from(digit.to_digit(radix)?);
        value = Some(value.unwrap_or(0).checked_mul(u64::from(radix))?.checked_add(digit)?);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<(usize, Kind<'_>)>, usize> {
        let mut tokens = Tokens::new(text);
        let mut found = Vec::new();
        while let Some(token) = tokens.next().map_err(|error| error.at)? {
            found.push((token.at, token.kind));
        }
        Ok(found)
    }

    #[test]
    fn a_line_is_words_texts_numbers_and_marks() {
        use Kind::{Mark, Number, Range, Text, Word};
        let found = tokens("{ host: \"*.ex\" | \"\", port: 80|8_000..0x1F90}").unwrap();
        let kinds: Vec<_> = found.iter().map(|token| token.1).collect();
        let expected = [
            Mark('{'),
            Word("host"),
            Mark(':'),
            Text("*.ex"),
            Mark('|'),
            Text(""),
            Mark(','),
            Word("port"),
            Mark(':'),
            Number(80),
            Mark('|'),
            Number(8000),
            Range,
            Number(8080),
            Mark('}'),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(found.iter().map(|token| token.0).take(4).collect::<Vec<_>>(), [0, 2, 6, 8]);
        assert_eq!(tokens(""), Ok(vec![]));
    }

    #[test]
    fn what_is_no_token_is_named_by_its_place() {
        let check = |text: &str, at: usize| assert_eq!(tokens(text), Err(at), "{text}");
        check("a ; b", 2);
        check("\"open", 0);
        check("  \"a\\\"b\"", 2);
        check("1.2", 1);
        check("12ab", 0);
        check("0x", 0);
        check("18446744073709551616", 0);
        check("é", 0);
        check("-5", 0);
    }
}
