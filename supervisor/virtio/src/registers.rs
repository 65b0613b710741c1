//! The register page of one device in the virtio-mmio layout (VIRTIO 1.2, 4.2.2), without MMIO: reads hit a page that the
//! qube can only read, writes arrive as calls. [`Registers::write`] says what a write means; the caller does it.

use crate::queue::{QUEUE_SIZE_MAX, QueueAreas};

/// Bytes of the page that are ever set at start-up.
pub const PAGE_BYTES: usize = 0x10c;

/// Register offsets (table 4.1).
#[allow(missing_docs, reason = "the names are the specification's")]
pub mod offset {
    pub const MAGIC: u16 = 0x000;
    pub const VERSION: u16 = 0x004;
    pub const DEVICE_ID: u16 = 0x008;
    pub const VENDOR_ID: u16 = 0x00c;
    pub const DEVICE_FEATURES: u16 = 0x010;
    pub const DEVICE_FEATURES_SEL: u16 = 0x014;
    pub const DRIVER_FEATURES: u16 = 0x020;
    pub const DRIVER_FEATURES_SEL: u16 = 0x024;
    pub const QUEUE_SEL: u16 = 0x030;
    pub const QUEUE_NUM_MAX: u16 = 0x034;
    pub const QUEUE_NUM: u16 = 0x038;
    pub const QUEUE_READY: u16 = 0x044;
    pub const INTERRUPT_ACK: u16 = 0x064;
    pub const STATUS: u16 = 0x070;
    pub const QUEUE_DESC_LOW: u16 = 0x080;
    pub const QUEUE_DESC_HIGH: u16 = 0x084;
    pub const QUEUE_DRIVER_LOW: u16 = 0x090;
    pub const QUEUE_DRIVER_HIGH: u16 = 0x094;
    pub const QUEUE_DEVICE_LOW: u16 = 0x0a0;
    pub const QUEUE_DEVICE_HIGH: u16 = 0x0a4;
    pub const CONFIG: u16 = 0x100;
}

const STATUS_FEATURES_OK: u32 = 8;
const STATUS_KNOWN: u32 = 1 | 2 | 4 | 8 | 128;

/// DEVICE_NEEDS_RESET (2.1): how the owner of a poisoned queue is told.
const STATUS_NEEDS_RESET: u32 = 64;

const FEATURE_VERSION_1: u64 = 1 << 32;
const FEATURE_MULTIPORT: u64 = 1 << 1;

/// Which device a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// Console with this many ports (5.3).
    Console {
        /// Ports, including port 0.
        ports: u8,
    },
    /// Entropy source (5.4).
    Entropy,
}

impl DeviceKind {
    /// How many queues the device has: two for each port and two for control, or one. The queues of port 0 are there even
    /// without a port, as control comes after them (VIRTIO 1.2, 5.3.2).
    #[must_use]
    pub fn queues(self) -> u32 {
        match self {
            Self::Console { ports } => 2 * (u32::from(ports).max(1) + 1),
            Self::Entropy => 1,
        }
    }

    fn features(self) -> u64 {
        match self {
            Self::Console { .. } => FEATURE_VERSION_1 | FEATURE_MULTIPORT,
            Self::Entropy => FEATURE_VERSION_1,
        }
    }

    fn id(self) -> u32 {
        match self {
            Self::Console { .. } => 3,
            Self::Entropy => 4,
        }
    }
}

/// The page as a driver finds it after reset.
#[must_use]
pub fn initial_page(kind: DeviceKind) -> [u8; PAGE_BYTES] {
    let mut page = [0; PAGE_BYTES];
    let ports = if let DeviceKind::Console { ports } = kind { u32::from(ports) } else { 0 };
    for (at, value) in [
        (offset::MAGIC, 0x7472_6976),
        (offset::VERSION, 2),
        (offset::DEVICE_ID, kind.id()),
        (offset::VENDOR_ID, 0x504b_4553),
        (offset::DEVICE_FEATURES, low(kind.features())),
        (offset::QUEUE_NUM_MAX, u32::from(QUEUE_SIZE_MAX)),
        (offset::CONFIG, 80 | (25 << 16)),
        (offset::CONFIG + 4, ports),
    ] {
        let at = usize::from(at);
        if let Some(slot) = page.get_mut(at..at + 4) {
            slot.copy_from_slice(&value.to_le_bytes());
        }
    }
    page
}

