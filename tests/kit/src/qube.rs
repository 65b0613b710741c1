//! `TestQube`: what a program can ask of the qube it runs in. The names are those of `unikernels_rt::Qube`.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use ipc_proto_rpc::{Buffers, Port, PortFacts, SendError, Ticks};
use ipc_proto_types::{Generation, Label, PortIndex, Role};
use ipc_proto_wire::Service;
use supervisor_sim::{SECOND, UNIX_NS_AT_ZERO};
use unikernels_sdk::{Args, Clock, Servers, UnixTime, Wait};

use crate::guest::LifeIsOver;
use crate::wire::{Answer, Request};

/// What the manifest says of a qube.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) label: Label,
    pub(crate) args: String,
}

/// A qube, in one of its lives. Clones are the same qube.
#[derive(Clone)]
pub struct TestQube {
    link: Rc<Link>,
}

struct Link {
    facts: Arc<Facts>,
    ask: Sender<Request>,
    hear: Receiver<Answer>,
    /// Ports that were given out.
    taken: RefCell<Vec<usize>>,
}

impl Link {
    /// Asks and waits for the answer; unwinds when this life is over.
    fn ask(&self, request: Request) -> Answer {
        let told = self.ask.send(request).ok().and_then(|()| self.hear.recv().ok());
        told.unwrap_or_else(|| resume_unwind(Box::new(LifeIsOver)))
    }
}

impl TestQube {
    pub(crate) fn new(facts: Arc<Facts>, ask: Sender<Request>, hear: Receiver<Answer>) -> Self {
        Self { link: Rc::new(Link { facts, ask, hear, taken: RefCell::default() }) }
    }

    /// Says the last thing a program says.
    pub(crate) fn leave(&self, last: Request) {
        // Nobody listens when the life was ended from outside at this moment.
        let _ = self.link.ask.send(last);
    }

    /// Its name in the manifest.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.link.facts.name
    }

    /// Its trust colour.
    #[must_use]
    pub fn label(&self) -> Label {
        self.link.facts.label
    }

    /// The arguments of the manifest.
    #[must_use]
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.link.facts.args)
    }

    /// Which life of the qube this is.
    #[must_use]
    pub fn generation(&self) -> Generation {
        match self.link.ask(Request::Generation) {
            Answer::Generation(generation) => generation,
            other => unreachable!("{other:?} for a generation"),
        }
    }

    /// Our end of the next channel of this service that was not given out yet.
    #[must_use]
    pub fn port(&self, service: &str, role: Role) -> Option<TestPort> {
        let Answer::Ports(count) = self.link.ask(Request::Ports) else { return None };
        let mut taken = self.link.taken.borrow_mut();
        let wanted = |port: &usize| {
            let facts = facts(&self.link, *port);
            facts.service.as_str() == service && facts.role == role && !taken.contains(port)
        };
        let port = (0..count).find(wanted)?;
        taken.push(port);
        Some(TestPort { link: self.link.clone(), port })
    }

    /// The channel on which we call this service; again for the next one, if there are several.
    #[must_use]
    pub fn client(&self, service: &Service) -> Option<TestPort> {
        self.port(service.name, Role::Client)
    }

    /// All channels on which we serve this service, one for each client, ready to run.
    #[must_use]
    pub fn servers<const N: usize>(&self, service: &Service) -> Servers<'static, Self, TestPort, N> {
        let mut servers = Servers::new(self.clone());
        while let Some(port) = self.port(service.name, Role::Server) {
            servers.add(port, self.place(Buffers::new()));
        }
        servers
    }

    /// Moves a value into memory for the life of the qube. A test is short: it is never freed.
    #[must_use]
    pub fn place<T>(&self, value: T) -> &'static mut T {
        Box::leak(Box::new(value))
    }

    /// The virtual time, in ticks.
    #[must_use]
    pub fn now(&self) -> Ticks {
        now(&self.link)
    }

    /// How ticks and time belong together.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::new(SECOND, UNIX_NS_AT_ZERO)
    }

    /// The wall clock.
    #[must_use]
    pub fn unix_time(&self) -> UnixTime {
        self.clock().unix(self.now())
    }

    /// The deadline so many milliseconds from now.
    #[must_use]
    pub fn in_ms(&self, ms: u64) -> Ticks {
        self.now().after(self.clock().ticks_in_ms(ms))
    }

    /// Says that the qube is initialised.
    pub fn ready(&self) {
        self.link.ask(Request::Ready);
    }
}

impl Wait for TestQube {
    fn wait(&self, deadline: Option<Ticks>) {
        self.link.ask(Request::Wait(deadline.map_or(u64::MAX, |at| at.0)));
    }
}

fn facts(link: &Link, port: usize) -> PortFacts {
    match link.ask(Request::Facts(port)) {
        Answer::Facts(facts) => facts,
        other => unreachable!("{other:?} for facts"),
    }
}

fn now(link: &Link) -> Ticks {
    match link.ask(Request::Now) {
        Answer::Now(now) => Ticks(now),
        other => unreachable!("{other:?} for a time"),
    }
}

/// One end of a channel of a [`TestQube`].
pub struct TestPort {
    link: Rc<Link>,
    port: usize,
}

impl Port for TestPort {
    fn index(&self) -> PortIndex {
        let index = u8::try_from(self.port).ok().and_then(PortIndex::new);
        index.expect("the monitor numbers no more ports than there may be")
    }

    fn facts(&self) -> PortFacts {
        facts(&self.link, self.port)
    }

    fn acknowledge(&mut self) {
        self.link.ask(Request::Acknowledge(self.port));
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
        match self.link.ask(Request::Send(self.port, frame.to_vec())) {
            Answer::Sent(sent) => sent,
            other => unreachable!("{other:?} for a send"),
        }
    }

    fn flush(&mut self) {
        self.link.ask(Request::Flush(Some(self.port)));
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        match self.link.ask(Request::Receive(self.port)) {
            Answer::Received(message) => {
                let message = message?;
                // A message that does not fit is dropped, as on the machine.
                into.get_mut(..message.len())?.copy_from_slice(&message);
                Some(message.len())
            }
            other => unreachable!("{other:?} for a message"),
        }
    }

    fn wait(&mut self, deadline: Option<Ticks>) {
        self.link.ask(Request::Wait(deadline.map_or(u64::MAX, |at| at.0)));
    }

    fn now(&self) -> Ticks {
        now(&self.link)
    }

    fn ticks_per_second(&self) -> u64 {
        SECOND
    }
}
