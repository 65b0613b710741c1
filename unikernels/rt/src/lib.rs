//! The runtime of a qube: entry, faults, memory, devices and channels. The unsafe room below all
//! qubes; a qube's own code contains no `unsafe`.
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//! #![forbid(unsafe_code)]
//!
//! unikernels_rt::main!(main);
//!
//! fn main(qube: unikernels_rt::Qube) -> i32 {
//!     unikernels_rt::log!("hello from {}", qube.name());
//!     0
//! }
//! ```
//!
//! Invariants: one thread, no interrupts; the only way out is a function of `hypercall`; memory
//! that the supervisor may write is read volatile or copied, never referenced while the device
//! has it; what supervisor or peer wrote is judged in `unikernels-sdk`. Nothing here spins.
//! Absent on purpose: preemption, timers, an executor. A qube is a loop around `Qube::wait`.
//! Source: DESIGN.md 3.1, 3.2 and 5.

#![no_std]
#![expect(unsafe_code, reason = "the room of a qube that touches the machine")]

mod arena;
mod channel;
mod console;
mod entry;
mod fault;
mod freestanding;
mod hal;
mod heap;
mod hypercall;
mod log;
mod one_cpu;
mod pages;
mod pci;
mod platform;
mod qube;
mod queue;
mod random;
mod report;
mod scrub;
mod serial;
mod transport;
mod windows;

pub use channel::Channel;
pub use hypercall::Wake;
pub use pci::{DeviceMemory, Number, Pci, PciMemory, Window};
pub use qube::Qube;
pub use random::Random;
pub use scrub::scrub_stack;
pub use serial::Serial;
pub use windows::Windows;

/// What the macros of this crate expand to; not for use by name.
#[doc(hidden)]
pub mod __private {
    pub use crate::log::log;
    pub use crate::report::panic;
    pub use hermit_entry::{_Note, define_entry_version, define_uhyve_interface_version};
    pub use uhyve_interface::UHYVE_INTERFACE_VERSION;
}
