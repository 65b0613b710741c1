//! A simulated controller: registers, memory and time in one, written from the specification and not from the driver.
//!
//! It is stricter than a real one: what the specification leaves undefined ends the test. With a [`Forger`] it lies.

#![allow(dead_code, reason = "every test file uses its part")]

mod execute;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use unikernels_nvme::{Dma, Nvme, Registers, SLOTS_MAX, Wait};

/// Where the DMA memory lies on the bus: not at zero, and above 4 GiB.
pub(crate) const BUS: u64 = 0x1_2345_6000;

/// When the controller does what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Before the doorbell write returns.
    AtOnce,
    /// All of it, when the driver waits.
    Later,
    /// The last first.
    Reversed,
    /// One command for each wait.
    OneByOne,
}

/// What the controller is like.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) block_bytes: usize,
    pub(crate) blocks: u64,
    pub(crate) mdts: u8,
    pub(crate) stride_power: u8,
    pub(crate) queue_entries: u32,
    pub(crate) timeout_units: u8,
    pub(crate) ready_after_ns: u64,
    pub(crate) discards: bool,
    pub(crate) arena: usize,
    pub(crate) order: Order,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            block_bytes: 512,
            blocks: 8192,
            mdts: 7,
            stride_power: 0,
            queue_entries: 2048,
            timeout_units: 15,
            ready_after_ns: 3_000_000,
            discards: true,
            arena: unikernels_nvme::ARENA_MAX,
            order: Order::Later,
        }
    }
}

/// A lie told wherever the driver looks: what, at which offset or about what, and the true value.
pub(crate) type Forger = Box<dyn FnMut(Place, u64) -> u64>;

/// Where a lie is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The register at this offset.
    Register(usize),
    /// Dwords 2 and 3 of a completion of this queue, when it is posted.
    Completion(u16),
    /// The 8 bytes at this offset of the DMA memory, when the driver reads them.
    Memory(usize),
    /// The 8 bytes at this offset of the answer to Identify with this CNS.
    Identify(u32, usize),
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Ring {
    pub(crate) base: u64,
    pub(crate) entries: u16,
    pub(crate) head: u16,
    pub(crate) tail: u16,
    /// Of a completion queue.
    pub(crate) phase: bool,
}

/// What was counted since the machine was made.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) submission_doorbells: u64,
    pub(crate) completion_doorbells: u64,
    pub(crate) commands: u64,
    pub(crate) flushes: u64,
    pub(crate) waits: u64,
    pub(crate) register_reads: u64,
    pub(crate) memory_reads: u64,
}

pub(crate) struct Controller {
    pub(crate) config: Config,
    pub(crate) memory: Vec<u8>,
    /// What is there for good, and above it the write cache, by block.
    pub(crate) medium: Vec<u8>,
    pub(crate) cache: BTreeMap<u64, Vec<u8>>,
    pub(crate) now_ns: u64,
    pub(crate) counts: Counts,
    pub(crate) forger: Option<Forger>,
    /// It takes commands and never answers.
    pub(crate) silent: bool,
    /// It never gets ready.
    pub(crate) never_ready: bool,
    /// It cannot be disabled.
    pub(crate) never_stops: bool,
    pub(crate) fatal: bool,
    pub(crate) gone: bool,
    cc: u32,
    aqa: u32,
    asq: u64,
    acq: u64,
    changed_at_ns: u64,
    /// When a shutdown began, and so when the write cache will be empty.
    shutdown_at_ns: Option<u64>,
    submission: [Option<Ring>; 2],
    completion: [Option<Ring>; 2],
}

/// The controller, shared by the three things that the driver has of it.
#[derive(Clone)]
pub(crate) struct Machine(pub Rc<RefCell<Controller>>);

pub(crate) type Driver = Nvme<Machine, Machine, Machine>;

impl Machine {
    pub(crate) fn new(config: Config) -> Self {
        let medium = vec![0; usize::try_from(config.blocks).unwrap() * config.block_bytes];
        Self(Rc::new(RefCell::new(Controller {
            memory: vec![0xa5; config.arena],
            config,
            medium,
            cache: BTreeMap::new(),
            now_ns: 1,
            counts: Counts::default(),
            forger: None,
            silent: false,
            never_ready: false,
            never_stops: false,
            fatal: false,
            gone: false,
            // As a firmware leaves it: running, with queues of its own.
            cc: 0x46_0001,
            aqa: 0,
            asq: 0,
            acq: 0,
            changed_at_ns: 0,
            shutdown_at_ns: None,
            submission: [None, None],
            completion: [None, None],
        })))
    }

