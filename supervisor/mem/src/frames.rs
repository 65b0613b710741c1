//! Who owns which frame: free ranges that only shrink, and extents that each have one owner.
//!
//! All memory is dealt out at boot, so a bump allocator over the firmware's usable ranges is enough; what is kept is the
//! record of who got what, so that "one owner per frame" is a fact that can be looked up, not a hope.

use crate::{Hpa, PAGE_SIZE, PageCount};

/// Most extents that can be recorded: 24 qubes with memory, tables, device pages and a page of a PCI function each, and the
/// supervisor's.
pub const EXTENTS_MAX: usize = 128;

/// Most usable ranges taken from a firmware memory map; further ones stay unused.
const RANGES_MAX: usize = 64;

/// To whom a frame belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A qube's own memory, by qube index.
    Qube(u8),
    /// Supervisor memory kept for one qube (nested tables, device pages), never writable for it.
    Keeper(u8),
    /// The supervisor.
    Supervisor,
}

/// A run of frames with one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First byte, page aligned.
    pub start: Hpa,
    /// Length.
    pub pages: PageCount,
    /// The one owner.
    pub owner: Owner,
}

/// Why frames were not handed out. The machine or the manifest is to blame, never a qube.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramesError {
    /// No usable range has that many free contiguous frames.
    OutOfMemory,
    /// More than [`EXTENTS_MAX`] extents.
    TooManyExtents,
    /// A request for no pages, or an alignment that is not a power of two of whole pages.
    BadRequest,
}

#[derive(Clone, Copy)]
struct Range {
    next: u64,
    end: u64,
}

/// The frame ledger.
pub struct Frames {
    free: [Range; RANGES_MAX],
    ranges: usize,
    extents: [Extent; EXTENTS_MAX],
    used: usize,
}

impl Frames {
    /// A ledger with no memory.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            free: [Range { next: 0, end: 0 }; RANGES_MAX],
            ranges: 0,
            extents: [Extent { start: Hpa(0), pages: PageCount(0), owner: Owner::Supervisor }; EXTENTS_MAX],
            used: 0,
        }
    }

    /// Adds usable memory `[start, end)`, shrunk to whole pages; frame 0 is never used. Ranges past the 64th are left alone.
    pub fn add(&mut self, start: Hpa, end: Hpa) {
        let first = start.0.max(PAGE_SIZE).next_multiple_of(PAGE_SIZE);
        let last = end.0 & !(PAGE_SIZE - 1);
        if first < last
            && let Some(slot) = self.free.get_mut(self.ranges)
        {
            *slot = Range { next: first, end: last };
            self.ranges += 1;
        }
    }

    /// Takes a contiguous run for `owner`, aligned to `align` bytes. The contents are whatever was there.
    ///
    /// # Errors
    /// See [`FramesError`].
    pub fn take(&mut self, owner: Owner, pages: PageCount, align: u64) -> Result<Hpa, FramesError> {
        if pages.0 == 0 || !align.is_power_of_two() || align < PAGE_SIZE {
            return Err(FramesError::BadRequest);
        }
        let record = self.extents.get_mut(self.used).ok_or(FramesError::TooManyExtents)?;
        for range in self.free.iter_mut().take(self.ranges) {
            let start = range.next.next_multiple_of(align);
            let Some(end) = start.checked_add(pages.bytes()) else { continue };
            if end <= range.end {
                range.next = end;
                *record = Extent { start: Hpa(start), pages, owner };
                self.used += 1;
                return Ok(Hpa(start));
            }
        }
        Err(FramesError::OutOfMemory)
    }

    /// All extents, in the order they were taken.
    #[must_use]
    pub fn extents(&self) -> &[Extent] {
        self.extents.get(..self.used).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Frames {
        let mut frames = Frames::empty();
        frames.add(Hpa(0x10), Hpa(0x9_fc00));
        frames.add(Hpa(0x10_0000), Hpa(0x100_0000));
        frames
    }

    #[test]
    fn frames_have_one_owner_each() {
        let mut frames = ledger();
        let mut seed = 1u64;
        let mut runs = std::vec::Vec::new();
        for owner in 0..60u8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let pages = PageCount(1 + (seed >> 60));
            let align = PAGE_SIZE << ((seed >> 40) & 3);
            let start =
                frames.take(Owner::Qube(owner), pages, align).expect("there is room for 60 small runs");
            assert_eq!(start.0 % align, 0);
            for (other, len) in &runs {
                assert!(start.0 + pages.bytes() <= *other || *other + len <= start.0, "runs overlap");
            }
            let extent = Extent { start, pages, owner: Owner::Qube(owner) };
            assert_eq!(frames.extents().last(), Some(&extent));
            runs.push((start.0, pages.bytes()));
        }
        assert_eq!(runs.len(), frames.extents().len());
    }

    #[test]
    fn frame_zero_and_partial_pages_are_never_handed_out() {
        let mut frames = Frames::empty();
        frames.add(Hpa(0), Hpa(0x1fff));
        assert_eq!(frames.take(Owner::Supervisor, PageCount(1), PAGE_SIZE), Err(FramesError::OutOfMemory));
        frames.add(Hpa(0x2001), Hpa(0x4000));
        assert_eq!(frames.take(Owner::Supervisor, PageCount(1), PAGE_SIZE), Ok(Hpa(0x3000)));
    }

    #[test]
    fn impossible_requests_are_refused() {
        let mut frames = ledger();
        for (pages, align, error) in [
            (0, PAGE_SIZE, FramesError::BadRequest),
            (1, 3, FramesError::BadRequest),
            (1, 16, FramesError::BadRequest),
            (u64::MAX, PAGE_SIZE, FramesError::OutOfMemory),
            (1 << 20, PAGE_SIZE, FramesError::OutOfMemory),
        ] {
            assert_eq!(frames.take(Owner::Supervisor, PageCount(pages), align), Err(error));
        }
        assert!(frames.extents().is_empty());
    }
}
