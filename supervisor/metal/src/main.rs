//! The bootable supervisor: wiring only. [`setup`] turns the system image into qubes with memory, tables and processors;
//! [`run`] is the loop: run a qube, ask the monitor, do what it says.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]
#![expect(clippy::cast_possible_truncation, reason = "sizes have 64 bits on the one machine this is for")]

mod devices;
mod entropy;
mod metal;
mod run;
mod setup;

use core::panic::PanicInfo;

use supervisor_monitor::Monitor;
use supervisor_svm::HostState;
use supervisor_x86::power::Ending;
use supervisor_x86::{Machine, TakeOnce, fatal};

use metal::{Metal, Processors};

supervisor_x86::entry!(main);

/// What is too big for the stack.
struct Statics {
    monitor: Monitor<'static, Metal>,
    processors: Processors,
    host: HostState,
    metal: Option<Metal>,
}

static STATICS: TakeOnce<Statics> = TakeOnce::new(Statics {
    monitor: Monitor::empty(),
    processors: Processors::new(),
    host: HostState::new(),
    metal: None,
});

fn main(machine: Machine) -> ! {
    let Some(Statics { monitor, processors, host, metal }) = STATICS.take() else {
        fatal::stop(format_args!("cannot boot: entered twice"), Ending::Failed)
    };
    match setup::setup(machine, monitor, processors, host, metal) {
        Ok(metal) => run::run(metal, monitor),
        Err(trouble) => fatal::stop(format_args!("cannot boot: {trouble}"), Ending::Failed),
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    fatal::panic(info)
}