/// What a register write asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Effect {
    /// Nothing more.
    None,
    /// Show `value` at `at`.
    Show {
        /// Page offset.
        at: u16,
        /// New value.
        value: u32,
    },
    /// Show the selected queue's facts: QueueNumMax, and QueueReady which the caller knows.
    Selected {
        /// Queue number, below [`DeviceKind::queues`]; `None` for one that does not exist.
        queue: Option<u16>,
    },
    /// Set the queue up and show QueueReady.
    Enable {
        /// Queue number, below [`DeviceKind::queues`].
        queue: u16,
        /// Where its rings are, claimed.
        areas: QueueAreas,
    },
    /// Turn every queue off, forget everything, show the initial page.
    Reset,
    /// The register is not writable, or the value is not allowed. The driver is to blame.
    Refused,
}

/// The registers that a driver has written so far.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    kind: DeviceKind,
    device_select: u32,
    driver_select: u32,
    driver_features: u64,
    queue_select: u32,
    areas: QueueAreas,
    status: u32,
}

impl Registers {
    /// After reset.
    #[must_use]
    pub const fn new(kind: DeviceKind) -> Self {
        Self {
            kind,
            device_select: 0,
            driver_select: 0,
            driver_features: 0,
            queue_select: 0,
            areas: QueueAreas { size: 0, descriptors: 0, driver: 0, device: 0 },
            status: 0,
        }
    }

    /// Which device.
    #[must_use]
    pub const fn kind(&self) -> DeviceKind {
        self.kind
    }

    /// The status register with NEEDS_RESET added.
    #[must_use]
    pub const fn needs_reset(&self) -> u32 {
        self.status | STATUS_NEEDS_RESET
    }

    /// Takes a write of `value` to the register at `at`.
    pub fn write(&mut self, at: u16, value: u32) -> Effect {
        match at {
            offset::DEVICE_FEATURES_SEL => {
                self.device_select = value;
                Effect::Show { at: offset::DEVICE_FEATURES, value: half(self.kind.features(), value) }
            }
            offset::DRIVER_FEATURES_SEL => set(&mut self.driver_select, value),
            offset::DRIVER_FEATURES => self.write_features(value),
            offset::QUEUE_SEL => {
                self.queue_select = value;
                self.areas = QueueAreas::default();
                Effect::Selected { queue: self.selected() }
            }
            offset::QUEUE_NUM => set(&mut self.areas.size, value),
            offset::QUEUE_DESC_LOW => set_low(&mut self.areas.descriptors, value),
            offset::QUEUE_DESC_HIGH => set_high(&mut self.areas.descriptors, value),
            offset::QUEUE_DRIVER_LOW => set_low(&mut self.areas.driver, value),
            offset::QUEUE_DRIVER_HIGH => set_high(&mut self.areas.driver, value),
            offset::QUEUE_DEVICE_LOW => set_low(&mut self.areas.device, value),
            offset::QUEUE_DEVICE_HIGH => set_high(&mut self.areas.device, value),
            offset::QUEUE_READY => self.write_ready(value),
            offset::INTERRUPT_ACK => Effect::None,
            offset::STATUS => self.write_status(value),
            _ => Effect::Refused,
        }
    }

    fn selected(&self) -> Option<u16> {
        u16::try_from(self.queue_select).ok().filter(|&q| u32::from(q) < self.kind.queues())
    }

    fn write_features(&mut self, value: u32) -> Effect {
        match self.driver_select {
            0 => set_low(&mut self.driver_features, value),
            1 => set_high(&mut self.driver_features, value),
            // Bits 64 and up: none are offered, so none may be set (4.2.2.1).
            _ if value == 0 => Effect::None,
            _ => Effect::Refused,
        }
    }

    fn write_ready(&mut self, value: u32) -> Effect {
        match (value, self.selected()) {
            (1, Some(queue)) if self.status & STATUS_FEATURES_OK != 0 => {
                Effect::Enable { queue, areas: self.areas }
            }
            // A single queue cannot be taken back (there is no RING_RESET); a driver that wants that resets the device.
            (0, Some(_)) => Effect::None,
            _ => Effect::Refused,
        }
    }

    fn write_status(&mut self, value: u32) -> Effect {
        if value == 0 {
            *self = Self::new(self.kind);
            return Effect::Reset;
        }
        // A driver must not clear a bit without reset (2.1.1), and sets only bits it owns.
        if value & !(STATUS_KNOWN | STATUS_NEEDS_RESET) != 0 || self.status & !value & STATUS_KNOWN != 0 {
            return Effect::Refused;
        }
        let mut status = value & STATUS_KNOWN;
        let acceptable = self.driver_features & !self.kind.features() == 0
            && self.driver_features & FEATURE_VERSION_1 != 0;
        if !acceptable {
            status &= !STATUS_FEATURES_OK;
        }
        self.status = status;
        Effect::Show { at: offset::STATUS, value: status }
    }
}

