//! `RawClient`: calls whose bodies are bytes, for whoever knows a service only by its description.
//!
//! Typed clients can do it too, so that one port has one count of calls however they are made.

use ipc_proto_types::SchemaId;

use crate::client::{CallError, Client};
use crate::events::no_events;
use crate::port::{Port, PortFacts};

/// A client that takes encoded bodies.
pub trait RawClient {
    /// What the supervisor says of its port.
    fn facts(&mut self) -> PortFacts;

    /// As [`Client::call_raw`].
    ///
    /// # Errors
    /// The call got no reply.
    fn call_raw(&mut self, method: u16, frame: &mut [u8], length: usize) -> Result<usize, CallError>;

    /// As [`Client::tell_raw`].
    ///
    /// # Errors
    /// It was not queued.
    fn tell_raw(&mut self, method: u16, frame: &mut [u8], length: usize) -> Result<(), CallError>;
}

/// A client of a service nothing is known of but what its port says. Events of the server are dropped.
pub struct Untyped<'p, P: Port> {
    client: Client<'p, P>,
    schema: SchemaId,
}

impl<'p, P: Port> Untyped<'p, P> {
    /// A client on a port that has carried no call in this life of the channel.
    pub fn new(port: &'p mut P) -> Self {
        let schema = port.facts().schema;
        Self { client: Client::new(port), schema }
    }
}

impl<P: Port> RawClient for Untyped<'_, P> {
    fn facts(&mut self) -> PortFacts {
        self.client.port().facts()
    }

    fn call_raw(&mut self, method: u16, frame: &mut [u8], length: usize) -> Result<usize, CallError> {
        self.client.call_raw(self.schema, method, frame, length, &mut no_events)
    }

    fn tell_raw(&mut self, method: u16, frame: &mut [u8], length: usize) -> Result<(), CallError> {
        self.client.tell_raw(self.schema, method, frame, length)
    }
}
