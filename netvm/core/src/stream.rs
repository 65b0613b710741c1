//! Streams: asked for by name or address, opened, used, half-closed, closed, cut.

use alloc::vec::Vec;
use core::net::IpAddr;

use ipc_proto_net_api::{NetError, Readiness, StreamId};
use netvm_firewall::{Firewall, HostName};
use smoltcp::socket::tcp;

use crate::client::Client;
use crate::machine::{Connection, Machine};
use crate::question::Question;
use crate::route::{Route, attempt, first, next};

/// How long a closed stream may take to send what it has, in milliseconds.
const CLOSING_MS: u64 = 30_000;

/// A stream of a client.
#[derive(Debug)]
pub(crate) enum Stream {
    /// The name is being asked for.
    Asking { name: HostName, port: u16, question: u32 },
    /// The other side has not accepted yet. `rest` are the addresses to try after it, the last first.
    Opening { connection: Connection, rest: Vec<IpAddr>, name: Option<HostName>, until_ms: u64 },
    /// Open.
    Open { connection: Connection },
    /// Over.
    Over(NetError),
}

impl Stream {
    fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Opening { connection, .. } | Self::Open { connection } => Some(connection),
            Self::Asking { .. } | Self::Over(_) => None,
        }
    }
}

/// A stream that nobody has any more and that may still send.
#[derive(Debug)]
pub(crate) struct Closing {
    connection: Connection,
    until_ms: u64,
}

impl Client {
    /// Opens a stream to a name.
    pub(crate) fn connect_to_name(
        &mut self,
        machine: &mut Machine,
        firewall: &Firewall,
        name: HostName,
        port: u16,
    ) -> Result<StreamId, NetError> {
        let route = Route { name: Some(&name), port, window: self.window(machine) };
        firewall.could_allow(self.port, &attempt(None, &route), machine.now).map_err(|_| NetError::Denied)?;
        self.check_streams(machine)?;
        let known: Vec<IpAddr> = firewall.known(self.port, &name, machine.now).collect();
        let stream = if known.is_empty() {
            let question = self.ask(machine, name.clone(), true)?;
            Stream::Asking { name, port, question }
        } else {
            first(self.port, machine, firewall, known, &route)?
        };
        self.add_stream(machine, stream)
    }

    /// Opens a stream to an address.
    pub(crate) fn connect_to_address(
        &mut self,
        machine: &mut Machine,
        firewall: &Firewall,
        address: IpAddr,
        port: u16,
    ) -> Result<StreamId, NetError> {
        self.check_streams(machine)?;
        let route = Route { name: None, port, window: self.window(machine) };
        let stream = first(self.port, machine, firewall, Vec::from([address]), &route)?;
        self.add_stream(machine, stream)
    }

    /// Bytes of the receive buffer of the next stream. Those that wait for a socket count as if they had a large one, so there
    /// are never more large ones than may be.
    fn window(&self, machine: &Machine) -> usize {
        let quota = &machine.quota;
        let open = self.streams.len().saturating_add(self.closing.len());
        if open < quota.wide { quota.wide_bytes.max(quota.stream_bytes) } else { quota.stream_bytes }
    }

    fn check_streams(&self, machine: &Machine) -> Result<(), NetError> {
        if self.stream_count() < machine.quota.streams { Ok(()) } else { Err(NetError::Quota) }
    }

    /// Streams that count: those of listeners too.
    pub(crate) fn stream_count(&self) -> usize {
        let waiting = self.listeners.iter().map(|(_, listener)| listener.ready.len());
        self.streams.len().saturating_add(waiting.sum())
    }

    /// Begins to ask for a name.
    pub(crate) fn ask(
        &mut self,
        machine: &mut Machine,
        name: HostName,
        is_for_stream: bool,
    ) -> Result<u32, NetError> {
        if self.questions.len() >= machine.quota.questions {
            return Err(NetError::Quota);
        }
        let question = Question::new(name, is_for_stream, machine)?;
        for server in machine.resolvers.iter().take(2) {
            self.wanted.want(machine, *server);
        }
        self.questions.insert(question, machine.quota.questions).ok_or(NetError::Quota)
    }

