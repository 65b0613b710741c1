//! Service `clock`: the time of day, for qubes whose own base is too old or that must not be told more.

#![no_std]
#![forbid(unsafe_code)]

use ipc_proto_derive::{Schema, service};
use serde::{Deserialize, Serialize};

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Time {
    /// Seconds since 1970-01-01 00:00:00 UTC, without leap seconds.
    pub unix_seconds: u64,
    /// Nanoseconds of the second, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// The time of day.
#[service(name = "clock", version = 1)]
pub trait Clock {
    /// The time now.
    fn now(&mut self) -> Time;
}
