//! VT-d: root and context tables in legacy mode, second-level tables, queued invalidation, fault records, interrupt remapping.
//!
//! What is not present refuses, so a zeroed root table blocks all devices.

use heapless::Vec;
use supervisor_mem::{Encoding, Gpa, Hpa, Rights, Size};

use crate::UNITS_MAX;
use crate::found::{Bdf, Found};
use crate::iommu::{Access, Error, Fault, Hardware, Message, Shared, Unit};
use crate::queue::{Queue, poll};

/// Registers (chapter 11, "Register Descriptions").
const CAPABILITIES: u64 = 0x08;
const EXTENDED: u64 = 0x10;
const COMMAND: u64 = 0x18;
const STATUS: u64 = 0x1c;
const ROOT: u64 = 0x20;
const FAULT_STATUS: u64 = 0x34;
const FAULT_CONTROL: u64 = 0x38;
const PROTECTED: u64 = 0x64;
const QUEUE_TAIL: u64 = 0x88;
const QUEUE: u64 = 0x90;
const REMAPPING: u64 = 0xb8;

/// Write buffers must be flushed by command; large pages; protected memory regions.
const CAP_WRITE_BUFFER: u64 = 1 << 4;
const CAP_LARGE: u64 = 1 << 34;
const CAP_PROTECTED: u64 = 0b11 << 5;
/// Queued invalidation; interrupt remapping.
const EXTENDED_NEEDED: u64 = 1 << 1 | 1 << 3;
/// Bits of the command and status registers; the first five are states, the others are done once.
const ON: u32 = 1 << 31;
const QUEUED: u32 = 1 << 26;
const REMAPPED: u32 = 1 << 25;
const SET_ROOT: u32 = 1 << 30;
const SET_REMAPPING: u32 = 1 << 24;
/// What a command must repeat of the status: everything but what is done once.
const STATES: u32 = 0x96ff_ffff;
/// Compatibility-format interrupts pass; we never let them.
const COMPATIBLE: u32 = 1 << 23;
const FAULTS_SILENT: u32 = 1 << 31;
const FAULT_OVERFLOW: u32 = 1;

const PRESENT: u64 = 1;
const READ: u64 = 1;
const WRITE: u64 = 1 << 1;
const LARGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// 256 remapping entries: two to the power of this and one.
const REMAPPING_SIZE: u64 = 7;
/// Descriptors: everything in the context cache, the IOTLB, the interrupt entry cache; store a word.
const CONTEXTS: u64 = 1 | 1 << 4;
const IOTLB: u64 = 2 | 1 << 4;
const INTERRUPTS: u64 = 4;
const WAIT_STORE: u64 = 5 | 1 << 5;

/// Entries of second-level tables.
pub(crate) struct Entry;

