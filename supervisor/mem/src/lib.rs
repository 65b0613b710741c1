//! Physical addresses, who owns which frame, and what a qube's memory looks like from outside.
//!
//! Invariants: a frame has at most one owner at any time ([`Frames`]); memory that a qube can write is reached only
//! through [`GuestMemory`] and [`RingWindow`], which copy and never lend a reference. This crate touches no memory itself.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod address;
mod frames;
mod guest;
mod nested;

pub use address::{Gpa, Hpa, PAGE_SIZE, PageCount};
pub use frames::{EXTENTS_MAX, Extent, Frames, FramesError, Owner};
pub use guest::{Descriptor, GuestMemory, Outside, RingAreas, RingWindow};
pub use nested::{Encoding, Mapper, NestedError, Rights, Size, TableMemory};
