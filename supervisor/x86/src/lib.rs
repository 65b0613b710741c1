//! The machine under the supervisor: boot, paging, interrupts, clocks, the last words.
//!
//! This is the unsafe room for everything that is not virtualisation. A loader (PVH or multiboot2) enters
//! [`entry`](mod@entry); [`boot`] makes the machine safe to run Rust on (W^X page tables, fault handlers on
//! their own stacks), reads what the loader said, and hands one owned [`Machine`] to the binary's main
//! function, which [`entry!`] names.
//!
//! Invariants it keeps:
//! * what firmware says is bounds-checked before it is used, and a lie ends in a sentence, not in a panic;
//! * after boot no page is both writable and executable, page 0 and the page below each stack are absent;
//! * an interrupt sets a bit in one word and nothing else; a fault in host mode is fatal, always.
//!
//! It deliberately has no heap, no driver beyond the clocks and interrupt controllers, no second processor.
//!
//! Sources: Xen's PVH start-of-day document, the Multiboot2 specification 2.0, AMD64 Architecture
//! Programmer's Manual volume 2, ACPI 6.5 (RSDP, MADT), Intel 82093AA (I/O APIC), MC146818 (RTC).

#![cfg_attr(not(test), no_std)]
#![expect(
    unsafe_code,
    reason = "the unsafe room for boot and platform: privileged instructions, ports, MMIO"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "addresses and sizes have 64 bits on the one machine this is for"
)]
#![cfg_attr(
    test,
    allow(dead_code, reason = "host tests cover the pure half; the machine half has no caller there")
)]

mod acpi;
#[cfg(not(test))]
mod boot;
mod bytes;
mod cpu;
mod facts;
mod memmap;
mod msr;
mod multiboot2;
mod port;
mod pvh;

mod guest_ram;
mod once;
mod pci;
mod physical;
mod seed;

pub mod debugcon;
pub mod fatal;
pub mod idt;
pub mod ioapic;
pub mod lapic;
pub mod power;
pub mod rtc;
pub mod tsc;

#[cfg(not(test))]
mod entry;
mod gdt;
mod layout;
mod mem_fns;
mod paging;
mod serial;
mod stacks;

#[cfg(not(test))]
pub use boot::Machine;
pub use facts::{BootFacts, FactsError};
pub use guest_ram::GuestRam;
pub use idt::{PendingMask, device_vector, take_pending_interrupts};
pub use ioapic::{IoApic, RouteError};
pub use lapic::LocalApic;
pub use memmap::{RANGES_MAX, Range, Ranges};
pub use msr::{read_msr, write_msr};
pub use once::TakeOnce;
pub use pci::{IommuMemory, Pci, Registers};
pub use physical::{HostPage, Physical, Tables};
pub use seed::{SeedSource, seed};
pub use tsc::Clock;

/// Names the binary's main function: `fn(Machine) -> !`, called once, on the boot stack, interrupts off.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "Rust" fn skep_main(machine: $crate::Machine) -> ! {
            let main: fn($crate::Machine) -> ! = $main;
            main(machine)
        }
    };
}
