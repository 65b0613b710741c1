//! How much of a qube's memory a store may take.
//!
//! A record weighs its encoded bytes and what its values take beside those in memory: their own size, their places in
//! lists, and what the allocator adds. The encoded bytes alone would say too little: an entry with ten nearly empty
//! versions is 190 of them, and 3.6 KiB of memory. Measured with entries of 50 to 12,000 encoded bytes, the weight is 1.05
//! to 1.6 times what an allocator gave.
//!
//! Each record counts as if it were in the recycle bin at the end of time: marking it changes no weight, so a store that is
//! full can always be emptied, and one that fits is never too heavy to be loaded again.

use super::{Changes, Store, StoreError};
use crate::entry::{Attachment, Content, Entry, Field, Version};
use crate::group::Group;
use crate::record;
use crate::text::Plain;

/// Most bytes of a mark of the recycle bin: that there is one, and when, in postcard.
const MARK_MAX: usize = 11;
/// What an allocator takes for one allocation beside its bytes: a length, and what rounding up to two words costs.
const ALLOCATION: usize = 24;
/// Texts of one-time codes: secret, issuer and account.
const TOTP_TEXTS: usize = 3;

impl Store {
    /// An empty store that takes at most so many bytes of memory; see [`Store::weight`].
    #[must_use]
    pub const fn with_budget(bytes: usize) -> Self {
        let mut store = Self::new();
        store.budget = bytes;
        store
    }

    /// Bytes of memory that all entries and groups take, rather too many than too few; never less than their records have.
    #[must_use]
    pub const fn weight(&self) -> usize {
        self.weight
    }

    /// Most bytes that [`Store::weight`] may reach.
    #[must_use]
    pub const fn budget(&self) -> usize {
        self.budget
    }

    /// The weight after the changes.
    pub(super) fn weight_after(&self, changes: &Changes) -> usize {
        let mut weight = self.weight;
        for (id, new) in &changes.entries {
            weight = weight.saturating_sub(self.entries.get(id).map_or(0, of_entry));
            weight = weight.saturating_add(new.as_ref().map_or(0, of_entry));
        }
        for (id, new) in &changes.groups {
            weight = weight.saturating_sub(self.groups.get(id).map_or(0, of_group));
            weight = weight.saturating_add(new.as_ref().map_or(0, of_group));
        }
        weight
    }

    /// Whether there is room for the changes. What makes a store no heavier always has room.
    pub(super) const fn check_budget(&self, changes: &Changes) -> Result<(), StoreError> {
        if changes.weight > self.budget && changes.weight > self.weight {
            return Err(StoreError::Full);
        }
        Ok(())
    }
}

/// What an entry weighs.
pub(super) fn of_entry(entry: &Entry) -> usize {
    let versions = entry.history.iter().map(|version| lists(&version.content));
    in_map(size_of::<Entry>())
        + encoded(record::length(entry), entry.recycled_s)
        + lists(&entry.content)
        + list::<Version>(entry.history.len(), 0)
        + versions.sum::<usize>()
}

/// What a group weighs.
pub(super) fn of_group(group: &Group) -> usize {
    in_map(size_of::<Group>()) + encoded(record::length(group), group.recycled_s) + 2 * ALLOCATION
}

/// What the allocations of a content take beside the bytes of its texts. What is empty is none.
fn lists(content: &Content) -> usize {
    let Content { title, user, password, urls, notes, tags, fields, attachments, totp, .. } = content;
    let texts = [title.is_empty(), user.is_empty(), password.is_empty(), notes.is_empty()];
    let texts = texts.iter().filter(|is_empty| !**is_empty).count();
    let totp = totp.as_ref().map_or(0, |_| TOTP_TEXTS);
    list::<Plain>(urls.len(), 1)
        + list::<Plain>(tags.len(), 1)
        + list::<Field>(fields.len(), 2)
        + list::<Attachment>(attachments.len(), 1)
        + (texts + totp) * ALLOCATION
}

/// What a list takes, each item with so many texts.
const fn list<T>(count: usize, texts: usize) -> usize {
    if count == 0 { 0 } else { count * (size_of::<T>() + texts * ALLOCATION) + ALLOCATION }
}

/// A value and its id in a B-tree, whose nodes have room for eleven and hold at least five.
const fn in_map(size: usize) -> usize {
    (size + 16) * 11 / 5
}

fn encoded(length: usize, recycled_s: Option<u64>) -> usize {
    length.saturating_sub(record::size(&recycled_s)).saturating_add(MARK_MAX)
}
