//! The loop: run a qube until it stops, ask the monitor, do what it says. Nothing is decided here.

use supervisor_monitor::{Actions, Interrupts, Monitor, Next};
use supervisor_vcpu::{Exit, Ticks};
use supervisor_x86::power::{self, Ending};
use supervisor_x86::{take_pending_interrupts, tsc};

use crate::metal::Metal;

/// Runs the system until it is switched off.
pub(crate) fn run(mut metal: Metal, monitor: &mut Monitor<'static>) -> ! {
    let metal = &mut metal;
    let mut actions = monitor.start(now(), metal);
    loop {
        actions = perform(metal, monitor, actions);
    }
}

/// Does what the monitor decided, up to the next thing it must decide on.
#[inline(always)]
fn perform(metal: &mut Metal, monitor: &mut Monitor<'static>, actions: Actions) -> Actions {
    if let Some(at) = actions.timer {
        metal.arm(at.0);
    }
    match actions.next {
        Next::Run { qube, result } => {
            let vcpu = &mut metal.vcpus[qube.as_usize()];
            if let Some(result) = result {
                vcpu.set_result(result);
            }
            match vcpu.run(&metal.processor) {
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

fn now() -> Ticks {
    Ticks(tsc::read())
}

/// What interrupts have come since last asked.
fn arrived() -> Interrupts {
    let pending = take_pending_interrupts();
    Interrupts { lines: pending.isa_mask(), timer: pending.timer() }
}
