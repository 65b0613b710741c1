//! The network: a client of `net` whose data stays in one buffer.

use alloc::vec;
use alloc::vec::Vec;

use ipc_proto_net_api::{
    DATA_MAX, FRAME_MAX, HOST_MAX, Handle, NetClient, NetError, NetEvent, RECEIVE, Readiness, SEND, StreamId,
    put_receive, put_send, received,
};
use ipc_proto_rpc::{CallError, Port, PortState, RawClient};
use ipc_proto_types::{List, Text};
use ipc_proto_wire::{HEADER_SIZE, decode};

/// How long `net` may take for an answer, in milliseconds: it never waits itself.
const ANSWER_MS: u64 = 10_000;

/// Why it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `net` says so.
    Said(NetError),
    /// `net` did not answer.
    Call(CallError),
}

/// What can be done with it.
pub(crate) type Outcome<T> = Result<T, Fault>;

/// A client of `net`.
pub struct Network<'p, P: Port> {
    client: &'p mut NetClient<'p, P>,
    frame: Vec<u8>,
    is_news: bool,
}

impl<'p, P: Port> Network<'p, P> {
    /// The network behind a client.
    pub fn new(client: &'p mut NetClient<'p, P>) -> Self {
        client.client().set_timeout_ms(ANSWER_MS);
        Self { client, frame: vec![0; FRAME_MAX], is_news: false }
    }

    /// Whether something that was waited for is there, or will never be: a network that ends tells its clients nothing.
    pub fn has_news(&mut self) -> bool {
        if self.client.client().port().facts().state != PortState::Open {
            return true;
        }
        while let Some(event) = self.client.next_event() {
            self.is_news |= matches!(event, NetEvent::Ready { .. });
        }
        core::mem::take(&mut self.is_news)
    }

    /// Whether a name has addresses.
    pub(crate) fn resolve(&mut self, name: &str) -> Outcome<()> {
        let name = text(name)?;
        let found = self.client.resolve(name).map_err(Fault::Call)?.map_err(Fault::Said)?;
        if found.is_empty() { Err(Fault::Said(NetError::NoSuchName)) } else { Ok(()) }
    }

    pub(crate) fn connect(&mut self, host: &str, port: u16) -> Outcome<StreamId> {
        let host = text(host)?;
        self.client.connect(host, port).map_err(Fault::Call)?.map_err(Fault::Said)
    }

    /// Sends some of these bytes; gives how many.
    pub(crate) fn send(&mut self, stream: StreamId, data: &[u8]) -> Outcome<usize> {
        let data = data.get(..DATA_MAX).unwrap_or(data);
        let body = self.frame.get_mut(HEADER_SIZE..).unwrap_or_default();
        let length = put_send(body, stream, data).ok_or(Fault::Call(CallError::TooLarge))?;
        let taken = decode::<Result<u32, NetError>>(self.call(SEND, length)?).map_err(|_| malformed())?;
        // A server that took more than there was is not believed.
        let taken = usize::try_from(taken.map_err(Fault::Said)?).unwrap_or(usize::MAX);
        if taken <= data.len() { Ok(taken) } else { Err(malformed()) }
    }

    /// The next bytes; none when the other side sends no more.
    pub(crate) fn receive(&mut self, stream: StreamId) -> Outcome<&[u8]> {
        let body = self.frame.get_mut(HEADER_SIZE..).unwrap_or_default();
        let most = u32::try_from(DATA_MAX).unwrap_or(u32::MAX);
        let length = put_receive(body, stream, most).ok_or(Fault::Call(CallError::TooLarge))?;
        received(self.call(RECEIVE, length)?).map_err(|_| malformed())?.map_err(Fault::Said)
    }

    /// How a stream is. When that changes, or a name is found, there will be news.
    pub(crate) fn watch(&mut self, stream: Option<StreamId>) -> Outcome<Option<Readiness>> {
        let mut handles = List::new();
        if let Some(stream) = stream {
            let pushed = handles.push(Handle::Stream(stream));
            debug_assert!(pushed.is_ok(), "it was empty");
        }
        let found = self.client.poll(handles).map_err(Fault::Call)?.map_err(Fault::Said)?;
        Ok(found.first().copied())
    }

    /// Gives a stream back. What becomes of it is of no interest.
    pub(crate) fn close(&mut self, stream: StreamId) {
        let _ = self.client.close(Handle::Stream(stream));
    }

    fn call(&mut self, method: u16, length: usize) -> Outcome<&[u8]> {
        let length = self.client.call_raw(method, &mut self.frame, length).map_err(Fault::Call)?;
        Ok(self.frame.get(HEADER_SIZE..).and_then(|body| body.get(..length)).unwrap_or_default())
    }
}

fn text(host: &str) -> Outcome<Text<HOST_MAX>> {
    Text::try_from(host).map_err(|_| Fault::Said(NetError::BadHost))
}

fn malformed() -> Fault {
    Fault::Call(CallError::Malformed)
}
