//! The PCI function of this qube: a copy of its configuration space, its registers, memory that it reaches.
//!
//! The supervisor has found it, started it and keeps its interrupt messages; its interrupt ends a wait (`Wake::device`). What
//! is written here reaches the device as it is. Memory for it comes from the arena and is never given back. Nobody holds a
//! reference into either: all accesses are volatile or copies.

use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering, fence};

use unikernels_disk::{Dma, Registers};
use virtio_drivers::{BufferDirection, Hal, PhysAddr};

use crate::one_cpu::OneCpu;
use crate::pages::FUNCTION;
use crate::{Windows, arena, platform};

/// Bytes of configuration space.
const CONFIG_BYTES: usize = 256;
/// Memory windows, numbered from 0.
pub(crate) const WINDOWS: usize = 6;
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
        (taken & 1 << index == 0).then_some(Window(Area { at, bytes }))
    }

    /// All windows that were not given out yet, for a virtio transport.
    #[must_use]
    pub fn windows(&mut self) -> Windows {
        Windows::new(self)
    }

    /// Zeroed memory that the function can reach, on a page boundary. `None` when so much is not left.
    #[must_use]
    pub fn memory(&mut self, bytes: usize) -> Option<DeviceMemory> {
        let at = arena::cut(bytes, PAGE)?;
        Some(DeviceMemory(Area { at: at.as_ptr().expose_provenance(), bytes }))
    }
}

/// Registers of the function.
///
/// The pages that hold its interrupt messages are absent: touching them ends the qube.
#[derive(Debug)]
pub struct Window(Area);

impl Window {
    /// Reads a register of 1, 2, 4 or 8 bytes.
    ///
    /// # Panics
    /// If it is not aligned or not inside.
    #[must_use]
    pub fn read<T: Number>(&self, at: usize) -> T {
        self.0.read(at)
    }

    /// Writes one. What the device does then reaches memory only as far as the supervisor lets it, which is this qube's, and
    /// there the memory that its driver names.
    ///
    /// # Panics
    /// As [`Window::read`].
    pub fn write<T: Number>(&mut self, at: usize, value: T) {
        self.0.write(at, value);
    }
}

impl Registers for Window {
    fn len_bytes(&self) -> usize {
        self.0.bytes
    }

    fn read_u32(&mut self, at: usize) -> u32 {
        self.read(at)
    }

    fn read_u64(&mut self, at: usize) -> u64 {
        self.read(at)
    }

    fn write_u32(&mut self, at: usize, value: u32) {
        self.write(at, value);
    }

    fn write_u64(&mut self, at: usize, value: u64) {
        self.write(at, value);
    }
}

/// Memory that the function reads and writes whenever it likes. Accesses that are not wholly inside, or not aligned, panic.
#[derive(Debug)]
pub struct DeviceMemory(Area);

impl Dma for DeviceMemory {
    fn bus(&self) -> u64 {
        (self.0.at as u64).wrapping_add(bus_offset())
    }

    fn len_bytes(&self) -> usize {
        self.0.bytes
    }

    fn copy_in(&mut self, at: usize, bytes: &[u8]) {
        let to = self.0.place(at, bytes.len(), 1);
        // SAFETY: `place` checked the length; the source is a slice of ours and lies elsewhere. The device may write
        // meanwhile: bytes are then any mixture, which is what a driver has to expect.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        // The copy is not volatile: what is written after it, and tells the device of it, stays after it.
        fence(Ordering::Release);
    }

    fn copy_out(&self, at: usize, into: &mut [u8]) {
        let from = self.0.place(at, into.len(), 1);
        // Nor is this: what told of it was read before.
        fence(Ordering::Acquire);
        // SAFETY: as in `copy_in`.
        unsafe { core::ptr::copy_nonoverlapping(from.cast_const(), into.as_mut_ptr(), into.len()) };
    }

    fn read_u64(&self, at: usize) -> u64 {
        self.0.read(at)
    }

    fn write_u64(&mut self, at: usize, value: u64) {
        self.0.write(at, value);
    }
}

/// Addresses that only one value has, and nothing refers to: a window's, or a piece of the arena's.
#[derive(Debug)]
struct Area {
    at: usize,
    bytes: usize,
}

impl Area {
    fn read<T: Number>(&self, at: usize) -> T {
        let at = self.place(at, size_of::<T>(), size_of::<T>()).cast::<T>();
        // SAFETY: mapped, inside the area, aligned; any bits are a number, and nothing refers to it.
        unsafe { at.read_volatile() }
    }

    fn write<T: Number>(&mut self, at: usize, value: T) {
        let at = self.place(at, size_of::<T>(), size_of::<T>()).cast::<T>();
        // SAFETY: as in `read`; the area is this value's alone.
        unsafe { at.write_volatile(value) };
    }

    /// Where `len` bytes at offset `at` are.
    fn place(&self, at: usize, len: usize, align: usize) -> *mut u8 {
        let is_inside = at.checked_add(len).is_some_and(|end| end <= self.bytes);
        assert!(
            is_inside && at.is_multiple_of(align),
            "{len} bytes at {at:#x} of a device's {:#x}",
            self.bytes
        );
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

/// Memory of this qube for drivers of `virtio-drivers` on a PCI function.
#[derive(Debug)]
pub struct PciMemory;

// SAFETY: `dma_alloc` returns page-aligned zeroed arena memory that is handed out once; addresses are one to one, and the
// device knows them by their bus address.
unsafe impl Hal for PciMemory {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        match pages.checked_mul(PAGE).and_then(|bytes| arena::cut(bytes, PAGE)) {
            Some(memory) => ((memory.addr().get() as PhysAddr).wrapping_add(bus_offset()), memory),
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
        (buffer.addr().get() as PhysAddr).wrapping_add(bus_offset())
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
