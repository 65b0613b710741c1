//! The disk.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use unikernels_disk::{Disk, DiskError, SECTOR, check};

use crate::Random;

/// What discarded sectors read as.
const JUNK: u8 = 0xdd;

/// One thing that a power cut leaves done or not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// A sector was written.
    Write(u64, Box<[u8; SECTOR]>),
    /// Sectors were discarded.
    Discard(Range<u64>),
}

/// What became of what was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing was done.
    Nothing,
    /// All was done.
    All,
    /// The first ones, in order.
    Prefix,
    /// Each one or not.
    Some,
    /// Each one or not, and one sector has the beginning of the new and the end of the old.
    TornSector,
}

/// What a disk does wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The write after so many others is lost, and the disk says that it was done.
    Drop {
        /// Writes that are done before.
        after: u64,
    },
    /// The write after so many others goes to another sector.
    Misdirect {
        /// Writes that are done before.
        after: u64,
        /// Where it goes; what would lie past the end is lost.
        to: u64,
    },
    /// A sector reads as it was before it was last written.
    Stale {
        /// The sector.
        sector: u64,
    },
}

/// What the disk was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Calls of `read`.
    pub reads: u64,
    /// Sectors read.
    pub sectors_read: u64,
    /// Calls of `write`.
    pub writes: u64,
    /// Sectors written.
    pub sectors_written: u64,
    /// Calls of `flush`.
    pub flushes: u64,
}

#[derive(Debug, Default)]
struct State {
    /// What reads give.
    now: Vec<u8>,
    /// What is there for good.
    durable: Vec<u8>,
    /// What was done since the last flush, in order.
    pending: Vec<Unit>,
    /// All since recording began; `None` for a flush.
    journal: Option<Vec<Option<Unit>>>,
    /// Sectors that may still be written before the power goes.
    power: Option<u64>,
    fault: Option<Fault>,
    counts: Counts,
}

/// A disk in memory. A clone is another handle to the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk(Rc<RefCell<State>>);

impl SimDisk {
    /// A disk of zeroes.
    #[must_use]
    pub fn new(sectors: usize) -> Self {
        Self::from_image(vec![0; sectors * SECTOR])
    }

    /// A disk that holds these bytes, whole sectors.
    #[must_use]
    pub fn from_image(image: Vec<u8>) -> Self {
        assert!(image.len().is_multiple_of(SECTOR), "an image is whole sectors");
        let state = State { durable: image.clone(), now: image, ..State::default() };
        Self(Rc::new(RefCell::new(state)))
    }

    /// What reads give now.
    #[must_use]
    pub fn image(&self) -> Vec<u8> {
        self.0.borrow().now.clone()
    }

    /// What is there for good.
    #[must_use]
    pub fn durable(&self) -> Vec<u8> {
        self.0.borrow().durable.clone()
    }

    /// From now on, every change and flush is kept.
    pub fn record(&self) {
        self.0.borrow_mut().journal = Some(Vec::new());
    }

    /// Every change since recording began, in order; `None` is a flush.
    #[must_use]
    pub fn journal(&self) -> Vec<Option<Unit>> {
        self.0.borrow().journal.clone().unwrap_or_default()
    }

    /// How long the journal is.
    #[must_use]
    pub fn journal_len(&self) -> usize {
        self.0.borrow().journal.as_ref().map_or(0, Vec::len)
    }

    /// The power goes after so many more sectors (or flushes, which count as one): then everything fails.
    pub fn die_after(&self, steps: u64) {
        self.0.borrow_mut().power = Some(steps);
    }

    /// The disk works again with all it had: its user died, and it did not.
    pub fn live_on(&self) {
        self.0.borrow_mut().power = None;
    }

    /// Whether the power is gone.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.borrow().power == Some(0)
    }

    /// Does this wrong, once.
    pub fn fault(&self, fault: Fault) {
        self.0.borrow_mut().fault = Some(fault);
    }

    /// Whether a dropped or misdirected write has happened.
    #[must_use]
    pub fn has_erred(&self) -> bool {
        self.0.borrow().fault.is_none()
    }

    /// What it was asked for.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.borrow().counts
    }

    /// Changes bits of one byte, as rot does.
    pub fn rot(&self, byte: usize, mask: u8) {
        let mut state = self.0.borrow_mut();
        state.now[byte] ^= mask;
        state.durable[byte] ^= mask;
    }

    /// The disk after a power cut now.
    #[must_use]
    pub fn cut(&self, cut: Cut, random: &mut Random) -> Self {
        let state = self.0.borrow();
        let mut image = state.durable.clone();
        let count = state.pending.len() as u64;
        let prefix = random.below(count + 1);
        let likely = random.below(8) + 1;
        let torn = random.below(count.max(1));
        for (index, unit) in state.pending.iter().enumerate() {
            let is_done = match cut {
                Cut::Nothing => false,
                Cut::All => true,
                Cut::Prefix => (index as u64) < prefix,
                Cut::Some | Cut::TornSector => random.below(9) < likely,
            };
            if cut == Cut::TornSector && index as u64 == torn {
                apply_torn(&mut image, unit, usize::try_from(random.below(SECTOR as u64)).unwrap_or(0));
            } else if is_done {
                apply(&mut image, unit);
            }
        }
        Self::from_image(image)
    }
}

