//! Where the linker put the supervisor, and the window through which boot reads firmware's memory.

use crate::bytes::LoaderMemory;
use crate::memmap::{FOUR_GIB, Range};

#[cfg(not(test))]
unsafe extern "C" {
    static __image_start: u8;
    static __text_start: u8;
    static __text_end: u8;
    static __data_start: u8;
    static __image_end: u8;
}

/// The page-aligned parts of the image: `start <= text <= text_end <= data <= end`.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// The whole image: rodata, text, data and bss, in this order.
    pub(crate) image: Range,
    /// Machine code.
    pub(crate) text: Range,
    /// Everything writable.
    pub(crate) data: Range,
}

impl Layout {
    /// Asks the linker's symbols.
    #[cfg(not(test))]
    pub(crate) fn read() -> Layout {
        let [start, text, text_end, data, end] = [
            &raw const __image_start,
            &raw const __text_start,
            &raw const __text_end,
            &raw const __data_start,
            &raw const __image_end,
        ]
        .map(|symbol| symbol.addr() as u64);
        Layout {
            image: Range { start, end },
            text: Range { start: text, end: text_end },
            data: Range { start: data, end },
        }
    }
}

/// The identity map, less the supervisor itself, for reading what the loader left.
///
/// Boot makes one and drops it before anybody owns memory and before page 0 goes: QEMU's PVH loader leaves its
/// memory map there.
pub(crate) struct IdentityMap {
    image: Range,
}

impl IdentityMap {
    /// A window that leaves out `image`.
    ///
    /// # Safety
    /// Until this value and what it lent are gone, everything below 4 GiB is identity-mapped and nothing writes
    /// to memory outside `image`.
    pub(crate) unsafe fn new(image: Range) -> IdentityMap {
        IdentityMap { image }
    }
}

impl LoaderMemory for IdentityMap {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        let range = Range { start: address, end: address.checked_add(length as u64)? };
        if range.start == 0 || range.end > FOUR_GIB || range.overlaps(self.image) {
            return None;
        }
        let start = core::ptr::with_exposed_provenance(usize::try_from(address).ok()?);
        // SAFETY: the range is mapped, is not ours and is not written while the slice lives: the maker of
        // this window promised it in `new`, and the checks above keep the slice inside that promise.
        Some(unsafe { core::slice::from_raw_parts(start, length) })
    }
}
