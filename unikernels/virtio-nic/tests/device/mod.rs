//! A simulated virtio network card on PCI: registers in BAR 4 and two split queues, after VIRTIO 1.2. It is strict: it ends the
//! test when the driver reaches where there is nothing, or gives it a descriptor that it must not.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test may; each uses its part"
)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use unikernels_nic::{Dma, Mac};
use unikernels_virtio_nic::{ARENA, Error, VirtioNic};
use unikernels_virtio_pci::{Bars, Kind, Layout, Pci};

pub(crate) const MAC: Mac = [0x52, 0x54, 0, 0x65, 0x43, 0x21];
/// Beyond 4 GiB, so that halves must not be lost.
const BUS: u64 = 0x12_3456_7000;
const ISR: u64 = 0x1000;
const DEVICE: u64 = 0x2000;
const NOTIFY: u64 = 0x3000;
const BAR_BYTES: u64 = 0x4000;
const ACCESS_PLATFORM: u64 = 1 << 33;
const VERSION_1: u64 = 1 << 32;
pub(crate) const EVENT_INDEX: u64 = 1 << 29;
pub(crate) const USUAL: u64 =
    VERSION_1 | ACCESS_PLATFORM | EVENT_INDEX | 1 << 28 | 1 << 17 | 1 << 16 | 1 << 15 | 0x7fef;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ring {
    pub(crate) size: u16,
    vector: u16,
    enabled: bool,
    areas: [u64; 3],
    /// Entries of the driver area that the device has used, and its own index.
    seen: u16,
    used: u16,
}

pub(crate) type Forger = Box<dyn FnMut(usize, u64) -> u64>;

pub(crate) struct State {
    pub(crate) memory: Vec<u8>,
    pub(crate) rings: [Ring; 2],
    pub(crate) sent: VecDeque<Vec<u8>>,
    pub(crate) interrupts: u64,
    pub(crate) notifications: u64,
    pub(crate) lost: u64,
    pub(crate) offered: u64,
    pub(crate) accepted: u64,
    pub(crate) accepts_features: bool,
    pub(crate) has_link: bool,
    pub(crate) is_slow: bool,
    pub(crate) is_gone: bool,
    pub(crate) size_max: u16,
    pub(crate) mac: Mac,
    pub(crate) status: u8,
    feature_select: u32,
    queue_select: u16,
    /// Forges what the driver reads of the memory, by offset.
    forger: Option<Forger>,
}

#[derive(Clone)]
pub(crate) struct Machine(pub(crate) Rc<RefCell<State>>);
pub(crate) type Driver = VirtioNic<Pci<Machine>, Machine>;

/// A configuration space of a network card with these regions in BAR 4, as QEMU has them.
pub(crate) fn config_space() -> [u8; 256] {
    let mut config = [0; 256];
    config[..4].copy_from_slice(&[0xf4, 0x1a, 0x41, 0x10]);
    config[6] = 1 << 4;
    config[0x34] = 0x50;
    let regions = [(1, 0, 0_u32), (3, ISR, 0), (4, DEVICE, 0), (2, NOTIFY, 4)];
    for (index, (kind, offset, multiplier)) in regions.into_iter().enumerate() {
        let at = 0x50 + 20 * index;
        let next = if index == 3 { 0 } else { at + 20 };
        config[at..at + 5].copy_from_slice(&[9, next as u8, 20, kind, 4]);
        for (field, value) in [offset as u32, 0x1000, multiplier].into_iter().enumerate() {
            config[at + 8 + field * 4..][..4].copy_from_slice(&value.to_le_bytes());
        }
    }
    config
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self(Rc::new(RefCell::new(State {
            memory: vec![0xa5; ARENA],
            rings: [Ring::default(); 2],
            sent: VecDeque::new(),
            interrupts: 0,
            notifications: 0,
            lost: 0,
            offered: USUAL,
            accepted: 0,
            accepts_features: true,
            has_link: true,
            is_slow: false,
            is_gone: false,
            size_max: 256,
            mac: MAC,
            // As firmware may leave it.
            status: 15,
            feature_select: 0,
            queue_select: 0,
            forger: None,
        })))
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.borrow_mut())
    }

    pub(crate) fn start(&self) -> Result<Driver, Error> {
        self.start_as(None)
    }

    pub(crate) fn start_as(&self, mac: Option<Mac>) -> Result<Driver, Error> {
        let layout = Layout::read(&config_space(), Kind::Network).unwrap();
        VirtioNic::start(Pci::new(self.clone(), layout).unwrap(), self.clone(), mac)
    }

    pub(crate) fn forge(&self, forger: impl FnMut(usize, u64) -> u64 + 'static) {
        self.with(|state| state.forger = Some(Box::new(forger)));
    }

    pub(crate) fn make_honest(&self) {
        self.with(|state| state.forger = None);
    }

    pub(crate) fn arrive(&self, frame: &[u8]) {
        self.with(|state| state.arrive(frame));
    }

    /// A slow card sends what it has.
    pub(crate) fn send_now(&self) {
        self.with(|state| {
            state.is_slow = false;
            state.send();
            state.is_slow = true;
        });
    }
}

