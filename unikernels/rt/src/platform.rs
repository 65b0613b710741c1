//! What there is once in a qube: the info page as it was read, the console device, and time.
//!
//! Started once, before `main`. Under a stock uhyve there is no info page: then there is no
//! device, no channel and no wait, only the log, the exit and an unscaled time.

use core::cell::{Cell, OnceCell, RefCell};

use ipc_proto_rpc::Ticks;
use unikernels_sdk::Clock;
use unikernels_sdk::info::{Info, InfoError};

use crate::console::Console;
use crate::hypercall::{self, Wake};
use crate::one_cpu::OneCpu;
use crate::{arena, pages};

static INFO: OneCpu<OnceCell<Info>> = OneCpu::new(OnceCell::new());
static CLOCK: OneCpu<Cell<Clock>> = OneCpu::new(Cell::new(Clock::new(0, 0)));
static CONSOLE: OneCpu<RefCell<Option<Console>>> = OneCpu::new(RefCell::new(None));

/// Reads the info page and starts the device.
///
/// # Panics
/// If the info page or the device contradicts itself, or memory is too small for the channels.
pub(crate) fn start() {
    let info = match Info::parse(&pages::info()) {
        Ok(info) => info,
        Err(InfoError::Magic) => return,
        Err(error) => panic!("the info page is not what this runtime knows: {error:?}"),
    };
    CLOCK.get().set(Clock::new(info.tsc_hz, info.unix_ns_at_tsc_zero));
    arena::start(info.arena.clone());
    let (console, port_count) = (info.devices.console(), info.port_count);
    let _ = INFO.get().set(info);
    if console {
        let started = Console::start(port_count);
        assert!(
            started.is_some(),
            "the console device can't be started: too little memory for {port_count} ports, or it offers other features"
        );
        CONSOLE.get().replace(started);
    }
}

/// The info page; `None` where there is no Skep.
pub(crate) fn info() -> Option<&'static Info> {
    INFO.get().get()
}

/// The clock.
pub(crate) fn clock() -> Clock {
    CLOCK.get().get()
}

/// The time stamp counter.
#[inline]
pub(crate) fn now() -> Ticks {
    // SAFETY: every x86-64 CPU has it, and it touches nothing.
    Ticks(unsafe { core::arch::x86_64::_rdtsc() })
}

/// Runs something on the driver; `None` where there is no console device.
#[inline]
pub(crate) fn with_console<T>(run: impl FnOnce(&mut Console) -> T) -> Option<T> {
    // Nothing inside calls back into a qube's code, so the borrow is never taken twice; but for who answers a message where it
    // lies, and has promised to use no port then.
    CONSOLE.get().borrow_mut().as_mut().map(run)
}

/// Sends what is queued.
pub(crate) fn flush() {
    with_console(Console::flush);
}

/// Sends what is queued and sleeps.
///
/// # Panics
/// Where there is no Skep: nothing could end the wait.
pub(crate) fn wait(deadline: Option<Ticks>) -> Wake {
    let deadline = deadline.map_or(u64::MAX, |at| at.0);
    match with_console(|console| console.wait(deadline)) {
        Some(wake) => wake,
        None if info().is_some() => hypercall::wait(deadline),
        None => panic!("nothing to wait for: this machine is not Skep"),
    }
}
