//! Nested-table arithmetic: four levels of 512 entries from guest-physical to host-physical (AMD APM vol. 2, 15.25; the
//! long-mode format of 5.3). The bits of an entry are the vendor's ([`Encoding`]); the memory is someone else's
//! ([`TableMemory`]); what is left is the walk.
//!
//! Maps 2 MiB at once where both addresses and the length allow it. Never changes an entry that is already in use.

use crate::{Gpa, Hpa, PAGE_SIZE};

const LARGE: u64 = 2 << 20;
const LEVELS: u32 = 4;

/// What a qube may do with a page. There is no writable and executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Read.
    R,
    /// Read and execute.
    RX,
    /// Read and write.
    RW,
    /// Read and write registers of a device: past the caches, in the order of the program.
    Device,
}

/// A vendor's entry format.
pub trait Encoding {
    /// An entry that points to the table at `at`, which is of `level` (1: its entries map pages; at most 3).
    fn table(at: Hpa, level: u32) -> u64;
    /// An entry that maps a 4 KiB page, or a 2 MiB page.
    fn leaf(at: Hpa, rights: Rights, size: Size) -> u64;
    /// The next table's address in an entry made by [`Encoding::table`]; `None` for a leaf.
    fn next(entry: u64) -> Option<Hpa>;
}

/// The size of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 4 KiB.
    Page,
    /// 2 MiB.
    Large,
}

/// Where tables live.
pub trait TableMemory {
    /// A zeroed frame for a table, or `None` when there are no more.
    fn table(&mut self) -> Option<Hpa>;
    /// Reads entry `index` (< 512) of the table at `table`.
    fn read(&self, table: Hpa, index: usize) -> u64;
    /// Writes it.
    fn write(&mut self, table: Hpa, index: usize, entry: u64);
}

/// Why a mapping was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NestedError {
    /// No frame for another table.
    OutOfTables,
    /// Addresses or length are not whole pages, or the range leaves the 48-bit space.
    Misaligned,
    /// Something is mapped there already.
    InUse,
}

/// A nested table being built.
pub struct Mapper<'m, M: TableMemory, E: Encoding> {
    memory: &'m mut M,
    root: Hpa,
    encoding: core::marker::PhantomData<E>,
}

impl<'m, M: TableMemory, E: Encoding> Mapper<'m, M, E> {
    /// An empty table.
    ///
    /// # Errors
    /// [`NestedError::OutOfTables`].
    pub fn new(memory: &'m mut M) -> Result<Self, NestedError> {
        let root = memory.table().ok_or(NestedError::OutOfTables)?;
        Ok(Self { memory, root, encoding: core::marker::PhantomData })
    }

    /// The root table, for the vendor's control structure.
    #[must_use]
    pub fn root(&self) -> Hpa {
        self.root
    }

    /// Maps `bytes` at `guest` to `host`.
    ///
    /// # Errors
    /// See [`NestedError`]; what was mapped before the error stays mapped.
    pub fn map(&mut self, guest: Gpa, host: Hpa, bytes: u64, rights: Rights) -> Result<(), NestedError> {
        let end = guest.0.checked_add(bytes).filter(|&e| e <= 1 << 48).ok_or(NestedError::Misaligned)?;
        if !(guest.0 | host.0 | bytes).is_multiple_of(PAGE_SIZE) || host.0.checked_add(bytes).is_none() {
            return Err(NestedError::Misaligned);
        }
        let mut at = guest.0;
        while at < end {
            let to = host.0 + (at - guest.0);
            let size =
                if (at | to).is_multiple_of(LARGE) && end - at >= LARGE { Size::Large } else { Size::Page };
            self.map_one(at, Hpa(to), rights, size)?;
            at += if size == Size::Large { LARGE } else { PAGE_SIZE };
        }
        Ok(())
    }

    fn map_one(&mut self, at: u64, to: Hpa, rights: Rights, size: Size) -> Result<(), NestedError> {
        let last = if size == Size::Large { 1 } else { 0 };
        let mut table = self.root;
        for level in (last + 1..LEVELS).rev() {
            let index = index_at(at, level);
            let entry = self.memory.read(table, index);
            table = if entry == 0 {
                let next = self.memory.table().ok_or(NestedError::OutOfTables)?;
                self.memory.write(table, index, E::table(next, level));
                next
            } else {
                E::next(entry).ok_or(NestedError::InUse)?
            };
        }
        let index = index_at(at, last);
        if self.memory.read(table, index) != 0 {
            return Err(NestedError::InUse);
        }
        self.memory.write(table, index, E::leaf(to, rights, size));
        Ok(())
    }
}

