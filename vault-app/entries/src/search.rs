//! Search: terms that must all be true of an entry.
//!
//! | term | true of an entry |
//! |---|---|
//! | `word`, `"some words"` | with the text in its title, user, a URL, the notes, a tag, the name of a field, or the value of an unprotected one |
//! | `tag:word` | with exactly this tag |
//! | `group:word` | with the text in the path of its group |
//! | `is:expired` | past its time |
//! | `is:recycled` | in the recycle bin; without this term nothing in the bin is found |
//!
//! Letters compare by their small form. Passwords, protected fields and the secrets of one-time codes are never looked at:
//! what can be searched can be guessed letter by letter.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use crate::caps;
use crate::entry::{Content, Entry};
use crate::store::{Item, Store};
use crate::text::Plain;

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Anywhere(Plain),
    Tag(Plain),
    Group(Plain),
    Expired,
    Recycled,
}

/// Why a text is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryError {
    /// Longer than [`caps::QUERY_MAX`] bytes, or more than [`caps::TERMS_MAX`] terms.
    TooLong,
    /// A quotation mark without its partner.
    Quote,
    /// `tag:` or `group:` with nothing behind it.
    Empty,
    /// `is:` with another word than `expired` or `recycled`.
    Is,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the search is too long",
            Self::Quote => "the search has a quotation mark without its partner",
            Self::Empty => "tag: and group: need a word behind them",
            Self::Is => "is: goes with expired or recycled",
        })
    }
}

impl Query {
    /// Reads terms, separated by blanks. No terms are true of every entry.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > caps::QUERY_MAX {
            return Err(QueryError::TooLong);
        }
        let mut terms = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            if terms.len() == caps::TERMS_MAX {
                return Err(QueryError::TooLong);
            }
            let (term, after) = Self::term(rest)?;
            terms.push(term);
            rest = after.trim_start();
        }
        Ok(Self { terms })
    }

    fn term(text: &str) -> Result<(Term, &str), QueryError> {
        for (key, of) in [("tag:", Term::Tag as fn(Plain) -> Term), ("group:", Term::Group)] {
            if let Some(rest) = strip(text, key) {
                let (word, after) = word(rest)?;
                return if word.is_empty() { Err(QueryError::Empty) } else { Ok((of(small(word)), after)) };
            }
        }
        if let Some(rest) = strip(text, "is:") {
            let (word, after) = word(rest)?;
            return match word {
                word if word.eq_ignore_ascii_case("expired") => Ok((Term::Expired, after)),
                word if word.eq_ignore_ascii_case("recycled") => Ok((Term::Recycled, after)),
                _ => Err(QueryError::Is),
            };
        }
        let (word, after) = word(text)?;
        Ok((Term::Anywhere(small(word)), after))
    }

    fn holds(&self, store: &Store, entry: &Entry, now_s: u64) -> bool {
        let recycled = store.is_recycled(Item::Entry(entry.id));
        recycled == self.terms.contains(&Term::Recycled)
            && self.terms.iter().all(|term| match term {
                Term::Anywhere(text) => anywhere(&entry.content, text),
                Term::Tag(tag) => entry.content.tags.iter().any(|other| letters(other).eq(tag.chars())),
                Term::Group(text) => contains(&store.path(entry.group), text),
                Term::Expired => entry.content.is_expired(now_s),
                Term::Recycled => recycled,
            })
    }
}

impl Store {
    /// The entries that the query is true of, by title.
    #[must_use]
    pub fn search(&self, query: &Query, now_s: u64) -> Vec<&Entry> {
        let mut found: Vec<&Entry> = self.matching(query, now_s).collect();
        found.sort_by(|a, b| by_title(a, b));
        found
    }

    /// The same by id, for who wants only some of them in another order.
    pub fn matching<'a>(&'a self, query: &Query, now_s: u64) -> impl Iterator<Item = &'a Entry> {
        self.entries().filter(move |entry| query.holds(self, entry, now_s))
    }
}

/// The order of titles in small letters; of equal ones that of ids, so no two entries are equal.
#[must_use]
pub fn by_title(a: &Entry, b: &Entry) -> Ordering {
    letters(&a.content.title).cmp(letters(&b.content.title)).then(a.id.cmp(&b.id))
}

fn anywhere(content: &Content, text: &str) -> bool {
    let has = |hay: &str| contains(hay, text);
    has(&content.title)
        || has(&content.user)
        || content.urls.iter().any(|url| has(url))
        || has(content.notes.expose())
        || content.tags.iter().any(|tag| has(tag))
        || content
            .fields
            .iter()
            .any(|field| has(&field.name) || !field.protected && has(field.value.expose()))
}

/// A word, or what is between quotation marks; and what is behind it.
fn word(text: &str) -> Result<(&str, &str), QueryError> {
    match text.strip_prefix('"') {
        Some(rest) => rest.split_once('"').ok_or(QueryError::Quote),
        None => Ok(text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))),
    }
}

fn strip<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (front, rest) = text.split_at_checked(key.len())?;
    front.eq_ignore_ascii_case(key).then_some(rest)
}

fn letters(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

fn small(text: &str) -> Plain {
    Plain::new(letters(text).collect())
}

/// Whether `hay` has `needle`, which is in small letters. Nothing is copied: what is searched may be secret. The work is at
/// most the length of one times that of the other, both of which have caps.
fn contains(hay: &str, needle: &str) -> bool {
    let begins = |at: usize| {
        let mut hay = letters(&hay[at..]);
        needle.chars().all(|letter| hay.next() == Some(letter))
    };
    needle.is_empty() || hay.char_indices().any(|(at, _)| begins(at))
}
