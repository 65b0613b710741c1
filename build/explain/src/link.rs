//! A channel as people think of it: who calls, who answers, and how far each method is open.

use build_manifest::{Channel, System};
use ipc_proto_wire::{Method, MethodKind};
use supervisor_policy::{ALLOW, ASK, DENY};

use crate::condition;

/// What stands for the supervisor where a qube would be named, as in a manifest.
pub const SUPERVISOR: &str = "@supervisor";

/// How far a method is open to the client of a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Openness {
    /// Always.
    Allowed,
    /// When the user says yes.
    Asked,
    /// Depending on what the message says; in words.
    Conditional(String),
    /// Never.
    Denied,
}

impl Openness {
    /// One word for it; never colour alone tells one from another.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Asked => "asks the user",
            Self::Conditional(_) => "depends on the message",
            Self::Denied => "denied",
        }
    }

    /// Whether anything can pass.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self != Self::Denied
    }
}

/// Methods of one channel that are equally open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// How far.
    pub openness: Openness,
    /// Which, in the order of the service; not empty.
    pub methods: Vec<&'static str>,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Who calls.
    pub client: String,
    /// Who answers; [`SUPERVISOR`] for the supervisor.
    pub server: String,
    /// What is spoken.
    pub service: &'static str,
    /// What the client can send, by openness.
    pub groups: Vec<Group>,
    /// How many methods the client could send if all were open.
    pub method_count: usize,
}

impl Link {
    /// Whether the client can send anything at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.groups.iter().any(|group| group.openness.is_open())
    }

    /// How far a method is open.
    #[must_use]
    pub fn openness(&self, method: &str) -> Option<&Openness> {
        let group = self.groups.iter().find(|group| group.methods.contains(&method))?;
        Some(&group.openness)
    }

    /// The methods of a group in few words: `every method`, `all but tap`, or the list.
    #[must_use]
    pub fn methods(&self, group: &Group) -> String {
        let rest: Vec<&str> = self
            .groups
            .iter()
            .filter(|other| *other != group)
            .flat_map(|other| other.methods.iter().copied())
            .collect();
        match rest.len() {
            0 if self.method_count > 1 => "every method".to_owned(),
            few if few > 0 && few < group.methods.len() => format!("all but {}", rest.join(", ")),
            _ => group.methods.join(", "),
        }
    }
}

/// Every channel of a system, in the order of its file.
#[must_use]
pub fn links(system: &System) -> Vec<Link> {
    system.channels.iter().filter_map(|channel| link(system, channel)).collect()
}

fn link(system: &System, channel: &Channel) -> Option<Link> {
    let service = system.service(channel)?;
    let mut groups: Vec<Group> = Vec::new();
    let mut method_count = 0;
    for (method, decision) in service.methods.iter().zip(&channel.decisions) {
        if method.kind == MethodKind::Event {
            continue;
        }
        method_count += 1;
        let openness = openness(system, method, decision.word);
        match groups.iter_mut().find(|group| group.openness == openness) {
            Some(group) => group.methods.push(method.name),
            None => groups.push(Group { openness, methods: vec![method.name] }),
        }
    }
    groups.sort_by(|one, other| one.openness.cmp(&other.openness));
    let name = |qube: &build_manifest::Qube| qube.name.to_string();
    Some(Link {
        client: system.qube(channel.client).map(name)?,
        server: match channel.server {
            Some(server) => system.qube(server).map(name)?,
            None => SUPERVISOR.to_owned(),
        },
        service: service.name,
        groups,
        method_count,
    })
}

fn openness(system: &System, method: &Method, word: u16) -> Openness {
    match word {
        ALLOW => Openness::Allowed,
        ASK => Openness::Asked,
        DENY => Openness::Denied,
        chain => Openness::Conditional(condition::words(system, method, chain)),
    }
}
