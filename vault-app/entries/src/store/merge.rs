//! Groups and entries that have ids already, such as those of a file, as changes.

use alloc::vec::Vec;

use super::{Changes, Store, StoreError};
use crate::caps;
use crate::entry::Entry;
use crate::group::Group;
use crate::id::GroupId;

impl Store {
    /// All of these, new, under the ids that they have, in groups that are there or are among these, also in the bin. Entries
    /// lose their oldest versions as far as the caps ask for.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when an id is in use or comes twice, [`StoreError::Full`], [`StoreError::NoGroup`],
    /// [`StoreError::TooDeep`], also for a circle, [`StoreError::Breach`].
    pub fn merge(&self, groups: Vec<Group>, entries: Vec<Entry>) -> Result<Changes, StoreError> {
        if self.entries.len() + entries.len() > caps::ENTRIES_MAX
            || self.groups.len() + groups.len() > caps::GROUPS_MAX
        {
            return Err(StoreError::Full);
        }
        let mut changes = self.no_changes();
        for group in groups {
            if self.has_id(group.id.number()) || changes.groups.contains_key(&group.id) {
                return Err(StoreError::Exists);
            }
            changes.put_group(group)?;
        }
        for group in changes.groups() {
            self.check_depth(&changes, group)?;
        }
        for entry in entries {
            let id = entry.id;
            let as_group = GroupId::from_bytes(id.bytes());
            let comes_twice = changes.entries.contains_key(&id) || changes.groups.contains_key(&as_group);
            if self.has_id(id.number()) || comes_twice {
                return Err(StoreError::Exists);
            }
            if !changes.groups.contains_key(&entry.group) && !self.is_group(entry.group) {
                return Err(StoreError::NoGroup);
            }
            changes.put(entry)?;
        }
        self.fitting(changes)
    }

    /// The way up from a new group must reach the root, or a group that is there, in time.
    fn check_depth(&self, changes: &Changes, group: &Group) -> Result<(), StoreError> {
        let mut depth = 1;
        let mut parent = group.parent;
        while let Some(Some(above)) = changes.groups.get(&parent) {
            depth += 1;
            if depth > caps::GROUP_DEPTH_MAX {
                return Err(StoreError::TooDeep);
            }
            parent = above.parent;
        }
        if !self.is_group(parent) {
            return Err(StoreError::NoGroup);
        }
        if depth + self.depth(parent) > caps::GROUP_DEPTH_MAX { Err(StoreError::TooDeep) } else { Ok(()) }
    }
}
