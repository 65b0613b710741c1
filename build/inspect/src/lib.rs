//! Looks into a system that runs under `skep run --inspect`: who runs, who talks, and what is said.
//!
//! It speaks the typed client of `ctl` to the supervisor, over the socket of the inspector qube's serial port. Copies of
//! messages are asked for only while somebody looks at messages, and no longer than that. Secrets were masked by the
//! supervisor before a copy was kept; here they show as their length.
//!
//! Everything that comes from the running system may be a lie of it: texts lose their control characters before they reach a
//! terminal, counts are bounded. Not here: starting systems (`build/skep`), pictures of manifests (`build/explain`).

#![forbid(unsafe_code)]

mod app;
mod attach;
mod json;
mod live;
mod message;
mod model;
mod port;
mod screen;
mod trouble;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use app::{App, Key, Views};
pub use attach::{Registration, RunFile, find, register, sweep};
pub use json::{Limit, json};
pub use live::live;
pub use message::{Messages, Note, Said};
pub use model::{Model, Rate, ServiceFacts};
pub use port::SocketPort;
pub use screen::{Ink, draw};
pub use trouble::Trouble;
pub use watch::{Source, Watch};

/// A flag that Ctrl-C, a hang-up or a polite `kill` sets: who looks then stops, and has copies turned off.
///
/// # Errors
/// The system takes no handler.
pub fn stop_flag() -> Result<Arc<AtomicBool>, Trouble> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&flag))
            .map_err(|error| Trouble::of("a handler for signals", &error))?;
    }
    Ok(flag)
}
