//! `serve`: answers what waits at one port.
//!
//! A server never blocks on a client: a reply that finds no room stays in the buffers until the next `serve`, and no
//! further message is taken from that port before it is gone. Both buffers are wiped after every message, because
//! arguments and replies may be secrets; `serve_unwiped` leaves that to the end of the client's life, for services that have none.

use ipc_proto_types::{ErrorCode, Kind};
use ipc_proto_wire::{HEADER_SIZE, Header};
use zeroize::Zeroize;

use crate::client::parse;
use crate::port::{Caller, Port, PortFacts, PortState, SendError};

/// Most messages of one `serve`: one client that sends as fast as we answer must not keep the others waiting for ever.
/// Who gets this number back should serve again before it sleeps.
pub const SERVE_MAX: usize = 256;

/// Who makes a reply in place may have moved its data to the front by as many bytes: it ends so far behind its end, too.
pub const MOVED_MAX: usize = 64;

/// The buffers of a server on one port; `N` is the `FRAME_MAX` of its service.
pub struct Buffers<const N: usize> {
    request: [u8; N],
    reply: [u8; N],
    /// Length of a reply that found no room; 0 when there is none.
    unsent: usize,
    /// How much of either may hold something of this life of the client.
    used: usize,
}

impl<const N: usize> Buffers<N> {
    /// Empty buffers.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N > HEADER_SIZE, "a buffer for frames holds a header and an error code at least") };
        Self { request: [0; N], reply: [0; N], unsent: 0, used: 0 }
    }

    /// Leaves nothing of what this client said and heard.
    fn forget(&mut self) {
        for buffer in [&mut self.request, &mut self.reply] {
            let used = buffer.get_mut(..self.used.min(N)).unwrap_or_default();
            used.fill(0);
            // Nobody reads these zeros; they must be written all the same.
            core::hint::black_box(used);
        }
        (self.unsent, self.used) = (0, 0);
    }
}

impl<const N: usize> Default for Buffers<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Answers all that waits at `port`, at most [`SERVE_MAX`] messages, and gives how many that was.
///
/// `dispatch` gets caller, header, body and room for the body of the reply, and gives its length, `None` for a message
/// nobody answers, or the code for an error frame. A code that only the supervisor may send becomes `Internal`.
pub fn serve<P: Port, const N: usize>(
    port: &mut P,
    dispatch: &mut impl FnMut(&Caller, &Header, &[u8], &mut [u8]) -> Result<Option<usize>, ErrorCode>,
    buffers: &mut Buffers<N>,
) -> usize {
    serve_all::<P, N, true>(port, dispatch, buffers)
}

/// As [`serve`], for a service whose bodies are no secrets (its schema marks none, or they are sealed): the buffers of a port
/// keep what was last in them for as long as this life of the client lasts. With bodies of 60 KiB, wiping costs more than serving.
pub fn serve_unwiped<P: Port, const N: usize>(
    port: &mut P,
    dispatch: &mut impl FnMut(&Caller, &Header, &[u8], &mut [u8]) -> Result<Option<usize>, ErrorCode>,
    buffers: &mut Buffers<N>,
) -> usize {
    serve_all::<P, N, false>(port, dispatch, buffers)
}

fn serve_all<P: Port, const N: usize, const WIPE: bool>(
    port: &mut P,
    dispatch: &mut impl FnMut(&Caller, &Header, &[u8], &mut [u8]) -> Result<Option<usize>, ErrorCode>,
    buffers: &mut Buffers<N>,
) -> usize {
    let mut facts = port.facts();
    if facts.state == PortState::Restarted {
        buffers.forget();
        port.forget();
        port.acknowledge();
        facts = port.facts();
    }
    if facts.state != PortState::Open {
        buffers.forget();
        port.forget();
        return 0;
    }
    let caller = Caller { port: port.index(), generation: facts.peer_generation };
    let mut served = 0;
    while served < SERVE_MAX && send::<WIPE, N>(port, buffers) {
        let Some(length) = port.receive(&mut buffers.request) else { break };
        answer(&facts, &caller, length, dispatch, buffers);
        buffers.used = buffers.used.max(length).max(buffers.unsent.saturating_add(MOVED_MAX));
        if WIPE {
            buffers.request.get_mut(..length.min(N)).unwrap_or_default().zeroize();
        }
        served += 1;
    }
    served
}

/// Sends the reply that waits, if any; `false` when it has to wait on.
fn send<const WIPE: bool, const N: usize>(port: &mut impl Port, buffers: &mut Buffers<N>) -> bool {
    let reply = buffers.reply.get_mut(..buffers.unsent).unwrap_or_default();
    if reply.is_empty() {
        return true;
    }
    let mut sent = port.send(reply);
    if sent == Err(SendError::Full) {
        // What is queued may go out at once and make room.
        port.flush();
        sent = port.send(reply);
    }
    if sent == Err(SendError::TooLarge) {
        // The caller would wait in vain: tell it that we failed.
        if let Ok((header, _)) = Header::parse(reply) {
            buffers.unsent = error(&mut buffers.reply, header, ErrorCode::Internal);
            let reply = buffers.reply.get(..buffers.unsent).unwrap_or_default();
            sent = port.send(reply);
        }
    }
    if sent == Err(SendError::Full) {
        return false;
    }
    if WIPE {
        buffers.reply.get_mut(..buffers.unsent).unwrap_or_default().zeroize();
    }
    buffers.unsent = 0;
    true
}

