//! Which entry a name means.
//!
//! A name is the title; `GROUP/TITLE` with the path of the group, `/TITLE` in the root; or `#` and the first digits of the id.
//! Titles and names of groups may hold slashes, so one name can be read in several ways: when more than one entry answers to
//! it, in whatever reading, it is ambiguous. To guess would give away, or throw away, the wrong password.
//!
//! Ids go before titles. What is in the bin is found only when nothing else has the name.

use alloc::vec::Vec;
use core::fmt::Write;

use ipc_proto_types::Text;
use ipc_proto_vault_api::VaultError;
use vault_app_entries::{Entry, EntryId, Item, Store};

/// The fewest digits that name an entry by its id. With less, a title such as `#add` would now and then be the id of
/// another entry.
pub const ID_DIGITS_MIN: usize = 6;
/// Digits of a whole id.
const ID_DIGITS: usize = 32;
const BITS_PER_DIGIT: u32 = 4;

/// The entry of this name; one in the bin when no other has it.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`.
pub fn resolve(store: &Store, name: &str) -> Result<EntryId, VaultError> {
    if let Some(id) = by_id(store, name)? {
        return Ok(id);
    }
    let (binned, live) = called(store, name);
    only(if live.is_empty() { &binned } else { &live })
}

/// The entry of this name in the bin, whatever else has it.
///
/// # Errors
/// `NotInBin` when only others have this name; `NoSuchEntry`, `Ambiguous`.
pub fn resolve_in_bin(store: &Store, name: &str) -> Result<EntryId, VaultError> {
    if let Some(id) = by_id(store, name)? {
        return if store.is_recycled(Item::Entry(id)) { Ok(id) } else { Err(VaultError::NotInBin) };
    }
    let (binned, live) = called(store, name);
    if binned.is_empty() && !live.is_empty() { Err(VaultError::NotInBin) } else { only(&binned) }
}

/// `#` and the first digits of the id, as many as no other entry begins with, and no less than [`ID_DIGITS_MIN`].
#[must_use]
pub fn short_id(store: &Store, id: EntryId) -> Text<40> {
    let others = store.entries().map(|entry| entry.id.number());
    digits(id.number(), unique_digits(id.number(), others))
}

/// `#` and all digits of the id.
pub(crate) fn whole_id(id: EntryId) -> Text<40> {
    digits(id.number(), ID_DIGITS)
}

/// As [`short_id`], of any ids.
pub(crate) fn unique_digits(id: u128, others: impl Iterator<Item = u128>) -> usize {
    let same = others.filter(|other| *other != id).map(|other| (other ^ id).leading_zeros()).max();
    let needed = same.map_or(0, |bits| bits / BITS_PER_DIGIT + 1);
    usize::try_from(needed).unwrap_or(ID_DIGITS).clamp(ID_DIGITS_MIN, ID_DIGITS)
}

pub(crate) fn digits(id: u128, count: usize) -> Text<40> {
    let mut all = Text::<40>::new();
    // 33 bytes, all ASCII.
    let written = write!(all, "#{id:032x}");
    Text::truncated(if written.is_ok() { &all[..=count.min(ID_DIGITS)] } else { "" })
}

/// What ids begin with that a name of the form `#digits` asks for.
#[derive(Clone, Copy)]
pub(crate) struct Prefix {
    front: u128,
    /// How many bits of an id are behind it.
    behind: u32,
}

impl Prefix {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let digits = name.strip_prefix('#')?;
        let is_prefix = (ID_DIGITS_MIN..=ID_DIGITS).contains(&digits.len())
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let bits = u32::try_from(digits.len()).ok()? * BITS_PER_DIGIT;
        let front = is_prefix.then(|| u128::from_str_radix(digits, 16).ok()).flatten()?;
        Some(Self { front, behind: u128::BITS - bits })
    }

    pub(crate) fn begins(self, id: u128) -> bool {
        id >> self.behind == self.front
    }
}

fn by_id(store: &Store, name: &str) -> Result<Option<EntryId>, VaultError> {
    let Some(prefix) = Prefix::parse(name) else { return Ok(None) };
    let ids = store.entries().map(|entry| entry.id);
    let found: Vec<EntryId> = ids.filter(|id| prefix.begins(id.number())).collect();
    if found.is_empty() { Ok(None) } else { only(&found).map(Some) }
}

/// The entries that answer to the name: those in the bin and those that are not.
fn called(store: &Store, name: &str) -> (Vec<EntryId>, Vec<EntryId>) {
    let found = store.entries().filter(|entry| is_called(store, entry, name));
    found.map(|entry| entry.id).partition(|id| store.is_recycled(Item::Entry(*id)))
}

fn is_called(store: &Store, entry: &Entry, name: &str) -> bool {
    let Some(front) = name.strip_suffix(entry.content.title.as_str()) else { return false };
    let in_group = |path: &str| store.path(entry.group).as_str() == path;
    front.is_empty() || front.strip_suffix('/').is_some_and(in_group)
}

fn only(found: &[EntryId]) -> Result<EntryId, VaultError> {
    match found {
        [] => Err(VaultError::NoSuchEntry),
        [id] => Ok(*id),
        many => Err(VaultError::Ambiguous { entries: u16::try_from(many.len()).unwrap_or(u16::MAX) }),
    }
}
