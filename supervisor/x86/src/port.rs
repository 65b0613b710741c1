//! The I/O ports this crate may touch, by name.
//!
//! A [`Port`] exists only as one of the constants here, so that a stray number can never reach an `out`
//! instruction: safe code of this crate may use any port named in this file, and no other.

use core::arch::asm;

/// One I/O port.
#[derive(Clone, Copy)]
pub(crate) struct Port(u16);

impl Port {
    pub(crate) const PIC1_COMMAND: Port = Port(0x20);
    pub(crate) const PIC1_DATA: Port = Port(0x21);
    pub(crate) const PIC2_COMMAND: Port = Port(0xa0);
    pub(crate) const PIC2_DATA: Port = Port(0xa1);
    pub(crate) const PIT_CHANNEL_2: Port = Port(0x42);
    pub(crate) const PIT_COMMAND: Port = Port(0x43);
    /// Bit 0 gates PIT channel 2, bit 1 lets it sound.
    pub(crate) const PIT_GATE: Port = Port(0x61);
    pub(crate) const CMOS_INDEX: Port = Port(0x70);
    pub(crate) const CMOS_DATA: Port = Port(0x71);
    /// QEMU's and Bochs' debug console.
    pub(crate) const DEBUG_CONSOLE: Port = Port(0xe9);
    /// QEMU's isa-debug-exit, at the address our scripts give it.
    pub(crate) const DEBUG_EXIT: Port = Port(0xf4);
    /// PM1a control of QEMU's q35 (ICH9).
    pub(crate) const POWER_Q35: Port = Port(0x604);
    /// PM1a control of Bochs and of old QEMU.
    pub(crate) const POWER_BOCHS: Port = Port(0xb004);
    /// Reset control of every chipset since the PIIX3.
    pub(crate) const RESET: Port = Port(0xcf9);

    /// Register `index` (0..8) of the first serial port.
    pub(crate) const fn com1(index: u16) -> Port {
        Port(0x3f8 + (index & 7))
    }

    /// Reads a byte.
    pub(crate) fn read(self) -> u8 {
        let value;
        // SAFETY: reading a port named in this file changes no memory; the devices behind them do no DMA.
        unsafe {
            asm!("in al, dx", in("dx") self.0, out("al") value, options(nomem, nostack, preserves_flags))
        };
        value
    }

    /// Writes a byte.
    pub(crate) fn write(self, value: u8) {
        // SAFETY: writing a port named in this file changes no memory; the devices behind them do no DMA.
        unsafe {
            asm!("out dx, al", in("dx") self.0, in("al") value, options(nomem, nostack, preserves_flags))
        };
    }

    /// Writes 16 bits.
    pub(crate) fn write_u16(self, value: u16) {
        // SAFETY: writing a port named in this file changes no memory; the devices behind them do no DMA.
        unsafe {
            asm!("out dx, ax", in("dx") self.0, in("ax") value, options(nomem, nostack, preserves_flags))
        };
    }

    /// Writes 32 bits.
    pub(crate) fn write_u32(self, value: u32) {
        // SAFETY: writing a port named in this file changes no memory; the devices behind them do no DMA.
        unsafe {
            asm!("out dx, eax", in("dx") self.0, in("eax") value, options(nomem, nostack, preserves_flags))
        };
    }

    /// Writes every byte of `bytes`, in order, with one instruction.
    pub(crate) fn write_all(self, bytes: &[u8]) {
        // SAFETY: `rep outsb` reads exactly the bytes of the slice and changes no memory; DF is clear, as the
        // ABI demands.
        unsafe {
            asm!("rep outsb", in("dx") self.0, inout("rsi") bytes.as_ptr() => _, inout("rcx") bytes.len() => _,
                options(readonly, nostack, preserves_flags));
        }
    }
}
