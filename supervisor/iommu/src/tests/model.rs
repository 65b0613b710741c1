//! A machine with two units. They cache what they have once looked up, allowed or refused, until told to forget it.

use std::collections::HashMap;

use supervisor_mem::{Hpa, PageCount, TableMemory};

use super::firmware::{drhd, ivhd, ivmd, rmrr, table};
use super::walk::walk;
use crate::{Bdf, Found, Hardware, Iommu, Kind};

pub(super) const UNITS: [u64; 2] = [0xfed8_0000, 0xfed9_0000];
const FAULT_RECORDS: u64 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// Physical memory, zero until written, given out in frames from 16 MiB on.
#[derive(Default)]
pub(super) struct Memory {
    words: HashMap<u64, u64>,
    frames: u64,
    pub(super) frames_max: u64,
}

impl Memory {
    pub(super) fn word(&self, at: u64) -> u64 {
        self.words.get(&at).copied().unwrap_or(0)
    }

    pub(super) fn store(&mut self, at: u64, value: u64) {
        self.words.insert(at, value);
    }

    fn take(&mut self, pages: u64) -> Option<Hpa> {
        let first = self.frames;
        self.frames += pages;
        (self.frames <= self.frames_max).then_some(Hpa((0x1000 + first) << 12))
    }
}

/// What was done to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Table(u64, u64),
    Forget(u64),
    Told(u64),
}

type Looked = HashMap<(u64, u16, u64, bool), Option<u64>>;

pub(super) struct Machine {
    pub(super) kind: Kind,
    pub(super) memory: Memory,
    pub(super) registers: HashMap<u64, u64>,
    cache: Looked,
    pub(super) ops: Vec<Op>,
    /// The unit with this base does nothing that it is told.
    pub(super) deaf: Option<u64>,
    /// Whether units look into the processor's caches; if not, they see what was written back.
    pub(super) written_back: bool,
}

impl Machine {
    pub(super) fn new(kind: Kind) -> Self {
        let memory = Memory { frames_max: 2048, ..Memory::default() };
        let mut machine = Self {
            kind,
            memory,
            registers: HashMap::new(),
            cache: Looked::new(),
            ops: Vec::new(),
            deaf: None,
            written_back: false,
        };
        for base in UNITS {
            match kind {
                Kind::Amd => machine.set(base + 0x30, 0x29d3),
                // What QEMU says, but two fault records for its one.
                Kind::Intel => {
                    machine.set(base + 0x08, 0x00d2_008c_2226_0206 | (FAULT_RECORDS - 1) << 40);
                    machine.set(base + 0x10, 0x00f0_0f4a);
                }
            }
        }
        machine
    }

    pub(super) fn get(&self, at: u64) -> u64 {
        self.registers.get(&at).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, at: u64, value: u64) {
        self.registers.insert(at, value);
    }

    fn is_on(&self, base: u64) -> bool {
        match self.kind {
            Kind::Amd => self.get(base + 0x18) & 1 != 0,
            Kind::Intel => self.get(base + 0x1c) >> 31 & 1 != 0,
        }
    }

    /// The device or root table that a unit uses.
    pub(super) fn devices(&self, base: u64) -> u64 {
        let register = if self.kind == Kind::Amd { 0x00 } else { 0x20 };
        self.get(base + register) & !0xfff
    }

    pub(super) fn remapping(&self, base: u64) -> u64 {
        self.get(base + 0xb8) & !0xfff
    }

    /// A device behind the unit at `base` reaches for memory.
    pub(super) fn dma(&mut self, base: u64, bdf: u16, address: u64, access: Access) -> Option<u64> {
        assert!(self.is_on(base), "a unit that is off lets everything through");
        let key = (base, bdf, address >> 12, access == Access::Write);
        let page = match self.cache.get(&key) {
            Some(page) => *page,
            None => {
                let devices = self.devices(base);
                let page = walk(self.kind, &self.memory, devices, bdf, address & !0xfff, access);
                self.cache.insert(key, page);
                page
            }
        };
        if page.is_none() {
            match self.kind {
                Kind::Amd => self.log_amd(base, bdf, address, access),
                Kind::Intel => self.log_intel(base, bdf, address, access),
            }
        }
        page.map(|page| page + address % 4096)
    }

