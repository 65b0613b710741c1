//! Who runs next: round robin over those that can, a slice each when there is more than one, and a turn handed straight from
//! a caller that waits to the qube it woke. No tick when nothing is due.

use ipc_proto_types::{MAX_QUBES, QubeIndex};
use supervisor_vcpu::Ticks;

use crate::machine::{Actions, Machine, Next};
use crate::monitor::Core;
use crate::qube::{Life, bit, wake};

/// A slice is this fraction of a second.
const SLICES_PER_SECOND: u64 = 1000;

impl Core<'_> {
    /// Something happened to `qube`: it can run, or will not sleep when it next tries to.
    #[inline]
    pub(crate) fn wake(&mut self, index: QubeIndex, why: u8) {
        let Some(qube) = self.qube_mut(index) else { return };
        if qube.life == Life::Waiting {
            qube.life = Life::Runnable;
            qube.result = Some(u32::from(why));
            self.runnable |= bit(index);
            self.woken = Some(index);
        } else {
            qube.pending |= why;
        }
    }

    /// `qube` wants to sleep until `deadline`. It does not if something is pending or the time has come.
    #[inline]
    pub(crate) fn sleep(&mut self, now: Ticks, index: QubeIndex, deadline: Ticks) -> Actions {
        let Some(qube) = self.qube_mut(index) else { return self.pick(now) };
        if qube.pending != 0 {
            let result = core::mem::take(&mut qube.pending);
            return self.run(now, index, Some(u32::from(result)));
        }
        if deadline <= now {
            // A poll. Others have their turn first.
            qube.result = Some(u32::from(wake::DEADLINE));
            return self.pick(now);
        }
        qube.life = Life::Waiting;
        qube.deadline = deadline;
        self.runnable &= !bit(index);
        if deadline < self.next_deadline {
            self.next_deadline = deadline;
        }
        match self.woken {
            Some(woken) if self.runnable & bit(woken) != 0 => self.switch_to(now, woken),
            _ => self.pick(now),
        }
    }

    /// Goes on with `qube`.
    #[inline]
    pub(crate) fn run(&mut self, now: Ticks, qube: QubeIndex, result: Option<u32>) -> Actions {
        self.current = qube;
        Actions { next: Next::Run { qube, result }, timer: self.timer(now) }
    }

    /// Gives `index` the turn and a fresh slice.
    pub(crate) fn hand_over(&mut self, now: Ticks, index: QubeIndex) -> Actions {
        self.slice_end = Ticks(now.0.saturating_add(self.slice()));
        self.switch_to(now, index)
    }

    #[inline]
    fn switch_to(&mut self, now: Ticks, index: QubeIndex) -> Actions {
        let result = self.qube_mut(index).and_then(|qube| qube.result.take());
        self.run(now, index, result)
    }

    /// The next in turn.
    pub(crate) fn pick(&mut self, now: Ticks) -> Actions {
        if self.power_off {
            return Actions { next: Next::PowerOff, timer: None };
        }
        if self.rebuilding != 0 && (self.runnable == 0 || !self.rebuilt_last) {
            self.rebuilt_last = true;
            if let Some(qube) = first(self.rebuilding) {
                return Actions { next: Next::Rebuild { qube }, timer: self.timer(now) };
            }
        }
        self.rebuilt_last = false;
        let later = self.runnable & !(bit(self.current) | (bit(self.current) - 1));
        match first(later).or_else(|| first(self.runnable)) {
            Some(qube) => self.hand_over(now, qube),
            None => Actions { next: Next::Idle, timer: self.timer(now) },
        }
    }

    fn slice(&self) -> u64 {
        self.times.ticks_per_second / SLICES_PER_SECOND
    }

    /// When the timer must be set anew: only ever to an earlier time; one that fires too early costs an interrupt.
    #[inline]
    fn timer(&mut self, now: Ticks) -> Option<Ticks> {
        let mut want = self.next_deadline;
        let contenders = u32::from(self.runnable) | (u32::from(self.rebuilding) << 16);
        if contenders & contenders.wrapping_sub(1) != 0 {
            if self.slice_end <= now {
                self.slice_end = Ticks(now.0.saturating_add(self.slice()));
            }
            want = want.min(self.slice_end);
        }
        if want < self.armed {
            self.armed = want;
            return Some(want);
        }
        None
    }

    /// Wakes whoever's time has come; finds the next deadline.
    pub(crate) fn expire<M: Machine>(&mut self, now: Ticks, machine: &mut M) {
        if now < self.next_deadline {
            return;
        }
        self.next_deadline = Ticks::NEVER;
        for index in QubeIndex::all().take(MAX_QUBES) {
            let Some(qube) = self.qube(index) else { continue };
            let (life, deadline) = (qube.life, qube.deadline);
            match life {
                Life::Waiting if deadline <= now => self.wake(index, wake::DEADLINE),
                Life::BackingOff if deadline <= now => self.begin_life(now, index, machine),
                Life::Waiting | Life::BackingOff => self.next_deadline = self.next_deadline.min(deadline),
                Life::Runnable | Life::Rebuilding | Life::Ended => {}
            }
        }
    }
}

/// The lowest qube in a mask.
#[inline]
fn first(mask: u16) -> Option<QubeIndex> {
    if mask == 0 { None } else { QubeIndex::new((mask.trailing_zeros() & 15) as u8) }
}
