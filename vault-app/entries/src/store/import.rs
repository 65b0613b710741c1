//! An import as changes: groups found or made, entries added, all at once.

use vault_app_codes::Random;

use super::{Changes, Store, StoreError};
use crate::caps;
use crate::entry::{Entry, Times};
use crate::group::Group;
use crate::id::{EntryId, GroupId};
use crate::import::{Import, ImportEntry};
use crate::text::Plain;

impl Store {
    /// All of an import below the group `at`. Groups of a name that is there already are taken, others made.
    ///
    /// # Errors
    /// [`StoreError::NoGroup`], [`StoreError::Recycled`], [`StoreError::Full`], [`StoreError::TooDeep`],
    /// [`StoreError::Breach`], [`StoreError::Random`].
    pub fn import(
        &self,
        import: Import,
        at: GroupId,
        random: &mut impl Random,
        now_s: u64,
    ) -> Result<Changes, StoreError> {
        self.check_target(at)?;
        if self.entries.len() + import.entries.len() > caps::ENTRIES_MAX {
            return Err(StoreError::Full);
        }
        let mut builder = Builder { store: self, changes: self.no_changes(), at, now_s };
        for path in &import.groups {
            builder.group(path, random)?;
        }
        for entry in import.entries {
            builder.entry(entry, random)?;
        }
        self.fitting(builder.changes)
    }
}

struct Builder<'a> {
    store: &'a Store,
    changes: Changes,
    at: GroupId,
    now_s: u64,
}

impl Builder<'_> {
    fn entry(&mut self, from: ImportEntry, random: &mut impl Random) -> Result<(), StoreError> {
        let ImportEntry { path, times, recycled_s, content, history } = from;
        let group = self.group(&path, random)?;
        let id = EntryId::random(random).map_err(|_| StoreError::Random)?;
        if self.is_taken(id.number()) {
            return Err(StoreError::Exists);
        }
        let times = times.unwrap_or(Times::new(self.now_s));
        self.changes.put(Entry { id, group, recycled_s, times, content, history })
    }

    /// The group at the end of the path, made with those above it if need be.
    fn group(&mut self, path: &[Plain], random: &mut impl Random) -> Result<GroupId, StoreError> {
        if self.store.depth(self.at) + path.len() > caps::GROUP_DEPTH_MAX {
            return Err(StoreError::TooDeep);
        }
        let mut parent = self.at;
        for name in path {
            parent = match self.child(parent, name) {
                Some(group) => group,
                None => self.new_group(parent, name, random)?,
            };
        }
        Ok(parent)
    }

    fn child(&self, parent: GroupId, name: &str) -> Option<GroupId> {
        let here = |group: &&Group| {
            group.parent == parent && group.name.as_str() == name && group.recycled_s.is_none()
        };
        self.store.groups().chain(self.changes.groups()).find(here).map(|group| group.id)
    }

    fn new_group(
        &mut self,
        parent: GroupId,
        name: &str,
        random: &mut impl Random,
    ) -> Result<GroupId, StoreError> {
        if self.store.groups.len() + self.changes.groups.len() >= caps::GROUPS_MAX {
            return Err(StoreError::Full);
        }
        let id = GroupId::random(random).map_err(|_| StoreError::Random)?;
        if self.is_taken(id.number()) {
            return Err(StoreError::Exists);
        }
        self.changes.put_group(Group::new(id, parent, name, self.now_s))?;
        Ok(id)
    }

    /// Happens only with a broken source of randomness, which must not overwrite anything.
    fn is_taken(&self, number: u128) -> bool {
        self.store.has_id(number)
            || self.changes.entries.contains_key(&EntryId::from_bytes(number.to_be_bytes()))
            || self.changes.groups.contains_key(&GroupId::from_bytes(number.to_be_bytes()))
    }
}
