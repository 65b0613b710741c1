//! The loop of `supervisor/metal/src/run.rs` in virtual time: run a qube until it stops, ask the monitor, do what it says.
//!
//! Nothing here decides anything, and nothing depends on anything but the image, the programs and the seed. After every
//! step the state is checked (`check.rs`).

use std::collections::BTreeSet;

use ipc_proto_types::{QubeIndex, QubeName};
use supervisor_image::Image;
use supervisor_monitor::{Interrupts, Monitor, Next, Page, Times, page_offset};
use supervisor_vcpu::{Exit, Ticks};

use crate::check::Books;
use crate::cpu::{Cpu, Guest, TURN_TICKS};
use crate::machine::SimMachine;
use crate::rng::Rng;

/// Ticks in a second: a tick is a nanosecond.
pub const SECOND: u64 = 1_000_000_000;
/// Ticks in a millisecond.
pub const MS: u64 = SECOND / 1000;
/// Wall-clock time when the counter was zero: 2026-01-01.
pub const UNIX_NS_AT_ZERO: u64 = 1_767_225_600 * SECOND;
/// Ticks that the supervisor takes for a step.
const STEP_TICKS: u64 = 200;
/// Ticks that a piece of a rebuild takes: 8 KiB at a few bytes a tick.
const REBUILD_TICKS: u64 = 2_500;
/// Steps after which a world that does not come to rest is called livelocked.
const STEPS_MAX: u64 = 20_000_000;

/// Makes the guest of each life of a qube that gets as far as running; the argument is its generation.
pub type Program<'p> = Box<dyn FnMut(u32) -> Box<dyn Guest + 'p> + 'p>;

/// What a qube's processor does when it is next run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resume {
    /// A life begins, or goes on after an interruption: nothing is returned.
    GoesOn,
    /// It has made a call, which returns something.
    Returns,
    /// The test plays it.
    Driven,
}

/// Where a qube sits.
pub(crate) struct Seat<'p> {
    program: Program<'p>,
    guest: Box<dyn Guest + 'p>,
    lives: u32,
    resume: Resume,
    /// What its last call returned, until it looks.
    eax: Option<u32>,
    /// An exit that an interruption came before, and the ticks until it.
    held: Option<(Exit, u64)>,
    pub(crate) tally: Tally,
}

/// What a qube has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Exits of its own doing.
    pub exits: u64,
    /// Interruptions.
    pub interruptions: u64,
    /// Ticks it computed.
    pub ticks: u64,
    /// The latest generation that has run.
    pub lives: u32,
}

/// Why the world stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The time has come.
    Time,
    /// A qube that the test plays has its turn.
    Driven {
        /// Which.
        qube: QubeIndex,
        /// What its last call returns.
        result: Option<u32>,
    },
    /// The machine is off.
    PoweredOff,
}

/// A whole system.
pub struct World<'a, 'p> {
    pub(crate) monitor: Box<Monitor<'a, SimMachine<'a>>>,
    pub(crate) machine: SimMachine<'a>,
    pub(crate) seats: Vec<Seat<'p>>,
    pub(crate) now: u64,
    irqs: BTreeSet<(u64, u8)>,
    pub(crate) next: Next,
    pub(crate) books: Books,
    idles: u64,
    steps: u64,
}

impl<'a, 'p> World<'a, 'p> {
    /// A system of qubes that do nothing.
    ///
    /// # Panics
    /// When the image is none.
    #[must_use]
    pub fn new(image: &'a [u8], seed: u64) -> Self {
        let image = Image::open(image).unwrap_or_else(|error| panic!("{error}"));
        let times = Times { ticks_per_second: SECOND, unix_ns_at_zero: UNIX_NS_AT_ZERO, entered: Ticks(0) };
        let mut monitor = Box::new(Monitor::empty());
        monitor.load(image, times).expect("an image that opens makes a system");
        let machine = SimMachine::new(image.qubes().map(|(_, facts)| facts), Rng::new(!seed));
        let seats = machine.cells.iter().map(|_| Seat::new(Box::new(|_| Box::new(asleep)))).collect();
        Self {
            monitor,
            machine,
            seats,
            now: 0,
            irqs: BTreeSet::new(),
            next: Next::Idle,
            books: Books::default(),
            idles: 0,
            steps: 0,
        }
    }

