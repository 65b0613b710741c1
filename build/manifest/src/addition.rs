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
    /// Whom it calls, and by which service: a channel each. What its own file does not say it calls, it may call all the same.
    pub calls: Vec<(String, String)>,
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
        let Some(mut qube) = qube_file::read(&self.folder, problems) else { return Vec::new() };
        let client = qube.name.value.to_string();
        file.memory.value = file.memory.value.saturating_add(qube.memory.value);
        let text = |value: &str| At { value: value.to_owned(), span: 0..0 };
        let is_new = |service: &&str| qube.calls.iter().all(|call| call.value != **service);
        let new = self.calls.iter().map(|(_, service)| service.as_str()).filter(is_new).map(text);
        qube.calls_also = new.collect();
        file.qubes.push(At { value: qube, span: 0..0 });
        file.channels.extend(self.calls.iter().map(|(server, service)| ChannelEntry {
            at: 0,
            client: text(&client),
            server: text(server),
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