    fn log_amd(&mut self, base: u64, bdf: u16, address: u64, access: Access) {
        let (log, tail) = (self.get(base + 0x10), self.get(base + 0x2018));
        if self.get(base + 0x2020) & 1 != 0 || self.get(base + 0x18) & 4 == 0 {
            return;
        }
        let next = (tail + 16) % (16 << (log >> 56 & 15));
        if next == self.get(base + 0x2010) {
            self.set(base + 0x2020, self.get(base + 0x2020) | 1);
            return;
        }
        let event = 2 << 60 | u64::from(access == Access::Write) << 53 | u64::from(bdf);
        let at = (log & 0x000f_ffff_ffff_f000) + tail;
        self.memory.store(at, event);
        self.memory.store(at + 8, address);
        self.set(base + 0x2018, next);
    }

    fn log_intel(&mut self, base: u64, bdf: u16, address: u64, access: Access) {
        let mut records = (0..FAULT_RECORDS).map(|record| base + 0x220 + 16 * record);
        match records.find(|record| self.get(record + 8) >> 63 == 0) {
            None => self.set(base + 0x34, self.get(base + 0x34) | 1),
            Some(_) if self.get(base + 0x34) & 1 != 0 => {}
            Some(record) => {
                self.set(record, address & !0xfff);
                let read = u64::from(access == Access::Read) << 62;
                self.set(record + 8, 1 << 63 | read | 5 << 32 | u64::from(bdf));
                self.tell_faults(base);
            }
        }
    }

    /// The status says whether a record holds a fault.
    fn tell_faults(&mut self, base: u64) {
        let is_there = (0..FAULT_RECORDS).any(|record| self.get(base + 0x228 + 16 * record) >> 63 != 0);
        self.set(base + 0x34, self.get(base + 0x34) & 1 | u64::from(is_there) << 1);
    }

    /// Runs the commands up to the tail.
    fn run_queue(&mut self, base: u64) {
        let (head, tail, queue) = match self.kind {
            Kind::Amd => (base + 0x2000, base + 0x2008, self.get(base + 0x08)),
            Kind::Intel => (base + 0x80, base + 0x88, self.get(base + 0x90)),
        };
        let is_running = match self.kind {
            Kind::Amd => self.get(base + 0x18) & 0x1001 == 0x1001,
            Kind::Intel => self.get(base + 0x1c) >> 26 & 1 != 0,
        };
        while is_running && self.deaf != Some(base) && self.get(head) != self.get(tail) {
            assert!(self.written_back, "the unit sees what it is told to look at");
            let at = (queue & 0x000f_ffff_ffff_f000) + self.get(head);
            self.command(base, self.memory.word(at), self.memory.word(at + 8));
            self.set(head, (self.get(head) + 16) % 4096);
        }
    }

    fn command(&mut self, base: u64, low: u64, high: u64) {
        let forgets = match self.kind {
            Kind::Amd => low >> 60 == 8,
            Kind::Intel => low & 0xf == 2,
        };
        if forgets {
            assert!(self.kind == Kind::Amd || low == 0xd2, "the whole IOTLB, draining reads and writes");
            self.ops.push(Op::Forget(base));
            self.cache.retain(|key, _| key.0 != base);
        }
        let told = match self.kind {
            Kind::Amd if low >> 60 == 1 && low & 1 == 1 => Some((low & 0x000f_ffff_ffff_fff8, high)),
            Kind::Intel if low & 0x3f == 0x25 => Some((high, low >> 32)),
            _ => None,
        };
        if let Some((word, data)) = told {
            self.ops.push(Op::Told(base));
            self.memory.store(word, data);
        }
    }