impl State {
    fn place(&self, bus: u64, len: usize) -> usize {
        let at = usize::try_from(bus.checked_sub(BUS).expect("below the memory")).unwrap();
        assert!(at + len <= self.memory.len(), "beyond the memory");
        at
    }

    fn u16_at(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.memory[at..at + 2].try_into().unwrap())
    }

    fn u64_at(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.memory[at..at + 8].try_into().unwrap())
    }

    /// The next buffer of a queue: its descriptor, where it is, its length and its flags.
    fn next(&mut self, queue: usize) -> Option<(u16, usize, usize, u16)> {
        let ring = self.rings[queue];
        if self.status & 4 == 0 || !ring.enabled {
            return None;
        }
        let [descriptors, driver, _] = ring.areas;
        let driver = self.place(driver, 4 + usize::from(ring.size) * 2);
        let given = self.u16_at(driver + 2).wrapping_sub(ring.seen);
        assert!(given <= ring.size, "more than the queue has");
        if given == 0 {
            return None;
        }
        let slot = self.u16_at(driver + 4 + usize::from(ring.seen % ring.size) * 2);
        assert!(slot < ring.size);
        self.rings[queue].seen = ring.seen.wrapping_add(1);
        let at = self.place(descriptors, usize::from(ring.size) * 16) + usize::from(slot) * 16;
        let word = self.u64_at(at + 8);
        let (len, flags) = (word as u32 as usize, (word >> 32) as u16);
        Some((slot, self.place(self.u64_at(at), len), len, flags))
    }

    fn done(&mut self, queue: usize, slot: u16, written: usize) {
        let ring = &mut self.rings[queue];
        let (place, size, [_, driver, device]) = (ring.used % ring.size, ring.size, ring.areas);
        ring.used = ring.used.wrapping_add(1);
        let used = ring.used;
        let device = self.place(device, 4 + usize::from(size) * 8);
        let at = device + 4 + usize::from(place) * 8;
        self.memory[at..at + 4].copy_from_slice(&u32::from(slot).to_le_bytes());
        self.memory[at + 4..at + 8].copy_from_slice(&(written as u32).to_le_bytes());
        self.memory[device + 2..device + 4].copy_from_slice(&used.to_le_bytes());
        let driver = self.place(driver, 6 + usize::from(size) * 2);
        let interrupts = if self.accepted & EVENT_INDEX == 0 {
            self.u16_at(driver) & 1 == 0
        } else {
            self.u16_at(driver + 4 + usize::from(size) * 2) == used.wrapping_sub(1)
        };
        self.interrupts += u64::from(interrupts);
    }

    fn arrive(&mut self, frame: &[u8]) {
        if !self.has_link {
            return;
        }
        let Some((slot, at, len, flags)) = self.next(0) else {
            self.lost += 1;
            return;
        };
        assert_eq!(flags, 2, "one buffer, for the device to write");
        let mut bytes = vec![0; 10];
        bytes.extend([1, 0]);
        bytes.extend(frame);
        bytes.truncate(len);
        self.memory[at..at + bytes.len()].copy_from_slice(&bytes);
        self.done(0, slot, bytes.len());
    }

    fn send(&mut self) {
        while !self.is_slow {
            let Some((slot, at, len, flags)) = self.next(1) else { return };
            assert_eq!(flags, 0, "one buffer, for the device to read");
            assert_eq!(self.memory[at..at + 12], [0; 12], "a header that says nothing");
            if self.has_link {
                self.sent.push_back(self.memory[at + 12..at + len].to_vec());
            }
            self.done(1, slot, 0);
        }
    }

    fn read(&self, at: u64, bytes: u64) -> u64 {
        if self.is_gone {
            return u64::MAX >> (64 - 8 * bytes);
        }
        let ring = self.rings.get(usize::from(self.queue_select)).copied().unwrap_or_default();
        match (at, bytes) {
            (4, 4) => self.offered >> (32 * self.feature_select) & 0xffff_ffff,
            (20, 1) => self.status.into(),
            (24, 2) => self.size_max.into(),
            (26, 2) => ring.vector.into(),
            (28, 2) => ring.enabled.into(),
            (30, 2) => self.queue_select.into(),
            (at, 1) if (DEVICE..DEVICE + 6).contains(&at) => self.mac[(at - DEVICE) as usize].into(),
            (at, 2) if at == DEVICE + 6 => self.has_link.into(),
            _ => panic!("reads {bytes} at {at:#x}"),
        }
    }

    fn write(&mut self, at: u64, bytes: u64, value: u64) {
        let half = |old: u64, high: u64| old & !(0xffff_ffff << (32 * high)) | value << (32 * high);
        let queue = usize::from(self.queue_select);
        match (at, bytes) {
            (0 | 8, 4) => self.feature_select = value as u32,
            (12, 4) => self.accepted = half(self.accepted, self.feature_select.into()),
            (20, 1) if value == 0 => {
                self.status = 0;
                self.accepted = 0;
                self.rings = [Ring { vector: 0xffff, ..Ring::default() }; 2];
            }
            (20, 1) => {
                let takes = self.accepts_features && self.accepted & !self.offered == 0;
                self.status = if takes { value as u8 } else { value as u8 & !8 };
            }
            (22, 2) => self.queue_select = value as u16,
            (24, 2) => {
                assert!(value.is_power_of_two() && value <= self.size_max.into());
                self.rings[queue].size = value as u16;
            }
            (26, 2) => self.rings[queue].vector = value as u16,
            (28, 2) => {
                let ring = &mut self.rings[queue];
                assert!(ring.vector == 0 && value == 1 && self.status & 4 == 0);
                // 2.7: alignment of the three areas.
                assert!(ring.areas.iter().zip([16, 2, 4]).all(|(area, align)| area % align == 0));
                ring.enabled = true;
            }
            (at @ 32..56, 4) => {
                let area = &mut self.rings[queue].areas[((at - 32) / 8) as usize];
                *area = half(*area, at / 4 % 2);
            }
            (NOTIFY, 2) if value == 0 => self.notifications += 1,
            (at, 2) if at == NOTIFY + 4 && value == 1 => {
                self.notifications += 1;
                self.send();
            }
            _ => panic!("writes {bytes} at {at:#x}"),
        }
    }
}

