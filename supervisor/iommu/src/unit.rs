//! What the two vendors' units have in common: the machine they are in, their command queues, what each must be able to do.

use supervisor_mem::{Gpa, Hpa, NestedError, PageCount, TableMemory};

use crate::found::{Bdf, Found};

/// Commands, or events, in a page: 16 bytes each.
pub(crate) const ENTRIES: usize = 256;
/// Looks at a register before a unit counts as stuck. Each takes part of a microsecond, so this is about a second; what a
/// unit does takes microseconds.
const POLLS_MAX: u32 = 1 << 21;

/// The machine underneath: memory that units read and write, and their registers.
///
/// Every access happens when it is called, in that order, as the units see it: none is kept in a processor's register, left
/// out or moved across another.
pub trait Hardware: TableMemory + 'static {
    /// `pages` zeroed frames in one run, or `None`.
    fn run(&mut self, pages: PageCount) -> Option<Hpa>;
    /// Writes the processor's caches back, for units that read memory past them.
    fn write_back(&mut self);
    /// Reads the 32-bit register at `at`, which is inside [`UNIT_BYTES`](crate::UNIT_BYTES) of a unit; so do the others.
    fn read32(&self, at: Hpa) -> u32;
    /// Reads a 64-bit register.
    fn read64(&self, at: Hpa) -> u64;
    /// Writes a 32-bit register.
    fn write32(&mut self, at: Hpa, value: u32);
    /// Writes a 64-bit register, in one access.
    fn write64(&mut self, at: Hpa, value: u64);
}

/// Why there is no IOMMU, or a device was not given or not taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The firmware's table lies about a length, names no unit, more than one PCI segment, or more than there is room for.
    Firmware,
    /// A unit lacks something we need: command queue, interrupt remapping, large pages, three or four levels, 64 domains,
    /// invalidation that waits for accesses under way; or it needs its write buffers flushed.
    Unsupported,
    /// A unit did not answer in time. Memory that its devices could reach must never be used again.
    Stuck,
    /// No unit sees the device, firmware keeps memory for it, or its id is shared.
    Unconfined,
    /// The device has an owner, or what was to be taken away has none.
    Owner,
    /// More than [`DEVICES_MAX`](crate::DEVICES_MAX) devices or owners.
    TooMany,
    /// There are no more frames; or a region is not whole pages, overlaps another, or lies beyond what the units translate.
    Table(NestedError),
    /// The processor's APIC id does not fit an interrupt's eight bits.
    Destination,
}

/// An access that a unit refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The device.
    pub bdf: Bdf,
    /// Where it reached, as the device sees memory. VT-d tells only the page.
    pub address: Gpa,
    /// Whether it wanted to write; else to read.
    pub is_write: bool,
}

/// Tables and limits that all units share.
pub(crate) struct Shared {
    /// The device table (AMD-Vi) or root table (VT-d).
    pub(crate) devices: Hpa,
    /// The page of interrupt remapping entries.
    pub(crate) remapping: Hpa,
    /// A page table with nothing in it.
    pub(crate) empty: Hpa,
    /// Levels of a domain's table, 3 or 4.
    pub(crate) levels: u64,
    /// Device addresses are below this.
    pub(crate) end: u64,
}

/// A device, and its place among those that we know, which finds its remapping entry.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) bdf: Bdf,
    pub(crate) index: u16,
}

