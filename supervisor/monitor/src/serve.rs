//! The services of the supervisor itself: `ctl` and `log`. Same frames, same checks, same policy as any other server; only
//! the last hop is a function call.

use ipc_proto_ctl_api as ctl;
use ipc_proto_log_api as log;
use ipc_proto_rpc::Caller;
use ipc_proto_types::{
    Bytes, ChannelIndex, ErrorCode, Generation, Kind, List, MAX_CHANNELS, MAX_QUBES, QubeIndex, Role,
    ServiceIndex, Text,
};
use ipc_proto_wire::{HEADER_SIZE, Header};
use supervisor_image::Restart;
use supervisor_policy::{ALLOW, ASK, DENY};
use supervisor_vcpu::Ticks;
use supervisor_virtio::Malformed;

use crate::audit::{Outcome, Refusal};
use crate::channel::EndpointIndex;
use crate::machine::Machine;
use crate::monitor::{Core, attention};
use crate::qube::{Life, bit, wake};
use crate::route::is_audited;

/// Longest reply of both services, with its header.
const REPLY_MAX: usize = HEADER_SIZE
    + if ctl::SERVICE.reply_max > log::SERVICE.reply_max {
        ctl::SERVICE.reply_max
    } else {
        log::SERVICE.reply_max
    } as usize;

/// Bytes of a schema's text told at once.
const SCHEMA_PIECE: usize = 512;

/// Entries of one audit page.
const PAGE_ENTRIES: usize = 8;

impl<M: Machine> Core<'_, M> {
    /// Answers a judged message of `from`, whose peer is the supervisor.
    #[cold]
    #[inline(never)]
    pub(crate) fn serve(&mut self, machine: &mut M, from: EndpointIndex, header: &Header, message: &[u8]) {
        let Some(channel) = self.channel_of(from) else { return };
        let is_ctl = channel.service.id == ctl::SERVICE.id;
        let is_log = channel.service.id == log::SERVICE.id;
        let caller = Caller { port: self.endpoints[from.index()].port, generation: Generation(1) };
        let mut reply = [0; REPLY_MAX];
        let (_, out) = reply.split_at_mut(HEADER_SIZE);
        let body = message.get(HEADER_SIZE..).unwrap_or_default();
        let mut desk = Desk { core: self, channel: from.channel() };
        let answered = match (is_ctl, is_log) {
            (true, _) => ctl::dispatch(&mut desk, &caller, header, body, out),
            (_, true) => log::dispatch(&mut desk, &caller, header, body, out),
            _ => Err(ErrorCode::Unsupported),
        };
        if let Some(channel) = self.channels[from.channel()].as_mut() {
            channel.calls.end(header.correlation);
        }
        let len = match answered {
            Ok(Some(len)) => len,
            Ok(None) => return,
            Err(code) => return self.answer(machine, from, header, code),
        };
        let answer = Header { kind: Kind::Reply, length: len as u32, ..*header };
        match self.say(machine, from, &answer, &mut reply) {
            Ok(()) => {}
            Err(Malformed::TooLong) => self.refuse(machine, from, Refusal::ReceiverTooSmall, message),
            Err(fault) => self.poison(machine, from, Refusal::ReceiverQueue(fault)),
        }
    }

    /// Says something to `client`, if it left room: `header`, and the body that lies in `frame` behind the place for it.
    pub(crate) fn say(
        &mut self,
        machine: &mut M,
        client: EndpointIndex,
        header: &Header,
        frame: &mut [u8],
    ) -> Result<(), Malformed> {
        let end = &mut self.endpoints[client.index()];
        let (Some(rx), Some(qube), Ok(())) = (end.rx.waiting()?, end.qube, header.write_to(frame)) else {
            return Ok(());
        };
        let frame = frame.get(..HEADER_SIZE + header.length as usize).unwrap_or_default();
        rx.put(frame)?;
        let server = &mut self.endpoints[client.peer().index()];
        server.sent += 1;
        if is_audited(header.kind) {
            self.audit.delivered(self.now, server.stamp, header.method, header.length as usize);
        }
        self.wake(machine, qube, wake::CHANNEL);
        self.tap_delivered(client.peer(), header, frame.get(HEADER_SIZE..).unwrap_or_default());
        Ok(())
    }

    /// Nanoseconds from the supervisor's entry to `at`.
    pub(crate) fn uptime_ns(&self, at: Ticks) -> u64 {
        let ticks = at.0.saturating_sub(self.times.entered.0);
        let rate = self.times.ticks_per_second.max(1);
        (ticks / rate) * 1_000_000_000 + (ticks % rate) * 1_000_000_000 / rate
    }
}

