//! `Client`: everything one qube has of the network, and nothing that another has.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use ipc_proto_net_api::{Address, Handle, NetError, Readiness, StreamId};
use ipc_proto_types::{Generation, PortIndex};
use netvm_firewall::{Attempt, Firewall, HostName, Operation};

use crate::datagram::Socket;
use crate::listener::Listener;
use crate::machine::Machine;
use crate::neighbor::Wanted;
use crate::ping::Ping;
use crate::question::Question;
use crate::stream::{Closing, Stream};
use crate::table::Table;

/// A client: one life of the qube behind a port.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) port: PortIndex,
    pub(crate) generation: Generation,
    pub(crate) streams: Table<Stream>,
    pub(crate) closing: VecDeque<Closing>,
    pub(crate) listeners: Table<Listener>,
    pub(crate) sockets: Table<Socket>,
    pub(crate) questions: Table<Question>,
    pub(crate) pings: Table<Ping>,
    /// Neighbors through which it sends.
    pub(crate) wanted: Wanted,
    /// What it was told last about what it asked about; nothing when it does not wait to be told.
    watched: Option<Vec<(Handle, Readiness)>>,
    /// Streams of which it took all there was; it is told when there is more.
    awaited: Vec<StreamId>,
    /// When to look again whether it has to be told.
    news_ms: Option<u64>,
    /// Whether an answer to `resolve` or `ping` has come since it asked.
    is_news: bool,
}

impl Client {
    pub(crate) const fn new(port: PortIndex, generation: Generation) -> Self {
        Self {
            port,
            generation,
            streams: Table::new(),
            closing: VecDeque::new(),
            listeners: Table::new(),
            sockets: Table::new(),
            questions: Table::new(),
            pings: Table::new(),
            wanted: Wanted::new(),
            watched: None,
            awaited: Vec::new(),
            news_ms: None,
            is_news: false,
        }
    }

    /// The addresses of a name, once they are known.
    pub(crate) fn resolve(
        &mut self,
        machine: &mut Machine,
        firewall: &Firewall,
        name: &HostName,
    ) -> Result<Vec<Address>, NetError> {
        let attempt = Attempt {
            operation: Operation::Resolve,
            protocol: None,
            address: None,
            port: None,
            name: Some(name),
        };
        firewall.judge(self.port, &attempt, machine.now).map_err(|_| NetError::Denied)?;
        let is_it = |question: &Question| question.name == *name && !question.is_for_stream;
        let asked = self.questions.iter().find(|(_, question)| is_it(question)).map(|(number, _)| number);
        if let Some(number) = asked {
            let result = self.questions.get(number).and_then(Question::result).ok_or(NetError::WouldBlock)?;
            let addresses = result.as_ref().map_err(|error| *error);
            let addresses = addresses.map(|found| found.iter().map(|found| found.0.into()).collect());
            self.questions.remove(number);
            return addresses;
        }
        let known: Vec<Address> = firewall.known(self.port, name, machine.now).map(Address::from).collect();
        if !known.is_empty() {
            return Ok(known);
        }
        self.ask(machine, name.clone(), false)?;
        Err(NetError::WouldBlock)
    }

    /// Gives something back.
    pub(crate) fn close(&mut self, machine: &mut Machine, handle: Handle) -> Result<(), NetError> {
        let missing = NetError::NoSuchHandle;
        match handle {
            Handle::Stream(stream) => {
                let stream = self.streams.remove(stream.0).ok_or(missing)?;
                self.let_go(machine, stream);
            }
            Handle::Socket(socket) => {
                let socket = self.sockets.remove(socket.0).ok_or(missing)?;
                Self::close_socket(machine, &socket);
            }
            Handle::Listener(listener) => {
                let listener = self.listeners.remove(listener.0).ok_or(missing)?;
                self.close_listener(machine, listener);
            }
        }
        Ok(())
    }

    /// Gives everything back at once: the qube has ended. What is open is broken off. Gives the client of its next life,
    /// which has nothing but the resets that are still to be sent.
    pub(crate) fn end(mut self, machine: &mut Machine, next: Generation) -> Self {
        let listeners: Vec<Listener> = self.listeners.drain().collect();
        for listener in listeners {
            self.close_listener(machine, listener);
        }
        let streams: Vec<Stream> = self.streams.drain().collect();
        for stream in streams {
            match stream {
                Stream::Open { connection } => self.cut(machine, connection),
                other => self.let_go(machine, other),
            }
        }
        // What was closed and has nothing to send any more waits for nobody.
        let closing = core::mem::take(&mut self.closing);
        for closing in closing {
            self.hurry(machine, closing);
        }
        for mut question in self.questions.drain() {
            question.end(machine, Err(NetError::NoAnswer));
        }
        for socket in self.sockets.drain() {
            Self::close_socket(machine, &socket);
        }
        for mut ping in self.pings.drain() {
            ping.end(machine, Err(NetError::TimedOut));
        }
        Self { closing: self.closing, ..Self::new(self.port, next) }
    }

