//! Registers of devices: PCI configuration space, windows of PCI functions, IOMMUs, and memory that IOMMUs read and write.
//!
//! An address is taken for a register only above the machine's memory, so that no number from a device can make the
//! supervisor write memory. Source: PCI Express Base 5.0, 7.2.2 (ECAM).

use core::sync::atomic::{Ordering, fence};

use supervisor_iommu::Hardware;
use supervisor_mem::{Hpa, PAGE_SIZE, PageCount, TableMemory};
use supervisor_pci::{Address, Config, Window, WindowRange};

use crate::acpi::ConfigSpace;
use crate::memmap::FOUR_GIB;
use crate::paging;

/// Bytes of configuration space of one function.
const FUNCTION_BYTES: u64 = 4096;

/// A register of 32 or 64 bits at `at`.
fn register<T>(at: u64, memory_end: u64) -> Option<*mut T> {
    let is_register = at >= memory_end && at.is_multiple_of(size_of::<T>() as u64) && paging::map_device(at);
    is_register.then(|| core::ptr::with_exposed_provenance_mut(at as usize))
}

/// PCI configuration space.
pub struct Pci {
    config: ConfigSpace,
    memory_end: u64,
}

impl Pci {
    /// `None` when configuration space is not above memory and below 4 GiB.
    pub(crate) fn new(config: ConfigSpace, memory_end: u64) -> Option<Self> {
        let bytes = (u64::from(config.last_bus) + 1) << 20;
        let is_there = config.base >= memory_end && config.base + bytes <= FOUR_GIB;
        is_there.then_some(Self { config, memory_end })
    }

    /// The last bus.
    #[must_use]
    pub fn last_bus(&self) -> u8 {
        self.config.last_bus
    }

    /// Registers in windows.
    #[must_use]
    pub fn registers(&self) -> Registers {
        Registers { config: self.config, memory_end: self.memory_end }
    }

    fn pointer(&self, function: Address, offset: u16) -> *mut u32 {
        // Bus 255 reads as the last one there is: no address leaves configuration space.
        let function = u64::from(function.0).min(u64::from(self.config.last_bus) << 8 | 0xff);
        let at = self.config.base + function * FUNCTION_BYTES + u64::from(offset & 0xffc);
        core::ptr::with_exposed_provenance_mut(at as usize)
    }
}

impl Config for Pci {
    fn read(&self, function: Address, register: u16) -> u32 {
        // SAFETY: the pointer stays inside configuration space, which `new` found above memory and below 4 GiB, where
        // everything is mapped; reading has no effect but the value.
        unsafe { self.pointer(function, register).read_volatile() }
    }

    fn write(&mut self, function: Address, register: u16, value: u32) {
        // SAFETY: as in `read`; what a function does with a value reaches memory only through the IOMMU or, where there is
        // none, if the manifest says so, and `may_be_at` keeps its windows away from what is ours.
        unsafe { self.pointer(function, register).write_volatile(value) };
    }
}

/// Registers in windows of PCI functions.
#[derive(Clone, Copy)]
pub struct Registers {
    config: ConfigSpace,
    memory_end: u64,
}

impl Window for Registers {
    /// Above memory, and away from configuration space, the interrupt controllers, the IOMMUs and the firmware.
    fn may_be_at(&self, range: WindowRange) -> bool {
        let end = range.at.saturating_add(range.bytes);
        let overlaps = |start: u64, past: u64| range.at < past && start < end;
        let config_end = self.config.base + ((u64::from(self.config.last_bus) + 1) << 20);
        range.at >= self.memory_end
            && !overlaps(self.config.base, config_end)
            && !overlaps(0xfec0_0000, FOUR_GIB)
    }

    fn write(&mut self, at: u64, value: u32) {
        if let Some(pointer) = register::<u32>(at, self.memory_end) {
            // SAFETY: mapped uncached, above all memory: a device's register.
            unsafe { pointer.write_volatile(value) };
        }
    }
}

/// Frames that IOMMUs read and write, and their registers.
pub struct IommuMemory {
    base: u64,
    end: u64,
    next: u64,
    memory_end: u64,
}

impl IommuMemory {
    /// # Safety
    /// The zeroed frames from `base` to `end` are identity mapped, and this value's alone for good.
    pub(crate) unsafe fn new(base: u64, end: u64, memory_end: u64) -> Self {
        Self { base, end, next: base, memory_end }
    }

    fn entry(&self, table: Hpa, index: usize) -> Option<*mut u64> {
        let at = table.0.checked_add(8 * (index as u64 & 511))?;
        let is_ours = at >= self.base && at < self.end;
        is_ours.then(|| core::ptr::with_exposed_provenance_mut(at as usize))
    }
}

impl TableMemory for IommuMemory {
    fn table(&mut self) -> Option<Hpa> {
        self.run(PageCount(1))
    }

    fn read(&self, table: Hpa, index: usize) -> u64 {
        // SAFETY: `entry` lies in our frames, aligned; an IOMMU may write them, so nothing refers to them.
        self.entry(table, index).map_or(0, |entry| unsafe { entry.read_volatile() })
    }

    fn write(&mut self, table: Hpa, index: usize, value: u64) {
        if let Some(entry) = self.entry(table, index) {
            // SAFETY: as in `read`.
            unsafe { entry.write_volatile(value) };
        }
    }
}

impl Hardware for IommuMemory {
    fn run(&mut self, pages: PageCount) -> Option<Hpa> {
        let at = self.next;
        let end = at.checked_add(pages.0.checked_mul(PAGE_SIZE)?).filter(|end| *end <= self.end)?;
        self.next = end;
        Some(Hpa(at))
    }

    fn write_back(&mut self) {
        fence(Ordering::SeqCst);
        // SAFETY: writes the caches back and forgets them; memory stays as it is.
        unsafe { core::arch::asm!("wbinvd", options(nostack, preserves_flags)) };
    }

    fn read32(&self, at: Hpa) -> u32 {
        // SAFETY: mapped uncached, above all memory: a register of a unit.
        register::<u32>(at.0, self.memory_end).map_or(0, |at| unsafe { at.read_volatile() })
    }

    fn read64(&self, at: Hpa) -> u64 {
        // SAFETY: as in `read32`.
        register::<u64>(at.0, self.memory_end).map_or(0, |at| unsafe { at.read_volatile() })
    }

    fn write32(&mut self, at: Hpa, value: u32) {
        if let Some(at) = register::<u32>(at.0, self.memory_end) {
            // SAFETY: as in `read32`; the tables that a unit is told of are made by `supervisor-iommu` for this.
            unsafe { at.write_volatile(value) };
        }
    }

    fn write64(&mut self, at: Hpa, value: u64) {
        if let Some(at) = register::<u64>(at.0, self.memory_end) {
            // SAFETY: as in `write32`.
            unsafe { at.write_volatile(value) };
        }
    }
}
