//! A simulated 82574L, after the datasheet: registers, legacy descriptors, one pair of rings, interrupt causes. It is strict: it
//! ends the test when the driver reaches where there is nothing, or gives it a descriptor that it must not.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test may; each uses its part"
)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use unikernels_e1000e::{ARENA, E1000e, Error};
use unikernels_nic::{Dma, Mac, Registers, Wait};

/// What its NVM says.
pub(crate) const MAC: Mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
/// Where the memory is for it; beyond 4 GiB, so that halves must not be lost.
const BUS: u64 = 0x12_3456_7000;
const WINDOW: usize = 0x2_0000;

const CTRL: usize = 0x0000;
const STATUS: usize = 0x0008;
const EEC: usize = 0x0010;
const ICR: usize = 0x00c0;
const IMS: usize = 0x00d0;
const IMC: usize = 0x00d8;
const EIAC: usize = 0x00dc;
const IVAR: usize = 0x00e4;
const RCTL: usize = 0x0100;
const TCTL: usize = 0x0400;
const RDBAL: usize = 0x2800;
const TDBAL: usize = 0x3800;
const RFCTL: usize = 0x5008;
const MTA: usize = 0x5200;
const RAL: usize = 0x5400;
const RAH: usize = 0x5404;

const RECEIVED: u32 = 1 << 20 | 1 << 7;
const SENT: u32 = 1 << 22 | 1;
const OVERRUN: u32 = 1 << 24 | 1 << 6;
const LINK_CHANGED: u32 = 1 << 24 | 1 << 2;

/// What the driver reads, for whoever forges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Register(usize),
    /// The second half of a descriptor of the receive or of the transmit ring.
    Receive(usize),
    Transmit(usize),
}

pub(crate) type Forger = Box<dyn FnMut(Place, u64) -> u64>;

pub(crate) struct State {
    registers: Vec<u32>,
    pub(crate) memory: Vec<u8>,
    pub(crate) sent: VecDeque<Vec<u8>>,
    /// Messages on vector 0.
    pub(crate) interrupts: u64,
    pub(crate) lost: u64,
    pub(crate) now_ns: u64,
    pub(crate) register_reads: u64,
    pub(crate) register_writes: u64,
    pub(crate) memory_reads: u64,
    pub(crate) has_link: bool,
    /// Frames stay in the ring until this is false.
    pub(crate) is_slow: bool,
    /// What does not happen: DMA ends, a reset ends, the NVM is read.
    pub(crate) stuck: Option<Error>,
    pub(crate) is_gone: bool,
    pub(crate) nvm: Mac,
    reset_done_ns: u64,
    forger: Option<Forger>,
}

#[derive(Clone)]
pub(crate) struct Machine(pub(crate) Rc<RefCell<State>>);
pub(crate) struct Window(Machine);
pub(crate) struct Memory(Machine);
pub(crate) type Driver = E1000e<Window, Memory>;

impl Machine {
    pub(crate) fn new() -> Self {
        let state = State {
            registers: vec![0; WINDOW / 4],
            memory: vec![0xa5; ARENA],
            sent: VecDeque::new(),
            interrupts: 0,
            lost: 0,
            now_ns: 0,
            register_reads: 0,
            register_writes: 0,
            memory_reads: 0,
            has_link: true,
            is_slow: false,
            stuck: None,
            is_gone: false,
            nvm: MAC,
            reset_done_ns: 0,
            forger: None,
        };
        let machine = Self(Rc::new(RefCell::new(state)));
        // As firmware may leave it: running, with interrupts.
        machine.with(|state| {
            state.registers[IMS / 4] = u32::MAX;
            state.registers[RCTL / 4] = 2;
        });
        machine
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.borrow_mut())
    }

    pub(crate) fn start(&self) -> Result<Driver, Error> {
        self.start_as(None)
    }

    pub(crate) fn start_as(&self, mac: Option<Mac>) -> Result<Driver, Error> {
        E1000e::start(Window(self.clone()), Memory(self.clone()), &mut self.clone(), mac)
    }

    pub(crate) fn forge(&self, forger: impl FnMut(Place, u64) -> u64 + 'static) {
        self.with(|state| state.forger = Some(Box::new(forger)));
    }

    pub(crate) fn make_honest(&self) {
        self.with(|state| state.forger = None);
    }

    /// A frame comes over the line.
    pub(crate) fn arrive(&self, frame: &[u8]) {
        self.with(|state| state.arrive(frame));
    }

    pub(crate) fn set_link(&self, is_up: bool) {
        self.with(|state| {
            state.has_link = is_up;
            state.raise(LINK_CHANGED);
        });
    }

    /// A slow card sends what it has.
    pub(crate) fn send_now(&self) {
        self.with(|state| {
            state.is_slow = false;
            state.send();
            state.is_slow = true;
        });
    }

    pub(crate) fn register(&self, at: usize) -> u32 {
        self.with(|state| state.registers[at / 4])
    }

    /// How the second half of a receive descriptor is.
    pub(crate) fn set_receive_entry(&self, index: usize, entry: u64) {
        self.with(|state| {
            let at = state.ring(RDBAL) + index * 16 + 8;
            state.memory[at..at + 8].copy_from_slice(&entry.to_le_bytes());
        });
    }
}

