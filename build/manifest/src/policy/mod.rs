//! Policy text: rules, one a line, compiled to decision words and chains.
//!
//! `parse.rs` turns text into rules; `resolve.rs` checks every name in them against the system and the services;
//! `compile.rs` decides each method of each channel, `narrow.rs` what is left of that for a disposable; `encode.rs` writes chains as
//! `supervisor-policy` reads them; `network.rs` has what is special about rules for the network.
//! Vocabulary and order follow Qubes' qrexec policy: the first rule that matches wins, no match denies.

mod compile;
mod encode;
mod lex;
mod narrow;
mod network;
mod parse;
mod resolve;
#[cfg(test)]
mod tests;

pub(crate) use compile::{Ends, apply_redirects, compile};
pub(crate) use network::hand_down;
pub(crate) use parse::parse;
pub(crate) use resolve::resolve;

use ipc_proto_types::Label;
use supervisor_policy::Verdict;

use crate::problem::At;

/// One line of policy.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// Where the line begins, in the file.
    pub(crate) at: usize,
    /// `None`: every service.
    pub(crate) service: At<Option<String>>,
    /// `None`: every method.
    pub(crate) method: At<Option<String>>,
    pub(crate) from: At<Who>,
    pub(crate) to: At<Who>,
    pub(crate) verdict: Verdict,
    /// Serve the channel by this qube instead.
    pub(crate) redirect: Option<At<String>>,
    pub(crate) conditions: Vec<Condition>,
    /// The conditions as they were written, braces included; empty when there are none.
    pub(crate) text: At<String>,
}

/// Whom a rule selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// Every qube; not the supervisor.
    AnyVm,
    /// The supervisor.
    Supervisor,
    /// Every qube of this label.
    Label(Label),
    /// Every qube with this tag.
    Tag(String),
    /// Every disposable.
    Disposable,
    /// The qube of this name, or every one of a family of this name.
    Name(String),
}

/// A field and what it may be.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) field: At<String>,
    /// At least one; one that holds is enough.
    pub(crate) tests: Vec<At<Test>>,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// `true`, `false`.
    Bool(bool),
    /// `443`, `1..10` (both ends count).
    Number(i128, i128),
    /// `"text"`.
    Text(String),
    /// `"prefix*suffix"`.
    Glob(String, String),
    /// `tcp`: a word, which only fields of packets have.
    Word(String),
}
