//! VT-d: root and context tables in legacy mode, second-level tables, queued invalidation, fault records, interrupt remapping.
//!
//! What is not present refuses, so a zeroed root table blocks all devices.

use supervisor_mem::{Encoding, Gpa, Hpa, Rights, Size};

use crate::found::{Bdf, Found};
use crate::unit::{Error, Fault, Hardware, Place, Shared, Unit, Vendor, frame, poll};

/// Registers (chapter "Register Descriptions").
const CAPABILITIES: u64 = 0x08;
const EXTENDED: u64 = 0x10;
const COMMAND: u64 = 0x18;
const STATUS: u64 = 0x1c;
const ROOT: u64 = 0x20;
const FAULT_STATUS: u64 = 0x34;
const FAULT_CONTROL: u64 = 0x38;
const QUEUE_TAIL: u64 = 0x88;
const QUEUE: u64 = 0x90;
const REMAPPING: u64 = 0xb8;

/// Wanted: large pages; invalidations that wait for reads and for writes under way. Not: write buffers to flush by command.
const WANTED: u64 = 1 << 34 | 0b11 << 54;
const NOT_WANTED: u64 = 1 << 4;
/// Queued invalidation; interrupt remapping.
const EXTENDED_WANTED: u64 = 1 << 1 | 1 << 3;
/// Bits of the command and status registers. States: on; queue; remapping; passing interrupts that are not remapped.
const ON: u32 = 1 << 31;
const QUEUED: u32 = 1 << 26;
const REMAPPED: u32 = 1 << 25;
const COMPATIBLE: u32 = 1 << 23;
/// Done once.
const SET_ROOT: u32 = 1 << 30;
const SET_REMAPPING: u32 = 1 << 24;
/// What a command repeats of the status: what is a state.
const STATES: u32 = 0x96ff_ffff;

const PRESENT: u64 = 1;
const READ: u64 = 1;
const WRITE: u64 = 1 << 1;
const LARGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Intel's units.
pub(crate) struct Intel;

/// Entries of second-level tables.
impl Encoding for Intel {
    fn table(at: Hpa, _level: u32) -> u64 {
        at.0 | READ | WRITE
    }

    fn leaf(at: Hpa, rights: Rights, size: Size) -> u64 {
        let rights = if rights == Rights::RW { READ | WRITE } else { READ };
        at.0 | rights | if size == Size::Large { LARGE } else { 0 }
    }

    fn next(entry: u64) -> Option<Hpa> {
        (entry & READ != 0 && entry & LARGE == 0).then_some(Hpa(entry & ADDRESS))
    }
}

impl<H: Hardware> Vendor<H> for Intel {
    fn prepare(&self, hw: &mut H, found: &Found) -> Result<Shared, Error> {
        // What every unit can do: levels of tables (bit 1: three, bit 2: four) and bits of an address.
        let (mut levels, mut width) = (0b110, 48);
        for base in &found.units {
            let capabilities = hw.read64(Hpa(base + CAPABILITIES));
            levels &= capabilities >> 8;
            width = width.min((capabilities >> 16 & 0x3f) + 1);
            let is_fit = capabilities & (WANTED | NOT_WANTED) == WANTED && levels != 0;
            let extended = hw.read64(Hpa(base + EXTENDED)) & EXTENDED_WANTED;
            // The low three bits say how many domains there are: 16 << 2 * n.
            if !is_fit || extended != EXTENDED_WANTED || capabilities & 0b111 == 0 {
                return Err(Error::Unsupported);
            }
        }
        let (levels, width) = if levels & 0b100 != 0 { (4, width) } else { (3, width.min(39)) };
        let (devices, remapping) = (frame(hw)?, frame(hw)?);
        Ok(Shared { devices, remapping, empty: devices, levels, end: 1 << width })
    }

    fn start(&self, hw: &mut H, shared: &Shared, base: u64) -> Result<Unit, Error> {
        let at = |register: u64| Hpa(base + register);
        // What firmware left on is turned off, but for translation, which its tables go on restricting until ours do.
        for state in [REMAPPED, COMPATIBLE, QUEUED] {
            turn(hw, base, state, 0)?;
        }
        // Faults are asked for: no interrupt.
        hw.write32(at(FAULT_CONTROL), 1 << 31);
        let mut unit = Unit::new(hw, base, QUEUE_TAIL)?;
        let capabilities = hw.read64(at(CAPABILITIES));
        unit.log = at((capabilities >> 24 & 0x3ff) * 16);
        unit.records = (capabilities >> 40 & 0xff) as usize + 1;
        hw.write_back();
        hw.write64(at(QUEUE_TAIL), 0);
        hw.write64(at(QUEUE), unit.commands.0);
        turn(hw, base, QUEUED, QUEUED)?;
        hw.write64(at(ROOT), shared.devices.0);
        turn(hw, base, SET_ROOT, SET_ROOT)?;
        // 7: two to the power of 8 entries.
        hw.write64(at(REMAPPING), shared.remapping.0 | 7);
        turn(hw, base, SET_REMAPPING, SET_REMAPPING)?;
        self.flush(hw, &mut unit)?;
        turn(hw, base, REMAPPED, REMAPPED)?;
        turn(hw, base, ON, ON)?;
        Ok(unit)
    }

