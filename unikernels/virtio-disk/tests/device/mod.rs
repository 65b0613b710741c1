//! A simulated virtio block device: configuration space and registers in BAR 4, without a queue behind them.

#![allow(dead_code, reason = "every test file uses its part")]

use std::cell::RefCell;
use std::rc::Rc;

use unikernels_disk::Wait;
use unikernels_virtio_pci::Bars;

/// Where its regions are in BAR 4, as QEMU has them.
const ISR: u64 = 0x1000;
const DEVICE: u64 = 0x2000;
const NOTIFY: u64 = 0x3000;
pub(crate) const BAR_BYTES: u64 = 0x4000;

pub(crate) const VERSION_1: u64 = 1 << 32;
pub(crate) const ACCESS_PLATFORM: u64 = 1 << 33;
pub(crate) const EVENT_IDX: u64 = 1 << 29;
pub(crate) const FLUSH: u64 = 1 << 9;

/// A configuration space with these capabilities of type, BAR, offset, length and multiplier.
pub(crate) fn config_space(regions: &[(u8, u8, u32, u32, u32)]) -> [u8; 256] {
    let mut config = [0; 256];
    config[..4].copy_from_slice(&[0xf4, 0x1a, 0x42, 0x10]);
    config[6] = 1 << 4;
    // MSI-X first, which is none of ours.
    config[0x34] = 0x40;
    config[0x40..0x44].copy_from_slice(&[0x11, 0x50, 1, 0]);
    let mut at = 0x50;
    for (index, (kind, bar, offset, length, multiplier)) in regions.iter().enumerate() {
        let next = if index + 1 == regions.len() { 0 } else { at + 20 };
        config[at..at + 5].copy_from_slice(&[9, u8::try_from(next).unwrap(), 20, *kind, *bar]);
        for (field, value) in [offset, length, multiplier].into_iter().enumerate() {
            config[at + 8 + field * 4..][..4].copy_from_slice(&value.to_le_bytes());
        }
        at += 20;
    }
    config
}

pub(crate) fn usual_config_space() -> [u8; 256] {
    config_space(&[
        (1, 4, 0, 0x1000, 0),
        (3, 4, 0x1000, 0x1000, 0),
        (4, 4, 0x2000, 0x1000, 0),
        (2, 4, 0x3000, 0x1000, 4),
    ])
}

/// What the device is like, and what it was told.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) offered: u64,
    pub(crate) accepts_features: bool,
    pub(crate) resets: bool,
    pub(crate) has_vectors: bool,
    pub(crate) generation_changes: bool,
    pub(crate) answers: bool,
    /// Every register reads as anything, by this xorshift state, and takes anything.
    pub(crate) noise: Option<u64>,
    pub(crate) notify_off: u16,
    pub(crate) queue_size: u16,
    pub(crate) sectors: u64,
    pub(crate) feature_select: u32,
    pub(crate) accepted: u64,
    pub(crate) status: u8,
    pub(crate) generation: u8,
    pub(crate) vector: u16,
    pub(crate) enabled: bool,
    /// Descriptors, driver and device area.
    pub(crate) areas: [u64; 3],
    /// Offsets in the region that were notified, with the queue.
    pub(crate) notified: Vec<(u64, u16)>,
    pub(crate) now_ns: u64,
    pub(crate) reads: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            offered: VERSION_1 | ACCESS_PLATFORM | EVENT_IDX | FLUSH | 1 << 28 | 1 << 13 | 0x44,
            accepts_features: true,
            resets: true,
            has_vectors: true,
            generation_changes: false,
            answers: true,
            noise: None,
            notify_off: 3,
            queue_size: 256,
            sectors: 0x12_3456_789a,
            feature_select: 0,
            accepted: 0,
            status: 0,
            generation: 0,
            vector: 0xffff,
            enabled: false,
            areas: [0; 3],
            notified: Vec::new(),
            now_ns: 0,
            reads: 0,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Device(pub(crate) Rc<RefCell<State>>);

impl Device {
    pub(crate) fn new(state: State) -> Self {
        Self(Rc::new(RefCell::new(state)))
    }

