//! Where everything lies in the file: offsets, sizes and magic numbers, shared by the reader here and the writer in
//! `build/image`.
//!
//! All numbers are little endian; all offsets count from the start of the file. `docs/system-image.md` shows the same as
//! byte tables.

/// First eight bytes of every system image.
pub const MAGIC: [u8; 8] = *b"SKEPIMG1";
/// Version of the layout below.
pub const VERSION: u32 = 3;
/// Size of a page, and the alignment of every region's data in the file, so that it can be mapped where it lies.
pub const PAGE: usize = 4096;
/// Length of the file is a multiple of this, so the checksum needs no tail.
pub const BLOCK: usize = 64;

/// The fixed first block: magic, version, length, checksum. The checksum covers everything after it.
pub mod prefix {
    /// `[u8; 8]`, [`super::MAGIC`].
    pub const MAGIC: usize = 0;
    /// `u32`, [`super::VERSION`].
    pub const VERSION: usize = 8;
    /// `u64`, length of the whole file in bytes.
    pub const LENGTH: usize = 16;
    /// `u64`, [`crate::checksum`] of the bytes from [`SIZE`] on.
    pub const CHECKSUM: usize = 24;
    /// Bytes; what is not listed is zero.
    pub const SIZE: usize = super::BLOCK;
}

/// The directory, right after the prefix. Each table is `offset u32, count u32`.
pub mod directory {
    /// `[u8; 16]`, name of the system, NUL padded.
    pub const NAME: usize = 64;
    /// Table of [`super::qube`] records.
    pub const QUBES: usize = 80;
    /// Table of [`super::region`] records.
    pub const REGIONS: usize = 88;
    /// Table of [`super::channel`] records.
    pub const CHANNELS: usize = 96;
    /// Table of [`super::service`] records.
    pub const SERVICES: usize = 104;
    /// The rule chains: `offset u32, length u32` in bytes (`supervisor-policy` describes the inside).
    pub const CHAINS: usize = 112;
    /// End of the directory.
    pub const END: usize = 128;
}

/// One qube.
pub mod qube {
    /// `[u8; 16]`, NUL padded.
    pub const NAME: usize = 0;
    /// `u8`, trust label.
    pub const LABEL: usize = 16;
    /// `u8`, what follows its end: 0 nothing, 1 a new life, 2 a new life when it is asked for, as for its first one.
    pub const RESTART: usize = 17;
    /// `u8`, number of its ports.
    pub const PORT_COUNT: usize = 18;
    /// `u8`, interrupt line, [`NONE`] for none.
    pub const IRQ: usize = 19;
    /// `u32`, guest memory from [`super::RAM_BASE`] on.
    pub const MEMORY_PAGES: usize = 20;
    /// `u64` gpa.
    pub const ENTRY: usize = 24;
    /// `u64` gpa.
    pub const STACK_TOP: usize = 32;
    /// `u64` gpa of the boot information.
    pub const BOOT_INFO: usize = 40;
    /// `u64` gpa of its 16-byte wall-clock time in ns, filled in at start.
    pub const BOOT_TIME_AT: usize = 48;
    /// `u64` gpa of its 4-byte CPU frequency in kHz, filled in at start.
    pub const CPU_KHZ_AT: usize = 56;
    /// `u64` gpa of the guest's top page table.
    pub const PAGE_TABLE_ROOT: usize = 64;
    /// `u64` gpa.
    pub const ARENA_START: usize = 72;
    /// `u64` gpa.
    pub const ARENA_END: usize = 80;
    /// `u32`, offset of the argument text.
    pub const ARGS_OFFSET: usize = 88;
    /// `u16`, its length in bytes.
    pub const ARGS_LENGTH: usize = 92;
    /// `u8`, number of regions.
    pub const REGION_COUNT: usize = 94;
    /// `u8`, number of port ranges.
    pub const IO_PORT_COUNT: usize = 95;
    /// Four times `first u16, count u16`.
    pub const IO_PORTS: usize = 96;
    /// `u32`, index of its first region record.
    pub const FIRST_REGION: usize = 112;
    /// Twice `u32`, a PCI function it owns: 0 for none, `0x1_0000 | class << 8 | subclass`, or `0x2_0000 | address`. The
    /// first that is there is the one.
    pub const PCI: usize = 116;
    /// `u8`: 1 when it may drive its function where there is no IOMMU.
    pub const DMA_UNPROTECTED: usize = 124;
    /// `u8`: 0, or one more than the index of the qube on whose behalf it is opened.
    pub const OPENED_FOR: usize = 125;
    /// Bytes a record.
    pub const SIZE: usize = 128;
    /// Stands for "no interrupt line".
    pub const NONE: u8 = 255;
}

