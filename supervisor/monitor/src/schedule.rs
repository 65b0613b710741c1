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
            return self.run(index, Some(u32::from(result)));
        }
        if deadline <= now {
            // A poll. Others have their turn first.
            qube.result = Some(u32::from(wake::DEADLINE));
            if index == self.turn {
                self.slice_end = now;
            }
            return self.pick(now);
        }
        qube.life = Life::Waiting;
        qube.deadline = deadline;
        self.runnable &= !bit(index);
        if deadline < self.next_deadline {
            self.next_deadline = deadline;
        }
        match self.woken {
            Some(woken) if self.runnable & bit(woken) != 0 => self.switch_to(woken),
            _ => self.pick(now),
        }
    }

    /// Goes on with `qube`.
    #[inline]
    pub(crate) fn run(&mut self, qube: QubeIndex, result: Option<u32>) -> Actions {
        Actions { next: Next::Run { qube, result }, timer: self.timer() }
    }

    /// Runs `index` in what is left of the slice; the turn stays whose it is.
    #[inline]
    pub(crate) fn switch_to(&mut self, index: QubeIndex) -> Actions {
        let result = self.qube_mut(index).and_then(|qube| qube.result.take());
        self.run(index, result)
    }

    /// Whose turn it is, and when its slice is over or it sleeps, the next in turn.
    pub(crate) fn pick(&mut self, now: Ticks) -> Actions {
        if self.power_off {
            return Actions { next: Next::PowerOff, timer: None };
        }
        if self.rebuilding != 0 && (self.runnable == 0 || !self.rebuilt_last) {
            self.rebuilt_last = true;
            if let Some(qube) = first(self.rebuilding) {
                return Actions { next: Next::Rebuild { qube }, timer: self.timer() };
            }
        }
        self.rebuilt_last = false;
        if self.has_slice_left(now) && self.runnable & bit(self.turn) != 0 {
            return self.switch_to(self.turn);
        }
        // From whose turn it is, not from who ran last: else two that hand each other the turn could keep it for ever.
        let later = self.runnable & !(bit(self.turn) | (bit(self.turn) - 1));
        match first(later).or_else(|| first(self.runnable)) {
            Some(qube) => {
                self.turn = qube;
                self.slice_end = Ticks(now.0.saturating_add(self.slice()));
                self.switch_to(qube)
            }
            None => Actions { next: Next::Idle, timer: self.timer() },
        }
    }

    /// Whether the slice goes on. Nothing but time and a poll ends it: else who waits for the right moments could shorten
    /// the slices of others.
    #[inline]
    pub(crate) fn has_slice_left(&self, now: Ticks) -> bool {
        now < self.slice_end
    }

    fn slice(&self) -> u64 {
        self.times.ticks_per_second / SLICES_PER_SECOND
    }

    /// When the timer must be set anew: only ever to an earlier time; one that fires too early costs an interrupt.
    #[inline]
    fn timer(&mut self) -> Option<Ticks> {
        let mut want = self.next_deadline;
        let contenders = u32::from(self.runnable) | (u32::from(self.rebuilding) << 16);
        if contenders & contenders.wrapping_sub(1) != 0 {
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
