//! What the loader said, checked: memory, the system image, the command line, where ACPI begins.

use core::fmt;

use crate::memmap::{PAGE, Range, Ranges};

/// Longest command line taken, in bytes.
pub const COMMAND_LINE_MAX: usize = 512;

/// How the machine reached us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BootPath {
    /// Xen's direct boot ABI (QEMU `-kernel`, Firecracker, Cloud Hypervisor).
    Pvh,
    /// A multiboot2 loader (GRUB, on BIOS or UEFI).
    Multiboot2,
}

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
    /// The command line is longer than [`COMMAND_LINE_MAX`].
    CommandLineTooLong,
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
            FactsError::CommandLineTooLong => "the command line is longer than 512 bytes",
            FactsError::BadModule => "the system image lies where it cannot be read",
            FactsError::NoModule => "no system image was given (QEMU: -initrd FILE; GRUB: module2 FILE)",
        })
    }
}

/// The command line, copied out of the loader's memory.
#[derive(Clone, Copy)]
pub struct CommandLine {
    bytes: [u8; COMMAND_LINE_MAX],
    length: usize,
}

impl CommandLine {
    /// No command line.
    pub(crate) const EMPTY: CommandLine = CommandLine { bytes: [0; COMMAND_LINE_MAX], length: 0 };

    /// Copies bytes up to the first NUL or the end.
    pub(crate) fn copy(from: impl Iterator<Item = u8>) -> Result<CommandLine, FactsError> {
        let mut line = CommandLine::EMPTY;
        for byte in from.take_while(|&byte| byte != 0) {
            *line.bytes.get_mut(line.length).ok_or(FactsError::CommandLineTooLong)? = byte;
            line.length += 1;
        }
        Ok(line)
    }

    /// The bytes as given, at most [`COMMAND_LINE_MAX`], without NUL.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }

    /// The words, separated by spaces; nothing when the line is not UTF-8.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        core::str::from_utf8(self.as_bytes()).unwrap_or("").split_ascii_whitespace()
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
    /// The loader's command line.
    pub command_line: CommandLine,
    /// Physical address of the RSDP. On multiboot2 this is the loader's copy, which may lie in usable RAM:
    /// boot has read it; whoever comes later finds it overwritten.
    pub rsdp: Option<u64>,
    /// How the machine reached us.
    pub boot_path: BootPath,
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
    pub(crate) command_line: CommandLine,
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
    fn a_command_line_ends_at_the_nul_and_splits_into_words() {
        let line = CommandLine::copy(b"log=debug  seed=7\0junk".iter().copied()).expect("short");
        assert_eq!(line.as_bytes(), b"log=debug  seed=7");
        assert_eq!(line.words().collect::<Vec<_>>(), ["log=debug", "seed=7"]);
    }

    #[test]
    fn a_command_line_of_512_bytes_fits_and_one_more_is_refused() {
        let line = |length| CommandLine::copy(core::iter::repeat_n(b'x', length));
        assert_eq!(line(512).map(|line| line.as_bytes().len()), Ok(512));
        assert_eq!(line(513).err(), Some(FactsError::CommandLineTooLong));
    }

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
