//! The arena: all that is secret lies here, in one array of bytes, sorted by name.
//!
//! One array, so that sealing, wiping and looking for leaks are each one operation over one range. It starts with the
//! number of records (u16, little endian, padded to 16 bytes), then [`ENTRIES_MAX`] records of [`slot`](crate::slot).
//! Records beyond the count are zero.
//!
//! Deliberately absent: any knowledge of keys and states. The store decides when these bytes are in the clear.

use crate::slot::{Entry, SLOT_SIZE, SlotMut};
use zeroize::Zeroize;

/// The most entries a vault holds.
pub const ENTRIES_MAX: usize = 128;

const HEADER: usize = 16;
/// The arena's size in bytes.
pub const ARENA_SIZE: usize = HEADER + ENTRIES_MAX * SLOT_SIZE;

/// The bytes, sorted by name, in the clear or sealed.
pub(crate) struct Arena {
    bytes: [u8; ARENA_SIZE],
}

impl Arena {
    /// An arena without entries.
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; ARENA_SIZE] }
    }

    /// All bytes, to be sealed or opened.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Makes it empty.
    pub(crate) fn wipe(&mut self) {
        self.bytes.zeroize();
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        usize::from(u16::from_le_bytes([self.bytes[0], self.bytes[1]])).min(ENTRIES_MAX)
    }

    /// The entries, sorted by name.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let (slots, _) = self.bytes[HEADER..].as_chunks::<SLOT_SIZE>();
        slots.iter().take(self.len()).map(Entry::new)
    }

    /// The entry of this name.
    pub(crate) fn find(&self, name: &str) -> Option<Entry<'_>> {
        self.entries().find(|entry| entry.name() == name)
    }

    /// Makes room for an entry where `name` belongs and lets `fill` write it; when that fails, all is as before.
    ///
    /// # Errors
    /// [`InsertError`], or what `fill` returned.
    pub(crate) fn insert<T, E: From<InsertError>>(
        &mut self,
        name: &str,
        fill: impl FnOnce(SlotMut<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.find(name).is_some() {
            return Err(InsertError::Exists.into());
        }
        let count = self.len();
        if count == ENTRIES_MAX {
            return Err(InsertError::Full.into());
        }
        let position = self.entries().take_while(|entry| entry.name() < name).count();
        let start = HEADER + position * SLOT_SIZE;
        let end = HEADER + count * SLOT_SIZE;
        self.bytes.copy_within(start..end, start + SLOT_SIZE);
        let (slots, _) = self.bytes[start..].as_chunks_mut::<SLOT_SIZE>();
        let slot = slots.first_mut().expect("below ENTRIES_MAX there is room for one more record");
        slot.zeroize();
        let filled = fill(SlotMut(slot));
        self.set_len(count + 1);
        if filled.is_err() {
            self.remove_at(position);
        }
        filled
    }

    /// Removes the entry of this name and overwrites its record; false when there is none.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let position = self.entries().position(|entry| entry.name() == name);
        position.map(|position| self.remove_at(position)).is_some()
    }

    fn remove_at(&mut self, position: usize) {
        let last = self.len() - 1;
        let start = HEADER + position * SLOT_SIZE;
        let end = HEADER + (last + 1) * SLOT_SIZE;
        self.bytes.copy_within(start + SLOT_SIZE..end, start);
        self.bytes[end - SLOT_SIZE..end].zeroize();
        self.set_len(last);
    }

    fn set_len(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(0);
        self.bytes[..2].copy_from_slice(&count.to_le_bytes());
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Why an entry can't be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InsertError {
    /// There is one of this name.
    Exists,
    /// There are [`ENTRIES_MAX`] already.
    Full,
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn insert(arena: &mut Arena, name: &str) -> Result<(), InsertError> {
        arena.insert(name, |mut slot| {
            slot.set_name(name);
            slot.set_password(&std::format!("secret of {name}"));
            Ok(())
        })
    }

    fn names(arena: &Arena) -> Vec<String> {
        arena.entries().map(|entry| String::from(entry.name())).collect()
    }

    #[test]
    fn entries_stay_sorted_whatever_order_they_come_and_go_in() {
        let mut arena = Arena::new();
        for name in ["m", "z", "a", "q", "b"] {
            assert_eq!(insert(&mut arena, name), Ok(()));
        }
        assert_eq!(names(&arena), ["a", "b", "m", "q", "z"]);
        assert!(arena.remove("m") && !arena.remove("m"));
        assert_eq!(names(&arena), ["a", "b", "q", "z"]);
        assert_eq!(arena.find("q").unwrap().password(), "secret of q");
    }

    #[test]
    fn a_name_is_there_once() {
        let mut arena = Arena::new();
        assert_eq!(insert(&mut arena, "x"), Ok(()));
        assert_eq!(insert(&mut arena, "x"), Err(InsertError::Exists));
        assert_eq!(arena.len(), 1);
    }

    #[test]
    fn the_last_place_can_be_taken_and_one_more_is_refused() {
        let mut arena = Arena::new();
        for i in 0..ENTRIES_MAX {
            assert_eq!(insert(&mut arena, &std::format!("{i:03}")), Ok(()));
        }
        assert_eq!(insert(&mut arena, "more"), Err(InsertError::Full));
        assert!(arena.remove("000") && arena.remove("127"));
        assert_eq!(insert(&mut arena, "more"), Ok(()));
        assert_eq!(names(&arena).last().map(String::as_str), Some("more"));
    }

    #[test]
    fn a_failed_or_removed_entry_leaves_no_byte_behind() {
        let mut arena = Arena::new();
        for name in ["a", "c"] {
            insert(&mut arena, name).unwrap();
        }
        let before = arena.bytes;
        let failed: Result<(), InsertError> = arena.insert("b", |mut slot| {
            slot.set_name("b");
            slot.set_password("canary");
            Err(InsertError::Full)
        });
        assert_eq!(failed, Err(InsertError::Full));
        assert!(arena.bytes == before);
        insert(&mut arena, "b").unwrap();
        assert!(arena.remove("b"));
        assert!(arena.bytes == before);
    }
}
