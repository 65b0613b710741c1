//! The supervisor's own page tables: W^X over its image, guard pages, the rest data that cannot run.
//!
//! The entry code fills the tables with a plain identity map of 0..4 GiB, enough to reach Rust. [`protect`]
//! then draws the lines: text R-X, rodata R--, data RW-; page 0 and the guard pages absent; everything above the memory,
//! where devices are, uncached. The first 8 MiB, where the supervisor must lie, are mapped page by page.
//!
//! Source: AMD64 APM volume 2, section 5.3.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::layout::Layout;
use crate::memmap::{FOUR_GIB, PAGE};

const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
/// Write-through and cache-disable: uncached whatever the memory type registers say.
const UNCACHED: u64 = 1 << 3 | 1 << 4;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;

const LARGE_PAGE: u64 = 2 << 20;
/// Large pages of the identity map.
const LARGE_PAGES: usize = 2048;
/// Small pages, from address 0.
const SMALL_PAGES: usize = 2048;
/// Gigabytes beyond 4 GiB in which devices' registers can be mapped.
const HIGH_GIBS: usize = 2;
const GIB: u64 = 1 << 30;

/// All tables, in the order the entry code counts on.
#[repr(C, align(4096))]
pub(crate) struct Tables {
    root: [AtomicU64; 512],
    pointers: [AtomicU64; 512],
    large: [AtomicU64; LARGE_PAGES],
    small: [AtomicU64; SMALL_PAGES],
    /// Directories of gigabytes beyond 4 GiB, in the order they were asked for.
    high: [[AtomicU64; 512]; HIGH_GIBS],
}

impl Tables {
    const fn new() -> Tables {
        Tables {
            root: [const { AtomicU64::new(0) }; 512],
            pointers: [const { AtomicU64::new(0) }; 512],
            large: [const { AtomicU64::new(0) }; LARGE_PAGES],
            small: [const { AtomicU64::new(0) }; SMALL_PAGES],
            high: [const { [const { AtomicU64::new(0) }; 512] }; HIGH_GIBS],
        }
    }
}

/// The tables the processor walks.
pub(crate) static TABLES: Tables = Tables::new();

/// Maps the registers of a device at `at`, uncached, at their own address. Below 4 GiB they are; beyond, there is room for
/// those in [`HIGH_GIBS`] different gigabytes.
#[must_use]
pub(crate) fn map_device(at: u64) -> bool {
    at < FOUR_GIB || map_high(&TABLES, at)
}

fn map_high(tables: &Tables, at: u64) -> bool {
    let Some(pointer) = tables.pointers.get((at / GIB) as usize) else { return false };
    let directory = |high: &[AtomicU64; 512]| high.as_ptr().addr() as u64 | PRESENT | WRITABLE;
    let now = pointer.load(Ordering::Relaxed);
    let is_free = |high: &&[AtomicU64; 512]| high.iter().all(|entry| entry.load(Ordering::Relaxed) == 0);
    let room = tables.high.iter().find(|high| now == directory(high));
    let Some(high) = room.or_else(|| tables.high.iter().find(is_free).filter(|_| now == 0)) else {
        return false;
    };
    let page = at & !(LARGE_PAGE - 1);
    if let Some(entry) = high.get((page / LARGE_PAGE) as usize % 512) {
        entry.store(page | PRESENT | WRITABLE | LARGE | NO_EXECUTE | UNCACHED, Ordering::Relaxed);
    }
    pointer.store(directory(high), Ordering::Relaxed);
    true
}

/// Redraws the tables for `layout` with `guards` absent and what is above `memory_end` uncached, and makes the processor
/// forget the old ones.
pub(crate) fn protect(layout: &Layout, guards: &[u64], memory_end: u64) {
    fill(&TABLES, layout, guards, memory_end);
    // SAFETY: reloading CR3 drops cached translations. The new tables map the running text executable, the
    // image's data and the stack writable, at the addresses they have now.
    unsafe { asm!("mov {0}, cr3", "mov cr3, {0}", out(reg) _, options(nostack, preserves_flags)) };
}

fn fill(tables: &Tables, layout: &Layout, guards: &[u64], memory_end: u64) {
    for (page, entry) in (0_u64..).zip(&tables.small) {
        let address = page * PAGE;
        entry.store(address | small_flags(address, layout), Ordering::Relaxed);
    }
    for guard in guards.iter().chain(&[0]) {
        let index = usize::try_from(guard / PAGE).unwrap_or(usize::MAX);
        if let Some(entry) = tables.small.get(index) {
            entry.store(0, Ordering::Relaxed);
        }
    }
    for (page, entry) in (0_u64..).zip(&tables.large) {
        let address = page * LARGE_PAGE;
        entry.store(address | large_flags(address, memory_end), Ordering::Relaxed);
    }
    let first_small = tables.small.as_ptr().addr() as u64;
    for (table, entry) in (0_u64..).zip(tables.large.iter().take(SMALL_PAGES / 512)) {
        entry.store((first_small + table * PAGE) | PRESENT | WRITABLE, Ordering::Relaxed);
    }
}

