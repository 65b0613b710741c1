//! The store in memory, and how it changes: work out, make durable, commit.
//!
//! Every operation takes the store as it is and returns [`Changes`]; nothing has happened yet. The caller writes
//! [`Changes::records`] in one atomic step and then gives them to [`Store::commit`], or drops them, and nothing has
//! happened at all. Changes fit only the store they were made from: after another commit they are stale.
//!
//! Kept: every entry is in a group that exists or in the root; groups make a tree at most [`caps::GROUP_DEPTH_MAX`] deep; every
//! id is used once; every record fits its cap; all together fit the budget, if there is one.
//!
//! The **recycle bin** is a mark, not a place: what is in it remembers where it was. What hangs below a marked group is in the
//! bin too. Only what is in the bin can be purged, and what is in it can't be edited or moved, only restored.

mod bin;
mod changes;
mod entries;
mod groups;
mod import;
mod load;
mod merge;
mod weight;

use alloc::collections::{BTreeMap, BTreeSet};
use core::fmt;

pub use changes::{Change, Changes};
pub use load::{LoadError, LoadFault, Loader};

use crate::caps;
use crate::check::Breach;
use crate::entry::Entry;
use crate::group::Group;
use crate::id::{ContentId, EntryId, GroupId};

/// An entry or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// An entry.
    Entry(EntryId),
    /// A group.
    Group(GroupId),
}

/// Why an operation can't be done. Nothing is changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreError {
    /// No such entry.
    NoEntry,
    /// No such group, or the root where it won't do.
    NoGroup,
    /// No attachment of that name.
    NoAttachment,
    /// No version of that number.
    NoVersion,
    /// The id is in use.
    Exists,
    /// As many entries, groups or bytes as there may be.
    Full,
    /// Groups would be too deep in one another.
    TooDeep,
    /// A group would be inside itself.
    Circle,
    /// It, or where it would go, is in the recycle bin.
    Recycled,
    /// It is not in the recycle bin.
    NotRecycled,
    /// What would be kept breaks a cap.
    Breach(Breach),
    /// The changes were made from another state of the store.
    Stale,
    /// The source of randomness failed.
    Random,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEntry => "no such entry",
            Self::NoGroup => "no such group",
            Self::NoAttachment => "no attachment of that name",
            Self::NoVersion => "no such version",
            Self::Exists => "the id is in use",
            Self::Full => "the store is full",
            Self::TooDeep => "groups too deep in one another",
            Self::Circle => "a group can't be inside itself",
            Self::Recycled => "it is in the recycle bin",
            Self::NotRecycled => "it is not in the recycle bin",
            Self::Breach(breach) => return breach.fmt(f),
            Self::Stale => "the store has changed meanwhile",
            Self::Random => "no randomness",
        })
    }
}

impl From<Breach> for StoreError {
    fn from(breach: Breach) -> Self {
        Self::Breach(breach)
    }
}

/// The store.
#[derive(Debug)]
pub struct Store {
    entries: BTreeMap<EntryId, Entry>,
    groups: BTreeMap<GroupId, Group>,
    /// How many commits there were; says which changes fit.
    revision: u64,
    /// What all records weigh.
    weight: usize,
    /// What they may weigh.
    budget: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// An empty store, without a budget.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new(), groups: BTreeMap::new(), revision: 0, weight: 0, budget: usize::MAX }
    }

    /// Makes changes happen in memory, once they are durable.
    ///
    /// # Errors
    /// [`StoreError::Stale`]; nothing is changed then.
    pub fn commit(&mut self, changes: Changes) -> Result<(), StoreError> {
        if changes.revision != self.revision {
            return Err(StoreError::Stale);
        }
        for (id, entry) in changes.entries {
            match entry {
                Some(entry) => self.entries.insert(id, entry),
                None => self.entries.remove(&id),
            };
        }
        for (id, group) in changes.groups {
            match group {
                Some(group) => self.groups.insert(id, group),
                None => self.groups.remove(&id),
            };
        }
        self.weight = changes.weight;
        self.revision += 1;
        Ok(())
    }

    /// The entry, in the bin or not.
    #[must_use]
    pub fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// The group, in the bin or not.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// All entries by id, those in the bin included.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// All groups by id, those in the bin included.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// All contents that attachments mention, for comparing with those that are kept.
    #[must_use]
    pub fn contents(&self) -> BTreeSet<ContentId> {
        self.entries().flat_map(Entry::contents).collect()
    }

    /// Whether the item is in the recycle bin, by itself or by a group above. No for what doesn't exist.
    #[must_use]
    pub fn is_recycled(&self, item: Item) -> bool {
        match item {
            Item::Entry(id) => self.entry(id).is_some_and(|entry| {
                entry.recycled_s.is_some() || self.is_recycled(Item::Group(entry.group))
            }),
            Item::Group(id) => self.ancestry(id).any(|group| group.recycled_s.is_some()),
        }
    }

    /// The group and the groups above it, from the inside out; nothing for the root.
    pub fn ancestry(&self, id: GroupId) -> impl Iterator<Item = &Group> {
        let above = |group: &&Group| self.group(group.parent);
        core::iter::successors(self.group(id), above).take(caps::GROUP_DEPTH_MAX)
    }

    fn has_id(&self, number: u128) -> bool {
        number == GroupId::ROOT.number()
            || self.entries.contains_key(&EntryId::from_bytes(number.to_be_bytes()))
            || self.groups.contains_key(&GroupId::from_bytes(number.to_be_bytes()))
    }

    /// An entry that may be changed.
    fn live_entry(&self, id: EntryId) -> Result<&Entry, StoreError> {
        let entry = self.entry(id).ok_or(StoreError::NoEntry)?;
        if self.is_recycled(Item::Entry(id)) { Err(StoreError::Recycled) } else { Ok(entry) }
    }

    /// A group that may be changed; so not the root.
    fn live_group(&self, id: GroupId) -> Result<&Group, StoreError> {
        let group = self.group(id).ok_or(StoreError::NoGroup)?;
        if self.is_recycled(Item::Group(id)) { Err(StoreError::Recycled) } else { Ok(group) }
    }

    /// Whether something may go into the group, which may be the root.
    fn check_target(&self, id: GroupId) -> Result<(), StoreError> {
        if id == GroupId::ROOT { Ok(()) } else { self.live_group(id).map(|_| ()) }
    }
}
