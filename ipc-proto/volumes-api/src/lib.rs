//! Service `volumes`: the volumes of a disk, for its administrator.
//!
//! It makes, grows, clones and erases volumes and reads none: their content is behind service `block`, one channel a
//! volume. Whoever may call it can destroy everything that is kept, so the policy names who that is.

#![no_std]
#![forbid(unsafe_code)]

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::{List, Text};
use serde::{Deserialize, Serialize};

/// Longest name of a volume in bytes.
pub const NAME_MAX: usize = 32;

/// Most volumes in one page of the list.
pub const PAGE_MAX: usize = 16;

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Volume {
    /// Its name: 1 to 32 bytes of `[a-z][a-z0-9-]*`.
    pub name: Text<NAME_MAX>,
    /// How many sectors of 512 bytes it has.
    pub sectors: u64,
    /// For how many of them there is room on the disk; the rest reads as zeros.
    pub mapped: u64,
    /// How many of those it has in common with a clone or with what it is a clone of.
    pub shared: u64,
}

/// Some volumes, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Page {
    /// At most 16.
    pub volumes: List<Volume, PAGE_MAX>,
    /// How many there are together.
    pub total: u16,
}

/// Room on the disk, in sectors of 512 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Space {
    /// What the volumes can hold together.
    pub sectors: u64,
    /// What is free.
    pub free: u64,
}

/// What an erased volume leaves, in sectors of 512 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Erased {
    /// Given back to the device, which may or may not wipe them.
    pub discarded: u64,
    /// Not given back: the device refused. They are free, and hold what they held until they are written again.
    pub left: u64,
    /// Still those of a clone, or of what this was a clone of.
    pub shared: u64,
}

/// Why it was not done; then nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum VolumesError {
    /// No name: 1 to 32 bytes of `[a-z][a-z0-9-]*`.
    BadName,
    /// No volume has this name.
    NoSuchVolume,
    /// A volume has this name already.
    Exists,
    /// There are as many volumes as there can be.
    TooMany,
    /// No size of a volume: 0, or more than one may have.
    BadSize,
    /// A volume does not shrink.
    Shrinks,
    /// There is no room for it.
    Full,
    /// The device reports a fault: whether it was done is unknown until the disk is opened again.
    Failed,
}

/// The volumes of a disk.
#[service(name = "volumes", version = 1)]
pub trait Volumes {
    /// Some volumes, in the order of their names, from the one numbered `from`.
    fn list(&mut self, from: u16) -> Page;

    /// How much room there is.
    fn space(&mut self) -> Space;

    /// Makes a volume of zeros.
    fn make(&mut self, name: Text<NAME_MAX>, sectors: u64) -> Result<(), VolumesError>;

    /// Makes a volume longer; what is new reads as zeros.
    fn grow(&mut self, name: Text<NAME_MAX>, sectors: u64) -> Result<(), VolumesError>;

    /// Makes a volume that begins with the content of another and goes its own way. Nothing is copied until it is written.
    fn clone(&mut self, of: Text<NAME_MAX>, name: Text<NAME_MAX>) -> Result<(), VolumesError>;

    /// Forgets a volume and says what is left of it. What clients sealed is gone for good only with their keys.
    fn erase(&mut self, name: Text<NAME_MAX>) -> Result<Erased, VolumesError>;
}
