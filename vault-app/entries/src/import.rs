//! What an import reads from a file: entries and the paths of the groups they are in, not yet in any store.
//!
//! An import is read whole and checked whole before [`Store::import`](crate::Store::import) makes changes of it: either all
//! of a file comes in, or nothing does and every fault is named.

pub mod bitwarden;
pub mod csv;
mod date;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::caps;
use crate::entry::{Content, Field, Times, Version};
use crate::text::{Plain, SecretText};

pub use date::{parse as parse_date, print as print_date};

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// Groups that are there even if no entry is in them, by their names from the root down.
    pub groups: Vec<Path>,
    /// The entries.
    pub entries: Vec<ImportEntry>,
}

/// The names of groups from the root down; empty for the root.
pub type Path = Vec<Plain>;

/// An entry of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct ImportEntry {
    /// The group it is in.
    pub path: Path,
    /// When it was made and edited, if the file says so.
    pub times: Option<Times>,
    /// Whether it was in the bin there.
    pub recycled_s: Option<u64>,
    /// What it holds.
    pub content: Content,
    /// What it held, newest first.
    pub history: Vec<Version>,
}

/// Splits a path at its slashes; a backslash makes a slash, or a backslash, part of a name. Empty names are left out.
fn path(text: &str) -> Path {
    let mut names = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        if letter == '/' && !escaped {
            names.push(unescaped(&text[start..at]));
            start = at + 1;
        }
        escaped = letter == '\\' && !escaped;
    }
    names.push(unescaped(&text[start..]));
    names.retain(|name| !name.is_empty());
    names
}

fn unescaped(text: &str) -> Plain {
    let mut name = Plain::new(String::with_capacity(text.len()));
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let is_escape = letter == '\\' && matches!(letters.as_str().chars().next(), Some('/' | '\\'));
        name.extend(if is_escape { letters.next() } else { Some(letter) });
    }
    name
}

/// The tag of what was a favourite elsewhere.
const FAVORITE: &str = "favorite";

/// Adds a tag, unless it is there or there is none. Beyond the cap, which the check will find, nothing is added: looking
/// through all of a million tags for each of them would take for ever.
fn add_tag(content: &mut Content, tag: &str) {
    if content.tags.len() <= caps::TAGS_MAX
        && !tag.is_empty()
        && !content.tags.iter().any(|other| other.as_str() == tag)
    {
        content.tags.push(Plain::new(tag.into()));
    }
}

/// Adds a field; other programs let fields have no name or the same, so one may be made or numbered here.
/// Beyond the cap nothing is added, as with tags.
fn add_field(content: &mut Content, name: &str, value: SecretText, protected: bool) {
    if content.fields.len() > caps::FIELDS_MAX {
        return;
    }
    let base = if name.is_empty() { "field" } else { name };
    let mut name = Plain::new(base.into());
    let mut number = 2;
    // Ends: there are at most as many names as fields.
    while content.field(&name).is_some() {
        name = Plain::new(format!("{base} ({number})"));
        number += 1;
    }
    content.fields.push(Field { name, value, protected });
}

/// Whether a path can be groups of a store.
fn is_path(path: &[Plain]) -> bool {
    path.len() <= caps::GROUP_DEPTH_MAX && path.iter().all(|name| name.len() <= caps::GROUP_NAME_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_at_slashes_that_are_not_escaped() {
        for (text, expected) in [
            ("", &[] as &[&str]),
            ("a", &["a"]),
            ("a/b", &["a", "b"]),
            ("/a//b/", &["a", "b"]),
            ("a\\/b/c", &["a/b", "c"]),
            ("a\\\\/b", &["a\\", "b"]),
            ("a\\b/c\\", &["a\\b", "c\\"]),
        ] {
            let names = path(text);
            assert!(names.iter().map(|name| name.as_str()).eq(expected.iter().copied()), "{text}: {names:?}");
        }
    }
}
