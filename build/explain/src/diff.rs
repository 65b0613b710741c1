//! What a change of a system changes about who may do what, in human words.
//!
//! Systems are compared by names: a renamed qube is one that left and one that came. A line that opens a way to a
//! vault is marked. It errs to the safe side: of two conditions on a method of a vault it does not ask which is wider.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use build_manifest::{System, who_can_reach};
use ipc_proto_types::Label;

use crate::link::{Link, Openness, SUPERVISOR, links};
use crate::network;
use crate::vault::vaults;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In words, one line.
    pub text: String,
    /// The vaults to which this opens a way.
    pub opens: Vec<String>,
}

/// All differences.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff(pub Vec<Change>);

impl Diff {
    /// Whether any line opens a way to a vault.
    #[must_use]
    pub fn opens_a_way(&self) -> bool {
        self.0.iter().any(|change| !change.opens.is_empty())
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "nothing changed about who may do what");
        }
        for Change { text, opens } in &self.0 {
            match opens.as_slice() {
                [] => writeln!(f, "  {text}")?,
                vaults => writeln!(f, "! {text}\n      this opens a way to {}", vaults.join(", "))?,
            }
        }
        Ok(())
    }
}

/// What changed from `old` to `new`.
#[must_use]
pub fn diff(old: &System, new: &System) -> Diff {
    let (before, after) = (Side::of(old), Side::of(new));
    let mut changes = Vec::new();
    qubes(&before, &after, &mut changes);
    calls(&before, &after, &mut changes);
    changes.extend(network::changes(&before.network, &after.network));
    Diff(changes)
}

/// Who may send what: client, server, service, method.
type Call = (String, String, &'static str, &'static str);

/// One of the two systems.
struct Side {
    labels: BTreeMap<String, Label>,
    devices: BTreeMap<String, Vec<String>>,
    calls: BTreeMap<Call, Openness>,
    /// Client and server of every channel on which something can pass.
    ways: BTreeSet<(String, String)>,
    /// For every vault, who reaches it, directly or through others.
    vaults: BTreeMap<String, BTreeSet<String>>,
    /// Where on the network.
    network: network::Rules,
}

impl Side {
    fn of(system: &System) -> Side {
        let links = links(system);
        let named = |qube: &build_manifest::Qube| qube.name.to_string();
        let vaults = vaults(system).map(named);
        Side {
            labels: system.qubes.iter().map(|qube| (named(qube), qube.label)).collect(),
            devices: system
                .qubes
                .iter()
                .map(|qube| (named(qube), qube.devices.iter().map(|device| device.word()).collect()))
                .collect(),
            calls: links.iter().flat_map(calls_of).collect(),
            ways: links
                .iter()
                .filter(|link| link.is_open())
                .map(|link| (link.client.clone(), link.server.clone()))
                .collect(),
            vaults: vaults.map(|vault| (vault.clone(), reachers(system, &vault))).collect(),
            network: network::rules(system),
        }
    }

    /// The vaults that a message to this qube is on its way to: itself, or what it reaches.
    fn vaults_behind<'a>(&'a self, qube: &'a str) -> impl Iterator<Item = &'a String> {
        let behind = move |(vault, reachers): &(&String, &BTreeSet<String>)| {
            vault.as_str() == qube || reachers.contains(qube)
        };
        self.vaults.iter().filter(behind).map(|(vault, _)| vault)
    }

    fn reaches(&self, qube: &str, vault: &str) -> bool {
        self.vaults.get(vault).is_some_and(|reachers| reachers.contains(qube))
    }
}

fn calls_of(link: &Link) -> Vec<(Call, Openness)> {
    let methods =
        link.groups.iter().flat_map(|group| group.methods.iter().map(move |method| (*method, group)));
    methods
        .map(|(method, group)| {
            ((link.client.clone(), link.server.clone(), link.service, method), group.openness.clone())
        })
        .collect()
}

fn reachers(system: &System, vault: &str) -> BTreeSet<String> {
    let Some(reach) = who_can_reach(system, vault) else { return BTreeSet::new() };
    let direct = reach.direct.iter().map(|path| path.from.to_string());
    let indirect = reach.indirect.iter().filter_map(|way| way.first()).map(ToString::to_string);
    direct.chain(indirect).collect()
}

