//! `Table`: a few things of one client, each with a number that is not given twice.

use alloc::vec::Vec;

/// Things with numbers. How many there may be is said at each `insert`.
#[derive(Debug)]
pub(crate) struct Table<T> {
    entries: Vec<(u32, T)>,
    last: u32,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), last: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a thing unless there are `max` already; gives its number. After four thousand million, numbers begin again.
    pub(crate) fn insert(&mut self, thing: T, max: usize) -> Option<u32> {
        if self.entries.len() >= max {
            return None;
        }
        self.last = self.last.wrapping_add(1);
        // At most `max` numbers are taken, so this ends.
        while self.get(self.last).is_some() {
            self.last = self.last.wrapping_add(1);
        }
        self.entries.push((self.last, thing));
        Some(self.last)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.entries.iter().find(|entry| entry.0 == number).map(|entry| &entry.1)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.entries.iter_mut().find(|entry| entry.0 == number).map(|entry| &mut entry.1)
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let place = self.entries.iter().position(|entry| entry.0 == number)?;
        Some(self.entries.swap_remove(place).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.entries.iter().map(|entry| (entry.0, &entry.1))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.entries.iter_mut().map(|entry| (entry.0, &mut entry.1))
    }

    /// Takes everything out.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.entries.drain(..).map(|entry| entry.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_not_given_twice() {
        let mut table = Table::new();
        let first = table.insert('a', 2).unwrap();
        let second = table.insert('b', 2).unwrap();
        assert_eq!(table.insert('c', 2), None);
        assert_eq!(table.remove(first), Some('a'));
        assert_eq!(table.remove(first), None);
        let third = table.insert('c', 2).unwrap();
        assert!(third != first && third != second);
        assert_eq!((table.get(first), table.get(second), table.get(third)), (None, Some(&'b'), Some(&'c')));
        table.last = u32::MAX - 1;
        assert_eq!(table.remove(second), Some('b'));
        assert_eq!(table.insert('d', 2), Some(u32::MAX));
        assert_eq!(table.remove(third), Some('c'));
        table.last = u32::MAX - 1;
        assert_eq!(table.insert('e', 2), Some(0), "the number of what is still there is passed over");
    }
}
