//! Tokens of a rule's field conditions: `{ host: "*.example" | "a", port: 1..1024 }`.

use std::ops::Range;

/// A token of the part in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// `host`, `true`.
    Word(String),
    /// `-5`, `0x10`.
    Number(i128),
    /// A text in quotes; `None` stands for a `*` in it.
    Text(Vec<Option<char>>),
    /// `{ } : , |`
    Mark(char),
    /// `..`
    Range,
}

/// A token with its bytes in the line.
pub(crate) type Spanned = (Token, Range<usize>);

/// The length of a line up to its comment: a `#` outside quotes.
pub(crate) fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let mut escaped = false;
    for (at, letter) in line.char_indices() {
        match letter {
            '#' if !quoted => return line.get(..at).unwrap_or(line),
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = letter == '\\' && !escaped && quoted;
    }
    line
}

/// Splits `text` into tokens; the error is the place and what was expected there.
pub(crate) fn tokens(text: &str) -> Result<Vec<Spanned>, (usize, &'static str)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        let (token, length) = match first {
            space if space.is_whitespace() => {
                at += space.len_utf8();
                continue;
            }
            '{' | '}' | ':' | ',' | '|' => (Token::Mark(first), 1),
            '.' if rest.starts_with("..") => (Token::Range, 2),
            '"' => quoted(rest).ok_or((at, "a closing quote"))?,
            '-' | '0'..='9' => number(rest).ok_or((at, "a number: decimal, or hexadecimal with 0x"))?,
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
                let length = length.unwrap_or(rest.len());
                (Token::Word(rest.get(..length).unwrap_or(rest).to_owned()), length)
            }
            _ => return Err((at, "a field, a value, or one of { } : , |")),
        };
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

/// A text and the bytes it takes; a backslash takes the next letter as it is.
fn quoted(rest: &str) -> Option<(Token, usize)> {
    let mut letters = Vec::new();
    let mut input = rest.char_indices().skip(1);
    while let Some((at, letter)) = input.next() {
        match letter {
            '"' => return Some((Token::Text(letters), at + 1)),
            '*' => letters.push(None),
            '\\' => letters.push(Some(input.next()?.1)),
            other => letters.push(Some(other)),
        }
    }
    None
}

fn number(rest: &str) -> Option<(Token, usize)> {
    let (sign, digits) = match rest.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, rest),
    };
    let length =
        digits.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(digits.len());
    let digits = digits.get(..length)?.replace('_', "");
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok()?,
        None => digits.parse::<i128>().ok()?,
    };
    let value = value.checked_mul(sign)?;
    Some((Token::Number(value), length + usize::from(sign < 0)))
}
