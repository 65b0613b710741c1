//! Where things lie in the DMA memory.
//!
//! ```text
//! 0                2048              4096
//! receive ring  |  transmit ring  |  receive buffers  |  transmit buffers
//! ```
//!
//! Descriptor n of a ring always names buffer n, so addresses are written once.

/// Descriptors of the receive ring: 190 KiB of full frames, which is three times what a stream has under way.
pub const RECEIVE_ENTRIES: usize = 128;
/// Descriptors of the transmit ring: more than one turn of the stack sends.
pub const TRANSMIT_ENTRIES: usize = 64;
/// Bytes of a descriptor (7.1.4, 7.2.10.1).
pub(crate) const ENTRY: usize = 16;
/// Bytes of a buffer, the smallest size that holds a frame (RCTL.BSIZE = 0).
pub(crate) const BUFFER: usize = 2048;

pub(crate) const RECEIVE_RING: usize = 0;
pub(crate) const TRANSMIT_RING: usize = RECEIVE_RING + RECEIVE_ENTRIES * ENTRY;
pub(crate) const RECEIVE_BUFFERS: usize = 4096;
pub(crate) const TRANSMIT_BUFFERS: usize = RECEIVE_BUFFERS + RECEIVE_ENTRIES * BUFFER;

/// Bytes of DMA memory that are used.
pub const ARENA: usize = TRANSMIT_BUFFERS + TRANSMIT_ENTRIES * BUFFER;

// Rings are multiples of 128 bytes (RDLEN, TDLEN), and do not reach into buffers.
const _: () =
    assert!((RECEIVE_ENTRIES * ENTRY).is_multiple_of(128) && (TRANSMIT_ENTRIES * ENTRY).is_multiple_of(128));
const _: () = assert!(TRANSMIT_RING + TRANSMIT_ENTRIES * ENTRY <= RECEIVE_BUFFERS);
const _: () = assert!(unikernels_nic::FRAME_MAX <= BUFFER);
