//! Service `log`: reading the log of the system. Served by the supervisor, from a ring in its memory.
//!
//! Positions count the bytes ever logged, so a reader that comes late sees how much it missed. The log holds what
//! qubes and the supervisor print, never a message body.

#![no_std]
#![forbid(unsafe_code)]

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::Text;
use serde::{Deserialize, Serialize};

/// A piece of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct LogChunk {
    /// Where the next read should start.
    pub next: u64,
    /// How many bytes after `from` were overwritten before they could be read.
    pub lost: u64,
    /// The text; empty when there is nothing newer.
    pub text: Text<1024>,
}

/// Reading the log.
#[service(name = "log", version = 1)]
pub trait Log {
    /// The oldest text there is at or after position `from`.
    fn read(&mut self, from: u64) -> LogChunk;
}