impl Encoding for Entry {
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

pub(crate) fn start(
    hardware: &mut impl Hardware,
    found: &Found,
    units: &mut Vec<Unit, UNITS_MAX>,
) -> Result<Shared, Error> {
    let devices = hardware.table().ok_or(Error::OutOfTables)?;
    let other = hardware.table().ok_or(Error::OutOfTables)?;
    // What every unit can do: level counts (bit 1: three, bit 2: four), width of addresses, domains.
    let (mut levels, mut width, mut domains) = (0b110, 48, u32::MAX);
    for &base in &found.units {
        let capabilities = hardware.read64(Hpa(base + CAPABILITIES));
        let extended = hardware.read64(Hpa(base + EXTENDED));
        let is_fit = capabilities & CAP_WRITE_BUFFER == 0 && capabilities & CAP_LARGE != 0;
        if !is_fit || extended & EXTENDED_NEEDED != EXTENDED_NEEDED {
            return Err(Error::Unsupported);
        }
        levels &= capabilities >> 8;
        width = width.min((capabilities >> 16 & 0x3f) + 1);
        domains = domains.min(1 << (4 + 2 * (capabilities & 0b111)));
    }
    let (levels, width) = match levels {
        0 => return Err(Error::Unsupported),
        0b010 => (3, width.min(39)),
        _ => (4, width),
    };
    for &base in &found.units {
        let unit = start_unit(hardware, base, devices, other)?;
        units.push(unit).map_err(|_| Error::TooMany)?;
    }
    Ok(Shared { devices, other, levels, end: 1 << width, domains })
}

fn start_unit(hardware: &mut impl Hardware, base: u64, root: Hpa, remapping: Hpa) -> Result<Unit, Error> {
    let at = |register: u64| Hpa(base + register);
    let capabilities = hardware.read64(at(CAPABILITIES));
    // What firmware left on is turned off, but for translation, which its tables go on restricting until ours do.
    for state in [REMAPPED, COMPATIBLE, QUEUED] {
        turn(hardware, base, state, 0)?;
    }
    hardware.write32(at(FAULT_CONTROL), FAULTS_SILENT);
    let mut queue = Queue::new(hardware, base + QUEUE_TAIL)?;
    hardware.write_back();
    hardware.write64(at(QUEUE_TAIL), 0);
    hardware.write64(at(QUEUE), queue.base());
    turn(hardware, base, QUEUED, QUEUED)?;
    hardware.write64(at(ROOT), root.0);
    turn(hardware, base, SET_ROOT, SET_ROOT)?;
    hardware.write64(at(REMAPPING), remapping.0 | REMAPPING_SIZE);
    turn(hardware, base, SET_REMAPPING, SET_REMAPPING)?;
    // Bits 55:54 say whether invalidations can wait for accesses under way; they are bits 7:6 of the descriptor.
    let drain = (capabilities >> 54 & 0b11) << 6;
    flush(hardware, &mut queue, drain)?;
    turn(hardware, base, REMAPPED, REMAPPED)?;
    turn(hardware, base, ON, ON)?;
    if capabilities & CAP_PROTECTED != 0 {
        hardware.write32(at(PROTECTED), 0);
        poll(hardware, at(PROTECTED), 1, 0)?;
    }
    let log = Hpa(base + (capabilities >> 24 & 0x3ff) * 16);
    let records = (capabilities >> 40 & 0xff) as usize + 1;
    Ok(Unit { base, queue, log, records, head: 0, drain })
}

/// Gives one command, as bit `mask` of the register, and waits until the status shows it.
fn turn(hardware: &mut impl Hardware, base: u64, mask: u32, wanted: u32) -> Result<(), Error> {
    let states = hardware.read32(Hpa(base + STATUS)) & STATES;
    hardware.write32(Hpa(base + COMMAND), states & !mask | wanted);
    poll(hardware, Hpa(base + STATUS), mask, wanted)
}

/// The index of the first quadword of an entry: the bus's in the root table, the function's in the bus's context table.
fn index(of: u16) -> usize {
    usize::from(of & 0xff) * 2
}

pub(crate) fn block(hardware: &mut impl Hardware, shared: &Shared, bdf: Bdf, device: Option<usize>) {
    let bus = hardware.read(shared.devices, index(bdf.0 >> 8));
    if bus & PRESENT != 0 {
        hardware.write(Hpa(bus & ADDRESS), index(bdf.0), 0);
    }
    if let Some(device) = device {
        hardware.write(shared.other, 2 * device, 0);
    }
}

pub(crate) fn open(
    hardware: &mut impl Hardware,
    shared: &Shared,
    bdf: Bdf,
    domain: u32,
    root: Hpa,
) -> Result<(), Error> {
    let bus = index(bdf.0 >> 8);
    let mut contexts = hardware.read(shared.devices, bus);
    if contexts & PRESENT == 0 {
        contexts = hardware.table().ok_or(Error::OutOfTables)?.0 | PRESENT;
        hardware.write(shared.devices, bus, contexts);
    }
    let contexts = Hpa(contexts & ADDRESS);
    // Address width: 1 for three levels, 2 for four. The quadword that makes it present goes last.
    hardware.write(contexts, index(bdf.0) + 1, u64::from(domain) << 8 | (shared.levels - 2));
    hardware.write(contexts, index(bdf.0), root.0 | PRESENT);
    Ok(())
}

pub(crate) fn flush(hardware: &mut impl Hardware, queue: &mut Queue, drain: u64) -> Result<(), Error> {
    let wait = |word, ticket| [WAIT_STORE | u64::from(ticket) << 32, word];
    queue.run(hardware, &[[CONTEXTS, 0], [IOTLB | drain, 0], [INTERRUPTS, 0]], wait)
}

/// Entry `index` of the table: fixed delivery to one processor, for this device only.
pub(crate) fn route(
    hardware: &mut impl Hardware,
    shared: &Shared,
    index: usize,
    bdf: Bdf,
    vector: u8,
    apic: u8,
) -> Message {
    hardware.write(shared.other, 2 * index + 1, 1 << 18 | u64::from(bdf.0));
    hardware.write(shared.other, 2 * index, PRESENT | u64::from(vector) << 16 | u64::from(apic) << 40);
    Message { address: 0xfee0_0010 | (index as u32) << 5, data: 0 }
}

pub(crate) fn next_fault(
    hardware: &mut impl Hardware,
    unit: &mut Unit,
    overflows: &mut u32,
) -> Option<Fault> {
    for _ in 0..unit.records {
        let record = unit.log.0 + 16 * unit.head as u64;
        unit.head = (unit.head + 1) % unit.records;
        let high = hardware.read64(Hpa(record + 8));
        if high >> 63 != 0 {
            let address = Gpa(hardware.read64(Hpa(record)) & !0xfff);
            hardware.write32(Hpa(record + 12), 1 << 31);
            let access = if high & 1 << 62 != 0 { Access::Read } else { Access::Write };
            return Some(Fault { bdf: Bdf((high & 0xffff) as u16), address, access });
        }
    }
    if hardware.read32(Hpa(unit.base + FAULT_STATUS)) & FAULT_OVERFLOW != 0 {
        *overflows = overflows.wrapping_add(1);
        hardware.write32(Hpa(unit.base + FAULT_STATUS), FAULT_OVERFLOW);
    }
    None
}
