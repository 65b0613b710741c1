//! What a tool adds to a system before it is checked: a qube, its channels, and rules that come first.
//!
//! The addition passes every check as if its author had written it into the file; so no tool can give a system what a
//! manifest could not. Problems with it are told at the top of the system's file, or in the qube's own.

use std::path::{Path, PathBuf};

use crate::policy::{self, Rule};
use crate::problem::{At, Problem, Source};
use crate::qube_file;
use crate::system_file::{ChannelEntry, SystemFile};

/// Receive buffers of an added channel's ends.
const DEPTH: u16 = 8;

/// A qube, its channels and its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The folder of its `qube.toml`. The memory it wants is added to the system's.
    pub folder: PathBuf,
    /// Services it calls on the supervisor.
    pub calls: Vec<String>,
    /// Policy text that goes before the system's own.
    pub policy: String,
}

impl Addition {
    /// Adds the qube and its channels to a file that was read, and gives the rules.
    pub(crate) fn apply(
        &self,
        file: &mut SystemFile,
        source: &mut Source,
        problems: &mut Vec<Problem>,
    ) -> Vec<Rule> {
        let Some(qube) = qube_file::read(&self.folder, problems) else { return Vec::new() };
        let client = qube.name.value.to_string();
        file.memory.value = file.memory.value.saturating_add(qube.memory.value);
        file.qubes.push(At { value: qube, span: 0..0 });
        let text = |value: &str| At { value: value.to_owned(), span: 0..0 };
        file.channels.extend(self.calls.iter().map(|service| ChannelEntry {
            at: 0,
            client: text(&client),
            server: text("@supervisor"),
            service: text(service),
            depth: DEPTH,
        }));
        let mut own = Source::new(Path::new("added rules"), &self.policy);
        let mut rules =
            policy::parse(&At { value: self.policy.clone(), span: 0..self.policy.len() }, &mut own);
        source.problems.append(&mut own.problems);
        for rule in &mut rules {
            rule.at = 0;
        }
        rules
    }
}
