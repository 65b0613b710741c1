//! Guests that keep to the rules.

use ipc_proto_echo_api as echo;
use ipc_proto_rpc::{Caller, PortState, SendError};
use ipc_proto_types::{Bytes, Kind, Role, Text};
use ipc_proto_wire::{Header, Service};
use supervisor_sim::{Cpu, Driver, Guest, ServerPort};
use supervisor_vcpu::{Exit, Ticks};

/// A frame as bytes.
///
/// # Panics
/// When the body is over 4 GiB.
#[must_use]
pub fn frame(service: &Service, method: u16, kind: Kind, correlation: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a short body");
    let mut bytes = Header { schema: service.id, method, kind, correlation, length }.to_bytes().to_vec();
    bytes.extend(body);
    bytes
}

/// A qube that sets its device up, and then does the same after every wake.
pub struct Qube<F> {
    driver: Option<Driver>,
    turn: F,
}

impl<F: FnMut(&mut Driver, &mut Cpu<'_>) -> Ticks> Qube<F> {
    /// `turn` is played after every wake and says until when to wait.
    pub fn new(turn: F) -> Self {
        Self { driver: None, turn }
    }
}

impl<F: FnMut(&mut Driver, &mut Cpu<'_>) -> Ticks> Guest for Qube<F> {
    fn run(&mut self, cpu: &mut Cpu<'_>) -> Exit {
        let driver = self.driver.get_or_insert_with(|| Driver::new(cpu));
        if let Some(exit) = driver.next_exit() {
            return exit;
        }
        let deadline = (self.turn)(driver, cpu);
        driver.wait(cpu, deadline)
    }
}

/// The service `echo`, in one life.
#[derive(Debug, Default)]
pub struct Echo {
    sunk: u64,
}

impl echo::Echo for Echo {
    fn say(&mut self, _: &Caller, text: Text<1024>) -> Text<1024> {
        text
    }

    fn bytes(&mut self, _: &Caller, data: Bytes<64>) -> Bytes<64> {
        data
    }

    fn sink(&mut self, _: &Caller, _: Bytes<64>) {
        self.sunk += 1;
    }

    fn sunk(&mut self, _: &Caller) -> u64 {
        self.sunk
    }
}

/// A qube that serves `echo` on all its server ports, with the real code of a server.
#[derive(Default)]
pub struct EchoServer {
    driver: Option<Driver>,
    buffers: Vec<echo::Buffers>,
    echo: Echo,
}

impl Guest for EchoServer {
    fn run(&mut self, cpu: &mut Cpu<'_>) -> Exit {
        let driver = self.driver.get_or_insert_with(|| Driver::new(cpu));
        if let Some(exit) = driver.next_exit() {
            return exit;
        }
        self.buffers.resize_with(driver.ports.len(), echo::Buffers::new);
        for (port, buffers) in self.buffers.iter_mut().enumerate() {
            if driver.facts(cpu, port).role == Role::Server {
                echo::serve(&mut self.echo, &mut ServerPort::new(driver, cpu, port), buffers);
            }
        }
        driver.wait(cpu, Ticks::NEVER)
    }
}

/// A qube that computes for ever.
pub struct Spinner;

impl Guest for Spinner {
    fn run(&mut self, _: &mut Cpu<'_>) -> Exit {
        Exit::Interrupt
    }
}

/// A qube that says `sink` so often on port 0, as fast as its queue takes it, and then sleeps.
pub struct Streamer {
    driver: Option<Driver>,
    /// Messages still to be queued.
    pub left: u64,
}

impl Streamer {
    /// Says it `count` times.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self { driver: None, left: count }
    }
}

impl Guest for Streamer {
    fn run(&mut self, cpu: &mut Cpu<'_>) -> Exit {
        let driver = self.driver.get_or_insert_with(|| Driver::new(cpu));
        if let Some(exit) = driver.next_exit() {
            return exit;
        }
        if driver.state(cpu, 0) == PortState::Restarted {
            driver.acknowledge(cpu, 0);
        }
        let message = frame(&echo::SERVICE, 2, Kind::Event, 0, &[&[64][..], &[7; 64]].concat());
        while self.left > 0 {
            match driver.send(cpu, 0, &message) {
                Ok(()) => self.left -= 1,
                Err(SendError::Full | SendError::Closed | SendError::Restarted) => break,
                Err(SendError::TooLarge) => unreachable!("a sink message fits"),
            }
        }
        driver.wait(cpu, Ticks::NEVER)
    }
}
