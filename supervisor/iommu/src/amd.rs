//! AMD-Vi (48882): device table, page tables, commands, event log, interrupt remapping.
//!
//! An entry of the device table that is not valid lets everything **through** (2.2.2.1), so all 65,536 are valid from the
//! start and stay it. A blocked one points to an empty table, without rights.

use heapless::Vec;
use supervisor_mem::{Encoding, Hpa, PageCount, Rights, Size};

use crate::UNITS_MAX;
use crate::found::{Bdf, Found};
use crate::iommu::{Access, Error, Fault, Hardware, Message, Shared, Unit};
use crate::queue::{ENTRIES, Queue, poll};

/// Registers (3.4).
const DEVICE_TABLE: u64 = 0x00;
const COMMANDS: u64 = 0x08;
const EVENTS: u64 = 0x10;
const CONTROL: u64 = 0x18;
const EXCLUSION: u64 = 0x20;
const FEATURES: u64 = 0x30;
const COMMAND_HEAD: u64 = 0x2000;
const COMMAND_TAIL: u64 = 0x2008;
const EVENT_HEAD: u64 = 0x2010;
const EVENT_TAIL: u64 = 0x2018;
const STATUS: u64 = 0x2020;

/// The device table: 65,536 entries of 32 bytes; its size as the register has it.
const DEVICE_TABLE_PAGES: u64 = 512;
const ENTRIES_A_PAGE: u16 = 128;
/// 256 entries of 16 bytes, as the base registers have it.
const LENGTH_256: u64 = 8 << 56;
/// INVALIDATE_IOMMU_ALL is there.
const FEATURE_INVALIDATE_ALL: u64 = 1 << 6;
/// Unit, event log, table walks that look into the processor's caches, command buffer. Remapping entries are 32 bits wide.
const CONTROL_EVENTS: u64 = 1 << 2;
const CONTROL_ON: u64 = 1 | CONTROL_EVENTS | 1 << 10 | 1 << 12;
const STATUS_OVERFLOW: u32 = 1;
const STATUS_EVENTS: u32 = 1 << 3;
const STATUS_COMMANDS: u32 = 1 << 4;

/// Device table entry (2.2.2.1): valid, translation valid; four levels; interrupts are looked up, and remapped.
const VALID: u64 = 0b11;
const FOUR_LEVELS: u64 = 4 << 9;
const READ_WRITE: u64 = 0b11 << 61;
const INTERRUPTS: u64 = 1;
const INTERRUPTS_REMAPPED: u64 = INTERRUPTS | 0b10 << 60;

const WAIT: u64 = 1 << 60;
const WAIT_STORE: u64 = 1;
const INVALIDATE_ALL: u64 = 8 << 60;

/// Events (2.5): those about a device's access: illegal entry, page fault, request that is never valid.
const EVENTS_OF_DEVICES: [u64; 3] = [1, 2, 8];
const EVENT_WRITE: u64 = 1 << 53;

/// Entries of page tables (2.2.3).
pub(crate) struct Entry;

impl Encoding for Entry {
    fn table(at: Hpa, level: u32) -> u64 {
        at.0 | 1 | u64::from(level) << 9 | READ_WRITE
    }

    fn leaf(at: Hpa, rights: Rights, _size: Size) -> u64 {
        // The next level is 0 in a leaf: the page is as large as the level says. Bit 60: the processor's caches are looked into.
        let rights = if rights == Rights::RW { READ_WRITE } else { 1 << 61 };
        at.0 | 1 | 1 << 60 | rights
    }

    fn next(entry: u64) -> Option<Hpa> {
        (entry & 1 != 0 && entry & 0b111 << 9 != 0).then_some(Hpa(entry & 0x000f_ffff_ffff_f000))
    }
}

pub(crate) fn start(
    hardware: &mut impl Hardware,
    found: &Found,
    units: &mut Vec<Unit, UNITS_MAX>,
) -> Result<Shared, Error> {
    let devices = hardware.run(PageCount(DEVICE_TABLE_PAGES)).ok_or(Error::OutOfTables)?;
    let other = hardware.table().ok_or(Error::OutOfTables)?;
    let shared = Shared { devices, other, levels: 4, end: 1 << 48, domains: 1 << 16 };
    for bdf in 0..=u16::MAX {
        block(hardware, &shared, Bdf(bdf));
    }
    for &bdf in &found.io_apics {
        set(hardware, &shared, bdf, 2, 0);
    }
    for &base in &found.units {
        let at = |register: u64| Hpa(base + register);
        if hardware.read64(at(FEATURES)) & FEATURE_INVALIDATE_ALL == 0 {
            return Err(Error::Unsupported);
        }
        hardware.write64(at(CONTROL), 0);
        poll(hardware, at(STATUS), STATUS_EVENTS | STATUS_COMMANDS, 0)?;
        let queue = Queue::new(hardware, base + COMMAND_TAIL)?;
        let log = hardware.table().ok_or(Error::OutOfTables)?;
        hardware.write64(at(DEVICE_TABLE), devices.0 | (DEVICE_TABLE_PAGES - 1));
        hardware.write64(at(COMMANDS), queue.base() | LENGTH_256);
        hardware.write64(at(EVENTS), log.0 | LENGTH_256);
        // No range is excluded from translation; both pointers of both rings start anew.
        for register in [EXCLUSION, COMMAND_HEAD, COMMAND_TAIL, EVENT_HEAD, EVENT_TAIL] {
            hardware.write64(at(register), 0);
        }
        hardware.write32(at(STATUS), STATUS_OVERFLOW);
        hardware.write_back();
        hardware.write64(at(CONTROL), CONTROL_ON);
        let mut unit = Unit { base, queue, log, records: ENTRIES, head: 0, drain: 0 };
        flush(hardware, &mut unit.queue)?;
        units.push(unit).map_err(|_| Error::TooMany)?;
    }
    Ok(shared)
}

