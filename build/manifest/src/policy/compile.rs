//! Rules to one decision word for each method of each channel.

use ipc_proto_types::QubeIndex;
use ipc_proto_wire::{Method, Service};
use supervisor_policy::{CHAIN_BYTES_MAX, CHAINS_MAX, Chains, DENY, FIRST_CHAIN};

use super::{Rule, Who, encode, narrow, network};
use crate::problem::Source;
use crate::system::{Decision, Qube, Restart};

/// The two ends of a channel and what it speaks, before its ports are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) client: QubeIndex,
    /// Whom the client asked for; rules are matched against this.
    pub(crate) server: Option<QubeIndex>,
    pub(crate) service: &'static Service,
}

/// The decisions of every channel, and the chains they name.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) decisions: Vec<Vec<Decision>>,
    pub(crate) chains: Vec<u8>,
}

impl Who {
    pub(super) fn selects(&self, index: Option<QubeIndex>, qubes: &[Qube]) -> bool {
        let Some(qube) = index.and_then(|index| qubes.get(index.as_usize())) else {
            return *self == Who::Supervisor;
        };
        match self {
            Who::AnyVm => true,
            Who::Supervisor => false,
            Who::Label(label) => qube.label == *label,
            Who::Tag(tag) => qube.tags.contains(tag),
            Who::Disposable => qube.restart == Restart::OnDemand,
            Who::Name(name) => qube.is_called(name),
        }
    }
}

impl Rule {
    pub(super) fn concerns(&self, ends: Ends, qubes: &[Qube]) -> bool {
        self.service.value.as_deref().is_none_or(|name| name == ends.service.name)
            && self.from.value.selects(Some(ends.client), qubes)
            && self.to.value.selects(ends.server, qubes)
    }

    pub(super) fn covers(&self, method: &Method) -> bool {
        self.method.value.as_deref().is_none_or(|name| name == method.name)
    }
}

/// Who really serves each channel: the target of the first redirect that concerns it, else whom the client asked for.
///
/// Rules above a redirect may deny, not allow: half a channel cannot go elsewhere.
pub(crate) fn apply_redirects(
    rules: &[Rule],
    channels: &[Ends],
    qubes: &[Qube],
    source: &mut Source,
) -> Vec<Option<QubeIndex>> {
    let mut servers = Vec::new();
    for ends in channels {
        let concerned: Vec<&Rule> = rules.iter().filter(|rule| rule.concerns(*ends, qubes)).collect();
        servers.push(match first_redirect(&concerned) {
            Some((above, rule, target)) => redirected(*ends, rule, target, above, qubes, source),
            None => ends.server,
        });
    }
    servers
}

/// The rules above the first redirect that counts, that rule and its target.
fn first_redirect<'c, 'r>(concerned: &'c [&'r Rule]) -> Option<(&'c [&'r Rule], &'r Rule, &'r str)> {
    let last = concerned.iter().position(|rule| rule.redirect.is_some() || decides_all(rule))?;
    let (above, rule) = concerned.split_at(last);
    let rule = *rule.first()?;
    Some((above, rule, rule.redirect.as_ref()?.value.as_str()))
}

fn find(name: &str, qubes: &[Qube]) -> Option<QubeIndex> {
    let place = qubes.iter().position(|qube| qube.name == *name)?;
    QubeIndex::new(u8::try_from(place).ok()?)
}

fn redirected(
    ends: Ends,
    rule: &Rule,
    target: &str,
    above: &[&Rule],
    qubes: &[Qube],
    source: &mut Source,
) -> Option<QubeIndex> {
    let server = find(target, qubes);
    if above.iter().any(|above| above.verdict.word() != DENY) {
        let found = "a redirect below a rule that lets a part of the same channel through";
        source.problem(rule.at, found, "only `deny` above a redirect: a channel has one server", None);
    } else if server == Some(ends.client) {
        source.problem(rule.at, "a redirect of a channel to its own client", "another qube", None);
    }
    server.or(ends.server)
}

