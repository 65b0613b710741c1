//! A qube's ELF file, as far as an image needs it: entry, stack, and what lies where with which rights.

use std::fmt;

use object::elf::{EM_X86_64, ET_EXEC, FileHeader64, PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_TLS};
use object::read::elf::{ElfFile64, FileHeader as _, ProgramHeader as _};
use object::{Endianness, Object as _, ObjectSymbol as _};
use supervisor_image::Rights;
use supervisor_image::layout::{PAGE, RAM_BASE};

/// One `PT_LOAD` segment: `data`, then zeros up to `size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// First address; a page boundary.
    pub gpa: u64,
    /// Length in memory, in bytes; not 0.
    pub size: u64,
    /// From the segment's flags.
    pub rights: Rights,
    /// What the file holds of it.
    pub data: &'a [u8],
}

impl Segment<'_> {
    /// First address after the segment.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.gpa + self.size
    }
}

/// A qube's code and data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf<'a> {
    /// First instruction.
    pub entry: u64,
    /// Lowest address of the stack.
    pub stack_bottom: u64,
    /// First address after it.
    pub stack_top: u64,
    /// In ascending order, without overlap, none writable and executable.
    pub segments: Vec<Segment<'a>>,
}

/// Why a file is no qube.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElfError {
    /// Not a 64-bit ELF file, or cut off.
    NotElf(String),
    /// Not a static x86-64 executable: what it is instead.
    NotStatic(&'static str),
    /// A segment that is writable and executable.
    WritableCode(u64),
    /// A segment that does not start on a page, overlaps the one before, or lies below the qube's memory.
    Segment(u64),
    /// A symbol of the linker script is missing.
    NoSymbol(&'static str),
    /// The stack does not lie in a writable segment.
    Stack,
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ElfError::NotElf(why) => write!(f, "not a 64-bit ELF file: {why}"),
            ElfError::NotStatic(what) => {
                write!(
                    f,
                    "{what}; a qube is a static x86-64 executable (its build script links it with link.ld)"
                )
            }
            ElfError::WritableCode(gpa) => write!(f, "the segment at {gpa:#x} is writable and executable"),
            ElfError::Segment(gpa) => {
                write!(f, "the segment at {gpa:#x} is misaligned, overlaps, or lies below {RAM_BASE:#x}")
            }
            ElfError::NoSymbol(name) => write!(f, "no symbol `{name}`; the linker script defines it"),
            ElfError::Stack => f.write_str("the stack does not lie in a writable segment"),
        }
    }
}

impl std::error::Error for ElfError {}

/// Reads a qube's ELF file.
///
/// # Errors
/// Says why it is no qube.
pub fn read(bytes: &[u8]) -> Result<Elf<'_>, ElfError> {
    let not_elf = |error: object::Error| ElfError::NotElf(error.to_string());
    let file = ElfFile64::<Endianness>::parse(bytes).map_err(not_elf)?;
    let (header, endian) = (file.elf_header(), file.endian());
    if header.e_machine(endian) != EM_X86_64 || header.e_type(endian) != ET_EXEC {
        return Err(ElfError::NotStatic("position independent, or for another machine"));
    }
    let segments = segments(header, endian, bytes)?;
    let symbol = |name: &'static str| {
        let symbol = file.symbols().find(|symbol| symbol.name() == Ok(name));
        symbol.map(|symbol| symbol.address()).ok_or(ElfError::NoSymbol(name))
    };
    let (stack_bottom, stack_top) = (symbol("__stack_bottom")?, symbol("__stack_top")?);
    let holds_stack = |segment: &Segment<'_>| {
        segment.rights == Rights::RW && segment.gpa <= stack_bottom && stack_top <= segment.end()
    };
    if stack_bottom >= stack_top || !segments.iter().any(holds_stack) {
        return Err(ElfError::Stack);
    }
    Ok(Elf { entry: header.e_entry(endian), stack_bottom, stack_top, segments })
}

fn segments<'a>(
    header: &FileHeader64<Endianness>,
    endian: Endianness,
    bytes: &'a [u8],
) -> Result<Vec<Segment<'a>>, ElfError> {
    let headers =
        header.program_headers(endian, bytes).map_err(|error| ElfError::NotElf(error.to_string()))?;
    let mut segments: Vec<Segment<'a>> = Vec::new();
    for header in headers {
        match header.p_type(endian) {
            PT_LOAD if header.p_memsz(endian) > 0 => {}
            PT_INTERP | PT_DYNAMIC => return Err(ElfError::NotStatic("linked dynamically")),
            PT_TLS if header.p_memsz(endian) > 0 => {
                return Err(ElfError::NotStatic("with thread-local storage"));
            }
            _ => continue,
        }
        let (gpa, size) = (header.p_vaddr(endian), header.p_memsz(endian));
        let flags = header.p_flags(endian).0;
        let (write, execute) = (flags & PF_W.0 != 0, flags & PF_X.0 != 0);
        let rights = match (write, execute) {
            (true, true) => return Err(ElfError::WritableCode(gpa)),
            (true, false) => Rights::RW,
            (false, true) => Rights::RX,
            (false, false) => Rights::R,
        };
        let data =
            header.data(endian, bytes).map_err(|()| ElfError::NotElf("a segment is cut off".into()))?;
        let free_from = segments.last().map_or(RAM_BASE, |last| last.end().next_multiple_of(PAGE as u64));
        let end = gpa.checked_add(size);
        let fits = gpa >= free_from && gpa.is_multiple_of(PAGE as u64) && data.len() as u64 <= size;
        if !fits || end.is_none_or(|end| end > supervisor_image::layout::RAM_END_MAX) {
            return Err(ElfError::Segment(gpa));
        }
        segments.push(Segment { gpa, size, rights, data });
    }
    Ok(segments)
}
