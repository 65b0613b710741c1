//! PCI as far as giving one function to one qube needs: finding it, measuring its memory windows, starting it with bus
//! mastering and one interrupt message, stopping it.
//!
//! Configuration space is behind [`Config`], registers in memory windows behind [`Window`]. Deliberately absent: bridges,
//! I/O windows, expansion ROMs, moving a window: firmware has placed them. Only memory windows of whole pages count, so that
//! no page of one function is another's.
//!
//! Source: PCI Local Bus 3.0, chapter 6; PCI Express Base 5.0, 6.6.2 (function-level reset) and 7.5, 7.7.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "window numbers are below 6, and places of capabilities below 256 by their mask"
)]

#[cfg(test)]
mod fake;
mod function;
mod scan;

pub use function::{Function, Message, Quirk, WINDOWS, Window, WindowRange};
pub use scan::{Wanted, find, quiesce};

/// Bytes of configuration space that every function has.
pub const CONFIG_BYTES: u16 = 256;

/// A function's address in segment 0: bus, device and function as the bus carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub u16);

/// Configuration space, 32 bits at a time.
pub trait Config {
    /// Reads at `register`, a multiple of 4 below [`CONFIG_BYTES`]; all ones where there is no function.
    fn read(&self, function: Address, register: u16) -> u32;
    /// Writes there.
    fn write(&mut self, function: Address, register: u16, value: u32);
}

/// Registers of the standard header.
mod register {
    pub(crate) const ID: u16 = 0x00;
    pub(crate) const COMMAND: u16 = 0x04;
    pub(crate) const CLASS: u16 = 0x08;
    pub(crate) const HEADER: u16 = 0x0c;
    pub(crate) const WINDOWS: u16 = 0x10;
    pub(crate) const CAPABILITIES: u16 = 0x34;
}

/// Bits of the command register.
mod command {
    pub(crate) const MEMORY: u32 = 1 << 1;
    pub(crate) const BUS_MASTER: u32 = 1 << 2;
    pub(crate) const NO_INTX: u32 = 1 << 10;
    /// In the upper half of the register: there is a list of capabilities.
    pub(crate) const HAS_CAPABILITIES: u32 = 1 << 20;
}
