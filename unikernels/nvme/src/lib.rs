//! NVMe driver, pure: queues and commands over traits for registers, DMA memory and time.
//!
//! One controller, its first namespace, one pair of I/O queues. [`Nvme::start`] brings it up, [`Nvme::batch`] sends several
//! requests with one doorbell write, and the whole is a [`Disk`](unikernels_disk::Disk).
//!
//! The controller is not trusted. What it says is checked where it is read: capabilities, Identify data, and of each completion
//! queue, command, submission head and status. A lie, silence or a fatal status is a typed [`Error`]; the controller is disabled
//! and nothing is sent until the owner calls [`Nvme::start`] again. Data is taken as it comes; who needs to believe it
//! authenticates it. Where the device may write at all is the IOMMU's business.
//!
//! What is not here: mapping BAR0, finding bus addresses, MSI-X tables, namespaces other than the first, metadata and protection
//! information, more than one I/O queue, requests that stay in flight between calls.
//!
//! Source: NVM Express Base Specification 1.4 (clauses are given as in 1.4; 2.0 has the same registers and commands).

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod batch;
mod capabilities;
mod command;
mod controller;
mod disk;
mod error;
mod identify;
mod layout;
mod queue;

pub use batch::Request;
pub use controller::Nvme;
pub use error::{Error, Status};
pub use identify::Info;
pub use layout::{ARENA_MAX, ARENA_MIN, PAGE, SLOT_BYTES, SLOTS_MAX};
pub use unikernels_disk::{Dma, Registers, Wait};