fn qubes(before: &Side, after: &Side, changes: &mut Vec<Change>) {
    let mut say = |text: String, opens: Vec<String>| changes.push(Change { text, opens });
    for (name, label) in &after.labels {
        match before.labels.get(name) {
            None => say(format!("new qube {name} ({} {label})", label.shape()), Vec::new()),
            Some(old) if old != label => {
                let is_reached = after.vaults.get(name).is_some_and(|reachers| !reachers.is_empty());
                let opens = if is_reached { vec![name.clone()] } else { Vec::new() };
                let (was, is) = (old.shape(), label.shape());
                say(format!("{name} changes its label from {was} {old} to {is} {label}"), opens);
            }
            Some(_) => {}
        }
        let (old, new) = (before.devices.get(name), after.devices.get(name));
        for device in new.into_iter().flatten().filter(|device| !old.is_some_and(|old| old.contains(device)))
        {
            say(format!("{name} now owns the device {device}"), Vec::new());
        }
        for device in old.into_iter().flatten().filter(|device| !new.is_some_and(|new| new.contains(device)))
        {
            say(format!("{name} no longer owns the device {device}"), Vec::new());
        }
    }
    for (name, label) in &before.labels {
        if !after.labels.contains_key(name) {
            say(format!("qube {name} ({} {label}) is gone", label.shape()), Vec::new());
        }
    }
}

/// Calls with the same words but for the method.
type Sentence = (String, String, &'static str, String, Vec<String>);

fn calls(before: &Side, after: &Side, changes: &mut Vec<Change>) {
    let mut sentences: Vec<(Sentence, Vec<&'static str>)> = Vec::new();
    let all: BTreeSet<&Call> = before.calls.keys().chain(after.calls.keys()).collect();
    for call in all {
        let was = before.calls.get(call).unwrap_or(&Openness::Denied);
        let is = after.calls.get(call).unwrap_or(&Openness::Denied);
        if was == is {
            continue;
        }
        let (client, server, service, method) = call;
        let opens = opens(before, after, call, was, is);
        let sentence = (client.clone(), server.clone(), *service, verb(was, is), opens);
        match sentences.iter_mut().find(|(other, _)| *other == sentence) {
            Some((_, methods)) => methods.push(method),
            None => sentences.push((sentence, vec![method])),
        }
    }
    for ((client, server, service, verb, opens), methods) in sentences {
        let channel = |side: &Side| {
            side.calls
                .keys()
                .filter(|call| (&call.0, call.2) == (&client, service) && call.1 == server)
                .count()
        };
        let what = match methods.len() {
            all if all > 1 && all == channel(before).max(channel(after)) => vec![format!("{service}.*")],
            _ => methods.iter().map(|method| format!("{service}.{method}")).collect(),
        };
        let server = if server == SUPERVISOR { "the supervisor" } else { &server };
        let text = verb.replace("WHO", &client).replace("WHAT", &format!("{} of {server}", what.join(", ")));
        changes.push(Change { text, opens });
    }
}

fn verb(was: &Openness, is: &Openness) -> String {
    let means = |openness: &Openness| match openness {
        Openness::Conditional(rules) => format!("by what the message says ({rules})"),
        other => other.word().to_owned(),
    };
    match (was, is) {
        (Openness::Denied, Openness::Allowed) => "WHO may now call WHAT".to_owned(),
        (Openness::Denied, Openness::Asked) => "WHO may now call WHAT if the user says yes".to_owned(),
        (Openness::Denied, Openness::Conditional(rules)) => format!("WHO may now call WHAT: {rules}"),
        (_, Openness::Denied) => "WHO may no longer call WHAT".to_owned(),
        _ => format!("WHO's calls of WHAT: was {}, is {}", means(was), means(is)),
    }
}

/// The vaults to which a changed call opens a way: a vault called directly when the call is not narrower than before, and
/// one behind the called qube when nobody could come this way before.
fn opens(
    before: &Side,
    after: &Side,
    (client, server, ..): &Call,
    was: &Openness,
    is: &Openness,
) -> Vec<String> {
    if matches!((was, is), (_, Openness::Denied) | (Openness::Allowed, _)) {
        return Vec::new();
    }
    let is_new = |vault: &&String| {
        let way = (client.clone(), server.clone());
        let came_this_way = before.ways.contains(&way)
            && (before.reaches(server, vault) || server == *vault)
            && before.vaults.contains_key(*vault);
        server == *vault || !came_this_way
    };
    after.vaults_behind(server).filter(is_new).filter(|vault| *vault != client).cloned().collect()
}
