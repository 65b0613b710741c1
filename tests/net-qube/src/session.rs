//! `Session`: the calls of `net`, each waiting until it can be answered.

use ipc_proto_net_api::{
    self as net, ADDRESSES_MAX, Address, DATA_MAX, Handle, ListenerId, NetClient, NetError, StreamId,
    put_receive, put_send, received,
};
use ipc_proto_rpc::{CallError, RawClient as _};
use ipc_proto_types::{List, Text};
use ipc_proto_wire::{HEADER_SIZE, decode};
use unikernels_rt::{Channel, Qube};

/// How long a thing may take before it is asked again without news, in milliseconds.
const NEWS_MS: u64 = 1000;
/// How long it waits for a network at the start.
const START_MS: u64 = 30_000;

/// Bytes of a caller that are kept until they are sent back.
const ECHO_BYTES: usize = 512;

/// Bytes that are asked for at once: the most that a message carries.
const ASK_BYTES: u32 = 60 * 1024;
/// After fewer bytes than this it is told when there are more.
const MUCH_BYTES: usize = ASK_BYTES as usize / 2;

/// Why it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The call got no reply.
    Call(CallError),
    /// The network qube said no.
    Said(NetError),
    /// The request is too long.
    Request,
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

type Done<T> = Result<T, Trouble>;

/// A client and its frame.
pub(crate) struct Session {
    pub(crate) qube: Qube,
    pub(crate) client: &'static mut NetClient<'static, Channel>,
    pub(crate) frame: &'static mut [u8; net::FRAME_MAX],
}

impl Session {
    pub(crate) fn now_ms(&self) -> u64 {
        self.qube.clock().ns(self.qube.now().0) / 1_000_000
    }

    pub(crate) fn pause(&self, ms: u64) {
        let (start, deadline) = (self.now_ms(), self.qube.in_ms(ms));
        while self.now_ms().saturating_sub(start) < ms {
            self.qube.wait(Some(deadline));
        }
    }

    /// Waits for addresses of both versions, as QEMU's network gives them.
    pub(crate) fn until_there_is_a_network(&mut self) {
        let start = self.now_ms();
        while self.now_ms().saturating_sub(start) < START_MS {
            let is_v4 = |network: &net::Network| matches!(network.address, Address::V4(_));
            let is_v6 =
                |network: &net::Network| matches!(network.address, Address::V6([first, ..]) if first != 0xfe);
            match self.client.status() {
                Ok(status) if status.networks.iter().any(is_v4) && status.networks.iter().any(is_v6) => {
                    return;
                }
                // Nobody may look, so nobody waits.
                Err(CallError::Denied) => return,
                _ => self.pause(10),
            }
        }
    }

    pub(crate) fn connect(&mut self, host: &str, port: u16) -> Done<StreamId> {
        let host = Text::try_from(host).map_err(|_| Trouble::Request)?;
        let stream = self.client.connect(host, port)?.map_err(Trouble::Said)?;
        loop {
            let state = self.state(stream)?;
            match state.over {
                Some(why) => return Err(Trouble::Said(why)),
                None if state.writable => return Ok(stream),
                None => self.news(),
            }
        }
    }

    /// How a stream is; from now on news of it are told.
    fn state(&mut self, stream: StreamId) -> Done<net::Readiness> {
        let mut handles = List::new();
        handles.push(Handle::Stream(stream)).map_err(|_| Trouble::Request)?;
        let states = self.client.poll(handles)?.map_err(Trouble::Said)?;
        states.first().copied().ok_or(Trouble::Said(NetError::NoSuchHandle))
    }

    /// Waits until something is told, but not for ever.
    pub(crate) fn news(&mut self) {
        let deadline = self.qube.in_ms(NEWS_MS);
        let start = self.now_ms();
        while self.client.next_event().is_none() && self.now_ms().saturating_sub(start) < NEWS_MS {
            self.qube.wait(Some(deadline));
        }
    }

    fn call(&mut self, method: u16, length: Option<usize>) -> Done<&[u8]> {
        let length = length.ok_or(Trouble::Request)?;
        let length = self.client.call_raw(method, self.frame, length)?;
        Ok(self.frame.get(HEADER_SIZE..).and_then(|body| body.get(..length)).unwrap_or_default())
    }

    fn room(&mut self) -> &mut [u8] {
        self.frame.get_mut(HEADER_SIZE..).unwrap_or_default()
    }

