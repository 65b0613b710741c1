//! `Cursor`: a place in the canonical text.

/// What is left of a text from some place on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(crate) const fn rest(self) -> &'a str {
        self.rest
    }

    /// Steps over `token`, if that is what comes next.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Steps over a name: letters, digits, `_` and `-`, and does not begin with a digit or `-`.
    pub(crate) fn name(&mut self) -> Option<&'a str> {
        let first = self.rest.chars().next()?;
        if !(first.is_alphabetic() || first == '_') {
            return None;
        }
        self.run(|character| character.is_alphanumeric() || matches!(character, '_' | '-'))
    }

    /// Steps over a number without sign and without needless zeros.
    pub(crate) fn number(&mut self) -> Option<u32> {
        let before = *self;
        let number = self.run(|character| character.is_ascii_digit())?;
        if number.len() > 1 && number.starts_with('0') {
            *self = before;
            return None;
        }
        number.parse().ok()
    }

    /// The text from here to a later place.
    pub(crate) fn until(self, later: Self) -> &'a str {
        let length = self.rest.len().saturating_sub(later.rest.len());
        self.rest.get(..length).unwrap_or_default()
    }

    fn run(&mut self, belongs: impl Fn(char) -> bool) -> Option<&'a str> {
        let end = self.rest.find(|character| !belongs(character)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!run.is_empty()).then_some(run)
    }
}
