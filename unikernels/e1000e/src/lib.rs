//! Driver of Intel's 82574L network card (QEMU's `e1000e`), pure: rings over traits for registers, DMA memory and time.
//!
//! One receive and one transmit ring of legacy descriptors, no offloads, one interrupt vector. [`E1000e::start`] resets the card
//! and brings it up; the whole is a [`Nic`](unikernels_nic::Nic). It takes all multicast, as IPv6 needs it, and no other
//! station's frames.
//!
//! The card is not trusted. Of each received frame the length and the end are checked, and what the card says about sending is
//! believed only so far that a buffer is used again. A frame told twice, told without having come, or written over is a frame
//! of the network like any other. Where the card may write at all is the IOMMU's business.
//!
//! Not here: mapping BAR 0, MSI-X tables, the PHY (firmware has it negotiate by itself), VLANs, checksums, segmentation,
//! jumbo frames, wake on LAN, power states.
//!
//! Source: Intel 82574 GbE Controller Family Datasheet, revision 3.4 (4.6 initialization, 7.1 receive, 7.2 transmit, 7.4
//! interrupts, 10.2 registers).

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod card;
mod layout;
mod registers;
mod rings;

pub use card::{E1000e, Error};
pub use layout::{ARENA, RECEIVE_ENTRIES, TRANSMIT_ENTRIES};
