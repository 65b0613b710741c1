//! The machine behind the fake ports: a supervisor, vaults, an echo and a clock that do the least a test needs.

extern crate std;

use crate::fake_converter::FakeConverter;
use crate::fake_vault::FakeVault;
use crate::fake_viewer::FakeViewer;
use ipc_proto_clock_api::{Clock, Time};
use ipc_proto_ctl_api::{
    AuditEntry, AuditPage, ChannelInfo, Ctl, CtlError, EndReason, QubeInfo, QubeState, ServiceInfo,
    SystemInfo, TapPage, Verdict,
};
use ipc_proto_echo_api::Echo;
use ipc_proto_log_api::{Log, LogChunk};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Label, List, Text};
use ipc_proto_wire::Service;
use std::string::String;
use std::vec::Vec;

/// The services the supervisor knows.
const SERVICES: [Service; 4] = [
    ipc_proto_vault_api::SERVICE,
    ipc_proto_echo_api::SERVICE,
    ipc_proto_ctl_api::SERVICE,
    crate::fake_guestbook::SERVICE,
];

/// Everybody at the other end.
pub(crate) struct Machine {
    pub(crate) now_ms: u64,
    pub(crate) qubes: Vec<QubeInfo>,
    pub(crate) channels: Vec<ChannelInfo>,
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) log: String,
    pub(crate) off: bool,
    /// Calls, as "service.method".
    pub(crate) calls: Vec<String>,
    /// What happens to the next calls to "service.method".
    pub(crate) denied: Option<&'static str>,
    pub(crate) silent: Option<&'static str>,
    /// The vaults with the names of their qubes; a port's index says which one it leads to.
    pub(crate) vaults: Vec<(&'static str, FakeVault)>,
    /// The viewers with the names of their qubes, likewise.
    pub(crate) viewers: Vec<(&'static str, FakeViewer)>,
    /// The converters, likewise.
    pub(crate) converters: Vec<(&'static str, FakeConverter)>,
    /// What the guestbook was told.
    pub(crate) guests: Vec<String>,
    /// The supervisor says something else of the guestbook than its channel.
    pub(crate) lies: bool,
}

pub(crate) fn text<const N: usize>(text: &str) -> Text<N> {
    Text::try_from(text).unwrap()
}

pub(crate) fn qube(name: &str, label: Label) -> QubeInfo {
    QubeInfo {
        name: text(name),
        label,
        state: QubeState::Waiting,
        disposable: false,
        opened_for: None,
        generation: 1,
        memory_kib: 1024,
        exits: 10,
        messages_in: 3,
        messages_out: 4,
        refused: 0,
        last_end: None,
    }
}

pub(crate) fn channel(client: u8, server: Option<u8>, service: &str, verdicts: &[Verdict]) -> ChannelInfo {
    ChannelInfo {
        client,
        server,
        service: text(service),
        open: true,
        messages: 0,
        refused: 0,
        verdicts: List::try_from(verdicts).unwrap(),
    }
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            now_ms: 0,
            qubes: std::vec![
                qube("console", Label::Green),
                QubeInfo { memory_kib: 69_632, ..qube("vault", Label::Vault) },
                qube("echo", Label::Untrusted),
            ],
            channels: std::vec![
                channel(0, Some(1), "vault", &[Verdict::Allow; 11]),
                channel(0, Some(2), "echo", &[Verdict::Allow, Verdict::Allow, Verdict::Deny, Verdict::Ask]),
                channel(0, None, "ctl", &[Verdict::Allow; 7]),
            ],
            audit: Vec::new(),
            log: String::new(),
            off: false,
            calls: Vec::new(),
            denied: None,
            silent: None,
            vaults: std::vec![("vault", FakeVault::new())],
            viewers: Vec::new(),
            converters: Vec::new(),
            guests: Vec::new(),
            lies: false,
        }
    }

    /// The vault a caller talks to.
    pub(crate) fn vault_of(&mut self, caller: &Caller) -> &mut FakeVault {
        &mut self.vaults[usize::from(caller.port.get())].1
    }

    /// The vault of this qube.
    pub(crate) fn vault(&mut self, name: &str) -> &mut FakeVault {
        &mut self.vaults.iter_mut().find(|(known, _)| *known == name).unwrap().1
    }
}

impl Ctl for Machine {
    fn system(&mut self, _: &Caller) -> SystemInfo {
        SystemInfo {
            name: text("test"),
            version: text("0.1.0"),
            qubes: u8::try_from(self.qubes.len()).unwrap(),
            channels: u8::try_from(self.channels.len()).unwrap(),
            uptime_ns: 0,
            memory_pages: 0,
            messages: 0,
            refused: 0,
        }
    }

