//! virtio-blk as a disk, pure: what is missing around the block driver of `virtio-drivers` to use it on a device that is not
//! trusted, behind an IOMMU.
//!
//! * [`Guarded`] goes around any transport: it accepts `ACCESS_PLATFORM`, without which a device goes around the IOMMU; it hides
//!   `EVENT_IDX`, whose wrap-around loses notifications in this version of the library, and what a block driver has no use for;
//!   it looks whether the device accepted; and it gives the processor away after a notification instead of spinning.
//! * [`VirtioDisk`] is the [`Disk`](unikernels_disk::Disk): bounds, pieces, and no further use of a queue that went wrong.
//!
//! What it cannot do, because the safe calls of the library wait inside for the device without a bound: answer a device that
//! never completes with an error. [`Guarded`] ends the program then. Nor has the library a call to discard sectors.
//!
//! Source: VIRTIO 1.2 (3.1.1 initialization, 5.2 block device, 6 feature bits).

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod disk;
mod guarded;

pub use disk::{Blocks, REQUEST_BYTES, VirtioDisk};
pub use guarded::{Guarded, REQUEST_TIMEOUT_NS};
