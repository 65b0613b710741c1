//! `ProgramGuest`: a qube of the simulated machine whose code is a thread with a blocking program.
//!
//! Invariant: the thread and the machine never run at the same time. The machine waits for the thread's next question; the
//! thread waits for the answer, which for a question that leaves the qube comes when the machine runs the qube again.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use ipc_proto_types::Generation;
use supervisor_mem::Gpa;
use supervisor_monitor::{Page, page_offset};
use supervisor_sim::{Cpu, Driver, Guest};
use supervisor_vcpu::{Exit, Ticks};

use crate::qube::{Facts, TestQube};
use crate::wire::{Answer, Request};

/// What a qube runs.
pub(crate) type Program = Arc<dyn Fn(TestQube) -> i32 + Send + Sync>;

/// Longest last words of a program, in bytes: what the supervisor keeps of them.
const WORDS_MAX: usize = 200;

/// Unwinds a program whose life is over.
pub(crate) struct LifeIsOver;

/// One life of a qube.
pub(crate) struct ProgramGuest {
    program: Program,
    facts: Arc<Facts>,
    driver: Option<Driver>,
    thread: Option<Thread>,
    /// The question that left the qube is answered by this when it runs again.
    owed: Option<Answer>,
}

/// The running program.
struct Thread {
    requests: Receiver<Request>,
    answers: Option<Sender<Answer>>,
    handle: Option<JoinHandle<()>>,
}

impl ProgramGuest {
    pub(crate) fn new(program: Program, facts: Arc<Facts>) -> Self {
        Self { program, facts, driver: None, thread: None, owed: None }
    }
}

impl Guest for ProgramGuest {
    fn run(&mut self, cpu: &mut Cpu<'_>) -> Exit {
        let driver = self.driver.get_or_insert_with(|| Driver::new(cpu));
        if let Some(exit) = driver.next_exit() {
            return exit;
        }
        let thread = self.thread.get_or_insert_with(|| Thread::start(&self.program, &self.facts));
        if let Some(answer) = self.owed.take() {
            thread.tell(answer);
        }
        loop {
            match serve(thread.next(), driver, cpu) {
                Served::Here(answer) => thread.tell(answer),
                Served::Leaves(exit) => {
                    self.owed = Some(Answer::Done);
                    return exit;
                }
                Served::Ends(exit) => return exit,
            }
        }
    }
}

/// What came of a question.
enum Served {
    /// This answer, at once.
    Here(Answer),
    /// The qube leaves; it is done when the qube runs again.
    Leaves(Exit),
    /// The life is over.
    Ends(Exit),
}

fn serve(request: Request, driver: &mut Driver, cpu: &mut Cpu<'_>) -> Served {
    Served::Here(match request {
        Request::Ports => Answer::Ports(driver.ports.len()),
        Request::Facts(port) => Answer::Facts(driver.facts(cpu, port)),
        Request::Send(port, frame) => Answer::Sent(driver.send(cpu, port, &frame)),
        Request::Receive(port) => Answer::Received(driver.receive(cpu, port)),
        Request::Now => Answer::Now(cpu.now()),
        Request::Generation => {
            Answer::Generation(Generation(cpu.page_u32(Page::Info, page_offset::GENERATION)))
        }
        Request::Acknowledge(port) => {
            driver.acknowledge(cpu, port);
            return leaves(driver);
        }
        Request::Flush(port) => {
            driver.flush(port);
            return leaves(driver);
        }
        Request::Wait(deadline) => return Served::Leaves(driver.wait(cpu, Ticks(deadline))),
        Request::Ready => return Served::Leaves(Exit::Ready),
        Request::Finish(code) => {
            driver.flush(None);
            driver.want(Exit::Finish { code });
            return driver.next_exit().map_or(Served::Here(Answer::Done), Served::Ends);
        }
        Request::Panic(words) => return Served::Ends(last_words(&words, driver, cpu)),
    })
}

/// The first exit that the driver wants now, if it wants any.
fn leaves(driver: &mut Driver) -> Served {
    driver.next_exit().map_or(Served::Here(Answer::Done), Served::Leaves)
}

/// Puts the words into memory, after a length and a pointer, as `unikernels-rt` does.
fn last_words(words: &str, driver: &mut Driver, cpu: &mut Cpu<'_>) -> Exit {
    let words = words.get(..words.floor_char_boundary(WORDS_MAX)).unwrap_or_default();
    let at = driver.arena.cut(16 + words.len() as u64, 16);
    let text = at + 16;
    let header = [(words.len() as u64).to_le_bytes(), text.to_le_bytes()].concat();
    for (at, bytes) in [(at, header.as_slice()), (text, words.as_bytes())] {
        cpu.ram().write(at, bytes).expect("the arena is the qube's own memory");
    }
    Exit::Panic { at: Gpa(at) }
}

impl Thread {
    fn start(program: &Program, facts: &Arc<Facts>) -> Self {
        let (ask, requests) = channel();
        let (answers, hear) = channel();
        let (program, facts) = (program.clone(), facts.clone());
        let run = move || {
            let qube = TestQube::new(facts, ask, hear);
            let ended = catch_unwind(AssertUnwindSafe(|| program(qube.clone())));
            match ended {
                Ok(code) => qube.leave(Request::Finish(code)),
                Err(payload) if payload.is::<LifeIsOver>() => {}
                Err(payload) => qube.leave(Request::Panic(words(payload.as_ref()))),
            }
        };
        let handle = std::thread::spawn(run);
        Self { requests, answers: Some(answers), handle: Some(handle) }
    }

    /// The program's next question.
    fn next(&self) -> Request {
        self.requests.recv().expect("a program ends by saying so")
    }

    fn tell(&self, answer: Answer) {
        // A program that does not hear has said its last words.
        let _ = self.answers.as_ref().map(|answers| answers.send(answer));
    }
}

impl Drop for Thread {
    /// The life is over: the program finds nobody to answer and unwinds.
    fn drop(&mut self) {
        drop(self.answers.take());
        if let Some(Err(payload)) = self.handle.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}

/// The words of a panic.
fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".into())
}
