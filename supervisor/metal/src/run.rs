//! The loop: run a qube until it stops, ask the monitor, do what it says. Nothing is decided here.

use ipc_proto_types::QubeIndex;
use supervisor_monitor::{Interrupts, Monitor, Next};
use supervisor_vcpu::{Exit, Ticks};
use supervisor_x86::power::{self, Ending};
use supervisor_x86::{take_pending_interrupts, tsc};

use crate::metal::{Metal, QUBES};

/// Runs the system until it is switched off.
pub(crate) fn run(metal: &mut Metal, monitor: &mut Monitor<'static, Metal>) -> ! {
    let first = monitor.start(now(), metal);
    let mut qube = until_run(metal, monitor, first);
    loop {
        let vcpu = &mut metal.vcpus[qube.as_usize() % QUBES];
        vcpu.enter(&metal.processor);
        let next = match vcpu.call() {
            Some((queue, deadline)) => monitor.call(now(), qube, queue, deadline, metal),
            None => stopped(metal, monitor, qube),
        };
        qube = match next {
            Next::Run { qube } => qube,
            next => until_run(metal, monitor, next),
        };
    }
}

/// The qube stopped for anything but a call.
#[inline(never)]
fn stopped(metal: &mut Metal, monitor: &mut Monitor<'static, Metal>, qube: QubeIndex) -> Next {
    match metal.vcpus[qube.as_usize() % QUBES].exit() {
        Exit::Interrupt => {
            metal.processor.accept_interrupts();
            hear_devices(metal, monitor);
            monitor.interrupts(now(), Some(qube), arrived(), metal)
        }
        exit => monitor.step(now(), qube, exit, metal),
    }
}

/// Does what the monitor decided until it is to run a qube.
#[cold]
#[inline(never)]
fn until_run(metal: &mut Metal, monitor: &mut Monitor<'static, Metal>, mut next: Next) -> QubeIndex {
    loop {
        next = match next {
            Next::Run { qube } => return qube,
            Next::Rebuild { qube } => {
                if metal.rebuild(qube) {
                    metal.vcpus[qube.as_usize() % QUBES].forget();
                    monitor.rebuilt(now(), qube, metal);
                }
                metal.processor.accept_interrupts();
                monitor.interrupts(now(), None, arrived(), metal)
            }
            Next::Idle => {
                hear_devices(metal, monitor);
                metal.processor.idle();
                monitor.interrupts(now(), None, arrived(), metal)
            }
            Next::PowerOff => power::end(Ending::PowerOff),
        };
    }
}

#[inline(always)]
fn now() -> Ticks {
    Ticks(tsc::read())
}

/// Tells the monitor what devices were refused.
fn hear_devices(metal: &mut Metal, monitor: &mut Monitor<'static, Metal>) {
    for (owner, access) in metal.devices.faults() {
        monitor.device_refused(now(), owner, access);
    }
}

/// What interrupts have come since last asked.
fn arrived() -> Interrupts {
    let pending = take_pending_interrupts();
    Interrupts { lines: pending.lines(), timer: pending.timer() }
}
