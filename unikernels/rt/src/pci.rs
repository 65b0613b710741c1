//! The PCI function of this qube: a copy of its configuration space, its registers, memory that it reaches.
//!
//! The supervisor has found it, started it and keeps its interrupt messages; its interrupt ends a wait (`Wake::device`). What
//! is written here reaches the device as it is. Memory for it comes from the arena and is never given back. Nobody holds a
//! reference into either: all accesses are volatile or copies.

use core::cell::Cell;
use core::ptr::NonNull;

use virtio_drivers::{BufferDirection, Hal, PhysAddr};

use crate::one_cpu::OneCpu;
use crate::pages::FUNCTION;
use crate::{arena, platform};

/// Bytes of configuration space.
const CONFIG_BYTES: usize = 256;
/// Memory windows, numbered from 0.
const WINDOWS: usize = 6;
/// Where the supervisor maps them, and how far apart (`docs/qube-abi.md`).
const WINDOWS_AT: usize = 0x3800_0000;
const WINDOW_STEP: usize = 16 << 20;
/// Offsets in the page that describes the function.
const SIZES_AT: usize = 0x100;
const BUS_OFFSET_AT: usize = 0x130;
const PAGE: usize = 4096;

/// Windows that were given out, one bit each; the top bit: the function itself.
static TAKEN: OneCpu<Cell<u8>> = OneCpu::new(Cell::new(0));
const FUNCTION_TAKEN: u8 = 1 << 7;

/// What to add to an address of ours for the device: 0 behind an IOMMU.
fn bus_offset() -> u64 {
    u64::from_le_bytes(FUNCTION.bytes(BUS_OFFSET_AT))
}

/// The function.
#[derive(Debug)]
pub struct Pci(());

impl Pci {
    /// `None` when this qube owns none, or it was taken before.
    pub(crate) fn open() -> Option<Self> {
        let has_one = platform::info()?.devices.pci();
        let taken = TAKEN.get().get();
        TAKEN.get().set(taken | FUNCTION_TAKEN);
        (has_one && taken & FUNCTION_TAKEN == 0).then_some(Self(()))
    }

    /// A copy of its configuration space. Window registers hold the addresses at which this qube has them.
    #[must_use]
    pub fn config(&self) -> [u8; CONFIG_BYTES] {
        FUNCTION.bytes(0)
    }

    /// A memory window, once. `None` for what is none, or is smaller than a page.
    #[must_use]
    pub fn window(&mut self, index: usize) -> Option<Window> {
        let bytes: [u8; 8] = (index < WINDOWS).then(|| FUNCTION.bytes(SIZES_AT + 8 * index))?;
        let bytes = usize::try_from(u64::from_le_bytes(bytes)).ok().filter(|bytes| *bytes > 0)?;
        let taken = TAKEN.get().get();
        TAKEN.get().set(taken | 1 << index);
        let at = WINDOWS_AT + index * WINDOW_STEP;
        (taken & 1 << index == 0).then_some(Window { at, bytes })
    }

    /// Zeroed memory that the function can reach, on a page boundary. `None` when so much is not left.
    #[must_use]
    pub fn memory(&mut self, bytes: usize) -> Option<DeviceMemory> {
        let at = arena::cut(bytes, PAGE)?;
        Some(DeviceMemory { at: at.as_ptr().expose_provenance(), bytes })
    }
}

/// Registers of the function.
///
/// The pages that hold its interrupt messages are absent: touching them ends the qube.
#[derive(Debug)]
pub struct Window {
    at: usize,
    bytes: usize,
}

impl Window {
    /// Bytes of it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads a register of 1, 2, 4 or 8 bytes.
    ///
    /// # Panics
    /// If it is not aligned or not inside.
    #[must_use]
    pub fn read<T: Number>(&self, at: usize) -> T {
        let at = place::<T>(self.at, self.bytes, at);
        // SAFETY: inside a window that the supervisor maps for us, aligned, any bits are a number; nothing refers to it.
        unsafe { at.read_volatile() }
    }

    /// Writes one.
    ///
    /// # Panics
    /// As [`Window::read`].
    pub fn write<T: Number>(&mut self, at: usize, value: T) {
        let at = place::<T>(self.at, self.bytes, at);
        // SAFETY: as in `read`; what the device does reaches memory only as far as the supervisor lets it, which is this
        // qube's, and there the memory that its driver names: drivers name memory of `Pci::memory`, or of `PciMemory`.
        unsafe { at.write_volatile(value) };
    }
}

