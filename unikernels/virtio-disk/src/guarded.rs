//! Around a transport: which features are spoken of, whether the device accepted them, and waiting without spinning.

use core::cell::Cell;

use unikernels_disk::Wait;
use virtio_drivers::device::common::Feature;
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{Error, PhysAddr, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// How long a request may take. A disk that spins up or collects garbage takes seconds.
pub const REQUEST_TIMEOUT_NS: u64 = 10_000_000_000;
/// `VIRTIO_BLK_F_RO` and `VIRTIO_BLK_F_FLUSH`: what the block driver asks for and this crate wants.
const BLOCK_FEATURES: u64 = 1 << 5 | 1 << 9;
/// Reads of the configuration generation while one value is read. A device that changes it for ever keeps a driver for ever.
const GENERATION_READS_MAX: u32 = 64;

/// A transport whose device is not believed.
///
/// [`Wait::wait`] must return only after an interrupt or at the deadline: what it leaves of the wait the library spends spinning.
#[derive(Debug)]
pub struct Guarded<T, W> {
    inner: T,
    wait: W,
    /// What must be accepted beside what the driver asks for.
    platform: u64,
    /// The device is too old, or refused the features.
    refused: bool,
    generation_reads: Cell<u32>,
}

impl<T: Transport, W: Wait> Guarded<T, W> {
    /// Around this transport.
    pub const fn new(inner: T, wait: W) -> Self {
        Self { inner, wait, platform: 0, refused: false, generation_reads: Cell::new(0) }
    }

    fn is_usable(&self) -> bool {
        !self.refused && self.generation_reads.get() < GENERATION_READS_MAX
    }
}

impl<T: Transport, W: Wait> Transport for Guarded<T, W> {
    fn device_type(&self) -> DeviceType {
        self.inner.device_type()
    }

    fn read_device_features(&mut self) -> u64 {
        let offered = self.inner.read_device_features();
        self.platform = offered & Feature::ACCESS_PLATFORM.bits();
        // Without it the layout of everything is another.
        self.refused = offered & Feature::VERSION_1.bits() == 0;
        offered & (BLOCK_FEATURES | Feature::VERSION_1.bits())
    }

    /// Accepts `ACCESS_PLATFORM` where it is offered: such a device goes through the IOMMU, and refuses a driver that does not
    /// know (6.1). Addresses stay what the `Hal` makes of them.
    fn write_driver_features(&mut self, features: u64) {
        self.inner.write_driver_features(features | self.platform);
    }

    fn max_queue_size(&mut self, queue: u16) -> u32 {
        if self.is_usable() { self.inner.max_queue_size(queue) } else { 0 }
    }

    /// Notifies, and gives the processor away until the device has something to say.
    ///
    /// # Panics
    /// If it says nothing in time. The library would wait for ever, and hold what called it; ending the program tells its
    /// clients, and its next life resets the device.
    fn notify(&mut self, queue: u16) {
        let deadline = self.wait.now_ns().saturating_add(REQUEST_TIMEOUT_NS);
        self.inner.notify(queue);
        self.wait.wait(deadline);
        assert!(self.wait.now_ns() < deadline, "the disk did not answer within {REQUEST_TIMEOUT_NS} ns");
    }

    fn get_status(&self) -> DeviceStatus {
        self.inner.get_status()
    }

    fn set_status(&mut self, status: DeviceStatus) {
        if status.is_empty() {
            self.refused = false;
            self.generation_reads.set(0);
        }
        self.inner.set_status(status);
        // Step 6 of 3.1.1, which the library leaves out.
        if status.contains(DeviceStatus::FEATURES_OK) {
            self.refused |= !self.inner.get_status().contains(DeviceStatus::FEATURES_OK);
        }
    }

    fn set_guest_page_size(&mut self, size: u32) {
        self.inner.set_guest_page_size(size);
    }

    fn requires_legacy_layout(&self) -> bool {
        self.inner.requires_legacy_layout()
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        descriptors: PhysAddr,
        driver_area: PhysAddr,
        device_area: PhysAddr,
    ) {
        self.inner.queue_set(queue, size, descriptors, driver_area, device_area);
    }

    fn queue_unset(&mut self, queue: u16) {
        self.inner.queue_unset(queue);
    }

    fn queue_used(&mut self, queue: u16) -> bool {
        self.inner.queue_used(queue)
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        self.inner.ack_interrupt()
    }

    fn read_config_generation(&self) -> u32 {
        let reads = self.generation_reads.get();
        if reads >= GENERATION_READS_MAX {
            // The same from now on, so that who compares two ends; what was read between is refused.
            return 0;
        }
        self.generation_reads.set(reads + 1);
        self.inner.read_config_generation()
    }

    fn read_config_space<V: FromBytes + IntoBytes>(&self, offset: usize) -> Result<V> {
        if self.is_usable() { self.inner.read_config_space(offset) } else { Err(Error::Unsupported) }
    }

    fn write_config_space<V: IntoBytes + Immutable>(&mut self, offset: usize, value: V) -> Result<()> {
        self.inner.write_config_space(offset, value)
    }
}
