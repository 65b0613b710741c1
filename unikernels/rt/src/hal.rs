//! Memory for `virtio-drivers`: pages of the arena, with physical addresses equal to virtual ones.
//!
//! Sharing a buffer with the device is nothing but naming its address: the supervisor can reach
//! all of the qube's memory, and copies from and to it only through buffers in a queue.

use core::ptr::NonNull;

use virtio_drivers::{BufferDirection, Hal, PhysAddr};

use crate::arena;

const PAGE: usize = 4096;

/// The memory of this qube.
pub(crate) struct QubeMemory;

// SAFETY: `dma_alloc` returns page-aligned zeroed arena memory that is handed out once;
// addresses are one to one.
unsafe impl Hal for QubeMemory {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        match pages.checked_mul(PAGE).and_then(|bytes| arena::cut(bytes, PAGE)) {
            Some(memory) => (memory.addr().get() as PhysAddr, memory),
            None => (0, NonNull::dangling()),
        }
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0 // Queues live as long as the qube.
    }

    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        unreachable!("only a PCI transport maps registers")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.addr().get() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
