//! A store from its records.

use core::fmt;

use super::Store;
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
    /// It is one too many.
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
            LoadFault::Full => f.write_str("one more than a store holds"),
            LoadFault::NoGroup => f.write_str("the group it is in does not exist"),
            LoadFault::TooDeep => f.write_str("too deep in groups, or inside itself"),
        }
    }
}

impl Store {
    /// The store that these records make, in any order.
    ///
    /// # Errors
    /// The first record that is wrong; the records are left alone.
    pub fn load<'a>(records: impl IntoIterator<Item = (u128, &'a [u8])>) -> Result<Self, LoadError> {
        let mut store = Self::new();
        for (id, bytes) in records {
            store.take(id, bytes).map_err(|fault| LoadError { id, fault })?;
        }
        for group in store.groups.values() {
            store.check_place(group).map_err(|fault| LoadError { id: group.id.number(), fault })?;
        }
        let lost = store.entries.values().find(|entry| !store.is_group(entry.group));
        match lost {
            Some(entry) => Err(LoadError { id: entry.id.number(), fault: LoadFault::NoGroup }),
            None => Ok(store),
        }
    }

    fn take(&mut self, id: u128, bytes: &[u8]) -> Result<(), LoadFault> {
        if self.has_id(id) {
            return Err(LoadFault::Twice);
        }
        match record::decode(bytes).map_err(LoadFault::Decode)? {
            Record::Entry(entry) if entry.id.number() == id => {
                if self.entries.len() >= caps::ENTRIES_MAX {
                    return Err(LoadFault::Full);
                }
                self.entries.insert(entry.id, entry);
            }
            Record::Group(group) if group.id.number() == id => {
                if self.groups.len() >= caps::GROUPS_MAX {
                    return Err(LoadFault::Full);
                }
                self.groups.insert(group.id, group);
            }
            Record::Entry(_) | Record::Group(_) => return Err(LoadFault::OtherId),
        }
        Ok(())
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
