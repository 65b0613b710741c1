//! A disk in memory that writes down what is done to it, and what a cut of the power may leave of that.
//!
//! Stricter than a real one: what is discarded turns to garbage at once, and any sectors that were written or discarded since
//! the last flush may be there or not, each on its own.

#![allow(dead_code, reason = "each test uses part of it")]

pub(crate) mod workload;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use unikernels_disk::{Disk, DiskError, SECTOR, check};

/// What discarded sectors read as.
const GARBAGE: [u8; SECTOR] = [0xdd; SECTOR];

type Sector = [u8; SECTOR];

/// What was done to a disk, sector by sector.
#[derive(Debug, Clone)]
pub(crate) enum Done {
    Wrote(u64, Box<Sector>),
    Discarded(u64, u64),
    Flushed,
}

/// Content by sector; what is not in it are zeros.
pub(crate) type Content = BTreeMap<u64, Box<Sector>>;

/// A disk in memory. Its clones are the same disk.
#[derive(Debug, Clone)]
pub(crate) struct Ram {
    sectors: u64,
    shared: Rc<RefCell<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    content: Content,
    journal: Vec<Done>,
    writes: usize,
    /// Fail every write and flush after so many more.
    fails_after: Option<usize>,
    refuses_discards: bool,
}

impl Ram {
    pub(crate) fn new(sectors: u64) -> Self {
        Self::with(sectors, Content::new())
    }

    pub(crate) fn with(sectors: u64, content: Content) -> Self {
        let inner = Inner { content, ..Inner::default() };
        Self { sectors, shared: Rc::new(RefCell::new(inner)) }
    }

    pub(crate) fn content(&self) -> Content {
        self.shared.borrow().content.clone()
    }

    pub(crate) fn set(&self, sector: u64, bytes: Sector) {
        self.shared.borrow_mut().content.insert(sector, Box::new(bytes));
    }

    /// Changes one byte.
    pub(crate) fn damage(&self, sector: u64, byte: usize, xor: u8) {
        let mut inner = self.shared.borrow_mut();
        inner.content.entry(sector).or_insert_with(|| Box::new([0; SECTOR]))[byte] ^= xor;
    }

    /// Sectors written so far.
    pub(crate) fn writes(&self) -> usize {
        self.shared.borrow().writes
    }

    /// What was done since the last time, in order.
    pub(crate) fn take_journal(&self) -> Vec<Done> {
        std::mem::take(&mut self.shared.borrow_mut().journal)
    }

    pub(crate) fn fail_after(&self, operations: usize) {
        self.shared.borrow_mut().fails_after = Some(operations);
    }

    pub(crate) fn refuse_discards(&self) {
        self.shared.borrow_mut().refuses_discards = true;
    }
}