/// What the vendors do differently.
pub(crate) trait Vendor<H: Hardware> {
    /// Makes the tables that block all devices.
    fn prepare(&self, hw: &mut H, found: &Found) -> Result<Shared, Error>;
    /// Makes a unit use them.
    fn start(&self, hw: &mut H, shared: &Shared, base: u64) -> Result<Unit, Error>;
    /// Lets a device use the page table at `root`, of domain `id`.
    fn open(&self, hw: &mut H, shared: &Shared, place: Place, id: u64, root: Hpa) -> Result<(), Error>;
    /// Lets it use nothing.
    fn block(&self, hw: &mut H, shared: &Shared, place: Place);
    /// Lets it raise one interrupt, by writing 0 to the address.
    fn route(&self, hw: &mut H, shared: &Shared, place: Place, vector: u8, apic: u8) -> u32;
    /// Lets an I/O APIC, whose first place is `first`, raise one more interrupt: the upper half of the input's redirection
    /// entry, and what stands in place of the vector.
    fn route_input(
        &self,
        hw: &mut H,
        shared: &Shared,
        first: Place,
        place: Place,
        vector: u8,
        apic: u8,
    ) -> (u32, u8);
    /// Makes a unit forget what it has read of the tables, and waits until nothing under way uses it any more.
    fn flush(&self, hw: &mut H, unit: &mut Unit) -> Result<(), Error>;
    /// Takes a fault from a unit.
    fn next_fault(&self, hw: &mut H, unit: &mut Unit) -> Option<Fault>;
}

/// What a queue holds.
type Command = [u64; 2];
type Wait = fn(u64, u64) -> Command;

/// One unit: its command queue (256 commands, and a word that the unit writes when it got so far) and its faults. One batch
/// of commands is under way at a time, so the queue cannot run over.
pub(crate) struct Unit {
    pub(crate) base: u64,
    pub(crate) commands: Hpa,
    /// The event log in memory (AMD-Vi), or the fault recording registers (VT-d); how many; which to look at next.
    pub(crate) log: Hpa,
    pub(crate) records: usize,
    pub(crate) head: usize,
    pub(crate) overflows: u32,
    tail: Hpa,
    word: Hpa,
    next: usize,
    ticket: u32,
    is_stuck: bool,
}

impl Unit {
    /// A unit with an empty queue, whose tail register is `tail` from its base.
    pub(crate) fn new(hw: &mut impl Hardware, base: u64, tail: u64) -> Result<Self, Error> {
        let (commands, word, log, tail) = (frame(hw)?, frame(hw)?, frame(hw)?, Hpa(base + tail));
        let (records, head, overflows, next, ticket, is_stuck) = (ENTRIES, 0, 0, 0, 0, false);
        Ok(Self { base, commands, log, records, head, overflows, tail, word, next, ticket, is_stuck })
    }

    /// Runs a batch (few), and then the one that `wait` makes of the word's address and a number to store there; returns
    /// when the number is there.
    ///
    /// # Errors
    /// [`Error::Stuck`], then and ever after: commands may still be under way.
    pub(crate) fn run(&mut self, hw: &mut impl Hardware, batch: &[Command], wait: Wait) -> Result<(), Error> {
        if self.is_stuck {
            return Err(Error::Stuck);
        }
        self.ticket = self.ticket.wrapping_add(1);
        let ticket = u64::from(self.ticket);
        for [low, high] in batch.iter().copied().chain([wait(self.word.0, ticket)]) {
            hw.write(self.commands, 2 * self.next, low);
            hw.write(self.commands, 2 * self.next + 1, high);
            self.next = (self.next + 1) % ENTRIES;
        }
        hw.write_back();
        hw.write64(self.tail, 16 * self.next as u64);
        for _ in 0..POLLS_MAX {
            if hw.read(self.word, 0) & u64::from(u32::MAX) == ticket {
                return Ok(());
            }
            // For the time it takes.
            hw.read64(self.tail);
        }
        self.is_stuck = true;
        Err(Error::Stuck)
    }
}

/// A zeroed frame.
pub(crate) fn frame(hw: &mut impl Hardware) -> Result<Hpa, Error> {
    hw.table().ok_or(Error::Table(NestedError::OutOfTables))
}

/// Waits until the bits `mask` of the 32-bit register at `register` are `wanted`.
pub(crate) fn poll(hw: &impl Hardware, register: u64, mask: u32, wanted: u32) -> Result<(), Error> {
    let is_so = (0..POLLS_MAX).any(|_| hw.read32(Hpa(register)) & mask == wanted);
    if is_so { Ok(()) } else { Err(Error::Stuck) }
}
