//! Typed clients and servers over a port.
//!
//! Invariant: a reply is handed to the caller only when its correlation is that of the call and its sender is in the
//! life the call was made to. A new life of the peer shows as `PeerRestarted`, once, and never as a wrong answer.
//! The crate has no clock and no device: a platform gives it both by implementing [`Port`].
//! Source: DESIGN.md section 3.2.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

mod by_bytes;
mod client;
mod events;
mod in_place;
mod port;
mod raw;
mod server;

pub use by_bytes::{Answer, ByBytes};
pub use client::{CallError, Client, OPEN_WAIT_MS, TIMEOUT_MS};
pub use events::{EVENTS_MAX, Events, no_events, notify};
pub use in_place::{InPlacePort, Shown, serve_in_place};
pub use port::{Caller, Port, PortFacts, PortState, SendError, Ticks};
pub use raw::{RawClient, Untyped};
pub use server::{Buffers, MOVED_MAX, SERVE_MAX, serve, serve_unwiped};
