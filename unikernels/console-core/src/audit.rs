//! `audit`: the last calls, oldest first, with names for the numbers.
//!
//! The supervisor tells numbers; the names of qubes and services are asked for once a session. What the terminal's own
//! commands ask the supervisor is in the audit too, and left out here unless all is wanted. Methods are named for the services this console is built with.

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
pub(crate) const KNOWN: [Service; 6] = [
    ipc_proto_vault_api::SERVICE,
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

type Entries = List<AuditEntry, { AUDIT_MAX as usize }>;

impl<W: World> Session<'_, W> {
    pub(crate) fn audit(&mut self, count: usize, all: bool) -> Done {
        let names = match self.names.take() {
            Some(names) => names,
            None => self.ask_names()?,
        };
        let entries = self.last_entries(count, all, &names)?;
        self.say(format_args!(
            "{:>7} {:>10} {:16} {:16} {:21} {:8} {:>5}",
            "NUMBER", "SECONDS", "FROM", "TO", "CALL", "VERDICT", "BYTES"
        ));
        for entry in entries.iter().rev() {
            self.entry(entry, &names);
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

    fn ask_names(&mut self) -> Result<Names, Given> {
        let mut names = Names::default();
        for qube in &self.all_qubes()? {
            let _ = names.qubes.push(qube.name.clone());
        }
        for service in &self.all_services()? {
            let _ = names.services.push(service.name.clone());
        }
        Ok(names)
    }

    fn entry(&mut self, entry: &AuditEntry, names: &Names) {
        let (from, to) = (Who(entry.from, names), Who(entry.to, names));
        let (seconds, ms) = (entry.time_ns / 1_000_000_000, entry.time_ns / 1_000_000 % 1000);
        self.screen.put(format_args!("{:>7} {seconds:>6}.{ms:03} {from:16} {to:16} ", entry.sequence));
        self.screen.put(format_args!("{:21} ", Call(entry, names).to_text()));
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
struct Who<'n>(u8, &'n Names);

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
struct Call<'n>(&'n AuditEntry, &'n Names);

impl Call<'_> {
    fn to_text(&self) -> Text<48> {
        use core::fmt::Write;
        let Self(entry, names) = self;
        let mut text = Text::new();
        let Some(service) = names.services.get(usize::from(entry.service)) else {
            return text;
        };
        let known = KNOWN.iter().find(|known| *service == known.name);
        let method = known.and_then(|known| known.methods.get(usize::from(entry.method)));
        let written = match method {
            Some(method) => write!(text, "{service}.{}", method.name),
            None => write!(text, "{service}.{}", entry.method),
        };
        // What does not fit is left out; a table has columns.
        let _ = written;
        text
    }
}
