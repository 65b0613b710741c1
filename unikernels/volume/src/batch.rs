//! Changes that are kept together or not at all.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::RecordId;
use crate::log::{DELETE_SIZE, put_size};

/// Puts and deletes; of several for one record the last one counts. It borrows the records and copies nothing.
#[derive(Default)]
pub struct Batch<'a> {
    changes: BTreeMap<RecordId, Option<&'a [u8]>>,
}

impl<'a> Batch<'a> {
    /// No changes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes or replaces a record.
    pub fn put(&mut self, id: RecordId, record: &'a [u8]) -> &mut Self {
        self.changes.insert(id, Some(record));
        self
    }

    /// Deletes a record; it is no error when there is none.
    pub fn delete(&mut self, id: RecordId) -> &mut Self {
        self.changes.insert(id, None);
        self
    }

    /// How many records it changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn changes(&self) -> impl Iterator<Item = (RecordId, Option<&'a [u8]>)> + '_ {
        self.changes.iter().map(|(id, record)| (*id, *record))
    }

    pub(crate) fn changes_record(&self, id: RecordId) -> bool {
        self.changes.contains_key(&id)
    }

    /// Bytes of its operations in the log.
    pub(crate) fn size(&self) -> u64 {
        self.changes.values().map(|record| record.map_or(DELETE_SIZE as u64, size)).sum()
    }

    /// Bytes of its puts.
    pub(crate) fn put_size(&self) -> u64 {
        self.changes.values().map(|record| record.map_or(0, size)).sum()
    }

    /// The longest record.
    pub(crate) fn longest(&self) -> usize {
        self.records().map(<[u8]>::len).max().unwrap_or(0)
    }

    fn records(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.changes.values().copied().flatten()
    }
}

impl core::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let ids: Vec<RecordId> = self.changes.keys().copied().collect();
        f.debug_tuple("Batch").field(&ids).finish()
    }
}

fn size(record: &[u8]) -> u64 {
    put_size(u32::try_from(record.len()).unwrap_or(u32::MAX))
}