    /// Keeps a stream for which there was room a moment ago.
    pub(crate) fn add_stream(&mut self, machine: &mut Machine, stream: Stream) -> Result<StreamId, NetError> {
        if self.streams.len() >= machine.quota.streams {
            self.let_go(machine, stream);
            return Err(NetError::Quota);
        }
        if let Stream::Opening { connection, .. } = &stream {
            self.wanted.want(machine, connection.tuple.1);
        }
        self.streams.insert(stream, machine.quota.streams).map(StreamId).ok_or(NetError::Quota)
    }

    /// Gives up what a stream holds. What is open sends what it has; everything else is broken off.
    pub(crate) fn let_go(&mut self, machine: &mut Machine, stream: Stream) {
        match stream {
            Stream::Asking { question, .. } => {
                if let Some(mut question) = self.questions.remove(question) {
                    question.end(machine, Err(NetError::NoAnswer));
                }
            }
            Stream::Opening { connection, .. } => self.cut(machine, connection),
            Stream::Open { connection } => {
                machine.tcp(connection.handle).close();
                self.linger(machine, connection);
            }
            Stream::Over(_) => {}
        }
    }

    /// Breaks a connection off and says so to the other side.
    pub(crate) fn cut(&mut self, machine: &mut Machine, connection: Connection) {
        machine.tcp(connection.handle).abort();
        self.linger(machine, connection);
    }

    fn linger(&mut self, machine: &mut Machine, connection: Connection) {
        if self.closing.len() >= machine.quota.closing
            && let Some(oldest) = self.closing.pop_front()
        {
            machine.drop_connection(&oldest.connection);
        }
        let until_ms = machine.now.ms.saturating_add(CLOSING_MS);
        self.closing.push_back(Closing { connection, until_ms });
    }

    /// Keeps a closed stream of a life that is over for as long as it has something to send, and no longer: what it has sent and
    /// received is still in its buffers.
    pub(crate) fn hurry(&mut self, machine: &mut Machine, closing: Closing) {
        if machine.tcp(closing.connection.handle).send_queue() == 0 {
            self.cut(machine, closing.connection);
        } else {
            self.closing.push_back(closing);
        }
    }

    /// Forgets closed streams that have nothing more to send.
    pub(crate) fn reap(&mut self, machine: &mut Machine) {
        let now_ms = machine.now.ms;
        self.closing.retain(|closing| {
            let socket = machine.tcp(closing.connection.handle);
            let is_done = match socket.state() {
                // Until its reset is sent, a socket that was broken off knows the other side.
                tcp::State::Closed => socket.remote_endpoint().is_none(),
                tcp::State::TimeWait => true,
                _ => false,
            };
            let is_over = is_done || now_ms >= closing.until_ms;
            if is_over {
                machine.drop_connection(&closing.connection);
            }
            !is_over
        });
    }

    /// When a stream has to be looked at without a packet, in milliseconds.
    pub(crate) fn next_stream_ms(&self) -> Option<u64> {
        let opening = self.streams.iter().filter_map(|(_, stream)| match stream {
            Stream::Opening { until_ms, .. } => Some(*until_ms),
            _ => None,
        });
        opening.chain(self.closing.iter().map(|closing| closing.until_ms)).min()
    }

    /// Moves every stream on that can be.
    pub(crate) fn advance_streams(&mut self, machine: &mut Machine, firewall: &Firewall) {
        let (mut broken, mut late, mut opened) = (Vec::new(), Vec::new(), Vec::new());
        let window = self.window(machine);
        for (number, stream) in self.streams.iter_mut() {
            match stream {
                Stream::Asking { name, port, question } => {
                    let asked = self.questions.get(*question).map(Question::result);
                    let next = match asked {
                        Some(None) => continue,
                        Some(Some(Ok(found))) => {
                            let addresses = found.iter().map(|found| found.0).collect();
                            let route = Route { name: Some(name), port: *port, window };
                            first(self.port, machine, firewall, addresses, &route)
                        }
                        Some(Some(Err(error))) => Err(*error),
                        None => Err(NetError::NoAnswer),
                    };
                    self.questions.remove(*question);
                    *stream = next.unwrap_or_else(Stream::Over);
                    opened.extend(opening(stream));
                }
                Stream::Opening { connection, rest, name, until_ms } => {
                    let state = machine.tcp(connection.handle).state();
                    let is_late = machine.now.ms >= *until_ms;
                    match state {
                        tcp::State::SynSent | tcp::State::SynReceived if !is_late => {}
                        tcp::State::SynSent | tcp::State::SynReceived | tcp::State::Closed => {
                            late.push((number, core::mem::take(rest), name.take(), connection.tuple.2));
                            let error = if is_late { NetError::TimedOut } else { NetError::Refused };
                            broken.extend(take(stream, Stream::Over(error)));
                        }
                        _ => {
                            let placeholder = Stream::Over(NetError::Closed);
                            if let Some(connection) = take(stream, placeholder) {
                                *stream = Stream::Open { connection };
                            }
                        }
                    }
                }
                Stream::Open { .. } | Stream::Over(_) => {}
            }
        }
        // Before the next addresses are tried: until then the old sockets have their memory.
        for connection in broken {
            self.cut(machine, connection);
        }
        for (number, rest, name, port) in late {
            let route = Route { name: name.as_ref(), port, window };
            let next = next(self.port, machine, firewall, rest, &route);
            if let (Ok(next), Some(stream)) = (next, self.streams.get_mut(number)) {
                opened.extend(opening(&next));
                *stream = next;
            }
        }
        for address in opened {
            self.wanted.want(machine, address);
        }
    }