impl Bars for Machine {
    fn len_bytes(&self, bar: u8) -> u64 {
        if bar == 4 { BAR_BYTES } else { 0 }
    }

    fn read_u8(&self, _: u8, at: u64) -> u8 {
        self.with(|state| state.read(at, 1) as u8)
    }

    fn read_u16(&self, _: u8, at: u64) -> u16 {
        self.with(|state| state.read(at, 2) as u16)
    }

    fn read_u32(&self, _: u8, at: u64) -> u32 {
        self.with(|state| state.read(at, 4) as u32)
    }

    fn write_u8(&mut self, _: u8, at: u64, value: u8) {
        self.with(|state| state.write(at, 1, value.into()));
    }

    fn write_u16(&mut self, _: u8, at: u64, value: u16) {
        self.with(|state| state.write(at, 2, value.into()));
    }

    fn write_u32(&mut self, _: u8, at: u64, value: u32) {
        self.with(|state| state.write(at, 4, value.into()));
    }
}

impl Dma for Machine {
    fn bus(&self) -> u64 {
        BUS
    }

    fn len_bytes(&self) -> usize {
        ARENA
    }

    fn copy_in(&mut self, at: usize, bytes: &[u8]) {
        self.with(|state| state.memory[at..at + bytes.len()].copy_from_slice(bytes));
    }

    fn copy_out(&self, at: usize, into: &mut [u8]) {
        self.with(|state| into.copy_from_slice(&state.memory[at..at + into.len()]));
    }

    fn read_u64(&self, at: usize) -> u64 {
        assert!(at.is_multiple_of(8));
        self.with(|state| {
            let value = state.u64_at(at);
            match &mut state.forger {
                Some(forger) => forger(at, value),
                None => value,
            }
        })
    }

    fn write_u64(&mut self, at: usize, value: u64) {
        assert!(at.is_multiple_of(8));
        self.with(|state| state.memory[at..at + 8].copy_from_slice(&value.to_le_bytes()));
    }
}
