//! A guest that calls `echo` again and again and writes down what it got: a canary beside a hostile qube, or a client whose
//! server is killed.

use std::cell::RefCell;
use std::rc::Rc;

use ipc_proto_echo_api as echo;
use ipc_proto_rpc::PortState;
use ipc_proto_types::{ErrorCode, Generation, Kind};
use ipc_proto_wire::{HEADER_SIZE, Header};
use supervisor_sim::{Cpu, Driver, Guest, Rng, SECOND};
use supervisor_vcpu::{Exit, Ticks};

use crate::guests::frame;

/// How long a call waits for its reply.
const TIMEOUT: u64 = 2 * SECOND;
/// Bytes of a call's argument.
const DATA: u8 = 64;

/// What a [`Caller`] got, in all its lives.
#[derive(Debug, Default)]
pub struct Diary {
    /// Calls made.
    pub calls: u64,
    /// Right replies.
    pub replies: u64,
    /// Calls refused, and why.
    pub errors: Vec<ErrorCode>,
    /// Restarts of the server, and into which life.
    pub restarts: Vec<Generation>,
    /// Calls without an answer in time.
    pub timeouts: u64,
    /// Ticks of the slowest reply.
    pub slowest: u64,
}

/// A diary that the test keeps too.
pub type Shared = Rc<RefCell<Diary>>;

/// The guest.
pub struct Caller {
    driver: Option<Driver>,
    diary: Shared,
    rng: Rng,
    period: u64,
    correlation: u64,
    /// The call that waits for its reply, and since when.
    open: Option<([u8; DATA as usize], u64)>,
    next: u64,
}

impl Caller {
    /// Calls on port 0 every `period` ticks, or as soon as the last call is over.
    #[must_use]
    pub fn new(period: u64, diary: &Shared, rng: Rng) -> Self {
        Self { driver: None, diary: diary.clone(), rng, period, correlation: 0, open: None, next: 0 }
    }

    /// Looks at a message.
    fn hear(&mut self, message: &[u8], now: u64) {
        let (header, body) = Header::parse(message).expect("the supervisor delivers frames only");
        assert_eq!(header.schema, echo::SERVICE.id);
        if header.correlation != self.correlation {
            // Of a call that was given up.
            assert!(header.correlation < self.correlation, "a reply to no call of ours");
            return;
        }
        let (data, since) = self.open.take().expect("one answer to one call");
        let mut diary = self.diary.borrow_mut();
        match header.kind {
            Kind::Reply => {
                assert_eq!(body[1..], data, "a reply to somebody else's call");
                diary.replies += 1;
                diary.slowest = diary.slowest.max(now - since);
            }
            Kind::Error => diary.errors.push(ErrorCode::from_u8(message[HEADER_SIZE]).expect("a code")),
            other => panic!("a {other:?} of an echo server"),
        }
    }

    fn call(&mut self, driver: &mut Driver, cpu: &mut Cpu<'_>) {
        let mut data = [0; DATA as usize];
        self.rng.fill(&mut data);
        let body = [&[DATA][..], &data].concat();
        let message = frame(&echo::SERVICE, 1, Kind::Call, self.correlation + 1, &body);
        if driver.send(cpu, 0, &message).is_ok() {
            self.correlation += 1;
            self.open = Some((data, cpu.now()));
            self.next = cpu.now() + self.period;
            self.diary.borrow_mut().calls += 1;
        }
    }

    fn turn(&mut self, driver: &mut Driver, cpu: &mut Cpu<'_>) -> Exit {
        while let Some(message) = driver.receive(cpu, 0) {
            self.hear(&message, cpu.now());
        }
        let facts = driver.facts(cpu, 0);
        if facts.state == PortState::Restarted {
            driver.acknowledge(cpu, 0);
            (self.correlation, self.open) = (0, None);
            self.diary.borrow_mut().restarts.push(facts.peer_generation);
            return driver.next_exit().expect("an acknowledgement");
        }
        if self.open.is_some_and(|(_, since)| cpu.now() >= since + TIMEOUT) {
            self.open = None;
            self.diary.borrow_mut().timeouts += 1;
        }
        let open = facts.state == PortState::Open;
        if open && self.open.is_none() && cpu.now() >= self.next {
            self.call(driver, cpu);
        }
        let deadline = match self.open {
            Some((_, since)) => Ticks(since + TIMEOUT),
            None if open && cpu.now() < self.next => Ticks(self.next),
            None => Ticks::NEVER,
        };
        driver.wait(cpu, deadline)
    }
}

impl Guest for Caller {
    fn run(&mut self, cpu: &mut Cpu<'_>) -> Exit {
        let mut driver = self.driver.take().unwrap_or_else(|| Driver::new(cpu));
        let exit = driver.next_exit().unwrap_or_else(|| self.turn(&mut driver, cpu));
        self.driver = Some(driver);
        exit
    }
}