    /// Has the way to everybody with whom there is a stream stay known.
    pub(crate) fn refresh_neighbors(&mut self, machine: &Machine) {
        let has_streams = self.streams.len() > 0 || !self.closing.is_empty();
        if !self.wanted.is_refresh(has_streams, machine.now.ms) {
            return;
        }
        let streams = self.streams.iter().filter_map(|(_, stream)| stream.connection());
        let all = streams.chain(self.closing.iter().map(|closing| &closing.connection));
        for connection in all {
            self.wanted.want(machine, connection.tuple.1);
        }
    }

    /// Cuts every stream that the rules no longer allow.
    pub(crate) fn review_streams(&mut self, machine: &mut Machine, firewall: &Firewall) {
        let mut cut = Vec::new();
        for (_, stream) in self.streams.iter_mut() {
            match stream {
                Stream::Asking { name, port, question } => {
                    let route = Route { name: Some(name), port: *port, window: 0 };
                    if firewall.could_allow(self.port, &attempt(None, &route), machine.now).is_err() {
                        if let Some(mut question) = self.questions.remove(*question) {
                            question.end(machine, Err(NetError::Cut));
                        }
                        *stream = Stream::Over(NetError::Cut);
                    }
                }
                Stream::Opening { connection, .. } | Stream::Open { connection } => {
                    if !firewall.still_allowed(self.port, &connection.flow, machine.now) {
                        cut.extend(take(stream, Stream::Over(NetError::Cut)));
                    }
                }
                Stream::Over(_) => {}
            }
        }
        let closing = core::mem::take(&mut self.closing);
        for Closing { connection, until_ms } in closing {
            if firewall.still_allowed(self.port, &connection.flow, machine.now) {
                self.closing.push_back(Closing { connection, until_ms });
            } else {
                cut.push(connection);
            }
        }
        for connection in cut {
            self.cut(machine, connection);
        }
    }

    /// Takes as much of `data` as there is room for.
    pub(crate) fn send(
        &mut self,
        machine: &mut Machine,
        stream: StreamId,
        data: &[u8],
    ) -> Result<usize, NetError> {
        let connection = self.open(stream)?;
        let (is_shut, there) = (connection.is_shut, connection.tuple.1);
        let handle = connection.handle;
        if machine.tcp(handle).send_queue() == 0 {
            // It was idle: who was a neighbor may be forgotten.
            self.wanted.want(machine, there);
        }
        let socket = machine.tcp(handle);
        if !socket.may_send() {
            return Err(over(socket, is_shut).unwrap_or(NetError::Closed));
        }
        match socket.send_slice(data) {
            Ok(0) if !data.is_empty() => Err(NetError::WouldBlock),
            Ok(count) => Ok(count),
            Err(tcp::SendError::InvalidState) => Err(NetError::Closed),
        }
    }

    /// Gives what came; nothing when the other side sends no more.
    pub(crate) fn receive(
        &mut self,
        machine: &mut Machine,
        stream: StreamId,
        into: &mut [u8],
    ) -> Result<usize, NetError> {
        let received = self.receive_now(machine, stream, into);
        let is_little = match received {
            // The other side sends no more, or nothing was asked for.
            Ok(0) => false,
            Ok(count) => count < into.len() / 2,
            Err(error) => error == NetError::WouldBlock,
        };
        self.set_awaited(stream, is_little);
        received
    }

