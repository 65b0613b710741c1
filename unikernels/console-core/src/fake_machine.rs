//! The machine behind the fake ports: a supervisor, a vault, an echo and a clock that do the least a test needs.

extern crate std;

use ipc_proto_clock_api::{Clock, Time};
use ipc_proto_ctl_api::{
    AuditEntry, AuditPage, ChannelInfo, Ctl, CtlError, EndReason, QubeInfo, QubeState, ServiceInfo,
    SystemInfo, TapPage, Verdict,
};
use ipc_proto_echo_api::Echo;
use ipc_proto_log_api::{Log, LogChunk};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Label, List, Secret, Text};
use ipc_proto_vault_api::{
    Added, Code, Entry, NewEntry, NewPassword, Page, State, Status, Summary, Vault, VaultError,
};
use ipc_proto_wire::Service;
use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec::Vec;

/// The services the supervisor knows.
const SERVICES: [Service; 4] = [
    ipc_proto_vault_api::SERVICE,
    ipc_proto_echo_api::SERVICE,
    ipc_proto_ctl_api::SERVICE,
    crate::fake_guestbook::SERVICE,
];

/// What the fake vault keeps of an entry.
pub(crate) struct Kept {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) entropy_centibits: u32,
    pub(crate) totp: Option<String>,
}

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
    pub(crate) passphrase: Option<String>,
    pub(crate) open: bool,
    pub(crate) retry_after_ms: u32,
    pub(crate) entries: BTreeMap<String, Kept>,
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
            passphrase: None,
            open: false,
            retry_after_ms: 0,
            entries: BTreeMap::new(),
            guests: Vec::new(),
            lies: false,
        }
    }

    fn must_be_open(&self) -> Result<(), VaultError> {
        match (&self.passphrase, self.open) {
            (None, _) => Err(VaultError::NotInitialised),
            (_, false) => Err(VaultError::Locked),
            _ => Ok(()),
        }
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
        if qube.state == QubeState::Ended {
            return Err(CtlError::NotRunning);
        }
        if name == "clock" {
            // The only qube whose manifest does not have it restart.
            qube.state = QubeState::Ended;
            return Ok(qube.generation);
        }
        qube.generation += 1;
        qube.last_end = Some(EndReason::Killed);
        if name == "vault" {
            self.passphrase = None;
            self.open = false;
            self.entries.clear();
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

impl Vault for Machine {
    fn status(&mut self, _: &Caller) -> Status {
        let state = match (&self.passphrase, self.open) {
            (None, _) => State::Empty,
            (_, false) => State::Locked,
            _ => State::Unlocked,
        };
        let entries = if self.open { u16::try_from(self.entries.len()).unwrap() } else { 0 };
        Status { state, entries, retry_after_ms: self.retry_after_ms }
    }

    fn init(&mut self, _: &Caller, passphrase: Secret<Text<256>>) -> Result<(), VaultError> {
        self.passphrase = Some(passphrase.expose().to_string());
        self.open = true;
        Ok(())
    }

    fn unlock(&mut self, _: &Caller, passphrase: Secret<Text<256>>) -> Result<(), VaultError> {
        if self.passphrase.as_deref() != Some(passphrase.expose().as_str()) {
            self.retry_after_ms = 2_000;
            return Err(VaultError::WrongPassphrase { retry_after_ms: 2_000 });
        }
        self.open = true;
        Ok(())
    }

    fn lock(&mut self, _: &Caller) {
        self.open = false;
    }

    fn change(
        &mut self,
        _: &Caller,
        old: Secret<Text<256>>,
        new: Secret<Text<256>>,
    ) -> Result<(), VaultError> {
        if self.passphrase.as_deref() != Some(old.expose().as_str()) {
            return Err(VaultError::WrongPassphrase { retry_after_ms: 1_000 });
        }
        self.passphrase = Some(new.expose().to_string());
        Ok(())
    }

    fn add(&mut self, _: &Caller, entry: NewEntry) -> Result<Added, VaultError> {
        self.must_be_open()?;
        let (password, entropy_centibits) = match &entry.password {
            NewPassword::Given(password) => (password.expose().to_string(), 0),
            NewPassword::Generate(recipe) => {
                ("generated".repeat(3)[..usize::from(recipe.length)].into(), 15_372)
            }
        };
        let totp = entry.totp.map(|totp| totp.secret_base32.expose().to_string());
        let kept = Kept { user: entry.user.to_string(), password, entropy_centibits, totp };
        self.entries.insert(entry.name.to_string(), kept);
        Ok(Added { entropy_centibits })
    }

    fn list(&mut self, _: &Caller, from: u16) -> Result<Page, VaultError> {
        self.must_be_open()?;
        let mut entries = List::new();
        for (name, kept) in self.entries.iter().skip(usize::from(from)).take(8) {
            let summary = Summary { name: text(name), user: text(&kept.user), totp: kept.totp.is_some() };
            entries.push(summary).ok().unwrap();
        }
        Ok(Page { entries, total: u16::try_from(self.entries.len()).unwrap() })
    }

    fn show(&mut self, _: &Caller, name: Text<64>, reveal: bool) -> Result<Entry, VaultError> {
        self.must_be_open()?;
        let kept = self.entries.get(name.as_str()).ok_or(VaultError::NoSuchEntry)?;
        Ok(Entry {
            name,
            user: text(&kept.user),
            password: reveal.then(|| Secret::new(text(&kept.password))),
            entropy_centibits: kept.entropy_centibits,
            totp: kept.totp.is_some(),
        })
    }

    fn copy_once(&mut self, _: &Caller, name: Text<64>) -> Result<Secret<Text<256>>, VaultError> {
        self.must_be_open()?;
        let kept = self.entries.get(name.as_str()).ok_or(VaultError::NoSuchEntry)?;
        Ok(Secret::new(text(&kept.password)))
    }

    fn totp(&mut self, _: &Caller, name: Text<64>) -> Result<Code, VaultError> {
        self.must_be_open()?;
        let kept = self.entries.get(name.as_str()).ok_or(VaultError::NoSuchEntry)?;
        kept.totp.as_ref().ok_or(VaultError::NoTotp)?;
        Ok(Code { digits: Secret::new(text("287082")), seconds_left: 12 })
    }

    fn remove(&mut self, _: &Caller, name: Text<64>) -> Result<(), VaultError> {
        self.entries.remove(name.as_str()).map(|_| ()).ok_or(VaultError::NoSuchEntry)
    }
}
