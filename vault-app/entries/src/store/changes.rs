//! What an operation changes: whole records, put or deleted.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{Store, StoreError};
use crate::caps;
use crate::check::Breach;
use crate::entry::Entry;
use crate::group::Group;
use crate::id::{ContentId, EntryId, GroupId};
use crate::record;

/// Everything one operation changes. To be made durable as a whole or not at all.
#[derive(Debug)]
#[must_use = "nothing happens until these are stored and committed"]
pub struct Changes {
    pub(super) revision: u64,
    pub(super) entries: BTreeMap<EntryId, Option<Entry>>,
    pub(super) groups: BTreeMap<GroupId, Option<Group>>,
    released: BTreeSet<ContentId>,
    /// What the store weighs with these.
    pub(super) weight: usize,
}

/// One record to be written or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The record `id` is to hold these bytes, whether it is there or not.
    Put(u128, record::Bytes),
    /// The record `id` is to be no more.
    Delete(u128),
}

impl Changes {
    /// The records, each once.
    ///
    /// # Errors
    /// Never for changes that a [`Store`] made: it has checked what it puts.
    pub fn records(&self) -> Result<Vec<Change>, Breach> {
        let mut records = Vec::with_capacity(self.entries.len() + self.groups.len());
        for (id, group) in &self.groups {
            records.push(match group {
                Some(group) => Change::Put(id.number(), record::encode_group(group)?),
                None => Change::Delete(id.number()),
            });
        }
        for (id, entry) in &self.entries {
            records.push(match entry {
                Some(entry) => Change::Put(id.number(), record::encode(entry)?),
                None => Change::Delete(id.number()),
            });
        }
        Ok(records)
    }

    /// Contents of attachments that nothing mentions any more once this is committed. To be deleted with it.
    pub fn released(&self) -> impl Iterator<Item = ContentId> + '_ {
        self.released.iter().copied()
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.groups.is_empty()
    }

    /// The entries that will be there, new or changed.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().flatten()
    }

    /// The groups that will be there, new or changed.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values().flatten()
    }

    /// Puts an entry, which loses its oldest versions as far as the caps ask for.
    pub(super) fn put(&mut self, mut entry: Entry) -> Result<(), StoreError> {
        entry.history.truncate(caps::HISTORY_MAX);
        while record::size(&entry) > record::BODY_MAX && entry.history.pop().is_some() {}
        record::encode(&entry)?;
        self.entries.insert(entry.id, Some(entry));
        Ok(())
    }

    pub(super) fn put_group(&mut self, group: Group) -> Result<(), StoreError> {
        record::encode_group(&group)?;
        self.groups.insert(group.id, Some(group));
        Ok(())
    }
}

impl Store {
    pub(super) const fn no_changes(&self) -> Changes {
        Changes {
            revision: self.revision,
            entries: BTreeMap::new(),
            groups: BTreeMap::new(),
            released: BTreeSet::new(),
            weight: self.weight,
        }
    }

    pub(super) fn with_entry(&self, entry: Entry) -> Result<Changes, StoreError> {
        let mut changes = self.no_changes();
        changes.put(entry)?;
        self.fitting(changes)
    }

    pub(super) fn with_group(&self, group: Group) -> Result<Changes, StoreError> {
        let mut changes = self.no_changes();
        changes.put_group(group)?;
        self.fitting(changes)
    }

    /// The changes finished, if the store has room for them.
    pub(super) fn fitting(&self, changes: Changes) -> Result<Changes, StoreError> {
        let changes = self.finished(changes);
        self.check_budget(&changes)?;
        Ok(changes)
    }

    /// Says which contents are released, and what the store then weighs.
    pub(super) fn finished(&self, mut changes: Changes) -> Changes {
        changes.weight = self.weight_after(&changes);
        let before = changes.entries.keys().filter_map(|id| self.entry(*id));
        let mut released: BTreeSet<ContentId> = before.flat_map(Entry::contents).collect();
        if !released.is_empty() {
            let others = self.entries().filter(|entry| !changes.entries.contains_key(&entry.id));
            for content in others.chain(changes.entries()).flat_map(Entry::contents) {
                released.remove(&content);
            }
        }
        changes.released = released;
        changes
    }
}
