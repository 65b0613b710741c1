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
}

static STATICS: TakeOnce<Statics> = TakeOnce::new(Statics {
    monitor: Monitor::empty(),
    processors: Processors::new(),
    host: HostState::zeroed(),
});

fn main(machine: Machine) -> ! {
    let Some(Statics { monitor, processors, host }) = STATICS.take() else {
        fatal::stop(format_args!("cannot boot: entered twice"), Ending::Failed)
    };
    // Made where it stays: it is large, and each move of it would take as much of the stack again.
    let mut metal = None;
    match setup::setup(machine, monitor, processors, host, &mut metal) {
        Ok(metal) => run::run(metal, monitor),
        Err(trouble) => {
            let unfit = matches!(trouble, setup::Trouble::Processor(_));
            let ending = if unfit { Ending::Unfit } else { Ending::Failed };
            fatal::stop(format_args!("cannot boot: {trouble}"), ending)
        }
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    fatal::panic(info)
}
