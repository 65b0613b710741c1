//! A virtio transport on PCI that believes nothing, pure: over register windows ([`Bars`]) that somebody else has mapped.
//!
//! That of `virtio-drivers` maps memory itself, reads an index from the device at every notification and unwraps what it gives,
//! waits for a reset without end, and sets no interrupt vector, without which a device with MSI-X is silent.
//!
//! Not here: features, which drivers judge; more than two queues; vectors of their own for queues.
//!
//! Source: VIRTIO 1.2 (4.1).

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod capabilities;
mod pci;

pub use capabilities::{Kind, Layout, LayoutError, Region};
pub use pci::{Bars, Pci};