/// Where both services are answered.
struct Desk<'m, 'a, M: Machine> {
    core: &'m mut Core<'a, M>,
    /// Where the question came from.
    channel: usize,
}

impl<M: Machine> Desk<'_, '_, M> {
    fn find(&self, name: &Text<16>) -> Result<QubeIndex, ctl::CtlError> {
        let is_named =
            |index: &QubeIndex| self.core.qube(*index).is_some_and(|q| q.facts.name == *name.as_str());
        QubeIndex::all().find(is_named).ok_or(ctl::CtlError::NoSuchQube)
    }
}

impl<M: Machine> ctl::Ctl for Desk<'_, '_, M> {
    fn system(&mut self, _: &Caller) -> ctl::SystemInfo {
        let core = &self.core;
        ctl::SystemInfo {
            name: core.image.map_or(Text::new(), |image| text(image.name().as_str())),
            version: text(env!("CARGO_PKG_VERSION")),
            qubes: count(QubeIndex::all().filter(|index| core.qube(*index).is_some()).count()),
            channels: count(core.channels.iter().flatten().count()),
            uptime_ns: core.uptime_ns(core.now),
            memory_pages: core.qubes.iter().map(|q| q.facts.memory_pages).sum(),
            messages: core.endpoints.iter().map(|end| end.sent).sum(),
            refused: core.refused,
        }
    }

    fn qube(&mut self, _: &Caller, index: u8) -> Option<ctl::QubeInfo> {
        let index = QubeIndex::new(index)?;
        let carried = self.core.carried(index);
        let q = self.core.qube(index)?;
        let state = match q.life {
            Life::Runnable => ctl::QubeState::Running,
            Life::Waiting => ctl::QubeState::Waiting,
            Life::Rebuilding | Life::BackingOff => ctl::QubeState::Restarting,
            Life::Prepared => ctl::QubeState::Prepared,
            Life::Ended | Life::Nobody => ctl::QubeState::Ended,
        };
        Some(ctl::QubeInfo {
            name: text(q.facts.name.as_str()),
            label: q.facts.label,
            state,
            disposable: q.facts.restart == Restart::OnDemand,
            opened_for: q.facts.opened_for.map(QubeIndex::get),
            generation: q.generation.0,
            memory_kib: q.facts.memory_pages.saturating_mul(4),
            exits: q.exits,
            messages_in: carried.0 - q.carried_before.0,
            messages_out: carried.1 - q.carried_before.1,
            refused: q.refused,
            last_end: q.last_end,
        })
    }

    fn channel(&mut self, _: &Caller, index: u8) -> Option<ctl::ChannelInfo> {
        let index = ChannelIndex::new(index)?;
        let channel = self.core.channels.get(index.as_usize())?.as_ref()?;
        let ends = [Role::Client, Role::Server].map(|role| EndpointIndex::new(index, role));
        let mut verdicts = List::new();
        for decision in channel.facts.decisions() {
            let verdict = match decision {
                DENY => ctl::Verdict::Deny,
                ALLOW => ctl::Verdict::Allow,
                ASK => ctl::Verdict::Ask,
                _ => ctl::Verdict::Conditional,
            };
            // At most MAX_METHODS of them, which is what the list holds.
            let _ = verdicts.push(verdict);
        }
        Some(ctl::ChannelInfo {
            client: channel.facts.client.get(),
            server: channel.facts.server.map(QubeIndex::get),
            service: text(channel.service.name.as_str()),
            open: channel.open,
            messages: ends.iter().map(|end| self.core.endpoints[end.index()].sent).sum(),
            refused: channel.refused,
            verdicts,
        })
    }

    fn kill(&mut self, _: &Caller, name: Text<16>) -> Result<u32, ctl::CtlError> {
        let index = self.find(&name)?;
        let q = self.core.qube(index).filter(|q| q.is_alive()).ok_or(ctl::CtlError::NotRunning)?;
        let next = q.generation.next().0;
        self.core.attention |= bit(index) | attention::LATER;
        Ok(next)
    }

    fn audit(&mut self, _: &Caller, before: u64) -> ctl::AuditPage {
        let audit = &self.core.audit;
        let newest = audit.next().min(before.saturating_sub(1));
        let mut entries = List::new();
        let mut next = 0;
        // Entries count from 1, records from 0.
        for sequence in (0..newest).rev().take(PAGE_ENTRIES) {
            let Some(record) = audit.get(sequence) else { break };
            let entry = ctl::AuditEntry {
                sequence: sequence + 1,
                time_ns: self.core.uptime_ns(Ticks(record.time)),
                from: record.from,
                to: record.to,
                service: record.service,
                method: record.method,
                verdict: verdict(record.outcome),
                why: record.why,
                size: record.size,
            };
            let _ = entries.push(entry);
            next = if sequence > 0 && audit.get(sequence - 1).is_some() { sequence + 1 } else { 0 };
        }
        ctl::AuditPage { entries, next }
    }

