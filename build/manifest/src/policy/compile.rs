//! Rules to one decision word for each method of each channel.

use ipc_proto_types::QubeIndex;
use ipc_proto_wire::{Method, Service};
use supervisor_policy::{CHAIN_BYTES_MAX, CHAINS_MAX, Chains, DENY, FIRST_CHAIN, Verdict};

use super::{Rule, Who, encode, network};
use crate::problem::Source;
use crate::system::{Decision, Qube};

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
            Who::Name(name) => qube.name == *name.as_str(),
        }
    }
}

impl Rule {
    pub(super) fn concerns(&self, ends: Ends, qubes: &[Qube]) -> bool {
        self.service.value.as_deref().is_none_or(|name| name == ends.service.name)
            && self.from.value.selects(Some(ends.client), qubes)
            && self.to.value.selects(ends.server, qubes)
    }

    fn covers(&self, method: &Method) -> bool {
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
        let last = concerned.iter().position(|rule| rule.redirect.is_some() || decides_all(rule));
        let (above, rule) = concerned.split_at(last.unwrap_or(concerned.len()));
        let redirect = rule.first().and_then(|rule| Some((rule, rule.redirect.as_ref()?)));
        servers.push(match redirect {
            Some((rule, target)) => redirected(*ends, rule, &target.value, above, qubes, source),
            None => ends.server,
        });
    }
    servers
}

fn redirected(
    ends: Ends,
    rule: &Rule,
    target: &str,
    above: &[&Rule],
    qubes: &[Qube],
    source: &mut Source,
) -> Option<QubeIndex> {
    let place = qubes.iter().position(|qube| qube.name == *target);
    let server = place.and_then(|place| QubeIndex::new(u8::try_from(place).ok()?));
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

/// Decides every method of every channel.
pub(crate) fn compile(rules: &[Rule], channels: &[Ends], qubes: &[Qube], source: &mut Source) -> Compiled {
    let mut chains: Vec<Vec<u8>> = Vec::new();
    let mut decisions = Vec::new();
    for ends in channels {
        let concerned: Vec<&Rule> = rules.iter().filter(|rule| rule.concerns(*ends, qubes)).collect();
        let mut decided = Vec::new();
        for method in ends.service.methods {
            decided.push(if ends.service.name == network::NAME {
                decide_network(&concerned, method, &mut chains, source)
            } else {
                decide(&concerned, method, &mut chains, source)
            });
        }
        decisions.push(decided);
    }
    Compiled { decisions, chains: encode::blob(&chains) }
}

/// As [`decide`], for a service whose other reader sees more.
fn decide_network(
    rules: &[&Rule],
    method: &Method,
    chains: &mut Vec<Vec<u8>>,
    source: &mut Source,
) -> Decision {
    let covering = rules.iter().filter(|rule| rule.covers(method));
    let wide: Vec<Rule> = covering.filter_map(|rule| network::widened(rule, method)).collect();
    let decision = decide(&wide.iter().collect::<Vec<&Rule>>(), method, chains, source);
    match network::implied(rules, method) {
        Some(rule) if decision.rule.is_none() => {
            Decision { word: Verdict::Allow.word(), rule: Some(source.position(rule.at)) }
        }
        _ => decision,
    }
}

fn decide(rules: &[&Rule], method: &Method, chains: &mut Vec<Vec<u8>>, source: &mut Source) -> Decision {
    let mut deciding = Vec::new();
    for rule in rules.iter().filter(|rule| rule.covers(method)) {
        deciding.push(*rule);
        if rule.conditions.is_empty() {
            break;
        }
    }
    let Some(first) = deciding.first() else { return Decision { word: DENY, rule: None } };
    let rule = Some(source.position(first.at));
    if first.conditions.is_empty() {
        return Decision { word: first.verdict.word(), rule };
    }
    let word = encode::chain(&deciding, method).and_then(|chain| intern(chain, chains));
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
