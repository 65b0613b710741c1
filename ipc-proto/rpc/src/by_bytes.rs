//! `ByBytes`: a service driven by method numbers and bytes, through its typed code.
//!
//! For tools and tests that handle every service alike: a fuzzer holds the typed codec against the validator, and plays
//! client and server without knowing one method by name. `#[service]` implements it. Nothing that a qube runs calls it, so
//! nothing of it is in a qube.

use ipc_proto_types::{ErrorCode, Kind, Role};
use ipc_proto_wire::Service;

use crate::client::CallError;
use crate::port::Port;

/// What answers a puppet server: gets the method and the body of the request, writes the body of the reply to the buffer
/// and gives its length. What it writes must be a legal reply; for a method nobody answers it writes nothing.
pub type Answer<'a> = dyn FnMut(u16, &[u8], &mut [u8]) -> usize + 'a;

/// A service as numbers and bytes.
pub trait ByBytes {
    /// The service.
    const SERVICE: Service;

    /// Its typed client on a port.
    type Client<'p, P: Port + 'p>;

    /// The buffers of its typed server.
    type Buffers: Default;

    /// A client on a port that has carried no call in this life of the channel.
    fn client<'p, P: Port>(port: &'p mut P) -> Self::Client<'p, P>;

    /// The port a client is on.
    fn port<'c, 'p, P: Port>(client: &'c mut Self::Client<'p, P>) -> &'c mut P;

    /// Decodes a body as the typed code does, encodes the value to `again`, and gives its length there.
    ///
    /// # Errors
    /// `Unsupported` when `sender` has no such message, `Malformed` when the body is not strict, `Internal` when `again`
    /// is too small.
    fn recode(
        sender: Role,
        kind: Kind,
        method: u16,
        body: &[u8],
        again: &mut [u8],
    ) -> Result<usize, ErrorCode>;

    /// Calls a method of the typed client with arguments from `body`, and writes the body of the reply to `reply`.
    ///
    /// # Errors
    /// What the client says; `Malformed` also when `body` are no arguments of a method a client may call.
    fn call<P: Port>(
        client: &mut Self::Client<'_, P>,
        method: u16,
        body: &[u8],
        reply: &mut [u8],
    ) -> Result<usize, CallError>;

    /// Has the typed server answer all that waits at `port` as `answer` says; gives how many messages that was.
    ///
    /// # Panics
    /// When `answer` writes what is no reply of the method.
    fn serve<P: Port>(port: &mut P, buffers: &mut Self::Buffers, answer: &mut Answer<'_>) -> usize;
}
