//! A qube that the test itself plays, with the real client of `ipc_proto_rpc`: a call is a line of the test, and the whole
//! system runs while it waits.

use std::cell::{RefCell, RefMut};

use ipc_proto_rpc::{Port, PortFacts, SendError};
use ipc_proto_types::{PortIndex, QubeIndex};
use supervisor_vcpu::{Exit, Ticks};

use crate::cpu::Cpu;
use crate::driver::Driver;
use crate::world::{SECOND, Stop, World};

/// How long a wait may last: longer than anything a test waits for.
const FOREVER: u64 = 1 << 50;

/// The qube. Its methods take it shared, so that clients on several of its ports can be in use at once.
pub struct Driven<'w, 'a, 'p> {
    world: RefCell<&'w mut World<'a, 'p>>,
    driver: RefCell<Driver>,
    qube: QubeIndex,
}

impl<'w, 'a, 'p> Driven<'w, 'a, 'p> {
    /// Waits for the first turn of `qube` and sets its device up.
    ///
    /// # Panics
    /// When its turn never comes.
    pub fn start(world: &'w mut World<'a, 'p>, qube: QubeIndex) -> Self {
        let stop = world.run_for(FOREVER);
        assert!(
            matches!(stop, Stop::Driven { qube: turn, .. } if turn == qube),
            "{qube} has no turn: {stop:?}"
        );
        let driver = world.with_cpu(qube, Driver::new);
        let driven = Self { world: RefCell::new(world), driver: RefCell::new(driver), qube };
        driven.settle();
        driven
    }

    /// The system it is part of.
    pub fn world(&self) -> RefMut<'_, &'w mut World<'a, 'p>> {
        self.world.borrow_mut()
    }

    /// The time.
    pub fn now(&self) -> u64 {
        self.world.borrow().now()
    }

    /// Looks at what the qube can reach.
    pub fn with<T>(&self, look: impl FnOnce(&mut Driver, &mut Cpu<'_>) -> T) -> T {
        let driver = &mut *self.driver.borrow_mut();
        self.world().with_cpu(self.qube, |cpu| look(driver, cpu))
    }

    /// Leaves by `exit` and runs the world until the qube goes on. Gives the result.
    ///
    /// # Panics
    /// When it never does.
    pub fn leave(&self, exit: Exit) -> u32 {
        let mut world = self.world();
        world.leave(self.qube, exit);
        match world.run_for(FOREVER) {
            Stop::Driven { qube, result } if qube == self.qube => result.unwrap_or(0),
            stop => panic!("{} never came back from {exit:?}: {stop:?}", self.qube),
        }
    }

    /// Leaves by `exit` for good.
    pub fn end(self, exit: Exit) {
        self.world().leave(self.qube, exit);
    }

    fn next_exit(&self) -> Option<Exit> {
        self.driver.borrow_mut().next_exit()
    }

    /// Leaves by every exit that the driver wants.
    pub fn settle(&self) {
        while let Some(exit) = self.next_exit() {
            self.leave(exit);
        }
    }

    /// Sends what is queued and sleeps until something moves or `deadline`. Gives the wake bits.
    pub fn wait(&self, deadline: Ticks) -> u32 {
        let mut exit = self.with(|driver, cpu| driver.wait(cpu, deadline));
        loop {
            let result = self.leave(exit);
            match self.next_exit() {
                Some(next) => exit = next,
                None => return result,
            }
        }
    }

    /// Sleeps for so long, whatever moves.
    pub fn sleep(&self, ticks: u64) {
        let end = self.now() + ticks;
        while self.now() < end {
            self.wait(Ticks(end));
        }
    }

    /// Queues a frame and sends it; whatever the state of the port.
    ///
    /// # Panics
    /// When there is no room.
    pub fn send(&self, port: usize, frame: &[u8]) {
        self.with(|driver, cpu| driver.send_anyway(cpu, port, frame)).expect("room for a frame");
        self.driver.borrow_mut().flush(Some(port));
        self.settle();
    }

    /// Takes one message that has arrived.
    pub fn receive(&self, port: usize) -> Option<Vec<u8>> {
        self.with(|driver, cpu| driver.receive(cpu, port))
    }

    /// Waits, at most a second, for a message.
    pub fn next_message(&self, port: usize) -> Option<Vec<u8>> {
        let end = self.now() + SECOND;
        loop {
            let message = self.receive(port);
            if message.is_some() || self.now() >= end {
                return message;
            }
            self.wait(Ticks(end));
        }
    }

    /// What the info page says of a port.
    pub fn facts(&self, port: usize) -> PortFacts {
        self.with(|driver, cpu| driver.facts(cpu, port))
    }

    /// A port for a typed client.
    pub fn port(&self, port: usize) -> DrivenPort<'_, 'w, 'a, 'p> {
        DrivenPort { driven: self, port }
    }
}

/// A port of a driven qube.
pub struct DrivenPort<'d, 'w, 'a, 'p> {
    driven: &'d Driven<'w, 'a, 'p>,
    port: usize,
}

impl Port for DrivenPort<'_, '_, '_, '_> {
    fn index(&self) -> PortIndex {
        PortIndex::new(u8::try_from(self.port).expect("a port")).expect("a port")
    }

    fn facts(&self) -> PortFacts {
        self.driven.facts(self.port)
    }

    fn acknowledge(&mut self) {
        let port = self.port;
        self.driven.with(|driver, cpu| driver.acknowledge(cpu, port));
        self.driven.settle();
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
        let port = self.port;
        self.driven.with(|driver, cpu| driver.send(cpu, port, frame))
    }

    fn flush(&mut self) {
        self.driven.driver.borrow_mut().flush(Some(self.port));
        self.driven.settle();
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        let message = self.driven.receive(self.port)?;
        into[..message.len()].copy_from_slice(&message);
        Some(message.len())
    }

    fn wait(&mut self, deadline: Option<ipc_proto_rpc::Ticks>) {
        self.driven.wait(deadline.map_or(Ticks::NEVER, |at| Ticks(at.0)));
    }

    fn now(&self) -> ipc_proto_rpc::Ticks {
        ipc_proto_rpc::Ticks(self.driven.now())
    }

    fn ticks_per_second(&self) -> u64 {
        SECOND
    }
}