/// The index of `at` in a table of `level` (0: pages).
fn index_at(at: u64, level: u32) -> usize {
    ((at >> (12 + 9 * level)) & 0x1ff) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[derive(Default)]
    struct Fake {
        entries: HashMap<(u64, usize), u64>,
        tables: u64,
    }

    impl TableMemory for Fake {
        fn table(&mut self) -> Option<Hpa> {
            self.tables += 1;
            (self.tables <= 16).then_some(Hpa(self.tables << 12))
        }
        fn read(&self, table: Hpa, index: usize) -> u64 {
            assert!(index < 512);
            self.entries.get(&(table.0, index)).copied().unwrap_or(0)
        }
        fn write(&mut self, table: Hpa, index: usize, entry: u64) {
            self.entries.insert((table.0, index), entry);
        }
    }

    struct Plain;

    impl Encoding for Plain {
        fn table(at: Hpa, level: u32) -> u64 {
            at.0 | 1 | (u64::from(level) << 9)
        }
        fn leaf(at: Hpa, rights: Rights, size: Size) -> u64 {
            at.0 | 2 | ((rights as u64) << 4) | ((size as u64) << 8)
        }
        fn next(entry: u64) -> Option<Hpa> {
            (entry & 1 != 0).then_some(Hpa(entry & !0xfff))
        }
    }

    fn lookup(fake: &Fake, root: Hpa, at: u64) -> Option<(u64, u64)> {
        let mut table = root;
        for level in (0..LEVELS).rev() {
            let entry = fake.read(table, index_at(at, level));
            match Plain::next(entry) {
                Some(next) => table = next,
                None if entry == 0 => return None,
                None => {
                    let span = PAGE_SIZE << (9 * level);
                    return Some(((entry & !0xfff) + at % span, entry & 0xfff));
                }
            }
        }
        None
    }

    #[test]
    fn every_page_of_a_range_leads_to_its_frame_and_none_beside_it() {
        let mut fake = Fake::default();
        let mut mapper = Mapper::<_, Plain>::new(&mut fake).expect("a first table");
        mapper.map(Gpa(0x20_0000), Hpa(0x60_0000), 0x20_3000, Rights::RW).expect("room");
        let root = mapper.root();
        for offset in (0..0x20_3000).step_by(0x1000) {
            let (host, _) = lookup(&fake, root, 0x20_0000 + offset).expect("mapped");
            assert_eq!(host, 0x60_0000 + offset);
        }
        assert_eq!(lookup(&fake, root, 0x1f_f000), None);
        assert_eq!(lookup(&fake, root, 0x40_3000), None);
        assert_eq!(fake.tables, 4, "two megabytes of it took one large page");
    }

    #[test]
    fn a_second_mapping_of_the_same_page_is_refused() {
        let mut fake = Fake::default();
        let mut mapper = Mapper::<_, Plain>::new(&mut fake).expect("a first table");
        mapper.map(Gpa(0x20_0000), Hpa(0x60_0000), 0x20_0000, Rights::R).expect("room");
        assert_eq!(mapper.map(Gpa(0x30_0000), Hpa(0), PAGE_SIZE, Rights::RW), Err(NestedError::InUse));
        assert_eq!(mapper.map(Gpa(0x20_0000), Hpa(0), 0x20_0000, Rights::RW), Err(NestedError::InUse));
    }

    #[test]
    fn ranges_that_are_not_whole_pages_or_leave_the_address_space_are_refused() {
        let mut fake = Fake::default();
        let mut mapper = Mapper::<_, Plain>::new(&mut fake).expect("a first table");
        for (guest, host, bytes) in
            [(1, 0, 4096), (0, 1, 4096), (0, 0, 1), ((1 << 48) - 4096, 0, 8192), (u64::MAX, 0, 4096)]
        {
            assert_eq!(mapper.map(Gpa(guest), Hpa(host), bytes, Rights::R), Err(NestedError::Misaligned));
        }
    }
}
