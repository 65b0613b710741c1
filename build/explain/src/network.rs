//! What only the network qube decides: hosts, addresses, protocols, times. The lines that it gets, and what changes in them.

use std::collections::BTreeMap;

use build_manifest::System;

use crate::diff::Change;

/// The rules of each qube that decides by rules of its own, in the order in which they are tried.
pub(crate) type Rules = BTreeMap<String, Vec<String>>;

/// Those of a system. Spaces between words mean nothing, so that a line that was only moved did not change.
pub(crate) fn rules(system: &System) -> Rules {
    let deciding = system.qubes.iter().filter_map(|qube| Some((qube, qube.rules.as_ref()?)));
    let lines = |text: &String| text.lines().map(squeezed).collect();
    deciding.map(|(qube, text)| (qube.name.to_string(), lines(text))).collect()
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What changed: lines that are new, lines that are gone, and an order that is another one. The first that matches decides, so
/// an order is a meaning. No line opens a way to a vault: where packets go is outside of the system.
pub(crate) fn changes(before: &Rules, after: &Rules) -> Vec<Change> {
    let none = Vec::new();
    let mut changes = Vec::new();
    let mut say = |text: String| changes.push(Change { text, opens: Vec::new() });
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name).unwrap_or(&none), after.get(name).unwrap_or(&none));
        let stays = |there: &[String]| -> Vec<String> {
            there.iter().filter(|line| old.contains(line) && new.contains(line)).cloned().collect()
        };
        for line in new.iter().filter(|line| !old.contains(line)) {
            say(format!("new rule of {name}: {line}"));
        }
        for line in old.iter().filter(|line| !new.contains(line)) {
            say(format!("no longer a rule of {name}: {line}"));
        }
        if let Some((_, first)) = stays(old).iter().zip(stays(new).iter()).find(|(old, new)| old != new) {
            say(format!("rules of {name} are tried in another order, from: {first}"));
        }
    }
    changes
}