impl State {
    fn is_reset(&self) -> bool {
        self.now_ns >= self.reset_done_ns && self.stuck != Some(Error::Reset)
    }

    fn read(&mut self, at: usize) -> u32 {
        if self.is_gone {
            return u32::MAX;
        }
        let value = self.registers[at / 4];
        match at {
            CTRL if !self.is_reset() => value | 1 << 26,
            STATUS => {
                let has_link = self.has_link && self.registers[CTRL / 4] & 1 << 6 != 0;
                let has_master = self.registers[CTRL / 4] & 1 << 2 == 0 || self.stuck == Some(Error::Master);
                1 | u32::from(has_link) << 1 | u32::from(has_master) << 19
            }
            EEC => u32::from(self.stuck != Some(Error::Nvm)) << 9 | 1 << 8,
            _ => value,
        }
    }

    fn write(&mut self, at: usize, value: u32) {
        assert!(self.now_ns >= self.reset_done_ns, "touched before the reset was done");
        let word = at / 4;
        match at {
            CTRL if value & 1 << 26 != 0 => self.reset(),
            ICR => self.registers[word] &= !value,
            IMS => self.registers[word] |= value,
            IMC => self.registers[IMS / 4] &= !value,
            _ => self.registers[word] = value,
        }
        match at {
            0x2818 => assert!(value == 0 || self.registers[RCTL / 4] & 2 != 0, "before the receiver runs"),
            0x3818 => self.send(),
            _ => {}
        }
    }

    fn reset(&mut self) {
        assert_eq!(self.registers[IMS / 4], 0, "interrupts are masked before a reset");
        self.registers.fill(0);
        let [a, b, c, d, e, f] = self.nvm;
        self.registers[RAL / 4] = u32::from_le_bytes([a, b, c, d]);
        self.registers[RAH / 4] = u32::from_le_bytes([e, f, 0, 0x80]);
        // The multicast table is not touched by a reset.
        self.registers[MTA / 4..MTA / 4 + 128].fill(0x5555_5555);
        self.reset_done_ns = self.now_ns + 1_000;
    }

    /// Where a ring begins in the memory, and how many descriptors it has.
    fn ring(&self, at: usize) -> usize {
        let base = u64::from(self.registers[at / 4]) | u64::from(self.registers[at / 4 + 1]) << 32;
        assert!(base.is_multiple_of(16), "a ring on 16 bytes");
        self.place(base, self.entries(at) * 16)
    }

    fn entries(&self, at: usize) -> usize {
        let bytes = self.registers[at / 4 + 2] as usize;
        assert!(bytes.is_multiple_of(128) && bytes > 0, "a ring of {bytes} bytes");
        bytes / 16
    }

    fn place(&self, bus: u64, len: usize) -> usize {
        let at = usize::try_from(bus.checked_sub(BUS).expect("below the memory")).unwrap();
        assert!(at + len <= self.memory.len(), "beyond the memory");
        at
    }