fn small_flags(address: u64, layout: &Layout) -> u64 {
    let in_range = |range: crate::Range| (range.start..range.end).contains(&address);
    if in_range(layout.text) {
        PRESENT
    } else if in_range(layout.image) && !in_range(layout.data) {
        PRESENT | NO_EXECUTE
    } else {
        PRESENT | WRITABLE | NO_EXECUTE
    }
}

fn large_flags(address: u64, memory_end: u64) -> u64 {
    let caching = if address >= memory_end { UNCACHED } else { 0 };
    PRESENT | WRITABLE | LARGE | NO_EXECUTE | caching
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Range;

    fn layout() -> Layout {
        Layout {
            image: Range { start: 0x20_0000, end: 0x28_0000 },
            text: Range { start: 0x20_4000, end: 0x21_0000 },
            data: Range { start: 0x21_0000, end: 0x28_0000 },
        }
    }

    fn filled() -> Box<Tables> {
        let tables = Box::new(Tables::new());
        fill(&tables, &layout(), &[0x22_0000], 0x7fe0_1000);
        tables
    }

    fn entry(tables: &Tables, address: u64) -> u64 {
        let small = usize::try_from(address / PAGE).expect("below 4 GiB");
        let large = usize::try_from(address / LARGE_PAGE).expect("below 4 GiB");
        tables.small.get(small).unwrap_or_else(|| &tables.large[large]).load(Ordering::Relaxed)
    }

    #[test]
    fn the_image_is_never_writable_and_executable_at_once() {
        let tables = filled();
        let check = |address, flags| assert_eq!(entry(&tables, address), address | flags, "{address:#x}");
        check(0x20_0000, PRESENT | NO_EXECUTE);
        check(0x20_4000, PRESENT);
        check(0x20_f000, PRESENT);
        check(0x21_0000, PRESENT | WRITABLE | NO_EXECUTE);
        check(0x28_0000, PRESENT | WRITABLE | NO_EXECUTE);
        check(0x1f_f000, PRESENT | WRITABLE | NO_EXECUTE);
        let runs_and_writes = |each: &&AtomicU64| {
            let bits = each.load(Ordering::Relaxed);
            bits & WRITABLE != 0 && bits & NO_EXECUTE == 0
        };
        assert_eq!(tables.small.iter().filter(runs_and_writes).count(), 0);
        assert_eq!(tables.large.iter().skip(SMALL_PAGES / 512).filter(runs_and_writes).count(), 0);
    }

    #[test]
    fn page_zero_and_the_guard_pages_are_absent() {
        let tables = filled();
        assert_eq!((entry(&tables, 0), entry(&tables, 0x22_0000)), (0, 0));
        assert_ne!(entry(&tables, 0x22_1000), 0);
    }

    #[test]
    fn registers_beyond_4_gib_are_mapped_while_there_is_room() {
        let tables = filled();
        let at = |gib: u64, page: u64| gib * GIB + page * LARGE_PAGE + 0x1234;
        assert!(
            map_high(&tables, at(32, 3)) && map_high(&tables, at(32, 511)) && map_high(&tables, at(7, 0))
        );
        assert!(!map_high(&tables, at(8, 0)), "a third gigabyte");
        assert!(!map_high(&tables, at(512, 0)), "beyond what one table of pointers spans");
        let entry = tables.high[0][3].load(Ordering::Relaxed);
        assert_eq!(entry, (at(32, 3) - 0x1234) | PRESENT | WRITABLE | LARGE | NO_EXECUTE | UNCACHED);
        assert_ne!(tables.high[0][511].load(Ordering::Relaxed), 0);
        let directory = tables.high[0].as_ptr().addr() as u64 | PRESENT | WRITABLE;
        assert_eq!(tables.pointers[32].load(Ordering::Relaxed), directory);
    }

    #[test]
    fn devices_are_uncached_and_memory_is_not() {
        let tables = filled();
        for address in [0x8000_0000, 0xfec0_0000, 0xfee0_0000] {
            assert_eq!(entry(&tables, address) & UNCACHED, UNCACHED);
        }
        assert_eq!(entry(&tables, 0x7fe0_0000) & UNCACHED, 0);
        assert_eq!(entry(&tables, 0x4000_0000), 0x4000_0000 | PRESENT | WRITABLE | LARGE | NO_EXECUTE);
    }
}
