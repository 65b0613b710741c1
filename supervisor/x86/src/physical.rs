//! Physical memory to give away: the frame ledger with the right to touch what it hands out.
//!
//! There is one [`Physical`], made by boot from the free ranges; whatever it lends came from the ledger, so no two loans
//! overlap. Nothing is ever given back: memory is dealt out once, at boot.

use core::ptr;

use supervisor_mem::{Frames, FramesError, Gpa, Hpa, Owner, PAGE_SIZE, PageCount, TableMemory};

use crate::guest_ram::GuestRam;
use crate::memmap::Ranges;
use crate::pci::IommuMemory;

/// Guest memory of at least this size starts on such a boundary, so that large nested pages can map it.
const LARGE: u64 = 2 << 20;

/// A page that only the supervisor writes.
pub type HostPage = [u8; PAGE_SIZE as usize];

/// The machine's free memory.
pub struct Physical {
    frames: Frames,
}

impl Physical {
    /// Takes over the free ranges.
    ///
    /// # Safety
    /// The ranges are identity-mapped RAM that nobody uses and nobody else gives away.
    pub(crate) unsafe fn new(free: &Ranges) -> Self {
        let mut frames = Frames::empty();
        for range in free.as_slice() {
            frames.add(Hpa(range.start), Hpa(range.end));
        }
        Self { frames }
    }

    /// Memory for a qube; its contents are whatever was there. Returns where it lies, too.
    ///
    /// # Errors
    /// When the machine has too little memory.
    pub fn guest_ram(
        &mut self,
        qube: u8,
        pages: PageCount,
        first: Gpa,
        writable_from: Gpa,
    ) -> Result<(GuestRam, Hpa), FramesError> {
        let align = if pages.bytes() >= LARGE { LARGE } else { PAGE_SIZE };
        let base = self.frames.take(Owner::Qube(qube), pages, align)?;
        // SAFETY: the ledger just made this run the qube's alone, whole pages, at least one (it refuses none).
        let ram = unsafe { GuestRam::new(base.0, first, pages.bytes(), writable_from) };
        Ok((ram, base))
    }

    /// Zeroed pages that the supervisor keeps for a qube, and where they lie.
    ///
    /// # Errors
    /// When the machine has too little memory.
    pub fn host_pages(
        &mut self,
        qube: u8,
        pages: PageCount,
    ) -> Result<(&'static mut [HostPage], Hpa), FramesError> {
        let base = self.frames.take(Owner::Keeper(qube), pages, PAGE_SIZE)?;
        // SAFETY: the ledger just made this run ours; it is identity-mapped RAM.
        unsafe { ptr::write_bytes(base.0 as *mut u8, 0, pages.bytes() as usize) };
        // SAFETY: the run is exclusive and for good, and was zeroed above; any bytes make a page.
        let slice = unsafe { core::slice::from_raw_parts_mut(base.0 as *mut HostPage, pages.0 as usize) };
        Ok((slice, base))
    }

    /// Tables for a qube, at most `pages` of them, taken in one run.
    ///
    /// # Errors
    /// When the machine has too little memory.
    pub fn tables(&mut self, qube: u8, pages: PageCount) -> Result<Tables, FramesError> {
        let (pages, base) = self.host_pages(qube, pages)?;
        Ok(Tables { pages, base: base.0, used: 0 })
    }
}

impl Physical {
    /// Frames for the tables of the machine's IOMMUs, and the way to their registers.
    ///
    /// # Errors
    /// When the machine has too little memory.
    pub fn iommu(&mut self, pages: PageCount, memory_end: u64) -> Result<IommuMemory, FramesError> {
        let (frames, base) = self.host_pages(u8::MAX, pages)?;
        let end = base.0 + frames.len() as u64 * PAGE_SIZE;
        // SAFETY: the ledger just made this run ours for good, zeroed; the slice ends here.
        Ok(unsafe { IommuMemory::new(base.0, end, memory_end) })
    }
}

/// Frames for one qube's nested tables. After they are built only the processor reads them.
pub struct Tables {
    pages: &'static mut [HostPage],
    base: u64,
    used: usize,
}

impl Tables {
    /// How many are in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    fn slot(&self, table: Hpa, index: usize) -> (usize, usize) {
        ((table.0.wrapping_sub(self.base) / PAGE_SIZE) as usize, (index & 511) * 8)
    }
}

impl TableMemory for Tables {
    fn table(&mut self) -> Option<Hpa> {
        if self.used >= self.pages.len() {
            return None;
        }
        self.used += 1;
        Some(Hpa(self.base + (self.used as u64 - 1) * PAGE_SIZE))
    }

    fn read(&self, table: Hpa, index: usize) -> u64 {
        let (page, at) = self.slot(table, index);
        let entry = self.pages.get(page).and_then(|page| page.get(at..at + 8)?.first_chunk::<8>());
        entry.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    fn write(&mut self, table: Hpa, index: usize, entry: u64) {
        let (page, at) = self.slot(table, index);
        if let Some(slot) = self.pages.get_mut(page).and_then(|page| page.get_mut(at..at + 8)) {
            slot.copy_from_slice(&entry.to_le_bytes());
        }
    }
}
