//! The controller: bring-up (7.6.1), waiting for it, and taking it down.

use unikernels_disk::{Dma, Registers, Wait};

use crate::capabilities::{
    ACQ, AQA, ASQ, CC, CC_ENABLE, CC_RUN, CC_SHUTDOWN, CSTS, CSTS_FATAL, CSTS_READY, CSTS_SHUTDOWN,
    CSTS_SHUTDOWN_DONE, Capabilities,
};
use crate::command::{About, Command};
use crate::error::{Error, Status};
use crate::identify::{Answer, Controller, Info, first_namespace};
use crate::layout::{self, ADMIN_CQ, ADMIN_SQ, ARENA_MIN, IDENTIFY, IO_CQ, IO_SQ, PAGE};
use crate::queue::Queue;

/// How long a command may take. A disk that spins up or collects garbage takes seconds; a silent one must not hang its clients.
const COMMAND_TIMEOUT_NS: u64 = 10_000_000_000;
/// How long a shutdown may take when it is the controller's turn: it empties its write cache.
const SHUTDOWN_TIMEOUT_NS: u64 = 10_000_000_000;
/// Registers change without an interrupt, so they are looked at this often.
const REGISTER_POLL_NS: u64 = 1_000_000;
/// A controller that died sends no interrupt either, so while waiting for one its status is looked at this often.
const STATUS_POLL_NS: u64 = 100_000_000;
/// The number of the I/O queues; the admin queues have 0.
const IO: u16 = 1;

#[derive(Debug, Clone, Copy)]
enum State {
    Down,
    Up(Info),
    Failed(Error),
}

/// An NVMe controller and its first namespace.
#[derive(Debug)]
pub struct Nvme<R, D, W> {
    pub(crate) registers: R,
    pub(crate) dma: D,
    pub(crate) wait: W,
    pub(crate) io: Queue,
    /// Commands in flight at most.
    pub(crate) slots: usize,
    admin: Queue,
    ready_timeout_ns: u64,
    state: State,
}

impl<R: Registers, D: Dma, W: Wait> Nvme<R, D, W> {
    /// A driver for the controller behind `registers`, which is not touched yet.
    ///
    /// # Errors
    /// [`Error::Arena`].
    pub fn new(registers: R, dma: D, wait: W) -> Result<Self, Error> {
        let fits = dma.bus().checked_add(dma.len_bytes() as u64).is_some();
        if dma.len_bytes() < ARENA_MIN || !dma.bus().is_multiple_of(PAGE as u64) || !fits {
            return Err(Error::Arena);
        }
        Ok(Self {
            registers,
            dma,
            wait,
            io: Queue::default(),
            slots: 0,
            admin: Queue::default(),
            ready_timeout_ns: 0,
            state: State::Down,
        })
    }

