//! Operations on groups: add, edit, move; and questions about the tree.

use alloc::string::String;

use super::{Changes, Store, StoreError};
use crate::caps;
use crate::group::Group;
use crate::id::GroupId;
use crate::text::{Plain, SecretText};

impl Store {
    /// A new group in `parent`.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Full`], [`StoreError::NoGroup`], [`StoreError::Recycled`],
    /// [`StoreError::TooDeep`], [`StoreError::Breach`].
    pub fn add_group(
        &self,
        id: GroupId,
        parent: GroupId,
        name: &str,
        now_s: u64,
    ) -> Result<Changes, StoreError> {
        if self.has_id(id.number()) {
            return Err(StoreError::Exists);
        }
        if self.groups.len() >= caps::GROUPS_MAX {
            return Err(StoreError::Full);
        }
        self.check_target(parent)?;
        if self.depth(parent) >= caps::GROUP_DEPTH_MAX {
            return Err(StoreError::TooDeep);
        }
        self.with_group(Group::new(id, parent, name, now_s))
    }

    /// Another name and other notes for a group.
    ///
    /// # Errors
    /// [`StoreError::NoGroup`], [`StoreError::Recycled`], [`StoreError::Breach`], [`StoreError::Full`].
    pub fn edit_group(
        &self,
        id: GroupId,
        name: &str,
        notes: SecretText,
        now_s: u64,
    ) -> Result<Changes, StoreError> {
        let mut group = self.live_group(id)?.clone();
        group.name = Plain::new(String::from(name));
        group.notes = notes;
        group.times.modified_s = now_s;
        self.with_group(group)
    }

    /// The group, with all below it, in another group.
    ///
    /// # Errors
    /// [`StoreError::NoGroup`], [`StoreError::Recycled`], [`StoreError::Circle`], [`StoreError::TooDeep`].
    pub fn move_group(&self, id: GroupId, parent: GroupId) -> Result<Changes, StoreError> {
        let old = self.live_group(id)?;
        self.check_move(id, parent)?;
        self.with_group(Group { parent, ..old.clone() })
    }

    /// The group, with all below it, in `parent` under another name, in one step.
    ///
    /// # Errors
    /// As [`Store::move_group`], and [`StoreError::Breach`].
    pub fn place_group(
        &self,
        id: GroupId,
        parent: GroupId,
        name: &str,
        now_s: u64,
    ) -> Result<Changes, StoreError> {
        let old = self.live_group(id)?;
        self.check_move(id, parent)?;
        let mut group = Group { parent, ..old.clone() };
        if group.name.as_str() != name {
            group.name = Plain::new(String::from(name));
            group.times.modified_s = now_s;
        }
        self.with_group(group)
    }

    /// Whether `group` is `other` or hangs below it. All hangs below the root.
    #[must_use]
    pub fn is_within(&self, group: GroupId, other: GroupId) -> bool {
        other == GroupId::ROOT || self.ancestry(group).any(|above| above.id == other)
    }

    /// The names from the root to the group, separated by slashes; empty for the root.
    #[must_use]
    pub fn path(&self, id: GroupId) -> Plain {
        let length = self.ancestry(id).map(|group| group.name.len() + 1).sum();
        let mut path = Plain::new(String::with_capacity(length));
        for depth in (0..self.depth(id)).rev() {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(self.ancestry(id).nth(depth).map_or("", |group| &group.name));
        }
        path
    }

    /// Whether the group may go into `parent`.
    fn check_move(&self, id: GroupId, parent: GroupId) -> Result<(), StoreError> {
        self.check_target(parent)?;
        if self.is_within(parent, id) {
            return Err(StoreError::Circle);
        }
        if self.depth(parent) + self.height(id) > caps::GROUP_DEPTH_MAX {
            return Err(StoreError::TooDeep);
        }
        Ok(())
    }

    /// How many groups there are from the root to this one, 0 for the root.
    pub(super) fn depth(&self, id: GroupId) -> usize {
        self.ancestry(id).count()
    }

    /// How many levels of groups the group and those below it make.
    fn height(&self, id: GroupId) -> usize {
        let below = |group: &&Group| self.is_within(group.id, id);
        let depth = self.groups().filter(below).map(|group| self.depth(group.id)).max();
        (depth.unwrap_or(0) + 1).saturating_sub(self.depth(id))
    }
}
