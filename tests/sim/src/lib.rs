//! Ordinary guests, frames and seeds for the tests of the whole system on a simulated machine (`supervisor/sim`).
//!
//! The tests are in `tests/sim`. One that works through seeds prints how to replay a failing one; see [`seeds`].

#![forbid(unsafe_code)]

mod caller;
mod guests;
mod hostile;
pub mod probe;
mod recorder;
mod seeds;
mod witness;

pub use caller::{Caller, Diary, Shared};
pub use guests::{Echo, EchoServer, Qube, Spinner, Streamer, frame};
pub use hostile::Hostile;
pub use recorder::{Inbox, recorder};
pub use seeds::seeds;
pub use witness::{check, witness};
