//! `Literal`: values as people write them, taken a token at a time.

/// What is left of a text that a person wrote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Literal<'a> {
    rest: &'a str,
}

/// A text in quotes, or a bare word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoted<'a> {
    inside: &'a str,
    has_escapes: bool,
}

const BRACKETS: [char; 6] = ['(', ')', '[', ']', '{', '}'];

impl<'a> Literal<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// What comes next, without the blanks before it.
    pub(crate) fn rest(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    /// What comes next as far as an error should show it.
    pub(crate) fn found(mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.char_indices().nth(32).map_or(rest.len(), |(at, _)| at);
        rest.get(..end).unwrap_or_default()
    }

    pub(crate) fn eat(&mut self, token: &str) -> bool {
        match self.rest().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(crate) fn is_at_quote(&mut self) -> bool {
        self.rest().starts_with(['"', '\''])
    }

    /// The name of a field or of a variant.
    pub(crate) fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        self.run(rest.find(|character: char| !(character.is_alphanumeric() || character == '_')))
    }

    /// A bare word: up to a blank, a comma, a bracket or a quote.
    pub(crate) fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        self.run(rest.find(|character: char| {
            character.is_whitespace()
                || matches!(character, ',' | '"' | '\'')
                || BRACKETS.contains(&character)
        }))
    }

    /// A text: in quotes, or a bare word. `None` when a quote is not closed, or nothing is there.
    pub(crate) fn text(&mut self) -> Option<Quoted<'a>> {
        let Some(quote) = self.rest().chars().next().filter(|first| matches!(first, '"' | '\'')) else {
            return self.word().map(|inside| Quoted { inside, has_escapes: false });
        };
        let length = quoted_length(self.rest)?;
        let whole = self.run(Some(length))?;
        let inside = whole.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(Quoted { inside, has_escapes: quote == '"' })
    }

    /// All that is left, as a text.
    pub(crate) fn all(&mut self) -> Quoted<'a> {
        Quoted { inside: core::mem::take(&mut self.rest), has_escapes: false }
    }

    /// Steps over a value, whatever it is: up to a comma or a closing bracket that is not its own. `None` when a bracket
    /// or a quote of it is not closed.
    pub(crate) fn skip_value(&mut self) -> Option<()> {
        self.balanced(|character| character == ',').map(|_| ())
    }

    /// A word of a line: up to a blank that is not in quotes or brackets.
    pub(crate) fn argument(&mut self) -> Option<&'a str> {
        self.rest();
        self.balanced(char::is_whitespace)
    }

    /// Up to the first character that ends it and stands in no quotes and no brackets.
    fn balanced(&mut self, ends: impl Fn(char) -> bool) -> Option<&'a str> {
        let start = self.rest;
        let mut depth = 0_usize;
        let mut at = 0_usize;
        while let Some(character) = start.get(at..)?.chars().next() {
            let mut length = character.len_utf8();
            match character {
                '"' | '\'' => length = quoted_length(start.get(at..)?)?,
                '(' | '[' | '{' => depth = depth.saturating_add(1),
                ')' | ']' | '}' if depth == 0 => break,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                end if depth == 0 && ends(end) => break,
                _ => {}
            }
            at = at.saturating_add(length);
        }
        let (taken, rest) = start.split_at_checked(at).filter(|_| depth == 0)?;
        self.rest = rest;
        Some(taken)
    }

    fn run(&mut self, end: Option<usize>) -> Option<&'a str> {
        let (run, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        if run.is_empty() {
            return None;
        }
        self.rest = rest;
        Some(run)
    }
}

/// Length in bytes of the quoted text that `text` begins with, quotes included.
fn quoted_length(text: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    let (_, quote) = characters.next()?;
    let mut is_escaped = false;
    for (at, character) in characters {
        if is_escaped {
            is_escaped = false;
        } else if character == quote {
            return at.checked_add(1);
        } else {
            is_escaped = character == '\\' && quote == '"';
        }
    }
    None
}

impl<'a> Quoted<'a> {
    /// As it was written between the quotes.
    pub(crate) const fn inside(self) -> &'a str {
        self.inside
    }

    /// Its characters; `None` for an escape that is none.
    pub(crate) fn characters(self) -> impl Iterator<Item = Option<char>> + use<'a> {
        let mut rest = self.inside.chars();
        core::iter::from_fn(move || {
            let character = rest.next()?;
            if character != '\\' || !self.has_escapes {
                return Some(Some(character));
            }
            Some(match rest.next() {
                Some('n') => Some('\n'),
                Some('r') => Some('\r'),
                Some('t') => Some('\t'),
                Some('u') => {
                    let escape = rest.as_str().strip_prefix('{').and_then(|rest| rest.split_once('}'));
                    escape.and_then(|(digits, after)| {
                        rest = after.chars();
                        u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
                    })
                }
                other => other,
            })
        })
    }

    /// How many bytes of UTF-8 it has; `None` when an escape is none.
    pub(crate) fn length(self) -> Option<usize> {
        self.characters()
            .try_fold(0_usize, |length, character| Some(length.saturating_add(character?.len_utf8())))
    }
}
