//! `Firewall`: the rules in force, who its clients are, and what it decides.

use core::net::IpAddr;

use ipc_proto_types::{MAX_PORTS, PortIndex};

use crate::answers::Answers;
use crate::attempt::{Attempt, Flow, Now};
use crate::name::HostName;
use crate::rule::{Match, Names, Rule, Rules, Source, Verdict};

/// Rules, and what each client knows. A client is the port it calls on; no byte of a message can change it.
#[derive(Debug)]
pub struct Firewall {
    rules: Option<Rules>,
    version: u64,
    clients: [Option<Client>; MAX_PORTS],
}

#[derive(Debug)]
struct Client {
    source: Source,
    answers: Answers,
}

/// Why an attempt may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Place of the rule that said so, from 0.
    pub rule: usize,
    /// The name by which it did, when it looks at names. The flow keeps it as [`Flow::pinned`].
    pub name: Option<HostName>,
}

/// Why it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// There are no rules yet.
    NoRules,
    /// There is no such client.
    NoClient,
    /// No rule matches.
    NoMatch,
    /// The rule at this place says so, from 0.
    Rule(usize),
}

impl Default for Firewall {
    fn default() -> Self {
        Self::new()
    }
}

impl Firewall {
    /// Without rules and clients: everything is denied.
    #[must_use]
    pub const fn new() -> Self {
        Self { rules: None, version: 0, clients: [const { None }; MAX_PORTS] }
    }

    /// From now on this is who calls on the port: a new life, which knows no answers yet.
    pub fn admit(&mut self, client: PortIndex, source: Source) {
        if let Some(slot) = self.clients.get_mut(client.as_usize()) {
            *slot = Some(Client { source, answers: Answers::new() });
        }
    }

    /// Nobody calls on the port any more.
    pub fn forget(&mut self, client: PortIndex) {
        if let Some(slot) = self.clients.get_mut(client.as_usize()) {
            *slot = None;
        }
    }

    /// From now on these rules hold, and no others.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = Some(rules);
        self.version = self.version.wrapping_add(1);
    }

    /// Whether there are rules. Until there are, no packet may leave.
    #[must_use]
    pub const fn has_rules(&self) -> bool {
        self.rules.is_some()
    }

    /// Another number for other rules.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// When the next rule expires, in seconds since 1970: flows have to be looked at again then.
    #[must_use]
    pub fn next_expiry(&self, now: Now) -> Option<u64> {
        let expiries = self.rules().iter().filter_map(|rule| rule.expires);
        expiries.filter(|expires| *expires > now.unix_s).min()
    }

    /// A question of this client was answered: the name has this address for so many seconds.
    pub fn learn(&mut self, client: PortIndex, name: &HostName, address: IpAddr, ttl_s: u32, now: Now) {
        if let Some(Some(client)) = self.clients.get_mut(client.as_usize()) {
            client.answers.learn(name, address, ttl_s, now.ms);
        }
    }

    /// The addresses that this client was told for a name and may still believe.
    pub fn known(&self, client: PortIndex, name: &HostName, now: Now) -> impl Iterator<Item = IpAddr> {
        let client = self.clients.get(client.as_usize()).and_then(Option::as_ref);
        client.into_iter().flat_map(move |client| client.answers.addresses(name, now.ms))
    }

    /// Whether the client may.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, client: PortIndex, attempt: &Attempt<'_>, now: Now) -> Result<Grant, Denial> {
        self.decide(client, attempt, None, now)
    }

    /// Whether some address could make the attempt, which has a name and no address yet, one that the client may: if not,
    /// the name need not be asked for, and nobody outside hears of it.
    ///
    /// # Errors
    /// Why not.
    pub fn could_allow(&self, client: PortIndex, attempt: &Attempt<'_>, now: Now) -> Result<(), Denial> {
        let (rules, client) = self.client(client)?;
        rules.bound_by(client.source).try_for_each(|source| could_allow(rules, &source, attempt, now))
    }

    /// Whether a flow may stay. The name by which it was allowed still counts; everything else is judged anew.
    #[must_use]
    pub fn still_allowed(&self, client: PortIndex, flow: &Flow, now: Now) -> bool {
        self.decide(client, &flow.attempt(), flow.pinned.as_ref(), now).is_ok()
    }

    fn decide(
        &self,
        client: PortIndex,
        attempt: &Attempt<'_>,
        pinned: Option<&HostName>,
        now: Now,
    ) -> Result<Grant, Denial> {
        let (rules, client) = self.client(client)?;
        let names = Names { answers: &client.answers, pinned };
        let mut granted: Option<Grant> = None;
        for source in rules.bound_by(client.source) {
            let grant = decide(rules, &source, attempt, &names, now)?;
            // Its own rule is named as the one that decides; the name may be the other's.
            granted = Some(match granted {
                None => grant,
                Some(own) => Grant { name: own.name.or(grant.name), ..own },
            });
        }
        granted.ok_or(Denial::NoClient)
    }

    fn client(&self, client: PortIndex) -> Result<(&Rules, &Client), Denial> {
        let rules = self.rules.as_ref().ok_or(Denial::NoRules)?;
        let client = self.clients.get(client.as_usize()).and_then(Option::as_ref).ok_or(Denial::NoClient)?;
        Ok((rules, client))
    }

    fn rules(&self) -> &[Rule] {
        self.rules.as_ref().map_or(&[], Rules::as_slice)
    }
}

/// What the rules say of one source: the first that matches.
fn decide(
    rules: &Rules,
    source: &Source,
    attempt: &Attempt<'_>,
    names: &Names<'_>,
    now: Now,
) -> Result<Grant, Denial> {
    for (place, rule) in rules.as_slice().iter().enumerate() {
        if !rule.means(source, attempt, now) || !rule.has_address(attempt.address) {
            continue;
        }
        let Some(found) = rule.has_host(attempt, names, now) else { continue };
        let name = match found {
            Match::Plain => None,
            Match::Name(name) => Some(name.clone()),
        };
        return match rule.verdict {
            Verdict::Allow => Ok(Grant { rule: place, name }),
            Verdict::Deny => Err(Denial::Rule(place)),
        };
    }
    Err(Denial::NoMatch)
}

/// Whether the rules allow one source an attempt at some address.
fn could_allow(rules: &Rules, source: &Source, attempt: &Attempt<'_>, now: Now) -> Result<(), Denial> {
    let has_host =
        |rule: &Rule| rule.hosts.is_empty() || attempt.name.is_some_and(|name| rule.has_name(name));
    for (place, rule) in rules.as_slice().iter().enumerate() {
        if !rule.means(source, attempt, now) || !has_host(rule) {
            continue;
        }
        match rule.verdict {
            Verdict::Allow => return Ok(()),
            Verdict::Deny if rule.addresses.is_empty() => return Err(Denial::Rule(place)),
            Verdict::Deny => {}
        }
    }
    Err(Denial::NoMatch)
}
