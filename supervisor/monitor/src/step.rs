//! The one step: a qube stopped; what now?

use ipc_proto_ctl_api::EndReason;
use ipc_proto_types::QubeIndex;
use supervisor_vcpu::{Exit, Fault, Ticks};

use crate::machine::{Interrupts, Machine, Next};
use crate::monitor::{Core, Monitor, NOBODY, STAGING, Staging};
use crate::qube::{Life, wake};

/// Bytes of the staging buffer that are wiped at a time: as many as are built of a qube's memory, which is interrupted as often.
const WIPED_BYTES: usize = 8192;

impl<M: Machine> Monitor<'_, M> {
    /// `qube` stopped at `now` because of `exit`.
    #[inline(never)]
    pub fn step(&mut self, now: Ticks, qube: QubeIndex, exit: Exit, machine: &mut M) -> Next {
        if exit == Exit::Interrupt {
            return self.interrupts(now, Some(qube), Interrupts::default(), machine);
        }
        let Self { core, staging } = self;
        core.now = now;
        core.at(qube).exits += 1;
        core.woken = NOBODY;
        match exit {
            Exit::NotifyAndWait { queue, deadline } => {
                core.notified(machine, qube, queue, staging);
                core.wait(machine, qube, deadline, staging)
            }
            Exit::Wait { deadline } => core.wait(machine, qube, deadline, staging),
            Exit::Notify { queue } => {
                core.notified(machine, qube, queue, staging);
                core.answered(machine, qube)
            }
            Exit::Answered | Exit::Interrupt => core.go_on(machine, qube),
            Exit::Ready => {
                if let Some(q) = core.qube_mut(qube) {
                    q.ready = true;
                }
                core.answered(machine, qube)
            }
            Exit::Register { register, value } => {
                core.register_written(machine, qube, register, value);
                core.answered(machine, qube)
            }
            Exit::Log { at } => {
                core.log_from(machine, qube, at);
                core.answered(machine, qube)
            }
            Exit::Panic { at } => {
                let words = core.log.written();
                core.last_words_from(machine, qube, at);
                core.end_after(machine, qube, EndReason::Panicked, words);
                core.pick(machine)
            }
            Exit::Finish { code } => {
                core.end(machine, qube, EndReason::Exit(code));
                core.pick(machine)
            }
            Exit::Fault(fault) => {
                core.end(machine, qube, end_of(fault));
                core.pick(machine)
            }
        }
    }

    /// [`Self::step`] for [`Exit::NotifyAndWait`], the exit of a synchronous call and of its answer: to be compiled into the
    /// machine's loop.
    #[inline(always)]
    pub fn call(
        &mut self,
        now: Ticks,
        qube: QubeIndex,
        queue: u32,
        deadline: Ticks,
        machine: &mut M,
    ) -> Next {
        let Self { core, staging } = self;
        core.now = now;
        core.at(qube).exits += 1;
        core.woken = NOBODY;
        core.notified(machine, qube, queue, staging);
        core.wait(machine, qube, deadline, staging)
    }

    /// Physical interrupts arrived, while `from` ran or nobody did.
    #[inline(never)]
    pub fn interrupts(
        &mut self,
        now: Ticks,
        from: Option<QubeIndex>,
        arrived: Interrupts,
        machine: &mut M,
    ) -> Next {
        let lines = arrived.lines;
        let core = &mut self.core;
        core.now = now;
        let piece = core.staging_wiped..STAGING.min(core.staging_wiped + WIPED_BYTES);
        core.staging_wiped = piece.end;
        self.staging.get_mut(piece).unwrap_or_default().fill(0);
        core.woken = NOBODY;
        if let Some(qube) = from.and_then(|from| core.qube_mut(from)) {
            qube.exits += 1;
        }
        if lines != 0 {
            for qube in QubeIndex::all() {
                let line = core.qube(qube).and_then(|q| q.facts.irq);
                if line.is_some_and(|line| lines & (1 << (line & 31)) != 0) {
                    core.wake(machine, qube, wake::DEVICE);
                }
            }
        }
        if arrived.timer {
            core.armed = Ticks::NEVER;
        }
        if core.attention != 0 {
            core.attend(machine);
        } else if now >= core.next_deadline {
            core.begin_due(machine);
        }
        core.expire(machine);
        if core.power_off || !core.has_slice_left() {
            return core.pick(machine);
        }
        match (QubeIndex::new(core.woken), from) {
            // Someone waits for this: a key, a packet. It gets what is left of the slice.
            (Some(woken), _) if lines != 0 => core.run(machine, woken),
            (_, Some(from)) if core.qube(from).is_some_and(|q| q.life == Life::Runnable) => {
                core.run(machine, from)
            }
            _ => core.pick(machine),
        }
    }
}

impl<M: Machine> Core<'_, M> {
    /// A qube waits: first whatever it kept others waiting for.
    #[inline(always)]
    fn wait(&mut self, machine: &mut M, qube: QubeIndex, deadline: Ticks, staging: &mut Staging) -> Next {
        if self.at(qube).chores.any() {
            self.do_chores(machine, qube, staging);
        }
        if self.now >= self.next_deadline {
            self.expire(machine);
        }
        if self.attention != 0 {
            self.attend(machine);
            if self.power_off || self.qube(qube).is_none_or(|q| q.life != Life::Runnable) {
                return self.pick(machine);
            }
        }
        self.sleep(machine, qube, deadline)
    }

    /// A waiting qube has room again, or more to say.
    #[cold]
    #[inline(never)]
    fn do_chores(&mut self, machine: &mut M, qube: QubeIndex, staging: &mut Staging) {
        let chores = self.at(qube).chores;
        if chores.pulls() != 0 {
            self.pull(machine, qube, chores.pulls(), staging);
        }
        if chores.has_backlog() {
            self.control(machine, qube);
            self.wake(machine, qube, wake::CHANNEL);
        } else if chores.announcements() != 0 {
            self.announce(machine, qube);
        }
    }

    /// A qube's call that is not a wait is done.
    fn answered(&mut self, machine: &mut M, qube: QubeIndex) -> Next {
        machine.answer(qube, 0);
        self.go_on(machine, qube)
    }

    /// A qube goes on, unless what it asked for was somebody's end.
    fn go_on(&mut self, machine: &mut M, qube: QubeIndex) -> Next {
        if self.attention != 0 {
            self.attend(machine);
        }
        match self.qube(qube).map(|q| q.life) {
            Some(Life::Runnable) if !self.power_off => self.run(machine, qube),
            _ => self.pick(machine),
        }
    }
}

fn end_of(fault: Fault) -> EndReason {
    match fault {
        Fault::Memory { at, .. } => EndReason::MemoryFault(at.0),
        Fault::Port(port) => EndReason::UnknownPort(port),
        Fault::Msr(register) => EndReason::Msr(register),
        Fault::Exception(vector) => EndReason::Exception(vector),
        Fault::Shutdown => EndReason::TripleFault,
        Fault::Instruction(code) | Fault::Unknown(code) => EndReason::UnexpectedExit(code),
        Fault::InvalidState => EndReason::InvalidState,
    }
}
