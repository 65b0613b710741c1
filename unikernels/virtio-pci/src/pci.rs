//! The PCI transport: registers in windows of BARs (4.1.4).
//!
//! An offset that the device told is checked once, when the transport is made or a queue is set up; then only windows of known
//! length are accessed. What a device refuses is told as a queue of size 0, which the driver above refuses to use.

use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{Error, PhysAddr, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::capabilities::{Kind, Layout, Region};

/// The device's BARs. Accesses are aligned, little-endian, volatile, and below `len_bytes`.
pub trait Bars {
    /// How many bytes of this BAR are mapped; 0 if it is not.
    fn len_bytes(&self, bar: u8) -> u64;
    /// Reads one byte.
    fn read_u8(&self, bar: u8, at: u64) -> u8;
    /// Reads two bytes.
    fn read_u16(&self, bar: u8, at: u64) -> u16;
    /// Reads four bytes.
    fn read_u32(&self, bar: u8, at: u64) -> u32;
    /// Writes one byte.
    fn write_u8(&mut self, bar: u8, at: u64, value: u8);
    /// Writes two bytes.
    fn write_u16(&mut self, bar: u8, at: u64, value: u16);
    /// Writes four bytes.
    fn write_u32(&mut self, bar: u8, at: u64, value: u32);
}

/// Offsets in the common configuration (4.1.4.3).
mod common {
    pub(super) const DEVICE_FEATURE_SELECT: u64 = 0;
    pub(super) const DEVICE_FEATURE: u64 = 4;
    pub(super) const DRIVER_FEATURE_SELECT: u64 = 8;
    pub(super) const DRIVER_FEATURE: u64 = 12;
    pub(super) const STATUS: u64 = 20;
    pub(super) const GENERATION: u64 = 21;
    pub(super) const QUEUE_SELECT: u64 = 22;
    pub(super) const QUEUE_SIZE: u64 = 24;
    pub(super) const QUEUE_VECTOR: u64 = 26;
    pub(super) const QUEUE_ENABLE: u64 = 28;
    pub(super) const QUEUE_NOTIFY_OFF: u64 = 30;
    pub(super) const QUEUE_DESCRIPTORS: u64 = 32;
    pub(super) const QUEUE_DRIVER: u64 = 40;
    pub(super) const QUEUE_DEVICE: u64 = 48;
    pub(super) const BYTES: u32 = 56;
}

/// Queues of a device that are used at most: those of a network card that receives and sends.
const QUEUES_MAX: usize = 2;
/// The MSI-X entry that every queue uses; whoever gave the device away has programmed it.
const VECTOR: u16 = 0;
/// Reads of the status after a reset, before it is taken as refused: a read of a register takes about a microsecond.
const RESET_READS_MAX: u32 = 1_000_000;

/// A virtio device on PCI.
#[derive(Debug)]
pub struct Pci<B> {
    bars: B,
    layout: Layout,
    /// Where each queue is notified, once it is known.
    notify_at: [Option<u64>; QUEUES_MAX],
    /// It did not reset, so it may still use memory of an earlier life.
    stuck: bool,
}

impl<B: Bars> Pci<B> {
    /// The device with these registers.
    ///
    /// # Errors
    /// [`Error::ConfigSpaceTooSmall`] if a region is too short, not aligned, or not inside what is mapped.
    pub fn new(bars: B, layout: Layout) -> Result<Self> {
        let fits = |region: Region, shortest: u32, align: u32| {
            let end = u64::from(region.at) + u64::from(region.len);
            region.len >= shortest && region.at.is_multiple_of(align) && end <= bars.len_bytes(region.bar)
        };
        let Layout { common, notify, isr, device, .. } = layout;
        // Of the device's own as much as the capacity of a disk, or the address and the link of a card.
        if !fits(common, common::BYTES, 4) || !fits(notify, 2, 2) || !fits(isr, 1, 1) || !fits(device, 8, 4) {
            return Err(Error::ConfigSpaceTooSmall);
        }
        Ok(Self { bars, layout, notify_at: [None; QUEUES_MAX], stuck: false })
    }

    fn common(&self, at: u64) -> (u8, u64) {
        (self.layout.common.bar, u64::from(self.layout.common.at) + at)
    }

    fn read_u16(&self, at: u64) -> u16 {
        let (bar, at) = self.common(at);
        self.bars.read_u16(bar, at)
    }

    fn write_u16(&mut self, at: u64, value: u16) {
        let (bar, at) = self.common(at);
        self.bars.write_u16(bar, at, value);
    }

    fn read_u32(&self, at: u64) -> u32 {
        let (bar, at) = self.common(at);
        self.bars.read_u32(bar, at)
    }

    fn write_u32(&mut self, at: u64, value: u32) {
        let (bar, at) = self.common(at);
        self.bars.write_u32(bar, at, value);
    }

    /// 64-bit fields are written as halves (4.1.3.1).
    fn write_u64(&mut self, at: u64, value: u64) {
        let [low, high] = halves(value);
        self.write_u32(at, low);
        self.write_u32(at + 4, high);
    }

    /// Where a queue is notified (4.1.4.4), if that is inside the region.
    fn notify_address(&self, queue_off: u16) -> Option<u64> {
        let off = u64::from(queue_off) * u64::from(self.layout.notify_multiplier);
        let inside = off.is_multiple_of(2) && off + 2 <= u64::from(self.layout.notify.len);
        inside.then_some(u64::from(self.layout.notify.at) + off)
    }
}

fn halves(value: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}

impl<B: Bars> Transport for Pci<B> {
    fn device_type(&self) -> DeviceType {
        match self.layout.kind {
            Kind::Network => DeviceType::Network,
            Kind::Block => DeviceType::Block,
        }
    }

    fn read_device_features(&mut self) -> u64 {
        let mut half = |select| {
            self.write_u32(common::DEVICE_FEATURE_SELECT, select);
            u64::from(self.read_u32(common::DEVICE_FEATURE))
        };
        half(0) | half(1) << 32
    }

    fn write_driver_features(&mut self, features: u64) {
        for (select, half) in (0..).zip(halves(features)) {
            self.write_u32(common::DRIVER_FEATURE_SELECT, select);
            self.write_u32(common::DRIVER_FEATURE, half);
        }
    }

    /// 0 if the device did not reset, has no interrupt for the queue, or would be notified outside its registers.
    fn max_queue_size(&mut self, queue: u16) -> u32 {
        self.write_u16(common::QUEUE_SELECT, queue);
        self.write_u16(common::QUEUE_VECTOR, VECTOR);
        let has_vector = self.read_u16(common::QUEUE_VECTOR) == VECTOR;
        let notify_at = self.notify_address(self.read_u16(common::QUEUE_NOTIFY_OFF));
        let Some(slot) = self.notify_at.get_mut(usize::from(queue)) else { return 0 };
        *slot = notify_at;
        if self.stuck || !has_vector || notify_at.is_none() {
            return 0;
        }
        self.read_u16(common::QUEUE_SIZE).into()
    }

    fn notify(&mut self, queue: u16) {
        if let Some(Some(at)) = self.notify_at.get(usize::from(queue)).copied() {
            self.bars.write_u16(self.layout.notify.bar, at, queue);
        }
    }

    fn get_status(&self) -> DeviceStatus {
        let (bar, at) = self.common(common::STATUS);
        DeviceStatus::from_bits_retain(self.bars.read_u8(bar, at).into())
    }

    /// The empty status resets the device, and its memory may be used again only when it reads back (4.1.4.3.2).
    fn set_status(&mut self, status: DeviceStatus) {
        let (bar, at) = self.common(common::STATUS);
        let [bits, ..] = status.bits().to_le_bytes();
        self.bars.write_u8(bar, at, bits);
        if status.is_empty() {
            self.notify_at = [None; QUEUES_MAX];
            self.stuck = !(0..RESET_READS_MAX).any(|_| self.get_status().is_empty());
        }
    }

    fn set_guest_page_size(&mut self, _: u32) {
        // A register of the legacy interface.
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
        self.write_u16(common::QUEUE_SELECT, queue);
        // At most what the device said, which has 16 bits.
        self.write_u16(common::QUEUE_SIZE, u16::try_from(size).unwrap_or(u16::MAX));
        self.write_u64(common::QUEUE_DESCRIPTORS, descriptors);
        self.write_u64(common::QUEUE_DRIVER, driver_area);
        self.write_u64(common::QUEUE_DEVICE, device_area);
        self.write_u16(common::QUEUE_ENABLE, 1);
    }

    /// A queue alone cannot be stopped, so the device is reset.
    fn queue_unset(&mut self, _: u16) {
        self.set_status(DeviceStatus::empty());
    }

    fn queue_used(&mut self, queue: u16) -> bool {
        self.write_u16(common::QUEUE_SELECT, queue);
        self.read_u16(common::QUEUE_ENABLE) != 0
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        let Region { bar, at, .. } = self.layout.isr;
        InterruptStatus::from_bits_truncate(self.bars.read_u8(bar, at.into()).into())
    }

    fn read_config_generation(&self) -> u32 {
        let (bar, at) = self.common(common::GENERATION);
        self.bars.read_u8(bar, at).into()
    }

    /// Byte by byte or in aligned words, whatever the field has.
    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T> {
        let Region { bar, at, len } = self.layout.device;
        let mut value = T::new_zeroed();
        let bytes = value.as_mut_bytes();
        let end = offset.checked_add(bytes.len()).filter(|end| *end as u64 <= u64::from(len));
        if end.is_none() || !offset.is_multiple_of(bytes.len().clamp(1, 4)) {
            return Err(Error::ConfigSpaceTooSmall);
        }
        let at = u64::from(at) + offset as u64;
        match bytes.len() {
            2 => bytes.copy_from_slice(&self.bars.read_u16(bar, at).to_le_bytes()),
            length if length.is_multiple_of(4) => {
                for (word, at) in bytes.chunks_exact_mut(4).zip((at..).step_by(4)) {
                    word.copy_from_slice(&self.bars.read_u32(bar, at).to_le_bytes());
                }
            }
            _ => {
                for (byte, at) in bytes.iter_mut().zip(at..) {
                    *byte = self.bars.read_u8(bar, at);
                }
            }
        }
        Ok(value)
    }

    /// Neither a disk nor a card has anything there that our drivers write.
    fn write_config_space<T: IntoBytes + Immutable>(&mut self, _: usize, _: T) -> Result<()> {
        Err(Error::Unsupported)
    }
}
