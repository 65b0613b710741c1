//! Requests from words that a person typed.
//!
//! One word an argument, in order, or `name=value` in any order. A word is the text itself where a text is wanted, `none` where
//! nothing is; everything else is a literal, as [`crate::Method::show`] writes it: `12`, `-1`, `0x1f`, `true`, `"a text"`, `hex:a5a5`,
//! `Locked`, `Exit(1)`, `{ a: 1, b: [1, 2] }`, `(1, 2)`, `some(none)`, `ok(1)`. Fields may stand in any order; options that
//! are not there are `none`. Between words stand blanks, so a variant with fields is written `Until{ ms: 5 }` there.

mod error;
mod value;

pub use error::{EncodeError, Expected};

use crate::cursor::Cursor;
use crate::description::{METHODS_MAX, Method};
use crate::grammar::DEPTH_MAX;
use crate::literal::Literal;
use value::{Encoder, Output, Place};

/// Most words of a call.
const WORDS_MAX: usize = METHODS_MAX;

/// A secret that somebody has to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The argument it is in.
    pub argument: &'a str,
    /// The field of it; empty when it is the argument itself.
    pub field: &'a str,
    /// Its type.
    pub type_text: &'a str,
}

/// Asks for a secret: puts its text into the buffer and gives its length; `None` when it is not given.
pub type Ask<'s> = dyn FnMut(Wanted<'_>, &mut [u8]) -> Option<usize> + 's;

/// Where secrets come from.
pub enum Secrets<'s> {
    /// They are written like everything else.
    Written,
    /// They are never among the words: each is asked for. A secret argument takes no word; a secret inside of an
    /// argument is written `?`.
    Asked(&'s mut Ask<'s>),
}

impl<'a> Method<'a> {
    /// Writes the arguments to the front of `to`, from one word each; gives their length.
    ///
    /// # Errors
    /// Says which argument, what was found and what expected. `to` is zeroed then, since it may hold secrets.
    pub fn encode(
        &self,
        words: &[&'a str],
        secrets: &mut Secrets<'_>,
        to: &mut [u8],
    ) -> Result<usize, EncodeError<'a>> {
        let mut encoder = Encoder::new(secrets, Output::new(to));
        let result = self.encode_words(words, &mut encoder);
        encoder.finish(result)
    }

    /// The same, from one line; blanks in quotes and brackets part no words.
    ///
    /// # Errors
    /// As [`Method::encode`]; also for a quote or bracket that is not closed.
    pub fn encode_line(
        &self,
        line: &'a str,
        secrets: &mut Secrets<'_>,
        to: &mut [u8],
    ) -> Result<usize, EncodeError<'a>> {
        let mut words = [""; WORDS_MAX];
        match split(line, &mut words) {
            Ok(count) => self.encode(words.get(..count).unwrap_or_default(), secrets, to),
            Err(error) => {
                to.fill(0);
                Err(error)
            }
        }
    }

    /// The same, from what [`Method::show`] wrote: `name: "Ada", count: 3`.
    ///
    /// # Errors
    /// As [`Method::encode`].
    pub fn encode_shown(
        &self,
        shown: &'a str,
        secrets: &mut Secrets<'_>,
        to: &mut [u8],
    ) -> Result<usize, EncodeError<'a>> {
        let mut encoder = Encoder::new(secrets, Output::new(to));
        let result =
            encoder.named(&mut self.arguments_text().clone(), ")", &mut Literal::new(shown), "", DEPTH_MAX);
        encoder.finish(result)
    }

    fn encode_words(
        &self,
        words: &[&'a str],
        encoder: &mut Encoder<'a, '_, '_, '_>,
    ) -> Result<(), EncodeError<'a>> {
        let mut positional = words.iter().copied().filter(|word| self.named_word(word).is_none());
        for argument in self.arguments() {
            encoder.argument = argument.name;
            let mut named = words
                .iter()
                .filter_map(|word| self.named_word(word))
                .filter(|(name, _)| *name == argument.name);
            let given = named.next();
            if let Some((_, value)) = named.next() {
                return Err(encoder.error(value, Expected::What("one value: it is given twice")));
            }
            let is_asked = encoder.asks() && argument.type_text.starts_with("secret<");
            let word = match given {
                Some((_, value)) => Some(value),
                None if is_asked => Some("?"),
                None => positional.next(),
            };
            let word = match word {
                Some(word) => word,
                None if argument.type_text.starts_with("option<") => "none",
                None => return Err(encoder.error("", Expected::Type(argument.type_text))),
            };
            let mut from = Literal::new(word);
            encoder.value(&mut Cursor::new(argument.type_text), &mut from, Place::Word, DEPTH_MAX)?;
            encoder.end(from, argument.type_text)?;
        }
        encoder.argument = "";
        match positional.next() {
            None => Ok(()),
            Some(word) if encoder.asks() && self.has_secrets() => Err(EncodeError::new(
                word,
                Expected::What("no more words: secrets are asked for, not written"),
            )),
            Some(word) => Err(EncodeError::new(word, Expected::What("no more words"))),
        }
    }

    fn has_secrets(&self) -> bool {
        self.arguments().any(|argument| argument.type_text.contains("secret<"))
    }

    /// `name=value`, when there is an argument of that name.
    fn named_word(&self, word: &'a str) -> Option<(&'a str, &'a str)> {
        let (name, value) = word.split_once('=')?;
        self.arguments().any(|argument| argument.name == name).then_some((name, value))
    }
}

/// Splits a line into words; gives how many there are.
fn split<'a>(line: &'a str, words: &mut [&'a str; WORDS_MAX]) -> Result<usize, EncodeError<'a>> {
    let mut count = 0_usize;
    let mut rest = Literal::new(line);
    while !rest.rest().is_empty() {
        let found = rest.found();
        let word = rest.argument().filter(|word| !word.is_empty());
        let word = word.ok_or(EncodeError::new(found, Expected::What("closed quotes and brackets")))?;
        let place = words.get_mut(count).ok_or(EncodeError::new(word, Expected::What("at most 32 words")))?;
        *place = word;
        count = count.saturating_add(1);
    }
    Ok(count)
}