    fn open(&self, hw: &mut H, shared: &Shared, place: Place, id: u64, root: Hpa) -> Result<(), Error> {
        let (bus, function) = places(place.bdf);
        if hw.read(shared.devices, bus) & PRESENT == 0 {
            let contexts = frame(hw)?;
            hw.write(shared.devices, bus, contexts.0 | PRESENT);
        }
        let contexts = Hpa(hw.read(shared.devices, bus) & ADDRESS);
        // Address width: 1 for three levels, 2 for four. The quadword that makes it present goes last.
        hw.write(contexts, function + 1, id << 8 | (shared.levels - 2));
        hw.write(contexts, function, root.0 | PRESENT);
        Ok(())
    }

    fn block(&self, hw: &mut H, shared: &Shared, place: Place) {
        let (bus, function) = places(place.bdf);
        let contexts = hw.read(shared.devices, bus);
        if contexts & PRESENT != 0 {
            hw.write(Hpa(contexts & ADDRESS), function, 0);
        }
        hw.write(shared.remapping, 2 * usize::from(place.index), 0);
    }

    /// The entry is for this device only: its whole id is compared.
    fn route(&self, hw: &mut H, shared: &Shared, place: Place, vector: u8, apic: u8) -> u32 {
        let entry = PRESENT | u64::from(vector) << 16 | u64::from(apic) << 40;
        hw.write(shared.remapping, 2 * usize::from(place.index) + 1, 1 << 18 | u64::from(place.bdf.0));
        hw.write(shared.remapping, 2 * usize::from(place.index), entry);
        0xfee0_0010 | u32::from(place.index) << 5
    }

    /// The remappable format (5.1.5.1) names the entry; the vector stands there for the end of an interrupt.
    fn route_input(
        &self,
        hw: &mut H,
        shared: &Shared,
        _first: Place,
        place: Place,
        vector: u8,
        apic: u8,
    ) -> (u32, u8) {
        self.route(hw, shared, place, vector, apic);
        (u32::from(place.index) << 17 | 1 << 16, vector)
    }

    /// Everything: context cache, IOTLB (draining reads and writes), interrupt entry cache; wait descriptor that stores.
    fn flush(&self, hw: &mut H, unit: &mut Unit) -> Result<(), Error> {
        unit.run(hw, &[[0x11, 0], [0xd2, 0], [0x04, 0]], |word, ticket| [0x25 | ticket << 32, word])
    }

    /// Bit 0 of the status: there was no room for a fault; bit 1: there is a fault. The records are a ring.
    fn next_fault(&self, hw: &mut H, unit: &mut Unit) -> Option<Fault> {
        let status = hw.read32(Hpa(unit.base + FAULT_STATUS));
        if status & 0b11 == 0 {
            return None;
        }
        for _ in 0..unit.records {
            let record = unit.log.0 + 16 * unit.head as u64;
            unit.head = (unit.head + 1) % unit.records;
            let high = hw.read64(Hpa(record + 8));
            if high >> 63 != 0 {
                let address = Gpa(hw.read64(Hpa(record)) & !0xfff);
                hw.write32(Hpa(record + 12), 1 << 31);
                let (bdf, is_write) = (Bdf((high & 0xffff) as u16), high >> 62 & 1 == 0);
                return Some(Fault { bdf, address, is_write });
            }
        }
        if status & 1 != 0 {
            unit.overflows = unit.overflows.wrapping_add(1);
            hw.write32(Hpa(unit.base + FAULT_STATUS), 1);
        }
        None
    }
}

/// Gives one command, as bit `mask` of the register, and waits until the status shows it.
fn turn(hw: &mut impl Hardware, base: u64, mask: u32, wanted: u32) -> Result<(), Error> {
    let states = hw.read32(Hpa(base + STATUS)) & STATES;
    hw.write32(Hpa(base + COMMAND), states & !mask | wanted);
    poll(hw, base + STATUS, mask, wanted)
}

/// Quadwords of a device's entries: its bus's in the root table, its own in the bus's context table.
fn places(bdf: Bdf) -> (usize, usize) {
    (usize::from(bdf.0 >> 8) * 2, usize::from(bdf.0 & 0xff) * 2)
}
