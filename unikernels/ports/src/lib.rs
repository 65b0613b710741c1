//! What a driver needs of the machine: registers, memory that the device reaches, and time.
//!
//! Order: the device sees writes to DMA memory and to registers in the order in which they were made; and what is read from
//! DMA memory after a completion was read is not older than it. On x86 volatile accesses to uncached registers and ordinary
//! memory keep both; copies have to be kept from being moved over them.

#![no_std]
#![forbid(unsafe_code)]

/// A device's registers in one memory window. Accesses are aligned, little-endian, volatile, and below `len_bytes`.
pub trait Registers {
    /// How many bytes are mapped.
    fn len_bytes(&self) -> usize;
    /// Reads 4 bytes at offset `at`.
    fn read_u32(&mut self, at: usize) -> u32;
    /// Reads 8 bytes at offset `at`.
    fn read_u64(&mut self, at: usize) -> u64;
    /// Writes 4 bytes at offset `at`.
    fn write_u32(&mut self, at: usize, value: u32);
    /// Writes 8 bytes at offset `at`.
    fn write_u64(&mut self, at: usize, value: u64);
}

/// One contiguous run of memory that the device reads and writes at any time, so nobody holds a reference into it.
///
/// It belongs to the driver until the device is stopped for good. The driver stays below `len_bytes`, so an
/// implementation may panic beyond it.
pub trait Dma {
    /// The address by which the device knows the first byte; a multiple of 4096.
    fn bus(&self) -> u64;
    /// How long it is.
    fn len_bytes(&self) -> usize;
    /// Copies `bytes` to offset `at`.
    fn copy_in(&mut self, at: usize, bytes: &[u8]);
    /// Copies from offset `at`.
    fn copy_out(&self, at: usize, into: &mut [u8]);
    /// Reads 8 aligned little-endian bytes at offset `at` in one access, which the device cannot tear.
    fn read_u64(&self, at: usize) -> u64;
    /// Writes 8 aligned little-endian bytes at offset `at`.
    fn write_u64(&mut self, at: usize, value: u64);
}

/// Time, and giving it away: what a driver waits with.
pub trait Wait {
    /// Nanoseconds since any moment. It must go on: every wait of a driver ends by it.
    fn now_ns(&mut self) -> u64;

    /// Returns after an interrupt of the device that was not waited for yet, or at `deadline_ns`; it may return early, where a
    /// driver does not say otherwise.
    fn wait(&mut self, deadline_ns: u64);
}