    /// The driver of it, not started.
    pub(crate) fn driver(&self) -> Driver {
        Nvme::new(self.clone(), self.clone(), self.clone()).unwrap()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.borrow().counts
    }

    /// Changes the machine.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Controller) -> T) -> T {
        change(&mut self.0.borrow_mut())
    }

    /// From now on it keeps to the specification.
    pub(crate) fn make_honest(&self) {
        self.with(|controller| {
            controller.forger = None;
            (controller.silent, controller.never_ready, controller.never_stops) = (false, false, false);
            (controller.fatal, controller.gone) = (false, false);
            controller.now_ns += 1_000_000_000;
        });
    }

    pub(crate) fn forge(&self, forger: impl FnMut(Place, u64) -> u64 + 'static) {
        self.with(|controller| controller.forger = Some(Box::new(forger)));
    }
}

impl Controller {
    pub(crate) fn forged(&mut self, place: Place, value: u64) -> u64 {
        self.forger.as_mut().map_or(value, |forger| forger(place, value))
    }

    fn is_enabled(&self) -> bool {
        self.cc & 1 != 0
    }

    fn status(&self) -> u32 {
        let settled = self.now_ns - self.changed_at_ns >= self.config.ready_after_ns;
        let ready = if self.is_enabled() {
            settled && !self.never_ready
        } else {
            // Disabling takes as long as enabling.
            !settled || self.never_stops
        };
        u32::from(ready) | u32::from(self.fatal) << 1 | self.shutdown_status() << 2
    }

    /// CSTS.SHST.
    fn shutdown_status(&self) -> u32 {
        match self.shutdown_at_ns {
            None => 0,
            Some(began) if self.now_ns - began < self.config.ready_after_ns => 1,
            Some(_) => 2,
        }
    }

    fn cap(&self) -> u64 {
        u64::from(self.config.queue_entries - 1)
            | 1 << 16
            | u64::from(self.config.timeout_units) << 24
            | u64::from(self.config.stride_power) << 32
            | 1 << 37
    }

    fn read(&mut self, at: usize) -> u64 {
        if self.gone {
            return u64::MAX;
        }
        match at {
            0x00 => self.cap(),
            0x14 => u64::from(self.cc),
            0x1c => u64::from(self.status()),
            _ => panic!("reads register {at:#x}"),
        }
    }

    fn write(&mut self, at: usize, value: u64) {
        let dword = u32::try_from(value).unwrap_or_default();
        match at {
            0x14 => self.configure(dword),
            0x24 | 0x28 | 0x30 => {
                assert!(!self.is_enabled(), "admin queues change while enabled");
                match at {
                    0x24 => self.aqa = dword,
                    0x28 => self.asq = value,
                    _ => self.acq = value,
                }
            }
            0x1000.. => self.doorbell(at - 0x1000, dword),
            _ => panic!("writes register {at:#x}"),
        }
    }

    fn configure(&mut self, cc: u32) {
        let was = self.is_enabled();
        let ready = self.status() & 1 != 0;
        self.cc = cc;
        match (was, self.is_enabled()) {
            (false, true) => {
                assert!(!ready || self.forger.is_some(), "enabled before it was unready");
                assert_eq!(cc, 4 << 20 | 6 << 16 | 1, "entries of 64 and 16 bytes, everything else zero");
                let ring = |base: u64, size: u32| {
                    assert!(base.is_multiple_of(4096), "admin queue not on a page");
                    Ring {
                        base,
                        entries: u16::try_from(size & 0xfff).unwrap() + 1,
                        phase: true,
                        ..Ring::default()
                    }
                };
                self.submission = [Some(ring(self.asq, self.aqa)), None];
                self.completion = [Some(ring(self.acq, self.aqa >> 16)), None];
                self.changed_at_ns = self.now_ns;
                self.shutdown_at_ns = None;
            }
            (true, false) => {
                let forced = self.never_ready || self.fatal || self.forger.is_some();
                assert!(ready || forced, "disabled while getting ready");
                match self.shutdown_status() {
                    0 => {}
                    2 => self.flush(),
                    _ => assert!(forced, "disabled while shutting down"),
                }
                self.submission = [None, None];
                self.completion = [None, None];
                self.changed_at_ns = self.now_ns;
                self.fatal = false;
            }
            (true, true) => {
                assert_eq!(cc >> 14 & 3, 1, "the only change while enabled is a shutdown");
                self.shutdown_at_ns = Some(self.now_ns);
            }
            (false, false) => {}
        }
    }

