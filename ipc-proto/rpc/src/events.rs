//! Events: what a server says unasked. The client keeps a few until somebody takes them.

use heapless::Deque;
use ipc_proto_types::{Kind, SchemaId};
use ipc_proto_wire::Header;
use serde::Serialize;
use zeroize::Zeroize;

use crate::client::fill;
use crate::port::{Port, SendError};

/// Most events a client keeps. A server may say more than anybody wants to hear; the oldest go first.
pub const EVENTS_MAX: usize = 8;

/// The events nobody has taken yet.
pub struct Events<E> {
    waiting: Deque<E, EVENTS_MAX>,
    lost: u32,
}

impl<E> Events<E> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { waiting: Deque::new(), lost: 0 }
    }

    /// Keeps an event, if it is one; when there is no room the oldest is lost.
    pub fn take(&mut self, event: Option<E>) {
        let Some(event) = event else { return };
        if let Err(event) = self.waiting.push_back(event) {
            self.waiting.pop_front();
            self.lost = self.lost.saturating_add(1);
            // There is room now: one was just taken out.
            let _ = self.waiting.push_back(event);
        }
    }

    /// Takes out the oldest event.
    pub fn pop(&mut self) -> Option<E> {
        self.waiting.pop_front()
    }

    /// How many were lost.
    #[must_use]
    pub const fn lost(&self) -> u32 {
        self.lost
    }
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self::new()
    }
}

/// Drops an event: for services that have none.
pub fn no_events(_: &Header, _: &[u8]) {}

/// Queues an event on the server's end of a channel. Never blocks.
///
/// # Errors
/// It was not queued.
pub fn notify<A: Serialize>(
    port: &mut impl Port,
    schema: SchemaId,
    method: u16,
    arguments: &A,
    frame: &mut [u8],
) -> Result<(), SendError> {
    let head = Header { schema, method, kind: Kind::Event, correlation: 0, length: 0 };
    let length = fill(frame, head, arguments).map_err(|_| SendError::TooLarge)?;
    let result = port.send(frame.get(..length).unwrap_or_default());
    frame.zeroize();
    result
}
