//! The storage qube, pure: partition table, volumes, and the services `block` and `volumes`.
//!
//! One partition of a disk holds up to 64 named volumes, which are made, grown, cloned copy-on-write and erased. What is
//! kept about them is at any cut of the power either what the last commit wrote or what the one before did, whole. Room for
//! all of a volume is set aside when it is made, grown or cloned, so that no client can fill the disk of another.
//!
//! It is not trusted: clients seal what they write and check what they read. So content has no checksum here, what is kept
//! about volumes has one against accidents only, and a disk that lies on purpose is the clients' to notice. Not here: drivers
//! of devices, encryption, who may call what.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

extern crate alloc;

mod commit;
mod geometry;
mod gpt;
mod io;
mod manage;
mod map;
mod mount;
mod name;
mod opened;
mod partition;
mod root;
mod server;
mod store;

pub use geometry::{Geometry, LEAF_UNITS, UNIT, UNIT_SECTORS, UNITS_MAX, VOLUMES_MAX};
pub use gpt::{GptError, PARTITION_TYPE, Prepared, Table, prepare};
pub use name::Name;
pub use opened::OpenVolume;
pub use partition::Partition;
pub use server::Server;
pub use store::{Store, StoreError, VolumeId};
