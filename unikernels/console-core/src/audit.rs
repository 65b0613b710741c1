//! `audit`: the last calls, oldest first, with names for the numbers.
//!
//! The supervisor tells numbers; the names of qubes and services are asked for once a session. What the terminal's own
//! commands ask the supervisor is in the audit too, and left out here unless all is wanted.
//! Methods of services this console is not built with are named by their descriptions.

use crate::command::AUDIT_MAX;
use crate::plain::Plain;
use crate::session::{Done, Given, Session};
use crate::system::World;
use core::fmt;
use ipc_proto_ctl_api::{AuditEntry, AuditVerdict, ENDED, NOBODY, why_text};
use ipc_proto_types::{List, MAX_QUBES, MAX_SERVICES, Text};
use ipc_proto_wire::Service;

const CTL: Service = ipc_proto_ctl_api::SERVICE;

/// The services whose methods we can name.
pub(crate) const KNOWN: [Service; 8] = [
    ipc_proto_vault_api::SERVICE,
    ipc_proto_vault_api::files::SERVICE,
    ipc_proto_vault_api::keys::SERVICE,
    ipc_proto_echo_api::SERVICE,
    ipc_proto_ctl_api::SERVICE,
    ipc_proto_log_api::SERVICE,
    ipc_proto_clock_api::SERVICE,
    ipc_proto_console_api::SERVICE,
];

/// The names behind the numbers. They hold as long as the system runs.
#[derive(Default)]
pub(crate) struct Names {
    qubes: List<Text<16>, MAX_QUBES>,
    services: List<Text<16>, MAX_SERVICES>,
}

impl Names {
    /// The index of the service of this name.
    pub(crate) fn service(&self, name: &str) -> Option<u8> {
        (0..).zip(&self.services).find(|(_, service)| **service == name).map(|(index, _)| index)
    }
}

/// Names of methods of services this console is not built with.
#[derive(Default)]
pub(crate) struct Methods {
    known: List<(u8, u8, Text<24>), { AUDIT_MAX as usize }>,
}

impl Methods {
    fn name(&self, entry: &AuditEntry) -> Option<&str> {
        let mut known = self.known.iter();
        let found = known.find(|(service, method, _)| (*service, *method) == (entry.service, entry.method));
        found.map(|(_, _, name)| name.as_str())
    }
}

type Entries = List<AuditEntry, { AUDIT_MAX as usize }>;