/// Whether nothing below this rule matters for a channel it concerns.
fn decides_all(rule: &Rule) -> bool {
    rule.method.value.is_none() && rule.conditions.is_empty()
}

/// Decides every method of every channel; `servers` says who really serves each.
pub(crate) fn compile(
    rules: &[Rule],
    channels: &[Ends],
    servers: &[Option<QubeIndex>],
    qubes: &[Qube],
    source: &mut Source,
) -> Compiled {
    let mut chains: Vec<Vec<u8>> = Vec::new();
    let mut decisions = Vec::new();
    for (ends, server) in channels.iter().zip(servers) {
        let own: Vec<&Rule> = rules.iter().filter(|rule| rule.concerns(*ends, qubes)).collect();
        let opener = qubes.get(ends.client.as_usize()).and_then(|client| client.opened_for);
        let openers = opener.map(|client| rules_of_opener(rules, Ends { client, ..*ends }, *server, qubes));
        let decisions_of = |method| {
            let mut deciding = deciding(&own, ends.service, method);
            if let Some(openers) = &openers {
                deciding = narrow::narrowed(&deciding, &self::deciding(openers, ends.service, method));
            }
            decide(&deciding, method, &mut chains, source)
        };
        decisions.push(ends.service.methods.iter().map(decisions_of).collect());
    }
    Compiled { decisions, chains: encode::blob(&chains) }
}

/// The rules for a channel that the opener of a disposable would have to the same server: none where its rules would send
/// it to another.
fn rules_of_opener<'r>(
    rules: &'r [Rule],
    ends: Ends,
    server: Option<QubeIndex>,
    qubes: &[Qube],
) -> Vec<&'r Rule> {
    let concerned: Vec<&Rule> = rules.iter().filter(|rule| rule.concerns(ends, qubes)).collect();
    let target = first_redirect(&concerned).map_or(ends.server, |(_, _, target)| find(target, qubes));
    if target == server { concerned } else { Vec::new() }
}

/// The rules that may decide a method as the supervisor sees it, up to the first that does so without conditions.
fn deciding(rules: &[&Rule], service: &Service, method: &Method) -> Vec<Rule> {
    let covering = rules.iter().filter(|rule| rule.covers(method));
    let mut seen: Vec<Rule> = if service.name == network::NAME {
        covering.filter_map(|rule| network::widened(rule, method)).collect()
    } else {
        covering.map(|rule| Rule::clone(rule)).collect()
    };
    if seen.is_empty() && service.name == network::NAME {
        seen.extend(network::implied(rules, method));
    }
    let last = seen.iter().position(|rule| rule.conditions.is_empty()).map_or(seen.len(), |at| at + 1);
    seen.truncate(last);
    seen
}

fn decide(deciding: &[Rule], method: &Method, chains: &mut Vec<Vec<u8>>, source: &mut Source) -> Decision {
    let Some(first) = deciding.first() else { return Decision { word: DENY, rule: None } };
    let rule = Some(source.position(first.at));
    if first.conditions.is_empty() {
        return Decision { word: first.verdict.word(), rule };
    }
    let word = encode::chain(deciding, method).and_then(|chain| intern(chain, chains));
    if word.is_none() {
        let found = format!("too many conditions on `{}`", method.name);
        let expected = format!("at most {CHAIN_BYTES_MAX} bytes and 64 values in all rules for one method");
        source.problem(first.at, found, expected, None);
    }
    Decision { word: word.unwrap_or(DENY), rule }
}

/// The decision word of a chain, stored once; `None` when it is over the limits.
fn intern(chain: Vec<u8>, chains: &mut Vec<Vec<u8>>) -> Option<u16> {
    Chains::parse(&encode::blob(std::slice::from_ref(&chain))).ok()?;
    let place = chains.iter().position(|known| *known == chain).unwrap_or_else(|| {
        chains.push(chain);
        chains.len() - 1
    });
    u16::try_from(place).ok().filter(|_| place < CHAINS_MAX)?.checked_add(FIRST_CHAIN)
}