/// One region of a qube's memory.
pub mod region {
    /// `u64` gpa, whole pages.
    pub const GPA: usize = 0;
    /// `u32`, length in pages.
    pub const PAGES: usize = 8;
    /// `u32`, offset of its first bytes, a multiple of [`super::PAGE`].
    pub const DATA_OFFSET: usize = 12;
    /// `u32`, how many bytes the file holds; the rest of the region is zero.
    pub const DATA_LENGTH: usize = 16;
    /// `u8`: 1 R, 2 RX, 3 RW. Writable and executable cannot be said.
    pub const RIGHTS: usize = 20;
    /// Bytes a record.
    pub const SIZE: usize = 24;
}

/// One channel.
pub mod channel {
    /// `u8`, index of the client qube.
    pub const CLIENT: usize = 0;
    /// `u8`, its port.
    pub const CLIENT_PORT: usize = 1;
    /// `u8`, index of the serving qube, [`SUPERVISOR`] for the supervisor.
    pub const SERVER: usize = 2;
    /// `u8`, its port; 0 for the supervisor.
    pub const SERVER_PORT: usize = 3;
    /// `u8`, index of the service.
    pub const SERVICE: usize = 4;
    /// `u8`, number of decision words, one a method.
    pub const DECISION_COUNT: usize = 5;
    /// `u16`, buffers each receiver posts.
    pub const DEPTH: usize = 6;
    /// `u32`, offset of the decision words, `u16` each.
    pub const DECISIONS: usize = 8;
    /// Bytes a record.
    pub const SIZE: usize = 16;
    /// Stands for the supervisor as a server.
    pub const SUPERVISOR: u8 = 255;
}

/// One service.
pub mod service {
    /// `[u8; 16]`, NUL padded.
    pub const NAME: usize = 0;
    /// `[u8; 16]`, schema id.
    pub const ID: usize = 16;
    /// `u16`.
    pub const VERSION: usize = 32;
    /// `u32`, longest body in bytes.
    pub const MESSAGE_MAX: usize = 36;
    /// `u32`, offset of the schema table.
    pub const TABLE_OFFSET: usize = 40;
    /// `u32`, its length in bytes.
    pub const TABLE_LENGTH: usize = 44;
    /// `u32`, offset of the canonical text.
    pub const TEXT_OFFSET: usize = 48;
    /// `u32`, its length in bytes.
    pub const TEXT_LENGTH: usize = 52;
    /// Bytes a record.
    pub const SIZE: usize = 56;
}

/// First address of a qube's memory; below it lie the pages the supervisor shows.
pub const RAM_BASE: u64 = 0x20_0000;
/// A qube's own page tables map this much, so its memory ends here at the latest.
pub const RAM_END_MAX: u64 = 0x4000_0000;
/// Longest argument text: it must fit the info page.
pub const ARGS_MAX: usize = 2048;
/// Most regions of one qube.
pub const REGIONS_MAX: usize = 8;
/// Most port ranges of one qube.
pub const IO_PORTS_MAX: usize = 4;
/// Highest interrupt line that can be given away.
pub const IRQ_MAX: u8 = 23;
/// From this line on a line is a PCI function's message; below, an ISA line.
pub const IRQ_PCI: u8 = 16;
/// PCI functions a qube can name; it gets the first that is there.
pub const PCI_MAX: usize = 2;
/// Where the memory windows of a qube's PCI function are, one after the other.
pub const PCI_WINDOWS: u64 = 0x3800_0000;
/// Bytes between two of them, and the largest that is given away.
pub const PCI_WINDOW_BYTES: u64 = 16 << 20;
/// The page that describes a qube's PCI function.
pub const PCI_PAGE: u64 = 0x10_3000;