impl Inner {
    fn may_fail(&mut self) -> Result<(), DiskError> {
        match &mut self.fails_after {
            Some(0) => Err(DiskError::Failed),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Disk for Ram {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        check(self.sectors, from, into.len())?;
        let inner = self.shared.borrow();
        for (at, to) in (from..).zip(into.chunks_mut(SECTOR)) {
            match inner.content.get(&at) {
                Some(sector) => to.copy_from_slice(&sector[..]),
                None => to.fill(0),
            }
        }
        Ok(())
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        check(self.sectors, to, bytes.len())?;
        let mut inner = self.shared.borrow_mut();
        inner.may_fail()?;
        for (at, sector) in (to..).zip(bytes.chunks(SECTOR)) {
            let sector: Box<Sector> = Box::new(sector.try_into().expect("whole sectors"));
            inner.journal.push(Done::Wrote(at, sector.clone()));
            inner.content.insert(at, sector);
            inner.writes += 1;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        let mut inner = self.shared.borrow_mut();
        inner.may_fail()?;
        inner.journal.push(Done::Flushed);
        Ok(())
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        assert!(from + sectors <= self.sectors, "a discard past the end");
        let mut inner = self.shared.borrow_mut();
        if inner.refuses_discards {
            return Err(DiskError::Failed);
        }
        inner.journal.push(Done::Discarded(from, sectors));
        for at in from..from + sectors {
            inner.content.insert(at, Box::new(GARBAGE));
        }
        Ok(())
    }
}

/// Pseudo-random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// A disk whose power is cut again and again while a journal is played.
pub(crate) struct Cutter {
    sectors: u64,
    durable: Content,
    pending: Vec<Done>,
}

impl Cutter {
    pub(crate) fn new(sectors: u64, durable: Content) -> Self {
        Self { sectors, durable, pending: Vec::new() }
    }

    /// Plays one thing that was done.
    pub(crate) fn play(&mut self, done: &Done) {
        match done {
            Done::Flushed => {
                for done in std::mem::take(&mut self.pending) {
                    apply(&mut self.durable, &done, &mut |_| true);
                }
            }
            other => self.pending.push(other.clone()),
        }
    }

    /// What was flushed.
    pub(crate) fn durable(&self) -> &Content {
        &self.durable
    }

    /// How many sectors may be there or not.
    pub(crate) fn pending(&self) -> usize {
        let sectors = |done: &Done| match done {
            Done::Wrote(..) => 1,
            Done::Discarded(_, sectors) => *sectors as usize,
            Done::Flushed => 0,
        };
        self.pending.iter().map(sectors).sum()
    }

    /// What a cut leaves: of everything that was not flushed, what `keep` says of it. Asked per sector that was written, and
    /// per sector that was discarded.
    pub(crate) fn cut(&self, keep: &mut dyn FnMut() -> bool) -> Torn<'_> {
        let mut over = Content::new();
        for done in &self.pending {
            apply(&mut over, done, &mut |_| keep());
        }
        Torn { sectors: self.sectors, base: &self.durable, over }
    }
}

fn apply(content: &mut Content, done: &Done, keep: &mut dyn FnMut(u64) -> bool) {
    match done {
        Done::Wrote(at, sector) => {
            if keep(*at) {
                content.insert(*at, sector.clone());
            }
        }
        Done::Discarded(from, sectors) => {
            for at in *from..*from + *sectors {
                if keep(at) {
                    content.insert(at, Box::new(GARBAGE));
                }
            }
        }
        Done::Flushed => {}
    }
}

/// A disk after a cut. Writable, so that it can be used on.
pub(crate) struct Torn<'c> {
    sectors: u64,
    base: &'c Content,
    over: Content,
}

impl Disk for Torn<'_> {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        check(self.sectors, from, into.len())?;
        for (at, to) in (from..).zip(into.chunks_mut(SECTOR)) {
            match self.over.get(&at).or_else(|| self.base.get(&at)) {
                Some(sector) => to.copy_from_slice(&sector[..]),
                None => to.fill(0),
            }
        }
        Ok(())
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        check(self.sectors, to, bytes.len())?;
        for (at, sector) in (to..).zip(bytes.chunks(SECTOR)) {
            self.over.insert(at, Box::new(sector.try_into().expect("whole sectors")));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        for at in from..from + sectors {
            self.over.insert(at, Box::new(GARBAGE));
        }
        Ok(())
    }
}

/// What a volume may hold, sector by sector, as the numbers that were written to it; 0 stands for zeros.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) volumes: BTreeMap<String, Vec<Held>>,
}

/// What a sector may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// Now: more than one only after a discard.
    pub(crate) now: BTreeSet<u32>,
    /// After a cut of the power.
    pub(crate) after_cut: BTreeSet<u32>,
}

impl Held {
    pub(crate) fn zeros() -> Self {
        Self { now: [0].into(), after_cut: [0].into() }
    }
}

impl Model {
    /// Everything is flushed.
    pub(crate) fn flushed(&mut self) {
        for held in self.volumes.values_mut().flatten() {
            held.after_cut = held.now.clone();
        }
    }

    pub(crate) fn wrote(&mut self, name: &str, at: usize, number: u32) {
        let held = &mut self.volumes.get_mut(name).expect("it is there")[at];
        held.now = [number].into();
        held.after_cut.insert(number);
    }

    pub(crate) fn discarded(&mut self, name: &str, at: usize) {
        let held = &mut self.volumes.get_mut(name).expect("it is there")[at];
        held.now.insert(0);
        held.after_cut.insert(0);
    }
}

/// A sector that holds a number.
pub(crate) fn numbered(number: u32) -> Sector {
    let mut sector = [0; SECTOR];
    for (at, word) in sector.chunks_exact_mut(8).enumerate() {
        if number != 0 {
            word[..4].copy_from_slice(&number.to_le_bytes());
            word[4..].copy_from_slice(&(at as u32 + number).to_le_bytes());
        }
    }
    sector
}

/// The number that a sector holds; `None` when it is none that `numbered` makes.
pub(crate) fn number(sector: &[u8]) -> Option<u32> {
    let number = u32::from_le_bytes(sector[..4].try_into().expect("four bytes"));
    (sector == numbered(number)).then_some(number)
}
