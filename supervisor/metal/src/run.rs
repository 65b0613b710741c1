//! The loop: run a qube until it stops, ask the monitor, do what it says. Nothing is decided here.

use supervisor_monitor::{Actions, Interrupts, Monitor, Next};
use supervisor_vcpu::{Exit, Ticks};
use supervisor_x86::power::{self, Ending};
use supervisor_x86::{take_pending_interrupts, tsc};

use crate::metal::Metal;

/// Runs the system until it is switched off.
pub(crate) fn run(mut metal: Metal, monitor: &mut Monitor<'static, Metal>) -> ! {
    let metal = &mut metal;
    let mut actions = monitor.start(now(), metal);
    loop {
        actions = perform(metal, monitor, actions);
    }
}

/// Does what the monitor decided, up to the next thing it must decide on.
#[inline(always)]
fn perform(metal: &mut Metal, monitor: &mut Monitor<'static, Metal>, actions: Actions) -> Actions {
    if actions.timer != Ticks::NEVER {
        metal.arm(actions.timer.0);
    }
    match actions.next {
        Next::Run { qube } => match metal.vcpus[qube.as_usize()].run(&metal.processor) {
            Exit::NotifyAndWait { queue, deadline } => monitor.call(now(), qube, queue, deadline, metal),
            Exit::Interrupt => {
                metal.processor.accept_interrupts();
                monitor.interrupts(now(), Some(qube), arrived(), metal)
            }
            exit => monitor.step(now(), qube, exit, metal),
        },
        Next::Rebuild { qube } => {
            if metal.rebuild(qube) {
                monitor.rebuilt(now(), qube, metal);
            }
            metal.processor.accept_interrupts();
            monitor.interrupts(now(), None, arrived(), metal)
        }
        Next::Idle => {
            metal.processor.idle();
            monitor.interrupts(now(), None, arrived(), metal)
        }
        Next::PowerOff => power::end(Ending::PowerOff),
    }
}

#[inline(always)]
fn now() -> Ticks {
    Ticks(tsc::read())
}

/// What interrupts have come since last asked.
fn arrived() -> Interrupts {
    let pending = take_pending_interrupts();
    Interrupts { lines: pending.isa_mask(), timer: pending.timer() }
}
