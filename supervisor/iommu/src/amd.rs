//! AMD-Vi (48882): device table, page tables, commands, event log, interrupt remapping.
//!
//! An entry of the device table that is not valid lets everything **through** (2.2.2.1), so all 65,536 are valid from the
//! start and stay it. A blocked one points to an empty table, without rights.

use supervisor_mem::{Encoding, Gpa, Hpa, NestedError, PAGE_SIZE, PageCount, Rights, Size};

use crate::found::{Bdf, Found};
use crate::unit::{Error, Fault, Hardware, Place, Shared, Unit, Vendor, frame, poll};

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

/// The device table: 65,536 entries of 32 bytes.
const DEVICE_TABLE_PAGES: u64 = 512;
/// The last index is 2,047, of entries of 4 bytes: it ends in the third page of a table in the first.
const REMAPPING_PAGES: u64 = 4;
/// 256 entries of 16 bytes, as the base registers have it.
const LENGTH_256: u64 = 8 << 56;
/// Unit, event log, table walks that look into the processor's caches, command buffer. Remapping entries are 32 bits wide.
const CONTROL_EVENTS: u64 = 1 << 2;
const CONTROL_ON: u64 = 1 | CONTROL_EVENTS | 1 << 10 | 1 << 12;
const STATUS_OVERFLOW: u32 = 1;
const STATUS_EVENTS: u32 = 1 << 3;
const STATUS_COMMANDS: u32 = 1 << 4;

/// Device table entry: valid, translation valid, four levels; rights; interrupts are looked up, and remapped (by one entry).
const VALID: u64 = 0b11 | 4 << 9;
const READ: u64 = 1 << 61;
const WRITE: u64 = 1 << 62;
const INTERRUPTS: u64 = 1;
const REMAPPED: u64 = 0b10 << 60;

/// AMD's units.
pub(crate) struct Amd;

/// Entries of page tables (2.2.3). The next level is 0 in a leaf, and the page as large as its level says.
impl Encoding for Amd {
    fn table(at: Hpa, level: u32) -> u64 {
        at.0 | 1 | u64::from(level) << 9 | READ | WRITE
    }

    fn leaf(at: Hpa, rights: Rights, _size: Size) -> u64 {
        // Bit 60: accesses look into the processor's caches.
        at.0 | 1 | 1 << 60 | READ | if rights == Rights::RW { WRITE } else { 0 }
    }

    fn next(entry: u64) -> Option<Hpa> {
        (entry & 1 != 0 && entry & 0b111 << 9 != 0).then_some(Hpa(entry & 0x000f_ffff_ffff_f000))
    }
}

impl<H: Hardware> Vendor<H> for Amd {
    fn prepare(&self, hw: &mut H, _found: &Found) -> Result<Shared, Error> {
        let devices = hw.run(PageCount(DEVICE_TABLE_PAGES)).ok_or(Error::Table(NestedError::OutOfTables))?;
        // One page of remapping tables is used. The empty ones behind it are for units that let an index leave its table.
        let remapping = hw.run(PageCount(REMAPPING_PAGES)).ok_or(Error::Table(NestedError::OutOfTables))?;
        let shared = Shared { devices, remapping, empty: frame(hw)?, levels: 4, end: 1 << 48 };
        for bdf in (0..=u16::MAX).map(Bdf) {
            self.block(hw, &shared, Place { bdf, index: 0 });
        }
        Ok(shared)
    }

    fn start(&self, hw: &mut H, shared: &Shared, base: u64) -> Result<Unit, Error> {
        let at = |register: u64| Hpa(base + register);
        // INVALIDATE_IOMMU_ALL.
        if hw.read64(at(FEATURES)) & 1 << 6 == 0 {
            return Err(Error::Unsupported);
        }
        hw.write64(at(CONTROL), 0);
        poll(hw, base + STATUS, STATUS_EVENTS | STATUS_COMMANDS, 0)?;
        let mut unit = Unit::new(hw, base, COMMAND_TAIL)?;
        hw.write64(at(DEVICE_TABLE), shared.devices.0 | (DEVICE_TABLE_PAGES - 1));
        hw.write64(at(COMMANDS), unit.commands.0 | LENGTH_256);
        hw.write64(at(EVENTS), unit.log.0 | LENGTH_256);
        // No range is excluded from translation; both pointers of both rings start anew.
        for register in [EXCLUSION, COMMAND_HEAD, COMMAND_TAIL, EVENT_HEAD, EVENT_TAIL] {
            hw.write64(at(register), 0);
        }
        hw.write32(at(STATUS), STATUS_OVERFLOW);
        hw.write_back();
        hw.write64(at(CONTROL), CONTROL_ON);
        self.flush(hw, &mut unit)?;
        Ok(unit)
    }

