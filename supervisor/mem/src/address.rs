//! Addresses by whose point of view they are: [`Gpa`] as a qube sees memory, [`Hpa`] as the machine does.
//!
//! The two never convert into each other here; only a nested table or a [`crate::GuestMemory`] relates them.

/// Bytes in a page, 4 KiB: the unit of rights in nested tables (AMD APM vol. 2, 5.3).
pub const PAGE_SIZE: u64 = 4096;

/// A guest-physical address, in bytes. Claimed by a qube unless a type says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gpa(pub u64);

/// A host-physical address, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hpa(pub u64);

/// A number of 4 KiB pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageCount(pub u64);

impl PageCount {
    /// The size in bytes, saturating.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0.saturating_mul(PAGE_SIZE)
    }
}