    fn read(&self, bar: u8, at: u64, bytes: u64) -> u64 {
        assert!(
            bar == 4 && at + bytes <= BAR_BYTES && at.is_multiple_of(bytes),
            "reads {bytes} at {at:#x} of BAR {bar}"
        );
        let mut state = self.0.borrow_mut();
        state.reads += 1;
        if let Some(noise) = &mut state.noise {
            *noise ^= *noise << 13;
            *noise ^= *noise >> 7;
            *noise ^= *noise << 17;
            return *noise & (u64::MAX >> (64 - 8 * bytes));
        }
        match (at, bytes) {
            (4, 4) => state.offered >> (32 * state.feature_select) & 0xffff_ffff,
            (20, 1) => state.status.into(),
            (21, 1) => {
                state.generation = state.generation.wrapping_add(state.generation_changes.into());
                state.generation.into()
            }
            (24, 2) => state.queue_size.into(),
            (26, 2) => state.vector.into(),
            (28, 2) => state.enabled.into(),
            (30, 2) => state.notify_off.into(),
            (ISR, 1) => 1,
            (DEVICE, 4) => state.sectors & 0xffff_ffff,
            (at, 4) if at == DEVICE + 4 => state.sectors >> 32,
            _ => panic!("reads {bytes} at {at:#x}"),
        }
    }

    fn write(&self, bar: u8, at: u64, bytes: u64, value: u64) {
        assert!(
            bar == 4 && at + bytes <= BAR_BYTES && at.is_multiple_of(bytes),
            "writes {bytes} at {at:#x} of BAR {bar}"
        );
        let mut state = self.0.borrow_mut();
        if state.noise.is_some() {
            return;
        }
        let half =
            |old: u64, high: u64, value: u64| old & !(0xffff_ffff << (32 * high)) | value << (32 * high);
        match (at, bytes) {
            (0 | 8, 4) => state.feature_select = u32::try_from(value).unwrap(),
            (12, 4) => state.accepted = half(state.accepted, state.feature_select.into(), value),
            (20, 1) => {
                let value = u8::try_from(value).unwrap();
                match value {
                    0 if !state.resets => {}
                    0 => (state.status, state.enabled, state.vector, state.accepted) = (0, false, 0xffff, 0),
                    // FEATURES_OK, which it may leave clear.
                    _ if value & 8 != 0 && !state.accepts_features => state.status = value & !8,
                    _ => state.status = value,
                }
            }
            (22, 2) => assert_eq!(value, 0, "there is one queue"),
            (24, 2) => state.queue_size = u16::try_from(value).unwrap(),
            (26, 2) => state.vector = if state.has_vectors { u16::try_from(value).unwrap() } else { 0xffff },
            (28, 2) => {
                assert!(state.vector == 0 && value == 1, "enabled with vector {}", state.vector);
                state.enabled = true;
            }
            (at @ 32..56, 4) => {
                let index = usize::try_from((at - 32) / 8).unwrap();
                state.areas[index] = half(state.areas[index], at / 4 % 2, value);
            }
            (at, 2) if at >= NOTIFY => {
                let queue = u16::try_from(value).unwrap();
                state.notified.push((at - NOTIFY, queue));
            }
            _ => panic!("writes {bytes} at {at:#x}"),
        }
    }
}

impl Bars for Device {
    fn len_bytes(&self, bar: u8) -> u64 {
        if bar == 4 { BAR_BYTES } else { 0 }
    }

    fn read_u8(&self, bar: u8, at: u64) -> u8 {
        u8::try_from(self.read(bar, at, 1)).unwrap()
    }

    fn read_u16(&self, bar: u8, at: u64) -> u16 {
        u16::try_from(self.read(bar, at, 2)).unwrap()
    }

    fn read_u32(&self, bar: u8, at: u64) -> u32 {
        u32::try_from(self.read(bar, at, 4)).unwrap()
    }

    fn write_u8(&mut self, bar: u8, at: u64, value: u8) {
        self.write(bar, at, 1, value.into());
    }

    fn write_u16(&mut self, bar: u8, at: u64, value: u16) {
        self.write(bar, at, 2, value.into());
    }

    fn write_u32(&mut self, bar: u8, at: u64, value: u32) {
        self.write(bar, at, 4, value.into());
    }
}

impl Wait for Device {
    fn now_ns(&mut self) -> u64 {
        self.0.borrow().now_ns
    }

    fn wait(&mut self, deadline_ns: u64) {
        let mut state = self.0.borrow_mut();
        state.now_ns = if state.answers { state.now_ns + 1_000 } else { deadline_ns };
    }
}