    fn doorbell(&mut self, offset: usize, value: u32) {
        let index = offset / (4 << self.config.stride_power);
        if !offset.is_multiple_of(4 << self.config.stride_power) || index > 3 || self.status() & 1 == 0 {
            assert!(self.forger.is_some(), "no doorbell at {offset:#x}, or not ready");
            return;
        }
        let is_submission = index.is_multiple_of(2);
        let rings = if is_submission { &mut self.submission } else { &mut self.completion };
        let Some(ring) = &mut rings[index / 2] else {
            assert!(self.forger.is_some(), "doorbell of a queue that is not there");
            return;
        };
        assert!(value < u32::from(ring.entries), "doorbell value {value}");
        let value = u16::try_from(value).unwrap();
        if is_submission {
            ring.tail = value;
            self.counts.submission_doorbells += 1;
            if self.config.order == Order::AtOnce {
                self.work();
            }
        } else {
            ring.head = value;
            self.counts.completion_doorbells += 1;
        }
    }
}

impl Registers for Machine {
    fn len_bytes(&self) -> usize {
        0x1000 + (16 << self.0.borrow().config.stride_power)
    }

    fn read_u32(&mut self, at: usize) -> u32 {
        self.with(|controller| {
            controller.counts.register_reads += 1;
            let value = controller.read(at) & u64::from(u32::MAX);
            let forged = controller.forged(Place::Register(at), value);
            u32::try_from(forged & u64::from(u32::MAX)).unwrap()
        })
    }

    fn read_u64(&mut self, at: usize) -> u64 {
        self.with(|controller| {
            controller.counts.register_reads += 1;
            let value = controller.read(at);
            controller.forged(Place::Register(at), value)
        })
    }

    fn write_u32(&mut self, at: usize, value: u32) {
        assert!(at.is_multiple_of(4) && at + 4 <= Registers::len_bytes(self), "writes outside BAR0");
        self.with(|controller| controller.write(at, value.into()));
    }

    fn write_u64(&mut self, at: usize, value: u64) {
        assert!(at.is_multiple_of(8) && at + 8 <= Registers::len_bytes(self), "writes outside BAR0");
        self.with(|controller| controller.write(at, value));
    }
}

impl Dma for Machine {
    fn bus(&self) -> u64 {
        BUS
    }

    fn len_bytes(&self) -> usize {
        self.0.borrow().memory.len()
    }

    fn copy_in(&mut self, at: usize, bytes: &[u8]) {
        self.with(|controller| controller.memory[at..at + bytes.len()].copy_from_slice(bytes));
    }

    fn copy_out(&self, at: usize, into: &mut [u8]) {
        self.with(|controller| into.copy_from_slice(&controller.memory[at..at + into.len()]));
    }

    fn read_u64(&self, at: usize) -> u64 {
        assert!(at.is_multiple_of(8));
        self.with(|controller| {
            controller.counts.memory_reads += 1;
            let value = u64::from_le_bytes(controller.memory[at..at + 8].try_into().unwrap());
            controller.forged(Place::Memory(at), value)
        })
    }

    fn write_u64(&mut self, at: usize, value: u64) {
        assert!(at.is_multiple_of(8));
        self.with(|controller| controller.memory[at..at + 8].copy_from_slice(&value.to_le_bytes()));
    }
}

impl Wait for Machine {
    fn now_ns(&mut self) -> u64 {
        self.with(|controller| controller.now_ns)
    }

    /// Time goes on to the deadline, unless the controller did something.
    fn wait(&mut self, deadline_ns: u64) {
        self.with(|controller| {
            controller.counts.waits += 1;
            assert!(deadline_ns > controller.now_ns, "waits for the past");
            controller.now_ns = if controller.work() { controller.now_ns + 1_000 } else { deadline_ns };
        });
    }
}

/// As many commands as one round has.
pub(crate) const ROUND: u64 = SLOTS_MAX as u64;