    fn written(&mut self, at: u64, value: u64) {
        let (base, register) = (at & !0x7fff, at & 0x7fff);
        match (self.kind, register) {
            (Kind::Amd, 0x18) => {
                self.set(at, value);
                let overflow = self.get(base + 0x2020) & 1;
                self.set(base + 0x2020, overflow | (value >> 2 & 1) << 3 | (value >> 12 & 1) << 4);
            }
            (Kind::Amd, 0x2020) => self.set(at, self.get(at) & !(value & 1)),
            (Kind::Intel, 0x18) if self.deaf != Some(base) => {
                // Root and remapping pointer are taken over at once; the states are what was written.
                assert_eq!((value ^ self.get(base + 0x1c) & 0x96ff_ffff).count_ones() & !1, 0, "one command");
                let once = self.get(base + 0x1c) & 0x4100_0000;
                self.set(base + 0x1c, once | value);
                if value >> 26 & 1 == 0 {
                    self.set(base + 0x80, 0);
                }
            }
            (Kind::Intel, 0x34) => self.set(at, self.get(at) & !(value & 1)),
            (Kind::Intel, 0x22c | 0x23c) if value >> 31 != 0 => {
                self.set(at - 4, 0);
                self.tell_faults(base);
            }
            _ => self.set(at, value),
        }
        if matches!((self.kind, register), (Kind::Amd, 0x2008) | (Kind::Intel, 0x88)) {
            self.run_queue(base);
        }
    }
}

impl TableMemory for Machine {
    fn table(&mut self) -> Option<Hpa> {
        self.memory.take(1)
    }
    fn read(&self, table: Hpa, index: usize) -> u64 {
        assert!(table.0.is_multiple_of(4096) && index < 512);
        self.memory.word(table.0 + 8 * index as u64)
    }
    fn write(&mut self, table: Hpa, index: usize, entry: u64) {
        assert!(table.0.is_multiple_of(4096) && index < 512);
        self.written_back = false;
        self.ops.push(Op::Table(table.0 + 8 * index as u64, entry));
        self.memory.store(table.0 + 8 * index as u64, entry);
    }
}

impl Hardware for Machine {
    fn run(&mut self, pages: PageCount) -> Option<Hpa> {
        self.memory.take(pages.0)
    }
    fn write_back(&mut self) {
        self.written_back = true;
    }
    fn read32(&self, at: Hpa) -> u32 {
        let whole = self.get(at.0 & !7);
        if at.0 & 7 == 4 && !self.registers.contains_key(&at.0) {
            (whole >> 32).try_into().expect("32 bits")
        } else {
            (self.get(at.0) & 0xffff_ffff).try_into().expect("32 bits")
        }
    }
    fn read64(&self, at: Hpa) -> u64 {
        assert!(at.0.is_multiple_of(8));
        self.get(at.0)
    }
    fn write32(&mut self, at: Hpa, value: u32) {
        self.written(at.0, value.into());
    }
    fn write64(&mut self, at: Hpa, value: u64) {
        assert!(at.0.is_multiple_of(8));
        self.written(at.0, value);
    }
}

/// Both units cover everything but ff:1f.7; 00:14.0 is an I/O APIC, and 00:1f.7 is reserved.
pub(super) fn found(kind: Kind) -> Found {
    let table = match kind {
        Kind::Amd => {
            let entries = [3, 0, 0, 0, 4, 0xfe, 0xff, 0, 72, 0, 0, 0, 0, 0xa0, 0, 1];
            table(&[&ivhd(0x10, UNITS[0], &entries), &ivhd(0x11, UNITS[1], &[]), &ivmd(0x21, 0xff, 0)])
        }
        Kind::Intel => table(&[
            &drhd(0, 0, UNITS[0], &[]),
            &drhd(1, 0, UNITS[1], &[3, 8, 0, 0, 0, 0, 0x14, 0]),
            &rmrr(&[1, 8, 0, 0, 0, 0, 0x1f, 7]),
        ]),
    };
    Found::read(kind, &table).expect("a good table")
}

pub(super) fn started(kind: Kind) -> Iommu<Machine> {
    let mut iommu = Iommu::start(&found(kind), Machine::new(kind)).expect("units that can");
    iommu.hw.ops.clear();
    iommu
}

pub(super) const KINDS: [Kind; 2] = [Kind::Amd, Kind::Intel];
pub(super) const DISK: Bdf = Bdf(0x0028);
pub(super) const CARD: Bdf = Bdf(0x1203);