/// Writes one of the four quadwords of a device's entry.
fn set(hardware: &mut impl Hardware, shared: &Shared, bdf: Bdf, word: u16, value: u64) {
    let page = Hpa(shared.devices.0 + u64::from(bdf.0 / ENTRIES_A_PAGE) * supervisor_mem::PAGE_SIZE);
    hardware.write(page, usize::from(bdf.0 % ENTRIES_A_PAGE * 4 + word), value);
}

/// The quadword with the rights goes first when they go, last when they come; so no mixture of two entries gives any.
pub(crate) fn block(hardware: &mut impl Hardware, shared: &Shared, bdf: Bdf) {
    set(hardware, shared, bdf, 0, VALID | FOUR_LEVELS | shared.other.0);
    set(hardware, shared, bdf, 2, INTERRUPTS);
}

pub(crate) fn open(
    hardware: &mut impl Hardware,
    shared: &Shared,
    bdf: Bdf,
    domain: u32,
    root: Hpa,
    interrupts: Hpa,
) {
    set(hardware, shared, bdf, 1, u64::from(domain));
    set(hardware, shared, bdf, 2, INTERRUPTS_REMAPPED | interrupts.0);
    set(hardware, shared, bdf, 0, VALID | FOUR_LEVELS | root.0 | READ_WRITE);
}

pub(crate) fn flush(hardware: &mut impl Hardware, queue: &mut Queue) -> Result<(), Error> {
    let wait = |word, ticket| [WAIT | WAIT_STORE | word, u64::from(ticket)];
    queue.run(hardware, &[[INVALIDATE_ALL, 0]], wait)
}

/// The device's table has one entry: fixed delivery to one processor (2.2.5.2). Its index is the message's data.
pub(crate) fn route(hardware: &mut impl Hardware, interrupts: Hpa, vector: u8, apic: u8) -> Message {
    hardware.write(interrupts, 0, 1 | u64::from(apic) << 8 | u64::from(vector) << 16);
    Message { address: 0xfee0_0000, data: 0 }
}

/// The log is read by what is in it, not by its tail: an event counts when its code is there, which is never 0.
pub(crate) fn next_fault(
    hardware: &mut impl Hardware,
    unit: &mut Unit,
    overflows: &mut u32,
) -> Option<Fault> {
    for _ in 0..unit.records {
        let event = hardware.read(unit.log, 2 * unit.head);
        if event == 0 {
            break;
        }
        let address = supervisor_mem::Gpa(hardware.read(unit.log, 2 * unit.head + 1));
        hardware.write(unit.log, 2 * unit.head + 1, 0);
        hardware.write(unit.log, 2 * unit.head, 0);
        unit.head = (unit.head + 1) % unit.records;
        hardware.write64(Hpa(unit.base + EVENT_HEAD), 16 * unit.head as u64);
        if EVENTS_OF_DEVICES.contains(&(event >> 60)) {
            let access = if event & EVENT_WRITE != 0 { Access::Write } else { Access::Read };
            return Some(Fault { bdf: Bdf((event & 0xffff) as u16), address, access });
        }
    }
    let status = Hpa(unit.base + STATUS);
    if hardware.read32(status) & STATUS_OVERFLOW != 0 {
        // Logging stopped; it starts anew with an empty log (2.5.2).
        *overflows = overflows.wrapping_add(1);
        hardware.write64(Hpa(unit.base + CONTROL), CONTROL_ON & !CONTROL_EVENTS);
        let _ = poll(hardware, status, STATUS_EVENTS, 0);
        hardware.write64(Hpa(unit.base + EVENT_HEAD), 0);
        hardware.write64(Hpa(unit.base + EVENT_TAIL), 0);
        unit.head = 0;
        hardware.write32(status, STATUS_OVERFLOW);
        hardware.write64(Hpa(unit.base + CONTROL), CONTROL_ON);
    }
    None
}
