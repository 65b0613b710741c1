//! Switching the machine off, or restarting it.
//!
//! Under QEMU the device isa-debug-exit turns a written value `v` into exit status `2v + 1`, so a test sees how
//! the machine ended. The ACPI ports tried next are those of QEMU and Bochs; on real hardware the right port
//! and value stand in a program inside the DSDT, which we do not interpret: there the machine halts, and
//! a person presses the button.

use core::arch::asm;

use crate::cpu;
use crate::port::Port;

/// How the machine ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Ending {
    /// All went well; QEMU's status is 33.
    PowerOff = 0x10,
    /// The supervisor met a fault, a panic or a lie from firmware; status 35.
    Failed = 0x11,
    /// This CPU cannot run qubes; status 37.
    Unfit = 0x12,
}

/// Value of PM1a control that enters S5 on QEMU and Bochs: SLP_EN with sleep type 0.
const SLEEP_S5: u16 = 0x2000;

/// Ends the machine. After a failure it halts rather than going dark, so that the message can be read.
pub fn end(ending: Ending) -> ! {
    if cpu::under_hypervisor() {
        Port::DEBUG_EXIT.write_u32(u32::from(ending as u8));
        if ending == Ending::PowerOff {
            Port::POWER_Q35.write_u16(SLEEP_S5);
            Port::POWER_BOCHS.write_u16(SLEEP_S5);
        }
    }
    halt()
}

/// Restarts the machine through the chipset's reset control.
pub fn reset() -> ! {
    Port::RESET.write(0x02);
    Port::RESET.write(0x06);
    halt()
}

/// Stops this processor for good.
fn halt() -> ! {
    loop {
        // SAFETY: with interrupts off, halting changes no memory; nothing is to run any more.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
