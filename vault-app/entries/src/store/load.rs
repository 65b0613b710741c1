//! A store from its records.

use core::fmt;

use super::{Store, weight};
use crate::caps;
use crate::group::Group;
use crate::id::GroupId;
use crate::record::{self, DecodeError, Record};

/// Which record keeps a store from being loaded, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadError {
    /// The record's id.
    pub id: u128,
    /// What is wrong.
    pub fault: LoadFault,
}

/// What is wrong with a record, alone or among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadFault {
    /// Its bytes are no record.
    Decode(DecodeError),
    /// It is stored under another id than its own.
    OtherId,
    /// Its id is used by another.
    Twice,
    /// It is one too many, or too long for what is left of the budget.
    Full,
    /// The group it is in does not exist.
    NoGroup,
    /// It is a group too deep in others, or inside itself.
    TooDeep,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {:032x}: ", self.id)?;
        match self.fault {
            LoadFault::Decode(error) => error.fmt(f),
            LoadFault::OtherId => f.write_str("stored under another id than its own"),
            LoadFault::Twice => f.write_str("its id is used by another"),
            LoadFault::Full => f.write_str("more than the store has room for"),
            LoadFault::NoGroup => f.write_str("the group it is in does not exist"),
            LoadFault::TooDeep => f.write_str("too deep in groups, or inside itself"),
        }
    }
}

/// A store being loaded, one record after another in any order.
#[derive(Debug, Default)]
pub struct Loader {
    store: Store,
    /// The first record that was wrong.
    error: Option<LoadError>,
}

impl Loader {
    /// No records yet, and no budget for them.
    #[must_use]
    pub const fn new() -> Self {
        Self { store: Store::new(), error: None }
    }

    /// No records yet, for a store of [`Store::with_budget`].
    #[must_use]
    pub const fn with_budget(bytes: usize) -> Self {
        Self { store: Store::with_budget(bytes), error: None }
    }

    /// Takes in one record.
    ///
    /// # Errors
    /// The first record that was wrong, this one or one before; nothing is taken in after it.
    pub fn take(&mut self, id: u128, bytes: &[u8]) -> Result<(), LoadError> {
        if self.error.is_none() {
            self.error = self.store.take(id, bytes).err().map(|fault| LoadError { id, fault });
        }
        self.error.map_or(Ok(()), Err)
    }

    /// The store that the records make.
    ///
    /// # Errors
    /// The first record that was wrong, alone or among all.
    pub fn finish(self) -> Result<Store, LoadError> {
        self.error.map_or(Ok(()), Err)?;
        self.store.check_places()?;
        Ok(self.store)
    }
}

impl Store {
    /// The store that these records make, in any order.
    ///
    /// # Errors
    /// The first record that is wrong; the records are left alone.
    pub fn load<'a>(records: impl IntoIterator<Item = (u128, &'a [u8])>) -> Result<Self, LoadError> {
        let mut loader = Loader::new();
        for (id, bytes) in records {
            loader.take(id, bytes)?;
        }
        loader.finish()
    }

    fn take(&mut self, id: u128, bytes: &[u8]) -> Result<(), LoadFault> {
        if self.has_id(id) {
            return Err(LoadFault::Twice);
        }
        match record::decode(bytes).map_err(LoadFault::Decode)? {
            Record::Entry(entry) if entry.id.number() == id => {
                let is_full = self.entries.len() >= caps::ENTRIES_MAX;
                self.weight = self.room(weight::of_entry(&entry), is_full)?;
                self.entries.insert(entry.id, entry);
            }
            Record::Group(group) if group.id.number() == id => {
                let is_full = self.groups.len() >= caps::GROUPS_MAX;
                self.weight = self.room(weight::of_group(&group), is_full)?;
                self.groups.insert(group.id, group);
            }
            Record::Entry(_) | Record::Group(_) => return Err(LoadFault::OtherId),
        }
        Ok(())
    }

    /// The weight with one more record, if there is room for it.
    fn room(&self, weight: usize, is_full: bool) -> Result<usize, LoadFault> {
        let weight = self.weight.saturating_add(weight);
        if is_full || weight > self.budget { Err(LoadFault::Full) } else { Ok(weight) }
    }

    /// Every entry and group must hang below the root.
    fn check_places(&self) -> Result<(), LoadError> {
        for group in self.groups.values() {
            self.check_place(group).map_err(|fault| LoadError { id: group.id.number(), fault })?;
        }
        let lost = self.entries.values().find(|entry| !self.is_group(entry.group));
        lost.map_or(Ok(()), |entry| Err(LoadError { id: entry.id.number(), fault: LoadFault::NoGroup }))
    }

    /// The way up must reach the root.
    fn check_place(&self, group: &Group) -> Result<(), LoadFault> {
        let last = self.ancestry(group.id).last().unwrap_or(group);
        match last.parent {
            GroupId::ROOT => Ok(()),
            parent if self.is_group(parent) => Err(LoadFault::TooDeep),
            _ => Err(LoadFault::NoGroup),
        }
    }

    pub(super) fn is_group(&self, id: GroupId) -> bool {
        id == GroupId::ROOT || self.groups.contains_key(&id)
    }
}