/// Memory that the function reads and writes whenever it likes.
#[derive(Debug)]
pub struct DeviceMemory {
    at: usize,
    bytes: usize,
}

impl DeviceMemory {
    /// Its address for the device.
    #[must_use]
    pub fn bus(&self) -> u64 {
        self.at as u64 + bus_offset()
    }

    /// Bytes of it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads a number in one access.
    ///
    /// # Panics
    /// If it is not aligned or not inside.
    #[must_use]
    pub fn read<T: Number>(&self, at: usize) -> T {
        let at = place::<T>(self.at, self.bytes, at);
        // SAFETY: inside a piece of the arena that is this value's alone, aligned; nothing refers to it.
        unsafe { at.read_volatile() }
    }

    /// Writes a number in one access.
    ///
    /// # Panics
    /// As [`DeviceMemory::read`].
    pub fn write<T: Number>(&mut self, at: usize, value: T) {
        let at = place::<T>(self.at, self.bytes, at);
        // SAFETY: as in `read`.
        unsafe { at.write_volatile(value) };
    }

    /// Copies out from an offset.
    ///
    /// # Panics
    /// If it is not wholly inside.
    pub fn copy_out(&self, at: usize, into: &mut [u8]) {
        let from = self.span(at, into.len());
        // SAFETY: `span` checked the length; the target is a slice of ours and lies elsewhere. The device may write
        // meanwhile: bytes of ours are then any mixture, which is what a driver has to expect.
        unsafe { core::ptr::copy_nonoverlapping(from.cast_const(), into.as_mut_ptr(), into.len()) };
    }

    /// Copies in to an offset.
    ///
    /// # Panics
    /// As [`DeviceMemory::copy_out`].
    pub fn copy_in(&mut self, at: usize, from: &[u8]) {
        let to = self.span(at, from.len());
        // SAFETY: as in `copy_out`.
        unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), to, from.len()) };
    }

    fn span(&self, at: usize, len: usize) -> *mut u8 {
        let is_inside = at.checked_add(len).is_some_and(|end| end <= self.bytes);
        assert!(is_inside, "{len} bytes at {at} of {} of device memory", self.bytes);
        core::ptr::with_exposed_provenance_mut(self.at + at)
    }
}

/// What registers hold.
pub trait Number: Copy + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($number:ty)*) => { $(impl sealed::Sealed for $number {} impl Number for $number {})* };
}
numbers!(u8 u16 u32 u64);

fn place<T: Number>(base: usize, bytes: usize, at: usize) -> *mut T {
    let is_inside = at.checked_add(size_of::<T>()).is_some_and(|end| end <= bytes);
    assert!(is_inside && at.is_multiple_of(size_of::<T>()), "no register at {at:#x} of {bytes:#x}");
    core::ptr::with_exposed_provenance_mut(base + at)
}

/// Memory of this qube for drivers of `virtio-drivers` on a PCI function.
#[derive(Debug)]
pub struct PciMemory;

// SAFETY: `dma_alloc` returns page-aligned zeroed arena memory that is handed out once; addresses are one to one, and the
// device knows them by their bus address.
unsafe impl Hal for PciMemory {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        match pages.checked_mul(PAGE).and_then(|bytes| arena::cut(bytes, PAGE)) {
            Some(memory) => (memory.addr().get() as PhysAddr + bus_offset(), memory),
            None => (0, NonNull::dangling()),
        }
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0 // Queues live as long as the qube.
    }

    unsafe fn mmio_phys_to_virt(at: PhysAddr, size: usize) -> NonNull<u8> {
        let windows = WINDOWS_AT..=WINDOWS_AT + WINDOWS * WINDOW_STEP;
        let at = usize::try_from(at).unwrap_or(0);
        let is_ours = windows.contains(&at) && at.checked_add(size).is_some_and(|end| windows.contains(&end));
        assert!(is_ours, "{at:#x} is no register");
        match NonNull::new(core::ptr::with_exposed_provenance_mut(at)) {
            Some(at) => at,
            None => NonNull::dangling(),
        }
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.addr().get() as PhysAddr + bus_offset()
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