    fn qube(&mut self, _: &Caller, index: u8) -> Option<QubeInfo> {
        self.qubes.get(usize::from(index)).cloned()
    }

    fn channel(&mut self, _: &Caller, index: u8) -> Option<ChannelInfo> {
        self.channels.get(usize::from(index)).cloned()
    }

    fn kill(&mut self, _: &Caller, name: Text<16>) -> Result<u32, CtlError> {
        let qube = self.qubes.iter_mut().find(|qube| qube.name == name).ok_or(CtlError::NoSuchQube)?;
        if matches!(qube.state, QubeState::Ended | QubeState::Prepared | QubeState::Restarting) {
            return Err(CtlError::NotRunning);
        }
        if qube.disposable {
            qube.state = QubeState::Restarting;
            if let Some((_, viewer)) = self.viewers.iter_mut().find(|(known, _)| name == *known) {
                viewer.restart();
                // It is wiped by the time somebody asks again.
                qube.state = QubeState::Prepared;
            }
            if let Some((_, converter)) = self.converters.iter_mut().find(|(known, _)| name == *known) {
                converter.restart();
                qube.state = QubeState::Prepared;
            }
            qube.last_end = Some(EndReason::Killed);
            return Ok(qube.generation + 1);
        }
        if name == "clock" {
            // The only qube whose manifest does not have it restart.
            qube.state = QubeState::Ended;
            return Ok(qube.generation);
        }
        qube.generation += 1;
        qube.last_end = Some(EndReason::Killed);
        if let Some((_, vault)) = self.vaults.iter_mut().find(|(known, _)| name == *known) {
            vault.restart();
        }
        Ok(self.qubes.iter().find(|qube| qube.name == name).map_or(0, |qube| qube.generation))
    }

    fn audit(&mut self, _: &Caller, before: u64) -> AuditPage {
        let mut entries = List::new();
        for entry in self.audit.iter().rev().filter(|entry| entry.sequence < before).take(8) {
            entries.push(*entry).ok().unwrap();
        }
        let next = entries.last().map_or(0, |entry: &AuditEntry| entry.sequence);
        AuditPage { entries, next: if next == 1 { 0 } else { next } }
    }

    fn service(&mut self, _: &Caller, index: u8) -> Option<ServiceInfo> {
        let service = SERVICES.get(usize::from(index))?;
        let id = Bytes::from([index * 17; 16]);
        Some(ServiceInfo { name: text(service.name), version: service.version, id })
    }

    fn poweroff(&mut self, _: &Caller) {
        self.off = true;
    }

    fn schema(&mut self, _: &Caller, index: u8, from: u16) -> Option<Text<512>> {
        let canonical = SERVICES.get(usize::from(index))?.canonical();
        let whole = if self.lies {
            canonical.as_str().replace("message", "massage")
        } else {
            canonical.as_str().into()
        };
        let rest = whole.get(usize::from(from)..).unwrap_or_default();
        Some(Text::truncated(rest))
    }

    fn tap(&mut self, _: &Caller, _: bool) {}

    fn start(&mut self, _: &Caller, name: Text<16>) -> Result<u32, CtlError> {
        let qube = self.qubes.iter_mut().find(|qube| qube.name == name).ok_or(CtlError::NoSuchQube)?;
        match qube.state {
            _ if !qube.disposable => Err(CtlError::NotDisposable),
            QubeState::Prepared => {
                qube.generation += 1;
                qube.state = QubeState::Running;
                Ok(qube.generation)
            }
            QubeState::Running | QubeState::Waiting => Err(CtlError::AlreadyRunning),
            QubeState::Starting | QubeState::Restarting => Err(CtlError::NotPrepared),
            QubeState::Ended => Err(CtlError::NotRunning),
        }
    }

    fn tapped(&mut self, _: &Caller, _: u64) -> TapPage {
        TapPage { messages: List::new(), lost: 0, on: false }
    }
}

impl Log for Machine {
    fn read(&mut self, _: &Caller, from: u64) -> LogChunk {
        let start = usize::try_from(from).unwrap().min(self.log.len());
        let piece: Text<1024> = Text::truncated(&self.log[start..]);
        LogChunk { next: from + piece.len() as u64, lost: 0, text: piece }
    }
}

impl Clock for Machine {
    fn now(&mut self, _: &Caller) -> Time {
        Time { unix_seconds: 1_767_225_600, nanoseconds: 5 }
    }
}

impl Echo for Machine {
    fn say(&mut self, _: &Caller, text: Text<1024>) -> Text<1024> {
        text
    }

    fn bytes(&mut self, _: &Caller, data: Bytes<64>) -> Bytes<64> {
        data
    }

    fn sink(&mut self, _: &Caller, _: Bytes<64>) {}

    fn sunk(&mut self, _: &Caller) -> u64 {
        0
    }
}
