//! What a program's thread asks of the qube it runs in, and what it is told.

use ipc_proto_rpc::{PortFacts, SendError};
use ipc_proto_types::Generation;

/// A question of the program; it goes on when it has the answer.
#[derive(Debug)]
pub(crate) enum Request {
    /// How many ports there are.
    Ports,
    /// What the info page says of a port.
    Facts(usize),
    /// Queue a frame.
    Send(usize, Vec<u8>),
    /// Take a message.
    Receive(usize),
    /// Accept the peer's new life.
    Acknowledge(usize),
    /// Tell the device of what is queued, on one port or on all.
    Flush(Option<usize>),
    /// Sleep.
    Wait(u64),
    /// What time it is.
    Now,
    /// Which life this is.
    Generation,
    /// The snapshot point.
    Ready,
    /// The program returned.
    Finish(i32),
    /// The program panicked, with these words.
    Panic(String),
}

/// The answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It is done.
    Done,
    /// To `Ports`.
    Ports(usize),
    /// To `Facts`.
    Facts(PortFacts),
    /// To `Send`.
    Sent(Result<(), SendError>),
    /// To `Receive`.
    Received(Option<Vec<u8>>),
    /// To `Now`.
    Now(u64),
    /// To `Generation`.
    Generation(Generation),
}
