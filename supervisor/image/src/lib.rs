//! The system image: every qube, channel, service and rule of a system in one file, read in place.
//!
//! [`Image::open`] verifies the whole file once (`verify.rs` lists what); afterwards every accessor is a bounded read.
//! The host tool has parsed ELF, manifests and policy beforehand: nothing here is anybody's file format but our own
//! (`layout.rs`, the same as byte tables in `docs/system-image.md`).
//!
//! Invariants of an open image: indexes are in range, names are unique, regions are ordered and lie within the qube's
//! memory, none is writable and executable, every port of every qube belongs to exactly one channel, every schema table
//! and rule chain parses. No byte of any file makes this crate panic.
//!
//! Not here: loading (`metal`), writing (`build/image`), meaning of decision words (`supervisor/policy`).
//! Source: DESIGN.md 3.1 and 3.4.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod bytes;
mod checksum;
mod error;
mod image;
pub mod layout;
mod records;
mod verify;

pub use checksum::checksum;
pub use error::{ChannelFault, ImageError, QubeFault};
pub use image::Image;
pub use records::{Channel, IoPorts, PciMatch, Qube, Region, Regions, Restart, Rights, Service};
