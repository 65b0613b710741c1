//! `Question`: one name that is being asked for.
//!
//! Each attempt goes out from a port of its own that nobody can guess, with numbers that nobody can guess, to one server; the
//! next goes to the next. Whoever guesses wrong too often ends the question.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipc_proto_net_api::NetError;
use netvm_firewall::HostName;
use smoltcp::iface::SocketHandle;

use crate::dns::{self, ANSWER_MAX, Address, Kind, QUESTION_MAX, Refused};
use crate::guard::DNS;
use crate::machine::Machine;

/// How long each attempt waits for its answers, in milliseconds: seven seconds together.
const WAITS_MS: [u64; 4] = [1000, 2000, 2000, 2000];
/// Packets to the right port that are no answer, after which nobody believes the next. One in four thousand million is right
/// by chance, so it is no accident; without it a guesser has as many tries as packets.
const WRONG_MAX: u32 = 16;
/// Packets that are held, and looked at in one turn.
const PACKETS_MAX: usize = 4;
/// Kinds of addresses that a name is asked for.
const KINDS: usize = 2;
/// Bytes of the buffers of a question.
pub(crate) const QUESTION_BYTES: usize = PACKETS_MAX * ANSWER_MAX + KINDS * QUESTION_MAX;
/// For so long an answer stays for whoever asked, in milliseconds; what it said is known to the firewall for longer.
const KEPT_MS: u64 = 5000;
/// What a question is answered with when nobody is there to ask: no address of that version will do.
const ANY_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ANY_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// A name that is being asked for.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) name: HostName,
    /// Whether a stream waits for it, and not whoever called `resolve`.
    pub(crate) is_for_stream: bool,
    parts: Vec<Part>,
    attempt: usize,
    asked: Option<Asked>,
    next_ms: u64,
    wrong: u32,
    result: Option<Result<Vec<Address>, NetError>>,
    /// Whether the firewall was told.
    pub(crate) is_told: bool,
    ended_ms: u64,
}

/// One kind of address.
#[derive(Debug)]
struct Part {
    kind: Kind,
    id: u16,
    result: Option<Result<Vec<Address>, Refused>>,
}

/// The socket of the attempt that is under way.
#[derive(Debug)]
struct Asked {
    handle: SocketHandle,
    port: u16,
    server: IpAddr,
}

impl Question {
    /// Begins to ask.
    pub(crate) fn new(name: HostName, is_for_stream: bool, machine: &mut Machine) -> Result<Self, NetError> {
        let part = |kind| Part { kind, id: 0, result: None };
        let mut parts = Vec::new();
        if machine.has_source_for(ANY_V6) {
            parts.push(part(Kind::Aaaa));
        }
        if machine.has_source_for(ANY_V4) {
            parts.push(part(Kind::A));
        }
        if parts.is_empty() || machine.resolvers.is_empty() {
            return Err(NetError::NoNetwork);
        }
        let mut question = Self {
            name,
            is_for_stream,
            parts,
            attempt: 0,
            asked: None,
            next_ms: 0,
            wrong: 0,
            result: None,
            is_told: false,
            ended_ms: 0,
        };
        question.ask(machine);
        Ok(question)
    }

    /// What came of it, once something did.
    pub(crate) fn result(&self) -> Option<&Result<Vec<Address>, NetError>> {
        self.result.as_ref()
    }

    /// Whether nobody came for the answer.
    pub(crate) fn is_stale(&self, now_ms: u64) -> bool {
        self.result.is_some() && now_ms >= self.ended_ms.saturating_add(KEPT_MS)
    }

    /// When something has to be done without a packet, in milliseconds.
    pub(crate) fn next_ms(&self) -> u64 {
        if self.result.is_some() { self.ended_ms.saturating_add(KEPT_MS) } else { self.next_ms }
    }

