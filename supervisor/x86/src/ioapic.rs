//! The I/O APIC and the legacy controllers it replaces: which device lines become interrupts.
//!
//! Everything is masked until [`IoApic::route`] opens one ISA line. Source: Intel 82093AA and 8259A.

use crate::acpi::{Interrupts, IsaInput};
use crate::idt::ISA_VECTOR;
use crate::lapic::LocalApic;
use crate::port::Port;

/// Where I/O APICs may be; the page tables map this part uncached.
const PLACES: core::ops::Range<u32> = 0xfec0_0000..0xfee0_0000;
const WINDOW: usize = 0x10;
const VERSION: u32 = 0x01;
const REDIRECTION: u32 = 0x10;
const MASKED: u32 = 1 << 16;
const ACTIVE_LOW: u32 = 1 << 13;

/// Why a line cannot be routed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouteError {
    /// There is no such ISA interrupt, or the I/O APIC has no such input.
    NoSuchLine,
    /// The line is level triggered: our handlers could not silence it.
    LevelTriggered,
}

/// The I/O APIC that takes the ISA interrupts.
#[derive(Debug)]
pub struct IoApic {
    address: usize,
    inputs: u32,
    target: u32,
    isa: [IsaInput; 16],
}

impl IoApic {
    /// Masks the legacy controllers and every input. `None` when the MADT puts the I/O APIC where none can be.
    pub(crate) fn start(interrupts: &Interrupts, processor: &LocalApic) -> Option<IoApic> {
        mask_legacy();
        if !PLACES.contains(&interrupts.io_apic) || interrupts.io_apic & 0xff != 0 {
            return None;
        }
        let address = interrupts.io_apic as usize;
        let mut io_apic = IoApic { address, inputs: 0, target: processor.id() << 24, isa: interrupts.isa };
        io_apic.inputs = (io_apic.read(VERSION) >> 16 & 0xff) + 1;
        for input in 0..io_apic.inputs {
            io_apic.write(REDIRECTION + 2 * input, MASKED);
        }
        Some(io_apic)
    }

    /// Opens ISA interrupt `irq` (0..16): from now on it sets its bit in the pending mask. Where an IOMMU remaps interrupts,
    /// `entry` is the upper half of the redirection entry and what stands in place of the vector.
    pub fn route(&mut self, irq: u8, entry: Option<(u32, u8)>) -> Result<(), RouteError> {
        let input = self.input(irq)?;
        if input.level {
            return Err(RouteError::LevelTriggered);
        }
        let polarity = if input.low { ACTIVE_LOW } else { 0 };
        let (target, vector) = entry.unwrap_or((self.target, ISA_VECTOR + irq));
        self.write(REDIRECTION + 2 * input.gsi + 1, target);
        self.write(REDIRECTION + 2 * input.gsi, u32::from(vector) | polarity);
        Ok(())
    }

    fn input(&self, irq: u8) -> Result<IsaInput, RouteError> {
        let input = self.isa.get(usize::from(irq)).copied();
        input.filter(|input| input.gsi < self.inputs).ok_or(RouteError::NoSuchLine)
    }

    fn read(&self, register: u32) -> u32 {
        self.select(register);
        let window = core::ptr::with_exposed_provenance::<u32>(self.address + WINDOW);
        // SAFETY: `start` checked that the address lies in the uncached device window, where no memory is.
        unsafe { window.read_volatile() }
    }

    fn write(&mut self, register: u32, value: u32) {
        self.select(register);
        let window = core::ptr::with_exposed_provenance_mut::<u32>(self.address + WINDOW);
        // SAFETY: as in `read`; a redirection entry only chooses one of our own interrupt vectors.
        unsafe { window.write_volatile(value) };
    }

    fn select(&self, register: u32) {
        let select = core::ptr::with_exposed_provenance_mut::<u32>(self.address);
        // SAFETY: as in `read`; selecting a register has no other effect.
        unsafe { select.write_volatile(register) };
    }
}

/// Moves the two 8259A away from the exception vectors and masks all their lines.
fn mask_legacy() {
    for (command, data, vector, wiring) in
        [(Port::PIC1_COMMAND, Port::PIC1_DATA, 0x20, 4), (Port::PIC2_COMMAND, Port::PIC2_DATA, 0x28, 2)]
    {
        command.write(0x11);
        data.write(vector);
        data.write(wiring);
        data.write(0x01);
        data.write(0xff);
    }
}
