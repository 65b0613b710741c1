//! "Who can reach the vault?", answered from the manifest alone.
//!
//! Reaching means sending: a channel on which policy lets at least one message of the client through, or asks, or lets it
//! through under conditions. What a server sends back is the answer to a question and does not count.

use std::collections::VecDeque;

use ipc_proto_types::{QubeIndex, QubeName};
use ipc_proto_wire::MethodKind;
use supervisor_policy::{ALLOW, ASK, DENY};

use crate::problem::Position;
use crate::system::{Channel, System};

/// How far a method is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Always.
    Allowed,
    /// When the user says yes.
    Asked,
    /// Depending on what the message says.
    Conditional,
}

/// One method somebody can send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// `service.method`.
    pub method: String,
    /// How far it is open.
    pub access: Access,
    /// The rule that says so, in the system file.
    pub rule: Option<Position>,
}

/// Somebody who has a channel to the qube in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Who.
    pub from: QubeName,
    /// What it can send; not empty.
    pub methods: Vec<Reached>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// Those who can send to it themselves.
    pub direct: Vec<Path>,
    /// Those who can send to somebody who can: the names along the shortest way, ending before the qube in question.
    /// Whether the ones in between pass anything on is up to their code.
    pub indirect: Vec<Vec<QubeName>>,
}

/// Who can send anything to `target`; `None` when there is no such qube.
#[must_use]
pub fn who_can_reach(system: &System, target: &str) -> Option<Reach> {
    let (target, _) = system.find(target)?;
    let mut reach = Reach::default();
    for (index, qube) in indexed(system) {
        let channels = channels_between(system, index, target);
        let methods: Vec<Reached> = channels.flat_map(|channel| open_methods(system, channel)).collect();
        if !methods.is_empty() {
            reach.direct.push(Path { from: qube, methods });
        }
    }
    reach.indirect = indirect(system, target);
    Some(reach)
}

fn indexed(system: &System) -> impl Iterator<Item = (QubeIndex, QubeName)> {
    QubeIndex::all().zip(system.qubes.iter().map(|qube| qube.name))
}

fn channels_between(system: &System, from: QubeIndex, to: QubeIndex) -> impl Iterator<Item = &Channel> {
    system.channels.iter().filter(move |channel| channel.client == from && channel.server == Some(to))
}

/// What the client of a channel can send on it.
fn open_methods(system: &System, channel: &Channel) -> Vec<Reached> {
    let Some(service) = system.service(channel) else { return Vec::new() };
    let methods = service.methods.iter().zip(&channel.decisions);
    methods
        .filter(|(method, decision)| method.kind != MethodKind::Event && decision.word != DENY)
        .map(|(method, decision)| Reached {
            method: format!("{}.{}", service.name, method.name),
            access: match decision.word {
                ALLOW => Access::Allowed,
                ASK => Access::Asked,
                _ => Access::Conditional,
            },
            rule: decision.rule,
        })
        .collect()
}

/// Breadth first against the direction of the calls, so the first way found to a qube is a shortest one.
fn indirect(system: &System, target: QubeIndex) -> Vec<Vec<QubeName>> {
    let mut seen = vec![target];
    let mut found = Vec::new();
    let mut queue = VecDeque::from([(target, Vec::new())]);
    while let Some((to, way)) = queue.pop_front() {
        for (from, name) in indexed(system) {
            let open =
                channels_between(system, from, to).any(|channel| !open_methods(system, channel).is_empty());
            if !open || seen.contains(&from) {
                continue;
            }
            seen.push(from);
            let way: Vec<QubeName> = std::iter::once(name).chain(way.iter().copied()).collect();
            if way.len() > 1 {
                found.push(way.clone());
            }
            queue.push_back((from, way));
        }
    }
    found
}
