//! virtio-mmio without MMIO: registers are read from a read-only page and written by hypercall.
//!
//! The layout is that of VIRTIO 1.2 section 4.2.2; only the way to write differs, so that the
//! supervisor never decodes an instruction. A queue is selected once, not before every access.

use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{Error, PhysAddr, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::hypercall::{self, Device};
use crate::pages::{self, Page};

/// Offsets of the registers in use.
mod register {
    pub(super) const DEVICE_ID: u16 = 0x008;
    pub(super) const DEVICE_FEATURES: u16 = 0x010;
    pub(super) const DEVICE_FEATURES_SELECT: u16 = 0x014;
    pub(super) const DRIVER_FEATURES: u16 = 0x020;
    pub(super) const DRIVER_FEATURES_SELECT: u16 = 0x024;
    pub(super) const QUEUE_SELECT: u16 = 0x030;
    pub(super) const QUEUE_SIZE_MAX: u16 = 0x034;
    pub(super) const QUEUE_SIZE: u16 = 0x038;
    pub(super) const QUEUE_READY: u16 = 0x044;
    pub(super) const INTERRUPT_STATUS: u16 = 0x060;
    pub(super) const INTERRUPT_ACKNOWLEDGE: u16 = 0x064;
    pub(super) const STATUS: u16 = 0x070;
    pub(super) const QUEUE_DESCRIPTORS: u16 = 0x080;
    pub(super) const QUEUE_DRIVER: u16 = 0x090;
    pub(super) const QUEUE_DEVICE: u16 = 0x0a0;
    pub(super) const CONFIG_GENERATION: u16 = 0x0fc;
    pub(super) const CONFIG: u16 = 0x100;
}

/// One device of the qube.
pub(crate) struct Registers {
    page: Page,
    device: Device,
    selected: Option<u16>,
}

impl Registers {
    /// The registers of a device.
    pub(crate) const fn new(device: Device) -> Self {
        let page = match device {
            Device::Console => pages::CONSOLE,
            Device::Entropy => pages::ENTROPY,
        };
        Self { page, device, selected: None }
    }

    fn read(&self, register: u16) -> u32 {
        self.page.word(usize::from(register))
    }

    fn write(&mut self, register: u16, value: u32) {
        hypercall::register_write(self.device, register, value);
    }

    fn write_address(&mut self, register: u16, address: PhysAddr) {
        let [a, b, c, d, e, f, g, h] = address.to_le_bytes();
        self.write(register, u32::from_le_bytes([a, b, c, d]));
        self.write(register + 4, u32::from_le_bytes([e, f, g, h]));
    }

    fn select(&mut self, queue: u16) {
        if self.selected != Some(queue) {
            self.write(register::QUEUE_SELECT, queue.into());
            self.selected = Some(queue);
        }
    }
}

impl Transport for Registers {
    fn device_type(&self) -> DeviceType {
        // Only the two devices of this crate are behind these pages.
        DeviceType::try_from(self.read(register::DEVICE_ID)).unwrap_or(match self.device {
            Device::Console => DeviceType::Console,
            Device::Entropy => DeviceType::EntropySource,
        })
    }

    fn read_device_features(&mut self) -> u64 {
        self.write(register::DEVICE_FEATURES_SELECT, 0);
        let low = self.read(register::DEVICE_FEATURES);
        self.write(register::DEVICE_FEATURES_SELECT, 1);
        let high = self.read(register::DEVICE_FEATURES);
        u64::from(high) << 32 | u64::from(low)
    }

    fn write_driver_features(&mut self, features: u64) {
        let [a, b, c, d, e, f, g, h] = features.to_le_bytes();
        self.write(register::DRIVER_FEATURES_SELECT, 0);
        self.write(register::DRIVER_FEATURES, u32::from_le_bytes([a, b, c, d]));
        self.write(register::DRIVER_FEATURES_SELECT, 1);
        self.write(register::DRIVER_FEATURES, u32::from_le_bytes([e, f, g, h]));
    }

    fn max_queue_size(&mut self, queue: u16) -> u32 {
        self.select(queue);
        self.read(register::QUEUE_SIZE_MAX)
    }

    fn notify(&mut self, queue: u16) {
        hypercall::notify(self.device, queue);
    }

    fn get_status(&self) -> DeviceStatus {
        DeviceStatus::from_bits_retain(self.read(register::STATUS))
    }

    fn set_status(&mut self, status: DeviceStatus) {
        if status.is_empty() {
            self.selected = None; // A reset forgets the selection.
        }
        self.write(register::STATUS, status.bits());
    }

    fn set_guest_page_size(&mut self, _: u32) {
        // A register of the legacy layout.
    }

    fn requires_legacy_layout(&self) -> bool {
        false
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        descriptors: PhysAddr,
        driver_area: PhysAddr,
        device_area: PhysAddr,
    ) {
        self.select(queue);
        self.write(register::QUEUE_SIZE, size);
        self.write_address(register::QUEUE_DESCRIPTORS, descriptors);
        self.write_address(register::QUEUE_DRIVER, driver_area);
        self.write_address(register::QUEUE_DEVICE, device_area);
        self.write(register::QUEUE_READY, 1);
    }

    fn queue_unset(&mut self, queue: u16) {
        self.select(queue);
        self.write(register::QUEUE_READY, 0);
    }

    fn queue_used(&mut self, queue: u16) -> bool {
        self.select(queue);
        self.read(register::QUEUE_READY) != 0
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        let pending = self.read(register::INTERRUPT_STATUS);
        if pending != 0 {
            self.write(register::INTERRUPT_ACKNOWLEDGE, pending);
        }
        InterruptStatus::from_bits_truncate(pending)
    }

    fn read_config_generation(&self) -> u32 {
        self.read(register::CONFIG_GENERATION)
    }

    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T> {
        let mut value = T::new_zeroed();
        for (i, byte) in value.as_mut_bytes().iter_mut().enumerate() {
            let at = usize::from(register::CONFIG) + offset + i;
            let word = self.page.word(at & !3).to_le_bytes();
            *byte = word.get(at & 3).copied().unwrap_or(0);
        }
        Ok(value)
    }

    fn write_config_space<T: IntoBytes + Immutable>(&mut self, _: usize, _: T) -> Result<()> {
        // Neither device has a field that a driver of ours writes.
        Err(Error::Unsupported)
    }
}
