//! `Model`: what is known of the running system, and how fast it changes.

use ipc_proto_ctl_api::{ChannelInfo, NOBODY, QubeInfo, SystemInfo, Verdict};
use ipc_proto_describe::{Description, Harmless};

/// What stands for the supervisor where a qube would be named.
pub(crate) const SUPERVISOR: &str = "@supervisor";

/// A service as the running system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u16,
    /// Its schema id, as hex digits.
    pub id: String,
    /// Its canonical text; empty when the system told none that can be read.
    pub text: String,
}

impl ServiceFacts {
    /// Its description.
    #[must_use]
    pub fn description(&self) -> Option<Description<'_>> {
        Description::parse(&self.text).ok()
    }

    /// The name of a method; its number when the text does not tell.
    #[must_use]
    pub fn method(&self, number: u16) -> String {
        let description = self.description();
        let method = description.as_ref().and_then(|description| description.method(number));
        method.map_or_else(|| format!("method {number}"), |method| method.name().to_owned())
    }
}

/// What changed in a second, on the system's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// Exits of a qube.
    pub exits: u64,
    /// Messages to a qube, or on a channel.
    pub messages_in: u64,
    /// Messages of a qube.
    pub messages_out: u64,
}

/// What was known when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The system as a whole.
    pub system: SystemInfo,
    /// Its qubes, by index, with their rates.
    pub qubes: Vec<(QubeInfo, Rate)>,
    /// Its channels, by index, with their rates.
    pub channels: Vec<(ChannelInfo, Rate)>,
    /// Its services, by index.
    pub services: Vec<ServiceFacts>,
}

impl Model {
    /// The name of a qube by its index in a message.
    #[must_use]
    pub fn name(&self, index: u8) -> String {
        match self.qubes.get(usize::from(index)) {
            Some((qube, _)) => harmless(qube.name.as_str()),
            None if index == NOBODY => SUPERVISOR.to_owned(),
            None => format!("qube {index}"),
        }
    }

    /// Fills in the rates from what was known before.
    pub(crate) fn compare(&mut self, before: &Model) {
        let elapsed = self.system.uptime_ns.saturating_sub(before.system.uptime_ns);
        let rate = |now: u64, then: u64| {
            let changed = u128::from(now.saturating_sub(then)) * 1_000_000_000;
            u64::try_from(changed / u128::from(elapsed.max(1))).unwrap_or(u64::MAX)
        };
        for ((qube, is), (old, _)) in self.qubes.iter_mut().zip(&before.qubes) {
            if qube.generation == old.generation {
                is.exits = rate(qube.exits, old.exits);
                is.messages_in = rate(qube.messages_in, old.messages_in);
                is.messages_out = rate(qube.messages_out, old.messages_out);
            }
        }
        for ((channel, is), (old, _)) in self.channels.iter_mut().zip(&before.channels) {
            is.messages_in = rate(channel.messages, old.messages);
        }
    }
}

/// What policy says of a channel, in few words.
pub(crate) fn verdicts(channel: &ChannelInfo) -> String {
    let count = |wanted: Verdict| channel.verdicts.iter().filter(|verdict| **verdict == wanted).count();
    let parts = [
        (count(Verdict::Allow), "allowed"),
        (count(Verdict::Ask), "ask"),
        (count(Verdict::Conditional), "depend"),
        (count(Verdict::Deny), "denied"),
    ];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    told.join(", ")
}

/// A text of the running system without what could move a cursor.
pub(crate) fn harmless(text: &str) -> String {
    Harmless(text).to_string()
}
