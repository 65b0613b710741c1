//! `Rule` and `Rules`: what an administrator said, in order.

use alloc::vec::Vec;
use core::net::IpAddr;

use ipc_proto_types::{Label, MAX_QUBES, QubeName};

use crate::answers::Answers;
use crate::attempt::{Attempt, Now, Operation, Protocol};
use crate::cidr::Cidr;
use crate::name::HostName;
use crate::pattern::HostPattern;

/// Most rules of a list. Each is looked at for each attempt; without it a list could make every call slow.
pub const RULES_MAX: usize = 256;

/// Most values of one condition, for the same reason.
pub const VALUES_MAX: usize = 16;

/// A clock that shows an earlier time, in seconds since 1970 (the first of January 2026), was never set or lost its battery:
/// this code is younger. Such a clock stands at 0 or begins with a year of its maker, and rules would hold for ever by it.
pub const CLOCK_MIN_UNIX_S: u64 = 1_767_225_600;

/// Who a client is, as the supervisor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: QubeName,
    /// How far it is trusted.
    pub label: Label,
}

/// Which clients a rule means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// `@anyvm`: all.
    Any,
    /// `@label:WORD`: those with this label.
    Label(Label),
    /// A name: this one.
    Name(QubeName),
}

impl Who {
    /// Whether the client is one of them.
    #[must_use]
    pub fn is(&self, source: &Source) -> bool {
        match self {
            Self::Any => true,
            Self::Label(label) => *label == source.label,
            Self::Name(name) => *name == source.name,
        }
    }
}

/// What a rule says when it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allow,
    /// Stop.
    Deny,
}

/// Ports from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last, not below the first.
    pub last: u16,
}

/// One rule. It matches when every condition holds; a condition holds when one of its values does, or when it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// For which clients.
    pub who: Who,
    /// For what they do; `None` is everything.
    pub operation: Option<Operation>,
    /// What it says.
    pub verdict: Verdict,
    /// Names, as this client's own questions were answered.
    pub hosts: Vec<HostPattern>,
    /// Networks.
    pub addresses: Vec<Cidr>,
    /// Ports.
    pub ports: Vec<PortRange>,
    /// Protocols.
    pub protocols: Vec<Protocol>,
    /// From this second since 1970 on it matches nothing. While the clock is not to be believed ([`CLOCK_MIN_UNIX_S`]), what
    /// allows until then matches nothing, and what denies until then goes on.
    pub expires: Option<u64>,
}

/// What a matching rule goes by.
pub(crate) enum Match<'n> {
    /// No name.
    Plain,
    /// This one.
    Name(&'n HostName),
}

/// The names that can be behind an address.
pub(crate) struct Names<'n> {
    pub(crate) answers: &'n Answers,
    pub(crate) pinned: Option<&'n HostName>,
}

impl Rule {
    /// A rule without conditions.
    #[must_use]
    pub const fn plain(who: Who, operation: Option<Operation>, verdict: Verdict) -> Self {
        Self {
            who,
            operation,
            verdict,
            hosts: Vec::new(),
            addresses: Vec::new(),
            ports: Vec::new(),
            protocols: Vec::new(),
            expires: None,
        }
    }

    /// Whether everything but addresses and names matches.
    pub(crate) fn means(&self, source: &Source, attempt: &Attempt<'_>, now: Now) -> bool {
        self.who.is(source)
            && self.operation.is_none_or(|operation| operation == attempt.operation)
            && self.expires.is_none_or(|expires| self.is_before(expires, now))
            && holds(&self.protocols, attempt.protocol, |protocol, asked| *protocol == asked)
            && holds(&self.ports, attempt.port, |range, port| (range.first..=range.last).contains(&port))
    }

    /// Whether its last second has not come, as far as one can tell.
    const fn is_before(&self, expires: u64, now: Now) -> bool {
        if now.unix_s < CLOCK_MIN_UNIX_S {
            return matches!(self.verdict, Verdict::Deny);
        }
        now.unix_s < expires
    }

    /// Whether its networks have this address.
    pub(crate) fn has_address(&self, address: Option<IpAddr>) -> bool {
        holds(&self.addresses, address, Cidr::contains)
    }

    /// Whether its hosts have this name.
    pub(crate) fn has_name(&self, name: &HostName) -> bool {
        self.hosts.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether its hosts hold, and by which name. What allows looks only at the name that was asked for, when one was, and
    /// believes it only when it has the address; what denies looks at all names.
    pub(crate) fn has_host<'n>(
        &self,
        attempt: &Attempt<'n>,
        names: &Names<'n>,
        now: Now,
    ) -> Option<Match<'n>> {
        if self.hosts.is_empty() {
            return Some(Match::Plain);
        }
        let asked = attempt.name.filter(|name| self.has_name(name));
        let Some(address) = attempt.address else {
            return asked.map(Match::Name);
        };
        let mut known = names.pinned.into_iter().chain(names.answers.names(address, now.ms));
        let found = match (self.verdict, attempt.name) {
            (Verdict::Allow, Some(_)) => asked.filter(|asked| known.any(|name| name == *asked)),
            (Verdict::Allow, None) => known.find(|name| self.has_name(name)),
            (Verdict::Deny, _) => asked.or_else(|| known.find(|name| self.has_name(name))),
        };
        found.map(Match::Name)
    }
}

/// Whether one of the values does for what the attempt has; no values do for anything, and nothing else for nothing.
fn holds<V, F: Copy>(values: &[V], field: Option<F>, is: impl Fn(&V, F) -> bool) -> bool {
    values.is_empty() || field.is_some_and(|field| values.iter().any(|value| is(value, field)))
}

/// Rules in order; at most [`RULES_MAX`]. And for whom disposables are open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    rules: Vec<Rule>,
    openers: Vec<(QubeName, Source)>,
}

impl Rules {
    /// No rules: everything is denied.
    #[must_use]
    pub const fn new() -> Self {
        Self { rules: Vec::new(), openers: Vec::new() }
    }

    /// Adds a rule at the end; says whether there was room.
    #[must_use]
    pub fn push(&mut self, rule: Rule) -> bool {
        let has_room = self.rules.len() < RULES_MAX;
        if has_room {
            self.rules.push(rule);
        }
        has_room
    }

    /// From now on `client` is open for `opener`, and may do only what both may; says whether there was room.
    #[must_use]
    pub fn open_for(&mut self, client: QubeName, opener: Source) -> bool {
        let has_room = self.openers.len() < MAX_QUBES;
        if has_room {
            self.openers.push((client, opener));
        }
        has_room
    }

    /// The rules in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Rule] {
        &self.rules
    }

    /// For whom clients are open.
    pub(crate) fn openers(&self) -> &[(QubeName, Source)] {
        &self.openers
    }

    /// Everybody whose rules hold for a client: itself, and for whom it is open.
    pub(crate) fn bound_by(&self, client: Source) -> impl Iterator<Item = Source> {
        let opener = self.openers.iter().find(|(name, _)| *name == client.name).map(|(_, opener)| *opener);
        core::iter::once(client).chain(opener)
    }
}
