//! IOMMU tables, commands and faults of AMD-Vi and Intel VT-d, pure.
//!
//! After [`Iommu::start`] no device reaches memory or raises an interrupt. [`Iommu::assign`] lets one device reach the
//! memory of one qube, at the addresses that the qube itself uses; [`Iommu::route`] lets it raise one interrupt. What
//! [`Iommu::unassign`] took away is out of the device's reach once it returned `Ok`, and only then.
//!
//! All units of a machine share one device table (AMD-Vi) or root table (VT-d), so it does not matter which of them sees a
//! device, and every change is flushed from all. Deliberately absent: device TLBs (translated requests are refused), page
//! requests, PASIDs, guest translation, more than one PCI segment, devices that share a requester id or have memory reserved
//! by firmware, unmapping part of a domain.
//!
//! Sources: AMD I/O Virtualization Technology (48882); Intel Virtualization Technology for Directed I/O.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod amd;
mod found;
mod intel;
mod iommu;
#[cfg(test)]
mod tests;
mod unit;

pub use found::{Bdf, Found, Kind, UNIT_BYTES, UNITS_MAX};
pub use iommu::{DEVICES_MAX, Iommu, Region};
pub use unit::{Error, Fault, Hardware};
