//! What must hold after every step of a world, whatever its qubes did.

use supervisor_monitor::{Next, Outcome};
use supervisor_vcpu::Ticks;

use crate::world::World;

/// Most accesses of a step to the memory of qubes: 14 messages of 20 descriptors each, and some slack.
const ACCESSES_MAX: u64 = 600;
/// Most bytes copied in a step: 64 KiB and the message that went over them, in and out.
const BYTES_MAX: u64 = 4 * 65536;

/// What was seen at the last check.
#[derive(Debug, Default)]
pub(crate) struct Books {
    records: u64,
    messages: u64,
    refused: u64,
}

impl World<'_, '_> {
    /// Panics, with the reason, when something that must hold does not.
    pub(crate) fn check(&mut self) {
        if let Err(broken) = self.monitor.check() {
            panic!("at {}: {broken}", self.now);
        }
        let armed = self.monitor.armed();
        let timer = self.machine.timer.map_or(Ticks::NEVER, Ticks);
        assert_eq!(armed, timer, "the monitor and the machine agree on when the timer fires");
        if let Next::Run { qube, .. } = self.next {
            assert!(self.monitor.is_runnable(qube), "at {}: {qube} is to run and cannot", self.now);
        }
        if self.next == Next::Idle {
            for cell in 0..self.seats.len() {
                let qube = ipc_proto_types::QubeIndex::new(u8::try_from(cell).unwrap_or(0));
                assert!(
                    !qube.is_some_and(|qube| self.monitor.is_runnable(qube)),
                    "the machine idles while {cell} can run"
                );
            }
        }
        self.check_books();
        self.check_work();
    }

    /// Whatever the qubes did, a step has touched their memory only so often.
    fn check_work(&self) {
        let works = self.machine.cells.iter().map(|cell| cell.ram.take_work());
        let (accesses, bytes) = works.fold((0, 0), |sum, work| (sum.0 + work.accesses, sum.1 + work.bytes));
        assert!(accesses <= ACCESSES_MAX, "a step took {accesses} accesses");
        assert!(bytes <= BYTES_MAX, "a step copied {bytes} bytes");
    }

    /// Every refusal that is counted is in the audit, and so is everything said by a client or unasked.
    fn check_books(&mut self) {
        let (messages, refused) = self.monitor.carried();
        let records = self.monitor.records();
        let Books { records: seen, messages: carried, refused: turned_down } = self.books;
        let new = || (seen..records).filter_map(|sequence| self.monitor.record(sequence));
        let bad = new().filter(|it| !matches!(it.outcome, Outcome::Allowed | Outcome::Ended)).count() as u64;
        let good = new().filter(|it| it.outcome == Outcome::Allowed).count() as u64;
        assert!(refused - turned_down <= bad, "{} refused, {bad} in the audit", refused - turned_down);
        assert!(messages - carried >= good, "{} carried, {good} in the audit", messages - carried);
        assert!(new().all(|it| it.time <= self.now), "an audit record of the future");
        self.books = Books { records, messages, refused };
    }

    /// Whether the memory of the qube of this name is that of one that never ran.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn is_as_new(&self, name: &str) -> bool {
        self.machine.cells[self.qube(name).as_usize()].is_as_new()
    }

    /// Whether no qube's read-only memory has changed.
    #[must_use]
    pub fn texts_are_untouched(&self) -> bool {
        self.machine.cells.iter().all(crate::machine::Cell::text_is_untouched)
    }
}