    fn service(&mut self, _: &Caller, index: u8) -> Option<ctl::ServiceInfo> {
        let service = self.core.image?.service(ServiceIndex::new(index)?)?;
        Some(ctl::ServiceInfo {
            name: text(service.name.as_str()),
            version: service.version,
            id: Bytes::try_from(&service.id.0[..]).unwrap_or_default(),
        })
    }

    fn poweroff(&mut self, _: &Caller) {
        self.core.power_off = true;
        self.core.attention |= attention::MACHINE;
    }

    fn schema(&mut self, _: &Caller, index: u8, from: u16) -> Option<Text<SCHEMA_PIECE>> {
        let whole = self.core.image?.service_text(ServiceIndex::new(index)?)?;
        let rest = whole.get(from.into()..).unwrap_or_default();
        // ASCII, as the image promises: it may be cut anywhere.
        let piece = rest.get(..SCHEMA_PIECE.min(rest.len())).unwrap_or_default();
        Some(text(core::str::from_utf8(piece).unwrap_or_default()))
    }

    fn tap(&mut self, _: &Caller, on: bool) {
        self.core.turn_tap(on.then_some(self.channel));
    }

    fn tapped(&mut self, _: &Caller, after: u64) -> ctl::TapPage {
        self.core.tap_page(self.channel, after)
    }

    fn start(&mut self, _: &Caller, name: Text<16>) -> Result<u32, ctl::CtlError> {
        let index = self.find(&name)?;
        let is_untold = self.core.untold.qubes & bit(index) != 0;
        let is_called = self.core.attention & bit(index) != 0;
        let q = self.core.at(index);
        match q.life {
            _ if q.facts.restart != Restart::OnDemand => Err(ctl::CtlError::NotDisposable),
            Life::Runnable | Life::Waiting => Err(ctl::CtlError::AlreadyRunning),
            Life::Prepared if is_called => Err(ctl::CtlError::AlreadyRunning),
            // A life waits for the last one's obituary.
            Life::Prepared if !is_untold => {
                let next = q.generation.next().0;
                self.core.attention |= bit(index) | attention::LATER;
                Ok(next)
            }
            Life::Ended => Err(ctl::CtlError::NotRunning),
            _ => Err(ctl::CtlError::NotPrepared),
        }
    }
}

impl<M: Machine> log::Log for Desk<'_, '_, M> {
    fn read(&mut self, _: &Caller, from: u64) -> log::LogChunk {
        let mut bytes = [0; 512];
        let (read, next, lost) = self.core.log.read(from, &mut bytes);
        let (text, used) = whole_characters(bytes.get(..read).unwrap_or_default());
        log::LogChunk { next: next - (read - used) as u64, lost, text }
    }
}

/// The longest valid beginning of `bytes`, and how many bytes that used. A byte that is no UTF-8 becomes one `?`.
fn whole_characters(bytes: &[u8]) -> (Text<1024>, usize) {
    let mut text = Text::new();
    let mut used = 0;
    for chunk in bytes.utf8_chunks() {
        let cut =
            used + chunk.valid().len() + chunk.invalid().len() == bytes.len() && chunk.invalid().len() < 4;
        if text.push_str(chunk.valid()).is_err() {
            break;
        }
        used += chunk.valid().len();
        // A character that the end of the chunk cuts off is left for the next read, unless nothing else is there.
        if chunk.invalid().is_empty() || (cut && used > 0) || text.push_str("?").is_err() {
            break;
        }
        used += chunk.invalid().len();
    }
    (text, used)
}

fn text<const N: usize>(name: &str) -> Text<N> {
    Text::truncated(name)
}

fn count(number: usize) -> u8 {
    const _: () = assert!(MAX_QUBES < 256 && MAX_CHANNELS < 256);
    (number & 0xff) as u8
}

pub(crate) fn verdict(outcome: Outcome) -> ctl::AuditVerdict {
    match outcome {
        Outcome::Allowed => ctl::AuditVerdict::Allowed,
        Outcome::Denied => ctl::AuditVerdict::Denied,
        Outcome::Asked => ctl::AuditVerdict::Asked,
        // An end is told by its `why`.
        Outcome::Refused | Outcome::Ended => ctl::AuditVerdict::Refused,
    }
}