    /// The qube of this name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn qube(&self, name: &str) -> QubeIndex {
        let place = self.machine.cells.iter().position(|cell| cell.facts.name.as_str() == name);
        let index = place.and_then(|place| u8::try_from(place).ok()).and_then(QubeIndex::new);
        index.unwrap_or_else(|| panic!("no qube {name}"))
    }

    /// The names of all qubes, in the order of their indexes.
    #[must_use]
    pub fn names(&self) -> Vec<QubeName> {
        self.machine.cells.iter().map(|cell| cell.facts.name).collect()
    }

    /// Has a qube run by this program; before [`Self::boot`].
    pub fn program<G: Guest + 'p>(&mut self, name: &str, mut program: impl FnMut(u32) -> G + 'p) {
        let qube = self.qube(name);
        self.seats[qube.as_usize()] = Seat::new(Box::new(move |life| Box::new(program(life))));
    }

    /// Has a qube played by the test; before [`Self::boot`].
    pub fn drive(&mut self, name: &str) -> QubeIndex {
        let qube = self.qube(name);
        self.seats[qube.as_usize()].resume = Resume::Driven;
        qube
    }

    /// Starts every qube, all at the same time: their memory is there.
    pub fn boot(&mut self) {
        for qube in QubeIndex::all().take(self.machine.cells.len()) {
            while !self.machine.rebuild(qube) {}
            self.monitor.rebuilt(Ticks(self.now), qube, &mut self.machine);
        }
        self.boot_in_pieces();
        // Each look begins one life.
        for _ in 0..self.machine.cells.len() {
            self.interrupt(None);
        }
    }

    /// Starts as a machine does: the memory of the qubes is built in pieces, and each begins when it has its own.
    pub fn boot_in_pieces(&mut self) {
        let next = self.monitor.start(Ticks(self.now), &mut self.machine);
        self.take(next);
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Raises an interrupt line at `at`.
    pub fn raise(&mut self, at: u64, line: u8) {
        self.irqs.insert((at, line));
    }

    /// Runs until the time has come, or something that only the test can answer.
    ///
    /// # Panics
    /// When an invariant is broken.
    pub fn run_until(&mut self, limit: u64) -> Stop {
        loop {
            if self.now >= limit && !matches!(self.next, Next::Run { qube, .. } if self.is_driven(qube)) {
                return Stop::Time;
            }
            self.steps += 1;
            assert!(self.steps < STEPS_MAX, "the world does not come to rest");
            match self.next {
                Next::Run { qube } => {
                    if let Some(stop) = self.run_qube(qube, limit) {
                        return stop;
                    }
                }
                Next::Rebuild { qube } => self.rebuild(qube),
                Next::Idle => {
                    let wake = self.next_interrupt().filter(|at| *at <= limit);
                    self.now = wake.unwrap_or(limit).max(self.now);
                    if wake.is_none() {
                        return Stop::Time;
                    }
                    self.idles += 1;
                    self.interrupt(None);
                }
                Next::PowerOff => return Stop::PoweredOff,
            }
        }
    }

    /// Runs for so long.
    pub fn run_for(&mut self, ticks: u64) -> Stop {
        self.run_until(self.now + ticks)
    }

    /// What a qube has done so far.
    #[must_use]
    pub fn tally(&self, name: &str) -> Tally {
        let seat = &self.seats[self.qube(name).as_usize()];
        Tally { lives: seat.lives, ..seat.tally }
    }

    /// Exits and interruptions of all qubes, and wakings of the idle machine.
    #[must_use]
    pub fn exits(&self) -> u64 {
        self.seats.iter().map(|seat| seat.tally.exits + seat.tally.interruptions).sum::<u64>() + self.idles
    }

    /// The monitor, to look at.
    #[must_use]
    pub fn monitor(&self) -> &Monitor<'a, SimMachine<'a>> {
        &self.monitor
    }

    /// The log lines shown so far, the latest last.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.machine.lines.iter().map(|line| String::from_utf8_lossy(line).trim_end().to_string())
    }

    pub(crate) fn is_driven(&self, qube: QubeIndex) -> bool {
        self.seats.get(qube.as_usize()).is_some_and(|seat| seat.resume == Resume::Driven)
    }

    /// Looks at what a qube can reach.
    pub fn with_cpu<T>(&mut self, qube: QubeIndex, look: impl FnOnce(&mut Cpu<'_>) -> T) -> T {
        let cell = &mut self.machine.cells[qube.as_usize()];
        let mut cpu = Cpu { ram: &mut cell.ram, pages: &cell.pages, now: self.now, result: None, spent: 0 };
        look(&mut cpu)
    }

    /// A qube that the test plays leaves by `exit`.
    pub(crate) fn leave(&mut self, qube: QubeIndex, exit: Exit) {
        self.seats[qube.as_usize()].tally.exits += 1;
        self.step(qube, exit);
    }

    /// Runs a qube up to its next exit, an interruption, or `limit`.
    fn run_qube(&mut self, qube: QubeIndex, limit: u64) -> Option<Stop> {
        let cell = &mut self.machine.cells[qube.as_usize()];
        let result = cell.eax.take();
        let seat = &mut self.seats[qube.as_usize()];
        let fresh = std::mem::take(&mut cell.fresh);
        if fresh {
            seat.begin_life(u32::from_le_bytes(cell.pages.read(Page::Info, page_offset::GENERATION)));
        }
        let expects = match seat.resume {
            Resume::Returns => Some(true),
            Resume::GoesOn => Some(false),
            Resume::Driven => None,
        };
        assert!(
            expects.is_none_or(|e| e == result.is_some()),
            "{qube} goes on with {result:?} after {:?}",
            seat.resume
        );
        seat.eax = result.or(seat.eax);
        if seat.resume != Resume::Driven {
            seat.resume = Resume::GoesOn;
        }
        if self.next_interrupt().is_some_and(|at| at <= self.now) {
            self.interrupt(Some(qube));
            return None;
        }
        let seat = &mut self.seats[qube.as_usize()];
        if seat.resume == Resume::Driven {
            return Some(Stop::Driven { qube, result: seat.eax.take() });
        }
        let (exit, takes) = seat.held.take().unwrap_or_else(|| {
            let cell = &mut self.machine.cells[qube.as_usize()];
            let result = seat.eax.take();
            let mut cpu =
                Cpu { ram: &mut cell.ram, pages: &cell.pages, now: self.now, result, spent: TURN_TICKS };
            let exit = seat.guest.run(&mut cpu);
            (exit, if exit == Exit::Interrupt { u64::MAX } else { cpu.spent })
        });
        self.compute(qube, exit, takes, limit)
    }

    /// `qube` computes for `takes` ticks and then exits, unless something comes before.
    fn compute(&mut self, qube: QubeIndex, exit: Exit, takes: u64, limit: u64) -> Option<Stop> {
        let end = self.now.saturating_add(takes);
        let stop = self.next_interrupt().map_or(limit, |at| at.max(self.now).min(limit));
        let seat = &mut self.seats[qube.as_usize()];
        if stop < end {
            seat.held = Some((exit, end - stop));
            seat.tally.ticks += stop - self.now;
            self.now = stop;
            if stop == limit && self.next_interrupt() != Some(limit) {
                self.next = Next::Run { qube };
                return Some(Stop::Time);
            }
            self.interrupt(Some(qube));
            return None;
        }
        seat.tally.ticks += takes;
        seat.tally.exits += 1;
        seat.resume = if exit == Exit::Answered { Resume::GoesOn } else { Resume::Returns };
        self.now = end;
        self.step(qube, exit);
        None
    }

    fn step(&mut self, qube: QubeIndex, exit: Exit) {
        self.now += STEP_TICKS;
        let (now, machine) = (Ticks(self.now), &mut self.machine);
        let next = match exit {
            Exit::NotifyAndWait { queue, deadline } => self.monitor.call(now, qube, queue, deadline, machine),
            exit => self.monitor.step(now, qube, exit, machine),
        };
        self.take(next);
    }

    /// Delivers the interrupts that are due.
    fn interrupt(&mut self, from: Option<QubeIndex>) {
        let mut arrived = Interrupts { lines: 0, timer: self.machine.timer.is_some_and(|at| at <= self.now) };
        if arrived.timer {
            self.machine.timer = None;
        }
        while let Some((_, line)) = self.irqs.first().copied().filter(|(at, _)| *at <= self.now) {
            self.irqs.pop_first();
            arrived.lines |= 1 << line;
        }
        if let Some(from) = from {
            self.seats[from.as_usize()].tally.interruptions += 1;
        }
        let next = self.monitor.interrupts(Ticks(self.now), from, arrived, &mut self.machine);
        self.take(next);
    }

    fn rebuild(&mut self, qube: QubeIndex) {
        self.now += REBUILD_TICKS;
        if self.machine.rebuild(qube) {
            self.monitor.rebuilt(Ticks(self.now), qube, &mut self.machine);
        }
        self.interrupt(None);
    }

    /// Takes the monitor's decision, after a check of everything.
    fn take(&mut self, next: Next) {
        self.next = next;
        self.check();
    }

    fn next_interrupt(&self) -> Option<u64> {
        let line = self.irqs.first().map(|(at, _)| *at);
        [self.machine.timer, line].into_iter().flatten().min()
    }
}

impl<'p> Seat<'p> {
    fn new(program: Program<'p>) -> Self {
        let guest = Box::new(asleep);
        Self {
            program,
            guest,
            lives: 0,
            resume: Resume::GoesOn,
            eax: None,
            held: None,
            tally: Tally::default(),
        }
    }

    fn begin_life(&mut self, generation: u32) {
        self.lives = generation;
        self.guest = (self.program)(self.lives);
        (self.held, self.eax) = (None, None);
        if self.resume != Resume::Driven {
            self.resume = Resume::GoesOn;
        }
    }
}

/// A qube that waits for ever.
fn asleep(_: &mut Cpu<'_>) -> Exit {
    Exit::Wait { deadline: Ticks::NEVER }
}