fn set(field: &mut u32, value: u32) -> Effect {
    *field = value;
    Effect::None
}

fn set_low(field: &mut u64, value: u32) -> Effect {
    *field = (*field & !0xffff_ffff) | u64::from(value);
    Effect::None
}

fn set_high(field: &mut u64, value: u32) -> Effect {
    *field = (*field & 0xffff_ffff) | (u64::from(value) << 32);
    Effect::None
}

fn low(word: u64) -> u32 {
    (word & 0xffff_ffff) as u32
}

fn half(word: u64, select: u32) -> u32 {
    match select {
        0 => low(word),
        1 => low(word >> 32),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready_device() -> Registers {
        let mut r = Registers::new(DeviceKind::Console { ports: 3 });
        for (at, value) in [
            (offset::STATUS, 1),
            (offset::STATUS, 3),
            (offset::DRIVER_FEATURES_SEL, 0),
            (offset::DRIVER_FEATURES, 2),
            (offset::DRIVER_FEATURES_SEL, 1),
            (offset::DRIVER_FEATURES, 1),
        ] {
            assert_ne!(r.write(at, value), Effect::Refused);
        }
        assert_eq!(r.write(offset::STATUS, 11), Effect::Show { at: offset::STATUS, value: 11 });
        r
    }

    #[test]
    fn a_driver_that_follows_the_specification_enables_a_queue() {
        let mut r = ready_device();
        assert_eq!(r.write(offset::QUEUE_SEL, 7), Effect::Selected { queue: Some(7) });
        for (at, value) in [
            (offset::QUEUE_NUM, 16),
            (offset::QUEUE_DESC_LOW, 0x1000),
            (offset::QUEUE_DRIVER_LOW, 0x2000),
            (offset::QUEUE_DEVICE_LOW, 0x3000),
            (offset::QUEUE_DEVICE_HIGH, 1),
        ] {
            assert_eq!(r.write(at, value), Effect::None);
        }
        let areas = QueueAreas { size: 16, descriptors: 0x1000, driver: 0x2000, device: 0x1_0000_3000 };
        assert_eq!(r.write(offset::QUEUE_READY, 1), Effect::Enable { queue: 7, areas });
    }

    #[test]
    fn a_queue_that_does_not_exist_cannot_be_enabled() {
        let mut r = ready_device();
        assert_eq!(r.write(offset::QUEUE_SEL, 8), Effect::Selected { queue: None });
        assert_eq!(r.write(offset::QUEUE_READY, 1), Effect::Refused);
        assert_eq!(r.write(offset::QUEUE_SEL, 0x1_0007), Effect::Selected { queue: None });
    }

    #[test]
    fn features_that_were_not_offered_leave_features_ok_clear() {
        for (low, high) in [(2, 0), (0x2000_0002, 1), (3, 1), (2, 3)] {
            let mut r = Registers::new(DeviceKind::Console { ports: 1 });
            let _ = r.write(offset::DRIVER_FEATURES, low);
            let _ = r.write(offset::DRIVER_FEATURES_SEL, 1);
            let _ = r.write(offset::DRIVER_FEATURES, high);
            assert_eq!(r.write(offset::STATUS, 11), Effect::Show { at: offset::STATUS, value: 3 });
            assert_eq!(r.write(offset::QUEUE_READY, 1), Effect::Refused);
        }
    }

    #[test]
    fn read_only_and_unknown_registers_refuse_writes() {
        let mut r = ready_device();
        for at in [
            offset::MAGIC,
            offset::DEVICE_FEATURES,
            offset::QUEUE_NUM_MAX,
            offset::CONFIG,
            0x050,
            0x060,
            0x072,
            0xffff,
        ] {
            assert_eq!(r.write(at, 1), Effect::Refused, "{at:#x}");
        }
    }

    #[test]
    fn a_status_bit_goes_only_by_reset() {
        let mut r = ready_device();
        assert_eq!(r.write(offset::STATUS, 3), Effect::Refused);
        assert_eq!(r.write(offset::STATUS, 0), Effect::Reset);
        assert_eq!(r.write(offset::QUEUE_READY, 1), Effect::Refused);
    }
}
