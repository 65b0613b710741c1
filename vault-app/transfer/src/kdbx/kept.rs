//! What KDBX can't hold, in custom data that other programs keep.
//!
//! Beside the entropy of a generated password that is only odd things: characters that XML has no form for, a tag with a
//! semicolon, a field called `Title`. Then the whole content is kept a second time. It comes with a digest of what other
//! programs see of the entry; so after an edit there, what they wrote counts and what was kept is stale.

use alloc::string::String;
use alloc::vec;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use vault_app_entries::{Content, SecretText, caps};
use zeroize::Zeroizing;

use crate::index::{Digest, digest};

/// The item's name.
pub(super) const KEY: &str = "skep.kept";
/// Longest item that is looked at: base64 of a content at its cap, and what is beside it.
const ITEM_MAX: usize = caps::CONTENT_MAX * 4 / 3 + 256;

/// What is kept of an entry.
#[derive(Serialize, Deserialize)]
struct OfEntry<C> {
    /// Of what other programs see.
    seen: Digest,
    entropy_centibits: Option<u32>,
    /// The content, if what other programs see is not all of it.
    content: Option<C>,
}

/// The item for a content of which other programs see `seen`; none if that is all.
pub(super) fn of_content(content: &Content, seen: &Content) -> Option<Zeroizing<String>> {
    let is_whole = is_same(content, seen);
    if is_whole && content.entropy_centibits.is_none() {
        return None;
    }
    let entropy_centibits = content.entropy_centibits;
    print(&OfEntry { seen: digest(seen), entropy_centibits, content: (!is_whole).then_some(content) })
}

/// Whether they differ in nothing but the ids of attachments and the entropy.
fn is_same(content: &Content, seen: &Content) -> bool {
    let mut seen = seen.clone();
    seen.entropy_centibits = content.entropy_centibits;
    if seen.attachments.len() != content.attachments.len() {
        return false;
    }
    for (theirs, ours) in seen.attachments.iter_mut().zip(&content.attachments) {
        theirs.content = ours.content;
    }
    seen == *content
}

/// The content that was kept, whose attachments have no ids, and then what other programs see. If that is all, or another
/// program has changed it, only that.
pub(super) fn content(item: &str, mut seen: Content) -> (Content, Option<Content>) {
    let Some(kept) = parse::<OfEntry<Content>>(item).filter(|kept| kept.seen == digest(&seen)) else {
        return (seen, None);
    };
    match kept.content {
        Some(content) => (content, Some(seen)),
        None => {
            seen.entropy_centibits = kept.entropy_centibits;
            (seen, None)
        }
    }
}

/// What is kept of a group.
#[derive(Serialize, Deserialize)]
struct OfGroup {
    /// What other programs see: name and notes.
    seen: (SecretText, SecretText),
    kept: (SecretText, SecretText),
}

/// The item for a group of which other programs see other name and notes.
pub(super) fn of_group(kept: (&str, &str), seen: (&str, &str)) -> Option<Zeroizing<String>> {
    let texts = |pair: (&str, &str)| (SecretText::new(pair.0), SecretText::new(pair.1));
    if kept == seen { None } else { print(&OfGroup { seen: texts(seen), kept: texts(kept) }) }
}

/// Name and notes that were kept, if no other program has changed them.
pub(super) fn group(item: &str, seen: (&str, &str)) -> Option<(SecretText, SecretText)> {
    let OfGroup { seen: before, kept } = parse(item)?;
    ((before.0.expose(), before.1.expose()) == seen).then_some(kept)
}

fn print(value: &impl Serialize) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(vec![0; postcard::experimental::serialized_size(value).ok()?]);
    postcard::to_slice(value, &mut bytes).ok()?;
    Some(Zeroizing::new(Base64::encode_string(&bytes)))
}

fn parse<T: for<'a> Deserialize<'a>>(item: &str) -> Option<T> {
    if item.len() > ITEM_MAX {
        return None;
    }
    let mut bytes = Zeroizing::new(vec![0; item.len()]);
    let bytes = Base64::decode(item, &mut bytes).ok()?;
    postcard::from_bytes(bytes).ok()
}