    fn word(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.memory[at..at + 8].try_into().unwrap())
    }

    /// 7.4: a message when a cause that is not masked was not there before.
    fn raise(&mut self, causes: u32) {
        let new = causes & !self.registers[ICR / 4];
        self.registers[ICR / 4] |= causes;
        let ivar = self.registers[IVAR / 4];
        let is_routed = [(3, 1 << 20), (11, 1 << 22), (19, 1 << 24)]
            .iter()
            .any(|(valid, cause)| ivar & 1 << valid != 0 && new & cause & self.registers[IMS / 4] != 0);
        self.interrupts += u64::from(is_routed);
    }

    /// 10.2.5: addresses that are received.
    fn is_for_us(&self, frame: &[u8]) -> bool {
        let rctl = self.registers[RCTL / 4];
        let to: Mac = frame[..6].try_into().unwrap();
        let [a, b, c, d] = self.registers[RAL / 4].to_le_bytes();
        let [e, f, _, valid] = self.registers[RAH / 4].to_le_bytes();
        match to {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => rctl & 1 << 15 != 0,
            _ if to[0] & 1 != 0 => rctl & 1 << 4 != 0,
            _ => valid & 0x80 != 0 && to == [a, b, c, d, e, f],
        }
    }

    fn arrive(&mut self, frame: &[u8]) {
        let rctl = self.registers[RCTL / 4];
        if rctl & 2 == 0 || !self.has_link || !self.is_for_us(frame) {
            return;
        }
        assert_eq!(
            (rctl >> 16 & 3, rctl >> 25 & 1, rctl >> 26 & 1),
            (0, 0, 1),
            "2048 bytes, no check sequence"
        );
        assert_eq!(self.registers[RFCTL / 4], 0, "legacy descriptors");
        let entries = self.entries(RDBAL);
        let mut rest = frame;
        while !rest.is_empty() {
            let (head, tail) = (self.registers[0x2810 / 4] as usize, self.registers[0x2818 / 4] as usize);
            if head == tail {
                self.lost += 1;
                return self.raise(OVERRUN);
            }
            let (piece, after) = rest.split_at(rest.len().min(2048));
            let at = self.ring(RDBAL) + head * 16;
            let buffer = self.place(self.word(at), 2048);
            assert_eq!(self.word(at + 8), 0, "a descriptor that was not given back");
            self.memory[buffer..buffer + piece.len()].copy_from_slice(piece);
            let end = u64::from(after.is_empty()) << 33;
            let entry = piece.len() as u64 | 1 << 32 | end;
            self.memory[at + 8..at + 16].copy_from_slice(&entry.to_le_bytes());
            self.registers[0x2810 / 4] = ((head + 1) % entries) as u32;
            rest = after;
        }
        self.raise(RECEIVED);
    }

    fn send(&mut self) {
        if self.registers[TCTL / 4] & 2 == 0 || self.is_slow {
            return;
        }
        let entries = self.entries(TDBAL);
        let mut sent = false;
        while self.registers[0x3810 / 4] != self.registers[0x3818 / 4] {
            let head = self.registers[0x3810 / 4] as usize;
            assert!((self.registers[0x3818 / 4] as usize) < entries, "the tail in the ring");
            let at = self.ring(TDBAL) + head * 16;
            let entry = self.word(at + 8);
            let (len, command) = (entry as u16 as usize, entry >> 24 & 0xff);
            assert_eq!(command, 0b1011, "one legacy descriptor, with check sequence and report");
            assert_eq!(entry >> 32 & 1, 0, "it is not done");
            let buffer = self.place(self.word(at), len);
            let mut frame = self.memory[buffer..buffer + len].to_vec();
            // TCTL.PSP, less the check sequence.
            frame.resize(len.max(60), 0);
            if self.has_link {
                self.sent.push_back(frame);
            }
            self.memory[at + 8..at + 16].copy_from_slice(&(entry | 1 << 32).to_le_bytes());
            self.registers[0x3810 / 4] = ((head + 1) % entries) as u32;
            sent = true;
        }
        if sent {
            self.raise(SENT);
        }
    }

    fn told(&mut self, place: Place, value: u64) -> u64 {
        match &mut self.forger {
            Some(forger) => forger(place, value),
            None => value,
        }
    }
}

impl Registers for Window {
    fn len_bytes(&self) -> usize {
        WINDOW
    }

    fn read_u32(&mut self, at: usize) -> u32 {
        assert!(at.is_multiple_of(4) && at < WINDOW);
        self.0.with(|state| {
            state.register_reads += 1;
            let value = state.read(at);
            state.told(Place::Register(at), value.into()) as u32
        })
    }

    fn read_u64(&mut self, _: usize) -> u64 {
        panic!("registers have 32 bits")
    }

    fn write_u32(&mut self, at: usize, value: u32) {
        assert!(at.is_multiple_of(4) && at < WINDOW);
        self.0.with(|state| {
            state.register_writes += 1;
            state.write(at, value);
        });
    }

    fn write_u64(&mut self, _: usize, _: u64) {
        panic!("registers have 32 bits")
    }
}

impl Dma for Memory {
    fn bus(&self) -> u64 {
        BUS
    }

    fn len_bytes(&self) -> usize {
        ARENA
    }

    fn copy_in(&mut self, at: usize, bytes: &[u8]) {
        self.0.with(|state| state.memory[at..at + bytes.len()].copy_from_slice(bytes));
    }

    fn copy_out(&self, at: usize, into: &mut [u8]) {
        self.0.with(|state| into.copy_from_slice(&state.memory[at..at + into.len()]));
    }

    fn read_u64(&self, at: usize) -> u64 {
        assert!(at.is_multiple_of(8));
        self.0.with(|state| {
            state.memory_reads += 1;
            let value = state.word(at);
            let place = if at < 2048 { Place::Receive(at / 16) } else { Place::Transmit((at - 2048) / 16) };
            state.told(place, value)
        })
    }

    fn write_u64(&mut self, at: usize, value: u64) {
        assert!(at.is_multiple_of(8));
        self.0.with(|state| state.memory[at..at + 8].copy_from_slice(&value.to_le_bytes()));
    }
}

impl Wait for Machine {
    fn now_ns(&mut self) -> u64 {
        self.with(|state| state.now_ns)
    }

    fn wait(&mut self, deadline_ns: u64) {
        self.with(|state| state.now_ns = state.now_ns.max(deadline_ns));
    }
}
