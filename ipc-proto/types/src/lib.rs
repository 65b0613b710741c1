//! Ids, labels, names, and the bounded and secret types that travel in messages.
//!
//! Invariant: a value of a type in this crate is always within its bounds (an index below its limit, a name of legal
//! letters, a text no longer than its capacity), so whoever holds one need not check again.
//! The crate knows nothing of frames, tables or ports: those are `wire` and `rpc`.
//! Source: DESIGN.md sections 1 and 3.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod bytes;
mod code;
mod ids;
mod label;
mod limits;
mod list;
mod name;
mod secret;
mod text;

pub use bytes::Bytes;
pub use code::{ErrorCode, Kind, Role};
pub use ids::{ChannelIndex, Generation, PortIndex, QubeIndex, SchemaId, ServiceIndex};
pub use label::Label;
pub use limits::{
    CALLS_MAX, MAX_CHANNELS, MAX_METHODS, MAX_PORTS, MAX_QUBES, MAX_SERVICES, MESSAGE_MAX, NAME_MAX,
    QUEUE_SIZE,
};
pub use list::List;
pub use name::{NameError, QubeName};
pub use secret::Secret;
pub use text::Text;

/// A value does not fit into the bounded type it was meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl core::fmt::Display for TooLong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("too long for its bound")
    }
}
