//! What the loader said, checked: memory, the system image, where ACPI begins. Command lines are not read: nothing asks for one.

use core::fmt;

use crate::memmap::{PAGE, Range, Ranges};

/// What is wrong with what the loader said. The loader is to blame, except for the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactsError {
    /// The start structure is missing, unreadable or has the wrong magic.
    BadStartInfo,
    /// A list or tag reaches outside its bounds.
    Truncated,
    /// There is no memory map.
    NoMemoryMap,
    /// No usable memory below 4 GiB.
    NoMemory,
    /// More than 64 memory ranges.
    TooManyRanges,
    /// The system image is unreadable or lies over the supervisor.
    BadModule,
    /// No system image was given.
    NoModule,
}

impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FactsError::BadStartInfo => "the loader's start structure is unreadable",
            FactsError::Truncated => "a list from the loader reaches outside its bounds",
            FactsError::NoMemoryMap => "the loader gave no memory map",
            FactsError::NoMemory => "there is no usable memory below 4 GiB",
            FactsError::TooManyRanges => "the memory map has more than 64 ranges",
            FactsError::BadModule => "the system image lies where it cannot be read",
            FactsError::NoModule => "no system image was given (QEMU: -initrd FILE; GRUB: module2 FILE)",
        })
    }
}

/// What the supervisor knows of the machine's memory when it starts.
pub struct BootFacts {
    /// Usable RAM below 4 GiB in whole pages, page 0 left out; the reserved ranges are still inside.
    pub usable: Ranges,
    /// The pages of the supervisor's own image and of the system image: nobody may own these.
    pub reserved: Ranges,
    /// The system image, read in place.
    pub module: &'static [u8],
    /// Time stamp counter at the first instruction.
    pub entry_tsc: u64,
}

impl BootFacts {
    /// One past the last byte of memory below 4 GiB; devices are above.
    #[must_use]
    pub fn memory_end(&self) -> u64 {
        self.usable
            .as_slice()
            .iter()
            .chain(self.reserved.as_slice())
            .map(|range| range.end)
            .max()
            .unwrap_or(0)
    }

    /// The pages that may be given away: usable and not reserved.
    pub fn free(&self) -> Result<Ranges, FactsError> {
        let mut free = self.usable;
        for &range in self.reserved.as_slice() {
            free.remove(range)?;
        }
        Ok(free)
    }
}

/// What a loader's structures claim, in one form for both loaders.
pub(crate) struct Claimed {
    pub(crate) usable: Ranges,
    pub(crate) module: Range,
    pub(crate) rsdp: Option<u64>,
}

/// The system image's place: not empty, below 4 GiB, clear of page 0 and of the supervisor's `image`.
pub(crate) fn checked_module(claimed: Range, image: Range) -> Result<Range, FactsError> {
    let sensible =
        claimed.start >= PAGE && claimed.start < claimed.end && claimed.end <= crate::memmap::FOUR_GIB;
    if !sensible || claimed.grown_to_pages().overlaps(image) {
        return Err(FactsError::BadModule);
    }
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_over_the_supervisor_or_outside_memory_is_refused() {
        let image = Range { start: 0x20_0000, end: 0x30_0000 };
        let check = |start, end, good: bool| {
            assert_eq!(checked_module(Range { start, end }, image).is_ok(), good, "{start:#x}..{end:#x}");
        };
        check(0x2000, 0x9000, true);
        check(0x30_0000, 0x30_0001, true);
        check(0x1f_f000, 0x20_0000, true);
        check(0x1f_f000, 0x20_0001, false);
        check(0x2f_ffff, 0x40_0000, false);
        check(0, 0x4000, false);
        check(0x5000, 0x5000, false);
        check(0x6000, 0x5000, false);
        check(0xffff_f000, 0x1_0000_0001, false);
    }
}
