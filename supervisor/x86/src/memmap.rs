//! Sets of physical address ranges: sorted, disjoint, page aligned, at most [`RANGES_MAX`] of them.
//!
//! Firmware maps overlap, come unsorted and cut pages in half. Whatever they say, a page counts as usable
//! only when it lies wholly in usable entries and touches no other entry; memory above 4 GiB is left out
//! because the supervisor's identity map ends there.

use crate::facts::FactsError;

/// Ranges a set can hold. A firmware map that needs more is refused, so that no lie makes a table overflow.
pub const RANGES_MAX: usize = 64;
/// Size of a page.
pub(crate) const PAGE: u64 = 4096;
/// End of the identity map.
pub(crate) const FOUR_GIB: u64 = 1 << 32;
/// The type of a usable entry, the same in PVH, multiboot2 and e820.
const USABLE: u32 = 1;

/// Physical addresses `start..end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Range {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl Range {
    /// Length in bytes.
    pub const fn length(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether the two share a byte.
    pub const fn overlaps(self, other: Range) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The whole pages inside.
    const fn shrunk_to_pages(self) -> Range {
        Range { start: self.start.saturating_add(PAGE - 1) & !(PAGE - 1), end: self.end & !(PAGE - 1) }
    }

    /// The pages touched.
    pub(crate) const fn grown_to_pages(self) -> Range {
        Range { start: self.start & !(PAGE - 1), end: self.end.saturating_add(PAGE - 1) & !(PAGE - 1) }
    }
}

/// A sorted set of disjoint, non-empty ranges.
#[derive(Clone, Copy)]
pub struct Ranges {
    list: [Range; RANGES_MAX],
    count: usize,
}

impl Ranges {
    /// No range.
    pub const fn empty() -> Ranges {
        Ranges { list: [Range { start: 0, end: 0 }; RANGES_MAX], count: 0 }
    }

    /// The ranges, lowest first.
    pub fn as_slice(&self) -> &[Range] {
        self.list.get(..self.count).unwrap_or(&[])
    }

    /// Adds `range`, merging what touches it. An empty range changes nothing.
    pub fn add(&mut self, range: Range) -> Result<(), FactsError> {
        if range.start >= range.end {
            return Ok(());
        }
        let old = *self;
        let mut new = range;
        self.count = 0;
        for &each in old.as_slice() {
            if each.end < new.start {
                self.push(each)?;
            } else if new.end < each.start {
                self.push(new)?;
                new = each;
            } else {
                new = Range { start: each.start.min(new.start), end: each.end.max(new.end) };
            }
        }
        self.push(new)
    }

    /// Takes `range` out, cutting what it touches.
    pub fn remove(&mut self, range: Range) -> Result<(), FactsError> {
        let old = *self;
        self.count = 0;
        for &each in old.as_slice() {
            if each.overlaps(range) {
                self.push(Range { start: each.start, end: range.start.min(each.end) })?;
                self.push(Range { start: range.end.max(each.start), end: each.end })?;
            } else {
                self.push(each)?;
            }
        }
        Ok(())
    }

    /// Appends `range`, which lies above all others.
    fn push(&mut self, range: Range) -> Result<(), FactsError> {
        if range.start >= range.end {
            return Ok(());
        }
        *self.list.get_mut(self.count).ok_or(FactsError::TooManyRanges)? = range;
        self.count += 1;
        Ok(())
    }
}

/// One entry of a firmware memory map, as claimed.
#[derive(Clone, Copy)]
pub(crate) struct ClaimedEntry {
    /// First byte.
    pub(crate) base: u64,
    /// Length in bytes.
    pub(crate) length: u64,
    /// 1 is usable; everything else is not.
    pub(crate) kind: u32,
}

