//! The only way to a qube's memory: copies in, copies out, single naturally aligned loads and stores.
//!
//! An implementation checks every access against the qube's memory and refuses what lies outside. Writes are confined to
//! the part that the qube itself may write, so that a qube cannot have the supervisor overwrite its text (W^X from outside).

use crate::Gpa;

/// The access was not wholly inside the memory that the qube may use this way. The qube is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside;

/// A qube's memory behind copies. Each call touches each guest byte at most once.
pub trait GuestMemory {
    /// Loads an aligned little-endian `u16`.
    ///
    /// # Errors
    /// [`Outside`] when it is not readable for the qube.
    fn load_u16(&self, at: Gpa) -> Result<u16, Outside>;

    /// Loads 16 bytes as two aligned little-endian words, as a descriptor is laid out (VIRTIO 1.2, 2.7.5).
    ///
    /// # Errors
    /// [`Outside`] when they are not readable for the qube.
    fn load_pair(&self, at: Gpa) -> Result<[u64; 2], Outside>;

    /// Stores an aligned little-endian `u16`.
    ///
    /// # Errors
    /// [`Outside`] when it is not writable for the qube.
    fn store_u16(&mut self, at: Gpa, value: u16) -> Result<(), Outside>;

    /// Stores a 4-byte aligned little-endian `u64`, as a used-ring element is laid out (VIRTIO 1.2, 2.7.8).
    ///
    /// # Errors
    /// [`Outside`] when it is not writable for the qube.
    fn store_u64(&mut self, at: Gpa, value: u64) -> Result<(), Outside>;

    /// Copies `into.len()` bytes out of the qube.
    ///
    /// # Errors
    /// [`Outside`] when any of them is not readable for the qube; nothing is copied then.
    fn copy_in(&self, from: Gpa, into: &mut [u8]) -> Result<(), Outside>;

    /// Copies `bytes` into the qube.
    ///
    /// # Errors
    /// [`Outside`] when any target byte is not writable for the qube; nothing is copied then.
    fn copy_out(&mut self, to: Gpa, bytes: &[u8]) -> Result<(), Outside>;

    /// Whether `len` bytes at `at` are all writable for the qube.
    fn is_writable(&self, at: Gpa, len: u64) -> bool;

    /// Whether `len` bytes at `at` are all readable for the qube.
    fn is_readable(&self, at: Gpa, len: u64) -> bool;
}