    pub(crate) fn send(&mut self, stream: StreamId, mut data: &[u8]) -> Done<()> {
        while !data.is_empty() {
            let length = put_send(self.room(), stream, data.get(..DATA_MAX).unwrap_or(data));
            let body = self.call(net::SEND, length)?;
            let taken = decode::<Result<u32, NetError>>(body).map_err(|_| CallError::Malformed)?;
            match taken {
                Ok(taken) => data = data.get(taken as usize..).unwrap_or_default(),
                Err(NetError::WouldBlock) => {
                    if !self.state(stream)?.writable {
                        self.news();
                    }
                }
                Err(error) => return Err(Trouble::Said(error)),
            }
        }
        Ok(())
    }

    /// What came of a stream; nothing when no more comes, `None` when none is there. After less than half of what was asked for,
    /// it is told when there is more.
    pub(crate) fn receive(&mut self, stream: StreamId) -> Done<Option<&[u8]>> {
        // What was told before this call is no news after it.
        while self.client.next_event().is_some() {}
        let length = put_receive(self.room(), stream, ASK_BYTES);
        match received(self.call(net::RECEIVE, length)?).map_err(|_| CallError::Malformed)? {
            Ok(data) => Ok(Some(data)),
            Err(NetError::WouldBlock) => Ok(None),
            Err(error) => Err(Trouble::Said(error)),
        }
    }

    /// Shows what comes until there is no more, or no more is wanted.
    pub(crate) fn receive_all(&mut self, stream: StreamId, show: &mut impl FnMut(&[u8]) -> bool) -> Done<()> {
        loop {
            let data = self.receive(stream)?;
            let length = data.map_or(0, <[u8]>::len);
            if let Some(data) = data
                && (data.is_empty() || !show(data))
            {
                return Ok(());
            }
            // Where much was, more has come in the meantime.
            if length < MUCH_BYTES {
                self.news();
            }
        }
    }

    pub(crate) fn listen(&mut self, port: u16) -> Done<ListenerId> {
        self.client.listen(port)?.map_err(Trouble::Said)
    }

    /// Waits for the next caller.
    pub(crate) fn accept(&mut self, listener: ListenerId) -> Done<StreamId> {
        loop {
            match self.client.accept(listener)? {
                Ok(accepted) => return Ok(accepted.stream),
                Err(NetError::WouldBlock) => {}
                Err(error) => return Err(Trouble::Said(error)),
            }
            let mut handles = List::new();
            handles.push(Handle::Listener(listener)).map_err(|_| Trouble::Request)?;
            let states = self.client.poll(handles)?.map_err(Trouble::Said)?;
            if !states.first().is_some_and(|state| state.readable) {
                self.news();
            }
        }
    }

    /// Sends back what a caller says, until it says no more.
    pub(crate) fn echo(&mut self, stream: StreamId) -> Done<()> {
        loop {
            let mut heard = [0; ECHO_BYTES];
            let mut length = 0;
            let max = u32::try_from(ECHO_BYTES).unwrap_or(0);
            let request = put_receive(self.room(), stream, max);
            match received(self.call(net::RECEIVE, request)?).map_err(|_| CallError::Malformed)? {
                Ok([]) => return self.close(stream),
                Ok(data) => {
                    length = data.len().min(ECHO_BYTES);
                    let (to, from) = (heard.get_mut(..length), data.get(..length));
                    if let (Some(to), Some(from)) = (to, from) {
                        to.copy_from_slice(from);
                    }
                }
                Err(NetError::WouldBlock) => {}
                Err(error) => {
                    self.close(stream)?;
                    return Err(Trouble::Said(error));
                }
            }
            if length > 0 {
                self.send(stream, heard.get(..length).unwrap_or_default())?;
            } else if !self.state(stream)?.readable {
                self.news();
            }
        }
    }

    pub(crate) fn close(&mut self, stream: StreamId) -> Done<()> {
        self.client.close(Handle::Stream(stream))?.map_err(Trouble::Said)
    }

    pub(crate) fn resolve(&mut self, name: &str) -> Done<List<Address, ADDRESSES_MAX>> {
        loop {
            let text = Text::try_from(name).map_err(|_| Trouble::Request)?;
            match self.client.resolve(text)? {
                Err(NetError::WouldBlock) => {
                    // Answers are news to whoever has polled.
                    self.client.poll(List::new())?.map_err(Trouble::Said)?;
                    self.news();
                }
                result => return result.map_err(Trouble::Said),
            }
        }
    }
}