    /// The quadword with the rights goes last here, and first when they go; so no mixture of two entries gives any.
    fn open(&self, hw: &mut H, shared: &Shared, place: Place, id: u64, root: Hpa) -> Result<(), Error> {
        hw.write(shared.remapping, 16 * usize::from(place.index), 0);
        set(hw, shared, place.bdf, 1, id);
        let remapping = shared.remapping.0 + 128 * u64::from(place.index);
        set(hw, shared, place.bdf, 2, INTERRUPTS | REMAPPED | remapping);
        set(hw, shared, place.bdf, 0, VALID | root.0 | READ | WRITE);
        Ok(())
    }

    fn block(&self, hw: &mut H, shared: &Shared, place: Place) {
        set(hw, shared, place.bdf, 0, VALID | shared.empty.0);
        set(hw, shared, place.bdf, 2, INTERRUPTS);
    }

    /// A device has a table of one entry (2.2.5), 128 bytes from the next device's; the index of that entry is the data.
    fn route(&self, hw: &mut H, shared: &Shared, place: Place, vector: u8, apic: u8) -> u32 {
        let entry = 1 | u64::from(apic) << 8 | u64::from(vector) << 16;
        hw.write(shared.remapping, 16 * usize::from(place.index), entry);
        0xfee0_0000
    }

    /// An I/O APIC has a table of 32 entries, of which every second is used. The index of one stands in place of the vector.
    fn route_input(
        &self,
        hw: &mut H,
        shared: &Shared,
        first: Place,
        place: Place,
        vector: u8,
        apic: u8,
    ) -> (u32, u8) {
        let number = (place.index - first.index) % 16;
        let entry = 1 | u64::from(apic) << 8 | u64::from(vector) << 16;
        hw.write(shared.remapping, 16 * usize::from(first.index) + usize::from(number), entry);
        let table = shared.remapping.0 + 128 * u64::from(first.index);
        set(hw, shared, place.bdf, 2, INTERRUPTS | REMAPPED | 5 << 1 | table);
        (0, 2 * number as u8)
    }

    /// INVALIDATE_IOMMU_ALL; COMPLETION_WAIT that stores.
    fn flush(&self, hw: &mut H, unit: &mut Unit) -> Result<(), Error> {
        unit.run(hw, &[[8 << 60, 0]], |word, ticket| [1 << 60 | word | 1, ticket])
    }

    /// The log is read by what is in it, not by its tail: no event is 0. Passed over are those that are not about an access: the
    /// others are illegal entry, page fault, and requests that are never valid (2.5).
    fn next_fault(&self, hw: &mut H, unit: &mut Unit) -> Option<Fault> {
        for _ in 0..unit.records {
            let (event, address) = (hw.read(unit.log, 2 * unit.head), hw.read(unit.log, 2 * unit.head + 1));
            if event == 0 {
                break;
            }
            hw.write(unit.log, 2 * unit.head, 0);
            unit.head = (unit.head + 1) % unit.records;
            hw.write64(Hpa(unit.base + EVENT_HEAD), 16 * unit.head as u64);
            if matches!(event >> 60, 1 | 2 | 8) {
                let (bdf, is_write) = (Bdf((event & 0xffff) as u16), event >> 53 & 1 != 0);
                return Some(Fault { bdf, address: Gpa(address), is_write });
            }
        }
        if hw.read32(Hpa(unit.base + STATUS)) & STATUS_OVERFLOW != 0 {
            // Logging stopped, and is started again.
            unit.overflows = unit.overflows.wrapping_add(1);
            hw.write64(Hpa(unit.base + CONTROL), CONTROL_ON & !CONTROL_EVENTS);
            poll(hw, unit.base + STATUS, STATUS_EVENTS, 0).ok()?;
            hw.write32(Hpa(unit.base + STATUS), STATUS_OVERFLOW);
            hw.write64(Hpa(unit.base + CONTROL), CONTROL_ON);
        }
        None
    }
}

/// Writes quadword `word` (0..4) of a device's entry; a page has 128 entries.
fn set(hw: &mut impl Hardware, shared: &Shared, bdf: Bdf, word: u16, value: u64) {
    let page = shared.devices.0 + u64::from(bdf.0 / 128) * PAGE_SIZE;
    hw.write(Hpa(page), usize::from(bdf.0 % 128 * 4 + word), value);
}
