//! Where things lie in the DMA memory.
//!
//! ```text
//! page 0             1                2 ..
//! receive queue | transmit queue | receive buffers | transmit buffers
//!
//! in the page of a queue
//! 0                    2052               2564
//! descriptors | .. | driver area | .. | device area
//! ```
//!
//! Descriptor n of a queue always names buffer n. Areas begin four bytes off, so that their entries lie on eight bytes: each is
//! then read and written in one access.

/// Descriptors of the receive queue at most: 190 KiB of full frames, which is three times what a stream has under way.
pub const RECEIVE_ENTRIES: u16 = 128;
/// Descriptors of the transmit queue at most: more than one turn of the stack sends.
pub const TRANSMIT_ENTRIES: u16 = 64;
/// Descriptors of any queue at most.
pub(crate) const ENTRIES_MAX: usize = 128;

/// Bytes of a descriptor (2.7.5), of an entry of the driver area (2.7.6) and of the device area (2.7.8).
pub(crate) const DESCRIPTOR: usize = 16;
pub(crate) const USED: usize = 8;
/// Entries of the driver area in one word.
pub(crate) const AVAILABLE_IN_WORD: usize = 4;
/// Entries of the driver area with the word behind them, in which the index stands at which to interrupt (2.7.6).
pub(crate) const DRIVER_ENTRIES: usize = ENTRIES_MAX + AVAILABLE_IN_WORD;

/// The words in whose upper half the areas begin: flags and index.
pub(crate) const DRIVER_WORD: usize = 2048;
pub(crate) const DEVICE_WORD: usize = 2560;
/// Where in the page the areas are, for the device.
pub(crate) const DRIVER_AREA: usize = DRIVER_WORD + 4;
pub(crate) const DEVICE_AREA: usize = DEVICE_WORD + 4;

pub(crate) const RECEIVE_QUEUE: usize = 0;
pub(crate) const TRANSMIT_QUEUE: usize = 4096;
pub(crate) const RECEIVE_BUFFERS: usize = 8192;
pub(crate) const TRANSMIT_BUFFERS: usize = RECEIVE_BUFFERS + RECEIVE_ENTRIES as usize * BUFFER;

/// Bytes of a buffer: the header and a frame.
pub(crate) const BUFFER: usize = 2048;
/// Bytes of the header (5.1.6), which has its last field with `VERSION_1` always.
pub(crate) const HEADER: usize = 12;

/// Bytes of DMA memory that are used.
pub const ARENA: usize = TRANSMIT_BUFFERS + TRANSMIT_ENTRIES as usize * BUFFER;

const _: () = assert!(RECEIVE_ENTRIES as usize <= ENTRIES_MAX && TRANSMIT_ENTRIES as usize <= ENTRIES_MAX);
const _: () =
    assert!(ENTRIES_MAX * DESCRIPTOR <= DRIVER_WORD && DRIVER_WORD + 8 + DRIVER_ENTRIES * 2 <= DEVICE_WORD);
const _: () =
    assert!(DEVICE_WORD + 8 + ENTRIES_MAX * USED <= 4096 && HEADER + unikernels_nic::FRAME_MAX <= BUFFER);