impl<W: World> Session<'_, W> {
    pub(crate) fn audit(&mut self, count: usize, all: bool) -> Done {
        let names = match self.names.take() {
            Some(names) => names,
            None => self.ask_names()?,
        };
        let entries = self.last_entries(count, all, &names)?;
        let methods = self.name_methods(&entries, &names);
        self.say(format_args!(
            "{:>7} {:>10} {:16} {:16} {:21} {:8} {:>5}",
            "NUMBER", "SECONDS", "FROM", "TO", "CALL", "VERDICT", "BYTES"
        ));
        for entry in entries.iter().rev() {
            self.entry(entry, &names, &methods);
        }
        self.names = Some(names);
        Ok(())
    }

    /// The last `count` entries, newest first, without the questions of terminal commands unless all are wanted.
    fn last_entries(&mut self, count: usize, all: bool, names: &Names) -> Result<Entries, Given> {
        let mut entries = Entries::new();
        let mut before = u64::MAX;
        while entries.len() < count {
            let page = self.ask_ctl(|ctl| ctl.audit(before))?;
            let left = count - entries.len();
            for entry in page.entries.iter().filter(|entry| all || !is_question(entry, names)).take(left) {
                // There is room: the count is at most what the list holds.
                let _ = entries.push(*entry);
            }
            // A page that does not lead further back would never end.
            if page.next == 0 || page.next >= before || page.entries.is_empty() {
                break;
            }
            before = page.next;
        }
        Ok(entries)
    }

    /// Finds the names of the methods that this console is not built with.
    pub(crate) fn name_methods(&mut self, entries: &[AuditEntry], names: &Names) -> Methods {
        let mut methods = Methods::default();
        for entry in entries {
            let service = names.services.get(usize::from(entry.service));
            let is_strange = service.is_some_and(|name| KNOWN.iter().all(|known| *name != known.name));
            if !is_strange || methods.name(entry).is_some() {
                continue;
            }
            let name = self.described(entry.service, |description| {
                let method = description.method(entry.method.into());
                method.map(|method| Text::<24>::truncated(method.name()))
            });
            if let Some(name) = name.flatten() {
                // There is room: no more names than entries.
                let _ = methods.known.push((entry.service, entry.method, name));
            }
        }
        methods
    }

    pub(crate) fn ask_names(&mut self) -> Result<Names, Given> {
        let mut names = Names::default();
        for qube in &self.all_qubes()? {
            let _ = names.qubes.push(qube.name.clone());
        }
        for service in &self.all_services()? {
            let _ = names.services.push(service.name.clone());
        }
        Ok(names)
    }

    fn entry(&mut self, entry: &AuditEntry, names: &Names, methods: &Methods) {
        let (from, to) = (Who(entry.from, names), Who(entry.to, names));
        let (seconds, ms) = (entry.time_ns / 1_000_000_000, entry.time_ns / 1_000_000 % 1000);
        self.screen.put(format_args!("{:>7} {seconds:>6}.{ms:03} {from:16} {to:16} ", entry.sequence));
        self.screen.put(format_args!("{:21} ", Call(entry, names, methods).to_text()));
        self.verdict(entry);
    }

    /// Shows the end of a line about an entry.
    pub(crate) fn verdict(&mut self, entry: &AuditEntry) {
        let verdict = match entry.verdict {
            AuditVerdict::Allowed => "allowed",
            AuditVerdict::Denied => "denied",
            AuditVerdict::Asked => "asked",
            AuditVerdict::Refused if entry.why >= ENDED => "ended",
            AuditVerdict::Refused => "refused",
        };
        self.screen.put(format_args!("{verdict:8} {:>5}", entry.size));
        if entry.verdict == AuditVerdict::Refused {
            self.screen.put(format_args!("  {}", why_text(entry.why)));
        }
        self.say(format_args!(""));
    }
}

/// Whether an entry is an allowed call to the supervisor that only looks: what `qubes`, `audit` and their like consist of.
fn is_question(entry: &AuditEntry, names: &Names) -> bool {
    let ctl = names.services.get(usize::from(entry.service)).is_some_and(|name| *name == CTL.name);
    let method = CTL.methods.get(usize::from(entry.method)).map(|method| method.name);
    ctl && entry.verdict == AuditVerdict::Allowed && !matches!(method, Some("kill" | "poweroff"))
}

/// A qube, by its number.
pub(crate) struct Who<'n>(pub(crate) u8, pub(crate) &'n Names);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1.qubes.get(usize::from(self.0)) {
            Some(name) => fmt::Display::fmt(&Plain(name), f),
            None if self.0 == NOBODY => f.pad("supervisor"),
            None => f.pad("?"),
        }
    }
}

/// Service and method of an entry.
pub(crate) struct Call<'n>(pub(crate) &'n AuditEntry, pub(crate) &'n Names, pub(crate) &'n Methods);

impl Call<'_> {
    pub(crate) fn to_text(&self) -> Text<48> {
        use core::fmt::Write;
        let Self(entry, names, methods) = self;
        let mut text = Text::new();
        let Some(service) = names.services.get(usize::from(entry.service)) else {
            return text;
        };
        let known = KNOWN.iter().find(|known| *service == known.name);
        let method = known.and_then(|known| known.methods.get(usize::from(entry.method)));
        let method = method.map(|method| method.name).or_else(|| methods.name(entry));
        let written = match method {
            Some(method) => write!(text, "{service}.{method}"),
            None => write!(text, "{service}.{}", entry.method),
        };
        // What does not fit is left out; a table has columns.
        let _ = written;
        text
    }
}