/// Does to an image what a unit says.
pub(crate) fn apply(image: &mut [u8], unit: &Unit) {
    match unit {
        Unit::Write(sector, bytes) => image[bytes_of(*sector..*sector + 1)].copy_from_slice(&bytes[..]),
        Unit::Discard(sectors) => image[bytes_of(sectors.clone())].fill(JUNK),
    }
}

fn apply_torn(image: &mut [u8], unit: &Unit, at: usize) {
    if let Unit::Write(sector, bytes) = unit {
        image[bytes_of(*sector..*sector + 1)][..at].copy_from_slice(&bytes[..at]);
    }
}

fn bytes_of(sectors: Range<u64>) -> Range<usize> {
    let at = |sector: u64| usize::try_from(sector).expect("a disk in memory") * SECTOR;
    at(sectors.start)..at(sectors.end)
}

impl State {
    fn sectors(&self) -> u64 {
        (self.now.len() / SECTOR) as u64
    }

    /// Uses up one step of what the power allows.
    fn step(&mut self) -> Result<(), DiskError> {
        match &mut self.power {
            Some(0) => Err(DiskError::Gone),
            Some(left) => {
                *left -= 1;
                if *left == 0 { Err(DiskError::Gone) } else { Ok(()) }
            }
            None => Ok(()),
        }
    }

    fn push(&mut self, unit: Unit) {
        apply(&mut self.now, &unit);
        if let Some(journal) = &mut self.journal {
            journal.push(Some(unit.clone()));
        }
        self.pending.push(unit);
    }

    /// Where a write really goes.
    fn target(&mut self, to: u64) -> Option<u64> {
        match &mut self.fault {
            Some(Fault::Drop { after: 0 }) => {
                self.fault = None;
                None
            }
            Some(Fault::Misdirect { after: 0, to }) => {
                let to = *to;
                self.fault = None;
                Some(to)
            }
            Some(Fault::Drop { after } | Fault::Misdirect { after, .. }) => {
                *after -= 1;
                Some(to)
            }
            _ => Some(to),
        }
    }
}

impl Disk for SimDisk {
    fn sectors(&self) -> u64 {
        self.0.borrow().sectors()
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        let mut state = self.0.borrow_mut();
        let end = check(state.sectors(), from, into.len())?;
        if state.power == Some(0) {
            return Err(DiskError::Gone);
        }
        state.counts.reads += 1;
        state.counts.sectors_read += end - from;
        into.copy_from_slice(&state.now[bytes_of(from..end)]);
        if let Some(Fault::Stale { sector }) = state.fault
            && (from..end).contains(&sector)
        {
            let old = state.before(sector);
            into[bytes_of(sector - from..sector - from + 1)].copy_from_slice(&old[..]);
        }
        Ok(())
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let mut state = self.0.borrow_mut();
        let end = check(state.sectors(), to, bytes.len())?;
        if state.power == Some(0) {
            return Err(DiskError::Gone);
        }
        state.counts.writes += 1;
        state.counts.sectors_written += end - to;
        let target = state.target(to);
        for (index, sector) in bytes.as_chunks::<SECTOR>().0.iter().enumerate() {
            let at = target.map(|target| target + index as u64).filter(|at| *at < state.sectors());
            if let Some(at) = at {
                state.push(Unit::Write(at, Box::new(*sector)));
            }
            state.step()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        let mut state = self.0.borrow_mut();
        // The power may go just before what was written is safe.
        state.step()?;
        state.counts.flushes += 1;
        let state = &mut *state;
        for unit in state.pending.drain(..) {
            apply(&mut state.durable, &unit);
        }
        if let Some(journal) = &mut state.journal {
            journal.push(None);
        }
        Ok(())
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        let mut state = self.0.borrow_mut();
        let end = from.checked_add(sectors).filter(|end| *end <= state.sectors());
        let end = end.ok_or(DiskError::OutOfRange)?;
        if state.power == Some(0) {
            return Err(DiskError::Gone);
        }
        state.push(Unit::Discard(from..end));
        state.step()
    }
}

impl State {
    /// A sector as it was before it was last written; zeroes when that is not recorded.
    fn before(&self, sector: u64) -> Box<[u8; SECTOR]> {
        let journal = self.journal.as_deref().unwrap_or_default();
        let mut versions = journal.iter().rev().filter_map(|unit| match unit {
            Some(Unit::Write(at, bytes)) if *at == sector => Some(bytes),
            _ => None,
        });
        versions.nth(1).cloned().unwrap_or_else(|| Box::new([0; SECTOR]))
    }
}
