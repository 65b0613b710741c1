//! "Who can reach the vault?", as a text.

use std::fmt::Write as _;

use build_manifest::{Access, Reach, Reached, System, who_can_reach};
use ipc_proto_wire::{Method, MethodKind};

use crate::table;

/// Whether an answer names the lines of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    /// `file:line` behind each method, for a person who wants to change it.
    Named,
    /// Nothing, for a text that is kept: a comment more in the manifest does not change it.
    Left,
}

/// Who can reach a qube, in words; `None` when the system has no such qube.
#[must_use]
pub fn reach(system: &System, qube: &str, places: Places) -> Option<String> {
    Some(text(system, qube, &who_can_reach(system, qube)?, places))
}

fn text(system: &System, qube: &str, reach: &Reach, places: Places) -> String {
    let mut out = String::new();
    if reach.direct.is_empty() {
        return format!("nobody can reach {qube} in {}\n", system.name);
    }
    let _ = writeln!(out, "who can reach {qube} in {}:", system.name);
    let mut rows = Vec::new();
    for path in &reach.direct {
        let label = system.find(path.from.as_str()).map(|(_, qube)| qube.label);
        let mut who =
            label.map(|label| format!("  {} {} ({label})", label.shape(), path.from)).unwrap_or_default();
        for (what, method) in grouped(system, &path.methods) {
            let rule = method.rule.filter(|_| places == Places::Named);
            let rule = rule.map(|at| format!("{}:{}", system.path.display(), at.line)).unwrap_or_default();
            rows.push(vec![std::mem::take(&mut who), what, access(method.access).to_owned(), rule]);
        }
    }
    for line in table::lines(&rows, &[]) {
        let _ = writeln!(out, "{line}");
    }
    if !reach.indirect.is_empty() {
        let _ = writeln!(out, "and, as far as the qubes in between pass it on:");
        for way in &reach.indirect {
            let names: Vec<&str> = way.iter().map(|name| name.as_str()).chain([qube]).collect();
            let _ = writeln!(out, "  {}", names.join(" -> "));
        }
    }
    out
}
/// The methods; one line `service.*` where one rule says the same of all of them.
fn grouped<'a>(system: &System, methods: &'a [Reached]) -> Vec<(String, &'a Reached)> {
    let mut lines = Vec::new();
    let same = |one: &Reached, other: &Reached| {
        service_of(one) == service_of(other) && (one.access, one.rule) == (other.access, other.rule)
    };
    for group in methods.chunk_by(same) {
        let Some(first) = group.first() else { continue };
        let service = system.services.iter().find(|service| service.name == service_of(first));
        let callable = |method: &&Method| method.kind != MethodKind::Event;
        if service.is_some_and(|service| service.methods.iter().filter(callable).count() == group.len()) {
            lines.push((format!("{}.*", service_of(first)), first));
        } else {
            lines.extend(group.iter().map(|method| (method.method.clone(), method)));
        }
    }
    lines
}

fn service_of(reached: &Reached) -> &str {
    reached.method.split('.').next().unwrap_or("")
}

fn access(access: Access) -> &'static str {
    match access {
        Access::Allowed => "allowed",
        Access::Asked => "asks the user",
        Access::Conditional => "depends on what the message says",
    }
}
