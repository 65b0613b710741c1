//! The boot information of Hermit's entry contract, as bytes.
//!
//! `hermit-entry` keeps the fields of its `RawBootInfo` to itself, so the layout stands here a second time (`repr(C)`,
//! x86-64, version 0.10); `tests/boot_info.rs` compares it with what the crate itself builds.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | first address of memory |
//! | 8 | 8 | first address after it |
//! | 16 | 2 | serial port, 0: none |
//! | 24 | 8 | device tree, 0: none |
//! | 32 | 8 | first address of the image |
//! | 40 | 8 | first address after it |
//! | 48 | 32 | thread-local storage, 0: none |
//! | 80 | 4 | platform: 1 is uhyve |
//! | 88 | 1 | has PCI |
//! | 96 | 8 | number of CPUs |
//! | 104 | 4 | CPU frequency in kHz, filled in by the supervisor |
//! | 112 | 16 | wall-clock time at boot in ns since 1970, filled in by the supervisor |

/// Bytes of the boot information.
pub const BOOT_INFO_SIZE: usize = 128;
/// Where the CPU frequency in kHz stands: 4 bytes.
pub const CPU_KHZ_OFFSET: u64 = 104;
/// Where the wall-clock time stands: 16 bytes.
pub const BOOT_TIME_OFFSET: u64 = 112;

const PLATFORM_UHYVE: u32 = 1;

/// Boot information for a qube whose memory and whose image are these ranges of addresses.
#[must_use]
pub fn boot_info(memory: (u64, u64), image: (u64, u64)) -> [u8; BOOT_INFO_SIZE] {
    let mut bytes = [0; BOOT_INFO_SIZE];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &memory.0.to_le_bytes());
    put(8, &memory.1.to_le_bytes());
    put(32, &image.0.to_le_bytes());
    put(40, &image.1.to_le_bytes());
    put(80, &PLATFORM_UHYVE.to_le_bytes());
    put(96, &1u64.to_le_bytes());
    bytes
}
