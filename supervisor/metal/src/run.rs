//! The loop: run a qube until it stops, ask the monitor, do what it says. Nothing is decided here.

use supervisor_monitor::{Interrupts, Monitor, Next};
use supervisor_vcpu::{Exit, Ticks};
use supervisor_x86::power::{self, Ending};
use supervisor_x86::{take_pending_interrupts, tsc};

use crate::metal::{Metal, QUBES};

/// Runs the system until it is switched off.
pub(crate) fn run(mut metal: Metal, monitor: &mut Monitor<'static, Metal>) -> ! {
    let metal = &mut metal;
    let mut next = monitor.start(now(), metal);
    loop {
        next = perform(metal, monitor, next);
    }
}

/// Does what the monitor decided, up to the next thing it must decide on.
#[inline(always)]
fn perform(metal: &mut Metal, monitor: &mut Monitor<'static, Metal>, next: Next) -> Next {
    match next {
        Next::Run { qube } => {
            let vcpu = &mut metal.vcpus[qube.as_usize() % QUBES];
            vcpu.enter(&metal.processor);
            if let Some((queue, deadline)) = vcpu.call() {
                return monitor.call(now(), qube, queue, deadline, metal);
            }
            match vcpu.exit() {
                Exit::Interrupt => {
                    metal.processor.accept_interrupts();
                    monitor.interrupts(now(), Some(qube), arrived(), metal)
                }
                exit => monitor.step(now(), qube, exit, metal),
            }
        }
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
