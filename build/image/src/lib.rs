//! The system image writer: a checked system and the ELF files of its qubes become one file.
//!
//! ELF is parsed here and nowhere else: `elf.rs` flattens a qube to regions, `place.rs` adds arena, page tables and boot
//! information, `write.rs` lays everything out as `supervisor_image::layout` says. What [`pack`] returns has been opened
//! again with the supervisor's own reader, so a mistake here stops the build and not the boot.
//!
//! Not here: manifests (`build/manifest`), building the ELF files (`build/skep`).
//! Source: DESIGN.md 3.1; `docs/system-image.md`.

#![forbid(unsafe_code)]

mod boot_info;
mod elf;
mod pack;
mod page_tables;
mod place;
mod write;

pub use boot_info::{BOOT_INFO_SIZE, BOOT_TIME_OFFSET, CPU_KHZ_OFFSET, boot_info};
pub use elf::{Elf, ElfError, Segment, read};
pub use pack::{PackError, pack};
pub use page_tables::page_tables;
pub use place::{PlaceError, Placed, Region, place};