/// The usable pages below 4 GiB, page 0 left out.
pub(crate) fn usable_pages(
    entries: impl Iterator<Item = ClaimedEntry> + Clone,
) -> Result<Ranges, FactsError> {
    let mut ranges = Ranges::empty();
    let span =
        |entry: ClaimedEntry| Range { start: entry.base, end: entry.base.saturating_add(entry.length) };
    for entry in entries.clone().filter(|entry| entry.kind == USABLE) {
        let range = span(entry);
        ranges.add(Range { start: range.start.max(PAGE), end: range.end.min(FOUR_GIB) }.shrunk_to_pages())?;
    }
    for entry in entries.filter(|entry| entry.kind != USABLE && entry.length > 0) {
        ranges.remove(span(entry).grown_to_pages())?;
    }
    if ranges.as_slice().is_empty() {
        return Err(FactsError::NoMemory);
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entries: &[(u64, u64, u32)], expected: &[(u64, u64)]) {
        let claimed = entries.iter().map(|&(base, length, kind)| ClaimedEntry { base, length, kind });
        let ranges = usable_pages(claimed).expect("a usable map");
        let found: Vec<_> = ranges.as_slice().iter().map(|range| (range.start, range.end)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_pc_map_keeps_what_is_usable_without_page_zero() {
        check(
            &[(0, 0x9fc00, 1), (0x9fc00, 0x400, 2), (0xf0000, 0x10000, 2), (0x10_0000, 0x0fee_0000, 1)],
            &[(0x1000, 0x9f000), (0x10_0000, 0x0ffe_0000)],
        );
    }

    #[test]
    fn unsorted_overlapping_entries_merge_and_the_unusable_one_wins() {
        check(
            &[
                (0x40_0000, 0x10_0000, 1),
                (0x10_0000, 0x30_0000, 1),
                (0x20_0800, 0x10, 3),
                (0x18_0000, 0x10_0000, 1),
            ],
            &[(0x10_0000, 0x20_0000), (0x20_1000, 0x50_0000)],
        );
    }

    #[test]
    fn memory_above_four_gib_and_wrapping_lengths_are_cut() {
        check(&[(0xffff_0000, u64::MAX, 1), (FOUR_GIB, 1 << 30, 1)], &[(0xffff_0000, FOUR_GIB)]);
    }

    #[test]
    fn half_pages_do_not_count() {
        check(&[(0x1800, 0x1000, 1), (0x5000, 0x1fff, 1)], &[(0x5000, 0x6000)]);
    }

    #[test]
    fn a_map_without_memory_is_refused() {
        let none = core::iter::empty();
        assert_eq!(usable_pages(none).err(), Some(FactsError::NoMemory));
    }

    #[test]
    fn the_sixty_fifth_range_is_refused() {
        let claimed =
            |count: u64| (1..=count).map(|i| ClaimedEntry { base: i * 0x2000, length: 0x1000, kind: 1 });
        assert_eq!(usable_pages(claimed(64)).map(|ranges| ranges.as_slice().len()).ok(), Some(64));
        assert_eq!(usable_pages(claimed(65)).err(), Some(FactsError::TooManyRanges));
    }

    #[test]
    fn removing_the_middle_of_a_full_set_is_refused_rather_than_forgotten() {
        let mut ranges = Ranges::empty();
        for i in 0..64 {
            ranges.add(Range { start: i * 0x10000, end: i * 0x10000 + 0x8000 }).expect("room");
        }
        assert_eq!(ranges.remove(Range { start: 0x1000, end: 0x2000 }), Err(FactsError::TooManyRanges));
    }

    #[test]
    fn adding_and_removing_agree_with_a_bitmap() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let (mut ranges, mut bitmap) = (Ranges::empty(), [false; 100]);
            for _ in 0..20 {
                let start = random(100);
                let end = (start + random(12)).min(100);
                let adding = random(3) > 0;
                let range = Range { start, end };
                if adding { ranges.add(range) } else { ranges.remove(range) }.expect("room");
                bitmap
                    .iter_mut()
                    .zip(0..)
                    .filter(|(_, i)| (start..end).contains(i))
                    .for_each(|(bit, _)| *bit = adding);
            }
            for (page, &used) in (0..).zip(bitmap.iter()) {
                assert_eq!(
                    ranges.as_slice().iter().any(|range| (range.start..range.end).contains(&page)),
                    used
                );
            }
            assert!(
                ranges
                    .as_slice()
                    .windows(2)
                    .all(|pair| pair[0].end < pair[1].start || pair[0].end <= pair[1].start)
            );
        }
    }
}