/// Handles the message in `buffers.request`, and leaves the reply, if any, in `buffers.reply`.
fn answer<const N: usize>(
    facts: &PortFacts,
    caller: &Caller,
    length: usize,
    dispatch: &mut impl FnMut(&Caller, &Header, &[u8], &mut [u8]) -> Result<Option<usize>, ErrorCode>,
    buffers: &mut Buffers<N>,
) {
    let message = buffers.request.get(..length).unwrap_or_default();
    buffers.unsent = answer_into(facts, caller, message, dispatch, &mut buffers.reply);
}

/// Handles a message; gives the length of what it left in `frame` for its sender, 0 when that is nothing.
pub(crate) fn answer_into(
    facts: &PortFacts,
    caller: &Caller,
    message: &[u8],
    dispatch: &mut impl FnMut(&Caller, &Header, &[u8], &mut [u8]) -> Result<Option<usize>, ErrorCode>,
    frame: &mut [u8],
) -> usize {
    // What is no frame of this channel has no sender's call to answer.
    let Some((header, body)) = parse(message, message.len(), facts.schema) else { return 0 };
    let out = frame.get_mut(HEADER_SIZE..).unwrap_or_default();
    match header.kind {
        Kind::Event => {
            let _ = dispatch(caller, &header, body, out);
            0
        }
        Kind::Call => {
            let result = dispatch(caller, &header, body, out);
            match result {
                Ok(Some(length)) => reply(frame, header, length),
                // A call wants an answer; a dispatch without one is a fault of ours.
                Ok(None) => error(frame, header, ErrorCode::Internal),
                Err(code) if code.is_from_supervisor() => error(frame, header, ErrorCode::Internal),
                Err(code) => error(frame, header, code),
            }
        }
        Kind::Reply | Kind::Error => 0,
    }
}

/// Completes a reply whose body of `length` bytes is in place; gives the length of the frame.
fn reply(frame: &mut [u8], call: Header, length: usize) -> usize {
    match u32::try_from(length) {
        Ok(length_le) if HEADER_SIZE + length <= frame.len() => {
            let header = Header { kind: Kind::Reply, length: length_le, ..call };
            header.write_to(frame).map_or(0, |()| HEADER_SIZE + length)
        }
        _ => error(frame, call, ErrorCode::Internal),
    }
}

/// Writes an error frame and wipes what stood after it; gives its length.
fn error(frame: &mut [u8], call: Header, code: ErrorCode) -> usize {
    frame.zeroize();
    let header = Header { kind: Kind::Error, length: 1, ..call };
    match (header.write_to(frame), frame.get_mut(HEADER_SIZE)) {
        (Ok(()), Some(body)) => {
            *body = code.as_u8();
            HEADER_SIZE + 1
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use ipc_proto_types::{Generation, Label, PortIndex, QubeName, Role, SchemaId};

    use super::*;
    use crate::port::Ticks;

    /// A client that says one thing, and ends.
    struct Fake {
        state: PortState,
        waiting: bool,
        forgotten: bool,
    }

    impl Port for Fake {
        fn index(&self) -> PortIndex {
            PortIndex::new(0).unwrap()
        }
        fn facts(&self) -> PortFacts {
            let name = QubeName::new("fake").unwrap();
            PortFacts {
                state: self.state,
                role: Role::Server,
                peer_generation: Generation(1),
                schema: SchemaId([7; 16]),
                message_max: 200,
                peer_label: Label::Work,
                peer_name: name,
                service: name,
            }
        }
        fn acknowledge(&mut self) {
            self.state = PortState::Open;
        }
        fn forget(&mut self) {
            self.forgotten = true;
        }
        fn send(&mut self, _: &[u8]) -> Result<(), SendError> {
            Ok(())
        }
        fn flush(&mut self) {}
        fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
            if !core::mem::take(&mut self.waiting) {
                return None;
            }
            let head =
                Header { schema: SchemaId([7; 16]), method: 0, kind: Kind::Call, correlation: 1, length: 99 };
            head.write_to(into).ok()?;
            into.get_mut(HEADER_SIZE..HEADER_SIZE + 99)?.fill(b'a');
            Some(HEADER_SIZE + 99)
        }
        fn wait(&mut self, _: Option<Ticks>) {}
        fn now(&self) -> Ticks {
            Ticks(0)
        }
        fn ticks_per_second(&self) -> u64 {
            1
        }
    }

    #[test]
    fn an_unwiped_server_keeps_nothing_of_a_life_that_is_over() {
        for state in [PortState::Closed, PortState::Restarted] {
            let mut port = Fake { state: PortState::Open, waiting: true, forgotten: false };
            let mut buffers = Buffers::<300>::new();
            let mut answer = |_: &Caller, _: &Header, body: &[u8], out: &mut [u8]| {
                assert_eq!(body, [b'a'; 99]);
                // As a reply that was moved to the front.
                out.get_mut(..150 + MOVED_MAX).unwrap().fill(b'b');
                Ok(Some(150))
            };
            assert_eq!(serve_unwiped(&mut port, &mut answer, &mut buffers), 1);
            assert!(buffers.request.contains(&b'a') && buffers.reply.contains(&b'b') && !port.forgotten);
            port.state = state;
            assert_eq!(serve_unwiped(&mut port, &mut answer, &mut buffers), 0);
            assert_eq!((buffers.request, buffers.reply), ([0; 300], [0; 300]), "{state:?}");
            assert!(port.forgotten);
        }
    }
}