    /// Moves on whatever can be; answers of names become known to the firewall first, since streams need them.
    pub(crate) fn advance(&mut self, machine: &mut Machine, firewall: &mut Firewall) {
        let mut stale = None;
        for (number, question) in self.questions.iter_mut() {
            question.advance(machine);
            if let (Some(result), false) = (question.result(), question.is_told) {
                for (address, ttl_s) in result.iter().flatten() {
                    firewall.learn(self.port, &question.name, *address, *ttl_s, machine.now);
                }
                self.is_news |= !question.is_for_stream;
                question.is_told = true;
            }
            if question.is_stale(machine.now.ms) {
                stale = Some(number);
            }
        }
        // One a turn is enough: there are few.
        stale.and_then(|number| self.questions.remove(number));
        self.advance_streams(machine, firewall);
        self.refresh_neighbors(machine);
        self.advance_listeners(machine, firewall);
        self.is_news |= self.advance_pings(machine);
    }

    /// Cuts whatever the rules no longer allow.
    pub(crate) fn review(&mut self, machine: &mut Machine, firewall: &Firewall) {
        self.review_streams(machine, firewall);
        self.review_listeners(machine, firewall);
        self.review_sockets(machine, firewall);
        self.review_pings(machine, firewall);
    }

    /// How one thing is.
    pub(crate) fn readiness(&self, machine: &Machine, handle: Handle) -> Result<Readiness, NetError> {
        match handle {
            Handle::Stream(stream) => self.stream_readiness(machine, stream),
            Handle::Socket(socket) => self.socket_readiness(machine, socket),
            Handle::Listener(listener) => self.listener_readiness(listener),
        }
    }

    /// How these are; from now on the client waits to be told of a change.
    pub(crate) fn watch(
        &mut self,
        machine: &Machine,
        handles: &[Handle],
    ) -> Result<Vec<Readiness>, NetError> {
        let mut watched = Vec::with_capacity(handles.len());
        for handle in handles {
            watched.push((*handle, self.readiness(machine, *handle)?));
        }
        let readiness = watched.iter().map(|watched| watched.1).collect();
        self.watched = Some(watched);
        // It knows now how these are.
        self.awaited.retain(|stream| !handles.contains(&Handle::Stream(*stream)));
        Ok(readiness)
    }

    /// The client took what there was of a stream; whether it waits now to be told of more.
    pub(crate) fn set_awaited(&mut self, stream: StreamId, is_awaited: bool) {
        // So there are never more of these than streams.
        self.awaited.retain(|awaited| *awaited != stream && self.streams.get(awaited.0).is_some());
        if is_awaited {
            self.awaited.push(stream);
        }
    }

    /// Whether it waits to be told of anything.
    pub(crate) fn is_waiting(&self) -> bool {
        self.watched.is_some() || !self.awaited.is_empty()
    }

    /// Whether the client has to be told that something changed; it is told once.
    pub(crate) fn take_news(&mut self, machine: &Machine) -> bool {
        let (mut is_due, mut news_ms) = (false, None);
        let mut later = |due_ms: Option<u64>| news_ms = [news_ms, due_ms].into_iter().flatten().min();
        if let Some(watched) = self.watched.take() {
            is_due = watched.iter().any(|(handle, before)| self.has_changed(machine, *handle, before));
            if is_due || self.is_news {
                (is_due, self.is_news) = (true, false);
            } else {
                watched.iter().for_each(|(handle, _)| later(self.handle_due_ms(*handle)));
                self.watched = Some(watched);
            }
        }
        let mut awaited = core::mem::take(&mut self.awaited);
        awaited.retain(|stream| {
            let is_over = self.is_due(machine, *stream);
            // Nobody waits for a stream that was given back.
            is_due |= is_over && self.streams.get(stream.0).is_some();
            if !is_over {
                later(self.due_ms(*stream));
            }
            !is_over
        });
        (self.awaited, self.news_ms) = (awaited, news_ms);
        is_due
    }

    /// Whether something is otherwise than a client was told, in a way that is worth telling now.
    fn has_changed(&mut self, machine: &Machine, handle: Handle, before: &Readiness) -> bool {
        let after = self.readiness(machine, handle);
        match handle {
            // That there is something to read may wait for more of it.
            Handle::Stream(stream) if after == Ok(Readiness { readable: true, ..*before }) => {
                !before.readable && self.is_due(machine, stream)
            }
            _ => after != Ok(*before),
        }
    }

    fn handle_due_ms(&self, handle: Handle) -> Option<u64> {
        match handle {
            Handle::Stream(stream) => self.due_ms(stream),
            Handle::Socket(_) | Handle::Listener(_) => None,
        }
    }

    /// Whether it has anything that sends.
    pub(crate) fn has_sockets(&self) -> bool {
        let streams =
            self.streams.len().saturating_add(self.closing.len()).saturating_add(self.listeners.len());
        let others = self.sockets.len().saturating_add(self.questions.len()).saturating_add(self.pings.len());
        streams.saturating_add(others) > 0
    }

    /// When anything of it has to be looked at without a packet, in milliseconds.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        let questions = self.questions.iter().map(|(_, question)| question.next_ms()).min();
        [
            questions,
            self.wanted.next_ms(),
            self.next_stream_ms(),
            self.next_listener_ms(),
            self.next_ping_ms(),
            self.news_ms,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