    fn receive_now(
        &mut self,
        machine: &mut Machine,
        stream: StreamId,
        into: &mut [u8],
    ) -> Result<usize, NetError> {
        let connection = self.open(stream)?;
        match machine.tcp(connection.handle).recv_slice(into) {
            Ok(0) if !into.is_empty() => Err(NetError::WouldBlock),
            Ok(count) => {
                connection.arrival.took(count);
                Ok(count)
            }
            Err(tcp::RecvError::Finished) => Ok(0),
            Err(tcp::RecvError::InvalidState) => Err(NetError::Reset),
        }
    }

    /// Whether a client that waits for more of a stream has to be told now that there is some, or that nothing more comes.
    pub(crate) fn is_due(&mut self, machine: &Machine, stream: StreamId) -> bool {
        match self.streams.get_mut(stream.0) {
            Some(Stream::Asking { .. } | Stream::Opening { .. }) => false,
            Some(Stream::Open { connection }) => {
                let socket = machine.sockets.get::<tcp::Socket<'_>>(connection.handle);
                let is_alive = matches!(
                    socket.state(),
                    tcp::State::Established | tcp::State::FinWait1 | tcp::State::FinWait2
                );
                let (bytes, room) = (socket.recv_queue(), socket.recv_capacity());
                !is_alive || connection.arrival.is_due(bytes, room, machine.now.ms)
            }
            Some(Stream::Over(_)) | None => true,
        }
    }

    /// When [`Self::is_due`] has to be asked again, in milliseconds.
    pub(crate) fn due_ms(&self, stream: StreamId) -> Option<u64> {
        match self.streams.get(stream.0)? {
            Stream::Open { connection } => connection.arrival.next_ms(),
            Stream::Asking { .. } | Stream::Opening { .. } | Stream::Over(_) => None,
        }
    }

    /// Sends no more.
    pub(crate) fn shutdown(&mut self, machine: &mut Machine, stream: StreamId) -> Result<(), NetError> {
        let connection = self.open(stream)?;
        machine.tcp(connection.handle).close();
        connection.is_shut = true;
        Ok(())
    }

    fn open(&mut self, stream: StreamId) -> Result<&mut Connection, NetError> {
        match self.streams.get_mut(stream.0).ok_or(NetError::NoSuchHandle)? {
            Stream::Asking { .. } | Stream::Opening { .. } => Err(NetError::WouldBlock),
            Stream::Open { connection } => Ok(connection),
            Stream::Over(error) => Err(*error),
        }
    }

    /// How a stream is.
    pub(crate) fn stream_readiness(
        &self,
        machine: &Machine,
        stream: StreamId,
    ) -> Result<Readiness, NetError> {
        let readiness = |readable, writable, over| Readiness { readable, writable, over };
        Ok(match self.streams.get(stream.0).ok_or(NetError::NoSuchHandle)? {
            Stream::Asking { .. } | Stream::Opening { .. } => readiness(false, false, None),
            Stream::Open { connection } => {
                let socket = machine.sockets.get::<tcp::Socket<'_>>(connection.handle);
                let over = over(socket, connection.is_shut).filter(|_| !socket.can_recv());
                readiness(socket.can_recv() || !socket.may_recv(), socket.can_send(), over)
            }
            Stream::Over(error) => readiness(true, true, Some(*error)),
        })
    }
}

/// Why nothing more comes of a socket that was open. Without our closing it, only the other side or silence ends it at once.
fn over(socket: &tcp::Socket<'_>, is_shut: bool) -> Option<NetError> {
    (socket.state() == tcp::State::Closed && !is_shut).then_some(NetError::Reset)
}

/// Puts something else in the place of a stream, and gives the connection that it had.
fn take(stream: &mut Stream, other: Stream) -> Option<Connection> {
    match core::mem::replace(stream, other) {
        Stream::Opening { connection, .. } | Stream::Open { connection } => Some(connection),
        Stream::Asking { .. } | Stream::Over(_) => None,
    }
}

/// Whom a stream is being opened to.
fn opening(stream: &Stream) -> Option<IpAddr> {
    match stream {
        Stream::Opening { connection, .. } => Some(connection.tuple.1),
        _ => None,
    }
}
