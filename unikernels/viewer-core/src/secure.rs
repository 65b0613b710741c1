//! TLS as the viewer sees it: bytes in, bytes out. It ends here and not in whoever owns the network card.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ipc_proto_open_api::Failed;
use unikernels_http::Host;

use crate::why;

/// What begins sessions.
pub trait Tls {
    /// A session with this host, which has to prove that it is this one.
    ///
    /// # Errors
    /// There can be none.
    fn begin(&mut self, host: &Host) -> Result<Box<dyn Session>, Failed>;
}

/// One session, over bytes.
pub trait Session {
    /// Takes bytes that came from the network, and adds what they mean to `plain`.
    ///
    /// # Errors
    /// The other side is not who it should be, or somebody changed what it said. Nothing in `plain` may be used then.
    fn received(&mut self, bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), Failed>;

    /// Takes as many bytes as it can for the other side, and says how many: none before the other side has proved who it is.
    ///
    /// # Errors
    /// The session is over.
    fn send(&mut self, plain: &[u8]) -> Result<usize, Failed>;

    /// Adds what has to go out over the network.
    fn outgoing(&mut self, bytes: &mut Vec<u8>);

    /// Whether the other side said that it sends no more (`close_notify`).
    fn is_closed(&self) -> bool;
}

/// No TLS: every address with `https` is refused, before a packet is sent.
#[derive(Debug, Clone, Copy)]
pub struct NoTls;

impl Tls for NoTls {
    fn begin(&mut self, _: &Host) -> Result<Box<dyn Session>, Failed> {
        Err(why::no_tls())
    }
}
