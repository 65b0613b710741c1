//! Where everything of one qube lies: its segments, then its arena, its page tables and its boot information.

use std::fmt;

use build_manifest::{Qube, format_size};
use supervisor_image::Rights;
use supervisor_image::layout::{PAGE, RAM_BASE, REGIONS_MAX};

use crate::boot_info::{BOOT_TIME_OFFSET, CPU_KHZ_OFFSET, boot_info};
use crate::elf::{Elf, Segment};
use crate::page_tables::{self, page_tables};

const PAGE_U64: u64 = PAGE as u64;
/// Page tables and boot information take the last pages of a qube.
const LAST_PAGES: u64 = page_tables::SIZE as u64 / PAGE_U64 + 1;

/// A region to be written: `data`, then zeros up to `pages`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// First address; a page boundary.
    pub gpa: u64,
    /// Length in pages.
    pub pages: u32,
    /// What the qube may do with it.
    pub rights: Rights,
    /// What it begins with.
    pub data: Vec<u8>,
}

/// A qube in its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// All its memory, in pages.
    pub memory_pages: u32,
    /// First instruction.
    pub entry: u64,
    /// Initial stack pointer.
    pub stack_top: u64,
    /// Its boot information.
    pub boot_info: u64,
    /// Where the wall-clock time goes.
    pub boot_time_at: u64,
    /// Where the frequency goes.
    pub cpu_khz_at: u64,
    /// Its top page table.
    pub page_table_root: u64,
    /// Heap and DMA.
    pub arena: (u64, u64),
    /// In ascending order; the writable ones last and without gaps.
    pub regions: Vec<Region>,
}

/// Why a qube does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceError {
    /// Code, data and page tables need more memory than the manifest gives.
    Memory {
        /// Bytes it needs at least.
        needs: u64,
        /// Bytes the manifest gives.
        has: u64,
    },
    /// The stack is not as large as `qube.toml` says.
    Stack {
        /// Bytes in the manifest.
        wanted: u64,
        /// Bytes in the ELF file.
        linked: u64,
    },
    /// No writable segment, or a read-only one above it.
    Order,
    /// More regions than an image holds.
    Regions(usize),
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlaceError::Memory { needs, has } => write!(
                f,
                "memory over budget: code, data and page tables take {}, `memory` is {}\n  fix: write `memory = \"{}\"` or more",
                format_size(*needs),
                format_size(*has),
                format_size(needs.next_multiple_of(1 << 20))
            ),
            PlaceError::Stack { wanted, linked } => write!(
                f,
                "`stack` is {}, the linked one is {}\n  fix: build it again, with the project's build script",
                format_size(*wanted),
                format_size(*linked)
            ),
            PlaceError::Order => f.write_str("its writable segments must come last, and it needs one"),
            PlaceError::Regions(count) => write!(f, "{count} regions; an image holds {REGIONS_MAX} a qube"),
        }
    }
}

impl std::error::Error for PlaceError {}

/// Lays a qube out in the memory its manifest gives it.
///
/// # Errors
/// Says why it does not fit.
pub fn place(qube: &Qube, elf: &Elf<'_>) -> Result<Placed, PlaceError> {
    let linked = elf.stack_top - elf.stack_bottom;
    if let Some(wanted) = qube.stack.filter(|wanted| *wanted != linked) {
        return Err(PlaceError::Stack { wanted, linked });
    }
    let mut regions: Vec<Region> = Vec::new();
    for segment in &elf.segments {
        match segment.rights {
            Rights::RW => push_writable(&mut regions, segment)?,
            Rights::R | Rights::RX if regions.iter().any(|region| region.rights == Rights::RW) => {
                return Err(PlaceError::Order);
            }
            Rights::R | Rights::RX => regions.push(read_only(segment)),
        }
    }
    if regions.last().is_none_or(|last| last.rights != Rights::RW) {
        return Err(PlaceError::Order);
    }
    add_last_pages(qube, elf, regions)
}

/// Arena, page tables and boot information, up to the end of the memory.
fn add_last_pages(qube: &Qube, elf: &Elf<'_>, mut regions: Vec<Region>) -> Result<Placed, PlaceError> {
    let memory_end = RAM_BASE + qube.memory;
    let image_end = regions.last().map_or(RAM_BASE, Region::end);
    let needs = image_end - RAM_BASE + LAST_PAGES * PAGE_U64;
    if needs > qube.memory {
        return Err(PlaceError::Memory { needs, has: qube.memory });
    }
    let root = memory_end - LAST_PAGES * PAGE_U64;
    let info_at = memory_end - PAGE_U64;
    if image_end < root {
        regions.push(zeros(image_end, root));
    }
    let mut last = page_tables(root);
    last.extend(boot_info((RAM_BASE, memory_end), (RAM_BASE, image_end)));
    regions.push(Region { gpa: root, pages: pages(LAST_PAGES * PAGE_U64), rights: Rights::RW, data: last });
    if regions.len() > REGIONS_MAX {
        return Err(PlaceError::Regions(regions.len()));
    }
    Ok(Placed {
        memory_pages: pages(qube.memory),
        entry: elf.entry,
        stack_top: elf.stack_top,
        boot_info: info_at,
        boot_time_at: info_at + BOOT_TIME_OFFSET,
        cpu_khz_at: info_at + CPU_KHZ_OFFSET,
        page_table_root: root,
        arena: (image_end, root),
        regions,
    })
}

impl Region {
    /// First address after the region.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.gpa + u64::from(self.pages) * PAGE_U64
    }
}

/// Whole pages, so that they can be mapped straight from the image.
fn read_only(segment: &Segment<'_>) -> Region {
    let pages = pages(segment.size);
    let mut data = segment.data.to_vec();
    data.resize(pages as usize * PAGE, 0);
    Region { gpa: segment.gpa, pages, rights: segment.rights, data }
}

/// Leading pages of zeros (the stack) become a region without data, so they cost no room in the image; so do trailing
/// zeros. A gap since the last writable region, less than a page by ELF's rules or left by the linker, is filled.
fn push_writable(regions: &mut Vec<Region>, segment: &Segment<'_>) -> Result<(), PlaceError> {
    if let Some(last) = regions.last().filter(|last| last.rights == Rights::RW)
        && last.end() < segment.gpa
    {
        let gap = zeros(last.end(), segment.gpa);
        regions.push(gap);
    }
    let used = segment.data.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let first = segment.data.iter().position(|byte| *byte != 0).unwrap_or(0) / PAGE * PAGE;
    let data = segment.data.get(first..used).unwrap_or(&[]).to_vec();
    let start = segment.gpa + first as u64;
    if first > 0 {
        regions.push(zeros(segment.gpa, start));
    }
    regions.push(Region { gpa: start, pages: pages(segment.end() - start), rights: Rights::RW, data });
    if regions.len() > REGIONS_MAX { Err(PlaceError::Regions(regions.len())) } else { Ok(()) }
}

fn zeros(from: u64, to: u64) -> Region {
    Region { gpa: from, pages: pages(to - from), rights: Rights::RW, data: Vec::new() }
}

fn pages(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(PAGE_U64))
        .expect("a qube's memory is below 1 GiB: the ELF reader and the manifest see to it")
}
