//! The recycle bin: remove, restore, purge.

use alloc::vec::Vec;

use super::{Changes, Item, Store, StoreError};
use crate::entry::Entry;
use crate::group::Group;
use crate::id::{EntryId, GroupId};

impl Store {
    /// The item in the recycle bin; a group with all below it.
    ///
    /// # Errors
    /// [`StoreError::NoEntry`], [`StoreError::NoGroup`], [`StoreError::Recycled`].
    pub fn remove(&self, item: Item, now_s: u64) -> Result<Changes, StoreError> {
        let recycled_s = Some(now_s);
        match item {
            Item::Entry(id) => self.with_entry(Entry { recycled_s, ..self.live_entry(id)?.clone() }),
            Item::Group(id) => self.with_group(Group { recycled_s, ..self.live_group(id)?.clone() }),
        }
    }

    /// The item back where it was; in the root, if that is in the bin.
    ///
    /// # Errors
    /// [`StoreError::NoEntry`], [`StoreError::NoGroup`], [`StoreError::NotRecycled`].
    pub fn restore(&self, item: Item) -> Result<Changes, StoreError> {
        match item {
            Item::Entry(id) => {
                let old = self.entry(id).ok_or(StoreError::NoEntry)?;
                self.check_recycled(item)?;
                let group = self.live_or_root(old.group);
                self.with_entry(Entry { group, recycled_s: None, ..old.clone() })
            }
            Item::Group(id) => {
                let old = self.group(id).ok_or(StoreError::NoGroup)?;
                self.check_recycled(item)?;
                let parent = self.live_or_root(old.parent);
                self.with_group(Group { parent, recycled_s: None, ..old.clone() })
            }
        }
    }

    /// The item, which is in the bin, gone for good; a group with all below it.
    ///
    /// # Errors
    /// [`StoreError::NoEntry`], [`StoreError::NoGroup`], [`StoreError::NotRecycled`].
    pub fn purge(&self, item: Item) -> Result<Changes, StoreError> {
        match item {
            Item::Entry(id) => self.entry(id).map(|_| ()).ok_or(StoreError::NoEntry)?,
            Item::Group(id) => self.group(id).map(|_| ()).ok_or(StoreError::NoGroup)?,
        }
        self.check_recycled(item)?;
        Ok(match item {
            Item::Entry(id) => self.without(&[id], &[]),
            Item::Group(id) => {
                let groups = self.groups().filter(|group| self.is_within(group.id, id));
                let entries = self.entries().filter(|entry| self.is_within(entry.group, id));
                self.without(&ids(entries), &group_ids(groups))
            }
        })
    }

    /// All that is in the bin gone for good.
    pub fn empty_bin(&self) -> Changes {
        let groups = self.groups().filter(|group| self.is_recycled(Item::Group(group.id)));
        let entries = self.entries().filter(|entry| self.is_recycled(Item::Entry(entry.id)));
        self.without(&ids(entries), &group_ids(groups))
    }

    fn without(&self, entries: &[EntryId], groups: &[GroupId]) -> Changes {
        let mut changes = self.no_changes();
        changes.entries.extend(entries.iter().map(|id| (*id, None)));
        changes.groups.extend(groups.iter().map(|id| (*id, None)));
        self.finished(changes)
    }

    fn check_recycled(&self, item: Item) -> Result<(), StoreError> {
        if self.is_recycled(item) { Ok(()) } else { Err(StoreError::NotRecycled) }
    }

    fn live_or_root(&self, group: GroupId) -> GroupId {
        if self.is_recycled(Item::Group(group)) { GroupId::ROOT } else { group }
    }
}

fn ids<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<EntryId> {
    entries.map(|entry| entry.id).collect()
}

fn group_ids<'a>(groups: impl Iterator<Item = &'a Group>) -> Vec<GroupId> {
    groups.map(|group| group.id).collect()
}
