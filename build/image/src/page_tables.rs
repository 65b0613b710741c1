//! A qube's own page tables: the first GiB, identity mapped with 2 MiB pages.
//!
//! They give the processor long mode and nothing more; what a qube may touch is decided by the nested tables.
//! Source: AMD64 manual volume 2, section 5.3 (4-level paging).

use supervisor_image::layout::PAGE;

/// Bytes of the three tables.
pub(crate) const SIZE: usize = 3 * PAGE;
const PRESENT_WRITABLE: u64 = 0b11;
const LARGE: u64 = 1 << 7;
const LARGE_PAGE: u64 = 2 << 20;

/// Top table, second table and directory, in this order, to lie at `root`, `root + 4096` and `root + 8192`.
///
/// # Panics
/// When `root` is not on a page boundary: our own mistake.
#[must_use]
pub fn page_tables(root: u64) -> Vec<u8> {
    assert!(root.is_multiple_of(PAGE as u64), "page tables lie on pages");
    let mut tables = vec![0u8; SIZE];
    let mut put = |index: usize, entry: u64| {
        tables[index * 8..index * 8 + 8].copy_from_slice(&entry.to_le_bytes());
    };
    put(0, (root + PAGE as u64) | PRESENT_WRITABLE);
    put(512, (root + 2 * PAGE as u64) | PRESENT_WRITABLE);
    for (page, index) in (0u64..512).zip(1024..) {
        put(index, (page * LARGE_PAGE) | PRESENT_WRITABLE | LARGE);
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks the tables as a processor would.
    fn translate(tables: &[u8], root: u64, address: u64) -> Option<u64> {
        let entry = |table: u64, index: u64| {
            let at = usize::try_from(table - root + index * 8).unwrap();
            u64::from_le_bytes(tables[at..at + 8].try_into().unwrap())
        };
        let top = entry(root, address >> 39 & 511);
        let second = if top & 1 == 0 { return None } else { entry(top & !0xfff, address >> 30 & 511) };
        let directory =
            if second & 1 == 0 { return None } else { entry(second & !0xfff, address >> 21 & 511) };
        (directory & 0x83 == 0x83).then_some((directory & !0x1f_ffff) | (address & 0x1f_ffff))
    }

    #[test]
    fn the_first_gib_maps_to_itself_and_the_rest_to_nothing() {
        let root = 0x7f_c000;
        let tables = page_tables(root);
        assert_eq!(tables.len(), SIZE);
        for address in [0, 0x10_2000, 0x20_0000, 0x3fff_ffff] {
            assert_eq!(translate(&tables, root, address), Some(address), "{address:#x}");
        }
        for address in [0x4000_0000, 1 << 39, u64::MAX >> 17] {
            assert_eq!(translate(&tables, root, address), None, "{address:#x}");
        }
    }
}
