//! Service `links`: an address handed over to the person at the trusted terminal, who may have it opened in a disposable.
//!
//! A caller learns at once whether its link was taken, and nothing else, ever: not whether it was opened, not when, and no byte
//! of what is behind it. So a link is one way out of a qube, and none back in.
//!
//! Not here: what is opened, and where; that is the person's and the manifest's business.

#![no_std]
#![forbid(unsafe_code)]

use ipc_proto_derive::{Schema, service};
use ipc_proto_types::Text;
use serde::{Deserialize, Serialize};

/// Longest address, in bytes. A person reads these.
pub const URL_MAX: usize = 2048;

/// Why a link was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum LinkError {
    /// No disposable is opened for the caller.
    Refused,
    /// The caller's last link was taken less than half a minute ago.
    Busy,
    /// This is no address of the web that reads in one way only.
    NotAnAddress,
}

/// Links for a person.
#[service(name = "links", version = 1)]
pub trait Links {
    /// Hands over an address; the person is asked later, or never.
    fn open(&mut self, url: Text<URL_MAX>) -> Result<(), LinkError>;
}