    /// Resets the controller and brings it up. Whether writes since the last flush before a failure are there is unknown.
    ///
    /// # Errors
    /// See [`Error`]; it is disabled then, as far as it obeys, and [`Self::info`] has the same error.
    pub fn start(&mut self) -> Result<Info, Error> {
        match self.bring_up() {
            Ok(info) => {
                self.state = State::Up(info);
                Ok(info)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// What is known of the disk.
    ///
    /// # Errors
    /// [`Error::NotStarted`], or why it does not run.
    pub fn info(&self) -> Result<Info, Error> {
        match self.state {
            State::Up(info) => Ok(info),
            State::Down => Err(Error::NotStarted),
            State::Failed(error) => Err(error),
        }
    }

    /// Shuts the controller down, which empties its write cache, and disables it: afterwards it leaves the DMA memory alone.
    ///
    /// # Errors
    /// [`Error::NotReady`], [`Error::Fatal`], [`Error::Gone`]; whether it still uses the DMA memory is then unknown.
    pub fn shutdown(&mut self) -> Result<(), Error> {
        self.info()?;
        self.state = State::Down;
        self.registers.write_u32(CC, CC_RUN | CC_SHUTDOWN);
        self.wait_status(CSTS_SHUTDOWN, CSTS_SHUTDOWN_DONE, SHUTDOWN_TIMEOUT_NS)?;
        self.disable()
    }

    /// Takes the controller out of service because of `error`.
    pub(crate) fn fail(&mut self, error: Error) -> Error {
        // What it answers is of no use: the error is told already, and `start` refuses until it is disabled.
        let _ = self.disable();
        self.state = State::Failed(error);
        error
    }

    fn bring_up(&mut self) -> Result<Info, Error> {
        let caps = Capabilities::read(&mut self.registers)?;
        self.ready_timeout_ns = caps.timeout_ns;
        self.disable()?;
        self.prepare(&caps);
        let bus = self.dma.bus();
        let size = u32::from(caps.entries - 1);
        self.registers.write_u32(AQA, size << 16 | size);
        self.registers.write_u64(ASQ, bus + ADMIN_SQ as u64);
        self.registers.write_u64(ACQ, bus + ADMIN_CQ as u64);
        self.registers.write_u32(CC, CC_RUN);
        self.wait_status(CSTS_READY, CSTS_READY, self.ready_timeout_ns)?;

        let controller = Controller::read(&self.identify(About::Controller, 0)?)?;
        let namespace = first_namespace(&self.identify(About::ActiveNamespaces, 0)?)?;
        let info = Info::read(controller, namespace, &self.identify(About::Namespace, namespace)?)?;
        self.admin(&Command::one_queue())?;
        self.admin(&Command::create_completion(IO, caps.entries, bus + IO_CQ as u64))?;
        self.admin(&Command::create_submission(IO, caps.entries, bus + IO_SQ as u64))?;
        Ok(info)
    }

    /// Empty queues, and the PRP lists of all slots. The controller is disabled.
    fn prepare(&mut self, caps: &Capabilities) {
        self.slots = layout::slots(self.dma.len_bytes()).min(usize::from(caps.entries) - 1);
        self.admin = Queue::new(0, caps, (ADMIN_SQ, ADMIN_CQ), &mut self.dma);
        self.io = Queue::new(IO, caps, (IO_SQ, IO_CQ), &mut self.dma);
        for (entry, page) in (0..self.slots).flat_map(layout::list) {
            self.dma.write_u64(entry, self.dma.bus() + page as u64);
        }
    }

    fn identify(&mut self, about: About, namespace: u32) -> Result<Answer, Error> {
        self.admin(&Command::identify(about, namespace, self.dma.bus() + IDENTIFY as u64))?;
        let mut answer = [0; PAGE];
        self.dma.copy_out(IDENTIFY, &mut answer);
        Ok(answer)
    }

    /// One admin command, to its end.
    fn admin(&mut self, command: &Command) -> Result<(), Error> {
        self.admin.push(&mut self.dma, 0, command)?;
        finish(&mut self.admin, &mut self.registers, &self.dma, &mut self.wait)
    }

    /// Sends what was pushed to the I/O queue, and waits until nothing is in flight.
    pub(crate) fn run(&mut self) -> Result<(), Error> {
        finish(&mut self.io, &mut self.registers, &self.dma, &mut self.wait)
    }

    fn disable(&mut self) -> Result<(), Error> {
        if self.ready_timeout_ns == 0 {
            // Nothing is known of it, so nothing was started.
            return Ok(());
        }
        let running = self.registers.read_u32(CC) & CC_ENABLE != 0;
        let status = self.registers.read_u32(CSTS);
        if running && status & (CSTS_READY | CSTS_FATAL) == 0 {
            // Enabled but not ready: clearing CC.EN now would be undefined (3.1.5). If it never gets ready there is no other way.
            let _ = self.wait_status(CSTS_READY, CSTS_READY, self.ready_timeout_ns);
        }
        self.registers.write_u32(CC, 0);
        let deadline = self.wait.now_ns().saturating_add(self.ready_timeout_ns);
        // A fatal status stays until the reset is done, so it does not count here.
        wait_for(&mut self.registers, &mut self.wait, deadline, |status| status & CSTS_READY == 0)
    }

    /// Waits until CSTS has `value` under `mask`.
    fn wait_status(&mut self, mask: u32, value: u32, timeout_ns: u64) -> Result<(), Error> {
        let deadline = self.wait.now_ns().saturating_add(timeout_ns);
        let arrived = |status: u32| status & CSTS_FATAL != 0 || status & mask == value;
        wait_for(&mut self.registers, &mut self.wait, deadline, arrived)?;
        check(&mut self.registers)
    }
}

/// Waits until CSTS is as wanted.
fn wait_for(
    registers: &mut impl Registers,
    wait: &mut impl Wait,
    deadline_ns: u64,
    arrived: impl Fn(u32) -> bool,
) -> Result<(), Error> {
    loop {
        let status = registers.read_u32(CSTS);
        if status == u32::MAX {
            return Err(Error::Gone);
        }
        if arrived(status) {
            return Ok(());
        }
        let now = wait.now_ns();
        if now >= deadline_ns {
            return Err(Error::NotReady);
        }
        wait.wait(deadline_ns.min(now.saturating_add(REGISTER_POLL_NS)));
    }
}

/// That the controller is there and alive.
fn check(registers: &mut impl Registers) -> Result<(), Error> {
    match registers.read_u32(CSTS) {
        u32::MAX => Err(Error::Gone),
        status if status & CSTS_FATAL != 0 => Err(Error::Fatal),
        _ => Ok(()),
    }
}

/// Rings once, and takes completions until nothing is in flight. Every turn takes one of at most as many commands as there are
/// slots, or waits, and waiting ends with the time for a command.
fn finish(
    queue: &mut Queue,
    registers: &mut impl Registers,
    dma: &impl Dma,
    wait: &mut impl Wait,
) -> Result<(), Error> {
    queue.ring(registers);
    let deadline = wait.now_ns().saturating_add(COMMAND_TIMEOUT_NS);
    let mut first: Option<Status> = None;
    let mut woken = false;
    loop {
        let mut taken = false;
        while queue.is_busy() {
            let Some(status) = queue.take(dma)? else { break };
            first = first.or(status);
            taken = true;
        }
        if taken {
            queue.acknowledge(registers);
        }
        if !queue.is_busy() {
            return first.map_or(Ok(()), |status| Err(Error::Status(status)));
        }
        if woken && !taken {
            check(registers)?;
        }
        let now = wait.now_ns();
        if now >= deadline {
            return Err(Error::Timeout);
        }
        wait.wait(deadline.min(now.saturating_add(STATUS_POLL_NS)));
        woken = true;
    }
}
