//! Who runs next: round robin over those that can, a slice each when there is more than one, and a turn handed straight from
//! a caller that waits to the qube it woke. No tick when nothing is due.

use ipc_proto_types::QubeIndex;
use supervisor_vcpu::Ticks;

use crate::machine::{Machine, Next};
use crate::monitor::Core;
use crate::qube::{Life, bit, wake};

/// A slice is this fraction of a second.
const SLICES_PER_SECOND: u64 = 1000;

impl<M: Machine> Core<'_, M> {
    /// Something happened to `qube`: it can run, or will not sleep when it next tries to.
    #[inline(always)]
    pub(crate) fn wake(&mut self, machine: &mut M, index: QubeIndex, why: u8) {
        let qube = self.at(index);
        if qube.life == Life::Waiting {
            qube.life = Life::Runnable;
            self.runnable |= bit(index);
            machine.answer(index, u32::from(why));
            self.woken = index.get();
        } else {
            qube.pending |= why;
        }
    }

    /// `qube` wants to sleep until `deadline`. It does not if something is pending or the time has come.
    #[inline(always)]
    pub(crate) fn sleep(&mut self, machine: &mut M, index: QubeIndex, deadline: Ticks) -> Next {
        let now = self.now;
        let qube = self.at(index);
        if qube.pending != 0 {
            machine.answer(index, u32::from(core::mem::take(&mut qube.pending)));
            return self.run(machine, index);
        }
        if deadline <= now {
            // A poll. Others have their turn first.
            machine.answer(index, u32::from(wake::DEADLINE));
            if index == self.turn {
                self.slice_end = now;
            }
            return self.pick(machine);
        }
        qube.life = Life::Waiting;
        qube.deadline = deadline;
        self.runnable &= !bit(index);
        if deadline < self.next_deadline {
            self.next_deadline = deadline;
        }
        match QubeIndex::new(self.woken) {
            Some(woken) if self.runnable & bit(woken) != 0 => self.run(machine, woken),
            _ => self.pick(machine),
        }
    }

    /// Runs `qube`, in what is left of the slice; the turn stays whose it is.
    #[inline(always)]
    pub(crate) fn run(&mut self, machine: &mut M, qube: QubeIndex) -> Next {
        self.set_timer(machine);
        Next::Run { qube }
    }

    /// Whose turn it is, and when its slice is over or it sleeps, the next in turn.
    #[inline(never)]
    pub(crate) fn pick(&mut self, machine: &mut M) -> Next {
        if self.power_off {
            return Next::PowerOff;
        }
        // Who idles does not put off.
        if self.runnable == 0 && self.rebuilding == 0 && self.attention != 0 {
            self.attend(machine);
        }
        if self.rebuilding != 0 && (self.runnable == 0 || !self.rebuilt_last) {
            self.rebuilt_last = true;
            if let Some(qube) = first(self.rebuilding) {
                self.set_timer(machine);
                return Next::Rebuild { qube };
            }
        }
        self.rebuilt_last = false;
        if self.has_slice_left() && self.runnable & bit(self.turn) != 0 {
            return self.run(machine, self.turn);
        }
        // From whose turn it is, not from who ran last: else two that hand each other the turn could keep it for ever.
        let later = self.runnable & !(bit(self.turn) | (bit(self.turn) - 1));
        match first(later).or_else(|| first(self.runnable)) {
            Some(qube) => {
                self.turn = qube;
                self.slice_end = Ticks(self.now.0.saturating_add(self.slice()));
                self.run(machine, qube)
            }
            None => {
                self.set_timer(machine);
                Next::Idle
            }
        }
    }

    /// Whether the slice goes on. Nothing but time and a poll ends it: else who waits for the right moments could shorten
    /// the slices of others.
    #[inline]
    pub(crate) fn has_slice_left(&self) -> bool {
        self.now < self.slice_end
    }

    fn slice(&self) -> u64 {
        self.times.ticks_per_second / SLICES_PER_SECOND
    }

    /// Sets the timer if it must fire earlier than it would: for the next deadline, and for the end of the slice if another
    /// wants to run. One that fires too early costs an interrupt.
    #[inline(always)]
    fn set_timer(&mut self, machine: &mut M) {
        let contenders = self.runnable | self.rebuilding;
        if contenders & contenders.wrapping_sub(1) != 0 {
            self.set_timer_earlier(machine, self.slice_end);
        } else if self.next_deadline < self.armed {
            self.set_timer_earlier(machine, Ticks::NEVER);
        }
    }

    #[cold]
    #[inline(never)]
    fn set_timer_earlier(&mut self, machine: &mut M, slice_end: Ticks) {
        let want = self.next_deadline.min(slice_end);
        if want < self.armed {
            self.armed = want;
            machine.set_timer(want);
        }
    }

    /// Wakes whoever's time has come; finds the next deadline.
    pub(crate) fn expire(&mut self, machine: &mut M) {
        if self.now < self.next_deadline {
            return;
        }
        self.next_deadline = Ticks::NEVER;
        for index in QubeIndex::all() {
            let Some(qube) = self.qube(index) else { break };
            let (life, deadline) = (qube.life, qube.deadline);
            match life {
                Life::Waiting if deadline <= self.now => self.wake(machine, index, wake::DEADLINE),
                // A life that is due begins at the timer's next interrupt, which comes at once.
                Life::Waiting | Life::BackingOff => self.next_deadline = self.next_deadline.min(deadline),
                Life::Runnable | Life::Rebuilding | Life::Prepared | Life::Ended | Life::Nobody => {}
            }
        }
    }
}

/// The lowest qube in a mask; none if the lowest bit is that of no qube.
#[inline]
pub(crate) fn first(mask: u32) -> Option<QubeIndex> {
    if mask == 0 { None } else { QubeIndex::new((mask.trailing_zeros() & 31) as u8) }
}