    /// Takes what came, and asks again when it is time.
    pub(crate) fn advance(&mut self, machine: &mut Machine) {
        if self.result.is_some() {
            return;
        }
        self.read(machine);
        if self.wrong > WRONG_MAX {
            self.end(machine, Err(NetError::NoAnswer));
        } else if self.parts.iter().all(|part| part.result.is_some()) {
            let result = self.sum();
            self.end(machine, result);
        } else if machine.now.ms >= self.next_ms {
            self.attempt = self.attempt.saturating_add(1);
            if self.attempt < WAITS_MS.len() {
                self.ask(machine);
            } else {
                let result = self.sum();
                self.end(machine, result);
            }
        }
    }

    /// Gives the socket back; a question without one is over.
    pub(crate) fn end(&mut self, machine: &mut Machine, result: Result<Vec<Address>, NetError>) {
        self.hang_up(machine);
        self.result = Some(result);
        self.ended_ms = machine.now.ms;
    }

    fn hang_up(&mut self, machine: &mut Machine) {
        if let Some(asked) = self.asked.take() {
            machine.sockets.remove(asked.handle);
            machine.doors.questions.remove(&asked.port);
        }
    }

    /// Sends the question for what is not known yet, from a fresh port.
    fn ask(&mut self, machine: &mut Machine) {
        self.hang_up(machine);
        let wait = WAITS_MS.get(self.attempt).copied().unwrap_or(0);
        self.next_ms = machine.now.ms.saturating_add(wait);
        let servers = machine.resolvers.len().max(1);
        let server =
            self.attempt.checked_rem(servers).and_then(|place| machine.resolvers.get(place)).copied();
        let (Some(server), Some(port)) = (server, machine.datagram_port()) else { return };
        let mut socket = Machine::datagram_socket((PACKETS_MAX, ANSWER_MAX), (KINDS, QUESTION_MAX));
        if socket.bind(port).is_err() {
            return;
        }
        for part in self.parts.iter_mut().filter(|part| part.result.is_none()) {
            part.id = machine.random_id();
            let mut message = [0; QUESTION_MAX];
            let length = dns::question(part.id, &self.name, part.kind, &mut message);
            // The socket is empty and large enough; a server that cannot be reached is one that does not answer.
            let _ = socket.send_slice(message.get(..length).unwrap_or(&[]), (server, DNS));
        }
        machine.doors.questions.insert(port, server);
        self.asked = Some(Asked { handle: machine.sockets.add(socket), port, server });
    }

    fn read(&mut self, machine: &mut Machine) {
        let Some(asked) = &self.asked else { return };
        let socket = machine.udp(asked.handle);
        for _ in 0..PACKETS_MAX {
            let Ok((packet, from)) = socket.recv() else { break };
            if IpAddr::from(from.endpoint.addr) != asked.server || from.endpoint.port != DNS {
                self.wrong = self.wrong.saturating_add(1);
                continue;
            }
            let mut is_ours = false;
            for part in self.parts.iter_mut().filter(|part| part.result.is_none()) {
                let result = dns::answer(packet, part.id, &self.name, part.kind);
                if result != Err(Refused::NotOurs) {
                    part.result = Some(result);
                    is_ours = true;
                    break;
                }
            }
            if !is_ours {
                self.wrong = self.wrong.saturating_add(1);
            }
        }
        // A server that fails is asked no more in this attempt; another may know.
        let mut has_failed = false;
        for part in &mut self.parts {
            if let Some(Err(Refused::Failed | Refused::Malformed)) = part.result {
                part.result = None;
                has_failed = true;
            }
        }
        if has_failed {
            self.next_ms = machine.now.ms;
        }
    }

    /// What the parts give together, one of each kind after the other (RFC 8305 section 4): a kind that leads nowhere does not
    /// use up all tries. A name that has addresses of one kind has addresses.
    fn sum(&self) -> Result<Vec<Address>, NetError> {
        let parts = self.parts.iter().filter_map(|part| part.result.as_ref()?.as_ref().ok());
        let parts: Vec<&Vec<Address>> = parts.collect();
        let longest = parts.iter().map(|part| part.len()).max().unwrap_or(0);
        let rows = (0..longest).flat_map(|row| parts.iter().filter_map(move |part| part.get(row)));
        let found: Vec<Address> = rows.copied().collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let is_sure = self.parts.iter().all(|part| part.result.is_some());
        Err(if is_sure { NetError::NoSuchName } else { NetError::NoAnswer })
    }
}
