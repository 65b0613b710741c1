//! The canary: works quietly beside attackers and tells whether it noticed anything.
//!
//! In rounds it looks after a pattern in its memory, calls the honest `echo` on its first channel and checks the answers,
//! and measures how long a fixed piece of work takes. On its further channels it calls attackers that pose as `echo`, and
//! notes what it gets. From `ctl` it learns what became of the others and what the audit says of them. When all attackers
//! have ended (or argument `for_ms` is over: then it kills them), it logs its findings as `canary: ...` lines and powers
//! the system off. The last line is `canary: ok rounds=N`, or there was a `canary: broken` one.
//!
//! Arguments: `for_ms`, virtual milliseconds it waits for the attackers to end; `steps`, how long its work is.
//! Not here: what each attack should have led to (`tests/hostile`).

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod ledger;
mod peers;
mod work;

use ipc_proto_ctl_api::{self as ctl, CtlClient, EndReason, QubeState};
use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_rpc::CallError;
use ipc_proto_types::{Bytes, QubeIndex, Text};
use unikernels_rt::{Channel, Qube, log, main};

use crate::ledger::Ledger;
use crate::peers::Peers;
use crate::work::{Pattern, Share};

main!(canary);

/// Rounds before the canary may say that all is well.
const ROUNDS_MIN: u64 = 20;
/// How long it waits for the attackers to end unless told otherwise.
const FOR_MS: u64 = 10_000;
/// The longest it sleeps between two rounds.
const PAUSE_MS: u64 = 1;
/// The first qubes of a system with a canary are the canary and the honest server.
const ATTACKERS: usize = 2;

/// What may go wrong, as the rest of a `canary: broken` line.
#[derive(Debug)]
#[expect(dead_code, reason = "the fields are what the line says")]
enum Broken {
    Memory,
    Answer,
    Call(CallError),
    Control(CallError),
}

fn canary(qube: Qube) -> i32 {
    let (Some(server), Some(control)) = (qube.client(&echo::SERVICE), qube.client(&ctl::SERVICE)) else {
        log!("canary: broken: no channels");
        return 1;
    };
    let mut life = Life {
        qube,
        echo: EchoClient::new(qube.place(server)),
        ctl: CtlClient::new(qube.place(control)),
        peers: Peers::find(qube),
        pattern: Pattern::new(qube),
        share: Share::new(qube),
        ledger: Ledger::new(),
        rounds: 0,
    };
    let broken = life.watch().and_then(|()| life.tell());
    match broken {
        Ok(()) => log!("canary: ok rounds={}", life.rounds),
        Err(broken) => log!("canary: broken: {broken:?} in round {}", life.rounds),
    }
    // Nobody is left to hear of a failure.
    let _ = life.ctl.poweroff();
    0
}

struct Life {
    qube: Qube,
    echo: EchoClient<'static, Channel>,
    ctl: CtlClient<'static, Channel>,
    peers: Peers,
    pattern: Pattern,
    share: Share,
    ledger: Ledger,
    rounds: u64,
}

impl Life {
    /// Rounds until the attackers have ended or the time is over.
    fn watch(&mut self) -> Result<(), Broken> {
        let for_ms = self.qube.args().number("for_ms").unwrap_or(FOR_MS);
        let until = self.qube.in_ms(for_ms);
        while self.qube.now() < until {
            self.round()?;
            if self.rounds >= ROUNDS_MIN && self.all_ended()? {
                break;
            }
            self.qube.wait(Some(self.qube.in_ms(PAUSE_MS)));
        }
        self.ledger.read(&mut self.ctl).map_err(Broken::Control)
    }

    fn round(&mut self) -> Result<(), Broken> {
        self.rounds += 1;
        if !self.pattern.is_whole() {
            return Err(Broken::Memory);
        }
        self.pattern.renew(self.rounds);
        let text = Text::<1024>::truncated("the canary sings, grün und laut");
        let start = self.qube.now();
        if self.echo.say(text.clone()).map_err(Broken::Call)? != text {
            return Err(Broken::Answer);
        }
        self.share.answered(start, self.qube);
        let data = Bytes::from([(self.rounds & 0xff) as u8; 64]);
        if self.echo.bytes(data.clone()).map_err(Broken::Call)? != data {
            return Err(Broken::Answer);
        }
        self.share.measure(self.qube);
        self.ledger.read(&mut self.ctl).map_err(Broken::Control)?;
        self.peers.acknowledge();
        self.peers.ask(self.rounds);
        Ok(())
    }

    fn all_ended(&mut self) -> Result<bool, Broken> {
        for index in QubeIndex::all().skip(ATTACKERS) {
            let info = self.ctl.qube(index.get()).map_err(Broken::Control)?;
            if info.is_some_and(|info| info.state != QubeState::Ended) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Logs what is known of everybody; ends who is left.
    fn tell(&mut self) -> Result<(), Broken> {
        for index in QubeIndex::all() {
            let Some(info) = self.ctl.qube(index.get()).map_err(Broken::Control)? else { break };
            let end = Reason(info.last_end);
            log!(
                "canary: qube {} state={:?} generation={} refused={} exits={} end={end}",
                info.name,
                info.state,
                info.generation,
                info.refused,
                info.exits
            );
            self.ledger.tell(index.get(), &info.name);
            if index.as_usize() >= ATTACKERS && info.state != QubeState::Ended {
                let killed = self.ctl.kill(info.name.clone()).map_err(Broken::Control)?;
                log!("canary: killed {} {}", info.name, if killed.is_ok() { "at once" } else { "in vain" });
            }
        }
        self.share.tell();
        // The last word comes after the last kill: the honest server must still be there.
        self.round()
    }
}

/// How a life ended, in one word.
struct Reason(Option<EndReason>);

impl core::fmt::Display for Reason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            None => f.write_str("none"),
            Some(EndReason::Exit(code)) => write!(f, "exit:{code}"),
            Some(EndReason::MemoryFault(at)) => write!(f, "memory:{at:#x}"),
            Some(EndReason::UnknownPort(port)) => write!(f, "port:{port:#x}"),
            Some(EndReason::Msr(register)) => write!(f, "msr:{register:#x}"),
            Some(EndReason::UnexpectedExit(code)) => write!(f, "instruction:{code:#x}"),
            Some(EndReason::Killed) => f.write_str("killed"),
            Some(EndReason::Panicked) => f.write_str("panicked"),
            Some(EndReason::Exception(_)) => f.write_str("exception"),
            Some(EndReason::TripleFault) => f.write_str("triple-fault"),
            Some(EndReason::InvalidState) => f.write_str("state"),
        }
    }
}
